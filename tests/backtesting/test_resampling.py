"""Resampling against closed forms; p-values of noise are even, an edge is found."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from gpt_trader.backtesting.resampling import (
    block_days_for,
    bootstrap,
    drawn_trips,
    permutation_test,
    permuted,
    shuffled_trips,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.statistics import sharpe
from gpt_trader.kernels.vectors import Floats
from tests.tier import scaled

trips = st.lists(st.floats(-0.5, 0.8), min_size=1, max_size=40).map(np.array)


def mean(returns: Floats) -> float:
    return float(returns.mean())


def candles_from(moves: Floats) -> Candles:
    """Minute candles in price increments that open where the one before closed, or near it."""
    generator = np.random.default_rng(moves.size)
    close = 50_000 * np.exp(np.cumsum(moves))
    opened = np.concatenate(([50_000.0], close[:-1])) * np.exp(
        generator.normal(0, 1e-4, moves.size)
    )
    high = np.maximum(opened, close) * np.exp(generator.exponential(5e-4, moves.size))
    low = np.minimum(opened, close) * np.exp(-generator.exponential(5e-4, moves.size))
    opened, high, low, close = (
        np.rint(price).astype(np.float64) for price in (opened, high, low, close)
    )
    starts = np.arange(moves.size) * 60_000_000_000
    return candles_of(
        starts,
        (opened, high, low, close),
        np.arange(1, moves.size + 1).astype(np.float64),
        0.01,
        60_000_000_000,
    )


def momentum(candles: Candles) -> float:
    """The mean log return of a candle after one that rose."""
    moves = np.diff(np.log(candles.close))
    rose = moves[:-1] > 0
    return float(moves[1:][rose].mean()) if rose.any() else math.nan


def moves_with(memory: float, count: int, seed: int) -> Floats:
    noise = np.random.default_rng(seed).normal(0.0, 0.002, count)
    moves = np.empty(count)
    before = 0.0
    for t in range(count):
        before = moves[t] = memory * before + noise[t]
    return moves


# --- round trips --------------------------------------------------------------------------------


@given(trips, st.integers(0, 2**40))
def test_an_order_changes_the_way_and_never_the_end(returns: Floats, seed: int) -> None:
    outcomes = shuffled_trips(returns, 20, seed)

    assert outcomes.growth == pytest.approx(np.prod(1.0 + returns), rel=1e-9)
    worst = 1.0 - np.prod(1.0 + np.minimum(returns, 0.0))
    assert (outcomes.drawdown_rate <= worst + 1e-12).all()
    assert (outcomes.drawdown_rate >= max(0.0, -returns.min()) - 1e-12).all()


def test_drawing_with_replacement_has_the_mean_and_spread_of_compounding() -> None:
    """Of n independent draws the growth has mean (1 + m)^n and second moment E[(1 + r)^2]^n."""
    returns = np.random.default_rng(1).normal(0.01, 0.05, 30)
    count = scaled(200_000)

    growth = drawn_trips(returns, count, seed=2).growth

    expected = (1 + returns.mean()) ** 30
    spread = math.sqrt(np.mean((1 + returns) ** 2) ** 30 - expected**2)
    assert growth.mean() == pytest.approx(expected, abs=4 * spread / count**0.5)
    assert growth.std() == pytest.approx(spread, rel=0.05)


def test_the_risk_of_ruin_is_that_of_the_gambler() -> None:
    """Even bets of a tenth: down to a half within n bets, by the exact walk of all paths."""
    returns, bets = np.array([0.1, -0.1] * 10), 20
    chances = {0: 1.0}  # wins less losses so far, of the paths not ruined, with the bets made
    ruined = 0.0
    for bet in range(1, bets + 1):
        after: dict[int, float] = {}
        for net, chance in chances.items():
            for step in (1, -1):
                wins = (bet + net + step) // 2
                if 1.1**wins * 0.9 ** (bet - wins) <= 0.5:
                    ruined += chance / 2
                else:
                    after[net + step] = after.get(net + step, 0.0) + chance / 2
        chances = after
    count = scaled(200_000)

    found = drawn_trips(returns, count, seed=3).ruin_rate(0.5)

    assert found == pytest.approx(ruined, abs=4 * math.sqrt(ruined / count))


def test_quantiles_are_those_of_the_courses() -> None:
    outcomes = drawn_trips(np.array([0.1, -0.2, 0.05]), 501, seed=1)

    assert outcomes.growth_at(0.5) == np.median(outcomes.growth)
    assert outcomes.drawdown_at(1.0) == outcomes.drawdown_rate.max()


# --- block bootstrap ----------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1.0, 4.0, 15.0])
def test_the_spread_of_resampled_means_is_that_of_the_paper(block: float) -> None:
    """Politis and Romano (1994), lemma 1: the variance of the mean in closed form."""
    returns = moves_with(0.5, 60, seed=6)
    count, n = scaled(40_000), returns.size
    centred = returns - returns.mean()
    circular = [float(centred @ np.roll(centred, k)) / n for k in range(n)]
    stay = 1.0 - 1.0 / block
    variance = circular[0] / n + 2 / n * sum(
        (1 - k / n) * stay**k * circular[k] for k in range(1, n)
    )

    found = bootstrap(returns, mean, count, seed=1, block_days=block, confidence=0.9)

    assert found.values.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / count))
    assert found.values.mean() == pytest.approx(returns.mean(), abs=4 * math.sqrt(variance / count))


def test_an_interval_of_independent_days_is_the_normal_one() -> None:
    returns = np.random.default_rng(7).normal(0.001, 0.02, 500)

    found = bootstrap(returns, mean, scaled(40_000), seed=1, block_days=1.0, confidence=0.95)

    half = 1.96 * returns.std() / math.sqrt(500)
    assert found.estimate == returns.mean()
    assert found.low == pytest.approx(returns.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(returns.mean() + half, abs=0.1 * half)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """True Sharpe ratio zero, days that remember; blocks keep most of the coverage of 90 %."""
    rounds = scaled(1_000)
    covered = 0

    for seed in range(rounds):
        days = moves_with(0.3, 250, seed)
        found = bootstrap(
            days, sharpe, 200, seed=seed, block_days=block_days_for(250), confidence=0.9
        )
        covered += found.low <= 0.0 <= found.high

    assert 0.78 <= covered / rounds <= 0.97


def test_blocks_grow_with_the_cube_root_of_the_days() -> None:
    assert [block_days_for(days) for days in (1, 27, 1_000)] == [1.0, 3.0, 10.0]


# --- permutation test ---------------------------------------------------------------------------


@given(st.integers(2, 80), st.integers(0, 2**40), st.data())
def test_permuted_candles_keep_times_warmup_and_volumes_with_their_shapes(
    count: int, seed: int, data: st.DataObject
) -> None:
    real = candles_from(moves_with(0.0, count, 3))
    first = data.draw(st.integers(1, count))

    other = permuted(real, first, seed)

    assert other.start_ns.tolist() == real.start_ns.tolist()
    columns = (real.open, real.high, real.low, real.close, real.volume)
    others = (other.open, other.high, other.low, other.close, other.volume)
    for before, after in zip(columns, others, strict=True):
        assert after[:first].tolist() == before[:first].tolist()
        assert after.dtype == np.float64
    assert sorted(other.volume) == sorted(real.volume)
    assert (other.high >= np.maximum(other.open, other.close)).all()
    assert (other.low <= np.minimum(other.open, other.close)).all()
    assert np.diff(other.close_sum).tolist() == other.close.tolist()
    assert abs(other.close[-1] - real.close[-1]) <= 1.0


def test_p_values_of_pure_noise_are_even() -> None:
    rounds = scaled(600)

    values = [
        permutation_test(
            candles_from(moves_with(0.0, 200, seed)), momentum, 39, first=1, seed=seed
        ).p_value
        for seed in range(rounds)
    ]

    assert stats.kstest(values, "uniform").pvalue > 0.01
    assert np.mean(np.array(values) <= 0.1) < 0.25


def test_a_planted_memory_is_found() -> None:
    candles = candles_from(moves_with(0.5, 400, seed=1))

    found = permutation_test(candles, momentum, 99, first=1, seed=1)

    assert found.p_value == 0.01
    assert found.score > found.scores.max()


def test_a_score_that_is_not_known_proves_nothing() -> None:
    candles = candles_from(np.full(20, -0.01))

    assert permutation_test(candles, momentum, 5, first=1, seed=1).p_value == 1.0


def test_equal_scores_count_against_the_strategy() -> None:
    candles = candles_from(moves_with(0.0, 30, 1))

    assert permutation_test(candles, lambda _: 1.0, 9, first=1, seed=1).p_value == 1.0


# --- refusals -----------------------------------------------------------------------------------


def test_what_cannot_be_resampled_is_refused() -> None:
    days = np.array([0.1, math.nan])
    candles = candles_from(moves_with(0.0, 10, 1))

    with pytest.raises(UsageError, match="return 1 is nan"):
        shuffled_trips(days, 5, 1)
    with pytest.raises(UsageError, match="no return"):
        drawn_trips(np.empty(0), 5, 1)
    with pytest.raises(UsageError, match="0 courses"):
        drawn_trips(days[:1], 0, 1)
    with pytest.raises(UsageError, match=r"block_days 0\.5"):
        bootstrap(days[:1], mean, 5, seed=1, block_days=0.5, confidence=0.9)
    with pytest.raises(UsageError, match="5 resamples have no such figure"):
        bootstrap(days[:1], sharpe, 5, seed=1, block_days=1.0, confidence=0.9)
    with pytest.raises(UsageError, match="first 0 must be from 1 to 10"):
        permuted(candles, 0, 1)
    with pytest.raises(UsageError, match="0 permutations"):
        permutation_test(candles, momentum, 0, first=1, seed=1)
