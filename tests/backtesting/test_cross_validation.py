"""Splits leave no neighbour of a test to train on, paths use each test once."""

from collections import Counter
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.cross_validation import (
    Scheme,
    cross_validate,
    group_ranges,
    paths,
    splits,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Grid
from tests.tier import scaled

schemes = st.builds(
    Scheme,
    groups=st.integers(3, 8),
    test_groups=st.integers(1, 2),
    purge=st.integers(0, 6),
    embargo=st.integers(0, 6),
)


def noise(days: int, columns: int, seed: int) -> Grid:
    return np.random.default_rng(seed).normal(0.0, 0.02, (days, columns))


@given(st.integers(100, 300), schemes)
def test_no_row_beside_a_test_is_trained_on_and_no_other_is_lost(
    count: int, scheme: Scheme
) -> None:
    for split in splits(count, scheme):
        left_out = np.zeros(count, bool)
        for start, stop in split.test:
            after = stop + scheme.purge + scheme.embargo
            left_out[max(0, start - scheme.purge) : after] = True

        train = split.train_rows

        assert train.tolist() == np.flatnonzero(~left_out).tolist()


@given(st.integers(8, 60), schemes)
def test_there_are_as_many_splits_and_paths_as_the_book_says(count: int, scheme: Scheme) -> None:
    free = Scheme(scheme.groups, scheme.test_groups, 0, 0)
    number, k = free.groups, free.test_groups

    made = splits(count, free)
    walked = paths(made, free)

    assert len(made) == comb(number, k)
    assert len(walked) == comb(number, k) * k // number
    used = Counter((split, group) for path in walked for group, split in enumerate(path))
    assert set(used.values()) == {1}
    assert set(used) == {(i, group) for i, split in enumerate(made) for group in split.tested}


def test_six_groups_two_of_them_tested_make_15_splits_and_5_paths() -> None:
    """López de Prado (2018), figures 12.1 and 12.2; his paths number the splits from 1."""
    scheme = Scheme(groups=6, test_groups=2, purge=0, embargo=0)

    walked = paths(splits(60, scheme), scheme)

    assert [[number + 1 for number in path] for path in walked] == [
        [1, 1, 2, 3, 4, 5],
        [2, 6, 6, 7, 8, 9],
        [3, 7, 10, 10, 11, 12],
        [4, 8, 11, 13, 13, 14],
        [5, 9, 12, 14, 15, 15],
    ]


@given(st.integers(2, 500), st.integers(2, 20))
def test_groups_cover_all_rows_and_are_as_equal_as_may_be(count: int, groups: int) -> None:
    if groups > count:
        with pytest.raises(UsageError, match="too few"):
            group_ranges(count, groups)
        return

    ranges = group_ranges(count, groups)

    sizes = [stop - start for start, stop in ranges]
    assert sum(sizes) == count
    assert max(sizes) - min(sizes) <= 1


def test_paths_of_pure_noise_earn_nothing() -> None:
    scheme = Scheme(groups=6, test_groups=2, purge=2, embargo=2)
    rounds = scaled(200)

    sharpes = [
        float(cross_validate(noise(240, 20, seed), scheme).path_sharpes.mean())
        for seed in range(rounds)
    ]

    assert abs(np.mean(sharpes)) < 4 * np.std(sharpes, ddof=1) / rounds**0.5
    assert abs(np.mean(sharpes)) < 0.04


def test_a_planted_edge_is_picked_on_every_split_and_earned_on_every_path() -> None:
    returns = noise(240, 20, seed=3)
    returns[:, 4] += 0.01
    scheme = Scheme(groups=6, test_groups=2, purge=2, embargo=2)

    found = cross_validate(returns, scheme)

    assert set(found.chosen.tolist()) == {4}
    assert found.path_returns.tolist() == [returns[:, 4].tolist()] * 5
    assert (found.path_sharpes > 0.2).all()


def test_a_test_group_is_earned_by_a_pick_that_never_saw_it() -> None:
    """One column wins 100 % in one group alone: whoever may train on it takes it."""
    returns = noise(60, 3, seed=1)
    returns[20:30] = [0.0, 0.0, 1.0]
    scheme = Scheme(groups=6, test_groups=1, purge=0, embargo=0)
    without = np.delete(returns, slice(20, 30), axis=0)

    found = cross_validate(returns, scheme)

    ratios = without.mean(axis=0) / without.std(axis=0, ddof=1)
    assert found.chosen[2] == int(np.argmax(ratios))
    assert [found.chosen[split] for split in (0, 1, 3, 4, 5)] == [2] * 5


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(UsageError, match="3 of 3 groups"):
        Scheme(groups=3, test_groups=3, purge=0, embargo=0)
    with pytest.raises(UsageError, match="cannot be negative"):
        Scheme(groups=3, test_groups=1, purge=-1, embargo=0)
    with pytest.raises(UsageError, match="nothing to train on"):
        splits(30, Scheme(groups=3, test_groups=1, purge=20, embargo=0))
    with pytest.raises(UsageError, match="more than 200000 splits"):
        splits(40, Scheme(groups=40, test_groups=20, purge=0, embargo=0))
    with pytest.raises(UsageError, match="day 5 in column 1"):
        broken = noise(30, 3, 1)
        broken[5, 1] = np.nan
        cross_validate(broken, Scheme(groups=3, test_groups=1, purge=0, embargo=0))
    with pytest.raises(UsageError, match="one column"):
        cross_validate(np.zeros((5, 0)), Scheme(groups=3, test_groups=1, purge=0, embargo=0))
