"""Orders of contracts: positions, margin, reduce-only, closing, previews."""

from decimal import Decimal

import pytest

from gpt_trader.exchange.futures import SettingBody
from gpt_trader.exchange.tape import MINUTE_S, assemble
from gpt_trader.exchange.venue import Venue
from tests.exchange.contracts import (
    FLAT,
    LONG_RATE,
    SHORT_RATE,
    TAKER_FEE,
    a_deep_venue,
    position,
    refused,
    shown,
    summary,
)
from tests.exchange.markets import (
    BIP,
    BIP_ID,
    COIN,
    Wire,
    a_body,
    a_contract_order,
    a_contract_venue,
    a_limit,
    balance,
    place,
    print_columns,
)
from tests.exchange.serving import some_rules


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
    assert account["available_margin"] == 10_000 - 4 * TAKER_FEE
    assert account["futures_buying_power"] == account["available_margin"] - notional * LONG_RATE


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
    assert summary(just)["futures_buying_power"] == 0


def test_the_intraday_setting_needs_less_until_the_evening() -> None:
    venue = a_contract_venue(FLAT, "70")
    order = a_limit("c", "BUY", "61000", "1", product_id=BIP_ID)
    assert refused(venue, order) == "INSUFFICIENT_FUNDS"

    venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"), venue.now_ns)

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


def test_what_is_to_be_filled_whole_is_refused_where_its_margin_ends_within() -> None:
    """Its first price would be covered, its second would not."""
    prices = [62_000, 62_000, 57_000, 57_000, 57_000]
    venue = a_contract_venue(prices, "7600", depth_share=Decimal("0.2"))
    place(venue, a_contract_order("BUY", "45", "a"))
    place(venue, a_limit("w", "BUY", "50000", "4", product_id=BIP_ID))
    venue.advance()
    venue.advance()
    body = a_body("f", "SELL", "market_market_fok", BIP_ID, base_size="84")
    held = position(venue)[0]

    assert len(venue.product_book({"product_id": [BIP_ID]})["pricebook"]["bids"]) > 1
    assert venue.preview_order(body)["errs"] == ["PREVIEW_INSUFFICIENT_FUNDS_FOR_FUTURES"]
    assert refused(venue, body) == "INSUFFICIENT_FUNDS"
    assert position(venue)[0] == held


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


def test_what_a_cut_order_leaves_of_a_trade_goes_to_the_next() -> None:
    """A trade of 20 meets an exit of 20 for a position of 1, and 12 behind it."""
    prices, sizes = [62_000, 62_000, 62_510, 62_510], [400, 400, 20, 1]
    times = [60.0 * number for number in range(4)]
    spot = [(time + 1, 100 * price, COIN, False) for time, price in zip(times, prices, strict=True)]
    contract = [
        (time, price // 5, size, False)
        for time, price, size in zip(times, prices, sizes, strict=True)
    ]
    tape = assemble(1, MINUTE_S, [print_columns(spot), print_columns(contract, BIP)])
    rules = some_rules(futures_balance=Decimal(10_000), depth_share=Decimal(10))
    venue = Venue(tape, rules, None)
    venue.advance()
    place(venue, a_contract_order("BUY", "20", "a"))
    first = a_limit("r", "SELL", "62500", "20", product_id=BIP_ID, reduce_only=True)
    waits = [
        place(venue, body)
        for body in (first, a_limit("n", "SELL", "62505", "12", product_id=BIP_ID))
    ]
    place(venue, a_contract_order("SELL", "19", "c"))
    venue.advance()
    venue.advance()

    ends = [shown(venue, order_id) for order_id in waits]
    assert [(one["status"], one["filled_size"]) for one in ends] == [
        ("CANCELLED", "1"),
        ("FILLED", "12"),
    ]


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


def test_who_has_no_margin_may_close_and_not_turn_over() -> None:
    """Reduce-only or not; an order that waits on the dear side opens no door for the other."""
    venue = a_deep_venue([62_000, 62_000, 57_000, 57_000], "7600")
    place(venue, a_contract_order("BUY", "45", "a"))
    place(venue, a_limit("w", "BUY", "40000", "4", product_id=BIP_ID))
    venue.advance()
    venue.advance()

    assert summary(venue)["futures_buying_power"] == 0
    for size in ("80", "90"):
        assert refused(venue, a_contract_order("SELL", size, "b")) == "INSUFFICIENT_FUNDS", size
    place(venue, a_contract_order("SELL", "40", "c"))
    place(venue, a_contract_order("SELL", "5", "d"))
    assert position(venue)[0] == 0


def test_a_fill_without_margin_for_the_other_side_ends_at_zero() -> None:
    """Two sales that each only reduce: the first leaves too little for all of the second."""
    venue = a_deep_venue([62_000, 62_000, 57_000, 57_200, 57_200], "7600")
    place(venue, a_contract_order("BUY", "45", "a"))
    venue.advance()
    venue.advance()
    exits = [
        place(venue, a_limit(name, "SELL", price, size, product_id=BIP_ID))
        for name, price, size in (("b", "57100", "40"), ("c", "57150", "45"))
    ]
    venue.advance()

    ends = [shown(venue, order_id) for order_id in exits]
    assert [(one["status"], one["filled_size"]) for one in ends] == [
        ("FILLED", "40"),
        ("CANCELLED", "5"),
    ]
    assert position(venue)[0] == 0


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
    before = summary(venue)["futures_buying_power"]

    told = venue.preview_order({key: body[key] for key in body if key != "client_order_id"})
    place(venue, body)
    again = venue.preview_order(body)

    taken = before - summary(venue)["futures_buying_power"]
    assert told["errs"] == []
    assert Decimal(told["order_margin_total"]) == taken == 5 * (620 * LONG_RATE + TAKER_FEE)
    assert (told["leverage"], told["max_leverage"]) == ("1", "9")
    assert again["errs"] == ["PREVIEW_INSUFFICIENT_FUNDS_FOR_FUTURES"]


BESIDE_A_POSITION = {
    "SELL 1": a_contract_order("SELL", "1"),
    "close 1": a_contract_order("SELL", "1", reduce_only=True),
    "BUY 3": a_contract_order("BUY", "3"),
    "flip": a_contract_order("SELL", "14"),
    "BUY waits": a_limit("c", "BUY", "61000", "2", product_id=BIP_ID),
    "SELL waits": a_limit("c", "SELL", "63000", "9", product_id=BIP_ID),
}


@pytest.mark.parametrize("name", BESIDE_A_POSITION)
def test_the_projected_buffer_of_a_preview_is_the_buffer_after_the_order(name: str) -> None:
    venue = a_deep_venue(FLAT)
    place(venue, a_contract_order("BUY", "10", "a"))
    place(venue, a_limit("b", "BUY", "60000", "40", product_id=BIP_ID))
    body = BESIDE_A_POSITION[name]
    before = summary(venue)["liquidation_buffer_amount"]

    told = venue.preview_order(body)
    place(venue, body)

    assert Decimal(told["current_liquidation_buffer"]) == before
    after = summary(venue)["liquidation_buffer_amount"]
    assert Decimal(told["projected_liquidation_buffer"]) == after != before


def test_the_buffer_is_the_available_margin_less_the_threshold() -> None:
    """As Coinbase says of the three; orders of both wallets are counted as held."""
    venue = a_deep_venue([62_000, 62_000, 60_000, 60_000])
    place(venue, a_contract_order("BUY", "10", "a"))
    venue.advance()
    venue.advance()
    alone = summary(venue)
    place(venue, a_limit("b", "BUY", "50000", "4", product_id=BIP_ID))
    futures_hold = summary(venue)["total_open_orders_hold_amount"]
    place(venue, a_limit("s", "BUY", "50000", "0.5"))
    both = summary(venue)

    assert alone["available_margin"] == alone["cfm_usd_balance"] + alone["unrealized_pnl"]
    assert alone["unrealized_pnl"] < 0
    assert futures_hold == 4 * (600 * LONG_RATE + TAKER_FEE)
    assert both["total_open_orders_hold_amount"] - futures_hold == balance(venue, "USD")[1] > 25_000
    assert both["available_margin"] == alone["available_margin"] - futures_hold
    for one in (alone, both):
        buffer = one["available_margin"] - one["liquidation_threshold"]
        assert one["liquidation_buffer_amount"] == buffer


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
