"""Every WebSocket message of a busy session, on one connection, against the tables and numbers."""

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coinbase.websocket import WSClient

from gpt_trader.exchange.clients import CCXT, SDK
from gpt_trader.exchange.venue import Venue
from tests.conformance.checks import Mismatch
from tests.conformance.frames import Frames
from tests.conformance.test_sdk import CREATES, Kit
from tests.exchange.serving import (
    Exchange,
    Socket,
    a_tape,
    an_exchange,
    lockstep_options,
    some_rules,
)
from tests.printing import Said

PRODUCTS = ["BTC-USD", "ETH-USD"]
CHANNELS = (
    "heartbeats",
    "ticker",
    "ticker_batch",
    "level2",
    "market_trades",
    "candles",
    "status",
    "user",
)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(tmp_path, product_ids=tuple(PRODUCTS), rounds=60, plain_port=0) as served:
        for _ in range(3):
            served.advance()
        yield served


def read_to_the_end(socket: Socket, frames: Frames) -> None:
    """Check all that was sent so far: what comes before the answer to a word that means nothing."""
    socket.send('{"type":"end"}')
    while True:
        message = socket.read()
        frames.check(message)
        if message.get("type") == "error":
            return


def test_every_message_of_a_session_with_all_order_types(exchange: Exchange, say: Said) -> None:
    socket, frames, kit = exchange.socket(), Frames(), Kit(exchange)
    for channel in CHANNELS:
        socket.subscribe(channel, PRODUCTS, exchange.jwt())
    read_to_the_end(socket, frames)

    for place, name in enumerate(CREATES):
        kit.call(name, **kit.order_arguments(name))
        if place % 2:
            exchange.advance()
        read_to_the_end(socket, frames)
    waiting = [order.order_id for order in kit.client.list_orders(order_status=["OPEN"]).orders]
    kit.call("cancel_orders", order_ids=waiting)
    for channel in CHANNELS:
        socket.send({"type": "unsubscribe", "channel": channel, "product_ids": PRODUCTS})
    read_to_the_end(socket, frames)

    say(", ".join(f"{count} {name}" for name, count in sorted(frames.counts.items())))
    assert set(frames.counts) - {"error", "subscriptions"} == {
        name.replace("level2", "l2_data") for name in CHANNELS
    }
    assert frames.counts["user"] >= 2 * len(CREATES)


def a_frame(**changes: Any) -> dict[str, Any]:
    frame = {
        "channel": "heartbeats",
        "client_id": "",
        "timestamp": "2026-01-05T00:00:00Z",
        "sequence_num": 0,
        "events": [
            {"current_time": "2026-01-05 00:00:00.0 +0000 UTC m=+1.0", "heartbeat_counter": 1}
        ],
    }
    return frame | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence_num": 1},
        {"client_id": None},
        {"timestamp": "2026-01-05 00:00:00"},
        {"events": []},
        {"events": a_frame()["events"] * 2},
        {"events": [{**a_frame()["events"][0], "heartbeat_counter": "1"}]},
        {"channel": "level2"},
    ],
)
def test_a_spoiled_message_is_found(changes: dict[str, Any]) -> None:
    Frames().check(a_frame())

    with pytest.raises(Mismatch):
        Frames().check(a_frame(**changes))


@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")  # the client's own TLS settings
@pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")
def test_the_lines_of_help_work_as_they_are_printed(exchange: Exchange) -> None:
    ready = {
        "port": exchange.server.port,
        "plain_port": exchange.server.plain_port,
        "ca": str(exchange.folder / "ca.pem"),
        "key_file": str(exchange.key_file),
    }
    names: dict[str, Any] = {"ready": ready, "json": json}

    exec(SDK.replace("\n  ", "\n").strip(), names)
    exec(CCXT.replace("\n  ", "\n").strip(), names)

    assert names["client"].get_products().num_products == 2
    names["stream"].open()
    names["stream"].heartbeats()
    names["stream"].close()
    assert names["exchange"].urls["api"]["ws"].endswith(str(ready["plain_port"]))


@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")
def test_the_official_client_takes_the_snapshot_of_a_deep_book_in_one_message(
    tmp_path: Path,
) -> None:
    tape = a_tape(rounds=5)
    venue = Venue(tape, some_rules(deep_books=frozenset({"BTC-USD"})), None)
    heard: queue.Queue[str] = queue.Queue()
    with Exchange(tmp_path, venue, tape, lockstep_options()) as exchange:
        exchange.advance()
        url = f"wss://127.0.0.1:{exchange.server.port}"
        client = WSClient(base_url=url, on_message=heard.put, retry=False)
        client.open()
        client.level2(["BTC-USD"])
        text = heard.get(timeout=10)
        client.close()

    message = json.loads(text)
    Frames().check(message)
    assert len(text) > 5 * 1024**2
    assert len(message["events"][0]["updates"]) > 50_000
