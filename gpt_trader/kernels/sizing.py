"""From a target exposure to lots: the one place where a float becomes a size."""

import math

from gpt_trader.kernels.compile import compile_step

UNKNOWN_LOTS = -1
"""Stands for a size that cannot be told: no mark, no equity, no volatility yet, too large."""

LOTS_MAX = 2.0**62


@compile_step
def target_lots_step(
    exposure: float,
    size_fraction: float,
    equity: int,
    mark_ticks: int,
    numerator: int,
    denominator: int,
    volatility: float,
    volatility_target: float,
) -> int:
    """Lots to hold at a target exposure, rounded down: a size is never larger than meant.

    Parameters
    ----------
    exposure : float
        What the strategy wants, from 0 to 1.
    size_fraction : float
        Of equity, at an exposure of one.
    equity : int64
        Cash units.
    mark_ticks, numerator, denominator : int64
        One lot at the mark is worth ``mark_ticks * numerator / denominator`` cash units.
    volatility, volatility_target : float
        A year. With a target above 0 the size shrinks to ``target / volatility`` where that is
        below one; it never grows. A target of 0 leaves the size alone.

    Returns
    -------
    int64
        Lots, 0 or more; `UNKNOWN_LOTS` when it cannot be told.
    """
    if mark_ticks <= 0 or equity <= 0 or exposure != exposure:
        return UNKNOWN_LOTS
    scale = 1.0
    if volatility_target > 0.0:
        if not volatility > 0.0:
            return UNKNOWN_LOTS
        scale = min(1.0, volatility_target / volatility)
    lot_units = float(mark_ticks) * float(numerator) / float(denominator)
    lots = math.floor(max(exposure, 0.0) * size_fraction * scale * float(equity) / lot_units)
    return int(lots) if lots < LOTS_MAX else UNKNOWN_LOTS
