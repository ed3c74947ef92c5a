"""Numbers that break rolling statistics which only slide."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.candles import candles_of
from gpt_trader.kernels.channels import rolling_std
from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.rolling import (
    ring_size,
    rolling_deviation,
    rolling_highest,
    rolling_lowest,
    rolling_mean,
)
from gpt_trader.kernels.vectors import Floats
from tests.tier import scaled

Rolling = Callable[[float, int, Floats], float]


def fold_of(step: Rolling) -> Callable[[Floats, int, Floats], Floats]:
    """The values of a rolling step over a whole array."""

    @compile_step
    def fold(x: Floats, span: int, ring: Floats) -> Floats:
        out = np.empty(x.size)
        for t in range(x.size):
            out[t] = step(x[t], span, ring)
        return out

    return fold


sma_series = fold_of(rolling_mean)
rolling_std_series = fold_of(rolling_deviation)
highest_series = fold_of(rolling_highest)
lowest_series = fold_of(rolling_lowest)


def deviations_of(close: Floats, span: int) -> Floats:
    """The deviations of closes, whole numbers, in windows of candles."""
    times = np.arange(close.size)
    candles, memory = candles_of(times, (close, close, close, close), close, 0.01, 1), np.zeros(16)
    return np.array([rolling_std(candles, t, span, memory) for t in range(close.size)])


floats = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80).map(np.array)


def exact_std(window: Floats) -> float:
    values = [Fraction(float(x)) for x in window]
    mean = sum(values) / len(values)
    return math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))


def test_a_mean_over_a_long_session_does_not_drift() -> None:
    count, span = scaled(2_000_000), 100
    generator = np.random.default_rng(5)
    x = generator.uniform(1e-8, 1e5, count)

    means = sma_series(x, span, np.zeros(ring_size(span)))

    for t in range(count - 3 * span, count):
        assert means[t] == pytest.approx(math.fsum(x[t - span + 1 : t + 1]) / span, rel=1e-13)


@pytest.mark.parametrize("jump", [1e3, 1e6, 1e9, 1e12])
def test_a_jump_leaves_no_trace_in_the_deviation_when_it_leaves_the_window(jump: float) -> None:
    """A sum of squares that only slides keeps the rounding error of the jump, or goes negative."""
    span = 20
    x = 23_000 + np.random.default_rng(3).normal(0, 1, 100).round(2)
    x[50] += jump

    deviations = rolling_std_series(x, span, np.zeros(ring_size(span)))

    for t in range(span - 1, 100):
        assert deviations[t] == pytest.approx(exact_std(x[t - span + 1 : t + 1]), rel=1e-7)


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.integers(2, 12))
def test_a_window_of_equal_values_deviates_by_exactly_zero(
    before: float, price: float, span: int
) -> None:
    x = np.array([before] * 7 + [price] * (3 * span))

    deviations = rolling_std_series(x, span, np.zeros(ring_size(span)))

    assert (deviations[7 + span - 1 :] == 0.0).all()


@given(floats, st.integers(2, 12))
def test_a_deviation_is_never_negative_and_never_wrongly_unknown(x: Floats, span: int) -> None:
    deviations = rolling_std_series(x, span, np.zeros(ring_size(span)))

    assert np.isnan(deviations[: span - 1]).all()
    assert (deviations[span - 1 :] >= 0.0).all()


@given(floats, st.integers(1, 12))
def test_highest_and_lowest_are_values_of_the_window(x: Floats, span: int) -> None:
    highest = highest_series(x, span, np.zeros(ring_size(span)))
    lowest = lowest_series(x, span, np.zeros(ring_size(span)))

    for t in range(span - 1, x.size):
        window = x[t - span + 1 : t + 1]
        assert highest[t] == window.max()
        assert lowest[t] == window.min()


@pytest.mark.parametrize("jump", [1e3, 1e6, 1e9, 1e12])
def test_a_jump_leaves_no_trace_in_the_deviation_of_closes(jump: float) -> None:
    span = 20
    close = 2_300_000 + np.random.default_rng(3).integers(-100, 100, 200).astype(np.float64)
    close[50] += jump
    close[120:] += jump

    deviations = deviations_of(close, span)

    for t in range(span - 1, 200):
        window = close[t - span + 1 : t + 1]
        assert deviations[t] == pytest.approx(exact_std(window), rel=1e-12)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(2, 12))
def test_equal_closes_deviate_by_exactly_zero(before: int, price: int, span: int) -> None:
    close = np.array([float(before)] * 7 + [float(price)] * (3 * span))

    deviations = deviations_of(close, span)

    assert (deviations[7 + span - 1 :] == 0.0).all()


@given(st.lists(st.integers(1, 2**40), min_size=2, max_size=80), st.integers(2, 12))
def test_the_deviation_of_closes_is_exact_to_the_last_digits(values: list[int], span: int) -> None:
    close = np.array(values, dtype=np.float64)

    deviations = deviations_of(close, span)

    for t in range(span - 1, close.size):
        window = close[t - span + 1 : t + 1]
        assert deviations[t] == pytest.approx(exact_std(window), rel=1e-9)
