"""The course of equity as an account keeps it: its days and its deepest fall, not every candle.

A sweep has nothing else of each combination; a single backtest uses the same, so that both give
the same figures to the last bit.
"""

import numpy as np

from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.equity_path import EquityPath
from gpt_trader.backtesting.metrics import buy_and_hold_path
from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import account
from gpt_trader.kernels.account import DAY_NS
from gpt_trader.kernels.statistics import MOMENTS, take_equities
from gpt_trader.kernels.vectors import Ints

NS = 1_000_000_000


def equity_path_of(course: Course, setup: Setup, session: Ints, days: Ints) -> EquityPath:
    """The course of one account's equity.

    Parameters
    ----------
    session : int64, shape (account.SESSION,)
        After the last round.
    days : int64
        The last equity of each UTC day that has a round, but for the last such day: that one ends
        with the session's. A day without a round keeps the equity of the day before.
    """
    start = cash_units_held(setup.cash)
    ends = day_ends_of(course, days, int(session[account.EQUITY]))
    moments = np.zeros(MOMENTS)
    take_equities(moments, start, ends)
    return EquityPath(
        start_units=start,
        end_units=int(session[account.EQUITY]),
        mean_units=float(np.mean(ends)),
        moments=moments,
        fall_loss_units=int(session[account.WORST_LOSS]),
        fall_peak_units=int(session[account.WORST_PEAK]),
        under_water_periods=_longest_under_water(start, ends),
        period_ns=max(DAY_NS, course.tape.candle_s * NS),
        duration_ns=_duration_ns(course),
    )


def day_ends_of(course: Course, days: Ints, last: int) -> Ints:
    """Equity at the end of each day, days without a candle included."""
    return np.append(np.repeat(days, course.day_gaps), last)


def hold_path_of(course: Course) -> EquityPath:
    """Buy-and-hold of all products, a share of the cash each, without fees."""
    tapes = course.tapes
    if len(tapes) == 1:
        return _hold_one(course)
    closes = [_filled(row) for row in course.tape.close]
    firsts = [float(tape.candles.open[0]) for tape in tapes]
    worth = sum(close / first for close, first in zip(closes, firsts, strict=True)) / len(tapes)
    units = np.rint(np.asarray(worth) * 1e12).astype(np.int64)
    candle_ns = course.tape.candle_s * NS
    return buy_and_hold_path(10**12, course.end_ns, units, candle_ns)


def _hold_one(course: Course) -> EquityPath:
    candles, closes = course.tapes[0].candles, course.tape.close[0]
    if course.tape.whole == 0:  # the same rounds as the account's, those without a trade too
        closes = _filled(closes)
    counted = closes.astype(np.int64)
    return buy_and_hold_path(int(candles.open[0]), course.end_ns, counted, candles.candle_ns)


def _filled(
    row: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The last close known at each round; the first one before there was any."""
    known = np.where(row > 0.0, np.arange(row.size), 0)
    np.maximum.accumulate(known, out=known)
    filled = row[known]
    first = int(np.argmax(row > 0.0))
    filled[:first] = row[first]
    return filled


def _longest_under_water(start: int, ends: Ints) -> int:
    peak, below, most = start, 0, 0
    for equity in ends.tolist():
        below = 0 if equity >= peak else below + 1
        peak = max(peak, equity)
        most = max(most, below)
    return most


def _duration_ns(course: Course) -> int:
    end_ns = course.end_ns
    return int(end_ns[-1]) - int(end_ns[0]) + course.tape.candle_s * NS
