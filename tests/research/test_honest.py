"""Noise is judged as noise and a planted edge is found, with the real sweep and backtest."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import gpt_trader as gt
from gpt_trader.backtesting.backtest import backtest as plain_backtest
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.sweep_grid import Grid
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.search import searched, task_of
from tests.research.momentum import CHOICES, GRID, MONTH, an_hourly_tape, follow
from tests.tier import scaled

PARAMS = {"span": 1.0, "side": 1.0}


def noise(seed: int) -> CandleTape:
    return an_hourly_tape(4 * MONTH, seed, memory=0.0)


def edge(seed: int) -> CandleTape:
    return an_hourly_tape(4 * MONTH, seed, memory=0.3)


@pytest.mark.parametrize("name", ["ma_crossover", "follow"])
def test_the_days_of_a_search_are_those_of_each_backtest(name: str) -> None:
    """The one strategy is recognised by its form and takes the fast way, the other does not."""
    tape = an_hourly_tape(2 * MONTH, 1, memory=0.1, quiet=0.0)
    strategy = follow if name == "follow" else name
    grid: Grid = GRID if name == "follow" else {"fast": [5, 10, 20], "slow": [40, 60]}
    task = task_of(tape, strategy, grid, CHOICES)

    found = searched(task, task.tapes)

    for place, values in enumerate(task.combinations):
        alone = plain_backtest(tape, strategy, params=values, **CHOICES)
        assert found.daily_returns[:, place].tolist() == alone.daily_returns.tolist()
        assert found.scores["sharpe_daily"][place] == alone.stats["sharpe_daily"]
        assert alone.run.orders.size > 0


def test_a_sweep_has_no_deflated_sharpe_of_its_own() -> None:
    tape = an_hourly_tape(2 * MONTH, 1, memory=0.1, quiet=0.0)
    result: Any = gt.sweep(tape, follow, GRID, **CHOICES)

    with pytest.raises(UsageError, match="deflated_sharpe of Sweep: give a backtest"):
        gt.deflated_sharpe(result)


def test_picking_the_best_is_worth_nothing_on_noise_and_much_on_an_edge() -> None:
    rounds = scaled(60)

    blind = [
        gt.overfitting(noise(seed), follow, GRID, blocks=10, **CHOICES) for seed in range(rounds)
    ]
    seeing = gt.overfitting(edge(1), follow, GRID, blocks=10, **CHOICES)

    assert np.mean([found.probability for found in blind]) > 0.25
    assert seeing.probability < 0.02
    assert seeing.loss_probability < 0.02


def test_a_finished_sweep_is_judged_as_its_candles_are() -> None:
    tape = noise(2)
    sweep = gt.sweep(tape, follow, GRID, progress=False, **CHOICES)

    found = gt.overfitting(sweep, blocks=8)

    again = gt.overfitting(tape, follow, GRID, blocks=8, **CHOICES)
    assert found.logits.tolist() == again.logits.tolist()
    with pytest.raises(UsageError, match="give it alone"):
        gt.overfitting(sweep, follow, GRID)
    with pytest.raises(UsageError, match=r"overfitting\(candles, strategy, grid\)"):
        gt.overfitting(tape, follow)


def test_paths_out_of_sample_show_the_edge_and_no_noise() -> None:
    validated = gt.cross_validate(edge(3), follow, GRID, **CHOICES)
    blind = [gt.cross_validate(noise(seed), follow, GRID, **CHOICES) for seed in range(4, 9)]

    assert len(validated.table) == 15 and len(validated.paths) == 5
    assert validated.scheme.purge == 2  # 31 candles of an hour
    assert validated.scheme.embargo == 2  # of 120 days
    assert validated.sharpes_daily.min() > 3.0
    assert (validated.table["side"] == 1.0).all()
    means = np.array([found.sharpes_daily.mean() for found in blind])
    assert abs(means.mean()) < 4 * means.std(ddof=1) / means.size**0.5
    assert "5 paths" in repr(validated) and "worst path" in validated._repr_html_()


def test_purge_and_embargo_leave_out_as_many_days_as_asked() -> None:
    tape = noise(5)

    none = gt.cross_validate(tape, follow, GRID, purge=0, embargo=0, **CHOICES)
    some = gt.cross_validate(tape, follow, GRID, purge="3d", embargo=4, **CHOICES)

    assert (none.table["train_days"] == 80).all()
    by_tested = dict(zip(some.table["tested"], some.table["train_days"], strict=True))
    assert by_tested[0, 1] == 80 - 3 - 4
    assert by_tested[4, 5] == 80 - 3
    assert by_tested[1, 3] == 80 - 2 * (3 + 3 + 4)


def test_the_more_was_tried_the_less_a_ratio_is_believed() -> None:
    tape = an_hourly_tape(8 * MONTH, 6, memory=0.03)
    result = gt.backtest(tape, follow, params=PARAMS, **CHOICES)
    alone = gt.deflated_sharpe(result)

    gt.sweep(tape, follow, {"span": range(1, 60), "side": [1.0, -1.0]}, progress=False, **CHOICES)
    searched_for = gt.deflated_sharpe(result)

    assert (alone.trials, result.trials, searched_for.trials) == (1, 118, 118)
    assert searched_for.sharpe_daily == alone.sharpe_daily == result.stats["sharpe_daily"]
    assert searched_for.expected_max_sharpe_daily > alone.expected_max_sharpe_daily == 0.0
    assert searched_for.probability < alone.probability


def test_the_best_of_a_sweep_over_noise_is_not_believed_and_an_edge_is() -> None:
    found = []
    for tape in (noise(7), edge(7)):
        sweep = gt.sweep(tape, follow, GRID, progress=False, **CHOICES)
        best = gt.backtest(tape, follow, params=sweep.best, **CHOICES)
        found.append(gt.deflated_sharpe(best))

    assert found[0].trials == found[1].trials == 8
    assert found[0].probability < 0.9
    assert found[1].sharpe_daily > found[0].sharpe_daily


def test_round_trips_in_other_orders_end_with_the_same_equity() -> None:
    result = gt.backtest(edge(8), follow, params=PARAMS, **CHOICES)

    shuffled = gt.monte_carlo(result, scaled(2_000), replacement=False)
    drawn = gt.monte_carlo(result, scaled(2_000))

    closed = result.round_trips.iloc[: result.stats["round_trips"]]
    assert result.trip_returns.size == len(closed) > 100
    growth = float(np.prod(1.0 + result.trip_returns))
    assert shuffled.growth == pytest.approx(growth, rel=1e-9)
    assert drawn.growth_at(0.05) < growth < drawn.growth_at(0.95)
    assert drawn.ruin_rate(0.5) == 0.0
    assert drawn.growth.tolist() == gt.monte_carlo(result, scaled(2_000)).growth.tolist()
    assert "courses" in repr(drawn)


def test_a_result_without_a_round_trip_has_nothing_to_draw() -> None:
    tape = an_hourly_tape(100, 9, memory=0.0)
    result = gt.backtest(tape, follow, params={"span": 150}, **CHOICES)

    with pytest.raises(UsageError, match="no closed round trip"):
        gt.monte_carlo(result)


@pytest.mark.parametrize("figure", ["sharpe_daily", "sortino_daily", "return_rate"])
def test_an_interval_stands_around_the_figure_of_the_result(figure: str) -> None:
    result = gt.backtest(edge(10), follow, params=PARAMS, **CHOICES)

    interval = gt.bootstrap(result, figure, scaled(2_000))

    assert interval.estimate == pytest.approx(result.stats[figure], rel=1e-9)
    assert interval.low < interval.estimate < interval.high
    assert interval.low > 0.0


def test_an_interval_of_noise_holds_zero() -> None:
    result = gt.backtest(noise(11), follow, params=PARAMS, **CHOICES)

    interval = gt.bootstrap(result, lambda returns: float(returns.mean()), scaled(2_000))

    assert interval.low < 0.0 < interval.high
    with pytest.raises(UsageError, match="figure = 'alpha': one of sharpe_daily"):
        gt.bootstrap(result, "alpha")


@pytest.mark.parametrize("grid", [None, GRID], ids=["one combination", "the best of a grid"])
def test_permuted_candles_do_as_well_on_noise_and_never_on_an_edge(
    grid: dict[str, Iterable[float]] | None,
) -> None:
    choices = CHOICES if grid is not None else {**CHOICES, "params": PARAMS}
    count = scaled(300)

    blind = gt.permutation_test(noise(12), follow, grid, count=count, **choices)
    seeing = gt.permutation_test(edge(12), follow, grid, count=count, **choices)

    assert blind.p_value > 0.05
    assert seeing.p_value == 1 / (count + 1)
    assert blind.scores.size == count


def test_permutations_are_no_trials_and_the_real_candles_are() -> None:
    tape = noise(13)

    gt.permutation_test(tape, follow, GRID, count=3, **CHOICES)

    assert gt.backtest(tape, follow, params=PARAMS, **CHOICES).trials == 8
