"""The passes over columns against numpy, with indices checked, on lengths around the blocks."""

import math

import numpy as np
import pytest

from gpt_trader.kernels import loading
from gpt_trader.kernels.vectors import Floats
from tests.kernels.checked import checked_lines
from tests.tier import scaled

LENGTHS = (1, 2, 3, 4, 5, 7, 8, 1023, 1024, 1025, 1027, 2048, 5000)


def walk(count: int, seed: int) -> Floats:
    steps = np.random.default_rng(seed).normal(0, 0.001, count)
    return np.round(20_000 * np.exp(np.cumsum(steps)), 2)


@pytest.mark.parametrize("count", LENGTHS)
def test_counts_and_their_sums_are_numpys(count: int) -> None:
    for seed in range(scaled(30)):
        values, counts, sums = walk(count, seed), np.empty(count), np.empty(count + 1)

        found = loading.close_counts(values, 100.0, counts, sums)

        assert found == 0
        assert np.array_equal(counts, np.rint(values * 100))
        assert np.array_equal(sums, np.concatenate(([0.0], np.cumsum(counts))))
        alone = np.empty(count)
        assert loading.price_counts(values, 100.0, alone) == 0
        assert np.array_equal(alone, counts)
        assert loading.running_sum(counts, 7.0, alone) == 7.0 + counts.sum()
        assert np.array_equal(alone, 7.0 + np.cumsum(counts))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0, 0.0, 1e14])
@pytest.mark.parametrize("row", [0, 1, 1023, 1024, 1500])
def test_one_bad_price_anywhere_refuses_its_column(bad: float, row: int) -> None:
    values, counts, sums = walk(1501, 1), np.empty(1501), np.empty(1502)
    values[row] = bad

    assert loading.price_counts(values, 100.0, counts) & loading.REFUSED
    assert loading.close_counts(values, 100.0, counts, sums) & loading.REFUSED


@pytest.mark.parametrize("value", [0.005, 1.005, 2.675, 1e9 + 0.005])
def test_a_price_next_to_a_half_is_in_doubt_and_any_other_is_not(value: float) -> None:
    counts = np.empty(1)

    assert loading.price_counts(np.array([value]), 100.0, counts) == loading.DOUBTFUL
    assert loading.price_counts(np.array([value + 0.001]), 100.0, counts) == 0
    assert loading.size_counts(np.array([value]), 100.0, counts) == loading.DOUBTFUL


def test_a_price_is_half_an_increment_at_least_and_a_size_may_be_none() -> None:
    counts = np.empty(1)

    assert loading.price_counts(np.array([0.005]), 100.0, counts) == loading.DOUBTFUL
    assert counts[0] == 1
    assert loading.price_counts(np.array([0.00499]), 100.0, counts) == loading.REFUSED
    assert loading.size_counts(np.array([1e-9]), 100.0, counts) == 0
    assert counts[0] == 0
    assert loading.size_counts(np.array([-1e-9]), 100.0, counts) == loading.REFUSED


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1.0, 0),
        (0.5, 0),
        (0.4, loading.DOUBTFUL),
        (0.0, loading.DOUBTFUL),
        (-0.1, loading.REFUSED | loading.DOUBTFUL),
        (math.inf, loading.REFUSED),
        (math.nan, loading.REFUSED | loading.DOUBTFUL),
    ],
)
def test_sizes_are_looked_at_without_being_counted(value: float, found: int) -> None:
    values = np.ones(3000)
    values[2999] = value

    assert loading.size_check(values, 0.5) == found


@pytest.mark.parametrize(
    ("candle", "found"),
    [
        ((2.0, 3.0, 1.0, 2.0), 0),
        ((2.0, 2.0, 2.0, 2.0), 0),
        ((2.0, 1.9, 1.0, 1.5), loading.REFUSED),
        ((1.5, 1.9, 1.0, 2.0), loading.REFUSED),
        ((2.0, 3.0, 2.1, 2.5), loading.REFUSED),
        ((2.5, 3.0, 2.1, 2.0), loading.REFUSED),
        ((2.0, math.nan, 1.0, 2.0), loading.REFUSED),
        ((2.0, 3.0, math.nan, 2.0), loading.REFUSED),
    ],
)
def test_a_high_is_the_highest_and_a_low_the_lowest(
    candle: tuple[float, float, float, float], found: int
) -> None:
    opened, high, low, close = (np.array([2.0, value]) for value in candle)

    assert loading.range_check(opened, high, low, close) == found


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        ([0, 1, 2, 3], 0),
        ([5, 6, 9, 100], 0),
        ([0], 0),
        ([0, 1, 1, 2], loading.FALLING),
        ([0, 2, 1, 3], loading.FALLING),
        ([0, 1, 2.5, 4], loading.OFF_GRID),
        ([0.5, 1.5], loading.OFF_GRID),
        ([0, 1.5, 1], loading.FALLING | loading.OFF_GRID),
    ],
)
def test_times_rise_along_the_grid_or_are_refused(minutes: list[float], found: int) -> None:
    times = np.array([int(minute * 60) for minute in minutes])

    assert loading.time_check(times, 60) == found


def test_the_least_gap_and_other_units() -> None:
    times = np.array([0, 120, 180, 600])
    starts_ns = np.empty(4, np.int64)

    loading.nanoseconds(times, 10**9, starts_ns)

    assert loading.least_gap(times) == 60
    assert loading.least_gap(times[:2]) == 120
    assert loading.least_gap(times[::-1].copy()) == -420
    assert starts_ns.tolist() == [0, 120 * 10**9, 180 * 10**9, 600 * 10**9]


def test_no_pass_leaves_its_columns() -> None:
    here = f"from tests.kernels.test_loading import *\nfor n in {LENGTHS}:\n"
    calls = "    test_counts_and_their_sums_are_numpys(n)\n"
    rest = "test_the_least_gap_and_other_units()\nprint('no index was out of bounds')\n"

    lines = checked_lines(here + calls + rest)

    assert lines == ["no index was out of bounds"]
