"""Compiled statistics do not check indices; here they run once with the checks on."""

from tests.kernels.checked import checked_lines

CHECKED_RUN = """
import numpy as np

from gpt_trader.kernels import draws, resampled, selection, statistics

beyond = np.zeros(3)
try:
    statistics.moments_step(beyond, 0.1)
except IndexError:
    print("checks are on")
for count in (1, 2, 3, 50):
    returns = np.random.default_rng(count).normal(0, 0.02, count)
    equities = np.rint(1e6 * np.cumprod(1 + returns)).astype(np.int64)
    statistics.take_equities(np.zeros(statistics.MOMENTS), 10**6, equities)
    statistics.returns_between(10**6, equities)
    statistics.day_ends(np.arange(1, count + 1) * 7 * 3600 * 10**10, equities)
    statistics.take_falls(np.zeros(statistics.FALL, np.int64), equities)
    statistics.sharpe(returns)
    places = np.empty(count, np.int64)
    draws.draw_places(places, count, 1)
    draws.shuffle(places, 1)
    resampled.resample_days(returns, 2.0, 1)
    resampled.compound_shuffled(returns, np.empty((2, 3)), 1)
    resampled.compound_drawn(returns, np.empty((2, 3)), 1)
    for first in (1, count):
        prices = np.full((4, count), 100, np.int64)
        resampled.permute_candles(prices, places, first, 1)
    table = np.random.default_rng(count).normal(0, 0.02, (8, count))
    sums, squares = np.empty((2, 4, count))
    selection.sum_blocks(table, 2, sums, squares)
    halves = np.array([[0, 1], [2, 3]])
    selection.judge_splits(sums, squares, 2, halves, np.empty((2, 4)))
    selection.sharpes_of_rows(table, np.array([0, 7]), np.empty(count))
print("no index was out of bounds")
"""


def test_no_statistic_leaves_its_arrays() -> None:
    lines = checked_lines(CHECKED_RUN)

    assert lines == ["checks are on", "no index was out of bounds"]
