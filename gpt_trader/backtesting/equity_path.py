"""What one course of equity comes to: growth, risk, and the two set against each other."""

import math
from dataclasses import dataclass, replace

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.statistics import (
    COUNT,
    DAY_NS,
    FALL,
    FALL_FROM,
    FALL_LOSS,
    FALL_PEAK,
    MOMENTS,
    UNDER_MOST,
    day_ends,
    deviation_of,
    fall_rate,
    kurtosis_of,
    sharpe_of,
    skew_of,
    sortino_of,
    take_equities,
    take_falls,
)
from gpt_trader.kernels.vectors import Floats, Ints

DAYS_A_YEAR = 365
"""Crypto trades every day; the 252 of the stock exchanges would shrink each Sharpe ratio."""

RETURNS_MIN = 30
"""Of fewer daily returns nothing is said for a year: two lucky days had a Sharpe ratio of 32."""

GROWTH_LOG_MAX = 700.0
"""A week's luck raised to a year can pass the largest float: then the yearly return is NaN."""


OF_A_YEAR = (
    *("return_per_year_rate", "volatility_per_year_rate"),
    *("sharpe_daily", "sortino_daily", "calmar"),
)
"""Figures that speak for a year."""


@dataclass(frozen=True, slots=True, eq=False)
class EquityPath:
    """What is kept of a course of equity: enough for every figure, however long it was."""

    start_units: int  # before the first candle; cash units, or any other count
    end_units: int
    mean_units: float  # of the periods' ends
    moments: Floats  # of the periods' returns, a vector of `kernels.statistics`
    fall_loss_units: int  # of the deepest fall, over every candle
    fall_peak_units: int  # 0: nothing ever fell
    under_water_periods: int  # the longest time below an earlier peak
    period_ns: int  # a UTC day, or the candle where that is wider
    duration_ns: int

    @property
    def periods_per_year(self) -> float:
        """How many returns make a year."""
        return DAYS_A_YEAR * DAY_NS / self.period_ns

    @property
    def years(self) -> float:
        """From the start of the first candle to the end of the last."""
        return self.duration_ns / (DAYS_A_YEAR * DAY_NS)


@dataclass(frozen=True, slots=True)
class EquityMetrics:
    """Growth and risk; rates are fractions, NaN is what the course cannot tell.

    Sortino and Calmar are infinite where something was gained and nothing lost.
    Sharpe and Sortino are of daily returns (UTC days, the last equity of each; wider candles:
    each), scaled to a year of 365 days. Calmar is Young's ratio, over the whole course where he
    took three years: T. W. Young (1991), Calmar ratio: a smoother tool, Futures 20.
    """

    return_rate: float
    return_per_year_rate: float
    volatility_per_year_rate: float
    sharpe_daily: float
    sortino_daily: float
    max_drawdown_rate: float  # over every candle, not the days' ends alone
    calmar: float
    under_water_days: float
    skew_daily: float
    kurtosis_daily: float  # 3 for a normal law


def equity_path(start_units: int, end_ns: Ints, equities: Ints, candle_ns: int) -> EquityPath:
    """Fold a course of equity, one value a candle, into what is kept of it.

    Parameters
    ----------
    start_units : int
        The equity before the first candle.
    end_ns, equities : int64, shape (T,)
        The candles' ends, UTC and rising, and the equity at each.
    candle_ns : int
        The width of a candle.

    Raises
    ------
    UsageError
        There is no candle, or nothing to start with.
    """
    if equities.size == 0 or equities.size != end_ns.size:
        raise UsageError(f"{equities.size} equities at {end_ns.size} times make no course")
    if start_units <= 0:
        raise UsageError(f"an equity of {start_units} cash units cannot grow")
    ends = day_ends(end_ns, equities) if candle_ns <= DAY_NS else equities
    moments = np.zeros(MOMENTS)
    take_equities(moments, start_units, ends)
    fall = _falls(start_units, equities)
    return EquityPath(
        start_units=start_units,
        end_units=int(equities[-1]),
        mean_units=float(np.mean(ends)),
        moments=moments,
        fall_loss_units=int(fall[FALL_LOSS]),
        fall_peak_units=int(fall[FALL_FROM]),
        under_water_periods=int(_falls(start_units, ends)[UNDER_MOST]),
        period_ns=max(DAY_NS, candle_ns),
        duration_ns=int(end_ns[-1]) - int(end_ns[0]) + candle_ns,
    )


def _falls(start_units: int, equities: Ints) -> Ints:
    fall = np.zeros(FALL, np.int64)
    fall[FALL_PEAK] = start_units
    take_falls(fall, equities)
    return fall


def known_metrics(path: EquityPath) -> EquityMetrics:
    """Growth and risk as they are shown: NaN for a year's figures of too few returns."""
    found = equity_metrics(path)
    if path.moments[COUNT] >= RETURNS_MIN:
        return found
    return replace(found, **dict.fromkeys(OF_A_YEAR, math.nan))


def equity_metrics(path: EquityPath) -> EquityMetrics:
    """Compute growth and risk of one course, however short: to compare courses of one length."""
    periods = path.periods_per_year
    per_year = return_per_year_rate(path)
    fallen = fall_rate(path.fall_loss_units, path.fall_peak_units)
    return EquityMetrics(
        return_rate=path.end_units / path.start_units - 1.0,
        return_per_year_rate=per_year,
        volatility_per_year_rate=deviation_of(path.moments) * math.sqrt(periods),
        sharpe_daily=sharpe_of(path.moments, periods),
        sortino_daily=sortino_of(path.moments, periods),
        max_drawdown_rate=fallen,
        calmar=calmar_of(per_year, fallen),
        under_water_days=path.under_water_periods * path.period_ns / DAY_NS,
        skew_daily=skew_of(path.moments),
        kurtosis_daily=kurtosis_of(path.moments),
    )


def calmar_of(per_year: float, fallen: float) -> float:
    """A year's growth by the deepest fall; infinite if it grew and never fell, NaN if neither."""
    if fallen > 0.0:
        return per_year / fallen
    return math.inf if per_year > 0.0 else math.nan


def return_per_year_rate(path: EquityPath) -> float:
    """The constant yearly return that leads from the start to the end; NaN past any float."""
    if path.end_units <= 0:
        return -1.0
    growth = math.log(path.end_units / path.start_units) / path.years
    return math.expm1(growth) if growth <= GROWTH_LOG_MAX else math.nan
