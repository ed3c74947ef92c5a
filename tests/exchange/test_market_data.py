"""The market as it is shown, against plain recomputation from the trades."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.exchange.refusals import BadRequest, NotFound
from gpt_trader.exchange.rules import TradeSide, default_rules
from gpt_trader.exchange.timestamps import SECOND_NS, parse_time
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BTC,
    ETH_BTC,
    START_S,
    Print,
    Wire,
    a_body,
    a_candle_tape,
    a_print_tape,
    a_venue,
)

Trade = tuple[int, int, int]  # nanoseconds, price increments, lots

CAPTURED_FIELDS = frozenset(
    re.findall(
        r"\w+",
        """
        product_id price price_percentage_change_24h volume_24h volume_percentage_change_24h
        base_increment quote_increment quote_min_size quote_max_size base_min_size base_max_size
        base_name quote_name watched is_disabled new status cancel_only limit_only post_only
        trading_disabled auction_mode product_type quote_currency_id base_currency_id
        fcm_trading_session_details mid_market_price alias alias_to base_display_symbol
        quote_display_symbol view_only price_increment display_name product_venue
        approximate_quote_24h_volume new_at market_cap base_cbrn quote_cbrn product_cbrn
        icon_color icon_url display_name_overwrite is_alpha_testing about_description
        best_bid_price best_ask_price
        """,
    )
)
"""Of a product Coinbase sent on 2026-04-07."""


def a_walked_venue(rounds: int, of: int = 2000) -> tuple[Venue, list[Trade]]:
    """A venue some rounds into random candles, and the trades released so far."""
    tape = a_candle_tape(of, 4)
    venue = Venue(tape, default_rules(1), None)
    for _ in range(rounds):
        venue.advance()
    part = tape.parts["BTC-USD"]
    count = part.ends[rounds]
    columns = (part.times_ns[:count], part.prices[:count], part.sizes[:count])
    return venue, list(zip(*columns, strict=True))


def plain_candles(trades: list[Trade], width_s: int) -> dict[int, list[int]]:
    candles: dict[int, list[int]] = {}
    for time_ns, price, lots in trades:
        start = time_ns // SECOND_NS // width_s * width_s
        candle = candles.setdefault(start, [price, price, price, price, 0])
        candle[1], candle[2] = max(candle[1], price), min(candle[2], price)
        candle[3], candle[4] = price, candle[4] + lots
    return candles


def wire_candle(start: int, values: list[int]) -> Wire:
    names = ("open", "high", "low", "close")
    prices = {name: BTC.price_text(value) for name, value in zip(names, values, strict=False)}
    return {"start": str(start), **prices, "volume": BTC.base_text(values[4])}


@pytest.mark.parametrize(
    ("granularity", "width_s"), [("ONE_MINUTE", 60), ("FIVE_MINUTE", 300), ("ONE_DAY", 86_400)]
)
def test_candles_are_those_of_the_released_trades_newest_first(
    granularity: str, width_s: int
) -> None:
    venue, trades = a_walked_venue(317)

    shown = venue.candles("BTC-USD", {"granularity": [granularity]})["candles"]

    plain = plain_candles(trades, width_s)
    assert shown == [wire_candle(start, plain[start]) for start in sorted(plain, reverse=True)]


def test_candles_between_two_times_include_both_ends() -> None:
    venue, trades = a_walked_venue(317)
    start, end = START_S + 3600, START_S + 7200

    query = {"granularity": ["FIVE_MINUTE"], "start": [str(start)], "end": [str(end)]}
    shown = venue.candles("BTC-USD", query)["candles"]

    starts = sorted(plain_candles(trades, 300), reverse=True)
    assert [candle["start"] for candle in shown] == [
        str(one) for one in starts if start <= one <= end
    ]


@pytest.mark.parametrize(
    "query",
    [
        {"granularity": ["TWO_MINUTE"]},
        {},
        {"granularity": ["ONE_MINUTE"], "start": ["x"]},
        {"granularity": ["ONE_MINUTE"], "start": [str(START_S)], "end": [str(START_S + 350 * 60)]},
    ],
)
def test_candles_asked_for_wrongly_or_too_many_are_refused(query: dict[str, list[str]]) -> None:
    venue, _ = a_walked_venue(1)

    with pytest.raises(BadRequest):
        venue.candles("BTC-USD", query)


def test_350_candles_are_not_too_many() -> None:
    venue, _ = a_walked_venue(400)
    query = {"granularity": ["ONE_MINUTE"], "start": [str(START_S)], "end": [str(START_S + 20940)]}

    assert len(venue.candles("BTC-USD", query)["candles"]) > 200


def test_no_candle_and_no_trade_of_the_future_is_shown() -> None:
    venue, trades = a_walked_venue(100)
    query = {"granularity": ["ONE_DAY"], "start": [str(START_S)], "end": [str(START_S + 86_400)]}

    candles = venue.candles("BTC-USD", query)["candles"]
    shown = venue.trades("BTC-USD", {"limit": ["1000"]})["trades"]

    day = START_S // 86_400 * 86_400
    assert candles == [wire_candle(day, plain_candles(trades, 86_400)[day])]
    assert len(shown) == len(trades)


def test_trades_come_newest_first_with_contiguous_ids() -> None:
    venue, trades = a_walked_venue(50)

    shown = venue.trades("BTC-USD", {"limit": ["7"]})["trades"]

    ids = [int(trade["trade_id"]) for trade in shown]
    assert ids == list(range(len(trades), len(trades) - 7, -1))
    assert parse_time(shown[0]["time"]) == trades[-1][0]
    assert shown[0]["price"] == BTC.price_text(trades[-1][1])
    assert set(shown[0]) >= {"side", "bid", "ask", "exchange", "size", "product_id"}


def test_trades_of_a_time_range_are_those_of_its_seconds() -> None:
    venue, trades = a_walked_venue(50)
    start, end = START_S + 600, START_S + 900

    shown = venue.trades("BTC-USD", {"limit": ["1000"], "start": [str(start)], "end": [str(end)]})[
        "trades"
    ]

    assert len(shown) == sum(start <= time / SECOND_NS < end for time, _, _ in trades) > 0


@pytest.mark.parametrize("query", [{}, {"limit": ["0"]}, {"limit": ["-1"]}, {"limit": ["many"]}])
def test_trades_need_a_limit(query: dict[str, list[str]]) -> None:
    venue, _ = a_walked_venue(1)

    with pytest.raises(BadRequest):
        venue.trades("BTC-USD", query)


def test_the_day_of_ticker_and_product_is_that_of_the_trades() -> None:
    venue, trades = a_walked_venue(1700)
    since = venue.now_ns - 86_400 * SECOND_NS
    day = [trade for trade in trades if trade[0] >= since]
    assert len(day) < len(trades)

    product = venue.product("BTC-USD")
    ticker = venue.snapshot("ticker", "BTC-USD")[0]["tickers"][0]

    prices = [price for _, price, _ in day]
    change = Decimal(100) * (prices[-1] - prices[0]) / prices[0]
    assert product["high_24h"] == ticker["high_24_h"] == BTC.price_text(max(prices))
    assert product["low_24h"] == ticker["low_24_h"] == BTC.price_text(min(prices))
    volume = BTC.base_text(sum(lots for *_, lots in day))
    assert product["volume_24h"] == ticker["volume_24_h"] == volume
    assert abs(Decimal(ticker["price_percent_chg_24_h"]) - change) < Decimal("1e-8")
    ever = [price for _, price, _ in trades]
    assert ticker["high_52_w"] == BTC.price_text(max(ever))
    assert ticker["low_52_w"] == BTC.price_text(min(ever))


def test_52_weeks_end_after_52_weeks() -> None:
    week_s = 7 * 86_400
    prints: list[Print] = [
        (0, 900, 10, True),
        (week_s, 500, 10, True),
        (52 * week_s - 100, 600, 10, True),
        (52 * week_s + 60, 550, 10, True),
    ]
    venue = a_venue(prints)
    highs = [venue.advance().tickers["BTC-USD"]["high_52_w"] for _ in prints]

    assert highs == ["9", "9", "9", "6"]


def test_a_product_has_every_field_coinbase_sends() -> None:
    venue, _ = a_walked_venue(3)

    assert set(venue.product("BTC-USD")) >= CAPTURED_FIELDS


def test_before_the_first_trade_prices_are_empty_not_invented() -> None:
    venue, _ = a_walked_venue(0)

    product = venue.product("BTC-USD")

    assert (product["price"], product["best_bid_price"], product["volume_24h"]) == ("", "", "")
    assert venue.snapshot("ticker", "BTC-USD") == []
    assert venue.product_book({"product_id": ["BTC-USD"]})["pricebook"]["bids"] == []
    assert venue.candles("BTC-USD", {"granularity": ["ONE_HOUR"]}) == {"candles": []}
    assert venue.snapshot("market_trades", "BTC-USD")[0]["trades"] == []


def test_the_book_summary_fits_its_levels() -> None:
    venue, _ = a_walked_venue(5)

    shown = venue.product_book({"product_id": ["BTC-USD"], "limit": ["2"]})

    book = shown["pricebook"]
    bid, ask = Decimal(book["bids"][0]["price"]), Decimal(book["asks"][0]["price"])
    assert (len(book["bids"]), len(book["asks"])) == (2, 2)
    assert Decimal(shown["mid_market"]) == (bid + ask) / 2
    assert Decimal(shown["spread_absolute"]) == ask - bid
    bps = (ask - bid) / ((bid + ask) / 2) * 10_000
    assert abs(Decimal(shown["spread_bps"]) - bps) < Decimal("1e-11")


def test_levels_are_summed_to_a_wider_step() -> None:
    venue, _ = a_walked_venue(5)
    query = {"product_id": ["BTC-USD"]}
    fine = venue.product_book(query)["pricebook"]

    wide = venue.product_book({**query, "aggregation_price_increment": ["5"]})["pricebook"]

    for side in ("bids", "asks"):
        assert all(Decimal(level["price"]) % 5 == 0 for level in wide[side])
        assert total(wide[side]) == total(fine[side])
    assert Decimal(wide["bids"][0]["price"]) <= Decimal(fine["bids"][0]["price"])
    assert Decimal(wide["asks"][0]["price"]) >= Decimal(fine["asks"][0]["price"])


def total(levels: list[Wire]) -> Decimal:
    return sum((Decimal(level["size"]) for level in levels), Decimal(0))


def test_updates_of_level2_carry_one_book_into_the_next_even_after_our_orders() -> None:
    tape = a_candle_tape(60, 8)
    venue = Venue(tape, default_rules(1), None)
    venue.advance()
    book = folded({}, venue.snapshot("level2", "BTC-USD")[0]["updates"])

    taken = 0
    for number in range(tape.rounds - 1):
        body = a_body(str(number), "BUY", "market_market_ioc", quote_size="900")
        taken += venue.create_order(body)[0]["success"]
        events = venue.advance()
        if "BTC-USD" in events.level2:
            book = folded(book, events.level2["BTC-USD"])
            assert book == folded({}, venue.snapshot("level2", "BTC-USD")[0]["updates"])
    assert taken > 30


def folded(book: dict[tuple[str, str], str], updates: list[Wire]) -> dict[tuple[str, str], str]:
    book = dict(book)
    for update in updates:
        key = update["side"], update["price_level"]
        book[key] = update["new_quantity"]
        if update["new_quantity"] == "0":
            del book[key]
    return book


def test_a_round_shows_the_five_minute_candles_it_changed() -> None:
    tape = a_candle_tape(100, 4)
    venue = Venue(tape, default_rules(1), None)
    part = tape.parts["BTC-USD"]

    for number in range(1, tape.rounds + 1):
        events = venue.advance()
        count = part.ends[number]
        columns = (part.times_ns[:count], part.prices[:count], part.sizes[:count])
        plain = plain_candles(list(zip(*columns, strict=True)), 300)
        if "BTC-USD" in events.candles:
            start = max(plain)
            expected = wire_candle(start, plain[start]) | {"product_id": "BTC-USD"}
            assert events.candles["BTC-USD"] == [expected]


def test_products_are_listed_most_traded_first_and_filtered() -> None:
    venue = Venue(a_candle_tape(20, 4, (ETH_BTC, BTC)), default_rules(1), None)
    for _ in range(10):
        venue.advance()

    everything = venue.products({})
    one = venue.products({"product_ids": ["ETH-BTC", "X-Y"]})

    names = [product["product_id"] for product in everything["products"]]
    assert (names, everything["num_products"]) == (["BTC-USD", "ETH-BTC"], 2)
    assert [product["product_id"] for product in one["products"]] == ["ETH-BTC"]
    assert venue.products({"product_type": ["FUTURE"]})["products"] == []
    assert [
        product["product_id"]
        for product in venue.products({"limit": ["1"], "offset": ["1"]})["products"]
    ] == ["ETH-BTC"]
    assert len(venue.best_bid_ask({})["pricebooks"]) == 2


def test_unknown_products_are_not_found() -> None:
    venue, _ = a_walked_venue(1)

    asks: list[Callable[[], Wire]] = [
        lambda: venue.product("X-USD"),
        lambda: venue.candles("X-USD", {"granularity": ["ONE_DAY"]}),
        lambda: venue.trades("X-USD", {"limit": ["1"]}),
        lambda: venue.product_book({"product_id": ["X-USD"]}),
        lambda: venue.product_book({}),
    ]
    for ask in asks:
        with pytest.raises(NotFound):
            ask()


def test_the_side_of_trades_can_be_the_takers() -> None:
    tape = a_print_tape([(0, 100, 5, True), (1, 101, 5, False)])

    for side, expected in ((TradeSide.MAKER, ["BUY", "SELL"]), (TradeSide.TAKER, ["SELL", "BUY"])):
        venue = Venue(tape, replace(default_rules(1), trade_side=side), None)
        trades = venue.advance().trades["BTC-USD"]
        assert [trade["side"] for trade in trades] == expected
