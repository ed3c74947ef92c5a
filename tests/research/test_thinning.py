"""A thinned line keeps its ends and its extremes, and is short."""

import numpy as np
import pandas as pd
import pytest

from gpt_trader.research.thinning import POINTS_MAX, thinned
from tests.tier import scaled


def a_walk(seed: int, points: int) -> "pd.Series[float]":
    return pd.Series(np.random.default_rng(seed).normal(size=points).cumsum())


def test_a_short_line_stays_as_it_is() -> None:
    line = a_walk(1, POINTS_MAX)

    assert thinned(line) is line


@pytest.mark.parametrize("seed", range(scaled(50)))
def test_ends_and_extremes_are_kept(seed: int) -> None:
    line = a_walk(seed, 5_001 + 1_733 * seed)

    short = thinned(line)

    assert len(short) <= POINTS_MAX
    assert short.max() == line.max() and short.min() == line.min()
    assert [short.index[0], short.index[-1]] == [line.index[0], line.index[-1]]
    assert short.equals(line.loc[short.index]) and short.index.is_monotonic_increasing


def test_a_single_spike_among_half_a_million_points_is_seen() -> None:
    line = pd.Series(np.zeros(525_600))
    line.iloc[314_159] = -1.0

    assert thinned(line).min() == -1.0


def test_unknown_values_do_not_hide_the_known_ones() -> None:
    line = a_walk(2, 20_000)
    line.iloc[:9_000] = np.nan
    line.iloc[12_000] = 1e6

    assert thinned(line).max() == 1e6


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="below 4"):
        thinned(a_walk(1, 100), 3)
