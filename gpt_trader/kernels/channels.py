"""Extremes and deviations of the last candles: channels and bands for strategies."""

import math

from gpt_trader.kernels.averages import sma
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.vectors import Floats

# Places in the memory of an extreme. Candles are numbered from 1 as they come, for `t` is only a
# place in a buffer. A mark is the number of a candle and, how far behind it, that of the highest
# from there to the last one that was looked through.
COUNT, TOP, TOP_AT, LOOKED_TO, RUN_AT, MARKS = 0, 1, 2, 3, 4, 5
MARK_COUNT = 3
EXTREME_SIZE = MARKS + MARK_COUNT
JOINT = 2.0**22  # above every span
FINER = 3  # each mark is 2**3 times closer than the next one

# Places in the memory of a deviation.
SEEN, ANCHOR, SUM, SQUARES, SQUARES_MAX, LEAVING = 0, 1, 2, 3, 4, 5
EXACT = 2.0**52
SHRUNK = 0.01


@compile_lean
def highest(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Highest high of the last `span` candles, or NaN before there are as many.

    Looks at each candle a few times on average, whatever the prices and the span: the window is
    searched only when its highest candle leaves it, and what a search finds is kept in marks.

    Parameters
    ----------
    span : int
        Candles, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.
    """
    return extreme_at(candles.high, 1.0, t, span, memory, 0)


@compile_lean
def lowest(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Lowest low of the last `span` candles, or NaN before there are as many; see `highest`."""
    return -extreme_at(candles.low, -1.0, t, span, memory, 0)


@compile_lean
def donchian(candles: Candles, t: int, span: int, memory: Floats) -> tuple[float, float, float]:
    """Channel of the `span` candles before this one: highest high, lowest low and their middle.

    The newest candle is no part of it, so that its close can leave the channel. Looks back
    ``span + 1`` candles, and is NaN before there are as many.

    Parameters
    ----------
    span : int
        Candles, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.

    References
    ----------
    R. Donchian's four-week rule.
    """
    if t < 1:
        return math.nan, math.nan, math.nan
    high = extreme_at(candles.high, 1.0, t - 1, span, memory, 0)
    low = -extreme_at(candles.low, -1.0, t - 1, span, memory, EXTREME_SIZE)
    return high, low, (high + low) / 2.0


@compile_lean
def extreme_at(values: Floats, sign: float, t: int, span: int, memory: Floats, place: int) -> float:
    """Highest of ``sign * values`` over the last `span`, with its memory from `place` on."""
    newest = sign * values[t]
    count = memory[place + COUNT] + 1.0
    memory[place + COUNT] = count
    if newest >= memory[place + TOP] or count == 1.0:
        memory[place + TOP] = newest
        memory[place + TOP_AT] = count
    elif memory[place + TOP_AT] <= count - span:
        _search(values, sign, t, span, memory, place)
    if count < span:
        return math.nan
    return float(memory[place + TOP])


@compile_aside
def _search(values: Floats, sign: float, t: int, span: int, memory: Floats, place: int) -> None:
    """Find the highest of a window that its highest candle has left.

    Only what stands before the nearest mark is looked through, and marks are left in it at an
    eighth of its length, at an eighth of that, and so on, for the searches to come.
    """
    count = int(memory[place + COUNT])
    start, behind = count - span + 1, t - count
    kept = 0  # marks, the farthest first
    while kept < MARK_COUNT and int(memory[place + MARKS + kept] // JOINT) >= start:
        kept += 1
    end, best, run = count + 1, 0, 0
    if kept > 0:
        mark = memory[place + MARKS + kept - 1]
        end = int(mark // JOINT)
        best = end + int(mark % JOINT)
        run = int(memory[place + RUN_AT])
        for number in range(int(memory[place + LOOKED_TO]) + 1, count + 1):
            if run == 0 or sign * values[number + behind] >= sign * values[run + behind]:
                run = number
    memory[place + LOOKED_TO] = count
    memory[place + RUN_AT] = run
    best = _leave_marks(values, sign, behind, start, end, best, memory, place, kept)
    if run > 0 and sign * values[run + behind] >= sign * values[best + behind]:
        best = run
    memory[place + TOP] = sign * values[best + behind]
    memory[place + TOP_AT] = best


@compile_lean
def _leave_marks(
    values: Floats,
    sign: float,
    behind: int,
    start: int,
    end: int,
    best: int,
    memory: Floats,
    place: int,
    kept: int,
) -> int:
    """Look from before `end` back to `start`, leave marks behind those kept, give the highest."""
    length = end - start
    number = end
    for made in range(MARK_COUNT - kept + 1):
        goal = start
        if made < MARK_COUNT - kept:
            goal = start + (length >> (FINER * (made + 1)))
        while number > goal:
            number -= 1
            if best == 0 or sign * values[number + behind] > sign * values[best + behind]:
                best = number
        if made < MARK_COUNT - kept:
            memory[place + MARKS + kept + made] = number * JOINT + (best - number)
    return best


@compile_lean
def rolling_std(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Sample standard deviation of the last `span` closes, or NaN before there are as many.

    Sums of distances from one close and of their squares slide along. Closes are whole numbers,
    so the sums are exact; the anchor moves, and the sums are made anew from the window, when the
    mean has gone eight deviations from it, and once in `span` candles in any case. Equal closes
    give exactly zero.

    Parameters
    ----------
    span : int
        Candles, at least 2; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.

    References
    ----------
    T. F. Chan, G. H. Golub and R. J. LeVeque (1983), Algorithms for Computing the Sample
    Variance: the shifted data algorithm.
    """
    seen = memory[SEEN] + 1.0
    memory[SEEN] = seen
    if seen < span or span < 2:
        return math.nan
    came, left = candles.close[t] - memory[ANCHOR], memory[LEAVING] - memory[ANCHOR]
    total = memory[SUM] + (came - left)
    squares = memory[SQUARES] + (came * came - left * left)
    spread = squares - total * total / span
    largest = memory[SQUARES_MAX]
    lost = largest > EXACT and squares < SHRUNK * largest
    if seen == span or seen >= 2.0 * span or lost or not spread * 64.0 >= squares:
        total, squares = _squares_anew(candles, t, span, memory)
        spread = squares - total * total / span
    memory[SUM] = total
    memory[SQUARES] = squares
    memory[SQUARES_MAX] = max(memory[SQUARES_MAX], squares)
    memory[LEAVING] = candles.close[t + 1 - span]
    return math.sqrt(spread / (span - 1))


@compile_aside
def _squares_anew(candles: Candles, t: int, span: int, memory: Floats) -> tuple[float, float]:
    """Put the anchor on the whole number next to the mean; give sum and squares from there."""
    anchor = math.floor(sma(candles, t, span) + 0.5)
    total, squares = 0.0, 0.0
    for place in range(t + 1 - span, t + 1):
        distance = candles.close[place] - anchor
        total += distance
        squares += distance * distance
    memory[ANCHOR] = anchor
    memory[SQUARES_MAX] = squares
    memory[SEEN] = span
    return total, squares


@compile_lean
def bollinger(
    candles: Candles, t: int, span: int, width: float, memory: Floats
) -> tuple[float, float, float]:
    """Bollinger bands: the mean of the last `span` closes less and plus `width` deviations.

    Gives the lower band, the mean and the upper band, in price increments; NaN before `span`
    candles. The deviation is the sample's (`rolling_std`), where J. Bollinger takes the whole
    population's, which is smaller by ``sqrt((span - 1) / span)``.
    """
    mean = sma(candles, t, span)
    distance = width * rolling_std(candles, t, span, memory)
    return mean - distance, mean, mean + distance


@compile_lean
def zscore(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """How many deviations the close is above the mean of the last `span` closes.

    NaN before `span` candles, and while price stands still: there is no deviation to count in.
    """
    deviation = rolling_std(candles, t, span, memory)
    if not deviation > 0.0:
        return math.nan
    return float((candles.close[t] - sma(candles, t, span)) / deviation)
