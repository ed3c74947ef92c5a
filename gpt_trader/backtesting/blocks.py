"""Walks a recognised strategy's combinations through the candles, one block after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gpt_trader.backtesting.layout import Layout
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.sweeping import (
    BLOCK,
    EVENTS_MAX,
    INSTRUCTION,
    Program,
    any_nan,
    changes,
    narrow_rows,
    own_words,
    prepare,
)
from gpt_trader.kernels.vectors import Floats


@dataclass(frozen=True, slots=True)
class Block:
    """Candles from `first` to before `end`, with everything shared computed."""

    first: int
    end: int
    program: Program
    known: bool  # no indicator is NaN


def blocks(layout: Layout, candles: Candles, count: int) -> Iterator[Block]:
    """Compute what is shared of the first `count` candles; valid until the next block is asked for.

    A layout is used once: its indicators remember what they saw.
    """
    columns = candles._asdict()
    rows = layout.shared.rows
    for first in range(0, count, BLOCK):
        end = min(first + BLOCK, count)
        for source in layout.sources:
            place = rows[source.first : source.first + source.numbers.shape[0]]
            source.fold(
                candles,
                columns[source.column],
                first,
                end,
                source.numbers,
                source.part,
                source.memories,
                place,
            )
        prepare(layout.shared)
        careful = any_nan(rows, layout.indicator_rows)
        if not careful:
            narrow_rows(layout.shared)
        yield Block(first, end, layout.careful if careful else layout.quick, not careful)


def machine_targets(layout: Layout, candles: Candles, combination: int, count: int) -> Floats:
    """The first targets of one combination, as its step would give them one by one.

    Raises
    ------
    ZeroDivisionError
        The step would raise it.
    """
    out = np.empty(count)
    events = np.empty((EVENTS_MAX, 2), np.int64)
    work = np.empty(INSTRUCTION, np.int64)
    state = 0
    for block in blocks(layout, candles, count):
        own_words(layout.shared, layout.own, combination, block.known, work)
        rows = changes(
            block.program, layout.shared.words, layout.own.atom_rows[combination], state, events
        )
        begin = block.first
        for candle, following in events[:rows].tolist():
            at = block.first + candle
            if at >= block.end:
                break
            if following < 0:
                raise ZeroDivisionError
            out[begin:at] = layout.targets[state]
            begin, state = at, following
        out[begin : block.end] = layout.targets[state]
    return out
