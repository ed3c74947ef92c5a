"""Limits refuse what cannot be meant, and reach the gates in the gates' units."""

from decimal import Decimal

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import gates
from gpt_trader.kernels.money import COUNT_MAX
from gpt_trader.risk.limits import DEFAULTS, LIMIT_NOTES, NONE_AT_MAXIMUM, WHOLE, Limits


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
        position_notional_max=Decimal("7.5"),
        daily_loss_max=Decimal(250),
        order_equity_rate_max=Decimal("0.5"),
        spread_bps_max=Decimal("2.5"),
        reference_bps_max=Decimal(300),
        by_product={},
        leverage_max=Decimal(2),
        liquidation_buffer_min=Decimal(200),
        contracts_max=Decimal(10),
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
    assert vector[gates.POSITION_NOTIONAL_MAX] == 750_000_000
    assert vector[gates.DAILY_LOSS_MAX] == 25_000_000_000
    assert vector[gates.ORDER_EQUITY_RATE_MAX] == 500_000_000
    assert vector[gates.SPREAD_RATE_MAX] == 250_000
    assert vector[gates.REFERENCE_RATE_MAX] == 30_000_000
    of_contracts = {"leverage_max", "liquidation_buffer_min", "contracts_max"}  # no kernel has them
    assert vector.size == gates.LIMITS == len(set(LIMIT_NOTES) - of_contracts)


def test_a_sum_of_money_at_its_maximum_is_no_limit() -> None:
    places = {
        "position_notional_max": gates.POSITION_NOTIONAL_MAX,
        "daily_loss_max": gates.DAILY_LOSS_MAX,
    }

    assert set(places) == set(NONE_AT_MAXIMUM)
    for name, place in places.items():
        most = LIMIT_NOTES[name].maximum
        found = [
            Limits.from_mapping({name: most - step}).vector()[place]
            for step in (Decimal(0), Decimal("0.00000001"))
        ]
        assert found == [COUNT_MAX, 10**17 - 1]


def test_a_product_meets_the_tighter_of_its_own_limit_and_the_common_one() -> None:
    given = {
        "position_notional_max": Decimal(900),
        "position_notional_max:BTC-USD": Decimal(5000),
        "position_notional_max:SOL-USD": Decimal(300),
    }

    limits = Limits.from_mapping(given)

    assert limits.of("BTC-USD").position_notional_max == 900, "the tighter one binds"
    assert limits.of("SOL-USD").position_notional_max == 300
    assert limits.of("ETH-USD").position_notional_max == 900
    assert Limits.from_mapping(limits.as_mapping()) == limits
    assert limits.as_mapping() == {**DEFAULTS, **given}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("position_notional_max:", "1", "there is no limit 'position_notional_max:'"),
        ("collar_bps_max:BTC-USD", "1", "there is no limit 'collar_bps_max:BTC-USD'"),
        ("position_notional_max:BTC-USD", "-1", "position_notional_max:BTC-USD is -1, must be"),
        ("position_notional_max:BTC-USD", "NaN", "position_notional_max:BTC-USD is NaN"),
    ],
)
def test_a_products_limit_that_cannot_be_meant_is_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Limits.from_mapping({name: Decimal(value)})


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
