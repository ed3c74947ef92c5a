"""Previews of new orders: every field, the refusals of a create, and no trace left."""

from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import COIN, Wire, a_body, a_limit, a_venue, everything, place

FIELDS = {
    "order_total", "commission_total", "errs", "warning", "quote_size", "base_size", "best_bid",
    "best_ask", "is_max", "order_margin_total", "leverage", "long_leverage", "short_leverage",
    "slippage", "preview_id", "current_liquidation_buffer", "projected_liquidation_buffer",
    "max_leverage", "est_average_filled_price", "pnl_configuration", "twap_bucket_metadata",
    "position_notional_limit", "max_notional_at_requested_leverage", "margin_ratio_data",
    "commission_detail_total", "scaled_metadata", "compliance_limit_data",
    "prediction_order_metadata",
}  # fmt: skip
MAY_BE_NULL = {
    "pnl_configuration", "twap_bucket_metadata", "scaled_metadata", "compliance_limit_data",
    "prediction_order_metadata",
}  # fmt: skip


def a_market() -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue([(0, 6_200_000, 10 * COIN, True), (60, 6_200_000, COIN, True)])
    venue.advance()
    return venue


def without_id(body: Wire) -> Wire:
    return {name: value for name, value in body.items() if name != "client_order_id"}


def preview(venue: Venue, body: Wire) -> Wire:
    """Preview an order; nothing of the exchange may change by it."""
    before = everything(venue)
    shown = venue.preview_order(without_id(body))
    assert everything(venue) == before
    return shown


def limit(side: str, price: str, **fields: Any) -> Wire:
    return a_limit("c", side, price, "0.1", **fields)


STOP = {
    "base_size": "0.1",
    "limit_price": "60000",
    "stop_price": "60500",
    "stop_direction": "STOP_DIRECTION_STOP_DOWN",
}
BODIES = [
    a_body("c", "BUY", "market_market_ioc", base_size="0.15"),
    a_body("c", "SELL", "market_market_ioc", base_size="0.15"),
    a_body("c", "BUY", "market_market_ioc", quote_size="9012.34"),
    a_body("c", "BUY", "sor_limit_ioc", base_size="0.15", limit_price="62005"),
    a_body("c", "BUY", "limit_limit_fok", base_size="0.01", limit_price="62100"),
    a_body("c", "BUY", "limit_limit_fok", base_size="1.5", limit_price="62000.5"),
    a_limit("c", "BUY", "70000", "0.01"),
]


@pytest.mark.parametrize("body", BODIES)
def test_an_order_that_trades_now_costs_what_its_preview_said(body: Wire) -> None:
    venue = a_market()

    shown = preview(venue, body)
    order = venue.order(place(venue, body))["order"]

    assert set(shown) == FIELDS
    assert {name for name in FIELDS if shown[name] is None} == MAY_BE_NULL
    assert shown["errs"] == []
    assert shown["commission_total"] == order["total_fees"]
    assert shown["order_total"] == order["total_value_after_fees"]
    assert shown["quote_size"] == order["filled_value"]
    assert shown["base_size"] == order["filled_size"]
    assert shown["est_average_filled_price"] == order["average_filled_price"]


def test_slippage_is_the_fraction_by_which_the_average_is_worse_than_the_best_price() -> None:
    venue = a_market()

    for side, best in (("BUY", "best_ask"), ("SELL", "best_bid")):
        shown = preview(venue, a_body("c", side, "market_market_ioc", base_size="0.4"))
        average, top = Decimal(shown["est_average_filled_price"]), Decimal(shown[best])
        assert Decimal(shown["slippage"]) == (abs(average - top) / top).quantize(Decimal("1e-8"))
        assert Decimal(shown["slippage"]) > 0


def test_what_waits_counts_at_its_limit_with_the_makers_fee() -> None:
    shown = preview(a_market(), limit("SELL", "63000"))

    assert (shown["quote_size"], shown["commission_total"]) == ("6300", "25.2")
    assert (shown["order_total"], shown["slippage"]) == ("6274.8", "0")


def test_a_stop_counts_at_its_limit_with_the_takers_fee() -> None:
    body = a_body("c", "SELL", "stop_limit_stop_limit_gtc", **STOP)

    shown = preview(a_market(), body)

    assert (shown["quote_size"], shown["commission_total"]) == ("6000", "36")


REFUSED = [
    (limit("HOLD", "1"), "PREVIEW_INVALID_SIDE"),
    (limit("BUY", "61000.001"), "PREVIEW_INVALID_PRICE_PRECISION"),
    (limit("BUY", "70000", post_only=True), "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    (a_limit("c", "SELL", "63000", "7"), "PREVIEW_INSUFFICIENT_FUND"),
    (
        a_body("c", "SELL", "stop_limit_stop_limit_gtc", **STOP | {"stop_price": "59500"}),
        "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE",
    ),
    (
        a_body("c", "SELL", "stop_limit_stop_limit_gtc", **STOP | {"stop_price": "62001"}),
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    ),
    (a_body("c", "BUY", "twap_limit_gtd", base_size="1"), "PREVIEW_INVALID_ORDER_CONFIG"),
    (
        a_body("c", "BUY", "limit_limit_fok", base_size="1", limit_price="1", post_only=True),
        "UNKNOWN_PREVIEW_FAILURE_REASON",
    ),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_a_preview_refuses_what_a_create_refuses(body: Wire, reason: str) -> None:
    venue = a_market()

    shown = preview(venue, body)
    answer, _ = venue.create_order(body)

    assert shown["errs"] == [reason]
    assert answer["error_response"]["preview_failure_reason"] == reason
    assert set(shown) == FIELDS


def test_an_order_without_the_money_still_shows_what_it_would_cost() -> None:
    shown = preview(a_market(), a_limit("c", "SELL", "63000", "7"))

    assert (shown["base_size"], shown["quote_size"]) == ("7", "441000")


def test_previews_are_told_apart_by_order_and_time() -> None:
    venue = a_market()

    ids = [preview(venue, limit("SELL", price))["preview_id"] for price in ("63000", "63001")]
    venue.advance()
    ids.append(preview(venue, limit("SELL", "63000"))["preview_id"])

    assert len(set(ids)) == 3


@pytest.mark.parametrize("body", [{}, {"order_configuration": {}}, {"order_configuration": 1}])
def test_a_malformed_preview_is_a_bad_request(body: Wire) -> None:
    with pytest.raises(BadRequest):
        a_market().preview_order(body)


@pytest.mark.parametrize(
    ("product_id", "reason"),
    [("BTC-USD", "CANNOT_CLOSE_ZERO_POSITION"), ("X-USD", "INVALID_PRODUCT_ID")],
)
def test_a_spot_position_cannot_be_closed_because_there_is_none(
    product_id: str, reason: str
) -> None:
    answer, updates = a_market().close_position(
        {"client_order_id": "c", "product_id": product_id, "size": "1"}
    )

    assert (answer["success"], answer["error_response"]["error"]) == (False, reason)
    assert (answer["order_configuration"], updates) == (
        {"market_market_ioc": {"base_size": "1"}},
        [],
    )
