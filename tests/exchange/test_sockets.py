"""The WebSocket door over real TLS: envelopes, numbers, acknowledgements, errors."""

import http.client
import json
import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coinbase.websocket import WSClient

from gpt_trader.exchange import sockets
from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.journal import Journal, JournalError
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.venue import Venue
from tests.exchange.serving import Exchange, a_tape, an_exchange, lockstep_options, some_rules

BTC = ["BTC-USD"]
ORDERS = "/api/v3/brokerage/orders"
LIMIT_ORDER = {
    "product_id": "BTC-USD",
    "side": "BUY",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.001", "limit_price": "20000"}},
}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(tmp_path, product_ids=("BTC-USD", "ETH-USD")) as served:
        served.advance()
        yield served


def subscriptions(message: dict[str, Any]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = message["events"][0]["subscriptions"]
    return held


def test_a_snapshot_is_number_0_and_the_acknowledgement_number_1(exchange: Exchange) -> None:
    socket = exchange.socket()

    socket.subscribe("ticker", BTC)
    snapshot, ack = socket.read(), socket.read()

    assert list(snapshot) == ["channel", "client_id", "timestamp", "sequence_num", "events"]
    assert (snapshot["channel"], snapshot["client_id"]) == ("ticker", "")
    assert snapshot["sequence_num"] == 0
    assert snapshot["events"][0]["type"] == "snapshot"
    assert (ack["channel"], ack["sequence_num"]) == ("subscriptions", 1)
    assert subscriptions(ack) == {"ticker": BTC}


def test_two_products_on_ticker_bring_a_snapshot_each(exchange: Exchange) -> None:
    socket = exchange.socket()

    socket.subscribe("ticker", ["BTC-USD", "ETH-USD"])
    messages = socket.read_until("subscriptions")

    shown = [message["events"][0]["tickers"][0]["product_id"] for message in messages[:-1]]
    assert shown == ["BTC-USD", "ETH-USD"]
    assert [message["sequence_num"] for message in messages] == [0, 1, 2]


@pytest.mark.parametrize(
    "channel, wire_channel",
    [
        ("ticker", "ticker"),
        ("level2", "l2_data"),
        ("market_trades", "market_trades"),
        ("candles", "candles"),
    ],
)
def test_every_market_channel_has_snapshot_and_updates(
    exchange: Exchange, channel: str, wire_channel: str
) -> None:
    socket = exchange.socket()

    socket.subscribe(channel, BTC)
    snapshot, ack = socket.read(), socket.read()
    exchange.advance()
    update = socket.read()

    assert snapshot["channel"] == update["channel"] == wire_channel
    assert [one["events"][0]["type"] for one in (snapshot, update)] == ["snapshot", "update"]
    assert subscriptions(ack) == {channel: BTC}
    assert len(update["events"]) == 1


def test_all_trades_of_a_round_come_in_one_message_in_time_order(exchange: Exchange) -> None:
    socket = exchange.socket()
    socket.subscribe("market_trades", ["BTC-USD", "ETH-USD"])
    socket.read_until("subscriptions")

    exchange.advance()
    trades = socket.read()["events"][0]["trades"]

    assert {trade["product_id"] for trade in trades} == {"BTC-USD", "ETH-USD"}
    times = [trade["time"].rstrip("Z") for trade in trades]
    assert times == sorted(times)
    for product_id in ("BTC-USD", "ETH-USD"):
        numbers = [int(one["trade_id"]) for one in trades if one["product_id"] == product_id]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_acknowledgement_lists_all_that_is_held_and_empties(exchange: Exchange) -> None:
    socket = exchange.socket()
    steps = [
        ("subscribe", "heartbeats", []),
        ("subscribe", "level2", ["BTC-USD", "ETH-USD"]),
        ("subscribe", "ticker", ["BTC-USD", "NO-SUCH"]),
        ("unsubscribe", "level2", ["BTC-USD"]),
        ("unsubscribe", "level2", ["ETH-USD"]),
        ("unsubscribe", "ticker", BTC),
        ("unsubscribe", "heartbeats", []),
    ]

    held = []
    for kind, channel, product_ids in steps:
        socket.send({"type": kind, "channel": channel, "product_ids": product_ids})
        held.append(subscriptions(socket.read_until("subscriptions")[-1]))

    beats = {"heartbeats": ["heartbeats"]}
    both = ["BTC-USD", "ETH-USD"]
    assert held == [
        beats,
        beats | {"level2": both},
        beats | {"level2": both, "ticker": BTC},
        beats | {"level2": ["ETH-USD"], "ticker": BTC},
        beats | {"ticker": BTC},
        beats,
        {},
    ]


def test_numbers_are_continuous_over_all_channels_and_apart_for_each_connection(
    exchange: Exchange,
) -> None:
    first, second = exchange.socket(), exchange.socket()
    for channel in ("ticker", "market_trades", "level2", "heartbeats"):
        first.subscribe(channel, BTC)
    second.subscribe("ticker", BTC)
    second.read_until("subscriptions")

    for _ in range(3):
        exchange.advance()
    seen = [first.read()["sequence_num"] for _ in range(8 + 12)]

    assert seen == list(range(20))
    assert [second.read()["sequence_num"] for _ in range(3)] == [2, 3, 4]


@pytest.mark.parametrize("extra", [{}, {"product_ids": BTC}, {"product_ids": ["NO-SUCH"]}])
def test_a_heartbeat_follows_its_subscription_at_once(
    exchange: Exchange, extra: dict[str, Any]
) -> None:
    """Some clients name products with it, which means nothing."""
    socket = exchange.socket()

    socket.send({"type": "subscribe", "channel": "heartbeats"} | extra)
    ack, beat = socket.read(), socket.read()

    assert subscriptions(ack) == {"heartbeats": ["heartbeats"]}
    assert beat["channel"] == "heartbeats"
    assert isinstance(beat["events"][0]["heartbeat_counter"], int)
    assert beat["events"][0]["current_time"].startswith(
        "2026-01-05 00:01:00.000000000 +0000 UTC m=+"
    )


@pytest.mark.parametrize(
    "message, text",
    [
        ("{", "failure to subscribe"),
        ('{"type":"subscribe","channel":5}', "failure to subscribe"),
        ('{"x":' + "[" * 100_000, "failure to subscribe"),
        ('{"type":"hello","channel":"ticker"}', "subscribe or unsubscribe required"),
        ('{"type":"subscribe","channel":"no_such"}', "authentication failure"),
        ('{"type":"subscribe","channel":"user"}', "authentication failure"),
        ('{"type":"subscribe","channel":"user","jwt":"a.b.c"}', "authentication failure"),
    ],
)
def test_errors_are_bare_and_leave_the_connection_and_its_numbers_alone(
    exchange: Exchange, message: str, text: str
) -> None:
    socket = exchange.socket()

    socket.send(message)
    error = socket.read()
    socket.subscribe("ticker", BTC)

    assert error == {"type": "error", "message": text}
    assert socket.read()["sequence_num"] == 0


def test_the_user_channel_shows_open_orders_then_every_change(exchange: Exchange) -> None:
    client = exchange.rest()
    client.limit_order_gtc_buy("first", "BTC-USD", "0.01", "20000")
    socket = exchange.socket()

    socket.subscribe("user", [], exchange.jwt())
    snapshot, ack = socket.read(), socket.read()
    placed = client.limit_order_gtc_buy("second", "ETH-USD", "0.1", "1000")
    opened = socket.read()
    client.cancel_orders([placed["success_response"]["order_id"]])
    cancelled = socket.read()

    assert [one["client_order_id"] for one in snapshot["events"][0]["orders"]] == ["first"]
    assert subscriptions(ack) == {"user": [exchange.venue.user_id]}
    for message, status in ((opened, "OPEN"), (cancelled, "CANCELLED")):
        (event,) = message["events"]
        assert event["type"] == "update"
        assert event["positions"]["perpetual_futures_positions"] == []
        (order,) = event["orders"]
        assert (order["client_order_id"], order["status"]) == ("second", status)


def test_a_user_subscription_to_a_product_sees_only_its_orders(exchange: Exchange) -> None:
    client = exchange.rest()
    client.limit_order_gtc_buy("eth", "ETH-USD", "0.1", "1000")
    socket = exchange.socket()
    socket.subscribe("user", BTC, exchange.jwt())
    snapshot, _ = socket.read(), socket.read()

    client.limit_order_gtc_buy("eth-2", "ETH-USD", "0.1", "1001")
    client.limit_order_gtc_buy("btc", "BTC-USD", "0.01", "20000")
    update = socket.read()

    assert snapshot["events"][0]["orders"] == []
    assert update["events"][0]["orders"][0]["client_order_id"] == "btc"


def test_a_user_subscription_to_unknown_products_only_shows_nothing(exchange: Exchange) -> None:
    exchange.rest().limit_order_gtc_buy("first", "BTC-USD", "0.01", "20000")
    socket = exchange.socket()

    socket.subscribe("user", ["NO-SUCH"], exchange.jwt())

    assert subscriptions(socket.read()) == {}


@pytest.mark.parametrize("count, sizes", [(49, [49]), (50, [50, 0])])
def test_a_user_snapshot_ends_with_a_message_of_fewer_than_50(
    exchange: Exchange, count: int, sizes: list[int]
) -> None:
    for number in range(count):
        exchange.venue.create_order(LIMIT_ORDER | {"client_order_id": f"order-{number}"})
    socket = exchange.socket()

    socket.subscribe("user", [], exchange.jwt())
    messages = socket.read_until("subscriptions")

    assert [len(message["events"][0]["orders"]) for message in messages[:-1]] == sizes


def test_a_connection_without_the_user_channel_hears_nothing_of_orders(
    exchange: Exchange,
) -> None:
    socket = exchange.socket()
    socket.subscribe("ticker", BTC)
    socket.read_until("subscriptions")

    exchange.rest().limit_order_gtc_buy("first", "BTC-USD", "0.01", "20000")
    exchange.advance()

    assert socket.read()["channel"] == "ticker"


@pytest.mark.parametrize("answer_first", [True, False])
def test_the_answer_and_the_user_message_come_in_the_chosen_order(
    tmp_path: Path, answer_first: bool
) -> None:
    """Seen at the moment the message leaves: is the answer with the caller already?"""
    seen: list[bool] = []
    left = threading.Event()
    slowly = 1e-6  # not in lockstep, where the answer always comes first
    with an_exchange(tmp_path, speed=slowly, answer_first=answer_first, plain_port=0) as exchange:
        exchange.advance()
        caller = http.client.HTTPConnection("127.0.0.1", exchange.server.plain_port)
        caller.connect()
        wire = caller.sock

        def leave(_: bytes) -> None:
            seen.append(bool(select.select([wire], [], [], 0.1)[0]))
            left.set()

        exchange.call(subscribe_to_orders(exchange, Feed("", leave)))
        body = json.dumps(LIMIT_ORDER | {"client_order_id": "first"})
        caller.request("POST", ORDERS, body, {"Authorization": exchange.bearer("POST", ORDERS)})
        assert left.wait(10)
        answer = caller.getresponse().read()
        caller.close()

    assert b'"success":true' in answer
    assert seen == [answer_first]


async def subscribe_to_orders(exchange: Exchange, feed: Feed) -> None:
    """Let a feed without a connection hear of orders; its snapshot is not written."""
    exchange.server.hub.add(feed)
    feed.subscribe("user", [])


@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")  # the SDK's own
def test_the_sdk_receives_ticker_and_user_messages(exchange: Exchange) -> None:
    received: list[str] = []
    subscribed, enough = threading.Event(), threading.Event()

    def hear(message: str) -> None:
        received.append(message)
        if '"subscriptions":{"ticker":["BTC-USD"],"user":[' in message:
            subscribed.set()
        if '"client_order_id":"heard"' in message:
            enough.set()

    client = WSClient(
        key_file=str(exchange.key_file),
        base_url=f"wss://127.0.0.1:{exchange.server.port}",
        on_message=hear,
        retry=False,
    )
    client.open()
    client.subscribe(product_ids=BTC, channels=["ticker", "user"])
    assert subscribed.wait(10)
    exchange.rest().limit_order_gtc_buy("heard", "BTC-USD", "0.01", "20000")

    assert enough.wait(10)
    client.close()
    assert '"channel":"ticker"' in received[0]


def test_the_plain_port_serves_the_same_without_tls(tmp_path: Path) -> None:
    with an_exchange(tmp_path, plain_port=0) as exchange:
        exchange.advance()
        socket = exchange.plain_socket()
        socket.subscribe("ticker", BTC)

        messages = socket.read_until("subscriptions")

    assert [message["sequence_num"] for message in messages] == [0, 1]


def test_a_connection_that_asks_for_nothing_is_closed_at_real_speed_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "FIRST_SUBSCRIBE_S", 0.05)
    with an_exchange(tmp_path / "paced", speed=1.0) as exchange:
        code = exchange.socket().wait_for_close()
    with an_exchange(tmp_path / "lockstep") as exchange:
        early = exchange.socket()
        time.sleep(0.2)
        early.subscribe("ticker", BTC)
        served = early.read()

    assert code == 1008
    assert served["sequence_num"] == 0


def test_a_subscriber_that_reads_too_slowly_is_dropped_and_the_others_are_not(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "OUTGOING_BYTES_MAX", 2_000)
    slow = exchange.socket()
    slow.subscribe("level2", BTC)  # its snapshot alone is larger
    quick = exchange.socket()
    quick.subscribe("heartbeats", [])

    assert slow.wait_for_close() is None  # cut off, without a closing handshake
    assert [quick.read()["channel"] for _ in range(2)] == ["subscriptions", "heartbeats"]


def test_a_stopping_exchange_tells_its_clients_to_come_back(tmp_path: Path) -> None:
    with an_exchange(tmp_path) as exchange:
        socket = exchange.socket()
        socket.subscribe("heartbeats", [])
        socket.read_until("heartbeats")
        exchange.call(exchange.server.stop())

        code = socket.wait_for_close()

    assert code == 1012


def test_at_its_own_pace_the_exchange_publishes_without_being_asked(tmp_path: Path) -> None:
    with an_exchange(tmp_path, speed=600.0) as exchange:
        socket = exchange.socket()
        for channel in ("market_trades", "heartbeats"):
            socket.subscribe(channel, BTC)
        messages = [socket.read() for _ in range(12)]

    updates = [one for one in messages if one["events"][0].get("type") == "update"]
    assert [one["sequence_num"] for one in messages] == list(range(12))
    assert len(updates) >= 3
    stamps = [one["timestamp"].rstrip("Z") for one in messages]
    assert stamps == sorted(stamps)


def test_a_subscription_at_an_hour_that_cannot_be_written_down_ends_the_exchange(
    tmp_path: Path,
) -> None:
    """Serving it brings the clock to now, which may bring an order its end."""
    tape, rules = a_tape(rounds=20), some_rules()
    journal = Journal(tmp_path / "state", journal_header(tape, rules), sync=False)
    venue = Venue.restore(tape, rules, journal)
    venue.advance()
    fields = {"base_size": "0.001", "limit_price": "20000", "end_time": "2026-01-05T00:01:00.001Z"}
    order = LIMIT_ORDER | {
        "client_order_id": "short",
        "order_configuration": {"limit_limit_gtd": fields},
    }
    venue.create_order(order)
    journal.close()
    options = lockstep_options(speed=0.01)  # the heart beats at the start, then in 100 s
    with Exchange(tmp_path, venue, tape, options) as served:
        socket = served.socket()
        while not served.failures:
            socket.subscribe("heartbeats", [])

    assert {type(error) for error in served.failures} == {JournalError}
