"""Channels that tell in steps of time: each second, every 5 seconds, each minute."""

import json
from typing import Any

from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import START_S, Print, a_venue

BTC = ["BTC-USD"]
# A trade each second for twenty seconds, from one before a bucket of five minutes ends.
PRINTS: list[Print] = [(298.5 + one, 6_000_000 + one, 10, True) for one in range(20)]


class Listener:
    """A connection whose messages a test can read."""

    def __init__(self, venue: Venue) -> None:
        self.hub = Hub(venue)
        self.feed = Feed("", self._keep)
        self.messages: list[dict[str, Any]] = []
        self.hub.add(self.feed)
        self._venue = venue

    def run_to(self, second: int) -> None:
        """Play the tape as real time does: an item when it is due, a heartbeat each second."""
        end_ns = (START_S + second) * SECOND_NS
        while self._venue.now_ns < end_ns:
            beat_ns = self._venue.now_ns // SECOND_NS * SECOND_NS + SECOND_NS
            while (due_ns := self._venue.due_ns()) is not None and due_ns <= beat_ns:
                self.hub.publish(self._venue.advance_item())
            self.hub.publish(self._venue.advance_clock(beat_ns))
            self.hub.heartbeat(self._venue.now_ns, 0)
            self.feed.flush()

    def heard(self, channel: str) -> list[tuple[int, dict[str, Any]]]:
        """Give second and event of each message of a channel, the snapshot first."""
        return [
            (int(one["timestamp"][17:19]), one["events"][0])
            for one in self.messages
            if one["channel"] == channel
        ]

    def _keep(self, frames: bytes) -> None:
        for piece in frames.split(b'{"channel":')[1:]:
            text = b'{"channel":' + piece
            self.messages.append(json.JSONDecoder().raw_decode(text.decode(errors="replace"))[0])


def listening(venue: Venue, channel: str, product_ids: list[str]) -> Listener:
    listener = Listener(venue)
    listener.hub.subscribe(listener.feed, channel, product_ids)
    return listener


def test_ticker_batch_comes_every_five_seconds_with_the_newest_price() -> None:
    venue = a_venue(PRINTS)
    listener = listening(venue, "ticker_batch", BTC)

    listener.run_to(314)

    heard = listener.heard("ticker_batch")
    assert [second % 60 for second, _ in heard] == [0, 5, 10]
    prices = [event["tickers"][0]["price"] for _, event in heard]
    assert prices == ["60000.01", "60000.06", "60000.11"]
    assert not [name for name in heard[0][1]["tickers"][0] if name.startswith("best_")]
    assert heard[0][1]["tickers"][0]["type"] == "ticker"


def test_ticker_batch_is_silent_when_nothing_changed() -> None:
    venue = a_venue([(0.5, 6_000_000, 10, True), (59.0, 6_000_001, 10, True)])
    listener = listening(venue, "ticker_batch", BTC)

    listener.run_to(60)

    assert [second for second, _ in listener.heard("ticker_batch")] == [5, 0]


def test_candles_come_each_second_as_they_are_then_of_every_bucket_that_changed() -> None:
    venue = a_venue(PRINTS)
    listener = listening(venue, "candles", BTC)

    listener.run_to(302)

    updates = [event for _, event in listener.heard("candles") if event["type"] == "update"]
    shown = [[(one["start"], one["volume"]) for one in event["candles"]] for event in updates]
    first, second = str(START_S), str(START_S + 300)
    assert shown == [
        [(first, "0.0000001")],
        [(first, "0.0000002")],
        [(second, "0.0000001")],
        [(second, "0.0000002")],
    ]


def test_status_begins_with_all_products_and_comes_each_minute() -> None:
    venue = a_venue(PRINTS)
    listener = listening(venue, "status", [])

    listener.run_to(365)  # the tape begins with the minute of its first trade, at 240

    events = [event for _, event in listener.heard("status")]
    assert [event["type"] for event in events] == ["snapshot", "update", "update"]
    product = events[0]["products"][0]
    assert (product["id"], product["display_name"], product["status"]) == (
        "BTC-USD", "BTC/USD", "online",
    )  # fmt: skip
    assert product["min_market_funds"] == "1"


def test_status_without_products_can_be_ended_without_products() -> None:
    listener = listening(a_venue(PRINTS), "status", [])

    listener.hub.unsubscribe(listener.feed, "status", [])

    assert listener.feed.subscription("status") is None


def test_a_second_without_a_trade_has_no_candle() -> None:
    venue = a_venue([(0.5, 6_000_000, 10, True), (10.5, 6_000_000, 10, True)])
    listener = listening(venue, "candles", BTC)

    listener.run_to(20)

    seconds = [at for at, event in listener.heard("candles") if event["type"] == "update"]
    assert seconds == [1, 11]
