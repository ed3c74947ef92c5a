"""How much of a good Sharpe ratio is left once it is known how many were tried to find it.

References
----------
Bailey and López de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15.
Bailey, Borwein, López de Prado and Zhu (2014), Pseudo-mathematics and financial charlatanism,
Notices of the AMS 61.
Bailey and López de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40.
Bailey, Borwein, López de Prado and Zhu (2015), The probability of backtest overfitting, Journal
of Computational Finance 20.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.selection import (
    CHOSEN,
    IN_SAMPLE,
    OUT_OF_SAMPLE,
    RANK,
    VERDICT,
    judge_splits,
    sum_blocks,
)
from gpt_trader.kernels.statistics import COUNT, kurtosis_of, sharpe_of, skew_of
from gpt_trader.kernels.vectors import Floats, Grid, Ints

EULER_MASCHERONI = 0.5772156649015329
BLOCKS_MAX = 20
"""184,756 splits; each two blocks more take four times as long."""

NORMAL = NormalDist()


class TrackRecord(NamedTuple):
    """What a Sharpe ratio was measured on; all per period, nothing scaled to a year."""

    sharpe: float
    periods: float  # how many returns
    skew: float
    kurtosis: float  # 3 for a normal law


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """A Sharpe ratio held against the best that the same number of worthless trials would show."""

    probability: float  # that the true ratio is above zero, after the search; NaN if flat
    sharpe_daily: float  # as in the metrics: scaled to a year
    expected_max_sharpe_daily: float  # what luck alone would have reached
    trials: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Overfitting:
    """What picking the best in sample is worth out of sample, over all splits.

    ``probability`` near a half says that the pick is no better than any; near zero, that what was
    best stays among the better half; near one, that the fitting itself does the harm.
    """

    probability: float
    logits: Floats  # of the pick's rank out of sample; below zero it is in the worse half
    chosen: Ints  # column that was picked, of each split
    in_sample: Floats  # Sharpe ratio of the pick, per day
    out_of_sample: Floats
    loss_probability: float  # that the pick loses money out of sample
    degradation_slope: float  # of out-of-sample over in-sample ratios; NaN if all are equal

    def __repr__(self) -> str:
        return (
            f"<Overfitting: the pick is in the worse half in {self.probability:.1%} of "
            f"{self.logits.size:,} splits, and loses in {self.loss_probability:.1%}>"
        )


def track_record(moments: Floats) -> TrackRecord:
    """Read a vector of moments of `kernels.statistics`."""
    return TrackRecord(
        sharpe_of(moments, 1.0), float(moments[COUNT]), skew_of(moments), kurtosis_of(moments)
    )


def probabilistic_sharpe(record: TrackRecord, benchmark: float) -> float:
    """The probability that the true Sharpe ratio is above `benchmark`, both per period.

    Bailey and López de Prado (2012), equation 11. NaN where the record cannot tell.

    Examples
    --------
    >>> two_years = TrackRecord(sharpe=0.458, periods=24, skew=-2.448, kurtosis=10.164)
    >>> round(probabilistic_sharpe(two_years, 0.0), 3)
    0.913
    """
    spread = sharpe_spread(record)
    if not (spread > 0.0 and record.periods > 1.0):
        return math.nan
    return NORMAL.cdf((record.sharpe - benchmark) * math.sqrt(record.periods - 1.0) / spread)


def minimum_track_record(record: TrackRecord, benchmark: float, confidence: float) -> float:
    """How many returns it takes to believe a Sharpe ratio above `benchmark`; infinity is NaN.

    Bailey and López de Prado (2012), equation 13.

    Examples
    --------
    >>> weekly = TrackRecord(sharpe=2 / 52**0.5, periods=52, skew=0.0, kurtosis=3.0)
    >>> round(minimum_track_record(weekly, 1 / 52**0.5, 0.95) / 52, 2)
    2.83
    """
    if not record.sharpe > benchmark:
        return math.nan
    distance = NORMAL.inv_cdf(confidence) / (record.sharpe - benchmark)
    return 1.0 + sharpe_spread(record) ** 2 * distance**2


def sharpe_spread(record: TrackRecord) -> float:
    """How far an estimate strays, times the root of its returns; wider for skewed, fat tails."""
    sharpe = record.sharpe
    variance = 1.0 - record.skew * sharpe + (record.kurtosis - 1.0) / 4.0 * sharpe * sharpe
    return math.sqrt(variance) if variance > 0.0 else math.nan


def expected_max_sharpe(trials: int, variance: float) -> float:
    """The best Sharpe ratio to expect of so many trials of which none is worth anything.

    Bailey and López de Prado (2014), equation 1.

    Parameters
    ----------
    trials : int
        Independent ones. Trials that resemble one another count for less, and counting all of
        them errs on the safe side.
    variance : float
        Of the trials' Sharpe ratios, in the unit of the result.

    Examples
    --------
    >>> round(expected_max_sharpe(10, 1.0), 2)
    1.57
    """
    if trials < 2:
        return 0.0
    upper = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    beyond = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    expected = (1.0 - EULER_MASCHERONI) * upper + EULER_MASCHERONI * beyond
    return math.sqrt(variance) * max(0.0, expected)


def deflated_sharpe(
    record: TrackRecord, periods_per_year: float, trials: int, variance: float
) -> DeflatedSharpe:
    """The probability that a Sharpe ratio is more than the luck of the search that found it.

    Parameters
    ----------
    record : TrackRecord
        Per period.
    periods_per_year : float
    trials : int
        Every one ever run on these data, the failures above all.
    variance : float
        Of the trials' Sharpe ratios, which are scaled to a year as in the metrics.

    Examples
    --------
    The example of the paper: five years of days, 250 a year, 100 trials.

    >>> found = TrackRecord(sharpe=2.5 / 250**0.5, periods=1250, skew=-3.0, kurtosis=10.0)
    >>> round(deflated_sharpe(found, 250, 100, 0.5).probability, 4)
    0.9004
    """
    luck = expected_max_sharpe(trials, variance)
    scale = math.sqrt(periods_per_year)
    return DeflatedSharpe(
        probability=probabilistic_sharpe(record, luck / scale),
        sharpe_daily=record.sharpe * scale,
        expected_max_sharpe_daily=luck,
        trials=trials,
    )


def minimum_backtest_years(trials: int, sharpe_daily: float) -> float:
    """How many years it takes until the best of so many worthless trials shows less than this.

    Bailey, Borwein, López de Prado and Zhu (2014), equation 6: with five years of data no more
    than 45 trials, if a Sharpe ratio of 1 is to mean anything.

    Examples
    --------
    >>> round(minimum_backtest_years(45, 1.0), 2)
    5.0
    """
    if not sharpe_daily > 0.0:
        raise UsageError(f"a Sharpe ratio of {sharpe_daily} needs no luck: it must be above 0")
    return (expected_max_sharpe(trials, 1.0) / sharpe_daily) ** 2


def overfitting(returns: Grid, blocks: int = 16) -> Overfitting:
    """The probability that the best combination in sample is below the median out of sample.

    Combinatorially symmetric cross-validation: the days are cut into `blocks`, every half of the
    blocks is once the sample, and the order of days within a half plays no part.

    Parameters
    ----------
    returns : float64, shape (T, P)
        Daily returns, one column for each combination that was tried. The oldest ``T % blocks``
        days are left out. A column without any deviation has a ratio of 0.
    blocks : int
        Even, from 2 to 20.

    Raises
    ------
    UsageError
        Fewer than two columns, fewer than two days a block, NaN, or no such number of blocks.

    References
    ----------
    Bailey, Borwein, López de Prado and Zhu (2015), section 2.
    """
    block_days = _block_days(returns, blocks)
    kept = np.ascontiguousarray(returns[len(returns) - blocks * block_days :])
    sums = np.empty((blocks, kept.shape[1]))
    squares = np.empty_like(sums)
    sum_blocks(kept, block_days, sums, squares)
    halves = np.array(list(combinations(range(blocks), blocks // 2)), dtype=np.int64)
    verdicts = np.empty((len(halves), VERDICT))
    judge_splits(sums, squares, block_days, halves, verdicts)
    logits = np.log(verdicts[:, RANK] / (1.0 - verdicts[:, RANK]))
    inside, outside = verdicts[:, IN_SAMPLE].copy(), verdicts[:, OUT_OF_SAMPLE].copy()
    return Overfitting(
        probability=float(np.mean(logits <= 0.0)),
        logits=logits,
        chosen=verdicts[:, CHOSEN].astype(np.int64),
        in_sample=inside,
        out_of_sample=outside,
        loss_probability=float(np.mean(outside < 0.0)),
        degradation_slope=_slope(inside, outside),
    )


def _block_days(returns: Grid, blocks: int) -> int:
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise UsageError("overfitting needs the daily returns of at least two combinations")
    if blocks % 2 or not 2 <= blocks <= BLOCKS_MAX:
        raise UsageError(f"{blocks} blocks: it must be an even number from 2 to {BLOCKS_MAX}")
    if len(returns) < 2 * blocks:
        raise UsageError(f"{len(returns)} days are too few for {blocks} blocks of two or more")
    unknown = np.argwhere(~np.isfinite(returns))
    if len(unknown):
        day, column = unknown[0].tolist()
        raise UsageError(f"the return of day {day} in column {column} is {returns[day, column]}")
    return len(returns) // blocks


def _slope(x: Floats, y: Floats) -> float:
    spread = x - x.mean()
    square = float(spread @ spread)
    return float(spread @ y) / square if square > 0.0 else math.nan
