"""Volatility of a price: deviation of its candles' log returns, counted up to a year."""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_lean, compile_step
from gpt_trader.kernels.rolling import ring_size, rolling_deviation
from gpt_trader.kernels.vectors import Floats

# Places in the state; the ring of `rolling_deviation` stands behind them.
CLOSE, COUNT = 0, 1
RETURNS = 2


def volatility_size(span: int) -> int:
    """Length of the state of `volatility_step` over `span` returns."""
    return RETURNS + ring_size(span)


@compile_lean
def volatility_step(state: Floats, close: float, span: int, candles_per_year: float) -> float:
    """Annualised volatility as a fraction, 0.6 for 60 %, or NaN before ``span + 1`` closes.

    The sample deviation of the last `span` log returns times the square root of
    `candles_per_year`. A close that is NaN, zero or below gives NaN while one of its two returns
    is in the window.

    Parameters
    ----------
    state : float64, shape (volatility_size(span),)
        Changed in place. Zeros before the first close.
    close : float
        In any unit: only ratios count.
    span : int
        Returns, at least 2; the same in every call.
    candles_per_year : float
        How many candles of this width 365 days hold.
    """
    before = state[CLOSE]
    state[CLOSE] = close
    state[COUNT] += 1.0
    if state[COUNT] == 1.0:
        return math.nan
    change = math.nan
    if close > 0.0 and before > 0.0:
        change = math.log(close / before)
    return rolling_deviation(change, span, state[RETURNS:]) * math.sqrt(candles_per_year)


@compile_step
def volatility_series(close: Floats, span: int, candles_per_year: float, state: Floats) -> Floats:
    """Fold `volatility_step` over closes; `state` zeroed, or kept to go on."""
    out = np.empty(close.size)
    for t in range(close.size):
        out[t] = volatility_step(state, close[t], span, candles_per_year)
    return out
