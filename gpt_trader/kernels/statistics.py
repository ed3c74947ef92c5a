"""What a course of equity is worth: daily returns, their moments, Sharpe, Sortino, the worst fall.

Every figure is a fold of a step over the equity of the day's ends, and a sweep that keeps one
small vector per combination gives the same bits as a backtest that keeps the whole course.
Equity is int64 cash units; returns are fractions, float64; what cannot be known is NaN.
"""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.kernels.wide import product_is_greater

DAY_NS = 86_400_000_000_000

# Places in a vector of moments. Zeroed before the first return.
COUNT = 0
MEAN = 1
SUM_2 = 2  # of squared distances from the mean, as the next two of third and fourth powers
SUM_3 = 3
SUM_4 = 4
SUM_DOWN = 5  # of squared negative returns
MOMENTS = 6

# Places in a vector of the fall. `FALL_PEAK` begins as the equity of the start.
FALL_PEAK = 0
FALL_LOSS = 1  # of the deepest fall, and the peak it began at
FALL_FROM = 2
UNDER_NOW = 3  # steps since the latest peak
UNDER_MOST = 4
FALL = 5

RATIO_MAX = 1e9
"""A mean this many deviations from zero is rounding on a course without any risk: no ratio."""


@compile_step
def return_of(before: int, after: int) -> float:
    """The fraction by which an equity grew; NaN when there was none to grow from."""
    if before <= 0:
        return math.nan
    return (after - before) / before


@compile_step
def moments_step(moments: Floats, x: float) -> None:
    """Take one return into mean, variance, skew, kurtosis and downside, without their sums.

    A sum of squares minus the square of a sum loses every digit for returns of 1e-8; this does
    not. A NaN stays in all that follows, so that it is seen.

    References
    ----------
    P. Pébay (2008), Formulas for robust, one-pass parallel computation of covariances and
    arbitrary-order statistical moments, Sandia report SAND2008-6212, equations 1.1 to 1.6.
    """
    before = moments[COUNT]
    count = before + 1.0
    delta = x - moments[MEAN]
    part = delta / count
    square = part * part
    term = delta * part * before
    moments[COUNT] = count
    moments[MEAN] += part
    moments[SUM_4] += (
        term * square * (count * count - 3.0 * count + 3.0)
        + 6.0 * square * moments[SUM_2]
        - 4.0 * part * moments[SUM_3]
    )
    moments[SUM_3] += term * part * (count - 2.0) - 3.0 * part * moments[SUM_2]
    moments[SUM_2] += term
    if not x >= 0.0:
        moments[SUM_DOWN] += x * x


@compile_step
def take_returns(moments: Floats, returns: Floats) -> None:
    """Fold `moments_step` over a vector of returns."""
    for x in returns:
        moments_step(moments, x)


@compile_step
def take_equities(moments: Floats, start: int, equities: Ints) -> None:
    """Fold `moments_step` over the returns from `start` to the first equity, and so on."""
    before = start
    for equity in equities:
        moments_step(moments, return_of(before, equity))
        before = equity


@compile_step
def returns_between(start: int, equities: Ints) -> Floats:
    """The return of each step: from `start` to the first equity, from that to the second, …"""
    returns = np.empty(equities.size)
    before = start
    for i in range(equities.size):
        returns[i] = return_of(before, equities[i])
        before = equities[i]
    return returns


@compile_step
def day_ends(end_ns: Ints, equities: Ints) -> Ints:
    """The last equity of each UTC day, from the first day to the last.

    A day without any candle keeps the equity of the day before, so that a week's gap counts as a
    week without a return and not as one wild day.

    Parameters
    ----------
    end_ns : int64, shape (T,)
        UTC ends of the candles, rising; the candle that ends at midnight belongs to the old day.
    equities : int64, shape (T,)
        At those ends.
    """
    if end_ns.size == 0:
        return np.empty(0, np.int64)
    first = (end_ns[0] - 1) // DAY_NS
    days = np.empty((end_ns[-1] - 1) // DAY_NS - first + 1, np.int64)
    filled = 0
    for i in range(end_ns.size):
        day = (end_ns[i] - 1) // DAY_NS - first
        while filled < day:
            days[filled] = equities[i - 1]
            filled += 1
    days[filled] = equities[-1]
    return days


@compile_step
def deviation_of(moments: Floats) -> float:
    """The standard deviation of a sample, by ``n - 1``; NaN below two returns."""
    if moments[COUNT] < 2.0:
        return math.nan
    return math.sqrt(moments[SUM_2] / (moments[COUNT] - 1.0))


@compile_step
def sharpe_of(moments: Floats, periods: float) -> float:
    """Mean return by its standard deviation, times the root of the periods of a year.

    The return of the alternative is taken as zero, as is usual without a riskless rate in crypto.
    NaN without any deviation, where the ratio would say nothing.

    References
    ----------
    W. F. Sharpe (1994), The Sharpe ratio, Journal of Portfolio Management 21, equations 3 to 6.
    """
    return float(ratio_of(moments[MEAN], deviation_of(moments)) * math.sqrt(periods))


@compile_step
def sortino_of(moments: Floats, periods: float) -> float:
    """Mean return by the root of the mean squared loss, times the root of the periods.

    The losses are those below zero, and they are spread over all returns, not over the losing
    ones only. Infinite where the mean is a gain and nothing was lost; NaN without either.

    References
    ----------
    Sortino and Price (1994), Performance measurement in a downside risk framework, Journal of
    Investing 3.
    """
    if moments[COUNT] < 2.0:
        return math.nan
    downside = math.sqrt(moments[SUM_DOWN] / moments[COUNT])
    ratio = ratio_of(moments[MEAN], downside)
    if math.isnan(ratio) and moments[MEAN] > 0.0:
        return math.inf
    return float(ratio * math.sqrt(periods))


@compile_step
def ratio_of(mean: float, deviation: float) -> float:
    """`mean` by `deviation`, NaN beyond `RATIO_MAX` or without a deviation."""
    if not deviation * RATIO_MAX > abs(mean):
        return math.nan
    return mean / deviation


@compile_step
def skew_of(moments: Floats) -> float:
    """The third standardised moment, of the population; 0 for a normal law, NaN if flat."""
    if not moments[SUM_2] > 0.0:
        return math.nan
    variance = moments[SUM_2] / moments[COUNT]
    return float(moments[SUM_3] / moments[COUNT] / (variance * math.sqrt(variance)))


@compile_step
def kurtosis_of(moments: Floats) -> float:
    """The fourth standardised moment, of the population; 3 for a normal law, NaN if flat."""
    if not moments[SUM_2] > 0.0:
        return math.nan
    variance = moments[SUM_2] / moments[COUNT]
    return float(moments[SUM_4] / moments[COUNT] / (variance * variance))


@compile_step
def fall_step(fall: Ints, equity: int) -> None:
    """Take one equity into the deepest fall and the longest time under water.

    The deepest fall is the largest fraction lost, not the largest loss. Two fractions are
    compared by products of 128 bits, exactly. A peak of nothing or less cannot fall.
    """
    peak = fall[FALL_PEAK]
    if equity >= peak:
        fall[FALL_PEAK] = equity
        fall[UNDER_NOW] = 0
        return
    fall[UNDER_NOW] += 1
    if fall[UNDER_NOW] > fall[UNDER_MOST]:
        fall[UNDER_MOST] = fall[UNDER_NOW]
    loss = peak - equity
    # The peak never sinks, so a loss no larger in money is no larger as a fraction either.
    if peak <= 0 or loss <= fall[FALL_LOSS]:
        return
    if product_is_greater(loss, fall[FALL_FROM], fall[FALL_LOSS], peak) or fall[FALL_FROM] == 0:
        fall[FALL_LOSS] = loss
        fall[FALL_FROM] = peak


@compile_step
def take_falls(fall: Ints, equities: Ints) -> None:
    """Fold `fall_step` over a course of equity."""
    for equity in equities:
        fall_step(fall, equity)


@compile_step
def fall_rate(loss: int, peak: int) -> float:
    """The fraction lost in a fall from `peak`; 0 when nothing ever fell."""
    if loss == 0:
        return 0.0
    return loss / peak


@compile_step
def sharpe(returns: Floats) -> float:
    """The Sharpe ratio of one period's returns, not scaled to a year; NaN if flat."""
    moments = np.zeros(MOMENTS)
    take_returns(moments, returns)
    return sharpe_of(moments, 1.0)
