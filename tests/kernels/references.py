"""One row per series kernel: how to run it, and its twin in pandas or NumPy.

Tests and benchmarks read the same table; a series kernel that is missing here fails the suite.
Candles are a float64 array of shape (3, T): high, low, close.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpt_trader.kernels import indicators, rolling, volatility
from gpt_trader.kernels.vectors import Floats

HIGH, LOW, CLOSE = 0, 1, 2
MINUTES_PER_YEAR = 365.0 * 24 * 60


@dataclass(frozen=True, slots=True)
class Reference:
    """A kernel as a step and as a series, and what it must equal."""

    kernel: str
    span_min: int
    forgets_nan: bool  # NaN leaves with its window; otherwise it stays
    state: Callable[[int], Floats]
    step: Callable[[Floats, Floats, int], float]  # state, one candle, span
    series: Callable[[Floats, int, Floats], Floats]  # candles, span, state
    twin: Callable[[Floats, int], Floats]


def _ring(span: int) -> Floats:
    return np.zeros(rolling.ring_size(span))


def _true_range_twin(candles: Floats, span: int) -> Floats:
    before = np.concatenate([[np.nan], candles[CLOSE][:-1]])
    distances = [
        candles[HIGH] - candles[LOW],
        np.abs(candles[HIGH] - before),
        np.abs(candles[LOW] - before),
    ]
    widest: Floats = np.nanmax(distances, axis=0)
    return widest


def _atr_twin(candles: Floats, span: int) -> Floats:
    """The plain mean of the first `span` ranges, then pandas' exponential mean from it."""
    ranges = pd.Series(_true_range_twin(candles, span))
    out = np.full(ranges.size, np.nan)
    if ranges.size >= span:
        seeded = pd.concat([pd.Series([ranges[:span].mean()]), ranges[span:]])
        out[span - 1 :] = seeded.ewm(alpha=1 / span, adjust=False).mean().to_numpy()
    return out


def _std_twin(x: Floats, span: int) -> Floats:
    """NumPy's two passes over each window: pandas slides, and is off by 5e-9 on real prices."""
    windows = np.lib.stride_tricks.sliding_window_view(x, span)
    return np.concatenate([np.full(span - 1, np.nan), windows.std(axis=1, ddof=1)])


def _volatility_twin(candles: Floats, span: int) -> Floats:
    returns = np.log(candles[CLOSE][1:] / candles[CLOSE][:-1])
    return np.append(np.nan, _std_twin(returns, span) * np.sqrt(MINUTES_PER_YEAR))


def _close(candles: Floats) -> "pd.Series[float]":
    return pd.Series(candles[CLOSE])


REFERENCES = (
    Reference(
        "sma_series",
        span_min=1,
        forgets_nan=True,
        state=_ring,
        step=lambda state, candle, span: rolling.sma_step(state, candle[CLOSE], span),
        series=lambda candles, span, state: rolling.sma_series(candles[CLOSE], span, state),
        twin=lambda candles, span: _close(candles).rolling(span).mean().to_numpy(),
    ),
    Reference(
        "rolling_std_series",
        span_min=2,
        forgets_nan=True,
        state=_ring,
        step=lambda state, candle, span: rolling.rolling_std_step(state, candle[CLOSE], span),
        series=lambda candles, span, state: rolling.rolling_std_series(candles[CLOSE], span, state),
        twin=lambda candles, span: _std_twin(candles[CLOSE], span),
    ),
    Reference(
        "highest_series",
        span_min=1,
        forgets_nan=True,
        state=_ring,
        step=lambda state, candle, span: rolling.highest_step(state, candle[CLOSE], span),
        series=lambda candles, span, state: rolling.highest_series(candles[CLOSE], span, state),
        twin=lambda candles, span: _close(candles).rolling(span).max().to_numpy(),
    ),
    Reference(
        "lowest_series",
        span_min=1,
        forgets_nan=True,
        state=_ring,
        step=lambda state, candle, span: rolling.lowest_step(state, candle[CLOSE], span),
        series=lambda candles, span, state: rolling.lowest_series(candles[CLOSE], span, state),
        twin=lambda candles, span: _close(candles).rolling(span).min().to_numpy(),
    ),
    Reference(
        "ema_series",
        span_min=1,
        forgets_nan=False,
        state=lambda span: np.zeros(indicators.EMA_SIZE),
        step=lambda state, candle, span: indicators.ema_step(state, candle[CLOSE], span),
        series=lambda candles, span, state: indicators.ema_series(candles[CLOSE], span, state),
        twin=lambda candles, span: (
            _close(candles).ewm(span=span, adjust=False, min_periods=span).mean().to_numpy()
        ),
    ),
    Reference(
        "true_range_series",
        span_min=1,
        forgets_nan=True,
        state=lambda span: np.zeros(indicators.TRUE_RANGE_SIZE),
        step=lambda state, candle, span: indicators.true_range_step(
            state, candle[HIGH], candle[LOW], candle[CLOSE]
        ),
        series=lambda candles, span, state: indicators.true_range_series(
            candles[HIGH], candles[LOW], candles[CLOSE], state
        ),
        twin=_true_range_twin,
    ),
    Reference(
        "atr_series",
        span_min=1,
        forgets_nan=False,
        state=lambda span: np.zeros(indicators.ATR_SIZE),
        step=lambda state, candle, span: indicators.atr_step(
            state, candle[HIGH], candle[LOW], candle[CLOSE], span
        ),
        series=lambda candles, span, state: indicators.atr_series(
            candles[HIGH], candles[LOW], candles[CLOSE], span, state
        ),
        twin=_atr_twin,
    ),
    Reference(
        "volatility_series",
        span_min=2,
        forgets_nan=True,
        state=lambda span: np.zeros(volatility.volatility_size(span)),
        step=lambda state, candle, span: volatility.volatility_step(
            state, candle[CLOSE], span, MINUTES_PER_YEAR
        ),
        series=lambda candles, span, state: volatility.volatility_series(
            candles[CLOSE], span, MINUTES_PER_YEAR, state
        ),
        twin=_volatility_twin,
    ),
)
