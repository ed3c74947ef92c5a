from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.heard import items_of
from gpt_trader.coinbase.order_word import ForeignOrder, UserOrder
from gpt_trader.coinbase.wire_frame import Frame, parse_frame
from gpt_trader.coinbase.wire_user import ends_snapshot
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.order import OrderStatus, Side
from tests.coinbase.builders import TS_NS, a_frame, a_user_order, sample


def opened(kind: str, *orders: dict[str, Any]) -> Frame:
    frame = parse_frame(a_frame("user", {"type": kind, "orders": list(orders)}))
    assert isinstance(frame, Frame)
    return frame


def test_an_order_is_told_with_everything_we_need() -> None:
    [order] = items_of(opened("update", a_user_order()))

    assert order == UserOrder(
        order_id="7d1f0c55",
        client_order_id="gt-17",
        product_id="SOL-USD",
        side=Side.BUY,
        status=OrderStatus.OPEN,
        filled_size=Decimal("0.8"),
        fill_count=2,
        filled_value=Decimal("121.296"),
        total_fees=Decimal("0.48"),
        reject_reason="",
        cancel_reason="",
        created_ns=TS_NS - 7_900_000_000,
        ts_ns=TS_NS,
        is_snapshot=False,
    )


def test_a_recorded_snapshot_without_optional_fields_is_read() -> None:
    wire = a_user_order(order_id="a1b2c3d4", cumulative_quantity="0", total_fees="0")
    del wire["number_of_fills"], wire["filled_value"]
    made = a_frame("user", {"type": "snapshot", "orders": [wire]})
    frame = parse_frame(sample("ws_user.json", made))
    assert isinstance(frame, Frame)

    [order] = items_of(frame)

    assert isinstance(order, UserOrder)
    assert order.is_snapshot and order.fill_count == 0 and order.filled_value == 0
    assert order.order_id.startswith("a1b2c3d4")


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("PENDING", OrderStatus.PENDING),
        ("QUEUED", OrderStatus.PENDING),
        ("OPEN", OrderStatus.OPEN),
        ("CANCEL_QUEUED", OrderStatus.OPEN),
        ("EDIT_QUEUED", OrderStatus.OPEN),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELLED", OrderStatus.CANCELLED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("FAILED", OrderStatus.FAILED),
    ],
)
def test_every_status_of_coinbase_has_one_of_ours(word: str, status: OrderStatus) -> None:
    [order] = items_of(opened("update", a_user_order(status=word)))

    assert isinstance(order, UserOrder) and order.status is status


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "UNKNOWN_ORDER_STATUS"},
        {"status": "open"},
        {"status": "ABSENT"},
        {"order_side": "UNKNOWN"},
        {"order_id": ""},
        {"cumulative_quantity": ""},
        {"cumulative_quantity": "-1"},
        {"cumulative_quantity": "NaN"},
        {"number_of_fills": ""},
        {"number_of_fills": "2.5"},
        {"number_of_fills": -2},
        {"filled_value": ""},
        {"total_fees": ""},
        {"total_fees": "-0.1"},
        {"creation_time": ""},
    ],
)
def test_a_wrong_order_is_refused_and_nothing_is_guessed(changes: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        items_of(opened("update", a_user_order(**changes)))


def test_an_unknown_kind_of_event_is_refused() -> None:
    with pytest.raises(WireError, match="unknown kind"):
        items_of(opened("delta"))


@pytest.mark.parametrize(
    ("count", "ends"), [(0, True), (1, True), (49, True), (50, False), (51, False)]
)
def test_the_first_message_with_fewer_than_fifty_orders_ends_the_snapshot(
    count: int, ends: bool
) -> None:
    assert ends_snapshot(opened("snapshot", *[a_user_order()] * count)) is ends


def test_an_update_ends_no_snapshot() -> None:
    assert not ends_snapshot(opened("update", a_user_order()))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_order_id": None},
        {"client_order_id": 17, "status": "WONDERING"},
        {"client_order_id": "theirs", "status": "WONDERING"},
        {"client_order_id": "", "cumulative_quantity": ""},
    ],
)
def test_somebody_elses_order_need_not_be_readable(changes: dict[str, Any]) -> None:
    [foreign, own] = items_of(opened("update", a_user_order(**changes), a_user_order()))

    name = changes["client_order_id"]
    assert foreign == ForeignOrder("7d1f0c55", name if name == "theirs" else "", "SOL-USD")
    assert isinstance(own, UserOrder)
