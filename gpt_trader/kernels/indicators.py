"""Indicators with a memory of their own: exponential average and average true range."""

import math

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats

MEAN, SEEN = 0, 1
EMA_SIZE = 2

ATR_MEAN, ATR_SEEN, ATR_CLOSE = 0, 1, 2
ATR_SIZE = 3


@compile_step
def ema_step(state: Floats, span: int, x: float) -> float:
    """Exponential moving average; the newest value weighs ``2 / (span + 1)``.

    Parameters
    ----------
    state : float64, shape (2,)
        Changed in place. Zeros before the first value.
    span : int
        Values, at least 1.
    x : float
        A NaN stays in all that follows, so that it is seen.

    Returns
    -------
    float
        NaN for the first ``span - 1`` values.

    References
    ----------
    The recursion of ``pandas.Series.ewm(span=span, adjust=False)``.
    """
    if state[SEEN] == 0.0:
        state[MEAN] = x
    else:
        state[MEAN] += 2.0 / (span + 1.0) * (x - state[MEAN])
    state[SEEN] += 1.0
    return state[MEAN] if state[SEEN] >= span else math.nan


@compile_step
def true_range(high: float, low: float, close_before: float) -> float:
    """The widest of today's range and both gaps to the close before; NaN if any of them is."""
    if high != high or low != low or close_before != close_before:
        return math.nan
    return max(high - low, abs(high - close_before), abs(low - close_before))


@compile_step
def atr_step(state: Floats, span: int, high: float, low: float, close: float) -> float:
    """Average true range, Wilder's smoothing, quote per base.

    Parameters
    ----------
    state : float64, shape (3,)
        Changed in place. Zeros before the first candle.
    span : int
        Candles, at least 1. Wilder's n: the newest range weighs ``1 / span``.

    Returns
    -------
    float
        NaN for the first ``span - 1`` candles. A NaN in the input stays in all that follows.

    References
    ----------
    J. Welles Wilder (1978), New Concepts in Technical Trading Systems.
    """
    seen = state[ATR_SEEN]
    reach = true_range(high, low, state[ATR_CLOSE] if seen > 0.0 else low)
    if close != close:
        reach = math.nan  # the next range needs it: a missing close must not go unseen
    state[ATR_SEEN] = seen + 1.0
    state[ATR_CLOSE] = close
    if seen < span:
        state[ATR_MEAN] += (reach - state[ATR_MEAN]) / (seen + 1.0)
    else:
        state[ATR_MEAN] += (reach - state[ATR_MEAN]) / span
    return state[ATR_MEAN] if seen + 1.0 >= span else math.nan
