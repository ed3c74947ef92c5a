"""Resampled courses against plain Python, and permuted candles that stay candles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.draws import draw_places, draw_stationary_blocks, seed_of, shuffle
from gpt_trader.kernels.resampled import (
    OUTCOME,
    compound_drawn,
    compound_shuffled,
    permute_candles,
    resample_days,
    whole_price,
)
from gpt_trader.kernels.vectors import Floats, Ints, Table

trip_returns = st.lists(st.floats(-1.2, 1.0), min_size=1, max_size=30).map(np.array)
seeds = st.integers(0, 2**62)


def outcome_of(returns: Floats, places: Ints) -> list[float]:
    course = [1.0]
    for place in places.tolist():
        course.append(max(0.0, course[-1] * (1.0 + float(returns[place]))))
    deepest = max(1.0 - now / max(course[: i + 1]) for i, now in enumerate(course))
    return [course[-1], deepest, min(course)]


def a_tape(count: int, seed: int) -> Table:
    """Open, high, low, close of a seeded walk in price increments."""
    generator = np.random.default_rng(seed)
    close = 20_000 * np.exp(np.cumsum(generator.normal(0, 0.01, count)))
    opened = close * np.exp(generator.normal(0, 0.005, count))
    high = np.maximum(opened, close) * np.exp(generator.exponential(0.003, count))
    low = np.minimum(opened, close) * np.exp(-generator.exponential(0.003, count))
    return np.rint([opened, high, low, close]).astype(np.int64)


@given(trip_returns, seeds)
def test_each_row_is_the_course_of_its_own_order(returns: Floats, seed: int) -> None:
    shuffled, drawn = np.empty((3, OUTCOME)), np.empty((3, OUTCOME))

    compound_shuffled(returns, shuffled, seed)
    compound_drawn(returns, drawn, seed)

    order = np.arange(returns.size)
    free = np.empty(returns.size, np.int64)
    for i in range(3):
        shuffle(order, seed_of(seed, i))
        draw_places(free, returns.size, seed_of(seed, i))
        assert shuffled[i] == pytest.approx(outcome_of(returns, order), abs=1e-12)
        assert drawn[i] == pytest.approx(outcome_of(returns, free), abs=1e-12)


@given(trip_returns, st.floats(1.0, 20.0), seeds)
def test_resampled_days_are_the_days_of_the_blocks(
    returns: Floats, block: float, seed: int
) -> None:
    places = np.empty(returns.size, np.int64)
    draw_stationary_blocks(places, block, seed)

    days = resample_days(returns, block, seed)

    assert days.tolist() == returns[places].tolist()


@given(st.integers(2, 60), st.integers(0, 10**6), seeds, st.data())
def test_permuted_candles_are_candles_with_the_same_shapes_and_ends(
    count: int, tape_seed: int, seed: int, data: st.DataObject
) -> None:
    real = a_tape(count, tape_seed)
    first = data.draw(st.integers(1, count))
    prices, places = real.copy(), np.arange(count)

    permute_candles(prices, places, first, seed)

    opened, high, low, close = prices
    assert (prices[:, :first] == real[:, :first]).all()
    assert sorted(places.tolist()) == list(range(count))
    assert (high >= np.maximum(opened, close)).all()
    assert (low <= np.minimum(opened, close)).all()
    # A shape is kept but for the rounding of two prices near 10,000 or more to whole increments.
    assert close / opened == pytest.approx(real[3, places] / real[0, places], abs=4e-4)
    assert high / opened == pytest.approx(real[1, places] / real[0, places], abs=4e-4)
    gaps = np.sort(opened[1:] / close[:-1])
    assert gaps == pytest.approx(np.sort(real[0, 1:] / real[3, :-1]), abs=4e-4)
    assert abs(int(close[-1]) - int(real[3, -1])) <= 1


def test_a_price_never_rounds_to_nothing() -> None:
    assert [whole_price(level) for level in (-50.0, 0.0, np.log(2.5), np.log(1e6))] == [
        1,
        1,
        3,
        1_000_000,
    ]
