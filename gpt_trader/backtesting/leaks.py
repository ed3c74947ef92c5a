"""No look-ahead on the very candles that are traded: one combination in full, a grid in passing."""

from collections.abc import Sequence

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.kernels.vectors import Ints
from gpt_trader.signals.leaks import check_beginning, check_once
from gpt_trader.signals.strategy import Strategy, Values

TRIED_MAX = 1_000
"""Combinations of a grid that are tried before a sweep: a fraction of a second."""


def refuse_leaks(strategy: Strategy, values: Values, tapes: Sequence[CandleTape]) -> None:
    """Refuse a strategy that looks ahead on these very candles; each once in a process.

    Raises
    ------
    UsageError
        It does, or breaks another rule of `check_leaks`; the message names parameters and candle.
    """
    for tape in tapes:
        if len(tape):
            check_once(strategy, values, tape.candles, _name(tape))


def refuse_leaks_in(strategy: Strategy, chosen: Chosen, tapes: Sequence[CandleTape]) -> None:
    """Refuse a grid in which a value makes the strategy look ahead, before it is swept.

    Every value of every parameter is tried on the first candles of each tape, and so are the
    corners of the grid; of more than `TRIED_MAX` as many, evenly spread. Whoever hands a
    combination out asks `refuse_leaks`, too.

    Raises
    ------
    UsageError
        As `refuse_leaks`.
    """
    combinations = [chosen.values(place) for place in tried_places(chosen).tolist()]
    for tape in tapes:
        if len(tape):
            check_beginning(strategy, combinations, tape.candles, _name(tape))


def tried_places(chosen: Chosen) -> Ints:
    """Combinations that hold every value of every parameter, and those at the corners."""
    places = [np.zeros(1, np.int64)]
    corner = np.ones(len(chosen), bool)
    for name in chosen.varied:
        column = chosen.columns[name]
        order = np.argsort(column, kind="stable")
        firsts = np.flatnonzero(np.diff(column[order], prepend=np.nan) != 0.0)
        ends = np.append(firsts[1:], column.size)
        places.append(order[(firsts + ends) // 2])  # others are in the middle of their values
        corner &= (column == column.min()) | (column == column.max())
    found = np.unique(np.concatenate([*places, np.flatnonzero(corner)]))
    spread = np.linspace(0, found.size - 1, min(found.size, TRIED_MAX)).astype(np.int64)
    tried: Ints = found[spread]
    return tried


def _name(tape: CandleTape) -> str:
    """What tells tapes apart: a whole hash would take longer than a backtest."""
    candles = tape.candles
    ends = candles.start_ns[[0, -1]].tolist()
    return repr((len(tape), tape.product.product_id, ends, candles.close_sum[-1]))
