"""Published examples, SciPy and brute force; noise is found to be noise, an edge an edge."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from gpt_trader.backtesting.overfitting import (
    TrackRecord,
    deflated_sharpe,
    expected_max_sharpe,
    minimum_backtest_years,
    minimum_track_record,
    overfitting,
    probabilistic_sharpe,
    track_record,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.statistics import MOMENTS, take_returns
from gpt_trader.kernels.vectors import Floats, Grid
from tests.tier import scaled


def noise(days: int, columns: int, seed: int) -> Grid:
    return np.random.default_rng(seed).normal(0.0, 0.02, (days, columns))


def record_of(returns: Floats) -> TrackRecord:
    moments = np.zeros(MOMENTS)
    take_returns(moments, np.ascontiguousarray(returns))
    return track_record(moments)


# --- published examples -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "published"),
    [(100, -3.0, 10.0, 0.9004), (46, -3.0, 10.0, 0.9505), (88, 0.0, 3.0, 0.9505)],
)
def test_the_deflated_ratio_is_that_of_the_papers_example(
    trials: int, skew: float, kurtosis: float, published: float
) -> None:
    """Bailey and López de Prado (2014), "A numerical example": 2.5 a year on 1,250 days."""
    found = TrackRecord(2.5 / math.sqrt(250), 1250, skew, kurtosis)

    deflated = deflated_sharpe(found, 250, trials, 0.5)

    assert deflated.probability == pytest.approx(published, abs=5e-5)
    assert deflated.sharpe_daily == pytest.approx(2.5)


def test_the_luck_of_a_hundred_trials_is_that_of_the_papers_example() -> None:
    assert expected_max_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_the_probabilistic_ratio_is_that_of_the_papers_hedge_fund(
    skew: float, kurtosis: float, published: float
) -> None:
    """Bailey and López de Prado (2012): 24 months at 0.458 a month."""
    assert probabilistic_sharpe(TrackRecord(0.458, 24, skew, kurtosis), 0.0) == pytest.approx(
        published, abs=5e-4
    )


@pytest.mark.parametrize(
    ("periods", "skew", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_the_minimum_track_record_is_that_of_the_paper(
    periods: int, skew: float, kurtosis: float, years: float
) -> None:
    """Bailey and López de Prado (2012): a ratio of 2 a year, believed to be above 1 at 95 %."""
    root = math.sqrt(periods)
    record = TrackRecord(2.0 / root, periods, skew, kurtosis)

    needed = minimum_track_record(record, 1.0 / root, 0.95)

    assert needed / periods == pytest.approx(years, abs=5e-3)


def test_five_years_bear_45_trials_and_ten_trials_promise_1_57() -> None:
    """Bailey, Borwein, López de Prado and Zhu (2014), after proposition 1 and equation 6."""
    assert minimum_backtest_years(45, 1.0) == pytest.approx(5.0, abs=5e-3)
    assert expected_max_sharpe(10, 1.0) == pytest.approx(1.57, abs=5e-3)


# --- independent implementations ----------------------------------------------------------------


@given(
    st.floats(-0.3, 0.3),
    st.integers(2, 5_000),
    st.floats(-1.0, 1.0),
    st.floats(3.0, 9.0),
    st.floats(-0.2, 0.2),
)
def test_the_probabilistic_ratio_is_scipys(
    sharpe: float, count: int, skew: float, kurtosis: float, benchmark: float
) -> None:
    spread = math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)

    found = probabilistic_sharpe(TrackRecord(sharpe, count, skew, kurtosis), benchmark)

    expected = stats.norm.cdf((sharpe - benchmark) * math.sqrt(count - 1) / spread)
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_expected_maximum_is_what_many_draws_have() -> None:
    rounds = scaled(20_000)
    draws = np.random.default_rng(8).normal(0.0, 0.7, (rounds, 50))

    expected = expected_max_sharpe(50, 0.49)

    assert draws.max(axis=1).mean() == pytest.approx(expected, rel=0.02)


def test_overfitting_is_that_of_brute_force() -> None:
    returns = noise(63, 7, seed=1)
    returns[:, 3] += 0.004
    blocks = 6
    kept = returns[63 % blocks :]
    parts = np.split(kept, blocks)
    logits, insides, outsides = [], [], []
    for half in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[b] for b in half])
        outside = np.concatenate([parts[b] for b in range(blocks) if b not in half])
        ratios = [part.mean(axis=0) / part.std(axis=0, ddof=1) for part in (inside, outside)]
        best = int(np.argmax(ratios[0]))
        rank = stats.rankdata(ratios[1])[best] / 8
        logits.append(math.log(rank / (1 - rank)))
        insides.append(ratios[0][best])
        outsides.append(ratios[1][best])

    found = overfitting(returns, blocks)

    assert found.logits == pytest.approx(np.array(logits))
    assert found.probability == np.mean(np.array(logits) <= 0)
    assert found.loss_probability == np.mean(np.array(outsides) < 0)
    assert found.degradation_slope == pytest.approx(stats.linregress(insides, outsides).slope)


# --- noise and edge -----------------------------------------------------------------------------


def test_the_best_of_pure_noise_is_no_better_than_any_out_of_sample() -> None:
    rounds = scaled(300)

    shares = [overfitting(noise(320, 25, seed), 8).probability for seed in range(rounds)]

    assert 0.4 < np.mean(shares) < 0.6


def test_a_planted_edge_stays_the_best_out_of_sample() -> None:
    returns = noise(320, 25, seed=5)
    returns[:, 11] += 0.008

    found = overfitting(returns, 8)

    assert found.probability < 0.01
    assert set(found.chosen.tolist()) == {11}
    assert found.loss_probability == 0.0


def test_the_best_of_many_worthless_trials_looks_good_until_it_is_deflated() -> None:
    rounds, trials = scaled(300), 60
    naive, deflated = [], []

    for seed in range(rounds):
        records = [record_of(column) for column in noise(365, trials, seed).T]
        best = max(records)
        variance = float(np.var([record.sharpe for record in records], ddof=1)) * 365
        naive.append(probabilistic_sharpe(best, 0.0))
        deflated.append(deflated_sharpe(best, 365.0, trials, variance).probability)

    assert np.mean(np.array(naive) > 0.95) > 0.8
    assert np.mean(np.array(deflated) > 0.95) < 0.1
    assert 0.35 < np.median(deflated) < 0.65


def test_an_edge_among_worthless_trials_survives_the_deflation() -> None:
    returns = noise(730, 60, seed=9)
    returns[:, 7] += 0.005

    records = [record_of(column) for column in returns.T]

    variance = float(np.var([record.sharpe for record in records], ddof=1)) * 365
    assert deflated_sharpe(max(records), 365.0, 60, variance).probability > 0.99


# --- edges --------------------------------------------------------------------------------------


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_trials_never_promise_less(first: int, second: int) -> None:
    low, high = sorted((first, second))

    assert 0.0 <= expected_max_sharpe(low, 2.0) <= expected_max_sharpe(high, 2.0)


def test_one_trial_is_not_deflated_and_a_flat_record_says_nothing() -> None:
    assert expected_max_sharpe(1, 4.0) == 0.0
    assert math.isnan(probabilistic_sharpe(record_of(np.zeros(50)), 0.0))
    assert math.isnan(probabilistic_sharpe(TrackRecord(0.1, 1, 0.0, 3.0), 0.0))
    assert math.isnan(minimum_track_record(TrackRecord(0.1, 99, 0.0, 3.0), 0.1, 0.95))


@pytest.mark.parametrize(
    ("returns", "blocks", "word"),
    [
        (np.zeros((40, 1)), 4, "at least two combinations"),
        (np.zeros((40, 2)), 5, "even number"),
        (np.zeros((40, 2)), 22, "from 2 to 20"),
        (np.zeros((7, 2)), 4, "7 days are too few"),
        (np.where(np.arange(80).reshape(40, 2) == 41, np.nan, 0.0), 4, "day 20 in column 1"),
    ],
)
def test_what_cannot_be_judged_is_refused(returns: Grid, blocks: int, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        overfitting(returns, blocks)


def test_no_ratio_of_nothing_needs_a_length() -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        minimum_backtest_years(10, 0.0)
