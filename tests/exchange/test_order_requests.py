"""The body of a create: what is read from it, and every reason to reject it."""

from dataclasses import replace
from typing import Any

import pytest

from gpt_trader.exchange.order_requests import read_client_order_id, read_request
from gpt_trader.exchange.orders import OrderRequest, Side, TimeInForce
from gpt_trader.exchange.reasons import Rejected
from gpt_trader.exchange.refusals import BadRequest
from tests.exchange.markets import BTC, COIN, Wire, a_body, a_limit

NOW_NS = 1_767_571_200 * 10**9


def read(body: Wire) -> OrderRequest:
    return read_request(body, {"BTC-USD": BTC}, NOW_NS)


def a_market(side: str = "BUY", **fields: Any) -> Wire:
    return a_body("c", side, "market_market_ioc", **fields)


STOP: Wire = {"base_size": "1", "stop_direction": "STOP_DIRECTION_STOP_DOWN"}


def a_stop(side: str, stop: str, limit: str) -> Wire:
    fields = STOP | {"stop_price": stop, "limit_price": limit}
    return a_body("c", side, "stop_limit_stop_limit_gtc", **fields)


def a_bracket(side: str, limit: str, stop: str) -> Wire:
    fields = {"base_size": "1", "limit_price": limit, "stop_trigger_price": stop}
    return a_body("c", side, "trigger_bracket_gtc", **fields)


def test_a_limit_order_is_read_into_increments() -> None:
    request = read(a_limit("c", "SELL", "62000.01", "0.5", post_only=True))

    assert (request.limit, request.lots, request.money) == (6_200_001, COIN // 2, None)
    assert (request.side, request.post_only) == (Side.SELL, True)
    assert request.time_in_force is TimeInForce.GTC


def test_a_market_buy_may_be_sized_in_quote() -> None:
    request = read(a_market(quote_size="150.25"))

    assert (request.limit, request.lots, request.money) == (None, None, 15_025_000_000)


def test_an_end_time_is_read_with_its_offset() -> None:
    body = a_body(
        "c",
        "BUY",
        "limit_limit_gtd",
        limit_price="1",
        base_size="1",
        end_time="2026-01-05T02:00:00+01:00",
    )

    assert read(body).end_ns == NOW_NS + 3600 * 10**9


TOO = "PREVIEW_INVALID_BASE_SIZE_TOO_"
UNSUPPORTED = ("UNSUPPORTED_ORDER_CONFIGURATION", "PREVIEW_INVALID_ORDER_CONFIG")
UNKNOWN = "UNKNOWN_FAILURE_REASON"
UNKNOWN_PREVIEW = "UNKNOWN_PREVIEW_FAILURE_REASON"
LIMIT: Wire = {"limit_price": "1", "base_size": "1"}

REJECTIONS: list[tuple[Wire, str, str]] = [
    (
        a_market(base_size="1") | {"product_id": "X-USD"},
        "INVALID_PRODUCT_ID",
        "PREVIEW_INVALID_PRODUCT_ID",
    ),
    (a_market("HOLD", base_size="1"), "INVALID_SIDE", "PREVIEW_INVALID_SIDE"),
    (a_body("c", "BUY", "market_market_fok", base_size="1"), *UNSUPPORTED),
    (a_body("c", "BUY", "twap_limit_gtd", **LIMIT), *UNSUPPORTED),
    (a_market(base_size="1", quote_size="1"), *UNSUPPORTED),
    (a_market(), *UNSUPPORTED),
    (a_market("SELL", quote_size="10"), *UNSUPPORTED),
    (a_body("c", "BUY", "limit_limit_gtc", limit_price="1", quote_size="5"), *UNSUPPORTED),
    (a_body("c", "BUY", "sor_limit_ioc", post_only=True, **LIMIT), *UNSUPPORTED),
    (
        a_body("c", "BUY", "limit_limit_fok", post_only=True, **LIMIT),
        "POST_ONLY_NOT_ALLOWED_WITH_FOK",
        UNKNOWN_PREVIEW,
    ),
    (
        a_market(base_size="1") | {"reduce_only": True},
        "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS",
        "PREVIEW_REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS",
    ),
    (
        a_limit("c", "BUY", "1", "1", reduce_only=True),
        "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS",
        "PREVIEW_REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS",
    ),
    (a_market(base_size="abc"), UNKNOWN, "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
    (a_market(base_size="1e3"), UNKNOWN, "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
    (a_market(quote_size="NaN"), UNKNOWN, "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
    (a_market(base_size="0"), UNKNOWN, TOO + "SMALL"),
    (a_market(base_size="-1"), UNKNOWN, TOO + "SMALL"),
    (a_market(base_size="3400.00000001"), UNKNOWN, TOO + "LARGE"),
    (
        a_market(base_size="0.000000001"),
        "INVALID_SIZE_PRECISION",
        "PREVIEW_INVALID_SIZE_PRECISION",
    ),
    (
        a_market(quote_size="1.001"),
        "INVALID_SIZE_PRECISION",
        "PREVIEW_INVALID_QUOTE_SIZE_PRECISION",
    ),
    (a_market(quote_size="0.99"), UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
    (a_market(quote_size="150000000.01"), UNKNOWN, "PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"),
    (
        a_limit("c", "BUY", "1.001", "1"),
        "INVALID_PRICE_PRECISION",
        "PREVIEW_INVALID_PRICE_PRECISION",
    ),
    (a_limit("c", "BUY", "0", "1"), "INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
    (a_limit("c", "BUY", "cheap", "1"), "INVALID_LIMIT_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
    (
        a_body("c", "BUY", "limit_limit_gtd", **LIMIT),
        "GTD_ORDERS_MUST_HAVE_END_TIME",
        "PREVIEW_GTD_ORDERS_MUST_HAVE_END_TIME",
    ),
    (
        a_body("c", "BUY", "limit_limit_gtd", end_time="2026-01-05T00:00:00Z", **LIMIT),
        "END_TIME_IS_IN_THE_PAST",
        "PREVIEW_END_TIME_IS_IN_THE_PAST",
    ),
    *(
        (
            a_body("c", "BUY", "limit_limit_gtd", end_time=end, **LIMIT),
            "END_TIME_TOO_FAR_IN_FUTURE",
            UNKNOWN_PREVIEW,
        )
        for end in ("2036-02-01T00:00:00Z", "9999-12-31T23:59:59-12:00")
    ),
    (a_stop("SELL", "59500", "60000"), UNKNOWN, "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE"),
    (a_stop("BUY", "60000", "59500"), UNKNOWN, "PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE"),
    (a_stop("SELL", "0", "1"), UNKNOWN, "PREVIEW_INVALID_STOP_PRICE"),
    (a_stop("SELL", "low", "1"), UNKNOWN, "PREVIEW_INVALID_STOP_PRICE"),
    (a_stop("SELL", "59500.001", "1"), UNKNOWN, "PREVIEW_INVALID_STOP_PRICE_PRECISION"),
    (
        a_body("c", "SELL", "stop_limit_stop_limit_gtd", **STOP, stop_price="1", limit_price="1"),
        "GTD_ORDERS_MUST_HAVE_END_TIME",
        "PREVIEW_GTD_ORDERS_MUST_HAVE_END_TIME",
    ),
    *(
        (
            a_bracket(side, limit, stop),
            "INVALID_BRACKET_PRICES",
            "PREVIEW_INVALID_BRACKET_PRICES",
        )
        for side, limit, stop in (("SELL", "5", "5"), ("SELL", "4", "5"), ("BUY", "6", "5"))
    ),
    *(
        (
            a_bracket("SELL", "70000", stop),
            "INVALID_BRACKET_STOP_TRIGGER_PRICE",
            "PREVIEW_INVALID_BRACKET_STOP_TRIGGER_PRICE",
        )
        for stop in ("", "0", "1.001")
    ),
    (
        a_body(
            "c",
            "SELL",
            "trigger_bracket_gtc",
            quote_size="5",
            limit_price="2",
            stop_trigger_price="1",
        ),
        "QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET",
        UNKNOWN_PREVIEW,
    ),
    (a_market(base_size="1") | {"attached_order_configuration": {}}, *UNSUPPORTED),
    (a_market(base_size="1") | {"leverage": "2"}, "INVALID_LEVERAGE", "PREVIEW_INVALID_LEVERAGE"),
    (
        a_market(quote_size="10" + "." + "0" * 28 + "1"),
        "INVALID_SIZE_PRECISION",
        "PREVIEW_INVALID_QUOTE_SIZE_PRECISION",
    ),
]


@pytest.mark.parametrize(("body", "error", "preview"), REJECTIONS)
def test_an_order_is_rejected_for_its_reason(body: Wire, error: str, preview: str) -> None:
    with pytest.raises(Rejected) as rejected:
        read(body)

    assert (rejected.value.reason.error, rejected.value.reason.preview) == (error, preview)
    assert rejected.value.reason.message


@pytest.mark.parametrize(
    ("lots", "money"), [("0.00000001", None), ("3400", None), (None, "1"), (None, "150000000")]
)
def test_an_order_on_the_very_bound_is_taken(lots: str | None, money: str | None) -> None:
    fields = {"base_size": lots} if lots else {"quote_size": money}

    assert read(a_market(**fields)).side is Side.BUY


MALFORMED: list[dict[str, Any]] = [
    {"client_order_id": 7},
    {"order_configuration": None},
    {"order_configuration": {}},
    {"order_configuration": {"a": {}, "b": {}}},
    {"order_configuration": {"market_market_ioc": "1"}},
    {"order_configuration": {"market_market_ioc": {"base_size": 1}}},
    {"order_configuration": {"limit_limit_gtc": {**LIMIT, "post_only": "yes"}}},
    {"order_configuration": {"limit_limit_gtd": {**LIMIT, "end_time": "soon"}}},
    {"reduce_only": "true"},
    *(
        {"order_configuration": {"stop_limit_stop_limit_gtc": fields}}
        for fields in (
            {"base_size": "1", "stop_price": "1", "limit_price": "1"},
            STOP | {"stop_price": "1", "limit_price": "1", "stop_direction": "UP"},
        )
    ),
]


@pytest.mark.parametrize("change", MALFORMED)
def test_a_malformed_body_is_a_bad_request(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(a_market(base_size="1") | change)

    assert refusal.value.status == 400
    assert refusal.value.body["error"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("name", ["", None, 7])
def test_a_command_needs_the_clients_own_id(name: object) -> None:
    with pytest.raises(BadRequest):
        read_client_order_id({"client_order_id": name})


@pytest.mark.parametrize("leverage", ["", "1", "1.0", None])
def test_no_leverage_and_what_is_null_are_as_if_absent(leverage: str | None) -> None:
    body = a_limit("c", "BUY", "1", "1", quote_size=None, post_only=None)
    extras = {"leverage": leverage, "attached_order_configuration": None, "reduce_only": None}

    request = read(body | extras)

    bare = read(a_limit("c", "BUY", "1", "1"))
    assert replace(request, configuration=bare.configuration) == bare
