from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.heard import items_of
from gpt_trader.coinbase.wire_frame import Frame, parse_frame
from gpt_trader.coinbase.wire_market import Level, Level2Update
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import QuoteSeen, Trade, TradesSeen
from gpt_trader.domain.order import Side
from tests.coinbase.builders import TS_NS, a_frame, a_ticker, a_wire_trade, sample


def parsed(text: bytes) -> tuple[Any, ...]:
    frame = parse_frame(text)
    assert isinstance(frame, Frame)
    return items_of(frame)


def trades(*wire: dict[str, Any]) -> bytes:
    return a_frame("market_trades", {"type": "update", "trades": list(wire)})


def tickers(*wire: dict[str, Any]) -> bytes:
    return a_frame("ticker", {"type": "update", "tickers": list(wire)})


def levels(kind: str, *wire: tuple[str, str, str]) -> bytes:
    updates = [
        {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": p, "new_quantity": q}
        for side, p, q in wire
    ]
    return a_frame("l2_data", {"type": kind, "product_id": "SOL-USD", "updates": updates})


def test_a_trade_keeps_every_digit_and_nanosecond() -> None:
    [seen] = parsed(trades(a_wire_trade()))

    trade = Trade(90017, Decimal("151.62"), Decimal("3.2"), "SELL", TS_NS - 999_000_000)
    assert seen == TradesSeen(TS_NS, "SOL-USD", (trade,))


def test_trades_come_oldest_first_whatever_their_order_on_the_wire() -> None:
    wire = [a_wire_trade(trade_id=str(number)) for number in (1010, 1009, 999, 1011)]

    [seen] = parsed(trades(*wire))

    assert [trade.trade_id for trade in seen.trades] == [999, 1009, 1010, 1011]


def test_one_frame_with_two_products_gives_one_value_each() -> None:
    seen = parsed(trades(a_wire_trade(), a_wire_trade(product_id="BTC-USD"), a_wire_trade()))

    assert [(s.product_id, len(s.trades)) for s in seen] == [("SOL-USD", 2), ("BTC-USD", 1)]


def test_recorded_trades_are_read() -> None:
    made = trades(
        a_wire_trade(trade_id="995098700", product_id="BTC-USD", price="68900.50"),
        a_wire_trade(trade_id="995098701", product_id="BTC-USD", price="68900.00"),
    )

    [seen] = parsed(sample("ws_market_trades.json", made))

    assert [(t.trade_id, t.price) for t in seen.trades] == [
        (995098700, Decimal("68900.50")),
        (995098701, Decimal("68900.00")),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "0"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": "1e3"},
        {"price": 151.62},
        {"price": None},
        {"size": "0"},
        {"size": "Infinity"},
        {"trade_id": "x"},
        {"trade_id": 17},
        {"trade_id": "-1"},
        {"side": "buy"},
        {"time": "yesterday"},
        {"product_id": None},
    ],
)
def test_a_wrong_trade_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parsed(trades(a_wire_trade(), a_wire_trade(**changes)))


@pytest.mark.parametrize("field", ["trade_id", "product_id", "price", "size", "side", "time"])
def test_a_trade_without_a_field_is_refused(field: str) -> None:
    wire = a_wire_trade()
    del wire[field]

    with pytest.raises(WireError, match="missing required field"):
        parsed(trades(wire))


def test_a_ticker_gives_bid_ask_and_last() -> None:
    [seen] = parsed(tickers(a_ticker()))

    prices = (Decimal("151.61"), Decimal("151.63"), Decimal("151.62"))
    assert seen == QuoteSeen(TS_NS, "SOL-USD", *prices)


def test_a_recorded_ticker_is_read() -> None:
    made = tickers(a_ticker(best_bid="68900.00", best_ask="68901.00", price="68900.50"))

    [seen] = parsed(sample("ws_ticker.json", made))

    assert (seen.bid_price, seen.ask_price) == (Decimal("68900.00"), Decimal("68901.00"))


@pytest.mark.parametrize("field", ["best_bid", "best_ask", "price"])
@pytest.mark.parametrize("empty", ["", "0", "0.00"])
def test_a_one_sided_market_gives_no_quote(field: str, empty: str) -> None:
    seen = parsed(tickers(a_ticker(**{field: empty}), a_ticker(product_id="BTC-USD")))

    assert [quote.product_id for quote in seen] == ["BTC-USD"]


def test_a_crossed_quote_is_refused_and_a_locked_one_is_not() -> None:
    assert len(parsed(tickers(a_ticker(best_bid="151.63")))) == 1
    with pytest.raises(WireError, match="above ask"):
        parsed(tickers(a_ticker(best_bid="151.64")))


@pytest.mark.parametrize("price", ["-151.62", "NaN", "1e999", "Infinity", "1" * 19])
@pytest.mark.parametrize("field", ["best_bid", "best_ask", "price"])
def test_an_absurd_price_is_refused(field: str, price: str) -> None:
    with pytest.raises(WireError):
        parsed(tickers(a_ticker(**{field: price})))


def test_a_book_update_may_take_a_level_away() -> None:
    [seen] = parsed(levels("update", ("bid", "151.6", "0"), ("offer", "151.7", "40.25")))

    assert seen == Level2Update(
        TS_NS,
        "SOL-USD",
        False,
        (
            Level(Side.BUY, Decimal("151.6"), Decimal(0)),
            Level(Side.SELL, Decimal("151.7"), Decimal("40.25")),
        ),
    )


@pytest.mark.parametrize("name", ["snapshot", "update"])
def test_a_recorded_book_is_read(name: str) -> None:
    made = levels(name, ("bid", "68900.00", "2"), ("offer", "68901.00", "1"))

    [seen] = parsed(sample(f"ws_l2_data_{name}.json", made))

    assert seen.is_snapshot is (name == "snapshot")
    assert {level.side for level in seen.levels} == {Side.BUY, Side.SELL}


def test_a_crossed_snapshot_is_refused() -> None:
    assert parsed(levels("snapshot", ("bid", "151", "1"), ("offer", "152", "1")))
    with pytest.raises(WireError, match="crossed"):
        parsed(levels("snapshot", ("bid", "152", "1"), ("offer", "152", "1")))


@pytest.mark.parametrize(
    "wire", [("ask", "1", "1"), ("bid", "0", "1"), ("bid", "1", "-1"), ("bid", "1", "")]
)
def test_a_wrong_level_is_refused(wire: tuple[str, str, str]) -> None:
    with pytest.raises(WireError):
        parsed(levels("update", wire))


def test_an_unknown_kind_of_book_message_is_refused() -> None:
    with pytest.raises(WireError, match="unknown kind"):
        parsed(levels("replace", ("bid", "1", "1")))
