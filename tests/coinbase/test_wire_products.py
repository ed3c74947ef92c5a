import json
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.wire_products import (
    parse_candles,
    parse_past_trades,
    parse_products,
    parse_server_time,
)
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import Candle
from tests.coinbase.builders import a_product, a_wire_trade, sample


def a_candle(**changes: Any) -> dict[str, Any]:
    candle = {
        "start": "1712188800",
        "low": "65857.35",
        "high": "66387.77",
        "open": "65984.18",
        "close": "66314.59",
        "volume": "358.74851052",
    }
    return candle | changes


def candles(*wire: dict[str, Any]) -> dict[str, Any]:
    return {"candles": list(wire)}


def test_a_recorded_product_has_its_own_price_step() -> None:
    made = a_product(product_id="BTC-USD", base_currency_id="BTC", base_increment="0.00000001")
    body = {"products": [json.loads(sample("http_product.json", made))]}

    [product] = parse_products(body)

    assert (product.product_id, product.base, product.quote) == ("BTC-USD", "BTC", "USD")
    assert product.base_increment == Decimal("0.00000001")
    assert product.price_increment == Decimal("0.01")


def test_the_quote_increment_is_not_taken_for_the_price_increment() -> None:
    wire = a_product(price_increment="0.00000001", quote_increment="0.01")

    [product] = parse_products({"products": [wire]})

    assert product.price_increment == Decimal("0.00000001")


def test_products_that_are_not_spot_are_left_out() -> None:
    wire = a_product(product_id="BIP-20DEC30-CDE", product_type="FUTURE", base_currency_id="")

    assert parse_products({"products": [wire]}) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"price_increment": "0"},
        {"base_increment": ""},
        {"base_increment": "1e-8"},
        {"quote_max_size": "0"},
        {"base_min_size": "-1"},
        {"base_currency_id": ""},
        {"product_id": ""},
        {"price_increment": 0.01},
    ],
)
def test_a_wrong_product_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_products({"products": [a_product(**changes)]})


def test_recorded_candles_come_oldest_first_in_every_digit() -> None:
    newer = a_candle(start="1712192400")
    body = json.loads(sample("http_candles.json", candles(newer, a_candle())))

    first, second = parse_candles(body, 3600)

    assert first == Candle(
        1_712_188_800 * 10**9,
        Decimal("65984.18"),
        Decimal("66387.77"),
        Decimal("65857.35"),
        Decimal("66314.59"),
        Decimal("358.74851052"),
    )
    assert second.start_ns == 1_712_192_400 * 10**9


def test_a_row_without_volume_is_no_candle() -> None:
    empty = {"volume": "0", "open": "0", "high": "0", "low": "0", "close": "0"}

    assert parse_candles(candles(a_candle(**empty)), 3600) == ()


def test_a_repeated_candle_counts_once_and_two_that_disagree_are_refused() -> None:
    assert len(parse_candles(candles(a_candle(), a_candle()), 3600)) == 1
    with pytest.raises(WireError, match="two candles"):
        parse_candles(candles(a_candle(), a_candle(volume="1")), 3600)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "1712188801"},
        {"start": 1712188800},
        {"high": "65857.34"},
        {"low": "66000"},
        {"open": "0"},
        {"close": "NaN"},
        {"volume": "-1"},
    ],
)
def test_an_impossible_candle_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_candles(candles(a_candle(**changes)), 3600)


def test_recorded_past_trades_come_oldest_first() -> None:
    made = {"trades": [a_wire_trade(trade_id=str(n), price="68923.67") for n in (663, 662, 661)]}

    trades = parse_past_trades(json.loads(sample("http_ticker.json", made)))

    ids = [trade.trade_id for trade in trades]
    assert ids == sorted(ids) and len(ids) == 3
    assert trades[-1].price == Decimal("68923.67")


def test_the_clock_is_read_to_the_nanosecond() -> None:
    assert parse_server_time({"iso": "2026-01-02T03:04:05.000006Z"}) == 1_767_323_045_000_006_000
    with pytest.raises(WireError):
        parse_server_time({"epochSeconds": "1767323045"})
