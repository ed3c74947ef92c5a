"""Strength, range and trend of price for strategies, most of them with Wilder's smoothing."""

import math

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.channels import EXTREME_SIZE, extreme_at
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.vectors import Floats

# Places in the memory of `rsi`.
BEFORE, VALUES, UP, DOWN = 0, 1, 2, 3

# Places in the memory of `atr`, which is also the head of that of `supertrend`.
RANGE, COUNT, CLOSE = 0, 1, 2
UPPER, LOWER, DIRECTION = 3, 4, 5

NEITHER = 50.0  # of an oscillator from 0 to 100, while price stands still


@compile_lean
def rsi(x: float, span: int, memory: Floats) -> float:
    """Relative strength index of any value, 0 to 100: the share of rises in its movement.

    NaN before ``span + 1`` values, 50 while nothing moves. Rises and falls start from their plain
    means over the first `span` changes; each later one weighs ``1 / span``.

    Parameters
    ----------
    x : float
        The newest value, mostly a close.
    span : int
        Changes, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first value.

    References
    ----------
    J. Welles Wilder (1978), New Concepts in Technical Trading Systems.
    """
    changes = memory[VALUES]
    memory[VALUES] = changes + 1.0
    change = x - memory[BEFORE]
    memory[BEFORE] = x
    if changes == 0.0:
        return math.nan
    weight = 1.0 / min(changes, float(span))
    up = memory[UP] + weight * (max(change, 0.0) - memory[UP])
    down = memory[DOWN] + weight * (max(-change, 0.0) - memory[DOWN])
    memory[UP], memory[DOWN] = up, down
    if changes < span:
        return math.nan
    if up + down == 0.0:
        return NEITHER
    return float(100.0 * up / (up + down))


@compile_lean
def atr(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Average true range in price increments, with Wilder's smoothing; NaN before `span` candles.

    The true range is how far price went since the last close; the first candle has none before
    it and gives its high less its low. The mean starts as the plain one of the first `span`
    ranges; each later one weighs ``1 / span``.

    Parameters
    ----------
    span : int
        Candles, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.

    References
    ----------
    J. Welles Wilder (1978), New Concepts in Technical Trading Systems.
    """
    top, bottom = candles.high[t], candles.low[t]
    count = memory[COUNT] + 1.0
    memory[COUNT] = count
    if count > 1.0:
        top, bottom = max(top, memory[CLOSE]), min(bottom, memory[CLOSE])
    memory[CLOSE] = candles.close[t]
    weight = 1.0 / min(count, float(span))
    mean = memory[RANGE] + weight * (top - bottom - memory[RANGE])
    memory[RANGE] = mean
    if count < span:
        return math.nan
    return float(mean)


@compile_lean
def supertrend(
    candles: Candles, t: int, span: int, factor: float, memory: Floats
) -> tuple[float, float]:
    """Trailing line `factor` average true ranges from price, and 1 above it or -1 below it.

    The line follows price in the direction of the trend and never goes back; a close beyond it
    turns the trend. It begins upward. Both are NaN before `span` candles.

    Parameters
    ----------
    span : int
        Candles of the average true range, at least 1; the same in every call.
    factor : float
        Ranges from the middle of a candle to the line.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.

    References
    ----------
    O. Seban's Supertrend, in the form of the library pandas_ta.
    """
    mean_range = atr(candles, t, span, memory)
    if math.isnan(mean_range):
        return math.nan, math.nan
    middle, close = (candles.high[t] + candles.low[t]) / 2.0, candles.close[t]
    upper, lower = middle + factor * mean_range, middle - factor * mean_range
    direction = memory[DIRECTION]
    if direction == 0.0 or close > memory[UPPER]:
        direction = 1.0
    elif close < memory[LOWER]:
        direction = -1.0
    elif direction > 0.0:
        lower = max(lower, memory[LOWER])
    else:
        upper = min(upper, memory[UPPER])
    memory[UPPER], memory[LOWER], memory[DIRECTION] = upper, lower, direction
    return (lower if direction > 0.0 else upper), direction


@compile_lean
def stochastic(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Where the close stands between lowest low (0) and highest high (100) of `span` candles.

    The fast %K. NaN before `span` candles, 50 while they have no extent.

    Parameters
    ----------
    span : int
        Candles, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.

    References
    ----------
    G. Lane (1984), Lane's Stochastics.
    """
    high = extreme_at(candles.high, 1.0, t, span, memory, 0)
    low = -extreme_at(candles.low, -1.0, t, span, memory, EXTREME_SIZE)
    if high == low:
        return NEITHER
    return float(100.0 * (candles.close[t] - low) / (high - low))
