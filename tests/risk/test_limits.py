"""Limits refuse what cannot be meant, and reach the gates in the gates' units."""

from decimal import Decimal

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import gates
from gpt_trader.risk.limits import DEFAULTS, LIMIT_NOTES, WHOLE, Limits


def test_what_is_not_given_has_the_documented_default() -> None:
    limits = Limits.from_mapping({"position_rate_max": Decimal("0.1")})

    assert limits.as_mapping() == {**DEFAULTS, "position_rate_max": Decimal("0.1")}


def test_a_mapping_of_limits_gives_the_same_limits_back() -> None:
    limits = Limits.from_mapping({name: note.maximum for name, note in LIMIT_NOTES.items()})

    assert Limits.from_mapping(limits.as_mapping()) == limits


def test_an_unknown_limit_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="did you mean position_rate_max"):
        Limits.from_mapping({"position_rate_maximum": Decimal("0.1")})

    with pytest.raises(UsageError, match="known: order_notional_max"):
        Limits.from_mapping({"zzz": Decimal(1)})


@pytest.mark.parametrize("name", LIMIT_NOTES)
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "-0.1", "1e10"])
def test_a_value_that_cannot_be_meant_is_refused_with_its_bounds(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is .*{LIMIT_NOTES[name].maximum}"):
        Limits.from_mapping({name: Decimal(value)})


@pytest.mark.parametrize("name", LIMIT_NOTES)
def test_zero_and_the_maximum_are_allowed_and_a_step_above_is_not(name: str) -> None:
    maximum = LIMIT_NOTES[name].maximum

    assert Limits.from_mapping({name: Decimal(0)}).as_mapping()[name] == 0
    assert Limits.from_mapping({name: maximum}).as_mapping()[name] == maximum
    with pytest.raises(UsageError):
        Limits.from_mapping({name: maximum + Decimal("0.000001")})


def test_every_limit_reaches_its_gate_in_the_gates_unit() -> None:
    limits = Limits(
        order_notional_max=Decimal("12.5"),
        position_rate_max=Decimal("0.25"),
        exposure_rate_max=Decimal("0.8"),
        mark_age_s_max=Decimal("0.5"),
        collar_bps_max=Decimal("1.5"),
        orders_per_minute_max=Decimal(30),
        daily_loss_rate_max=Decimal("0.1"),
        drawdown_rate_max=Decimal("0.3"),
    )

    vector = limits.vector()

    assert vector[gates.ORDER_NOTIONAL_MAX] == 1_250_000_000
    assert vector[gates.POSITION_RATE_MAX] == 250_000_000
    assert vector[gates.EXPOSURE_RATE_MAX] == 800_000_000
    assert vector[gates.MARK_AGE_NS_MAX] == 500_000_000
    assert vector[gates.COLLAR_RATE_MAX] == 150_000
    assert vector[gates.ORDERS_PER_MINUTE_MAX] == 30
    assert vector[gates.DAILY_LOSS_RATE_MAX] == 100_000_000
    assert vector[gates.DRAWDOWN_RATE_MAX] == 300_000_000
    assert vector.size == gates.LIMITS == len(LIMIT_NOTES)


@pytest.mark.parametrize("name", WHOLE)
def test_a_fraction_of_what_is_counted_is_refused(name: str) -> None:
    assert Limits.from_mapping({name: Decimal("1.0")}).as_mapping()[name] == 1
    with pytest.raises(UsageError, match=f"{name} is 0.9, must be a whole number of"):
        Limits.from_mapping({name: Decimal("0.9")})


def test_what_is_finer_than_a_unit_is_cut_off_and_never_rounded_up() -> None:
    limits = Limits.from_mapping(
        {
            "order_notional_max": Decimal("0.000000019"),
            "position_rate_max": Decimal("0.0000000019"),
        }
    )

    vector = limits.vector()

    assert vector[gates.ORDER_NOTIONAL_MAX] == 1
    assert vector[gates.POSITION_RATE_MAX] == 1


def test_the_defaults_let_a_default_position_of_the_default_account_out_in_one_order() -> None:
    limits = Limits.from_mapping({})

    assert limits.order_notional_max == limits.position_rate_max * 100_000
    assert limits.position_rate_max <= limits.exposure_rate_max < 1
    assert limits.daily_loss_rate_max <= limits.drawdown_rate_max
