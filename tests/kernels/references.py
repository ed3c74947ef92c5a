"""One table from each kernel to an independent twin; tests and benchmarks read the same one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpt_trader.kernels.indicators import ATR_SIZE, EMA_SIZE, atr_step, ema_step
from gpt_trader.kernels.rolling import (
    highest_step,
    lowest_step,
    rolling_std_step,
    sma_step,
    window_size,
)
from gpt_trader.kernels.vectors import Floats


@dataclass(frozen=True, slots=True)
class Reference:
    """A step over one price series, the same by pandas, and how closely they must agree."""

    step: Callable[[Floats, int, float], float]
    state_size: Callable[[int], int]
    twin: Callable[["pd.Series[float]", int], "pd.Series[float]"]
    relative: float  # of rounding; 0 for kernels that only compare


REFERENCES = {
    "sma": Reference(sma_step, window_size, lambda x, n: x.rolling(n).mean(), 1e-12),
    "rolling_std": Reference(
        rolling_std_step, window_size, lambda x, n: x.rolling(n).std(ddof=1), 1e-7
    ),
    "highest": Reference(highest_step, window_size, lambda x, n: x.rolling(n).max(), 0.0),
    "lowest": Reference(lowest_step, window_size, lambda x, n: x.rolling(n).min(), 0.0),
    "ema": Reference(
        ema_step,
        lambda _: EMA_SIZE,
        lambda x, n: x.ewm(span=n, adjust=False, min_periods=n).mean(),
        1e-12,
    ),
}


def fold(reference: Reference, span: int, xs: Floats) -> Floats:
    """The whole series: the step over `xs`, from a new state."""
    state = np.zeros(reference.state_size(span))
    return np.array([reference.step(state, span, x) for x in xs], dtype=np.float64)


def fold_atr(span: int, high: Floats, low: Floats, close: Floats) -> Floats:
    """Average true range of a whole series."""
    state = np.zeros(ATR_SIZE)
    rows = zip(high, low, close, strict=True)
    return np.array([atr_step(state, span, h, lo, c) for h, lo, c in rows], dtype=np.float64)


def pandas_atr(span: int, high: Floats, low: Floats, close: Floats) -> Floats:
    """The same by pandas: the plain mean of the first `span` ranges, then Wilder's recursion."""
    before = pd.Series(close).shift(1)
    ranges = pd.concat(
        [
            pd.Series(high - low),
            (pd.Series(high) - before).abs(),
            (pd.Series(low) - before).abs(),
        ],
        axis=1,
    ).max(axis=1)
    seeded = ranges.copy()
    seeded.iloc[: span - 1] = np.nan
    seeded.iloc[span - 1] = ranges.iloc[:span].mean()
    smooth = seeded.ewm(alpha=1.0 / span, adjust=False).mean()
    return smooth.to_numpy(dtype=np.float64)
