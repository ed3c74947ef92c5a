from typing import Any

import pytest

from gpt_trader.coinbase.heard import items_of
from gpt_trader.coinbase.readiness import Readiness, Subscription
from gpt_trader.coinbase.wire_frame import Frame, parse_frame
from gpt_trader.domain.errors import WireError
from tests.coinbase.builders import a_frame, a_user_order

WANTED = (
    Subscription("heartbeats", ()),
    Subscription("ticker", ("SOL-USD", "BTC-USD")),
    Subscription("user", ()),
)
HEARTBEATS = {"heartbeats": ["heartbeats"]}
TICKER = {"ticker": ["BTC-USD", "SOL-USD"]}
USER = {"user": ["some-id"]}


def opened(channel: str, event: dict[str, Any]) -> Frame:
    frame = parse_frame(a_frame(channel, event))
    assert isinstance(frame, Frame)
    return frame


def acknowledgement(*parts: dict[str, list[str]]) -> Frame:
    whole = {name: ids for part in parts for name, ids in part.items()}
    return opened("subscriptions", {"subscriptions": whole})


def snapshot(count: int) -> Frame:
    return opened("user", {"type": "snapshot", "orders": [a_user_order()] * count})


def hear(readiness: Readiness, frame: Frame) -> bool:
    return readiness.hear(frame, items_of(frame))


def test_it_is_ready_once_all_is_acknowledged_and_open_orders_are_complete() -> None:
    readiness = Readiness(WANTED)

    steps = [
        readiness.acknowledge(acknowledgement(HEARTBEATS)),
        readiness.acknowledge(acknowledgement(HEARTBEATS, TICKER)),
        hear(readiness, snapshot(50)),
        readiness.acknowledge(acknowledgement(HEARTBEATS, TICKER, USER)),
        hear(readiness, snapshot(50)),
        hear(readiness, snapshot(0)),
        hear(readiness, snapshot(0)),
    ]

    assert steps == [False, False, False, False, False, True, False]
    assert readiness.is_ready


def test_a_snapshot_before_its_acknowledgement_counts() -> None:
    readiness = Readiness(WANTED)

    hear(readiness, snapshot(3))
    readiness.acknowledge(acknowledgement(HEARTBEATS))
    readiness.acknowledge(acknowledgement(HEARTBEATS, TICKER))

    assert readiness.acknowledge(acknowledgement(HEARTBEATS, TICKER, USER))


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ((HEARTBEATS, TICKER), "user"),
        ((HEARTBEATS, {"ticker": ["BTC-USD"]}, USER), "ticker SOL-USD"),
        ((TICKER, USER), "heartbeats"),
        ((), "heartbeats, ticker, user"),
    ],
)
def test_what_coinbase_leaves_out_in_silence_is_noticed(
    parts: tuple[dict[str, list[str]], ...], missing: str
) -> None:
    readiness = Readiness(WANTED)
    readiness.acknowledge(acknowledgement())
    readiness.acknowledge(acknowledgement())

    with pytest.raises(WireError, match=f"not subscribed to {missing}$"):
        readiness.acknowledge(acknowledgement(*parts))


def test_a_book_is_complete_with_its_snapshot() -> None:
    readiness = Readiness([Subscription("level2", ("SOL-USD",))])
    update = {"product_id": "SOL-USD", "updates": []}

    acknowledged = readiness.acknowledge(acknowledgement({"level2": ["SOL-USD"]}))
    updated = hear(readiness, opened("l2_data", update | {"type": "update"}))
    complete = hear(readiness, opened("l2_data", update | {"type": "snapshot"}))

    assert (acknowledged, updated, complete) == (False, False, True)
