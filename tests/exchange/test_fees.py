"""Notional and fee to the last cash unit, and the tier of the last 30 days."""

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.exchange.catalog import PRODUCTS, Product
from gpt_trader.exchange.fees import WINDOW_NS, FeeSchedule, notional_paid, notional_received
from gpt_trader.exchange.rules import FeeRounding, default_rules
from tests.exchange.markets import BTC, COIN, ETH_BTC

UNIT = Decimal("1e-8")
products = st.sampled_from([PRODUCTS[name] for name in ("BTC-USD", "ETH-BTC", "SHIB-USD")])
ticks = st.integers(1, 10**7)
lots = st.integers(1, 10**11)
ROUNDINGS = {
    FeeRounding.UP: ROUND_CEILING,
    FeeRounding.HALF_EVEN: ROUND_HALF_EVEN,
    FeeRounding.DOWN: ROUND_DOWN,
}


def exact(product: Product, price: int, size: int) -> Decimal:
    return Decimal(product.price_text(price)) * Decimal(product.base_text(size))


def units(value: Decimal, rounding: str) -> int:
    return int((value / UNIT).to_integral_value(rounding))


def a_schedule(rounding: FeeRounding = FeeRounding.UP) -> FeeSchedule:
    return FeeSchedule(replace(default_rules(1), fee_rounding=rounding))


@given(products, ticks, lots)
def test_a_buy_pays_the_notional_rounded_up_and_a_sale_gets_it_rounded_down(
    product: Product, price: int, size: int
) -> None:
    value = exact(product, price, size)

    assert notional_paid(product, price, size) == units(value, ROUND_CEILING)
    assert notional_received(product, price, size) == units(value, ROUND_FLOOR)


@given(products, ticks, lots, st.sampled_from(list(FeeRounding)), st.booleans())
def test_the_fee_is_the_exact_notional_times_the_rate(
    product: Product, price: int, size: int, rounding: FeeRounding, maker: bool
) -> None:
    rate = Decimal("0.004") if maker else Decimal("0.006")

    fee = a_schedule(rounding).fee(product, price, size, maker)

    assert fee == units(exact(product, price, size) * rate, ROUNDINGS[rounding])


@given(products, ticks, st.integers(1, 10**13))
def test_money_buys_the_most_lots_it_can(product: Product, price: int, money: int) -> None:
    schedule = a_schedule()

    def cost(size: int) -> int:
        return notional_paid(product, price, size) + schedule.fee(product, price, size, maker=False)

    size = schedule.affordable(product, price, money)

    assert cost(size) <= money
    assert cost(size + 1) > money


@given(products, ticks, lots)
def test_a_hold_covers_the_taker_fee(product: Product, price: int, size: int) -> None:
    schedule = a_schedule()

    hold = schedule.hold(product, price, size)

    paid = notional_paid(product, price, size)
    assert hold == paid + schedule.fee(product, price, size, maker=False)


@pytest.mark.parametrize(
    ("volume", "maker", "taker"),
    [
        ("9999.99999999", "0.004", "0.006"),
        ("10000", "0.0025", "0.004"),
        ("50000", "0.0015", "0.0025"),
        ("99999.99", "0.0015", "0.0025"),
        ("100000", "0.001", "0.002"),
        ("1000000", "0.0008", "0.0018"),
        ("999000000", "0", "0.0005"),
    ],
)
def test_a_tier_begins_at_its_volume(volume: str, maker: str, taker: str) -> None:
    schedule = a_schedule()

    schedule.record(BTC, 0, int(Decimal(volume) / UNIT), 0)

    tier, _ = schedule.tier()
    assert (tier.maker_rate, tier.taker_rate) == (Decimal(maker), Decimal(taker))
    assert schedule.fee(BTC, 100, 10**6 * COIN, maker=True) == units(
        Decimal(10**6) * Decimal(maker), ROUND_CEILING
    )


def test_volume_is_forgotten_after_30_days_to_the_nanosecond() -> None:
    schedule = a_schedule()
    schedule.record(BTC, 5, 20_000 * 10**8, 7)

    schedule.refresh(5 + WINDOW_NS - 1)
    before = schedule.volume, schedule.fees
    schedule.refresh(5 + WINDOW_NS)

    assert before == (20_000 * 10**8, 7)
    assert (schedule.volume, schedule.fees) == (0, 0)
    assert schedule.tier()[0].name == "Advanced 1"


def test_volume_against_other_currencies_does_not_count() -> None:
    schedule = a_schedule()

    schedule.record(ETH_BTC, 0, 10**15, 1)

    assert schedule.volume == 0
