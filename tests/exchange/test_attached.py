"""Exits attached to a buy: they begin when it has ended, for exactly what it bought."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    COIN,
    Print,
    Wire,
    a_body,
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
UNKNOWN_PREVIEW = "UNKNOWN_PREVIEW_FAILURE_REASON"


def a_market_with(*later: Print) -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue([FIRST, *later])
    venue.advance()
    return venue


def exits(gain: Any = "63000", loss: Any = "60000", **more: str) -> Wire:
    fields = {"limit_price": gain, "stop_trigger_price": loss, **more}
    return {"attached_order_configuration": {"trigger_bracket_gtc": fields}}


def a_market(size: str = "0.1") -> Wire:
    return a_body("c", "BUY", "market_market_ioc", base_size=size)


def order(venue: Venue, order_id: str) -> Wire:
    shown: Wire = venue.order(order_id)["order"]
    return shown


def exits_of(venue: Venue, order_id: str) -> Wire:
    return order(venue, order(venue, order_id)["attached_order_id"])


def test_exits_begin_when_the_buy_is_filled_for_what_it_bought() -> None:
    venue = a_market_with()

    answer, updates = venue.create_order(a_market() | exits())

    success = answer["success_response"]
    bought = order(venue, success["order_id"])
    child = order(venue, success["attached_order_id"])
    assert bought["attached_order_id"] == child["order_id"]
    assert bought["attached_order_configuration"] == exits()["attached_order_configuration"]
    assert child["originating_order_id"] == bought["order_id"]
    assert (child["order_type"], child["side"], child["status"]) == ("BRACKET", "SELL", "OPEN")
    assert child["workable_size"] == child["outstanding_hold_amount"] == "0.1"
    assert child["order_configuration"]["trigger_bracket_gtc"]["base_size"] == "0.1"
    assert balance(venue, "BTC") == amounts("0.5", "0.1")
    told = [(one.order["order_type"], one.order["status"]) for one in updates]
    assert told[0] == ("Bracket", "PENDING")
    assert told[-2:] == [("Market", "FILLED"), ("Bracket", "OPEN")]


def test_exits_of_a_waiting_buy_hold_and_do_nothing() -> None:
    venue = a_market_with((60, PRICE + 200_000, COIN, False))

    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())
    venue.advance()

    child = exits_of(venue, order_id)
    assert (child["status"], child["outstanding_hold_amount"]) == ("PENDING", "0")
    assert (child["completion_percentage"], child["workable_size"]) == ("0", "0")
    assert balance(venue, "BTC") == amounts("0.5", "0")


@pytest.mark.parametrize(("price", "trigger"), [(6_310_000, "PENDING"), (5_990_000, "TRIGGERED")])
def test_exits_take_the_gain_or_cut_the_loss(price: int, trigger: str) -> None:
    venue = a_market_with((60, price, COIN, price < PRICE))
    order_id = place(venue, a_market() | exits())

    venue.advance()

    child = exits_of(venue, order_id)
    assert (child["status"], child["filled_size"]) == ("FILLED", "0.1")
    assert child["trigger_status"] == f"STOP_{trigger}"
    assert balance(venue, "BTC") == amounts("0.5", "0")


def test_exits_begin_with_the_trade_that_fills_the_buy_and_may_fire_by_the_next() -> None:
    venue = a_market_with((60, PRICE - 150_000, COIN, True), (61, PRICE - 210_000, COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())

    venue.advance()

    child = exits_of(venue, order_id)
    assert order(venue, order_id)["status"] == "FILLED"
    assert (child["status"], child["trigger_status"]) == ("FILLED", "STOP_TRIGGERED")


def test_the_trade_that_ends_a_buy_does_not_fire_its_exits() -> None:
    venue = a_market_with((60, PRICE - 300_000, COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())

    venue.advance()

    child = exits_of(venue, order_id)
    assert (child["status"], child["trigger_status"]) == ("OPEN", "STOP_PENDING")


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_a_buy_that_ends_half_filled_leaves_exits_for_that_half(end: str) -> None:
    venue = a_market_with((60, PRICE - 100_001, COIN // 20, True), (120, PRICE, COIN, True))
    fields = {"limit_price": "61000", "base_size": "0.1", "end_time": "2026-01-05T00:02:30Z"}
    order_id = place(venue, a_body("c", "BUY", "limit_limit_gtd", **fields) | exits())
    venue.advance()

    if end == "cancelled":
        venue.cancel_orders([order_id])
    else:
        venue.advance()

    assert order(venue, order_id)["status"] == end.upper()
    child = exits_of(venue, order_id)
    assert (child["status"], child["workable_size"]) == ("OPEN", "0.05")
    assert balance(venue, "BTC") == amounts("0.5", "0.05")


def test_exits_of_a_buy_that_bought_nothing_are_cancelled() -> None:
    venue = a_market_with()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())

    venue.cancel_orders([order_id])

    assert exits_of(venue, order_id)["status"] == "CANCELLED"
    assert venue.user_snapshot() == [[]]


def test_cancelled_exits_do_not_come_back_with_the_fill() -> None:
    venue = a_market_with((60, PRICE - 150_000, COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())

    answer, _ = venue.cancel_orders([order(venue, order_id)["attached_order_id"]])
    venue.advance()

    assert answer["results"][0]["success"]
    assert order(venue, order_id)["status"] == "FILLED"
    assert exits_of(venue, order_id)["status"] == "CANCELLED"


def test_cancelling_a_buy_and_its_exits_at_once_leaves_nothing() -> None:
    venue = a_market_with((60, PRICE - 100_001, COIN // 20, True))
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())
    venue.advance()
    child = order(venue, order_id)["attached_order_id"]

    venue.cancel_orders([order_id, child])

    assert [order(venue, name)["status"] for name in (order_id, child)] == ["CANCELLED"] * 2
    assert balance(venue, "BTC") == amounts("0.55", "0")


def test_exits_fail_when_what_was_bought_is_held_by_another_order() -> None:
    venue = a_market_with((60, PRICE - 100_001, COIN // 20, True))
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())
    venue.advance()
    place(venue, a_limit("s", "SELL", "64000", "0.52"))

    venue.cancel_orders([order_id])

    child = exits_of(venue, order_id)
    assert (child["status"], child["reject_reason"]) == ("FAILED", "HOLD_FAILURE")
    assert balance(venue, "BTC") == amounts("0.03", "0.52")


def test_an_edit_may_not_leave_the_attached_exits_behind() -> None:
    venue = a_market_with()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())

    for price in ("60000", "63000"):
        answer, _ = venue.edit_order({"order_id": order_id, "price": price, "size": "0.1"})
        assert answer["errors"][0]["edit_failure_reason"] == "INVALID_EDITED_PRICE"
    answer, _ = venue.edit_order({"order_id": order_id, "price": "60000.01", "size": "0.2"})

    assert answer["success"]


def test_attached_exits_outlive_a_restart(tmp_path: Path) -> None:
    prints: list[Print] = [FIRST, (60, PRICE - 150_000, COIN // 20, True), (120, PRICE, COIN, True)]
    venue, journal = a_kept_venue(a_print_tape(prints), default_rules(1), tmp_path)
    venue.advance()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1") | exits())
    venue.advance()
    journal.close()

    again, kept = a_kept_venue(a_print_tape(prints), default_rules(1), tmp_path)
    assert everything(again) == everything(venue)
    again.cancel_orders([order_id])

    assert exits_of(again, order_id)["status"] == "OPEN"
    kept.close()


TAKE, LOSE = "INVALID_ATTACHED_TAKE_PROFIT_PRICE", "INVALID_ATTACHED_STOP_LOSS_PRICE"
NOT_SUPPORTED = "BRACKET_ORDER_NOT_SUPPORTED"
REFUSED = [
    (a_market() | exits(base_size="0.1"), "ATTACHED_ORDER_SIZE_MUST_BE_NIL"),
    (a_market() | exits(gain="high"), TAKE),
    (a_market() | exits(gain="63000.001"), f"{TAKE}_PRECISION"),
    (a_market() | exits(loss="0"), LOSE),
    (a_market() | exits(loss="60000.001"), f"{LOSE}_PRECISION"),
    (a_market() | exits(gain="60000"), TAKE),
    (a_market() | exits(gain="62000"), TAKE),
    (a_market() | exits(loss="62000"), LOSE),
    (a_limit("c", "BUY", "61000", "0.1") | exits(loss="61000"), LOSE),
    (a_limit("c", "BUY", "64000", "0.1") | exits(), TAKE),
    (a_limit("c", "SELL", "62500", "0.1") | exits(), NOT_SUPPORTED),
    (
        a_market() | {"attached_order_configuration": {"limit_limit_gtc": {}}},
        "UNSUPPORTED_ORDER_CONFIGURATION",
    ),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_exits_that_make_no_sense_are_refused(body: Wire, reason: str) -> None:
    venue = a_market_with()
    before = everything(venue)

    answer, _ = venue.create_order(body)

    assert answer["error_response"]["error"] == reason
    assert everything(venue) == before


@pytest.mark.parametrize("value", ["yes", [1]])
def test_attached_exits_of_another_form_are_a_bad_request(value: object) -> None:
    with pytest.raises(BadRequest):
        a_market_with().create_order(a_market() | {"attached_order_configuration": value})


def test_held_money_is_that_of_one_exit() -> None:
    venue = a_market_with()
    place(venue, a_market() | exits())

    too_much, _ = venue.create_order(a_limit("s", "SELL", "64000", "0.50000001"))
    place(venue, a_limit("t", "SELL", "64000", "0.5"))

    assert too_much["error_response"]["error"] == "INSUFFICIENT_FUND"
    assert balance(venue, "BTC") == (Decimal(0), Decimal("0.6"))
