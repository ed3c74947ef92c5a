"""Means for strategies: of the last closes, with an exponential memory, weighed by volume."""

import math

import numpy as np

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.vectors import Floats

# Places in the memory of `ema`; `macd` has three of them one behind the other.
MEAN, COUNT = 0, 1
EMA_SIZE = 2

# Places in the memory of `vwap`.
SEEN, NOTIONAL, VOLUME, NOTIONAL_MAX, LEAVING_NOTIONAL, LEAVING_VOLUME = 0, 1, 2, 3, 4, 5


@compile_lean
def sma(candles: Candles, t: int, span: int) -> float:
    """Moving average: the mean of the last `span` closes, in price increments.

    Exact but for the one division, since the sum of whole numbers is. NaN before `span` candles.
    """
    if t + 1 < span:
        return math.nan
    # Places as unsigned numbers: one that might be negative would be looked at before each load.
    newest, before = np.uint64(t + 1), np.uint64(t + 1 - span)
    return float((candles.close_sum[newest] - candles.close_sum[before]) / span)


@compile_lean
def roc(candles: Candles, t: int, span: int) -> float:
    """Rate of change: how far the close is above the one `span` candles before, as a fraction.

    Looks back ``span + 1`` candles, and is NaN before there are as many.
    """
    if t < span:
        return math.nan
    return float(candles.close[t] / candles.close[t - span] - 1.0)


@compile_lean
def ema(x: float, span: int, memory: Floats) -> float:
    """Exponential moving average of any value, or NaN before `span` of them.

    Starts from the first value; each later one weighs ``2 / (span + 1)``. A NaN stays in all
    that follows, so that it is seen.

    Parameters
    ----------
    x : float
        The newest value, in any unit; the mean has the same.
    span : int
        Values, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first value.
    """
    return ema_at(x, span, memory, 0)


@compile_lean
def ema_at(x: float, span: int, memory: Floats, place: int) -> float:
    """Advance the `ema` whose memory begins at `place`."""
    mean = x
    if memory[place + COUNT] > 0.0:
        mean = memory[place + MEAN]
        mean += 2.0 / (span + 1.0) * (x - mean)
    memory[place + MEAN] = mean
    memory[place + COUNT] += 1.0
    if memory[place + COUNT] < span:
        return math.nan
    return mean


@compile_lean
def macd(x: float, fast: int, slow: int, signal: int, memory: Floats) -> tuple[float, float, float]:
    """Moving-average convergence and divergence: its line, the line's own mean, the difference.

    The line is the `ema` over `fast` values less the one over `slow`; the signal is the `ema` of
    the line since it is known. All are NaN before ``slow + signal - 1`` values.

    Parameters
    ----------
    x : float
        The newest value, mostly a close.
    fast, slow, signal : int
        Values, at least 1, `fast` below `slow`; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first value.

    References
    ----------
    G. Appel (1979), The Moving Average Convergence Divergence Method.
    """
    line = ema_at(x, fast, memory, 0) - ema_at(x, slow, memory, EMA_SIZE)
    if math.isnan(line):
        return math.nan, math.nan, math.nan
    mean = ema_at(line, signal, memory, 2 * EMA_SIZE)
    if math.isnan(mean):
        return math.nan, math.nan, math.nan
    return line, mean, line - mean


@compile_lean
def vwap(candles: Candles, t: int, span: int, memory: Floats) -> float:
    """Mean price of the last `span` candles weighed by volume, in price increments.

    A candle counts with its typical price, ``(high + low + close) / 3``. NaN before `span`
    candles, and while there is no volume at all. The sums slide; they are made anew from the
    window once in `span` candles, and when they shrank a hundred times, so that rounding never
    adds up.

    Parameters
    ----------
    span : int
        Candles, at least 1; the same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.
    """
    volume = candles.volume[t]
    notional = _typical(candles, t) * volume
    memory[SEEN] += 1.0
    memory[NOTIONAL] += notional - memory[LEAVING_NOTIONAL]
    memory[VOLUME] += volume - memory[LEAVING_VOLUME]
    if memory[SEEN] < span:
        return math.nan
    shrunk = not memory[NOTIONAL] >= 0.01 * memory[NOTIONAL_MAX]
    if memory[SEEN] >= 2.0 * span or memory[SEEN] == span or shrunk:
        _sum_anew(candles, t, span, memory)
    memory[NOTIONAL_MAX] = max(memory[NOTIONAL_MAX], memory[NOTIONAL])
    memory[LEAVING_VOLUME] = candles.volume[t + 1 - span]
    memory[LEAVING_NOTIONAL] = _typical(candles, t + 1 - span) * memory[LEAVING_VOLUME]
    if memory[VOLUME] == 0.0:
        return math.nan
    return float(memory[NOTIONAL] / memory[VOLUME])


@compile_lean
def _typical(candles: Candles, t: int) -> float:
    return float((candles.high[t] + candles.low[t] + candles.close[t]) / 3.0)


@compile_aside
def _sum_anew(candles: Candles, t: int, span: int, memory: Floats) -> None:
    notional, volume = 0.0, 0.0
    for place in range(t + 1 - span, t + 1):
        notional += _typical(candles, place) * candles.volume[place]
        volume += candles.volume[place]
    memory[NOTIONAL], memory[VOLUME] = notional, volume
    memory[NOTIONAL_MAX] = notional
    memory[SEEN] = span
