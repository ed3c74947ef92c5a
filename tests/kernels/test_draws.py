"""Draws are a function of seed and position, spread evenly, and blocks are what they say."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from gpt_trader.kernels.draws import (
    draw_below,
    draw_bits,
    draw_places,
    draw_stationary_blocks,
    draw_unit,
    seed_of,
    shuffle,
)
from tests.tier import scaled

seeds = st.integers(0, 2**63 - 1)
MASK = 2**64 - 1


def splitmix(seed: int, position: int) -> int:
    """The published generator in Python's own integers, stepped and not counted."""
    state = seed
    for _ in range(position + 1):
        state = (state + 0x9E3779B97F4A7C15) & MASK
    bits = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


def test_the_sequence_of_seed_1234567_is_the_published_one() -> None:
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]

    drawn = [int(draw_bits(1234567, position)) for position in range(5)]

    assert drawn == published


@given(seeds, st.integers(0, 50))
def test_a_draw_by_its_position_is_the_generator_stepped_so_often(seed: int, position: int) -> None:
    assert int(draw_bits(seed, position)) == splitmix(seed, position)


def test_units_are_spread_evenly_and_do_not_know_their_neighbours() -> None:
    count = scaled(100_000)

    units = np.array([draw_unit(7, position) for position in range(count)])

    assert stats.kstest(units, "uniform").pvalue > 0.01
    assert abs(stats.pearsonr(units[:-1], units[1:]).statistic) < 4 / count**0.5


def test_repetitions_of_one_experiment_do_not_know_one_another() -> None:
    count = scaled(50_000)

    first = [draw_unit(seed_of(3, 0), position) for position in range(count)]
    second = [draw_unit(seed_of(3, 1), position) for position in range(count)]

    assert abs(stats.pearsonr(first, second).statistic) < 4 / count**0.5


@given(st.integers(1, 2**31), seeds, st.integers(0, 2**40))
def test_a_whole_number_is_below_its_bound(bound: int, seed: int, position: int) -> None:
    assert 0 <= draw_below(bound, seed, position) < bound


def test_every_order_of_four_is_equally_likely() -> None:
    rounds = scaled(48_000)
    orders: Counter[tuple[int, ...]] = Counter()

    for seed in range(rounds):
        places = np.arange(4)
        shuffle(places, seed_of(11, seed))
        orders[tuple(places.tolist())] += 1

    assert len(orders) == 24
    assert stats.chisquare(list(orders.values())).pvalue > 0.01


@given(st.integers(1, 200), seeds)
def test_a_shuffle_loses_nothing(count: int, seed: int) -> None:
    places = np.arange(count)

    shuffle(places, seed)

    assert sorted(places.tolist()) == list(range(count))


@given(st.integers(1, 60), st.integers(1, 80), seeds)
def test_places_lie_in_their_bounds(count: int, bound: int, seed: int) -> None:
    places = np.empty(count, np.int64)

    draw_places(places, bound, seed)

    assert ((places >= 0) & (places < bound)).all()


@pytest.mark.parametrize("mean", [1.0, 3.0, 20.0])
def test_stationary_blocks_have_geometric_lengths_of_the_mean_asked_for(mean: float) -> None:
    count = scaled(400_000)
    places = np.empty(count, np.int64)

    draw_stationary_blocks(places, mean, 5)

    begins = np.flatnonzero(np.diff(places) % count != 1) + 1
    lengths = np.diff(begins)
    assert lengths.mean() == pytest.approx(mean, rel=0.06)
    assert lengths.var() == pytest.approx(mean * (mean - 1.0), rel=0.15, abs=1e-3)
