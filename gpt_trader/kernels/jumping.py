"""Passes over calm candles by their sums: the account is as if each had been looked at.

Between two orders equity is a straight line of the close. So a stretch's highest, its lowest and
the lowest since its highest say all that peak and fall need, unless a fall within it might be the
deepest of all; then its candles are looked at. `calm.calm_run` does the same candle by candle,
and ``tests/kernels/test_jumping.py`` holds the two equal to the last unit.
"""

from gpt_trader.kernels.account import (
    BAND_HIGH,
    BAND_LOW,
    CANDLES,
    CASH,
    DAY,
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
    settle_fall,
)
from gpt_trader.kernels.calm import SCALED_MAX, WHOLE_MAX
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.summaries import REACH, SPAN, Stretches
from gpt_trader.kernels.vectors import Ints

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
    _begin_days(desk, tape, end, slope)
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
        low, high = float(row[BAND_LOW]), float(row[BAND_HIGH])
        den = row[DEN]
        high = min(
            high, min(float(SCALED_MAX), float(WHOLE_MAX) * den) / float(row[LOTS] * row[NUM])
        )
        for block in range(first // REACH, (last - 1) // REACH + 1):
            if tape.lows[block] < low or tape.tops[block] > high:
                return calm_jump(desk, tape, first, last)
        session[HELD] += last - first
    session[CANDLES] += last - first
    return last


@compile_lean
def _begin_days(desk: Desk, tape: Stretches, end: int, slope: int) -> None:
    """Keep the equity of the first candle of each day that began."""
    session = desk.session
    den = desk.products[0, DEN]
    place = session[DAYS] + 1
    while place < tape.day_first.size and tape.day_first[place] < end:
        candle = tape.day_first[place]
        equity = session[CASH] + int(tape.close[candle]) * slope // den
        begin_day(session, desk.days, equity, tape.end_ns[candle])
        place += 1


@compile_lean
def _pass_held(session: Ints, row: Ints, tape: Stretches, first: int, last: int) -> int:
    """Take the equities of a position into peak and fall; gives where the band is left."""
    slope, den, cash = row[LOTS] * row[NUM], row[DEN], session[CASH]
    low, high = float(row[BAND_LOW]), float(row[BAND_HIGH])
    high = min(high, min(float(SCALED_MAX), float(WHOLE_MAX) * den) / float(slope))
    coarse = slope < den  # two closes can be one equity: their order counts then
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
        if bottom < low or top > high:
            end = t
            while low <= tape.close[end] <= high:
                end += 1
            _look_at_each(session, tape, t, end, slope, den)
            return end
        if coarse:
            _look_at_each(session, tape, t, stop, slope, den)
        elif int(top) * slope < (session[PEAK] - cash + 1) * den:
            session[LOW] = min(session[LOW], cash + int(bottom) * slope // den)
        else:
            peak = cash + int(top) * slope // den
            lowest = min(session[LOW], cash + int(bottom) * slope // den)
            if _may_be_deepest(session, peak - lowest):
                _look_at_each(session, tape, t, stop, slope, den)
            else:
                session[PEAK] = peak
                session[LOW] = cash + int(dip) * slope // den
        t = stop
    return last


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
def _may_be_deepest(session: Ints, loss: int) -> bool:
    """Whether a loss from the latest peak, or from a higher one, might be the deepest fall."""
    new = float(loss) * float(session[WORST_PEAK])
    return new * CLEARLY >= float(session[WORST_LOSS]) * float(session[PEAK])


@compile_lean
def _look_at_each(
    session: Ints, tape: Stretches, first: int, stop: int, slope: int, den: int
) -> None:
    """Take each candle's equity into peak and fall."""
    cash = session[CASH]
    rises_at = (session[PEAK] - cash + 1) * den
    lowest = (session[LOW] - cash) * den
    for t in range(first, stop):
        worth = int(tape.close[t]) * slope
        if worth >= rises_at:
            session[LOW] = min(session[LOW], cash + lowest // den)
            settle_fall(session)
            session[PEAK] = cash + worth // den
            session[LOW] = session[PEAK]
            lowest = worth
            rises_at = (session[PEAK] - cash + 1) * den
        elif worth < lowest:
            lowest = worth
    session[LOW] = min(session[LOW], cash + lowest // den)
