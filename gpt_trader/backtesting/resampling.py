"""What chance alone would have made of the same round trips, the same days, the same candles."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.draws import seed_of
from gpt_trader.kernels.resampled import (
    DEEPEST,
    GROWTH,
    LOWEST,
    OUTCOME,
    compound_drawn,
    compound_shuffled,
    permute_candles,
    resample_days,
)
from gpt_trader.kernels.vectors import Floats, Grid


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Outcomes:
    """Many courses that the same round trips could have taken; one value a course."""

    growth: Floats  # equity at the end, as a multiple of the start
    drawdown_rate: Floats  # the deepest fall
    lowest: Floats  # smallest equity, as a multiple of the start

    def ruin_rate(self, loss_rate: float) -> float:
        """The share of the courses that lost at least this fraction of the start on the way."""
        return float(np.mean(self.lowest <= 1.0 - loss_rate))

    def growth_at(self, share: float) -> float:
        """The growth that this share of the courses stays below."""
        return float(np.quantile(self.growth, share))

    def drawdown_at(self, share: float) -> float:
        """The drawdown that this share of the courses stays below."""
        return float(np.quantile(self.drawdown_rate, share))

    def __repr__(self) -> str:
        low, middle, high = (self.growth_at(share) - 1.0 for share in (0.05, 0.5, 0.95))
        return (
            f"<Outcomes of {self.growth.size:,} courses: return {middle:+.1%}, 90 % of them "
            f"{low:+.1%} to {high:+.1%}; drawdown {self.drawdown_at(0.5):.1%}, "
            f"95 % below {self.drawdown_at(0.95):.1%}>"
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Interval:
    """A figure of the days as they were, and where it lies had they come otherwise."""

    estimate: float
    low: float
    high: float
    values: Floats  # of every resample

    def __repr__(self) -> str:
        return f"<Interval {self.low:.4g} to {self.high:.4g} around {self.estimate:.4g}>"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PermutationTest:
    """A score on the real candles beside those on candles whose order in time is destroyed."""

    score: float
    scores: Floats
    p_value: float  # share of orders that do as well, the real one among them

    def __repr__(self) -> str:
        return (
            f"<PermutationTest: score {self.score:.4g}, p = {self.p_value:.4f} of "
            f"{self.scores.size:,} permutations>"
        )


def shuffled_trips(returns: Floats, count: int, seed: int) -> Outcomes:
    """The same round trips in other orders: how deep could the fall have been on the way?

    The equity at the end is the same for each. `returns` as of `round_trips.trip_returns`.
    """
    outcomes = _outcomes(returns, count)
    compound_shuffled(returns, outcomes, seed)
    return _read(outcomes)


def drawn_trips(returns: Floats, count: int, seed: int) -> Outcomes:
    """As many round trips drawn with replacement: what could have come out, and how likely is ruin?

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7.
    """
    outcomes = _outcomes(returns, count)
    compound_drawn(returns, outcomes, seed)
    return _read(outcomes)


def _outcomes(returns: Floats, count: int) -> Grid:
    _refuse_unknown(returns)
    if count < 1:
        raise UsageError(f"{count} courses are none")
    return np.empty((count, OUTCOME))


def _read(outcomes: Grid) -> Outcomes:
    growth, deepest, lowest = (outcomes[:, column].copy() for column in (GROWTH, DEEPEST, LOWEST))
    return Outcomes(growth, deepest, lowest)


def block_days_for(count: int) -> float:
    """A mean length of blocks for so many days: their cube root, the order of the best one.

    References
    ----------
    Politis and White (2004), Automatic block-length selection for the dependent bootstrap,
    Econometric Reviews 23: the best length grows with the cube root of the sample.
    """
    return max(1.0, float(round(count ** (1 / 3))))


def bootstrap(
    returns: Floats,
    statistic: Callable[[Floats], float],
    count: int,
    *,
    seed: int,
    block_days: float,
    confidence: float,
) -> Interval:
    """A confidence interval of any figure of daily returns that keeps their short memory.

    Parameters
    ----------
    returns : float64, shape (T,)
        Daily.
    statistic : callable
        From returns to one number, for instance `gpt_trader.kernels.statistics.sharpe`.
    count : int
        Resamples; 1,000 for a 95 % interval, more for a wider one.
    block_days : float
        Mean length of a block of days kept together, at least 1; `block_days_for` proposes one.
    confidence : float
        Between 0 and 1, such as 0.95: the interval lies between equal tails.

    Raises
    ------
    UsageError
        No days, a NaN among them, or a parameter out of its bounds. Also if the figure is NaN on
        a resample: an interval without those would be too narrow.

    References
    ----------
    Politis and Romano (1994), The stationary bootstrap, J. American Statistical Association 89.
    """
    _refuse_unknown(returns)
    if block_days < 1.0 or not 0.0 < confidence < 1.0 or count < 1:
        raise UsageError(
            f"block_days {block_days} must be at least 1, confidence {confidence} between 0 "
            f"and 1, count {count} at least 1"
        )
    values = np.array(
        [statistic(resample_days(returns, block_days, seed_of(seed, i))) for i in range(count)]
    )
    if not np.isfinite(values).all():
        raise UsageError(
            f"{int((~np.isfinite(values)).sum())} resamples have no such figure: too few days"
        )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Interval(float(statistic(returns)), float(low), float(high), values)


def permuted(candles: Candles, first: int, seed: int) -> Candles:
    """The candles with shapes and gaps in another order; those before `first` stay.

    Open, high, low and close keep their relations within a candle, volumes go with the shapes,
    times stay. See `kernels.resampled.permute_candles`.
    """
    if not 1 <= first <= len(candles.close):
        raise UsageError(f"first {first} must be from 1 to {len(candles.close)}, the candles")
    columns = (candles.open, candles.high, candles.low, candles.close)
    prices = np.array(columns).astype(np.int64)
    places = np.arange(prices.shape[1])
    permute_candles(prices, places, first, seed)
    opened, high, low, close = np.ascontiguousarray(prices, dtype=np.float64)
    return candles._replace(
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=candles.volume[places],
        close_sum=np.concatenate(([0.0], np.cumsum(close))),
    )


def permutation_test(
    candles: Candles,
    judge: Callable[[Candles], float],
    count: int,
    *,
    first: int,
    seed: int,
) -> PermutationTest:
    """How often candles in a random order let the strategy score as well as the real ones.

    Let `judge` do all that was done to find the strategy, the choice of its parameters too: the
    p-value of a choice made beforehand on the real candles is too small.

    Parameters
    ----------
    judge : callable
        From candles to a score, higher is better; NaN counts as no better than any.
    count : int
        Permutations; the smallest possible p-value is ``1 / (count + 1)``.
    first : int
        The first candle that moves, at least 1: the strategy's warm-up.

    References
    ----------
    T. Masters (2018), Permutation and randomization tests for trading system development.
    The 1 added above and below: Phipson and Smyth (2010), Permutation p-values should never be
    zero, Statistical Applications in Genetics and Molecular Biology 9.
    """
    if count < 1:
        raise UsageError(f"{count} permutations are none")
    score = float(judge(candles))
    scores = np.array(
        [judge(permuted(candles, first, seed_of(seed, i))) for i in range(count)], np.float64
    )
    if np.isnan(score):
        return PermutationTest(score, scores, 1.0)
    better = int(np.sum(scores >= score))
    return PermutationTest(score, scores, (1 + better) / (1 + count))


def _refuse_unknown(returns: Floats) -> None:
    if returns.size == 0:
        raise UsageError("there is no return to draw from")
    unknown = np.flatnonzero(~np.isfinite(returns))
    if unknown.size:
        raise UsageError(f"return {int(unknown[0])} is {returns[unknown[0]]}")
