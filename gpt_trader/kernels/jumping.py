"""Passes over calm candles by their sums: the account is as if each had been looked at.

Between two orders equity is a straight line of the close. So a stretch's highest, its lowest and
the lowest since its highest say all that peak and fall need, unless a fall within it might be the
deepest of all; then its candles are looked at. `calm.calm_run` does the same candle by candle,
and ``tests/backtesting/test_sweep_following.py`` holds the two equal.
"""

from gpt_trader.kernels.account import (
    BAND_HIGH,
    BAND_LOW,
    CANDLES,
    CASH,
    DAY,
    DAY_END_NS,
    DAYS,
    DEN,
    EQUITY,
    HELD,
    LOTS,
    LOW,
    NUM,
    PEAK,
    WORK,
    WORK_NONE,
    WORST_LOSS,
    WORST_PEAK,
    begin_day,
    day_end_of,
)
from gpt_trader.kernels.calm import SCALED_MAX, band_of
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.ends import end_at
from gpt_trader.kernels.summaries import REACH, SPAN, Stretches
from gpt_trader.kernels.vectors import Ints
from gpt_trader.kernels.wide import product_is_greater

CLEARLY = 1.0 + 1e-12
"""Two products of float64 that differ by more than this differ in the same direction exactly."""


@compile_lean
def calm_jump(desk: Desk, tape: Stretches, first: int, last: int) -> int:
    """Pass over candles whose target is that of the candle before.

    Returns
    -------
    int64
        The first candle at which something may happen, or `last`.
    """
    session, row = desk.session, desk.products[0]
    if row[WORK] != WORK_NONE or row[BAND_HIGH] < row[BAND_LOW] or first >= last:
        return first
    slope, den, cash = row[LOTS] * row[NUM], row[DEN], session[CASH]
    if session[DAY] < 0 or session[PEAK] > SCALED_MAX // den or cash > SCALED_MAX // den:
        return first
    end = last
    if slope > 0:
        end = _pass_held(session, row, tape, first, last)
        session[HELD] += end - first
    if end == first:
        return first
    turn_days(session, row, desk.days, tape, first, end)
    session[EQUITY] = cash + int(tape.close[end - 1]) * slope // den
    session[CANDLES] += end - first
    return end


@compile_lean
def far_jump(desk: Desk, tape: Stretches, first: int, last: int) -> int:
    """As `calm_jump` where nobody asks for the equity on the way: neither a limit nor a figure.

    Days, peak and fall are then not kept. Where the band might be left the candles between are
    passed as by `calm_jump`.
    """
    session, row = desk.session, desk.products[0]
    if row[WORK] != WORK_NONE or row[BAND_HIGH] < row[BAND_LOW] or first >= last:
        return first
    if row[LOTS] > 0:
        low, high = band_of(row)
        for block in range(first // REACH, (last - 1) // REACH + 1):
            if tape.lows[block] < low or tape.tops[block] > high:
                return calm_jump(desk, tape, first, last)
        session[HELD] += last - first
    session[CANDLES] += last - first
    return last


@compile_lean
def turn_days(session: Ints, row: Ints, days: Ints, tape: Stretches, first: int, end: int) -> None:
    """Keep the equity at the end of each day that ended in a stretch, and that of its midnight.

    Between a day's end for the figures and its begin for the limit there is a candle at most.
    """
    cash, slope, den = session[CASH], row[LOTS] * row[NUM], row[DEN]
    place = session[DAYS] + 1
    while place < tape.midnights.size and tape.midnights[place] < end:
        start, candle = tape.midnights[place], tape.day_first[place]
        begin_day(session, cash + int(tape.close[start]) * slope // den, end_at(tape.ends, start))
        if candle >= end:
            break
        before = session[EQUITY]
        if candle > first:
            before = cash + int(tape.close[candle - 1]) * slope // den
        days[session[DAYS]] = before
        session[DAYS] = place
        session[DAY_END_NS] = day_end_of(end_at(tape.ends, candle))
        place += 1


@compile_lean
def _pass_held(session: Ints, row: Ints, tape: Stretches, first: int, last: int) -> int:
    """Take the equities of a position into peak and fall; gives where the band is left."""
    slope, den, cash = row[LOTS] * row[NUM], row[DEN], session[CASH]
    low, high = band_of(row)
    end = _within(tape, first, last, low, high)
    fall = session[PEAK], session[LOW], session[WORST_LOSS], session[WORST_PEAK]
    fall = fall_over(tape, first, end, (cash, slope, den), fall)
    session[PEAK], session[LOW], session[WORST_LOSS], session[WORST_PEAK] = fall
    return end


@compile_lean
def _within(tape: Stretches, first: int, last: int, low: float, high: float) -> int:
    """The first candle whose close is not within the bounds, or `last`."""
    t = first
    while t < last:
        stop = min(t // SPAN * SPAN + SPAN, last)
        if t % SPAN == 0:
            top, bottom = tape.top_from[stop - 1], tape.low_from[stop - 1]
        else:
            top, bottom = tape.top_to[t], tape.low_to[t]  # of candles beyond `stop`, too
        if bottom < low or top > high:
            for each in range(t, stop):
                if tape.close[each] < low or tape.close[each] > high:
                    return each
        t = stop
    return last


@compile_lean
def fall_over(
    tape: Stretches,
    first: int,
    last: int,
    line: tuple[int, int, int],
    fall: tuple[int, int, int, int],
) -> tuple[int, int, int, int]:
    """Take the equities of a stretch into the peak, the low since and the deepest fall.

    Parameters
    ----------
    line : tuple of int
        Cash, and the slope and its denominator by which a close is worth more.
    fall : tuple of int
        Peak, low since the peak, and loss and peak of the deepest fall that is settled.
    """
    cash, slope, den = line
    peak, low, worst_loss, worst_peak = fall
    rises_at = (peak - cash + 1) * den
    lowest = (low - cash) * den
    t = first
    while t < last:
        block_end = min(t // SPAN * SPAN + SPAN, tape.close.size)
        stop = min(block_end, last)
        if stop == block_end:
            top, bottom, dip = tape.top_to[t], tape.low_to[t], tape.dip_to[t]
        elif t % SPAN == 0:
            top, bottom = tape.top_from[stop - 1], tape.low_from[stop - 1]
            dip = tape.dip_from[stop - 1]
        else:
            top, bottom, dip = _sums(tape, t, stop)
        best = int(top) * slope
        least = min(lowest, int(bottom) * slope)
        if best < rises_at:
            lowest = least
        elif slope < den or may_be_deepest(
            float(best - least) / float(den) + 1.0, peak, worst_loss, worst_peak
        ):
            # Two closes can be one equity where a tick is worth less than a unit.
            low = min(low, cash + lowest // den)
            fall = peak, low, worst_loss, worst_peak
            peak, low, worst_loss, worst_peak = _fall_over_each(tape, t, stop, line, fall)
            rises_at = (peak - cash + 1) * den
            lowest = (low - cash) * den
        else:
            peak = cash + best // den
            low = peak
            lowest = int(dip) * slope
            rises_at = (peak - cash + 1) * den
        t = stop
    return peak, min(low, cash + lowest // den), worst_loss, worst_peak


@compile_lean
def _fall_over_each(
    tape: Stretches,
    first: int,
    stop: int,
    line: tuple[int, int, int],
    fall: tuple[int, int, int, int],
) -> tuple[int, int, int, int]:
    """As `fall_over`, candle by candle."""
    cash, slope, den = line
    peak, low, worst_loss, worst_peak = fall
    for t in range(first, stop):
        equity = cash + int(tape.close[t]) * slope // den
        if equity > peak:
            worst_loss, worst_peak = deeper(peak, low, worst_loss, worst_peak)
            peak, low = equity, equity
        elif equity < low:
            low = equity
    return peak, low, worst_loss, worst_peak


@compile_lean
def _sums(tape: Stretches, first: int, stop: int) -> tuple[float, float, float]:
    """Sum up candles within one block."""
    top, bottom, dip = tape.close[first], tape.close[first], tape.close[first]
    for t in range(first, stop):
        mark = tape.close[t]
        bottom = min(bottom, mark)
        dip = min(dip, mark)
        if mark > top:
            top, dip = mark, mark
    return top, bottom, dip


@compile_lean
def may_be_deepest(loss: float, peak: int, worst_loss: int, worst_peak: int) -> bool:
    """Whether a loss from this peak, or from a higher one, might be the deepest fall."""
    return loss * float(worst_peak) * CLEARLY >= float(worst_loss) * float(peak)


@compile_lean
def deeper(peak: int, low: int, worst_loss: int, worst_peak: int) -> tuple[int, int]:
    """As `account.settle_fall`: loss and peak of the deeper of two falls."""
    loss = peak - low
    near = loss > 0 and may_be_deepest(float(loss), peak, worst_loss, worst_peak)
    if near and product_is_greater(loss, worst_peak, worst_loss, peak):
        return loss, peak
    return worst_loss, worst_peak
