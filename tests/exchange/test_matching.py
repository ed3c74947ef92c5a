"""Fills by the tape and from the book: price, time, queue, and never against oneself."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.exchange.rules import FeeTier, default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    COIN,
    ETH_BTC,
    Print,
    Wire,
    a_body,
    a_limit,
    a_print_tape,
    a_venue,
    amounts,
    balance,
    place,
)

PRICE = 6_200_000  # 62,000.00
FIRST: Print = (0, PRICE, 10 * COIN, True)  # the best bid is 62,000.00 then


def a_market_with(*later: Print) -> Venue:
    """A venue after its first minute, in which one trade printed at 62,000.00."""
    venue = a_venue([FIRST, *later])
    venue.advance()
    return venue


def fills_of(venue: Venue, order_id: str) -> list[tuple[str, str, str]]:
    """Price, size and liquidity of an order's fills, oldest first."""
    fills = venue.fills({"order_ids": [order_id], "limit": ["1000"]})["fills"]
    return [(fill["price"], fill["size"], fill["liquidity_indicator"]) for fill in fills[::-1]]


def order(venue: Venue, order_id: str) -> Wire:
    shown: Wire = venue.order(order_id)["order"]
    return shown


def asks(venue: Venue) -> list[tuple[str, str]]:
    book = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]
    return [(level["price"], level["size"]) for level in book["asks"]]


def bids(venue: Venue) -> list[tuple[str, str]]:
    book = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]
    return [(level["price"], level["size"]) for level in book["bids"]]


def test_a_market_order_fills_level_by_level_at_the_prices_of_the_book() -> None:
    venue = a_market_with()
    (price, size), (worse, _) = asks(venue)[:2]

    order_id = place(
        venue,
        a_body("c", "BUY", "market_market_ioc", base_size=str(Decimal(size) + Decimal("0.001"))),
    )

    assert fills_of(venue, order_id) == [(price, size, "TAKER"), (worse, "0.001", "TAKER")]
    assert order(venue, order_id)["status"] == "FILLED"
    assert asks(venue)[0][0] == worse


def test_emptied_levels_come_back_with_the_next_trade() -> None:
    venue = a_market_with((60, PRICE, COIN, True))
    before = asks(venue)
    place(venue, a_body("c", "BUY", "market_market_ioc", base_size=before[0][1]))

    after_order = asks(venue)
    venue.advance()

    assert after_order == before[1:]
    assert len(asks(venue)) == len(before)


def test_a_limit_order_never_pays_more_than_its_limit() -> None:
    venue = a_market_with()
    levels = asks(venue)

    order_id = place(venue, a_limit("c", "BUY", levels[1][0], "1"))

    assert fills_of(venue, order_id) == [(*levels[0], "TAKER"), (*levels[1], "TAKER")]
    shown = order(venue, order_id)
    assert (shown["status"], shown["number_of_fills"]) == ("OPEN", "2")


def test_a_trade_through_the_price_fills_a_waiting_order_at_its_own_price() -> None:
    venue = a_market_with((60, PRICE - 5000, COIN // 4, True), (61, PRICE - 6000, COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61980", "0.5"))

    venue.advance()

    assert fills_of(venue, order_id) == [("61980", "0.25", "MAKER"), ("61980", "0.25", "MAKER")]
    assert order(venue, order_id)["status"] == "FILLED"


def test_a_sale_waits_for_a_higher_price() -> None:
    venue = a_market_with((60, PRICE + 5000, COIN, False))
    order_id = place(venue, a_limit("c", "SELL", "62040", "0.5"))

    venue.advance()

    assert fills_of(venue, order_id) == [("62040", "0.5", "MAKER")]


def test_a_trade_at_the_price_serves_first_who_stood_there_before() -> None:
    venue = a_market_with((60, PRICE, COIN // 100, True), (61, PRICE, COIN, True))
    price, ahead = bids(venue)[0]
    assert Decimal(ahead) > Decimal("0.01")
    order_id = place(venue, a_limit("c", "BUY", price, "1.5"))  # more than the trades bring

    venue.advance()

    rest = Decimal("1.01") - Decimal(ahead)
    assert fills_of(venue, order_id) == [("62000", str(rest.normalize()), "MAKER")]


def test_inside_the_spread_nobody_stands_before_us() -> None:
    venue = a_market_with((60, PRICE + 1, COIN // 100, False))
    order_id = place(venue, a_limit("c", "BUY", "62000.01", "0.05"))
    assert Decimal(asks(venue)[0][0]) > Decimal("62000.01")

    venue.advance()

    assert fills_of(venue, order_id) == [("62000.01", "0.01", "MAKER")]


def test_our_orders_are_served_by_price_and_then_by_time() -> None:
    venue = a_market_with((60, PRICE - 9000, COIN, True))
    low = place(venue, a_limit("low", "BUY", "61950", "0.3"))
    first = place(venue, a_limit("first", "BUY", "61960", "0.5"))
    second = place(venue, a_limit("second", "BUY", "61960", "0.4"))

    venue.advance()

    sizes = [order(venue, name)["filled_size"] for name in (first, second, low)]
    assert sizes == ["0.5", "0.4", "0.1"]


def test_a_later_order_at_a_price_stands_behind_the_others_and_behind_ours() -> None:
    venue = a_market_with((60, PRICE, COIN, True))
    price, ahead = bids(venue)[0]
    first = place(venue, a_limit("first", "BUY", price, "0.2"))
    second = place(venue, a_limit("second", "BUY", price, "1.2"))

    venue.advance()

    left = Decimal(1) - Decimal(ahead) - Decimal("0.2")
    assert order(venue, first)["filled_size"] == "0.2"
    assert Decimal(order(venue, second)["filled_size"]) == left


def test_a_trade_that_does_not_reach_the_price_fills_nothing() -> None:
    venue = a_market_with((60, PRICE - 1999, 100 * COIN, True))
    order_id = place(venue, a_limit("c", "BUY", "61980", "0.5"))

    venue.advance()

    assert fills_of(venue, order_id) == []


def test_post_only_waits_or_is_rejected_but_never_takes() -> None:
    venue = a_market_with()
    price = asks(venue)[0][0]

    crossing, _ = venue.create_order(a_limit("a", "BUY", price, "0.1", post_only=True))
    waiting = place(
        venue, a_limit("b", "BUY", str(Decimal(price) - Decimal("0.01")), "0.1", post_only=True)
    )

    assert crossing["error_response"]["error"] == "INVALID_LIMIT_PRICE_POST_ONLY"
    assert order(venue, waiting)["status"] == "OPEN"


def test_fill_or_kill_fills_whole_or_not_at_all() -> None:
    venue = a_market_with()
    price, size = asks(venue)[0]
    body = a_body("a", "BUY", "limit_limit_fok", limit_price=price, base_size=size)
    more = str(Decimal(size) + Decimal("0.00000001"))

    killed = place(venue, a_body("b", "BUY", "limit_limit_fok", limit_price=price, base_size=more))
    filled = place(venue, body)

    assert (order(venue, killed)["status"], fills_of(venue, killed)) == ("CANCELLED", [])
    assert (order(venue, filled)["status"], len(fills_of(venue, filled))) == ("FILLED", 1)


def test_the_rest_of_an_immediate_order_is_cancelled() -> None:
    venue = a_market_with()
    price, size = asks(venue)[0]

    order_id = place(venue, a_body("c", "BUY", "sor_limit_ioc", limit_price=price, base_size="1"))

    shown = order(venue, order_id)
    assert (shown["status"], shown["filled_size"]) == ("CANCELLED", size)
    assert balance(venue, "USD")[1] == 0


def test_a_market_order_beyond_the_book_fills_what_is_there() -> None:
    venue = a_market_with()
    total = sum(Decimal(size) for _, size in bids(venue))
    assert total > Decimal("0.5")
    place(venue, a_body("a", "BUY", "market_market_ioc", base_size="0.9"))

    order_id = place(venue, a_body("b", "SELL", "market_market_ioc", base_size="1.4"))

    shown = order(venue, order_id)
    expected = ("FILLED", "1.4") if total >= Decimal("1.4") else ("CANCELLED", str(total))
    assert (shown["status"], shown["filled_size"]) == expected


def test_a_quote_sized_buy_spends_no_more_than_it_says() -> None:
    venue = a_market_with()

    order_id = place(venue, a_body("c", "BUY", "market_market_ioc", quote_size="9000"))

    shown = order(venue, order_id)
    spent = Decimal(100_000) - balance(venue, "USD")[0]
    assert shown["status"] == "FILLED"
    assert spent == Decimal(shown["total_value_after_fees"])
    assert Decimal("8999.99") < spent <= 9000


def test_an_order_ends_at_its_time_before_a_later_trade_can_fill_it() -> None:
    venue = a_market_with((70, PRICE - 9000, COIN, True))
    body = a_body(
        "c",
        "BUY",
        "limit_limit_gtd",
        limit_price="61980",
        base_size="0.5",
        end_time="2026-01-05T00:01:10Z",
    )
    order_id = place(venue, body)

    events = venue.advance()

    assert order(venue, order_id)["status"] == "EXPIRED"
    assert [update.order["status"] for update in events.user] == ["EXPIRED"]
    assert events.user[0].ts_ns == 1_767_571_270 * 10**9
    assert balance(venue, "USD") == amounts("100000", "0")


def test_an_order_fills_by_a_trade_before_its_end() -> None:
    venue = a_market_with((69, PRICE - 9000, COIN, True))
    body = a_body(
        "c",
        "BUY",
        "limit_limit_gtd",
        limit_price="61980",
        base_size="0.5",
        end_time="2026-01-05T00:01:10Z",
    )

    order_id = place(venue, body)
    venue.advance()

    assert order(venue, order_id)["status"] == "FILLED"


@pytest.mark.parametrize("post_only", [True, False])
def test_we_never_trade_with_ourselves(post_only: bool) -> None:
    venue = a_market_with()
    best = Decimal(asks(venue)[0][0])
    ours = str(best - Decimal("0.01"))  # better than every other ask
    waiting = place(venue, a_limit("sale", "SELL", ours, "0.1"))

    answer, updates = venue.create_order(
        a_limit("buy", "BUY", str(best), "0.2", post_only=post_only)
    )

    assert order(venue, waiting)["filled_size"] == "0"
    if post_only:
        assert answer["error_response"]["error"] == "INVALID_LIMIT_PRICE_POST_ONLY"
    else:
        assert [update.order["status"] for update in updates] == ["OPEN", "CANCELLED"]


def test_a_taker_fills_up_to_our_own_order_and_no_further() -> None:
    venue = a_market_with()
    levels = asks(venue)
    waiting = place(venue, a_limit("sale", "SELL", levels[1][0], "0.1"))

    order_id = place(venue, a_body("buy", "BUY", "market_market_ioc", base_size="1"))

    shown = order(venue, order_id)
    assert (shown["status"], fills_of(venue, order_id)) == ("CANCELLED", [(*levels[0], "TAKER")])
    assert shown["cancel_message"] == "Self trade prevented"
    assert order(venue, waiting)["status"] == "OPEN"


def test_our_own_order_behind_the_whole_book_stops_us_too() -> None:
    venue = a_venue([(0, PRICE, COIN // 10, True)])
    venue.advance()
    levels = asks(venue)
    own = str(Decimal(levels[-1][0]) + 5)
    place(venue, a_limit("sale", "SELL", own, "0.1"))

    order_id = place(venue, a_limit("buy", "BUY", own, "1"))

    shown = order(venue, order_id)
    assert (shown["number_of_fills"], shown["status"]) == (str(len(levels)), "CANCELLED")
    assert shown["cancel_message"] == "Self trade prevented"


def test_a_partial_fill_leaves_the_hold_of_what_is_left() -> None:
    venue = a_market_with((60, PRICE - 5000, COIN // 4, True))
    order_id = place(venue, a_limit("c", "BUY", "61980", "0.5"))

    venue.advance()

    hold = Decimal("61980") * Decimal("0.25") * Decimal("1.006")
    paid = Decimal("61980") * Decimal("0.25") * Decimal("1.004")
    assert Decimal(order(venue, order_id)["outstanding_hold_amount"]) == hold
    assert balance(venue, "USD") == (100_000 - paid - hold, hold)


def test_fill_or_kill_against_ourselves_fills_nothing() -> None:
    venue = a_market_with()
    levels = asks(venue)
    place(venue, a_limit("sale", "SELL", levels[1][0], "0.1"))

    order_id = place(
        venue,
        a_body("buy", "BUY", "limit_limit_fok", limit_price=levels[2][0], base_size="1"),
    )

    assert fills_of(venue, order_id) == []


def test_the_tape_does_not_change_by_our_fills() -> None:
    prints: list[Print] = [FIRST, (60, PRICE - 9000, COIN, True), (120, PRICE, COIN, False)]
    quiet, busy = a_venue(prints), a_venue(prints)
    quiet.advance()
    busy.advance()
    place(busy, a_limit("a", "BUY", "61980", "0.4"))
    place(busy, a_body("b", "BUY", "market_market_ioc", base_size="0.4"))

    for _ in range(2):
        assert busy.advance().trades == quiet.advance().trades

    assert busy.product("BTC-USD") == quiet.product("BTC-USD")


def a_dusty_venue(*later: Print, bitcoin: str) -> Venue:
    """ETH-BTC, where a fill of few increments is less than a cash unit; no fees."""
    free = (FeeTier("none", Decimal(0), Decimal(0), Decimal(0)),)
    balances = {"BTC": Decimal(bitcoin), "ETH": Decimal(1)}
    rules = replace(default_rules(1), fee_tiers=free, balances=balances)
    venue = Venue(a_print_tape([(0, 3950, 10**9, True), *later], ETH_BTC), rules, None)
    venue.advance()
    return venue


def test_an_order_ends_when_rounding_uses_up_its_last_money() -> None:
    """130 lots at 0.039 cost 5.07 units, held as 6; one lot alone costs 1, the other 129 cost 6."""
    venue = a_dusty_venue((60, 3800, 1, True), (61, 3800, 500, True), bitcoin="0.00000006")
    fields = {"product_id": "ETH-BTC", "limit_price": "0.039", "base_size": "0.0000013"}
    order_id = place(venue, a_body("c", "BUY", "limit_limit_gtc", **fields))

    venue.advance()

    shown = order(venue, order_id)
    assert fills_of(venue, order_id) == [("0.039", "0.00000001", "MAKER")]
    assert (shown["status"], shown["cancel_message"]) == (
        "CANCELLED",
        "Not enough balance for the rounding of this fill",
    )
    assert balance(venue, "BTC") == amounts("0.00000005", "0")


def test_a_sale_of_dust_brings_nothing_but_costs_nothing() -> None:
    rules = replace(default_rules(1), balances={"ETH": Decimal(1)})
    venue = Venue(a_print_tape([(0, 3950, 10**9, True)], ETH_BTC), rules, None)
    venue.advance()
    fields = {"product_id": "ETH-BTC", "base_size": "0.00000001"}

    order_id = place(venue, a_body("c", "SELL", "market_market_ioc", **fields))

    fill = venue.fills({"order_ids": [order_id]})["fills"][0]
    assert fill["commission"] == "0"
    assert balance(venue, "BTC") == amounts("0", "0")


def test_a_trade_through_two_prices_leaves_no_queue_at_the_second() -> None:
    """Even if our better order ate all of the trade: nobody of the others can be left there."""
    venue = a_market_with(
        (60, PRICE - 400_000, COIN // 100, False), (120, PRICE - 200_000, COIN // 100, True)
    )
    place(venue, a_limit("first", "BUY", "61000", "0.01"))
    second = place(venue, a_limit("second", "BUY", "60000", "0.01"))

    venue.advance()
    eaten = order(venue, second)["filled_size"]
    venue.advance()

    assert (eaten, order(venue, second)["filled_size"]) == ("0", "0.01")
