"""Orders that wait for a printed trade: stops with a direction, and brackets with two exits."""

from decimal import Decimal
from pathlib import Path

import pytest

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
UP, DOWN = "STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"
STOP_GTC = "stop_limit_stop_limit_gtc"
NAME = "order"
USD = Decimal(100_000)


def a_market_with(*later: Print) -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue([FIRST, *later])
    venue.advance()
    return venue


def a_stop(side: str, stop: str, limit: str, direction: str, **fields: str) -> Wire:
    configuration = "stop_limit_stop_limit_gtd" if "end_time" in fields else STOP_GTC
    return a_body(
        NAME,
        side,
        configuration,
        base_size="0.1",
        stop_price=stop,
        limit_price=limit,
        stop_direction=direction,
        **fields,
    )


def a_bracket(side: str, limit: str, stop: str, size: str = "0.1", **fields: str) -> Wire:
    configuration = "trigger_bracket_gtd" if "end_time" in fields else "trigger_bracket_gtc"
    prices = {"limit_price": limit, "stop_trigger_price": stop}
    return a_body(NAME, side, configuration, base_size=size, **prices, **fields)


def order(venue: Venue, order_id: str) -> Wire:
    shown: Wire = venue.order(order_id)["order"]
    return shown


def state(venue: Venue, order_id: str) -> tuple[str, str, str]:
    shown = order(venue, order_id)
    return shown["status"], shown["trigger_status"], shown["filled_size"]


def error(venue: Venue, body: Wire) -> tuple[str, str]:
    answer = venue.create_order(body)[0]["error_response"]
    return answer["error"], answer["preview_failure_reason"]


@pytest.mark.parametrize(
    ("side", "direction", "stop", "limit"),
    [
        ("SELL", DOWN, 61_900, 61_000),  # a stop loss
        ("SELL", UP, 62_100, 61_000),  # a gain taken
        ("BUY", UP, 62_100, 63_000),  # a breakout
        ("BUY", DOWN, 61_900, 63_000),  # a dip bought
    ],
)
def test_a_stop_waits_for_its_price_and_then_trades_as_a_limit_order(
    side: str, direction: str, stop: int, limit: int
) -> None:
    nearly = stop * 100 + (1 if direction == DOWN else -1)
    venue = a_market_with((60, nearly, COIN, True), (120, stop * 100, 10 * COIN, True))
    order_id = place(venue, a_stop(side, str(stop), str(limit), direction))
    paid_with = "USD" if side == "BUY" else "BTC"
    held = balance(venue, paid_with)[1]

    venue.advance()
    before = state(venue, order_id)
    events = venue.advance()

    assert held > 0
    assert before == ("OPEN", "STOP_PENDING", "0")
    assert state(venue, order_id) == ("FILLED", "STOP_TRIGGERED", "0.1")
    told = [(one.order["status"], one.order["trigger_status"]) for one in events.user]
    assert told[0] == ("OPEN", "STOP_TRIGGERED")
    assert told[-1] == ("FILLED", "STOP_TRIGGERED")
    assert balance(venue, paid_with)[1] == 0
    fills = venue.fills({"order_ids": [order_id]})["fills"]
    assert {fill["liquidity_indicator"] for fill in fills} == {"TAKER"}


def test_a_stop_is_shown_as_what_it_is() -> None:
    venue = a_market_with()

    answer, updates = venue.create_order(a_stop("SELL", "61900", "61800", DOWN))

    shown = order(venue, answer["success_response"]["order_id"])
    assert (shown["order_type"], shown["time_in_force"]) == ("STOP_LIMIT", "GOOD_UNTIL_CANCELLED")
    told = updates[0].order
    assert (told["order_type"], told["status"]) == ("Stop Limit", "OPEN")
    assert (told["stop_price"], told["limit_price"]) == ("61900", "61800")
    assert shown["outstanding_hold_amount"] == told["outstanding_hold_amount"] == "0.1"
    assert venue.user_snapshot() == [[told]]


def test_a_waiting_stop_is_not_in_the_book() -> None:
    """It would else be filled by the very trades that come nowhere near its trigger."""
    venue = a_market_with((60, PRICE - 100, COIN, True))
    order_id = place(venue, a_stop("BUY", "62500", "62600", UP))

    venue.advance()

    assert state(venue, order_id) == ("OPEN", "STOP_PENDING", "0")


def test_a_triggered_stop_beyond_its_limit_waits_in_the_book() -> None:
    venue = a_market_with((60, PRICE - 50_000, COIN, True), (120, PRICE, COIN, False))
    order_id = place(venue, a_stop("SELL", "61900", "61800", DOWN))

    venue.advance()
    fallen = state(venue, order_id)
    venue.advance()

    assert fallen == ("OPEN", "STOP_TRIGGERED", "0")
    assert state(venue, order_id) == ("FILLED", "STOP_TRIGGERED", "0.1")
    assert venue.fills({})["fills"][0]["price"] == "61800"


def test_stops_fire_in_the_order_the_price_reaches_them() -> None:
    venue = a_market_with((60, PRICE - 50_000, COIN, True))
    far = place(venue, a_stop("SELL", "61700", "61000", DOWN) | {"client_order_id": "far"})
    near = place(venue, a_stop("SELL", "61900", "61000", DOWN) | {"client_order_id": "near"})

    events = venue.advance()

    fired = list(dict.fromkeys(update.order["order_id"] for update in events.user))
    assert fired == [near, far]


def test_a_stop_cannot_be_filled_by_the_trade_that_fires_it() -> None:
    venue = a_market_with((60, PRICE - 20_000, 10 * COIN, True))
    order_id = place(venue, a_stop("BUY", "61900", "61950", DOWN))

    venue.advance()

    kinds = {fill["liquidity_indicator"] for fill in venue.fills({})["fills"]}
    assert (state(venue, order_id)[0], kinds) == ("FILLED", {"TAKER"})


def test_a_stop_on_the_wrong_side_of_the_last_trade_is_refused_and_on_it_taken() -> None:
    venue = a_market_with()
    above, below = (
        "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        "PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE",
    )

    assert error(venue, a_stop("SELL", "62000.01", "61000", DOWN))[1] == above
    assert error(venue, a_stop("BUY", "61999.99", "63000", UP))[1] == below
    place(venue, a_stop("SELL", "62000", "61000", DOWN))


def test_the_runbooks_stop_example_is_refused_for_its_limit() -> None:
    venue = a_market_with()

    refused = error(venue, a_stop("SELL", "59500", "60000", DOWN))

    assert refused == ("UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")


def test_before_the_first_trade_nobody_knows_where_a_stop_stands() -> None:
    venue = a_venue([FIRST])

    refused = error(venue, a_stop("SELL", "61900", "61800", DOWN))

    assert refused[1] == "PREVIEW_MISSING_PRODUCT_PRICE_BOOK"


def test_a_stop_holds_its_money_until_it_is_cancelled() -> None:
    venue = a_market_with()
    order_id = place(venue, a_stop("BUY", "62500", "62600", UP))
    held = balance(venue, "USD")[1]

    venue.cancel_orders([order_id])

    assert held == Decimal("6260") * Decimal("1.006")
    assert balance(venue, "USD") == (USD, Decimal(0))
    assert order(venue, order_id)["status"] == "CANCELLED"


def test_a_stop_whose_time_is_over_does_not_fire() -> None:
    venue = a_market_with((70, PRICE - 50_000, COIN, True))
    end = "2026-01-05T00:01:10Z"
    order_id = place(venue, a_stop("SELL", "61900", "61000", DOWN, end_time=end))

    venue.advance()

    assert state(venue, order_id) == ("EXPIRED", "STOP_PENDING", "0")
    assert balance(venue, "BTC") == amounts("0.5", "0")


def test_a_bracket_takes_its_gain_and_its_loss_can_no_more_fire() -> None:
    venue = a_market_with((60, PRICE + 30_000, COIN, False), (120, PRICE - 90_000, COIN, True))
    order_id = place(venue, a_bracket("SELL", "62200", "61500"))
    held = balance(venue, "BTC")[1]

    venue.advance()
    gained = state(venue, order_id)
    venue.advance()

    assert held == Decimal("0.1")
    assert gained == state(venue, order_id) == ("FILLED", "STOP_PENDING", "0.1")
    assert [fill["price"] for fill in venue.fills({})["fills"]] == ["62200"]


def test_a_bracket_cuts_its_loss_and_its_gain_can_no_more_fill() -> None:
    venue = a_market_with((60, PRICE - 60_000, COIN, True), (120, PRICE + 90_000, COIN, False))
    order_id = place(venue, a_bracket("SELL", "62200", "61500"))

    venue.advance()
    lost = state(venue, order_id)
    venue.advance()

    assert lost == state(venue, order_id) == ("FILLED", "STOP_TRIGGERED", "0.1")
    fills = venue.fills({})["fills"]
    assert {fill["liquidity_indicator"] for fill in fills} == {"TAKER"}
    assert all(Decimal(fill["price"]) <= Decimal("61400") for fill in fills)
    assert balance(venue, "BTC") == amounts("0.4", "0")


def test_a_fired_bracket_waits_five_percent_beyond_its_trigger() -> None:
    """A fall through that price leaves it waiting, so no exit is ever worse than that."""
    fall = PRICE * 90 // 100
    venue = a_market_with((60, fall, COIN, True), (120, PRICE * 96 // 100, COIN, False))
    order_id = place(venue, a_bracket("SELL", "62200", "61000.01"))

    venue.advance()
    fallen = state(venue, order_id)
    venue.advance()

    assert fallen == ("OPEN", "STOP_TRIGGERED", "0")
    assert state(venue, order_id)[0] == "FILLED"
    assert venue.fills({})["fills"][0]["price"] == "57950"  # of 57,950.0095, to its own loss


def test_a_bracket_that_gained_in_part_loses_only_the_rest() -> None:
    venue = a_market_with((60, 6_220_001, COIN // 100, False), (120, 6_140_000, COIN, True))
    order_id = place(venue, a_bracket("SELL", "62200", "61500"))

    venue.advance()
    gained = order(venue, order_id)
    venue.advance()

    assert (gained["filled_size"], gained["outstanding_hold_amount"]) == ("0.01", "0.09")
    assert state(venue, order_id) == ("FILLED", "STOP_TRIGGERED", "0.1")
    assert balance(venue, "BTC") == amounts("0.4", "0")


def test_a_buying_bracket_holds_once_what_its_worse_exit_may_cost() -> None:
    venue = a_market_with((60, PRICE + 60_000, COIN, False))
    order_id = place(venue, a_bracket("BUY", "61500", "62500"))
    worst = Decimal("62500") * Decimal("1.05") * Decimal("0.1") * Decimal("1.006")
    held = balance(venue, "USD")[1]

    venue.advance()

    assert held == worst
    assert state(venue, order_id) == ("FILLED", "STOP_TRIGGERED", "0.1")
    spent = Decimal(order(venue, order_id)["total_value_after_fees"])
    assert balance(venue, "USD") == (USD - spent, Decimal(0))


def test_a_bracket_is_shown_with_both_its_prices_even_when_it_fired() -> None:
    venue = a_market_with((60, PRICE * 90 // 100, COIN, True))
    _, first = venue.create_order(a_bracket("SELL", "62200", "61500"))

    events = venue.advance()

    for told in (first[0].order, events.user[-1].order):
        assert (told["order_type"], told["limit_price"]) == ("Bracket", "62200")
        assert told["stop_price"] == "61500"
    assert order(venue, first[0].order["order_id"])["order_type"] == "BRACKET"


@pytest.mark.parametrize(
    ("side", "limit", "stop", "reason"),
    [
        ("SELL", "62000", "61000", "INVALID_BRACKET_LIMIT_PRICE"),
        ("SELL", "63000", "62000", "INVALID_BRACKET_STOP_TRIGGER_PRICE"),
        ("BUY", "62000", "63000", "INVALID_BRACKET_LIMIT_PRICE"),
        ("BUY", "61000", "62000", "INVALID_BRACKET_STOP_TRIGGER_PRICE"),
    ],
)
def test_a_bracket_must_enclose_the_last_trade(
    side: str, limit: str, stop: str, reason: str
) -> None:
    assert error(a_market_with(), a_bracket(side, limit, stop)) == (reason, f"PREVIEW_{reason}")


def test_a_bracket_ends_at_its_time_with_both_exits() -> None:
    venue = a_market_with((70, PRICE + 90_000, COIN, False), (130, PRICE - 90_000, COIN, True))
    end = "2026-01-05T00:01:10Z"
    order_id = place(venue, a_bracket("SELL", "62200", "61500", end_time=end))

    venue.advance()
    venue.advance()

    assert state(venue, order_id) == ("EXPIRED", "STOP_PENDING", "0")
    assert balance(venue, "BTC") == amounts("0.5", "0")


def test_waiting_triggers_outlive_a_restart(tmp_path: Path) -> None:
    prints = [FIRST, (60, PRICE - 10, COIN, True), (120, PRICE - 60_000, COIN, True)]
    rules = default_rules(1)
    venue, journal = a_kept_venue(a_print_tape(prints), rules, tmp_path)
    venue.advance()
    stop = place(venue, a_stop("SELL", "61600", "61000", DOWN) | {"client_order_id": "s"})
    bracket = place(venue, a_bracket("SELL", "62200", "61500"))
    venue.advance()
    journal.close()

    again, kept = a_kept_venue(a_print_tape(prints), rules, tmp_path)
    assert everything(again) == everything(venue)
    again.advance()

    assert [state(again, name)[0] for name in (stop, bracket)] == ["FILLED", "FILLED"]
    kept.close()


def test_a_stop_met_by_our_own_order_is_cancelled() -> None:
    venue = a_market_with((60, PRICE + 20_000, COIN // 1000, True))
    place(venue, a_limit("own", "SELL", "62200.01", "0.1"))
    order_id = place(venue, a_stop("BUY", "62100", "63000", UP))

    venue.advance()

    shown = order(venue, order_id)
    assert (shown["status"], shown["cancel_message"]) == ("CANCELLED", "Self trade prevented")
