"""The product table and products read from another exchange."""

from decimal import Decimal

import pytest

from gpt_trader.exchange.catalog import (
    PRODUCTS,
    UnknownProduct,
    default_market,
    find_product,
    product_from_wire,
    product_record,
)


def test_the_default_market_has_25_products_against_dollars() -> None:
    market = default_market()

    assert len({product.product_id for product in market}) == 25
    assert {product.quote for product in market} == {"USD"}


def test_bitcoin_has_coinbases_increments() -> None:
    record = product_record(find_product("BTC-USD"))

    assert record["price_increment"] == "0.01"
    assert record["base_increment"] == "0.00000001"
    assert record["base_min_size"] == "0.00000001"
    assert record["quote_min_size"] == "1"
    assert record["base_max_size"] == "3400"


@pytest.mark.parametrize("product_id", list(PRODUCTS))
def test_every_product_survives_the_wire(product_id: str) -> None:
    product = PRODUCTS[product_id]

    assert product_from_wire(product_record(product)) == product


@pytest.mark.parametrize("product_id", list(PRODUCTS))
def test_a_base_size_is_whole_balance_units(product_id: str) -> None:
    product = PRODUCTS[product_id]

    units = product.base_units(7)

    assert Decimal(units).scaleb(-8) == Decimal(product.base_text(7))


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(UnknownProduct, match="'NO-SUCH'; known are BTC-USD"):
        find_product("NO-SUCH")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("price_increment", "0.03", "power of ten"),
        ("base_increment", "0.000000001", "power of ten"),
        ("base_min_size", "x", "whole number of increments"),
        ("quote_currency_id", "", "no quote_currency_id"),
        ("product_id", None, "no product_id"),
    ],
)
def test_a_strange_product_of_another_exchange_is_refused(
    field: str, value: object, words: str
) -> None:
    body = product_record(find_product("BTC-USD")) | {field: value}

    with pytest.raises(ValueError, match=words):
        product_from_wire(body)
