"""Indicators of many spans over one block of candles, each by folding the very helper step."""

import importlib
import inspect
import math
from collections.abc import Callable
from functools import cache
from typing import Any

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.vectors import Floats, Grid
from gpt_trader.kernels.words import LANES, mean_lanes

MEMORY = 16
"""Floats in a helper's memory."""

WHOLE = -1
"""In place of a part: the helper returns one number, not several."""

Fold = Callable[[Candles, Floats, int, int, Grid, int, Grid, Grid], None]
"""``fold(candles, column, first, end, numbers, part, memories, rows)`` fills rows of a block.

Row k gets the helper's values with the scalars ``numbers[k]`` at the candles from `first` to
before `end`, at its begin. `memories`, of shape (rows, MEMORY), goes on from block to block.
"""

MEAN = "gpt_trader.kernels.averages:sma"


@cache
def fold_of(helper: str, part: int) -> Fold:
    """The fold of a helper named as ``module:name``; of one place of the tuple it returns.

    Raises
    ------
    LookupError
        It takes its arguments in a way that no fold knows.
    """
    if not helper:
        return column_rows
    if helper == MEAN:
        return mean_rows
    module, _, name = helper.partition(":")
    step = vars(importlib.import_module(module))[name]
    made = _value_of(step)
    return _fold_part(made) if part != WHOLE else _fold_whole(made)


_NUMBERS = {int: "i", float: "f"}


def _value_of(step: Any) -> Any:
    """The helper with its arguments in one order: candles, column, t, numbers, memory."""
    given = inspect.signature(inspect.unwrap(step)).parameters.values()
    names = [p.name for p in given]
    source = "candles t" if names[:2] == ["candles", "t"] else "x"
    kinds = "".join(_NUMBERS[p.annotation] for p in given if p.annotation in _NUMBERS)
    kinds = kinds[1:]  # t, or x itself
    memory = " memory" if names[-1] == "memory" else ""
    return _FORMS[f"{source} {kinds}{memory}"](step)


def _candles_i(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(candles, t, int(numbers[0]))

    return value


def _candles_i_memory(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(candles, t, int(numbers[0]), memory)

    return value


def _candles_if_memory(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(candles, t, int(numbers[0]), numbers[1], memory)

    return value


def _candles_ii_memory(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(candles, t, int(numbers[0]), int(numbers[1]), memory)

    return value


def _x_i_memory(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(column[t], int(numbers[0]), memory)

    return value


def _x_iii_memory(step: Any) -> Any:
    @compile_lean
    def value(candles: Candles, column: Floats, t: int, numbers: Floats, memory: Floats) -> Any:
        return step(column[t], int(numbers[0]), int(numbers[1]), int(numbers[2]), memory)

    return value


_FORMS = {
    "candles t i": _candles_i,
    "candles t i memory": _candles_i_memory,
    "candles t if memory": _candles_if_memory,
    "candles t ii memory": _candles_ii_memory,
    "x i memory": _x_i_memory,
    "x iii memory": _x_iii_memory,
}


def _fold_whole(value: Any) -> Fold:
    @compile_lean
    def fold(
        candles: Candles,
        column: Floats,
        first: int,
        end: int,
        numbers: Grid,
        part: int,
        memories: Grid,
        rows: Grid,
    ) -> None:
        for k in range(numbers.shape[0]):
            for t in range(first, end):
                rows[k, t - first] = value(candles, column, t, numbers[k], memories[k])

    return fold


def _fold_part(value: Any) -> Fold:
    @compile_lean
    def fold(
        candles: Candles,
        column: Floats,
        first: int,
        end: int,
        numbers: Grid,
        part: int,
        memories: Grid,
        rows: Grid,
    ) -> None:
        for k in range(numbers.shape[0]):
            for t in range(first, end):
                rows[k, t - first] = value(candles, column, t, numbers[k], memories[k])[part]

    return fold


@compile_lean
def mean_rows(
    candles: Candles,
    column: Floats,
    first: int,
    end: int,
    numbers: Grid,
    part: int,
    memories: Grid,
    rows: Grid,
) -> None:
    """Fold `sma`: the same two sums and the same division, eight candles an instruction."""
    sums = candles.close_sum
    for k in range(numbers.shape[0]):
        span = int(numbers[k, 0])
        row = rows[k]
        count = end - first
        known = min(max(span - 1 - first, 0), count)
        for t in range(known):
            row[t] = math.nan
        whole = count - (count - known) % LANES
        newest = first + 1
        for t in range(known, whole, LANES):
            mean_lanes(row, t, sums, newest + t, newest + t - span, float(span))
        for t in range(whole, count):
            row[t] = (sums[newest + t] - sums[newest + t - span]) / span


@compile_lean
def column_rows(
    candles: Candles,
    column: Floats,
    first: int,
    end: int,
    numbers: Grid,
    part: int,
    memories: Grid,
    rows: Grid,
) -> None:
    """The column itself."""
    for t in range(first, end):
        rows[0, t - first] = column[t]
