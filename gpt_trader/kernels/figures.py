"""Sharpe and Sortino ratios of many courses of equity, a row each."""

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.statistics import MOMENTS, sharpe_of, sortino_of, take_equities
from gpt_trader.kernels.vectors import Floats, Table


@compile_step
def daily_ratios(start: int, ends: Table, periods: float, sharpe: Floats, sortino: Floats) -> None:
    """Write both ratios of each row, as one backtest has them.

    Parameters
    ----------
    start : int
        Equity before the first candle, cash units.
    ends : int64, shape (rows, days)
        Equity at the days' ends.
    periods : float
        Returns a year.
    """
    for row in range(ends.shape[0]):
        moments = np.zeros(MOMENTS)
        take_equities(moments, start, ends[row])
        sharpe[row] = sharpe_of(moments, periods)
        sortino[row] = sortino_of(moments, periods)
