"""Edits of open orders: priority, holds, what is filled, and every reason to refuse one."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BIP_ID,
    COIN,
    Print,
    Wire,
    a_body,
    a_contract_venue,
    a_kept_venue,
    a_limit,
    a_print_tape,
    a_venue,
    amounts,
    balance,
    everything,
    place,
)

PRICE = 6_200_000  # 62,000.00
FIRST: Print = (0, PRICE, 10 * COIN, True)  # the best bid is 62,000.00 then
UNKNOWN = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
UNKNOWN_PREVIEW = "UNKNOWN_PREVIEW_FAILURE_REASON"
USD = Decimal(100_000)


def a_market_with(*later: Print) -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue([FIRST, *later])
    venue.advance()
    return venue


def edit(venue: Venue, order_id: str, price: str, size: str) -> list[Wire]:
    """Ask for an edit that must be accepted; gives the messages of the user channel."""
    answer, updates = venue.edit_order({"order_id": order_id, "price": price, "size": size})
    assert answer == {"success": True, "errors": []}
    return [update.order for update in updates]


def filled(venue: Venue, *order_ids: str) -> list[str]:
    return [venue.order(order_id)["order"]["filled_size"] for order_id in order_ids]


def test_an_edit_changes_price_and_size_and_keeps_the_id() -> None:
    venue = a_market_with()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))

    told = edit(venue, order_id, "60500.5", "0.2")

    shown = venue.order(order_id)["order"]
    assert shown["order_configuration"] == {
        "limit_limit_gtc": {"limit_price": "60500.5", "base_size": "0.2"}
    }
    assert shown["edit_history"] == [
        {
            "price": "60500.5",
            "size": "0.2",
            "replace_accept_timestamp": "2026-01-05T00:01:00Z",
        }
    ]
    assert [(one["status"], one["limit_price"], one["leaves_quantity"]) for one in told] == [
        ("OPEN", "60500.5", "0.2")
    ]
    hold = Decimal("60500.5") * Decimal("0.2") * Decimal("1.006")
    assert balance(venue, "USD") == (USD - hold, hold)


def test_only_the_last_five_edits_are_shown() -> None:
    venue = a_market_with()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))

    for number in range(1, 8):
        edit(venue, order_id, str(60_000 + number), "0.1")

    shown = venue.order(order_id)["order"]["edit_history"]
    assert [one["price"] for one in shown] == [str(60_000 + number) for number in range(3, 8)]


def test_a_smaller_order_keeps_its_place_and_frees_money() -> None:
    venue = a_market_with((60, PRICE - 9000, COIN // 4, True))
    first = place(venue, a_limit("first", "BUY", "61960", "0.5"))
    second = place(venue, a_limit("second", "BUY", "61960", "0.5"))

    edit(venue, first, "61960", "0.2")
    held = balance(venue, "USD")[1]
    venue.advance()

    assert held == Decimal("61960") * Decimal("0.7") * Decimal("1.006")
    assert filled(venue, first, second) == ["0.2", "0.05"]


@pytest.mark.parametrize(("price", "size"), [("61960", "0.6"), ("61961", "0.4")])
def test_a_larger_or_repriced_order_goes_behind_the_others(price: str, size: str) -> None:
    venue = a_market_with((60, PRICE - 9000, COIN // 4, True))
    first = place(venue, a_limit("first", "BUY", "61960", "0.5"))
    second = place(venue, a_limit("second", "BUY", price, "0.5"))

    edit(venue, first, price, size)
    venue.advance()

    assert filled(venue, first, second) == ["0", "0.25"]


def test_what_is_filled_stays_and_only_the_rest_is_held() -> None:
    venue = a_market_with((60, PRICE - 5000, COIN // 4, True), (120, PRICE - 12_000, COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61980", "0.5"))
    venue.advance()
    paid = USD - sum(balance(venue, "USD"))

    edit(venue, order_id, "61900", "0.3")

    shown = venue.order(order_id)["order"]
    hold = Decimal("61900") * Decimal("0.05") * Decimal("1.004")  # 10,000 USD are traded: tier 2
    assert (shown["filled_size"], Decimal(shown["outstanding_hold_amount"])) == ("0.25", hold)
    assert balance(venue, "USD") == (USD - paid - hold, hold)
    venue.advance()
    shown = venue.order(order_id)["order"]
    assert (shown["status"], shown["filled_size"]) == ("FILLED", "0.3")


def test_a_price_edited_through_the_book_takes_at_once() -> None:
    venue = a_market_with()
    ask = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]["asks"][0]
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.001"))

    told = edit(venue, order_id, ask["price"], "0.001")

    assert [one["status"] for one in told] == ["OPEN", "FILLED"]
    assert venue.fills({})["fills"][0]["liquidity_indicator"] == "TAKER"
    assert balance(venue, "USD")[1] == 0


def test_an_edit_may_use_the_money_the_order_holds_but_no_more() -> None:
    venue = a_market_with()
    order_id = place(venue, a_limit("c", "SELL", "63000", "0.4"))

    too_much, _ = venue.edit_order({"order_id": order_id, "price": "63000", "size": "0.50000001"})
    edit(venue, order_id, "63000", "0.5")

    assert too_much["errors"] == [
        {
            "edit_failure_reason": UNKNOWN,
            "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
        }
    ]
    assert balance(venue, "BTC") == amounts("0", "0.5")


def a_waiting(venue: Venue) -> str:
    return place(venue, a_limit("c", "BUY", "61000", "0.1", post_only=True))


def a_cancelled(venue: Venue) -> str:
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))
    venue.cancel_orders([order_id])
    return order_id


def a_market(venue: Venue) -> str:
    return place(venue, a_body("c", "BUY", "market_market_ioc", base_size="0.001"))


def a_quote_sized(venue: Venue) -> str:
    return place(venue, a_body("c", "BUY", "market_market_ioc", quote_size="100"))


def a_dated(venue: Venue) -> str:
    fields = {"limit_price": "61000", "base_size": "0.1", "end_time": "2027-01-01T00:00:00Z"}
    return place(venue, a_body("c", "BUY", "limit_limit_gtd", **fields))


def a_partly_filled(venue: Venue) -> str:
    ask = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]["asks"][0]
    order_id = place(venue, a_limit("c", "BUY", ask["price"], "0.5"))
    assert Decimal(filled(venue, order_id)[0]) > Decimal("0.01")
    return order_id


STOP = {
    "base_size": "0.1",
    "limit_price": "61000",
    "stop_price": "61500",
    "stop_direction": "STOP_DIRECTION_STOP_DOWN",
}
BRACKET = {"base_size": "0.1", "limit_price": "63000", "stop_trigger_price": "61000"}


def a_stop(venue: Venue) -> str:
    return place(venue, a_body("s", "SELL", "stop_limit_stop_limit_gtc", **STOP))


def a_bracket(venue: Venue) -> str:
    return place(venue, a_body("b", "SELL", "trigger_bracket_gtc", **BRACKET))


def a_fired_stop(venue: Venue) -> str:
    """A dip buy that the second trade fires, with a limit below what is offered then."""
    fields = STOP | {"stop_price": "62000", "limit_price": "62000"}
    order_id = place(venue, a_body("s", "BUY", "stop_limit_stop_limit_gtc", **fields))
    venue.advance()
    shown = venue.order(order_id)["order"]
    assert (shown["status"], shown["trigger_status"]) == ("OPEN", "STOP_TRIGGERED")
    return order_id


def nobodys(_: Venue) -> str:
    return "nobodys"


REFUSALS: list[tuple[Callable[[Venue], str], Wire, str, str]] = [
    (nobodys, {}, "ORDER_NOT_FOUND", UNKNOWN_PREVIEW),
    (a_cancelled, {}, "ONLY_OPEN_ORDERS_CAN_BE_EDITED", UNKNOWN_PREVIEW),
    (a_market, {}, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED", UNKNOWN_PREVIEW),
    (a_quote_sized, {}, "SIZE_IN_QUOTE_EDITS_NOT_ALLOWED", UNKNOWN_PREVIEW),
    (a_dated, {}, "ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED", UNKNOWN_PREVIEW),
    (a_waiting, {"stop_price": "60000"}, "INVALID_EDITED_STOP_PRICE", UNKNOWN_PREVIEW),
    (a_fired_stop, {}, "CANNOT_EDIT_TRIGGERED_ORDER", UNKNOWN_PREVIEW),
    (
        a_fired_stop,
        {"stop_price": "61000"},
        "CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER",
        UNKNOWN_PREVIEW,
    ),
    (
        a_stop,
        {"stop_price": "61500.001"},
        "INVALID_EDITED_STOP_PRICE",
        "PREVIEW_INVALID_PRICE_PRECISION",
    ),
    (
        a_stop,
        {"stop_price": "59000"},
        "INVALID_EDITED_STOP_PRICE",
        "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE",
    ),
    (
        a_stop,
        {"price": "61500.01"},
        "INVALID_EDITED_PRICE",
        "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE",
    ),
    (
        a_stop,
        {"stop_price": "62000.01"},
        "INVALID_EDITED_STOP_PRICE",
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
    ),
    (
        a_bracket,
        {"price": "62000"},
        "INVALID_EDITED_PRICE",
        "PREVIEW_INVALID_BRACKET_LIMIT_PRICE",
    ),
    (
        a_bracket,
        {"price": "63000", "stop_price": "62000"},
        "INVALID_EDITED_STOP_PRICE",
        "PREVIEW_INVALID_BRACKET_STOP_TRIGGER_PRICE",
    ),
    (
        a_bracket,
        {"price": "61000"},
        "INVALID_EDITED_PRICE",
        "PREVIEW_INVALID_BRACKET_PRICES",
    ),
    (
        a_waiting,
        {"cancel_attached_order": True},
        "ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED",
        UNKNOWN_PREVIEW,
    ),
    (a_waiting, {"size": None}, "INVALID_EDITED_SIZE", "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
    (a_waiting, {"size": "0.1.1"}, "INVALID_EDITED_SIZE", "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
    (
        a_waiting,
        {"size": "0.000000001"},
        "INVALID_EDITED_SIZE",
        "PREVIEW_INVALID_SIZE_PRECISION",
    ),
    (a_waiting, {"price": None}, "INVALID_EDITED_PRICE", "PREVIEW_INVALID_LIMIT_PRICE"),
    (a_waiting, {"price": "1.001"}, "INVALID_EDITED_PRICE", "PREVIEW_INVALID_PRICE_PRECISION"),
    (
        a_partly_filled,
        {"size": "0.00000001"},
        "CANNOT_EDIT_TO_BELOW_FILLED_SIZE",
        UNKNOWN_PREVIEW,
    ),
    (
        a_waiting,
        {"price": "61000.00", "size": "0.10"},
        "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST",
        UNKNOWN_PREVIEW,
    ),
    (a_waiting, {"price": "99999"}, UNKNOWN, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
    (a_waiting, {"size": "100"}, UNKNOWN, "PREVIEW_INSUFFICIENT_FUND"),
]


@pytest.mark.parametrize(("order", "change", "reason", "preview"), REFUSALS)
def test_an_edit_is_refused_for_its_reason_and_changes_nothing(
    order: Callable[[Venue], str], change: Wire, reason: str, preview: str
) -> None:
    venue = a_market_with((60, PRICE, COIN, True))
    body = {"order_id": order(venue), "price": "60000", "size": "0.2"} | change
    before = everything(venue)

    answer, updates = venue.edit_order(body)
    previewed = venue.edit_preview(body)

    errors = [{"edit_failure_reason": reason, "preview_failure_reason": preview}]
    assert (answer, updates) == ({"success": False, "errors": errors}, [])
    assert previewed["errors"] == errors
    assert everything(venue) == before


def test_an_order_of_contracts_is_not_edited() -> None:
    venue = a_contract_venue([62_000] * 2)
    order_id = place(venue, a_limit("c", "BUY", "61000", "2", product_id=BIP_ID))

    answer, updates = venue.edit_order({"order_id": order_id, "price": "60000", "size": "1"})

    reasons = [one["edit_failure_reason"] for one in answer["errors"]]
    assert (answer["success"], reasons, updates) == (False, ["CANNOT_EDIT_FUTURES_ORDER"], [])


def test_an_order_filled_to_the_new_size_exactly_cannot_be_edited_to_it() -> None:
    venue = a_market_with()
    order_id = a_partly_filled(venue)
    size = filled(venue, order_id)[0]

    answer, _ = venue.edit_order({"order_id": order_id, "price": "60000", "size": size})

    assert answer["errors"][0]["edit_failure_reason"] == "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"


def test_an_edited_stop_waits_for_its_new_price_and_holds_its_new_size() -> None:
    venue = a_market_with((60, 6_120_000, COIN, True), (120, 6_060_000, COIN, True))
    order_id = a_stop(venue)
    body = {"order_id": order_id, "price": "60000", "size": "0.2", "stop_price": "60700"}

    answer, updates = venue.edit_order(body)
    held = balance(venue, "BTC")[1]
    venue.advance()
    before = venue.order(order_id)["order"]
    venue.advance()

    assert answer["success"]
    told = updates[0].order
    assert (told["stop_price"], told["limit_price"], held) == ("60700", "60000", Decimal("0.2"))
    assert (before["trigger_status"], before["filled_size"]) == ("STOP_PENDING", "0")
    fields = before["order_configuration"]["stop_limit_stop_limit_gtc"]
    assert (fields["stop_price"], fields["stop_direction"]) == ("60700", STOP["stop_direction"])
    shown = venue.order(order_id)["order"]
    assert (shown["status"], shown["filled_size"]) == ("FILLED", "0.2")


def test_a_stop_keeps_its_trigger_when_only_price_and_size_are_edited() -> None:
    venue = a_market_with((60, 6_150_000, COIN, True))
    order_id = a_stop(venue)

    edit(venue, order_id, "60500", "0.05")
    venue.advance()

    shown = venue.order(order_id)["order"]
    assert (shown["status"], shown["filled_size"]) == ("FILLED", "0.05")


@pytest.mark.parametrize(("price", "trigger"), [(6_240_001, "PENDING"), (6_175_000, "TRIGGERED")])
def test_an_edited_bracket_has_both_its_new_exits(price: int, trigger: str) -> None:
    venue = a_market_with((60, price, COIN, price < PRICE))
    order_id = a_bracket(venue)
    body = {"order_id": order_id, "price": "62400", "size": "0.2", "stop_price": "61800"}

    answer, _ = venue.edit_order(body)
    held = balance(venue, "BTC")[1]
    venue.advance()

    shown = venue.order(order_id)["order"]
    assert (answer["success"], held) == (True, Decimal("0.2"))
    assert (shown["status"], shown["filled_size"]) == ("FILLED", "0.2")
    assert shown["trigger_status"] == f"STOP_{trigger}"


def test_attached_exits_are_edited_like_any_bracket_once_they_work() -> None:
    venue = a_market_with()
    fields = {"limit_price": "63000", "stop_trigger_price": "61000"}
    exits = {"attached_order_configuration": {"trigger_bracket_gtc": fields}}
    waiting = place(venue, a_limit("w", "BUY", "61500", "0.1") | exits)
    bought = place(venue, a_body("c", "BUY", "market_market_ioc", base_size="0.1") | exits)
    pending, working = (
        venue.order(name)["order"]["attached_order_id"] for name in (waiting, bought)
    )

    answer, _ = venue.edit_order({"order_id": pending, "price": "64000", "size": "0.1"})
    edit(venue, working, "64000", "0.05")

    assert answer["errors"][0]["edit_failure_reason"] == "ONLY_OPEN_ORDERS_CAN_BE_EDITED"
    assert balance(venue, "BTC") == amounts("0.55", "0.05")


@pytest.mark.parametrize("body", [{}, {"order_id": 7}, {"order_id": "x", "price": 61000}])
def test_a_malformed_edit_is_a_bad_request(body: Wire) -> None:
    with pytest.raises(BadRequest):
        a_market_with().edit_order(body)


def test_an_edit_outlives_a_restart(tmp_path: Path) -> None:
    prints: list[Print] = [FIRST, (60, PRICE - 9000, COIN // 4, True)]
    venue, journal = a_kept_venue(a_print_tape(prints), default_rules(1), tmp_path)
    venue.advance()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))
    edit(venue, order_id, "61950", "0.3")
    journal.close()

    again, kept = a_kept_venue(a_print_tape(prints), default_rules(1), tmp_path)
    assert everything(again) == everything(venue)
    again.advance()

    assert filled(again, order_id) == ["0.25"]
    kept.close()


def test_an_edit_that_cannot_be_written_down_changes_nothing(tmp_path: Path) -> None:
    venue, journal = a_kept_venue(a_print_tape([FIRST]), default_rules(1), tmp_path)
    venue.advance()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))
    before = everything(venue)
    journal.close()

    with pytest.raises(JournalError):
        venue.edit_order({"order_id": order_id, "price": "61950", "size": "0.3"})

    assert everything(venue) == before


def test_an_edit_preview_says_what_the_edited_order_would_cost() -> None:
    venue = a_market_with()
    book = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))
    before = everything(venue)

    shown = venue.edit_preview({"order_id": order_id, "price": "60000", "size": "0.2"})

    assert shown["errors"] == []
    assert Decimal(shown["quote_size"]) == 12_000
    assert Decimal(shown["commission_total"]) == 48  # it would wait: the maker's 0.4 %
    assert Decimal(shown["order_total"]) == 12_048
    assert (shown["base_size"], shown["average_filled_price"]) == ("0.2", "60000")
    assert (shown["best_bid"], shown["best_ask"]) == (
        book["bids"][0]["price"],
        book["asks"][0]["price"],
    )
    assert everything(venue) == before
