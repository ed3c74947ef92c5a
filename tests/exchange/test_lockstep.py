"""Lockstep: the tape moves by one round when the session has processed all it was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.keys import Kind, Scope
from gpt_trader.exchange.venue import Venue
from tests.exchange.serving import (
    Exchange,
    Socket,
    a_tape,
    an_exchange,
    lockstep_options,
    some_rules,
)

BTC = ["BTC-USD"]
ROUNDS = 5
CHANNELS = ("market_trades", "ticker", "heartbeats", "user")


class Session:
    """A session with one feed and the control connection."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.feed = self.open_feed()
        self.control = exchange.socket("/lockstep")

    def open_feed(self) -> Socket:
        self.sequence = -1
        self.feed = self.exchange.socket("/?feed=mine")
        for channel in CHANNELS:
            self.feed.subscribe(channel, BTC, self.exchange.jwt())
        acknowledged = 0
        while acknowledged < len(CHANNELS):
            acknowledged += self.read()["channel"] == "subscriptions"
        return self.feed

    def hello(self) -> dict[str, Any]:
        self.control.send({"type": "hello", "feed": "mine", "jwt": self.exchange.jwt()})
        return self.control.read()

    def read(self) -> dict[str, Any]:
        message = self.feed.read()
        assert message["sequence_num"] == self.sequence + 1
        self.sequence += 1
        return message

    def read_to(self, sequence: int) -> list[dict[str, Any]]:
        return [self.read() for _ in range(self.sequence, sequence)]

    def settle(self) -> dict[str, Any]:
        self.control.send({"type": "settled", "sequence": self.sequence})
        return self.control.read()


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(tmp_path, rounds=ROUNDS) as served:
        yield served


def test_a_session_walks_through_the_whole_tape(exchange: Exchange) -> None:
    session = Session(exchange)

    tape, barrier = session.hello(), session.control.read()
    rounds = [barrier["round"]]
    while barrier["type"] == "barrier":
        session.read_to(barrier["sequence"])
        barrier = session.settle()
        rounds.append(barrier.get("round", -1))

    assert tape["type"] == "tape"
    assert (tape["round"], tape["rounds"], tape["products"]) == (0, ROUNDS, BTC)
    assert (len(tape["tape_sha256"]), tape["candle_s"]) == (64, 60)
    assert rounds == [0, 1, 2, 3, 4, 5, -1]
    assert barrier == {"type": "finished", "rounds": ROUNDS}


def test_a_round_is_trades_then_ticker_then_one_heartbeat_at_its_end(exchange: Exchange) -> None:
    session = Session(exchange)
    session.hello()
    session.control.read()

    barrier = session.settle()
    messages = session.read_to(barrier["sequence"])

    assert [one["channel"] for one in messages] == ["market_trades", "ticker", "heartbeats"]
    assert {one["timestamp"] for one in messages} == {"2026-01-05T00:01:00Z"}
    assert messages[-1]["events"][0]["heartbeat_counter"] == 1


def test_user_messages_stand_between_ticker_and_heartbeat(exchange: Exchange) -> None:
    session = Session(exchange)
    session.hello()
    session.control.read()
    session.read_to(session.settle()["sequence"])
    # Bought at the best bid, it fills as maker when the price comes down within the tape.
    best = exchange.rest().get_best_bid_ask(BTC).pricebooks[0].bids[0].price
    exchange.rest().limit_order_gtc_buy("dip", "BTC-USD", "0.00001", best, post_only=True)

    kinds = []
    barrier = session.settle()
    while barrier["type"] == "barrier":
        kinds.append([one["channel"] for one in session.read_to(barrier["sequence"])])
        barrier = session.settle()

    assert kinds[0] == ["user"]  # the order itself, before any round
    assert ["market_trades", "ticker", "user", "heartbeats"] in kinds[1:]


def test_messages_of_an_order_bring_the_barrier_again_instead_of_a_round(
    exchange: Exchange,
) -> None:
    session = Session(exchange)
    session.hello()
    first = session.control.read()

    exchange.venue.advance()  # so that there are prices
    exchange.rest().limit_order_gtc_buy("mine", "BTC-USD", "0.001", "20000")
    again = session.settle()  # with what it had processed before the order
    (opened,) = session.read_to(again["sequence"])
    after = session.settle()

    assert again == first | {"round": 1, "sequence": first["sequence"] + 1}
    assert opened["events"][0]["orders"][0]["status"] == "OPEN"
    assert after["round"] == 2


@pytest.mark.parametrize("ahead", [-1, 1, 1000])
def test_a_settled_with_another_number_releases_nothing(exchange: Exchange, ahead: int) -> None:
    session = Session(exchange)
    session.hello()
    barrier = session.control.read()

    session.control.send({"type": "settled", "sequence": session.sequence + ahead})
    again = session.control.read()

    assert again == barrier
    assert exchange.venue.round == 0


def test_the_barrier_waits_for_a_feed_that_comes_after_the_hello(exchange: Exchange) -> None:
    session = Session(exchange)
    session.feed.close()
    session.control.send({"type": "hello", "feed": "later", "jwt": exchange.jwt()})
    tape = session.control.read()

    later = exchange.socket("/?feed=later")
    later.subscribe("ticker", BTC)
    barrier = session.control.read()

    assert tape["type"] == "tape"
    assert barrier == {"type": "barrier", "round": 0, "sequence": 0}


def test_nothing_moves_while_the_feed_is_away_and_its_return_brings_a_barrier(
    exchange: Exchange,
) -> None:
    session = Session(exchange)
    session.hello()
    session.control.read()
    session.feed.close()
    session.feed.wait_for_close()

    session.control.send({"type": "settled", "sequence": session.sequence})
    session.open_feed()
    barrier = session.control.read()
    after = session.settle()

    assert barrier["round"] == 0
    assert barrier["sequence"] <= session.sequence
    assert after["round"] == 1


def test_a_new_hello_starts_over_with_the_tape(exchange: Exchange) -> None:
    first = Session(exchange)
    first.hello()
    first.control.read()
    first.read_to(first.settle()["sequence"])

    second = Session(exchange)
    tape = second.hello()
    barrier = second.control.read()
    first.control.send({"type": "settled", "sequence": second.sequence})
    after = second.settle()

    assert (tape["type"], tape["round"]) == ("tape", 1)
    assert barrier == {"type": "barrier", "round": 1, "sequence": second.sequence}
    assert after["round"] == 2  # the old session's word moved nothing


@pytest.mark.parametrize(
    "message, text",
    [
        ("{", "not a control message"),
        ('{"type":"settled","sequence":0}', "hello required"),
        ('{"type":"hello","feed":"mine","jwt":"a.b.c"}', "authentication failure"),
        ('{"type":"hello","feed":"mine"}', "authentication failure"),
        ('{"x":' + "[" * 100_000, "not a control message"),
    ],
)
def test_a_stranger_cannot_move_the_tape(exchange: Exchange, message: str, text: str) -> None:
    control = exchange.socket("/lockstep")

    control.send(message)

    assert control.read() == {"type": "error", "message": text}
    assert exchange.venue.round == 0


def test_an_exchange_with_its_own_pace_refuses_the_control_channel(tmp_path: Path) -> None:
    with (
        an_exchange(tmp_path, speed=1.0) as exchange,
        pytest.raises(HTTPClientError) as refused,
    ):
        exchange.socket("/lockstep")

    assert refused.value.code == 403


def test_a_session_goes_on_where_the_journal_of_the_last_exchange_ends(tmp_path: Path) -> None:
    rules = some_rules()

    def journal() -> Journal:
        return Journal(tmp_path / "state", journal_header(a_tape(rounds=9), rules), sync=False)

    tape, kept = a_tape(rounds=9), journal()
    venue = Venue.restore(tape, rules, kept)
    with Exchange(tmp_path / "tls", venue, tape, lockstep_options()) as exchange:
        session = Session(exchange)
        session.hello()
        session.control.read()
        session.read_to(session.settle()["sequence"])
        exchange.rest().limit_order_gtc_buy("mine", "BTC-USD", "0.001", "20000")
    kept.close()

    tape, kept = a_tape(rounds=9), journal()
    venue = Venue.restore(tape, rules, kept)
    with Exchange(tmp_path / "tls", venue, tape, lockstep_options()) as exchange:
        told = Session(exchange).hello()
        orders = exchange.rest().list_orders().orders
    kept.close()

    assert told["round"] == 1
    assert [order.client_order_id for order in orders] == ["mine"]


def test_a_ledger_that_cannot_be_written_stops_the_exchange_and_does_nothing(
    tmp_path: Path,
) -> None:
    rules, tape = some_rules(), a_tape(rounds=9)
    kept = Journal(tmp_path / "state", journal_header(tape, rules), sync=False)
    venue = Venue.restore(tape, rules, kept)
    with Exchange(tmp_path / "tls", venue, tape, lockstep_options()) as exchange:
        exchange.advance()
        session = Session(exchange)
        session.hello()
        session.control.read()
        kept.close()

        with pytest.raises(Exception, match="503"):
            exchange.rest().limit_order_gtc_buy("lost", "BTC-USD", "0.001", "20000")
        session.control.send({"type": "settled", "sequence": session.sequence})
        session.control.send("{")
        session.control.read()
        orders = exchange.rest().list_orders().orders

    assert len(exchange.failures) == 2
    assert orders == []
    assert venue.round == 1


def test_a_key_that_may_only_look_cannot_move_the_tape(tmp_path: Path) -> None:
    served = an_exchange(tmp_path, rounds=ROUNDS)
    served.key_file = served.key(Kind.ES256, (Scope.VIEW,), "reader")

    with served:
        control = served.socket("/lockstep")
        control.send({"type": "hello", "feed": "mine", "jwt": served.jwt()})
        answer = control.read()

    assert (answer["type"], answer["message"]) == ("error", "authentication failure")


def test_a_session_must_name_its_feed(exchange: Exchange) -> None:
    """Without a name every connection that gave none would be taken for the session's."""
    control = exchange.socket("/lockstep")

    control.send({"type": "hello", "feed": "", "jwt": exchange.jwt()})

    assert control.read()["message"] == "feed required"
