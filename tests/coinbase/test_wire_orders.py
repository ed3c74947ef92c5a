import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.order_word import ForeignOrder, OrderWord
from gpt_trader.coinbase.wire_fills import fill_event, parse_fills
from gpt_trader.coinbase.wire_orders import (
    build_cancel,
    build_create,
    build_edit,
    build_preview,
    parse_cancelled,
    parse_created,
    parse_edited,
    parse_order,
    parse_orders,
    parse_preview,
    parse_terms,
)
from gpt_trader.domain.errors import OutcomeUnknown, WireError
from gpt_trader.domain.events import EditIntended, OrderAccepted, OrderRejected
from gpt_trader.domain.order import Liquidity, OrderStatus, OrderType, Side, Terms, TimeInForce
from tests.coinbase.builders import TS_NS, a_draft, a_fill, an_intent, an_order, sample

MARKET = {
    "order_type": OrderType.MARKET,
    "time_in_force": TimeInForce.IOC,
    "limit_price": None,
    "post_only": False,
}
TAKING = {"post_only": False}
TIMED = {"time_in_force": TimeInForce.GTD, "end_ns": TS_NS}
STOP = {"order_type": OrderType.STOP_LIMIT, "stop_price": Decimal("149.00"), "post_only": False}
END_TIME = "2026-11-23T09:15:06.100000000Z"
PRICED = {"base_size": "2", "limit_price": "150.00"}
STOPPED = {**PRICED, "stop_price": "149.00"}
UP, DOWNWARDS = "STOP_DIRECTION_STOP_UP", {"stop_direction": "STOP_DIRECTION_STOP_DOWN"}


def test_a_preview_is_a_create_without_a_name_and_silence_is_no_consent() -> None:
    intent = an_intent()
    asked = build_preview(intent.draft)

    assert {"client_order_id": "gt-17", **asked} == build_create(intent)
    assert parse_preview({"errs": [], "warning": []}) == ()
    assert parse_preview({"errs": ["PREVIEW_INSUFFICIENT_FUND"]}) == ("PREVIEW_INSUFFICIENT_FUND",)
    for silent in ({}, None, {"errs": None}, {"errs": "none"}):
        with pytest.raises(WireError):
            parse_preview(silent)


def test_an_edit_names_price_and_whole_size() -> None:
    terms = Terms(Decimal("2.50"), Decimal("149.10"), None)
    edit = EditIntended(TS_NS, "gt-17", terms, ())
    stop = replace(edit, terms=replace(terms, stop_price=Decimal("148.00")))

    said = {"order_id": "o-1", "price": "149.10", "size": "2.50"}
    assert build_edit("o-1", edit) == said
    assert build_edit("o-1", stop) == {**said, "stop_price": "148.00"}


@pytest.mark.parametrize(
    ("name", "field", "stop"),
    [
        ("limit_limit_gtc", None, None),
        ("stop_limit_stop_limit_gtc", "stop_price", Decimal("148.00")),
        ("trigger_bracket_gtc", "stop_trigger_price", Decimal("148.00")),
    ],
)
def test_an_order_shows_its_terms(name: str, field: str | None, stop: Decimal | None) -> None:
    fields = {"base_size": "2.5", "limit_price": "149.10", "post_only": False}
    more = {} if field is None else {field: "148.00"}

    terms = parse_terms({"order": {"order_configuration": {name: {**fields, **more}}}})

    assert terms == Terms(Decimal("2.5"), Decimal("149.10"), stop)
    for wrong in ({}, {"market_market_ioc": {"quote_size": "5"}}, {"a": fields, "b": fields}):
        with pytest.raises(WireError):
            parse_terms({"order": {"order_configuration": wrong}})


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"success": True, "errors": []}, (True, "")),
        ({"success": True}, (True, "")),
        (
            {"success": False, "errors": [{"edit_failure_reason": "ORDER_NOT_FOUND"}]},
            (False, "ORDER_NOT_FOUND"),
        ),
        (
            {
                "success": False,
                "errors": [
                    {
                        "edit_failure_reason": "UNKNOWN_EDIT_ORDER_FAILURE_REASON",
                        "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
                    }
                ],
            },
            (False, "PREVIEW_INSUFFICIENT_FUND"),
        ),
        ({"success": False, "errors": []}, (False, "UNKNOWN_FAILURE_REASON")),
    ],
)
def test_the_answer_to_an_edit_is_yes_or_a_reason(body: Any, word: tuple[bool, str]) -> None:
    assert parse_edited(body) == word


@pytest.mark.parametrize("body", [None, {}, [], {"success": "yes"}, {"success": 1}])
def test_an_edit_without_a_readable_answer_is_unknown(body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        parse_edited(body)


@pytest.mark.parametrize(
    ("changes", "configuration"),
    [
        (MARKET, {"market_market_ioc": {"base_size": "2"}}),
        ({}, {"limit_limit_gtc": {**PRICED, "post_only": True}}),
        (TAKING, {"limit_limit_gtc": {**PRICED, "post_only": False}}),
        ({**TAKING, "time_in_force": TimeInForce.IOC}, {"sor_limit_ioc": PRICED}),
        ({**TAKING, "time_in_force": TimeInForce.FOK}, {"limit_limit_fok": PRICED}),
        (TIMED, {"limit_limit_gtd": {**PRICED, "end_time": END_TIME, "post_only": True}}),
        (STOP, {"stop_limit_stop_limit_gtc": {**STOPPED, "stop_direction": UP}}),
        ({**STOP, "side": Side.SELL}, {"stop_limit_stop_limit_gtc": {**STOPPED, **DOWNWARDS}}),
        (
            {**TIMED, **STOP},
            {"stop_limit_stop_limit_gtd": {**STOPPED, "end_time": END_TIME, "stop_direction": UP}},
        ),
        (
            {**STOP, "order_type": OrderType.BRACKET},
            {"trigger_bracket_gtc": {**PRICED, "stop_trigger_price": "149.00"}},
        ),
    ],
)
def test_an_intent_becomes_the_request_and_nothing_more(
    changes: dict[str, Any], configuration: dict[str, Any]
) -> None:
    body = build_create(an_intent(**changes, reduces=True))

    assert body == {
        "client_order_id": "gt-17",
        "product_id": "SOL-USD",
        "side": changes.get("side", Side.BUY).value,
        "order_configuration": configuration,
    }


def test_sizes_and_prices_never_carry_an_exponent() -> None:
    body = build_create(an_intent(base_size=Decimal("1E-8"), limit_price=Decimal("1E+5")))

    fields = body["order_configuration"]["limit_limit_gtc"]
    assert (fields["base_size"], fields["limit_price"]) == ("0.00000001", "100000")


@pytest.mark.parametrize(
    "changes",
    [
        {"time_in_force": TimeInForce.GTD, "post_only": False},
        {"end_ns": TS_NS},
        {"time_in_force": TimeInForce.IOC},
        {"limit_price": None},
        {"base_size": Decimal(0)},
        {"limit_price": Decimal("-1")},
        {**MARKET, "time_in_force": TimeInForce.GTC},
        {**MARKET, "post_only": True},
        {**MARKET, "limit_price": Decimal(1)},
    ],
)
def test_a_draft_that_cannot_be_said_on_the_wire_stops_the_process(changes: dict[str, Any]) -> None:
    assert a_draft(**changes)
    with pytest.raises(AssertionError):
        build_create(an_intent(**changes))


def success(**changes: Any) -> dict[str, Any]:
    created = {"order_id": "7d1f", "client_order_id": "gt-17", "product_id": "SOL-USD"}
    return {"success": True, "success_response": created | changes}


def rejection(**changes: Any) -> dict[str, Any]:
    return {"success": False, "error_response": changes, "order_configuration": {}}


@pytest.mark.parametrize(
    "body",
    [success(), success() | {"failure_reason": "UNKNOWN_FAILURE_REASON"}],
)
def test_success_with_our_ids_is_accepted_whatever_the_reason_says(body: dict[str, Any]) -> None:
    assert parse_created(body, an_intent(), 9) == OrderAccepted(9, "gt-17", "7d1f")


@pytest.mark.parametrize(
    ("failure", "reason", "message"),
    [
        ({"error": "INSUFFICIENT_FUND", "message": "no money"}, "INSUFFICIENT_FUND", "no money"),
        (
            {
                "error": "UNKNOWN_FAILURE_REASON",
                "preview_failure_reason": "PREVIEW_INVALID_LIMIT_PRICE",
                "error_details": "too far",
            },
            "PREVIEW_INVALID_LIMIT_PRICE",
            "too far",
        ),
        (
            {"new_order_failure_reason": "TRADING_DISABLED", "preview_failure_reason": "PREVIEW_X"},
            "TRADING_DISABLED",
            "",
        ),
        ({"error": "A_REASON_OF_NEXT_YEAR"}, "A_REASON_OF_NEXT_YEAR", ""),
        ({"error": "UNKNOWN_FAILURE_REASON"}, "UNKNOWN_FAILURE_REASON", ""),
        ({}, "UNKNOWN_FAILURE_REASON", ""),
    ],
)
def test_a_rejection_tells_the_reason_that_says_most(
    failure: dict[str, Any], reason: str, message: str
) -> None:
    rejected = parse_created(rejection(**failure), an_intent(), 9)

    assert rejected == OrderRejected(9, "gt-17", reason, message)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "ok",
        {"success": "true"},
        {"success": 1},
        {"success": None},
        {"success": True},
        success(order_id=""),
        success(client_order_id="another"),
        success(client_order_id=""),
        success(order_id=7),
        {"success": False, "order_id": "7d1f"},
        {"success": False, "success_response": {"order_id": "7d1f"}},
        {"success": False, "error_response": "INSUFFICIENT_FUND"},
        rejection(error="DUPLICATE_CLIENT_ORDER_ID"),
        rejection(preview_failure_reason="PREVIEW_DUPLICATE_CLIENT_ORDER_ID"),
    ],
)
def test_an_answer_that_does_not_decide_leaves_the_outcome_unknown(body: Any) -> None:
    with pytest.raises(OutcomeUnknown, match="gt-17"):
        parse_created(body, an_intent(), 9)


def test_cancel_words_come_in_the_order_of_the_request() -> None:
    results = [
        {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "b"},
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": "a"},
    ]

    words = parse_cancelled({"results": results}, ["a", "b"])

    assert [(w.order_id, w.accepted, w.reason) for w in words] == [
        ("a", True, ""),
        ("b", False, "UNKNOWN_CANCEL_ORDER"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"results": []},
        {"results": [{"success": True, "order_id": "b"}]},
        {"results": [{"success": "yes", "order_id": "a"}]},
        {"results": None},
        [],
    ],
)
def test_no_word_on_a_cancel_leaves_it_unknown(body: Any) -> None:
    with pytest.raises(OutcomeUnknown):
        parse_cancelled(body, ["a"])


@pytest.mark.parametrize("count", [0, 101])
def test_a_cancel_request_names_one_to_a_hundred_orders(count: int) -> None:
    with pytest.raises(AssertionError):
        build_cancel(["a"] * count)


def test_a_recorded_order_is_read() -> None:
    made = {
        "order": an_order(
            order_id="0000-000000-000000", filled_size="0.001", created_time="2021-05-31T09:59:59Z"
        )
    }

    word = parse_order(json.loads(sample("http_order.json", made)))

    assert (word.order_id, word.status) == ("0000-000000-000000", OrderStatus.OPEN)
    assert (word.filled_size, word.fill_count) == (Decimal("0.001"), 2)
    assert word.reject_reason == "" and word.created_ns == 1_622_455_199 * 10**9


def test_a_recorded_listing_is_read() -> None:
    made = {"orders": [an_order(), an_order(status="FILLED")], "has_next": False, "cursor": ""}

    page = parse_orders(json.loads(sample("http_orders_list.json", made)))

    assert len(page.rows) >= 2 and page.next_cursor == ""


def test_a_listing_that_goes_on_without_a_cursor_is_refused() -> None:
    assert parse_orders({"orders": [], "has_next": True, "cursor": "c"}).next_cursor == "c"
    assert parse_orders({"orders": [], "has_next": False, "cursor": "c"}).next_cursor == ""
    with pytest.raises(WireError, match="without a cursor"):
        parse_orders({"orders": [], "has_next": True, "cursor": ""})


@pytest.mark.parametrize(
    "changes", [{"status": "NEW"}, {"filled_size": None}, {"order_id": ""}, {"side": ""}]
)
def test_a_wrong_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_order({"order": an_order(**changes)})


def test_recorded_fills_are_read() -> None:
    made = {
        "fills": [
            a_fill(trade_id="1111-11111-111111", price="45123.45", size="0.005"),
            a_fill(trade_id="1111-11111-111112", liquidity_indicator="TAKER"),
        ],
        "cursor": "",
    }

    page = parse_fills(json.loads(sample("http_fills.json", made)))

    assert page.next_cursor == ""
    assert [fill.liquidity for fill in page.rows] == [Liquidity.MAKER, Liquidity.TAKER]
    assert (page.rows[0].price, page.rows[0].base_size) == (Decimal("45123.45"), Decimal("0.005"))


def test_a_fill_of_ours_becomes_the_event_that_is_booked() -> None:
    [word] = parse_fills({"fills": [a_fill()], "cursor": ""}).rows

    event = fill_event(word, "gt-17")

    assert (event.ts_ns, event.client_order_id, event.trade_id) == (
        TS_NS - 5_100_000_000,
        "gt-17",
        "555",
    )
    assert (event.price, event.base_size, event.fee) == (
        Decimal("151.62"),
        Decimal("0.8"),
        Decimal("0.48"),
    )


@pytest.mark.parametrize("changes", [{"size_in_quote": True}, {"trade_type": "REVERSAL"}])
def test_what_is_no_plain_fill_is_shown_but_never_booked(changes: dict[str, Any]) -> None:
    [word] = parse_fills({"fills": [a_fill(**changes)], "cursor": ""}).rows

    with pytest.raises(WireError, match="no plain fill"):
        fill_event(word, "gt-17")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "0"},
        {"price": "0"},
        {"commission": "-0.1"},
        {"commission": ""},
        {"size_in_quote": "false"},
        {"liquidity_indicator": "BOTH"},
        {"trade_type": "GIFT"},
        {"trade_id": ""},
        {"order_id": ""},
        {"trade_time": ""},
    ],
)
def test_a_wrong_fill_is_refused_not_dropped(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_fills({"fills": [a_fill(), a_fill(**changes)], "cursor": ""})


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": None},
        {"client_order_id": "theirs", "status": "NEW"},
        {"client_order_id": "", "filled_size": None, "created_time": ""},
    ],
)
def test_a_row_of_somebody_else_does_not_spoil_a_listing(changes: dict[str, Any]) -> None:
    rows = [an_order(**changes), an_order(order_id="ours")]

    [foreign, own] = parse_orders({"orders": rows, "has_next": False, "cursor": ""}).rows

    assert foreign == ForeignOrder("7d1f0c55", changes["client_order_id"] or "", "SOL-USD")
    assert isinstance(own, OrderWord) and own.order_id == "ours"


@pytest.mark.parametrize("changes", [{"status": "NEW"}, {"filled_size": None}])
def test_a_row_of_ours_must_be_readable(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_orders({"orders": [an_order(**changes)], "has_next": False, "cursor": ""})
