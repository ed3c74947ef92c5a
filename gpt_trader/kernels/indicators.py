"""Indicators that remember by recurrence: exponential mean, true range, average true range.

Each is a step and a series, and the series is the fold of the step. A NaN in the input stays in
all that follows, so that it is seen.
"""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats

# Places in the state of `ema_step`.
EMA_MEAN, EMA_COUNT = 0, 1
EMA_SIZE = 2

# Places in the state of `true_range_step`, which is also the head of that of `atr_step`.
CLOSE, COUNT, RANGE = 0, 1, 2
TRUE_RANGE_SIZE = 2
ATR_SIZE = 3


@compile_step
def ema_step(state: Floats, x: float, span: int) -> float:
    """Exponential moving average, or NaN before `span` values.

    Starts from the first value; each later one weighs ``2 / (span + 1)``.

    Parameters
    ----------
    state : float64, shape (EMA_SIZE,)
        Changed in place. Zeros before the first value.
    x : float
        The newest value, in any unit; the mean has the same.
    span : int
        Values, at least 1; the same in every call.
    """
    if state[EMA_COUNT] == 0.0:
        state[EMA_MEAN] = x
    else:
        state[EMA_MEAN] += 2.0 / (span + 1.0) * (x - state[EMA_MEAN])
    state[EMA_COUNT] += 1.0
    if state[EMA_COUNT] < span:
        return math.nan
    return float(state[EMA_MEAN])


@compile_step
def true_range_step(state: Floats, high: float, low: float, close: float) -> float:
    """How far price went since the last close: the largest of three distances.

    The first candle has no close before it and gives its high less its low. A NaN close is seen
    in its own candle's range although no distance uses it, and in the next one's.

    Parameters
    ----------
    state : float64, shape (TRUE_RANGE_SIZE,)
        Changed in place. Zeros before the first candle.
    high, low, close : float
        Quote per base.

    References
    ----------
    J. Welles Wilder (1978), New Concepts in Technical Trading Systems.
    """
    top, bottom = high, low
    if state[COUNT] > 0.0:
        before = state[CLOSE]
        if math.isnan(before) or before > top:
            top = before
        if before < bottom:
            bottom = before
    state[CLOSE] = close
    state[COUNT] += 1.0
    if math.isnan(close) or math.isnan(high) or math.isnan(low):
        return math.nan
    return top - bottom


@compile_step
def atr_step(state: Floats, high: float, low: float, close: float, span: int) -> float:
    """Average true range with Wilder's smoothing, or NaN before `span` candles.

    Starts from the plain mean of the first `span` ranges; each later one weighs ``1 / span``.

    Parameters
    ----------
    state : float64, shape (ATR_SIZE,)
        Changed in place. Zeros before the first candle.
    high, low, close : float
        Quote per base.
    span : int
        Candles, at least 1; the same in every call.

    References
    ----------
    J. Welles Wilder (1978), New Concepts in Technical Trading Systems.
    """
    newest = true_range_step(state, high, low, close)
    count = min(state[COUNT], float(span))
    state[RANGE] += (newest - state[RANGE]) / count
    if state[COUNT] < span:
        return math.nan
    return float(state[RANGE])


@compile_step
def ema_series(x: Floats, span: int, state: Floats) -> Floats:
    """Fold `ema_step` over `x`; `state` zeroed, or kept to go on from where it stopped.

    Examples
    --------
    >>> ema_series(np.array([1.0, 2.0, 4.0]), 3, np.zeros(EMA_SIZE))
    array([ nan,  nan, 2.75])
    """
    out = np.empty(x.size)
    for t in range(x.size):
        out[t] = ema_step(state, x[t], span)
    return out


@compile_step
def true_range_series(high: Floats, low: Floats, close: Floats, state: Floats) -> Floats:
    """Fold `true_range_step` over candles; `state` zeroed, or kept to go on.

    Examples
    --------
    >>> high, low, close = np.array([[3.0, 6.0], [1.0, 5.0], [2.0, 5.5]])
    >>> true_range_series(high, low, close, np.zeros(TRUE_RANGE_SIZE))
    array([2., 4.])
    """
    out = np.empty(high.size)
    for t in range(high.size):
        out[t] = true_range_step(state, high[t], low[t], close[t])
    return out


@compile_step
def atr_series(high: Floats, low: Floats, close: Floats, span: int, state: Floats) -> Floats:
    """Fold `atr_step` over candles; `state` zeroed, or kept to go on.

    Examples
    --------
    >>> high, low, close = np.array([[3.0, 4.0, 6.0], [1.0, 2.0, 5.0], [2.0, 3.0, 5.5]])
    >>> atr_series(high, low, close, 2, np.zeros(ATR_SIZE))
    array([nan, 2. , 2.5])
    """
    out = np.empty(high.size)
    for t in range(high.size):
        out[t] = atr_step(state, high[t], low[t], close[t], span)
    return out
