"""Choices see no candle of their test, tests join exactly, noise earns nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.equity_path import equity_metrics
from gpt_trader.backtesting.walk_forward import (
    EquityCourse,
    Experiment,
    Window,
    anchored_windows,
    joined,
    judged_by,
    rolling_windows,
    walk_forward,
)
from gpt_trader.domain.errors import UsageError
from tests.backtesting.courses import (
    HOUR_NS,
    START_UNITS,
    Closes,
    follow,
    trending,
    warmup,
)
from tests.tier import scaled

GRID = [{"span": span, "side": side} for span in (1.0, 3.0, 10.0, 30.0) for side in (1.0, -1.0)]
MOMENTUM = Experiment(follow, judged_by(follow, "sharpe_daily"), warmup, "it needs two days")
MONTH = 24 * 30


@given(st.integers(2, 400), st.integers(1, 300), st.integers(1, 100))
def test_tests_join_without_gap_or_overlap_up_to_the_last_candle(
    count: int, train: int, test: int
) -> None:
    if train >= count:
        with pytest.raises(UsageError, match="do not fit"):
            rolling_windows(count, train, test)
        return

    rolling, anchored = rolling_windows(count, train, test), anchored_windows(count, train, test)

    for windows in (rolling, anchored):
        edges = [train, *(window.test_stop for window in windows)]
        assert [window.test_start for window in windows] == edges[:-1]
        assert edges[-1] == count
        assert all(window.test_start < window.test_stop for window in windows)
    assert {window.train_stop - window.train_start for window in rolling} == {train}
    assert {window.train_start for window in anchored} == {0}


def test_the_choice_of_a_window_ignores_every_candle_from_its_test_on() -> None:
    tape = trending(4 * MONTH, seed=1, memory=0.2)
    windows = rolling_windows(len(tape), 2 * MONTH, MONTH)
    other = trending(4 * MONTH, seed=2, memory=-0.5)
    edge = windows[0].test_start
    joint = Closes(tape.end_ns, np.concatenate((tape.close[:edge], other.close[edge:])))

    first = walk_forward(tape, GRID, windows, MOMENTUM).outcomes[0]
    changed = walk_forward(joint, GRID, windows, MOMENTUM).outcomes[0]

    assert (first.values, first.train_score) == (changed.values, changed.train_score)
    assert first.test != changed.test


def test_a_test_is_warm_at_its_first_candle_and_not_before() -> None:
    """The run of a test is a run of the whole tape, but that nothing is held before the test."""
    tape = trending(3 * MONTH, seed=3, memory=0.3)
    window = Window(0, 2 * MONTH, 3 * MONTH)

    found = walk_forward(tape, [{"span": 30.0}], [window], MOMENTUM)

    whole = follow(tape, {"span": 30.0}).equity_units
    share = found.course.equity_units / START_UNITS
    assert found.course.end_ns.tolist() == tape.end_ns[2 * MONTH :].tolist()
    assert found.course.equity_units[0] == START_UNITS
    assert share == pytest.approx(whole[2 * MONTH :] / whole[2 * MONTH], rel=1e-9)


def test_a_run_that_trades_before_its_test_is_found_out() -> None:
    tape = trending(3 * MONTH, seed=3, memory=0.3)
    cold = replace(MOMENTUM, warmup=lambda values: int(values["span"]) + 20)

    with pytest.raises(AssertionError, match="traded before"):
        walk_forward(tape, [{"span": 3.0}], [Window(0, 2 * MONTH, 3 * MONTH)], cold)


def test_the_joined_course_carries_each_test_on_from_the_one_before() -> None:
    ends = np.array([1, 2])
    courses = [
        EquityCourse(1_000, ends, np.array([1_100, 1_200]), 1, 2, 10),
        EquityCourse(1_000, ends + 2, np.array([900, 500]), 1, 3, 10),
        EquityCourse(2_000, ends + 4, np.array([2_000, 3_000]), 1, 4, 20),
    ]

    course = joined(courses)

    assert course.end_ns.tolist() == [1, 2, 3, 4, 5, 6]
    assert course.equity_units.tolist() == [1_100, 1_200, 1_080, 600, 600, 900]
    assert course.orders == 9
    assert course.fees_units == 10 + 12 + 6  # scaled as the equity is


def test_a_lost_account_ends_the_joined_course() -> None:
    lost = EquityCourse(1_000, np.array([1]), np.array([0]), 1, 1, 5)
    after = EquityCourse(1_000, np.array([2]), np.array([2_000]), 1, 1, 5)

    assert joined([lost, after]).equity_units.tolist() == [0]


def test_each_row_of_the_table_tells_one_window() -> None:
    tape = trending(5 * MONTH, seed=4, memory=0.3)
    windows = anchored_windows(len(tape), 2 * MONTH, MONTH)

    found = walk_forward(tape, GRID, windows, MOMENTUM)

    rows = found.table()
    assert [row["train_stop"] for row in rows] == [window.train_stop for window in windows]
    best = max(MOMENTUM.judge(tape[: 2 * MONTH], GRID))
    assert rows[0]["train_score"] == best
    assert rows[0]["span"] in {1.0, 3.0, 10.0, 30.0}
    growth = math.prod(1.0 + row["test_return_rate"] for row in rows)
    assert found.metrics().return_rate == pytest.approx(growth - 1.0, rel=1e-6)


def test_momentum_is_found_where_it_is_and_followed_when_it_turns() -> None:
    """Half a year of trends, then half a year of reversals: the side chosen turns with them."""
    first = trending(6 * MONTH, seed=5, memory=0.4)
    second = trending(6 * MONTH, seed=6, memory=-0.4)
    turned = second.close * (first.close[-1] / second.close[0])
    tape = Closes((np.arange(12 * MONTH) + 1) * HOUR_NS, np.concatenate((first.close, turned)))

    found = walk_forward(tape, GRID, rolling_windows(len(tape), 2 * MONTH, MONTH), MOMENTUM)

    sides = [row.values["side"] for row in found.outcomes]
    assert (sides[:4], sides[-4:]) == ([1.0] * 4, [-1.0] * 4)
    assert found.metrics().sharpe_daily > 3.0


def test_on_pure_noise_the_best_of_training_earns_nothing_in_the_tests() -> None:
    rounds = scaled(150)
    trained, tested = [], []

    for seed in range(rounds):
        tape = trending(4 * MONTH, seed=seed, memory=0.0)
        found = walk_forward(tape, GRID, rolling_windows(len(tape), MONTH, MONTH), MOMENTUM)
        trained.append(np.mean([row.train_score for row in found.outcomes]))
        tested.append(found.metrics().sharpe_daily)

    error = np.std(tested, ddof=1) / rounds**0.5
    assert abs(np.mean(tested)) < 4 * error
    assert np.mean(trained) > np.mean(tested) + 2 * error


def test_what_cannot_be_walked_is_refused() -> None:
    tape = trending(100, seed=1, memory=0.0)

    with pytest.raises(UsageError, match="at least one window and one combination"):
        walk_forward(tape, [], [Window(0, 50, 100)], MOMENTUM)
    with pytest.raises(UsageError, match="no metric 'sharp'"):
        judged_by(follow, "sharp")
    with pytest.raises(UsageError, match="warm-up of 31 candles does not fit"):
        fixed = replace(MOMENTUM, judge=lambda tape, grid: [1.0])
        walk_forward(tape, [{"span": 30.0}], [Window(0, 10, 100)], fixed)
    with pytest.raises(UsageError, match="no combination can be judged on candles 0 to 9"):
        walk_forward(tape, [{"span": 30.0}], [Window(0, 10, 100)], MOMENTUM)


def test_the_judge_reads_the_figure_it_is_asked_for() -> None:
    tape = trending(MONTH, seed=7, memory=0.2)

    scores = judged_by(follow, "max_drawdown_rate")(tape, GRID)

    assert list(scores) == [
        equity_metrics(follow(tape, values).path).max_drawdown_rate for values in GRID
    ]
