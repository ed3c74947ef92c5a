"""Sums of blocks and ranks against NumPy and SciPy."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from gpt_trader.kernels.selection import (
    VERDICT,
    judge_splits,
    rank_of,
    sharpe_of_sums,
    sharpes_of_rows,
    sum_blocks,
)
from gpt_trader.kernels.vectors import Floats, Grid


def sharpe(returns: Floats) -> float:
    return float(returns.mean() / returns.std(ddof=1))


def noise(days: int, columns: int, seed: int) -> Grid:
    return np.random.default_rng(seed).normal(0.001, 0.02, (days, columns))


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12), st.data())
def test_a_rank_is_scipys_over_one_more_than_the_count(
    values: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(values) - 1))

    rank = rank_of(np.array(values), place)

    assert rank == pytest.approx(stats.rankdata(values)[place] / (len(values) + 1))


def test_verdicts_are_those_of_the_rows_themselves() -> None:
    blocks, block_days, columns = 6, 7, 5
    returns = noise(blocks * block_days, columns, seed=2)
    halves = np.array(list(combinations(range(blocks), 3)))
    sums, squares = np.empty((2, blocks, columns))
    verdicts = np.empty((len(halves), VERDICT))

    sum_blocks(returns, block_days, sums, squares)
    judge_splits(sums, squares, block_days, halves, verdicts)

    by_block = returns.reshape(blocks, block_days, columns)
    for half, verdict in zip(halves, verdicts, strict=True):
        others = np.setdiff1d(np.arange(blocks), half)
        inside = [sharpe(by_block[half, :, c].ravel()) for c in range(columns)]
        outside = [sharpe(by_block[others, :, c].ravel()) for c in range(columns)]
        best = int(np.argmax(inside))
        rank = stats.rankdata(outside)[best] / (columns + 1)
        assert verdict == pytest.approx([best, inside[best], outside[best], rank])


def test_who_did_nothing_has_a_ratio_of_zero() -> None:
    returns = np.zeros((20, 2))
    returns[:, 1] = 0.1
    sharpes = np.full(2, 9.0)

    sharpes_of_rows(returns, np.arange(20), sharpes)

    assert sharpes.tolist() == [0.0, 0.0]
    assert sharpe_of_sums(20 * 0.1, 20 * 0.1**2, 20) == 0.0


def test_ratios_over_named_rows_are_numpys() -> None:
    returns, rows = noise(50, 4, seed=3), np.array([1, 5, 6, 7, 40, 49])
    sharpes = np.empty(4)

    sharpes_of_rows(returns, rows, sharpes)

    assert sharpes == pytest.approx([sharpe(returns[rows, c]) for c in range(4)])
