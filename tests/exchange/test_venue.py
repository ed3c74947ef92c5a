"""The exchange as a whole: answers, updates, durable state, and money that adds up to the unit."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.refusals import BadRequest, NotFound
from gpt_trader.exchange.rules import Duplicate, VenueRules, default_rules
from gpt_trader.exchange.tape import FollowedRound, FollowedTape, FollowedTrade, Quote
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BTC,
    ETH_BTC,
    START_S,
    Print,
    a_body,
    a_candle_tape,
    a_kept_venue,
    a_limit,
    a_print_tape,
    a_venue,
    amounts,
    balance,
    everything,
    place,
)

RULES = default_rules(1)
UNIT = Decimal("1e-8")
PRINTS: list[Print] = [(60.0 * minute, 6_200_000, 10**9, True) for minute in range(5)]


def an_open_venue(rules: VenueRules = RULES) -> Venue:
    venue = a_venue(PRINTS, rules)
    venue.advance()
    return venue


def test_an_accepted_order_is_answered_shown_and_listed() -> None:
    venue = an_open_venue()
    body = a_limit("mine", "BUY", "61000", "0.1", post_only=True)

    answer, updates = venue.create_order(body)

    success = answer["success_response"]
    assert answer["order_configuration"] == body["order_configuration"]
    assert (success["client_order_id"], success["side"]) == ("mine", "BUY")
    assert [update.order["status"] for update in updates] == ["OPEN"]
    shown = venue.order(success["order_id"])["order"]
    assert (shown["status"], shown["order_type"]) == ("OPEN", "LIMIT")
    assert shown["created_time"] == "2026-01-05T00:01:00Z"
    assert venue.user_snapshot() == [[updates[0].order]]


def test_each_fill_is_one_update_and_the_last_one_ends_the_order() -> None:
    venue = an_open_venue()

    _, updates = venue.create_order(a_body("c", "BUY", "market_market_ioc", base_size="0.5"))

    states = [(one.order["status"], one.order["number_of_fills"]) for one in updates]
    count = len(states) - 1
    assert count >= 2
    assert states[0] == ("OPEN", "0")
    assert states[1:-1] == [("OPEN", str(number)) for number in range(1, count)]
    assert states[-1] == ("FILLED", str(count))
    quantities = [Decimal(one.order["cumulative_quantity"]) for one in updates]
    assert quantities == sorted(quantities)
    assert updates[-1].order["leaves_quantity"] == "0"
    assert updates[-1].order["completion_percentage"] == "100"


def test_order_types_are_spelled_as_each_door_spells_them() -> None:
    venue = an_open_venue()

    answer, updates = venue.create_order(a_body("c", "BUY", "market_market_ioc", quote_size="50"))

    shown = venue.order(answer["success_response"]["order_id"])["order"]
    assert (updates[0].order["order_type"], shown["order_type"]) == ("Market", "MARKET")
    assert (shown["size_in_quote"], shown["size_inclusive_of_fees"]) == (True, True)
    assert shown["edit_history"] == []


def test_a_rejected_order_leaves_no_trace() -> None:
    venue = an_open_venue()
    before = everything(venue)

    answer, updates = venue.create_order(a_limit("c", "BUY", "61000", "1000"))

    error = answer["error_response"]
    assert (answer["success"], updates) == (False, [])
    assert error["error"] == error["new_order_failure_reason"] == "INSUFFICIENT_FUND"
    assert error["preview_failure_reason"] == "PREVIEW_INSUFFICIENT_FUND"
    assert set(error) == {
        "error",
        "message",
        "error_details",
        "preview_failure_reason",
        "new_order_failure_reason",
    }
    assert everything(venue) == before


def test_an_order_without_a_market_is_rejected() -> None:
    answer, _ = a_venue(PRINTS).create_order(a_body("c", "BUY", "market_market_ioc", base_size="1"))

    assert answer["error_response"]["error"] == "INVALID_NO_LIQUIDITY"


def test_a_disabled_product_takes_no_order() -> None:
    venue = an_open_venue(replace(RULES, trading_disabled=frozenset({"BTC-USD"})))

    answer, _ = venue.create_order(a_limit("c", "BUY", "61000", "0.1"))

    assert answer["error_response"]["error"] == "TRADING_DISABLED"
    assert venue.product("BTC-USD")["trading_disabled"] is True


def test_a_sale_needs_the_base_and_may_use_all_of_it() -> None:
    venue = an_open_venue()

    too_much, _ = venue.create_order(a_limit("a", "SELL", "63000", "0.50000001"))
    order_id = place(venue, a_limit("b", "SELL", "63000", "0.5"))

    assert too_much["error_response"]["error"] == "INSUFFICIENT_FUND"
    assert balance(venue, "BTC") == amounts("0", "0.5")
    assert venue.order(order_id)["order"]["outstanding_hold_amount"] == "0.5"


def test_a_waiting_buy_holds_its_notional_and_the_taker_fee() -> None:
    venue = an_open_venue()

    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))

    hold = Decimal("6100") * Decimal("1.006")
    assert balance(venue, "USD") == (100_000 - hold, hold)
    assert Decimal(venue.order(order_id)["order"]["outstanding_hold_amount"]) == hold


def test_a_cancel_frees_the_hold_and_says_so() -> None:
    venue = an_open_venue()
    order_id = place(venue, a_limit("c", "BUY", "61000", "0.1"))

    answer, updates = venue.cancel_orders([order_id, "unknown", order_id])

    assert [(one["success"], one["failure_reason"]) for one in answer["results"]] == [
        (True, "UNKNOWN_CANCEL_FAILURE_REASON"),
        (False, "UNKNOWN_CANCEL_ORDER"),
        (False, "DUPLICATE_CANCEL_REQUEST"),
    ]
    assert [update.order["status"] for update in updates] == ["CANCELLED"]
    assert balance(venue, "USD") == amounts("100000", "0")
    again, _ = venue.cancel_orders([order_id])
    assert again["results"][0]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"


def test_more_than_100_cancels_at_once_are_refused() -> None:
    with pytest.raises(BadRequest) as refusal:
        an_open_venue().cancel_orders(["x"] * 101)

    assert refusal.value.body["error"] == "InvalidArgument"
    assert refusal.value.body["message"].endswith(" 100")


def test_a_repeated_client_order_id_gets_the_first_order_back() -> None:
    venue = an_open_venue()
    first, _ = venue.create_order(a_limit("same", "BUY", "61000", "0.1"))

    second, updates = venue.create_order(a_limit("same", "SELL", "63000", "0.2"))

    assert (second, updates) == (first, [])
    assert len(venue.orders({})["orders"]) == 1


def test_a_repeated_client_order_id_can_be_rejected_or_taken_twice() -> None:
    strict = an_open_venue(replace(RULES, duplicate_client_order_id=Duplicate.REJECT))
    loose = an_open_venue(replace(RULES, duplicate_client_order_id=Duplicate.ACCEPT))

    answers = []
    for venue in (strict, loose):
        venue.create_order(a_limit("same", "BUY", "61000", "0.1"))
        answers.append(venue.create_order(a_limit("same", "BUY", "61000", "0.1"))[0])

    assert answers[0]["error_response"]["error"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert answers[1]["success"]
    assert len(loose.orders({})["orders"]) == 2


def test_beyond_the_most_open_orders_an_order_is_made_and_fails() -> None:
    venue = an_open_venue(replace(RULES, max_open_orders=2))
    for number in range(2):
        place(venue, a_limit(str(number), "BUY", "61000", "0.1"))
    before = balance(venue, "USD")

    answer, updates = venue.create_order(a_limit("c", "BUY", "61000", "0.1"))

    shown = venue.order(answer["success_response"]["order_id"])["order"]
    assert (shown["status"], shown["reject_reason"]) == ("FAILED", "TOO_MANY_OPEN_ORDERS")
    assert [update.order["status"] for update in updates] == ["FAILED"]
    assert balance(venue, "USD") == before


def test_the_longer_life_cycle_is_shown_on_demand() -> None:
    venue = an_open_venue(replace(RULES, pending_first=True, cancel_queued=True))

    answer, created = venue.create_order(a_limit("c", "BUY", "61000", "0.1"))
    _, cancelled = venue.cancel_orders([answer["success_response"]["order_id"]])

    states = [update.order["status"] for update in (*created, *cancelled)]
    assert states == ["PENDING", "OPEN", "CANCEL_QUEUED", "CANCELLED"]


def test_open_orders_are_shown_in_batches_of_50_that_end_with_a_shorter_one() -> None:
    venue = an_open_venue()
    sizes = []

    for number in range(101):
        if number in (0, 49, 50, 100):
            sizes.append([len(batch) for batch in venue.user_snapshot()])
        place(venue, a_limit(str(number), "BUY", "50000", "0.001"))

    assert sizes == [[0], [49], [50, 0], [50, 50, 0]]


def test_unknown_ids_are_not_found() -> None:
    venue = an_open_venue()

    for ask in (venue.order, venue.account, venue.portfolio_breakdown):
        with pytest.raises(NotFound) as refusal:
            ask("nothing")
        assert refusal.value.body["error"] == "NOT_FOUND"


def test_wallets_and_portfolio_can_be_looked_up_by_their_ids() -> None:
    venue = an_open_venue()
    wallet = venue.accounts({})["accounts"][0]
    portfolio = venue.portfolios.list({})["portfolios"][0]

    breakdown = venue.portfolio_breakdown(portfolio["uuid"])["breakdown"]

    assert venue.account(wallet["uuid"]) == {"account": wallet}
    assert venue.key_permissions()["portfolio_uuid"] == portfolio["uuid"]
    values = {one["asset"]: one["total_balance_fiat"] for one in breakdown["spot_positions"]}
    assert values == {"BTC": 31_000.0, "ETH": 0.0, "USD": 100_000.0}
    assert breakdown["portfolio_balances"]["total_balance"]["value"] == "131000.00"


def test_the_fee_tier_follows_the_volume() -> None:
    venue = an_open_venue()
    before = venue.transaction_summary()

    place(venue, a_body("c", "BUY", "market_market_ioc", quote_size="15000"))

    after = venue.transaction_summary()
    assert before["fee_tier"]["taker_fee_rate"] == "0.006"
    assert after["fee_tier"]["taker_fee_rate"] == "0.004"
    assert 14_000 < after["total_volume"] < 15_000
    assert before["total_volume"] == 0


# --- time ---------------------------------------------------------------------------------------


def test_the_clock_is_the_tapes() -> None:
    venue = a_venue(PRINTS)
    begin = venue.server_time()

    events = venue.advance()

    assert begin["iso"] == "2026-01-05T00:00:00Z"
    assert venue.server_time() == {
        "iso": "2026-01-05T00:01:00Z",
        "epochSeconds": str(START_S + 60),
        "epochMillis": str((START_S + 60) * 1000),
    }
    assert (events.now_ns, venue.round, events.finished) == (venue.now_ns, 1, False)


def test_the_last_round_is_the_finish() -> None:
    venue = a_venue(PRINTS)

    finished = [venue.advance().finished for _ in PRINTS]

    assert finished == [False] * 4 + [True]
    assert venue.due_ns() is None
    with pytest.raises(AssertionError, match="at its end"):
        venue.advance()


def test_a_sale_brings_its_value_less_the_fee() -> None:
    venue = an_open_venue()

    order_id = place(venue, a_body("c", "SELL", "market_market_ioc", base_size="0.3"))

    shown = venue.order(order_id)["order"]
    value, fees = Decimal(shown["filled_value"]), Decimal(shown["total_fees"])
    assert Decimal(shown["total_value_after_fees"]) == value - fees
    assert balance(venue, "USD")[0] == 100_000 + value - fees


def test_news_asked_for_late_is_the_news_of_its_time() -> None:
    tape = a_candle_tape(40, 3)
    prompt, late = (Venue(tape, RULES, None) for _ in range(2))
    heard = []
    for _ in range(tape.rounds):
        events = prompt.advance()
        fields = (events.trades, events.tickers, events.level2, events.candles)
        heard.append([dict(field) for field in fields])

    kept = [late.advance() for _ in range(tape.rounds)]

    for events, told in zip(reversed(kept), reversed(heard), strict=True):
        fields = (events.trades, events.tickers, events.level2, events.candles)
        assert [dict(field) for field in fields] == told


def test_an_item_is_one_trade_or_the_end_of_a_round() -> None:
    prints: list[Print] = [(1, 6_200_000, 10**9, True), (2, 6_210_000, 10**9, False)]
    venue = a_venue(prints)
    seen = []

    while (due_ns := venue.due_ns()) is not None:
        events = venue.advance_item()
        book = venue.product_book({"product_id": ["BTC-USD"]})
        shown = venue.trades("BTC-USD", {"limit": ["9"]})["trades"]
        assert events.now_ns == venue.now_ns == due_ns
        seen.append(
            (
                [trade["price"] for trade in events.trades.get("BTC-USD", [])],
                book["last"],
                len(shown),
                venue.round,
                events.finished,
            )
        )

    assert seen == [
        (["62000"], "62000", 1, 0, False),
        (["62100"], "62100", 2, 0, False),
        ([], "62100", 2, 1, True),
    ]


def test_time_may_run_on_between_items_but_not_past_the_next() -> None:
    venue = a_venue([(30, 100, 5, True)])

    venue.advance_clock((START_S + 10) * SECOND_NS)
    early = venue.now_ns
    venue.advance_clock((START_S + 50) * SECOND_NS)

    assert early == (START_S + 10) * SECOND_NS
    assert venue.now_ns == venue.due_ns() == (START_S + 30) * SECOND_NS


def test_an_order_expires_while_nothing_trades() -> None:
    venue = a_venue([(0, 6_200_000, 10**9, True), (600, 6_200_000, 10**9, True)])
    venue.advance()
    end = {"end_time": "2026-01-05T00:05:00Z", "limit_price": "61000", "base_size": "0.1"}
    place(venue, a_body("c", "BUY", "limit_limit_gtd", **end))

    events = venue.advance_clock((START_S + 300) * SECOND_NS)

    assert [update.order["status"] for update in events.user] == ["EXPIRED"]


# --- a followed tape ----------------------------------------------------------------------------


def a_followed_tape() -> FollowedTape:
    return FollowedTape(1, START_S * SECOND_NS, [BTC])


def news(second: int, *prices: int, quote: Quote | None = None) -> FollowedRound:
    end_ns = (START_S + second) * SECOND_NS
    trades = tuple(
        FollowedTrade("BTC-USD", second * 10 + place, end_ns - 100 + place, price, 10**8, True)
        for place, price in enumerate(prices)
    )
    return FollowedRound(end_ns, trades, () if quote is None else (("BTC-USD", quote),))


def test_a_followed_market_fills_orders_and_survives_a_restart(tmp_path: Path) -> None:
    tape = a_followed_tape()
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    tape.append(news(1, 6_200_000, quote=Quote(6_199_900, 10**8, 6_200_100, 10**8)))
    first = venue.advance()
    place(venue, a_limit("wait", "BUY", "61990", "0.4"))
    place(venue, a_body("take", "BUY", "market_market_ioc", base_size="0.5"))
    tape.append(news(2, 6_198_000))
    second = venue.advance()
    journal.close()

    later = FollowedTape(1, (START_S + 900) * SECOND_NS, [BTC])
    again, kept = a_kept_venue(later, RULES, tmp_path)

    fills = [(fill["price"], fill["size"]) for fill in again.fills({})["fills"]]
    assert fills == [("61990", "0.4"), ("62001", "0.5")]
    assert first.tickers["BTC-USD"]["best_bid"] == "61999"
    assert (first.finished, second.finished) == (False, False)
    assert everything(again) == everything(venue)
    later.append(news(901, 6_200_000))
    assert again.advance().trades["BTC-USD"][0]["trade_id"] == "9010"
    told = again.snapshot("market_trades", "BTC-USD")[0]["trades"]
    assert [trade["trade_id"] for trade in told] == ["9010", "20", "10"]
    kept.close()


def test_a_quote_alone_moves_book_and_ticker() -> None:
    tape = a_followed_tape()
    venue = Venue(tape, RULES, None)
    tape.append(news(1, 6_200_000))
    venue.advance()

    tape.append(news(2, quote=Quote(6_100_000, 7, 6_100_500, 9)))
    events = venue.advance()

    assert (events.trades, events.tickers["BTC-USD"]["best_ask"]) == ({}, "61005")
    book = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]
    assert book["bids"][0] == {"price": "61000", "size": "0.00000007"}
    assert any(update["price_level"] == "61000" for update in events.level2["BTC-USD"])


def test_a_repeated_quote_tells_that_what_we_took_is_back() -> None:
    tape = a_followed_tape()
    venue = Venue(tape, RULES, None)
    quote = Quote(6_199_900, 10**8, 6_200_100, 10**8)
    tape.append(news(1, 6_200_000, quote=quote))
    venue.advance()
    place(venue, a_body("c", "BUY", "market_market_ioc", base_size="0.4"))
    tape.append(news(2, quote=quote))

    updates = venue.advance().level2["BTC-USD"]

    book = venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]
    assert book["asks"][0] == {"price": "62001", "size": "1"}
    asked = {one["price_level"]: one["new_quantity"] for one in updates if one["side"] == "offer"}
    assert asked["62001"] == "1"


def test_a_changed_increment_of_a_followed_product_is_refused(tmp_path: Path) -> None:
    a_kept_venue(a_followed_tape(), RULES, tmp_path)[1].close()
    finer = FollowedTape(1, START_S * SECOND_NS, [replace(BTC, price_places=3)])

    with pytest.raises(JournalError, match="another price, base or quote increment"):
        a_kept_venue(finer, RULES, tmp_path)


def test_orders_that_cannot_wait_are_taken_beyond_the_most_open_orders() -> None:
    venue = an_open_venue(replace(RULES, max_open_orders=1))
    place(venue, a_limit("waits", "BUY", "61000", "0.1"))
    price = {"base_size": "0.01", "limit_price": "63000"}
    bodies = [
        a_body("market", "BUY", "market_market_ioc", base_size="0.01"),
        a_body("ioc", "BUY", "sor_limit_ioc", **price),
        a_body("fok", "BUY", "limit_limit_fok", **price),
    ]

    order_ids = [place(venue, body) for body in bodies]

    states = [venue.order(order_id)["order"]["status"] for order_id in order_ids]
    assert states == ["FILLED"] * 3


def test_a_portfolio_without_a_dollar_wallet_is_shown() -> None:
    tape = a_print_tape([(0, 4_000, 10**9, True)], ETH_BTC)
    venue = Venue(tape, replace(RULES, balances={"BTC": Decimal("1")}), None)
    venue.advance()

    shown = venue.portfolio_breakdown(venue.key_permissions()["portfolio_uuid"])["breakdown"]

    assert [position["asset"] for position in shown["spot_positions"]] == ["BTC"]
    assert shown["portfolio_balances"]["total_balance"]["value"] == "0.00"


@pytest.mark.parametrize("step", ["0.015", "0.001", "0", "x"])
def test_a_book_is_summed_to_whole_price_increments_only(step: str) -> None:
    venue = an_open_venue()

    with pytest.raises(BadRequest, match="no multiple"):
        venue.product_book({"product_id": ["BTC-USD"], "aggregation_price_increment": [step]})
