"""A person's choice of parameters: filled in, checked, and refused with a way out."""

import math

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.strategies.registry import strategy_named

CROSSOVER = strategy_named("ma_crossover")


def test_what_is_not_chosen_is_the_default() -> None:
    values = CROSSOVER.values({"slow": 300})

    assert values == {"fast": 20.0, "slow": 300.0, "band_bps": 2.0}


def test_values_stand_under_their_names_whole_ones_as_integers() -> None:
    values = CROSSOVER.values({"band_bps": 7, "slow": 30, "fast": 5})

    p = CROSSOVER.record(values)

    assert tuple(p) == (5, 30, 7.0)
    assert (type(p.fast), type(p.slow), type(p.band_bps)) == (int, int, float)


def test_memories_are_fresh_zeros_each_time() -> None:
    values = CROSSOVER.values({})
    CROSSOVER.state(values).target[0] = 1.0

    state = CROSSOVER.state(values)

    assert [vector.tolist() for vector in state] == [[0.0]]


def test_a_misspelt_parameter_is_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"ma_crossover has no parameter slwo: did you mean slow"):
        CROSSOVER.values({"slwo": 3})


def test_a_parameter_unlike_any_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match="there is fast, slow, band_bps"):
        CROSSOVER.values({"zzz": 3})


@pytest.mark.parametrize("value", [1, 20_001, -5, math.nan, math.inf, -math.inf])
def test_a_value_outside_its_bounds_is_refused_with_the_bounds(value: float) -> None:
    with pytest.raises(UsageError, match=r"slow = .* is outside 2 to 20000"):
        CROSSOVER.values({"slow": value})


def test_the_bounds_themselves_are_allowed() -> None:
    assert CROSSOVER.values({"fast": 1, "slow": 2})["slow"] == 2.0
    assert CROSSOVER.values({"slow": 20_000})["slow"] == 20_000.0


def test_half_a_candle_is_refused() -> None:
    with pytest.raises(UsageError, match=r"fast = 20\.5 is not a whole number"):
        CROSSOVER.values({"fast": 20.5})


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"fast = 0 is outside 1 to 5000; slow = 1 is outside"):
        CROSSOVER.values({"fast": 0, "slow": 1})
