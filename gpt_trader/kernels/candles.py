"""Candles as compiled code sees them: a whole tape, or the newest ones in a sliding buffer."""

import math
from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.vectors import Floats, Ints


class Candles(NamedTuple):
    """Candles of one product, oldest first, in counts of its increments; only those with trades.

    All arrays have one length T but `close_sum`, and are C-contiguous. NaN is never in them.
    """

    start_ns: Ints  # UTC, when the candle began
    open: Floats  # price increments, whole numbers
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # base increments, whole numbers
    close_sum: Floats  # length T + 1: close_sum[k] is the sum of close[:k], exact below 2**53
    increment: float  # quote in one price increment
    candle_ns: int


def candles_of(
    start_ns: Ints,
    prices: tuple[Floats, Floats, Floats, Floats],
    volume: Floats,
    increment: float,
    candle_ns: int,
) -> Candles:
    """Lay candles out for compiled code.

    Parameters
    ----------
    start_ns : int64, shape (T,)
    prices : open, high, low, close; float64, shape (T,)
        Price increments.
    volume : float64, shape (T,)
        Base increments.
    increment : float
        Quote in one price increment.
    candle_ns : int
    """
    open, high, low, close = (np.ascontiguousarray(price, dtype=np.float64) for price in prices)
    close_sum = np.zeros(close.size + 1)
    np.cumsum(close, out=close_sum[1:])
    return Candles(
        np.ascontiguousarray(start_ns, dtype=np.int64),
        open,
        high,
        low,
        close,
        np.ascontiguousarray(volume, dtype=np.float64),
        close_sum,
        float(increment),
        int(candle_ns),
    )


SPARE = 16
"""Candles that a buffer keeps beyond the warm-up, so that ``if t < p.span`` is no trap."""


@compile_lean
def kept(warmup: int) -> int:
    """How many candles a sliding buffer always holds once they were seen."""
    return warmup + SPARE


def sliding(warmup: int, increment: float, candle_ns: int) -> Candles:
    """An empty buffer for `append_step` that always shows at least the last `warmup` candles.

    What was not seen yet is NaN (`start_ns`: far in the past), so that nobody takes it for a
    price.
    """
    size = 2 * kept(warmup) + 64
    open, high, low, close, volume = np.full((5, size), math.nan)
    starts = np.full(size, moment_of(math.nan))
    close_sum = np.full(size + 1, math.nan)
    close_sum[0] = 0.0
    return Candles(
        starts, open, high, low, close, volume, close_sum, float(increment), int(candle_ns)
    )


@compile_lean
def append_step(
    buffer: Candles,
    t: int,
    warmup: int,
    start_ns: int,
    prices: tuple[float, float, float, float],
    volume: float,
) -> int:
    """Put a candle behind the newest at `t`, -1 in an empty buffer, and give its place.

    When the buffer is full those that are kept move to its front first, which takes one pass in
    more candles than that.
    """
    if t + 1 == buffer.close.size:
        t = front_step(buffer, t, kept(warmup) - 1, math.nan)
    t += 1
    buffer.start_ns[t] = start_ns
    buffer.open[t], buffer.high[t], buffer.low[t], buffer.close[t] = prices
    buffer.volume[t] = volume
    buffer.close_sum[t + 1] = buffer.close_sum[t] + buffer.close[t]
    return t


@compile_aside
def front_step(buffer: Candles, t: int, count: int, filler: float) -> int:
    """Move the last `count` candles to the front, fill the rest, and give the newest's place.

    The sums go on from zero at the newest: only differences count.
    """
    first, base = t + 1 - count, buffer.close_sum[t + 1]
    buffer.close_sum[0] = buffer.close_sum[first] - base
    for place in range(count):
        came = first + place
        buffer.start_ns[place] = buffer.start_ns[came]
        for column in (buffer.open, buffer.high, buffer.low, buffer.close, buffer.volume):
            column[place] = column[came]
        buffer.close_sum[place + 1] = buffer.close_sum[came + 1] - base
    for place in range(count, buffer.close.size):
        buffer.start_ns[place] = moment_of(filler)
        for column in (buffer.open, buffer.high, buffer.low, buffer.close, buffer.volume):
            column[place] = filler
        buffer.close_sum[place + 1] = filler
    return count - 1


@compile_lean
def moment_of(filler: float) -> int:
    """What stands in `start_ns` where prices are `filler`: far in the past, or in the future."""
    return 2**62 if filler > 0.0 else -(2**62)
