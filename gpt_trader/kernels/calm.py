"""Candles at which nothing can follow: the target stays, and the mark is within a band.

Of a position that is as wanted, only a new target, a stop or a drift beyond the rebalancing rate
leads anywhere. The last two are bounds on the mark, so most candles cost a few comparisons. The
band is drawn a little too narrow, never too wide: whatever is near a bound is decided in full.
"""

import math

import numpy as np

from gpt_trader.kernels.account import (
    BAND_HIGH,
    BAND_LOW,
    CANDLES,
    CASH,
    COST,
    DAY,
    DAY_END_NS,
    DAY_NS,
    DAYS,
    DEN,
    EQUITY,
    HELD,
    LOTS,
    LOW,
    NUM,
    PEAK,
    STOPPED,
    WORK,
    WORK_NONE,
    begin_day,
    day_end_of,
    settle_fall,
)
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.deciding import (
    REBALANCE_RATE,
    SIZE_FRACTION,
    STOP_RATE,
    VOLATILITY_TARGET,
    Desk,
)
from gpt_trader.kernels.ends import Ends, end_at, first_from
from gpt_trader.kernels.money import RATE_DEN, share_of
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.kernels.words import (
    WORD,
    at_least_word,
    equal_word,
    greater_word,
    lowest_bit,
    nan_word,
)

MARK_MAX = 2**52
SLACK = 1e-6  # of a mark, on the safe side: far above what floats round away
SCALED_MAX = 2**61
NEAR = 1e-12
NO_BITS = np.uint64(0)
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
ONE_BIT = np.uint64(1)
WHOLE_MAX = 2**52  # cash units: the float quotient of a worth below is off by one at most


@compile_lean
def draw_band(desk: Desk, place: int) -> None:
    """At the end of a round: the marks between which the next candles lead to nothing."""
    row = desk.products[place]
    target = desk.targets[place]
    row[BAND_LOW], row[BAND_HIGH] = 1, 0
    if row[WORK] != WORK_NONE:
        return
    wants_nothing = target <= 0.0 or row[STOPPED] == 1
    if row[LOTS] == 0:
        if math.isnan(target) or wants_nothing:
            row[BAND_HIGH] = MARK_MAX
        return
    if wants_nothing or desk.sizes[VOLATILITY_TARGET] != 0.0:
        return
    low, high = 1.0, float(MARK_MAX)
    if not math.isnan(target):
        low, high = drift_bounds(desk, place, target)
    if desk.choices[STOP_RATE] != 0:
        worth = float(row[COST] - share_of(row[COST], desk.choices[STOP_RATE]))
        stop = worth * float(row[DEN]) / (float(row[LOTS]) * float(row[NUM]))
        low = max(low, stop * (1.0 + 1e-9) + 2.0)
    high = min(high, float(MARK_MAX))
    if low <= high:  # else the lower one may be too large for a count
        row[BAND_LOW] = math.ceil(low)
        row[BAND_HIGH] = math.floor(high)


@compile_lean
def drift_bounds(desk: Desk, place: int, target: float) -> tuple[float, float]:
    """Marks between which the size wanted stays within the rebalancing rate of the size held.

    The size wanted is ``share * (cash + held * mark) / mark``, which falls as the mark rises. With
    several products equity depends on the other marks as well: no band then.
    """
    row = desk.products[place]
    if desk.products.shape[0] > 1:
        return 1.0, 0.0
    share = target * desk.sizes[SIZE_FRACTION]
    rate = float(desk.choices[REBALANCE_RATE]) / RATE_DEN
    held = float(row[LOTS])
    cash = float(desk.session[CASH]) * share * float(row[DEN]) / float(row[NUM])
    low, high = 1.0, float(MARK_MAX)
    # Whole lots are compared, so the size wanted may be off by one, and the rate's part of it too.
    least = (held + 1.0) / (1.0 + rate) + 1.0 - held * share
    if least > 0.0:
        high = cash / least
    if rate < 1.0:
        most = (held - 1.0) / (1.0 - rate) - held * share
        low = cash / most if most > 0.0 else float(MARK_MAX)
    return low * (1.0 + SLACK) + 2.0, high * (1.0 - SLACK) - 2.0


@compile_lean
def calm_run(
    desk: Desk,
    close: Floats,
    target: Floats,
    ends: Ends,
    equity: Ints,
    bounds: tuple[int, int, int],
) -> int:
    """Pass over the calm candles of a single product whose mark is its close.

    Sixty-four candles at a time are asked whether any of them has another target, leaves the
    band, or makes a new peak or a new low; only those few are looked at one by one.

    Parameters
    ----------
    close, equity : shape (R,)
        Of every round; the last one is written, in cash units, unless it has no room.
    target : float64
        Of the rounds from the one that `bounds` names last.
    bounds : tuple of int
        The round to begin with, the one to stop before, and the one of the first target.

    Returns
    -------
    int64
        The first round that is not calm, or the end.
    """
    session, row = desk.session, desk.products[0]
    first, last, base = bounds
    if row[WORK] != WORK_NONE or row[BAND_HIGH] < row[BAND_LOW]:
        return first
    slope, den, cash = row[LOTS] * row[NUM], row[DEN], session[CASH]
    richest = float(max(session[PEAK], cash))
    if session[DAY] < 0 or richest * float(den) > SCALED_MAX:
        return first
    wanted, band = desk.targets[0], band_of(row)
    t = first
    while t < last:
        count = min(last - t, WORD)
        leave = calm_ends(close[t : t + count], target[t - base : t - base + count], wanted, band)
        if leave != NO_BITS:
            count = min(count, lowest_bit(leave))
        if slope > 0 and count > 0:
            look_for_extremes(session, row, close, (t, t + count))
        t += count
        if leave != NO_BITS:
            break
    if t > first:
        end_ns = end_at(ends, t - 1)
        if end_ns > session[DAY_END_NS] or end_ns >= (session[DAY] + 1) * DAY_NS:
            turn_days(desk, close, ends, first, t)
        session[EQUITY] = cash + int(close[t - 1]) * slope // den
        session[CANDLES] += t - first
        if slope > 0:
            session[HELD] += t - first
        if equity.size > 0:
            write_equity(equity[first:t], close[first:t], cash, slope, den)
    return t


@compile_lean
def band_of(row: Ints) -> tuple[float, float]:
    """The band of marks, as far as a position's worth at them can be counted."""
    low, high = float(row[BAND_LOW]), float(row[BAND_HIGH])
    if row[LOTS] > 0:
        most = min(float(SCALED_MAX), float(WHOLE_MAX) * row[DEN])
        high = min(high, most / float(row[LOTS] * row[NUM]))
    return low, high


@compile_lean
def calm_ends(close: Floats, target: Floats, wanted: float, band: tuple[float, float]) -> np.uint64:
    """The word of up to 64 candles at which there is another target, or the band is left."""
    low, high = band
    if close.size == WORD:
        left = greater_word(low, 0, close, 0) | greater_word(close, 0, high, 0)
        if wanted != wanted:  # a target that is not known is calm as long as it stays so
            return left | ~nan_word(target, 0, target, 0)
        return left | ~equal_word(target, 0, wanted, 0)
    ends = NO_BITS
    for t in range(close.size):
        same = target[t] == wanted or (target[t] != target[t] and wanted != wanted)
        if not same or close[t] < low or close[t] > high:
            ends |= ONE_BIT << np.uint64(t)
    return ends


@compile_lean
def look_for_extremes(session: Ints, row: Ints, close: Floats, bounds: tuple[int, int]) -> None:
    """Take a position's worth at up to 64 closes into peak and low."""
    slope, den, cash = row[LOTS] * row[NUM], row[DEN], session[CASH]
    t, end = bounds
    while t < end:
        # Marks of a new peak and of a new low, a little too near: those found are looked at.
        scale = float(den) / float(slope)
        peak_mark = float(session[PEAK] - cash) * scale * (1.0 - NEAR)
        low_mark = float(session[LOW] - cash) * scale * (1.0 + NEAR) + scale
        peaks, lows = extremes(close, (t, end), peak_mark, low_mark)
        if peaks == NO_BITS:
            if lows != NO_BITS:
                take_lowest(session, row, close, t, lows)
            break
        bits = peaks | lows
        rose = False
        while bits != NO_BITS and not rose:
            place = t + lowest_bit(bits)
            bits &= bits - ONE_BIT
            worth = cash + int(close[place]) * slope // den
            if worth > session[PEAK]:
                settle_fall(session)
                session[PEAK] = worth
                session[LOW] = worth
                t = place + 1
                rose = True
            elif worth < session[LOW]:
                session[LOW] = worth
        if not rose:
            break


@compile_lean
def take_lowest(session: Ints, row: Ints, close: Floats, first: int, bits: np.uint64) -> None:
    """Take in the lowest of the closes of a word: where none is a peak, only that one counts."""
    lowest = close[first + lowest_bit(bits)]
    while bits != NO_BITS:
        lowest = min(lowest, close[first + lowest_bit(bits)])
        bits &= bits - ONE_BIT
    worth = session[CASH] + int(lowest) * (row[LOTS] * row[NUM]) // row[DEN]
    session[LOW] = min(session[LOW], worth)


@compile_lean
def extremes(
    close: Floats, bounds: tuple[int, int], peak_mark: float, low_mark: float
) -> tuple[np.uint64, np.uint64]:
    """The words of the up to 64 closes that reach one mark, and of those below the other."""
    first, end = bounds
    if first + WORD <= close.size:  # closes from `end` on are compared, too, and then left out
        inside = ALL_BITS >> np.uint64(WORD - (end - first))
        peaks = at_least_word(close, first, peak_mark, 0) & inside
        return peaks, greater_word(low_mark, 0, close, first) & inside
    peaks, lows = NO_BITS, NO_BITS
    for t in range(first, end):
        if close[t] >= peak_mark:
            peaks |= ONE_BIT << np.uint64(t - first)
        if close[t] < low_mark:
            lows |= ONE_BIT << np.uint64(t - first)
    return peaks, lows


@compile_aside
def turn_days(desk: Desk, close: Floats, ends: Ends, first: int, last: int) -> None:
    """Keep the equity at the end of each day that ended in a calm stretch, and the last start."""
    session, row = desk.session, desk.products[0]
    slope, den = row[LOTS] * row[NUM], row[DEN]
    t = first_from(ends, first, last, session[DAY_END_NS] + 1)
    while t < last:
        before = session[EQUITY]
        if t > first:
            before = session[CASH] + int(close[t - 1]) * slope // den
        desk.days[session[DAYS]] = before
        session[DAYS] += 1
        session[DAY_END_NS] = day_end_of(end_at(ends, t))
        t = first_from(ends, t, last, session[DAY_END_NS] + 1)
    midnight = end_at(ends, last - 1) // DAY_NS * DAY_NS
    t = first_from(ends, first, last, midnight)
    begin_day(session, session[CASH] + int(close[t]) * slope // den, end_at(ends, t))


@compile_lean
def write_equity(equity: Ints, close: Floats, cash: int, slope: int, den: int) -> None:
    """The equity at each close of a calm stretch."""
    if slope == 0:
        equity[:] = cash
        return
    inverse = 1.0 / float(den)
    for t in range(close.size):
        worth = int(close[t]) * slope
        # The float quotient is off by one at most: the rest says which way.
        whole = int(float(worth) * inverse)
        rest = worth - whole * den
        equity[t] = cash + whole - (rest < 0) + (rest >= den)
