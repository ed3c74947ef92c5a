"""Orders of contracts: margin, positions, reduce-only, closing, funding, liquidation, restarts."""

from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.exchange.futures import SettingBody, SweepBody
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BIP,
    BIP_ID,
    BTC,
    Wire,
    a_body,
    a_contract_order,
    a_contract_tape,
    a_contract_venue,
    a_kept_venue,
    a_limit,
    everything,
    place,
)
from tests.exchange.serving import some_rules

LONG_RATE, SHORT_RATE = (
    Decimal("0.245625"),
    Decimal("0.306375"),
)  # overnight, as Coinbase lists them
TAKER_FEE = Decimal("0.2")
FLAT = [62_000] * 6


def summary(venue: Venue) -> dict[str, Decimal]:
    shown = venue.futures.balance_summary(venue.now_ns)["balance_summary"]
    return {name: Decimal(one["value"]) for name, one in shown.items() if "value" in one}


def position(venue: Venue) -> tuple[int, Decimal]:
    """Signed contracts and average entry price; (0, 0) without a position."""
    for one in venue.futures.positions(venue.now_ns)["positions"]:
        sign = 1 if one["side"] == "LONG" else -1
        return sign * int(one["number_of_contracts"]), Decimal(one["avg_entry_price"]["value"])
    return 0, Decimal(0)


def refused(venue: Venue, body: Wire) -> str:
    answer, updates = venue.create_order(body)
    assert not answer["success"], answer
    assert updates == []
    return str(answer["error_response"]["error"])


def shown(venue: Venue, order_id: str) -> Wire:
    order: Wire = venue.order(order_id)["order"]
    return order


def a_deep_venue(prices: list[int], balance: str = "10000") -> Venue:
    """An exchange whose book gives any of these sizes at its best price."""
    return a_contract_venue(prices, balance, depth_share=Decimal(10))


def test_a_buy_makes_a_long_position_and_pays_its_fee() -> None:
    venue = a_deep_venue(FLAT)

    order = shown(venue, place(venue, a_contract_order("BUY", "4")))

    notional = 4 * Decimal("0.01") * 62_000
    assert position(venue) == (4, Decimal(62_000))
    assert (order["product_type"], order["status"], order["margin_type"]) == (
        "FUTURE",
        "FILLED",
        "CROSS",
    )
    assert (Decimal(order["filled_value"]), Decimal(order["total_fees"])) == (
        notional,
        4 * TAKER_FEE,
    )
    account = summary(venue)
    assert account["cfm_usd_balance"] == 10_000 - 4 * TAKER_FEE
    assert account["initial_margin"] == notional * LONG_RATE
    assert account["liquidation_threshold"] == notional * LONG_RATE / 2
    assert account["available_margin"] == 10_000 - 4 * TAKER_FEE - notional * LONG_RATE


def test_a_part_that_is_closed_realises_its_share_and_a_flip_begins_anew() -> None:
    venue = a_deep_venue([62_000, 62_000, 63_000, 64_000])
    place(venue, a_contract_order("BUY", "2", "a"))
    venue.advance()
    venue.advance()
    place(venue, a_contract_order("BUY", "2", "b"))
    entered = position(venue)
    venue.advance()
    bids = venue.product_book({"product_id": [BIP_ID]})["pricebook"]["bids"]
    bid = Decimal(bids[0]["price"])
    place(venue, a_contract_order("SELL", "1", "c"))
    first, partly = summary(venue)["daily_realized_pnl"], position(venue)
    place(venue, a_contract_order("SELL", "8", "d"))

    assert entered == (4, Decimal(62_500))
    assert (first, partly) == ((bid - 62_500) * Decimal("0.01"), (3, Decimal(62_500)))
    assert position(venue) == (-5, bid)
    account = summary(venue)
    assert account["daily_realized_pnl"] == 4 * first
    assert account["cfm_usd_balance"] == 10_000 + 4 * first - 13 * TAKER_FEE


def test_open_orders_reserve_the_margin_of_the_worst_they_may_make() -> None:
    """A sale against a long position reserves its fee only, until it would turn it over."""
    venue = a_deep_venue(FLAT)
    place(venue, a_contract_order("BUY", "4", "a"))
    one_long, one_short = (Decimal(620) * rate for rate in (LONG_RATE, SHORT_RATE))

    holds = []
    for name, side, size in (
        ("b", "SELL", "4"), ("c", "BUY", "2"), ("d", "SELL", "1"), ("e", "SELL", "6")
    ):  # fmt: skip
        price = "61000" if side == "BUY" else "63000"
        place(venue, a_limit(name, side, price, size, product_id=BIP_ID))
        holds.append(summary(venue)["total_open_orders_hold_amount"])

    fees = [number * TAKER_FEE for number in (4, 6, 7, 13)]
    assert holds == [
        fees[0],
        fees[1] + 2 * one_long,
        fees[2] + 2 * one_long,
        fees[3] + 7 * one_short - 4 * one_long,
    ]


def test_margin_is_there_to_the_last_unit_or_the_order_is_refused() -> None:
    needed = 620 * LONG_RATE + TAKER_FEE
    body = a_limit("c", "BUY", "61000", "1", product_id=BIP_ID)

    just = a_contract_venue(FLAT, str(needed))
    place(just, body)
    short = a_contract_venue(FLAT, str(needed - Decimal("0.00000001")))

    assert refused(short, body) == "INSUFFICIENT_FUNDS"
    assert summary(just)["available_margin"] == 0


def test_the_intraday_setting_needs_less_until_the_evening() -> None:
    venue = a_contract_venue(FLAT, "70")
    order = a_limit("c", "BUY", "61000", "1", product_id=BIP_ID)
    assert refused(venue, order) == "INSUFFICIENT_FUNDS"

    venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"))

    place(venue, order)
    assert summary(venue)["total_open_orders_hold_amount"] == 620 * Decimal("0.1000185") + TAKER_FEE


def configured(name: str, **fields: str) -> Wire:
    return {"order_configuration": {name: fields}}


BRACKET = {"base_size": "1", "limit_price": "61000", "stop_trigger_price": "63000"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"leverage": "10"}, "INVALID_LEVERAGE"),
        ({"leverage": "much"}, "INVALID_LEVERAGE"),
        ({"margin_type": "ISOLATED"}, "INVALID_MARGIN_TYPE"),
        (configured("market_market_ioc", base_size="1.5"), "INVALID_SIZE_PRECISION"),
        (configured("market_market_ioc", quote_size="500"), "UNSUPPORTED_ORDER_CONFIGURATION"),
        (
            configured("limit_limit_gtc", base_size="1", limit_price="62001"),
            "INVALID_PRICE_PRECISION",
        ),
        (configured("trigger_bracket_gtc", **BRACKET), "UNSUPPORTED_ORDER_CONFIGURATION"),
    ],
)
def test_an_order_that_contracts_do_not_know_is_refused(fields: Wire, reason: str) -> None:
    venue = a_deep_venue(FLAT)

    assert refused(venue, a_contract_order("BUY", "1") | fields) == reason


@pytest.mark.parametrize("leverage", ["1", "5", "9"])
def test_leverage_up_to_what_the_margin_allows_is_taken_and_shown(leverage: str) -> None:
    venue = a_deep_venue(FLAT)

    order_id = place(venue, a_contract_order("BUY", "1", leverage=leverage))

    assert shown(venue, order_id)["leverage"] == leverage


def test_a_market_order_may_be_whole_or_not_at_all() -> None:
    venue = a_contract_venue(FLAT, "100000", level_count=1)
    fields = {"product_id": BIP_ID, "base_size": "50"}

    order = shown(venue, place(venue, a_body("c", "BUY", "market_market_fok", **fields)))

    assert (order["status"], order["time_in_force"]) == ("CANCELLED", "FILL_OR_KILL")
    assert position(venue) == (0, Decimal(0))


def test_reduce_only_reduces_and_is_cut_where_it_would_open() -> None:
    """Two of them wait for one position: the second gets what the first left."""
    venue = a_deep_venue([62_000, 62_000, 62_600, 62_600])
    place(venue, a_contract_order("BUY", "5", "a"))
    exits = [
        place(venue, a_limit(name, "SELL", "62500", size, product_id=BIP_ID, reduce_only=True))
        for name, size in (("b", "4"), ("c", "3"))
    ]
    held = summary(venue)["total_open_orders_hold_amount"]
    too_large = refused(venue, a_contract_order("SELL", "6", "d", reduce_only=True))
    wrong_side = refused(venue, a_contract_order("BUY", "1", "e", reduce_only=True))
    for _ in range(3):
        venue.advance()

    assert {too_large, wrong_side} == {"REDUCE_ONLY_INCREASED_POSITION_SIZE"}
    assert held == 0
    ends = [shown(venue, order_id) for order_id in exits]
    assert [(one["status"], one["filled_size"]) for one in ends] == [
        ("FILLED", "4"),
        ("CANCELLED", "1"),
    ]
    assert ends[0]["order_configuration"]["limit_limit_gtc"]["reduce_only"] is True
    assert position(venue) == (0, Decimal(0))


def test_closing_a_position_ends_it_or_a_part_of_it() -> None:
    venue = a_deep_venue(FLAT)
    place(venue, a_contract_order("SELL", "5"))
    close = {"client_order_id": "x", "product_id": BIP_ID}

    part, _ = venue.close_position(close | {"size": "2"})
    left = position(venue)[0]
    again, _ = venue.close_position(close | {"size": "2"})
    more, _ = venue.close_position(close | {"client_order_id": "y", "size": "4"})
    rest, _ = venue.close_position(close | {"client_order_id": "z"})
    nothing, _ = venue.close_position(close | {"client_order_id": "n"})

    assert (part["success"], part["success_response"]["side"], left) == (True, "BUY", -3)
    assert again["success_response"]["order_id"] == part["success_response"]["order_id"]
    assert more["error_response"]["error"] == "REDUCE_ONLY_INCREASED_POSITION_SIZE"
    assert rest["success"]
    assert position(venue)[0] == 0
    assert nothing["error_response"]["error"] == "CANNOT_CLOSE_ZERO_POSITION"


def test_a_position_can_be_closed_whatever_else_waits() -> None:
    """The sale that waits would open a short then, for which there is no margin."""
    venue = a_deep_venue(FLAT, "900")
    place(venue, a_contract_order("BUY", "5", "a"))
    waits = place(venue, a_limit("b", "SELL", "62600", "5", product_id=BIP_ID))

    closed, _ = venue.close_position({"client_order_id": "x", "product_id": BIP_ID})

    assert closed["success"]
    assert position(venue)[0] == 0
    assert shown(venue, waits)["status"] == "OPEN"
    assert summary(venue)["futures_buying_power"] == 0


def test_a_preview_says_what_margin_the_order_would_take_and_why_it_is_refused() -> None:
    venue = a_deep_venue(FLAT, "900")
    body = a_limit("a", "BUY", "61000", "5", product_id=BIP_ID)
    before = summary(venue)["available_margin"]

    told = venue.preview_order({key: body[key] for key in body if key != "client_order_id"})
    place(venue, body)
    again = venue.preview_order(body)

    taken = before - summary(venue)["available_margin"]
    assert told["errs"] == []
    assert Decimal(told["order_margin_total"]) == taken == 5 * (620 * LONG_RATE + TAKER_FEE)
    assert (told["leverage"], told["max_leverage"]) == ("1", "9")
    assert again["errs"] == ["PREVIEW_INSUFFICIENT_FUNDS_FOR_FUTURES"]


def test_a_portfolio_counts_the_futures_wallet_and_lists_its_contracts() -> None:
    venue = a_deep_venue(FLAT)
    portfolio = venue.key_permissions()["portfolio_uuid"]
    spot = venue.portfolio_breakdown(portfolio)["breakdown"]["portfolio_balances"]
    place(venue, a_contract_order("SELL", "4"))

    breakdown = venue.portfolio_breakdown(portfolio)["breakdown"]

    equity = summary(venue)["cfm_usd_balance"] + summary(venue)["unrealized_pnl"]
    balances = breakdown["portfolio_balances"]
    assert Decimal(balances["total_futures_balance"]["value"]) == equity
    lost = Decimal(spot["total_balance"]["value"]) - Decimal(balances["total_balance"]["value"])
    assert lost == Decimal(10_000) - equity
    shown_sides = [(one["side"], one["amount"]) for one in breakdown["futures_positions"]]
    assert shown_sides == [("FUTURES_POSITION_SIDE_SHORT", "4")]


def a_day(seed: int = 7) -> Tape:
    return synthetic_tape(seed, [BTC, BIP], 1500)


def test_what_longs_pay_is_what_shorts_receive_every_hour() -> None:
    """Two accounts hold the opposite through a day; only fees and the spread tell them apart."""
    rules = some_rules(futures_balance=Decimal(10_000))
    sides = [Venue(a_day(), rules, None) for _ in range(2)]
    for venue, side in zip(sides, ("BUY", "SELL"), strict=True):
        venue.advance()
        place(venue, a_limit("c", side, "62000", "7", product_id=BIP_ID))
    paid = []
    for number in range(1440 - 180):
        for venue in sides:
            venue.advance()
        if number % 60 == 59:
            paid.append([summary(venue)["funding_pnl"] for venue in sides])

    assert [position(venue)[0] for venue in sides] == [7, -7]
    assert all(there == -here for here, there in paid)
    assert len({here for here, _ in paid}) > 10


def test_funding_is_the_rate_times_the_notional_at_the_mark() -> None:
    tape = a_day()
    venue = Venue(tape, some_rules(futures_balance=Decimal(10_000)), None)
    venue.advance()
    place(venue, a_contract_order("BUY", "3"))
    for hour in range(1, 6):
        before = summary(venue)["funding_pnl"]
        while venue.now_ns < tape.begin_ns + hour * 3600 * SECOND_NS:
            mark = venue.futures.positions(venue.now_ns)["positions"][0]["current_price"]["value"]
            venue.advance_item()
        rate = Decimal(venue.product(BIP_ID)["future_product_details"]["funding_rate"])
        cost = 3 * Decimal(mark) * Decimal("0.01") * rate
        assert before - summary(venue)["funding_pnl"] == cost, hour


def test_too_little_equity_is_liquidated_at_the_very_trade() -> None:
    """Equity of 1,000 less a fee; at 0.123 of the notional of 5 contracts it is over."""
    prices = [62_000, 62_000, 50_000, 47_910, 47_905, 47_900]
    venue = a_deep_venue(prices, "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    resting = place(venue, a_limit("b", "BUY", "40000", "1", product_id=BIP_ID))
    over = []
    while venue.due_ns() is not None:
        venue.advance_item()
        account = summary(venue)
        over.append((account["liquidation_buffer_amount"], position(venue)[0]))

    assert venue.fills({})["fills"][0]["trade_time"] == "2026-01-05T00:05:00Z"
    alive = [buffer for buffer, held in over if held]
    assert min(alive) >= 0
    assert position(venue)[0] == 0
    assert shown(venue, resting)["cancel_message"] == "Liquidation of the futures account"
    ended = venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert [(one["is_liquidation"], one["status"], one["side"]) for one in ended] == [
        (True, "FILLED", "SELL")
    ]
    assert Decimal(ended[0]["total_fees"]) == 5 * (TAKER_FEE + Decimal("0.8"))


def test_a_loss_beyond_the_balance_is_owed() -> None:
    venue = a_deep_venue([62_000, 62_000, 30_000, 30_000], "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    for _ in range(3):
        venue.advance()

    account = summary(venue)
    assert account["cfm_usd_balance"] < 0
    assert account["futures_buying_power"] == 0
    assert refused(venue, a_contract_order("BUY", "1", "b")) == "INSUFFICIENT_FUNDS"
    with pytest.raises(BadRequest, match="of the futures wallet 0 USD are free"):
        venue.futures.schedule(SweepBody("1"), venue.now_ns)


def test_a_sweep_takes_no_margin() -> None:
    venue = a_deep_venue(FLAT, "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    free = summary(venue)["available_margin"]

    with pytest.raises(BadRequest, match="are free"):
        venue.futures.schedule(SweepBody(str(free + Decimal("0.01"))), venue.now_ns)
    venue.futures.schedule(SweepBody(str(free)), venue.now_ns)


def play(venue: Venue, rounds: int, *, by_items: bool) -> None:
    """Trade through some rounds, from all sides of a position."""
    orders = {
        3: a_contract_order("BUY", "6", "a"),
        5: a_limit("b", "SELL", "62100", "9", product_id=BIP_ID),
        70: a_contract_order("SELL", "4", "c"),
        130: a_limit("d", "BUY", "61500", "8", product_id=BIP_ID, reduce_only=False),
        131: a_body(
            "e", "BUY", "stop_limit_stop_limit_gtc", BIP_ID, base_size="3",
            stop_price="64000", limit_price="64500", stop_direction="STOP_DIRECTION_STOP_UP",
        ),
    }  # fmt: skip
    for number in range(rounds):
        if number in orders:
            place(venue, orders[number])
        while by_items and venue.round == number:
            venue.advance_item()
        if venue.round == number:
            venue.advance()


def futures_of(venue: Venue) -> list[object]:
    return [
        *everything(venue),
        venue.futures.balance_summary(venue.now_ns),
        venue.futures.positions(venue.now_ns),
        venue.user_positions(),
    ]


def two_hours() -> Tape:
    return synthetic_tape(7, [BTC, BIP], 250)


RULES = some_rules(futures_balance=Decimal(2500))


def test_item_by_item_is_the_same_as_round_by_round() -> None:
    venues = [Venue(two_hours(), RULES, None) for _ in range(2)]
    for venue, by_items in zip(venues, (False, True), strict=True):
        play(venue, 240, by_items=by_items)

    assert position(venues[0])[0] != 0
    assert summary(venues[0])["funding_pnl"] != 0
    assert futures_of(venues[0]) == futures_of(venues[1])


@pytest.mark.parametrize("rounds", [4, 59, 60, 180])
def test_a_restart_gives_the_same_account_and_pays_no_funding_twice(
    tmp_path: Path, rounds: int
) -> None:
    venue, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    play(venue, rounds, by_items=False)
    now = futures_of(venue)
    journal.close()

    again, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    told = futures_of(again)
    for _ in range(60):
        again.advance()
    later = futures_of(again)
    journal.close()
    alone = Venue(two_hours(), RULES, None)
    play(alone, rounds, by_items=True)
    for _ in range(60):
        alone.advance()

    assert position(venue)[0] != 0
    assert told == now
    assert later == futures_of(alone)


def test_at_real_speed_the_hour_is_written_down(tmp_path: Path) -> None:
    """No trade of the tape tells a restart that funding was paid."""
    tape = two_hours()
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    play(venue, 59, by_items=False)
    hour_ns = tape.begin_ns + 3600 * SECOND_NS
    while (venue.due_ns() or 0) < hour_ns:
        venue.advance_item()
    before = summary(venue)["funding_pnl"]
    venue.advance_clock(hour_ns)
    paid = summary(venue)["funding_pnl"]
    journal.close()

    again, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    told = summary(again)["funding_pnl"]
    again.advance()
    journal.close()

    assert before == 0 != paid
    assert told == paid == summary(again)["funding_pnl"]


def test_a_restart_knows_a_liquidation(tmp_path: Path) -> None:
    tape = a_contract_tape([62_000, 62_000, 62_000, 30_000, 30_000])
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    place(venue, a_limit("a", "BUY", "62000", "12", product_id=BIP_ID))
    for _ in range(3):
        venue.advance()
    journal.close()

    again, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()

    assert venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert futures_of(again) == futures_of(venue)


def test_the_evening_liquidates_what_only_intraday_margin_carried(tmp_path: Path) -> None:
    """At real speed no trade tells a restart of it; the clock's line in the journal does."""
    tape = synthetic_tape(7, [BTC, BIP], 1330)
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"))
    place(venue, a_limit("a", "BUY", "62500", "39", product_id=BIP_ID))
    evening_ns = tape.begin_ns + 22 * 3600 * SECOND_NS
    while venue.round < 1319:
        venue.advance()
    while (venue.due_ns() or 0) < evening_ns:
        venue.advance_item()
    held = position(venue)[0]
    venue.advance_clock(evening_ns)
    journal.close()

    again, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()

    ended = venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert held == 39
    assert [one["created_time"] for one in ended] == ["2026-01-05T22:00:00Z"]
    assert futures_of(again) == futures_of(venue)
