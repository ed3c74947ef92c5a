"""From a fraction to lots, against the same sum in whole fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.sizing import (
    LOTS_MAX,
    NO_VOLATILITY_TARGET,
    NOT_KNOWN,
    TOO_LARGE,
    target_lots_step,
    volatility_scale,
)

EQUITY = 1_000_000_000_000  # 10,000 quote
NAN = math.nan


def by_fraction(fraction: float, size_fraction: float = 1.0, equity: int = EQUITY) -> int:
    """Lots of 1e-8 base at 20,000.00 with steps of 0.01: one lot is 20,000 cash units."""
    return target_lots_step(
        fraction, size_fraction, equity, 2_000_000, 1, 100, NAN, NO_VOLATILITY_TARGET
    )


def by_volatility(volatility: float, target: float, fraction: float = 1.0) -> int:
    return target_lots_step(fraction, 1.0, EQUITY, 2_000_000, 1, 100, volatility, target)


def test_all_of_10_000_at_20_000_is_half_a_unit_of_base() -> None:
    assert by_fraction(1.0) == 50_000_000


def test_a_short_has_the_size_of_the_long_and_rounds_toward_zero_too() -> None:
    assert by_fraction(0.1, 1.0, 12_345) == 0
    assert by_fraction(-0.1, 1.0, 12_345) == 0
    assert by_fraction(-1.0, 1 / 3) == -by_fraction(1.0, 1 / 3) == -16_666_666


@given(
    fraction=st.floats(-1, 1),
    size_fraction=st.floats(0, 1),
    equity=st.integers(1, 10**17),
    ticks=st.integers(1, 10**12),
    ratio=st.sampled_from([(1, 1), (1, 100), (10_000, 1), (1, 10**6), (3, 7)]),
)
def test_lots_equal_the_sum_in_whole_fractions(
    fraction: float, size_fraction: float, equity: int, ticks: int, ratio: tuple[int, int]
) -> None:
    num, den = ratio
    wanted = abs(Fraction(fraction)) * Fraction(size_fraction) * equity
    exact = wanted * den / (ticks * num)

    lots = target_lots_step(
        fraction, size_fraction, equity, ticks, num, den, NAN, NO_VOLATILITY_TARGET
    )

    if exact > LOTS_MAX * (1 + Fraction(1, 10**12)):
        assert lots == TOO_LARGE
    elif exact < LOTS_MAX * (1 - Fraction(1, 10**12)):
        error = 1 + exact / 10**14
        assert exact - error <= abs(lots) <= exact + exact / 10**14
        assert lots == 0 or (lots < 0) == (fraction < 0)


@given(st.floats(-1, 1), st.integers(-(2**62), 2**62), st.integers(1, 2**62))
def test_compiled_and_interpreted_give_the_same_lots(
    fraction: float, equity: int, ticks: int
) -> None:
    given_values = (fraction, 0.37, equity, ticks, 3, 1_000, 0.9, 0.4)

    compiled = target_lots_step(*given_values)

    assert compiled == target_lots_step.py_func(*given_values)  # type: ignore[attr-defined]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_a_target_of_zero_is_zero_lots_of_either_sign(zero: float) -> None:
    assert by_fraction(zero) == 0


@pytest.mark.parametrize("equity", [0, -1, -(10**17)])
def test_without_equity_nothing_is_wanted(equity: int) -> None:
    assert by_fraction(1.0, 1.0, equity) == 0
    assert by_fraction(-1.0, 1.0, equity) == 0


@pytest.mark.parametrize("fraction", [NAN, 1.0000001, -1.0000001, math.inf, -math.inf])
def test_a_fraction_that_is_no_exposure_gives_no_lots(fraction: float) -> None:
    assert by_fraction(fraction) == NOT_KNOWN


@pytest.mark.parametrize("size_fraction", [NAN, -0.1, 1.1])
def test_a_size_fraction_outside_0_to_1_gives_no_lots(size_fraction: float) -> None:
    assert by_fraction(1.0, size_fraction) == NOT_KNOWN


@pytest.mark.parametrize("mark_ticks", [0, -5])
def test_without_a_mark_nothing_is_known(mark_ticks: int) -> None:
    lots = target_lots_step(1.0, 1.0, EQUITY, mark_ticks, 1, 1, NAN, NO_VOLATILITY_TARGET)

    assert lots == NOT_KNOWN


def test_more_lots_than_a_float_can_count_are_refused_and_not_wrapped() -> None:
    at_most = target_lots_step(1.0, 1.0, 2**53, 1, 1, 1, NAN, NO_VOLATILITY_TARGET)
    beyond = target_lots_step(1.0, 1.0, 2**53 + 2, 1, 1, 1, NAN, NO_VOLATILITY_TARGET)
    far_beyond = target_lots_step(-1.0, 1.0, 2**62, 1, 1, 2**62, NAN, NO_VOLATILITY_TARGET)

    assert (at_most, beyond, far_beyond) == (LOTS_MAX, TOO_LARGE, TOO_LARGE)


def test_twice_the_volatility_halves_the_size() -> None:
    assert by_volatility(0.8, 0.4) == 25_000_000
    assert by_volatility(0.8, 0.4, fraction=-1.0) == -25_000_000


def test_a_calm_market_never_gets_more_than_the_full_size() -> None:
    assert by_volatility(0.1, 0.4) == by_volatility(0.0, 0.4) == by_volatility(0.4, 0.4)
    assert by_volatility(0.1, 0.4) == 50_000_000


@pytest.mark.parametrize(
    ("volatility", "target"), [(NAN, 0.4), (0.5, NAN), (-0.1, 0.4), (0.5, -0.4)]
)
def test_a_volatility_that_is_not_known_gives_no_lots(volatility: float, target: float) -> None:
    assert by_volatility(volatility, target) == NOT_KNOWN
    assert math.isnan(volatility_scale(volatility, target))
