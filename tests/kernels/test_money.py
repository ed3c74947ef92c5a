"""Money kernels against exact fractions and against the product, to the last unit."""

import csv
import math
import os
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Product
from gpt_trader.kernels.money import (
    COUNT_MAX,
    DEN_MAX,
    FLOAT_COUNT_MAX,
    RATE_DEN,
    UNCOUNTABLE,
    fee_owed,
    lots_of,
    notional_paid,
    notional_received,
    plus,
    share_of,
    ticks_of,
    times,
)
from tests.tier import scaled

BILLION_USD = 10**17  # cash units

counts = st.one_of(
    st.integers(0, 1000),
    st.integers(0, 10**12),
    st.integers(0, COUNT_MAX),
    st.integers(COUNT_MAX - 3, COUNT_MAX),
)
increments = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places),
    st.sampled_from([1, 1, 1, 2, 5, 25]),
    st.integers(0, 10),
)


def a_product(price_increment: Decimal, base_increment: Decimal) -> Product:
    some = Decimal(1)
    return Product(
        "BASE-USD", "BASE", "USD", base_increment, price_increment, some, some, some, some, some
    )


products = st.builds(a_product, increments, increments)


def generated_products() -> list[Product]:
    """Increments as the catalogue has them, and some on the way to the bounds."""
    steps = [Decimal(digits).scaleb(-places) for digits in (1, 5) for places in range(9)]
    return [a_product(price, base) for price in steps for base in steps]


def catalogue() -> list[Product]:
    """Generated increments, and those of every real product where the tapes are at hand."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        return generated_products()
    path = Path(folder) / "coinbase-samples" / "lean_coinbase_symbol_properties.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 900
    real = [
        a_product(Decimal(row["minimum_price_variation"]), Decimal(row["lot_size"])) for row in rows
    ]
    return generated_products() + real


def countable(exact: int) -> int:
    return exact if exact <= COUNT_MAX else UNCOUNTABLE


@given(products, counts, counts)
@example(a_product(Decimal("0.01"), Decimal("0.00000001")), 6_200_000, 1_612_903_225_806)
@example(a_product(Decimal(1), Decimal(1)), 0, COUNT_MAX)
@example(a_product(Decimal("1e-10"), Decimal("5e-8")), COUNT_MAX, COUNT_MAX)
def test_a_notional_is_exact_or_uncountable_and_never_wraps(
    product: Product, ticks: int, lots: int
) -> None:
    num, den = product.cash_units_per_tick_lot()
    exact = Fraction(ticks * lots * num, den)

    paid = notional_paid(ticks, lots, num, den)
    received = notional_received(ticks, lots, num, den)

    within = den <= DEN_MAX
    assert paid == (countable(math.ceil(exact)) if within else UNCOUNTABLE)
    assert received == (countable(math.floor(exact)) if within else UNCOUNTABLE)


@given(products, counts, counts, st.integers(0, RATE_DEN), st.integers(1, DEN_MAX))
def test_a_fee_is_the_exact_notional_times_the_rate_rounded_up_once(
    product: Product, ticks: int, lots: int, rate_num: int, rate_den: int
) -> None:
    num, den = product.cash_units_per_tick_lot()
    rate_num = min(rate_num, rate_den)
    exact = Fraction(ticks * lots * num, den)
    notional_fits = den <= DEN_MAX and exact < COUNT_MAX + 1

    fee = fee_owed(ticks, lots, num, den, rate_num, rate_den)

    expected = math.ceil(exact * Fraction(rate_num, rate_den)) if notional_fits else UNCOUNTABLE
    assert fee == (expected if expected <= COUNT_MAX else UNCOUNTABLE)


def test_kernels_and_product_agree_over_the_whole_catalogue_up_to_a_billion_usd() -> None:
    generator = random.Random(7)

    for product in catalogue():
        num, den = product.cash_units_per_tick_lot()
        for _ in range(scaled(40)):
            notional = Fraction(generator.randrange(10 ** generator.randrange(18)))
            most = max(1, int(notional * den / num))
            lots = min(most, max(most // 10**18 + 1, int(10 ** generator.uniform(0, 12))))
            ticks = most // lots + generator.randrange(2)

            paid = notional_paid(ticks, lots, num, den)
            received = notional_received(ticks, lots, num, den)
            fee = fee_owed(ticks, lots, num, den, 6, 1000)

            assert paid == product.notional_paid(ticks, lots)
            assert received == product.notional_received(ticks, lots)
            assert 0 <= paid - received <= 1
            assert fee == math.ceil(Fraction(ticks * lots * num, den) * Fraction(6, 1000))


def test_a_billion_usd_of_bitcoin_is_counted_though_ticks_times_lots_overflow() -> None:
    ticks, lots = 6_200_000, 1_612_903_225_806

    paid = notional_paid(ticks, lots, 1, 100)

    assert ticks * lots > COUNT_MAX
    assert BILLION_USD - 10**6 < paid == math.ceil(Fraction(ticks * lots, 100))


@pytest.mark.parametrize(
    ("ticks", "lots", "num", "den"),
    [
        (-1, 1, 1, 1),
        (1, -1, 1, 1),
        (UNCOUNTABLE, 1, 1, 1),
        (1, UNCOUNTABLE, 1, 1),
        (1, 1, 0, 1),
        (1, 1, -1, 1),
        (1, 1, 1, 0),
        (1, 1, 1, -1),
        (1, 1, 1, DEN_MAX + 1),
        (1, 1, COUNT_MAX, 2),
        (COUNT_MAX, 2, 1, 1),
    ],
)
def test_what_is_no_count_or_no_ratio_is_uncountable(
    ticks: int, lots: int, num: int, den: int
) -> None:
    assert notional_paid(ticks, lots, num, den) == UNCOUNTABLE
    assert notional_received(ticks, lots, num, den) == UNCOUNTABLE
    assert fee_owed(ticks, lots, num, den, 1, 100) == UNCOUNTABLE


@pytest.mark.parametrize(
    ("rate_num", "rate_den"), [(-1, 100), (101, 100), (0, 0), (1, DEN_MAX + 1), (0, -1)]
)
def test_a_fee_rate_outside_zero_to_one_is_uncountable(rate_num: int, rate_den: int) -> None:
    assert fee_owed(100, 100, 1, 1, rate_num, rate_den) == UNCOUNTABLE


def test_rounding_up_past_the_last_count_is_uncountable() -> None:
    num, den = 1, 2

    assert notional_received(COUNT_MAX, 2, num, den) == COUNT_MAX
    assert notional_paid(COUNT_MAX, 2, num, den) == COUNT_MAX
    assert notional_received(COUNT_MAX, 2, 1, 1) == UNCOUNTABLE
    assert notional_paid((COUNT_MAX - 1) // 2, 4, 3, 6) == COUNT_MAX - 1


@given(counts, counts)
def test_sums_and_products_of_counts_are_exact_or_uncountable(first: int, second: int) -> None:
    assert plus(first, second) == countable(first + second)
    assert times(first, second) == countable(first * second)


@pytest.mark.parametrize("broken", [-1, UNCOUNTABLE])
def test_uncountable_goes_through_sums_and_products(broken: int) -> None:
    assert plus(broken, 5) == plus(5, broken) == UNCOUNTABLE
    assert times(broken, 0) == times(0, broken) == UNCOUNTABLE


@given(st.integers(0, BILLION_USD), st.integers(0, RATE_DEN))
def test_a_share_is_rounded_down(units: int, rate: int) -> None:
    assert share_of(units, rate) == units * rate // RATE_DEN


@given(products, st.floats(0, 1e9))
@example(a_product(Decimal("0.01"), Decimal("0.01")), 5.0)
def test_a_price_is_rounded_as_the_product_rounds_it(product: Product, ticks: float) -> None:
    price = Decimal(repr(ticks)) * product.price_increment

    bought = ticks_of(ticks, 1)
    sold = ticks_of(ticks, -1)

    assert bought == product.ticks(product.round_price(price, Side.BUY))
    assert sold == product.ticks(product.round_price(price, Side.SELL))


@given(products, st.floats(-1e9, 1e9))
@example(a_product(Decimal("0.01"), Decimal("0.01")), -1.9)
def test_a_size_is_rounded_toward_zero_as_the_product_rounds_it(
    product: Product, lots: float
) -> None:
    size = Decimal(repr(lots)) * product.base_increment

    assert lots_of(lots) == product.lots(product.round_size(size))


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, FLOAT_COUNT_MAX * 2])
def test_what_a_float_cannot_count_is_uncountable(broken: float) -> None:
    assert ticks_of(broken, 1) == ticks_of(broken, -1) == lots_of(broken) == UNCOUNTABLE


def test_the_last_float_that_counts_is_counted() -> None:
    assert ticks_of(FLOAT_COUNT_MAX, 1) == lots_of(FLOAT_COUNT_MAX) == 2**53
