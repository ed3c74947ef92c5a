"""Messages of Coinbase's `user` channel: every change of our orders."""

import msgspec

from gpt_trader.coinbase.decimals import parse_amount
from gpt_trader.coinbase.order_word import (
    ForeignOrder,
    Names,
    UserOrder,
    foreign_order,
    parse_fill_count,
    parse_side,
    parse_status,
    parse_when_filled,
)
from gpt_trader.coinbase.times import parse_time
from gpt_trader.coinbase.wire_frame import Frame, decode
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import WireError

SNAPSHOT_ORDERS = 50
"""Coinbase sends the open orders in messages of 50; the first shorter one is the last."""


class _Order(msgspec.Struct):
    order_id: str
    client_order_id: str
    product_id: str
    order_side: str
    status: str
    cumulative_quantity: str
    creation_time: str
    number_of_fills: str | int = ""
    filled_value: str = ""
    total_fees: str = ""
    cancel_reason: str = ""
    reject_reason: str = ""


class _UserEvent(msgspec.Struct):
    type: str
    orders: list[msgspec.Raw]  # row by row, as somebody else's may have shapes we do not know


_USER = msgspec.json.Decoder(list[_UserEvent])
_ORDER = msgspec.json.Decoder(_Order)
_NAMES = msgspec.json.Decoder(Names)


def parse_user(frame: Frame) -> tuple[UserOrder | ForeignOrder, ...]:
    """The orders in one `user` message, in Coinbase's order. Those not ours need not be readable.

    It carries no single fills: whoever sees `filled_size` grow asks REST for them.

    Raises
    ------
    WireError
        A field is missing or wrong, or a status is new to us.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/websocket/user
    """
    return tuple(
        _parse_row(order, frame.ts_ns, event.type == "snapshot")
        for event in _events(frame)
        for order in event.orders
    )


def ends_snapshot(frame: Frame) -> bool:
    """This `user` message completes the list of open orders.

    Raises
    ------
    WireError
        As `parse_user`.
    """
    return any(
        event.type == "snapshot" and len(event.orders) < SNAPSHOT_ORDERS for event in _events(frame)
    )


def _events(frame: Frame) -> list[_UserEvent]:
    events: list[_UserEvent] = decode(_USER, frame.events)
    for event in events:
        if event.type not in ("snapshot", "update"):
            raise WireError(f"unknown kind of user event: {event.type[:40]!r}")
    return events


def _parse_row(row: msgspec.Raw, ts_ns: int, is_snapshot: bool) -> UserOrder | ForeignOrder:
    try:
        return _parse_order(decode(_ORDER, row), ts_ns, is_snapshot)
    except WireError as error:
        return foreign_order(decode(_NAMES, row), error)


def _parse_order(wire: _Order, ts_ns: int, is_snapshot: bool) -> UserOrder:
    if not wire.order_id:
        raise WireError("an order without an order id")
    filled_size = parse_amount(wire.cumulative_quantity)
    return UserOrder(
        order_id=wire.order_id,
        client_order_id=wire.client_order_id,
        product_id=wire.product_id,
        side=parse_side(wire.order_side),
        status=parse_status(wire.status),
        filled_size=filled_size,
        fill_count=parse_fill_count(wire.number_of_fills, filled_size),
        filled_value=parse_when_filled(wire.filled_value, filled_size),
        total_fees=parse_when_filled(wire.total_fees, filled_size),
        reject_reason=one_line(wire.reject_reason),
        cancel_reason=one_line(wire.cancel_reason),
        created_ns=parse_time(wire.creation_time),
        ts_ns=ts_ns,
        is_snapshot=is_snapshot,
    )
