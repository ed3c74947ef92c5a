"""What Coinbase says of one order: its cumulative word, by REST or by WebSocket."""

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from gpt_trader.coinbase.decimals import parse_amount, parse_count
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.order import OrderStatus, Side

STATUSES = {
    "PENDING": OrderStatus.PENDING,
    "QUEUED": OrderStatus.PENDING,
    "OPEN": OrderStatus.OPEN,
    "CANCEL_QUEUED": OrderStatus.OPEN,  # it may still fill
    "EDIT_QUEUED": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.FAILED,
}
"""From Coinbase's word to ours. A new word is an error: a guess makes a phantom order."""

OWN_PREFIX = "gt-"
"""What every client order id of ours begins with."""

SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


@dataclass(frozen=True, slots=True)
class OrderWord:
    """One order as Coinbase knows it, ours or not. Amounts are cumulative."""

    order_id: str
    client_order_id: str  # "" for an order that was not placed through the API
    product_id: str
    side: Side
    status: OrderStatus
    filled_size: Decimal  # base
    fill_count: int
    filled_value: Decimal  # quote, without fees
    total_fees: Decimal  # quote
    reject_reason: str  # "" when there is none
    cancel_reason: str  # "" when there is none
    created_ns: int
    is_liquidation: bool = field(default=False, kw_only=True)  # the exchange's own, by REST alone


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """A row that we cannot read and that does not carry our prefix: somebody else's order."""

    order_id: str  # each of these is "" where the row does not tell it
    client_order_id: str
    product_id: str


@dataclass(frozen=True, slots=True)
class UserOrder(OrderWord):
    """One order as the `user` channel tells it."""

    ts_ns: int  # of the frame: the order itself brings no time
    is_snapshot: bool


class Names(msgspec.Struct):
    """What a row says of whose it is, whatever else may be wrong with it."""

    order_id: object = None
    client_order_id: object = None
    product_id: object = None


def foreign_order(names: Names, error: WireError) -> ForeignOrder:
    """Take a row that raised `error` as somebody else's.

    Raises
    ------
    WireError
        It carries our prefix: then it must be read, and `error` stands.
    """
    client_order_id = _text(names.client_order_id)
    if client_order_id.startswith(OWN_PREFIX):
        raise error
    return ForeignOrder(_text(names.order_id), client_order_id, _text(names.product_id))


def _text(value: object) -> str:
    return value[:80] if isinstance(value, str) else ""


def parse_status(word: str) -> OrderStatus:
    """Coinbase's word for where an order stands, in ours.

    Raises
    ------
    WireError
        We do not know the word.
    """
    status = STATUSES.get(word)
    if status is None:
        raise WireError(f"unknown order status: {word[:40]!r}")
    return status


def parse_side(word: str) -> Side:
    """Buy or sell.

    Raises
    ------
    WireError
        It is neither.
    """
    side = SIDES.get(word)
    if side is None:
        raise WireError(f"unknown order side: {word[:40]!r}")
    return side


def parse_when_filled(text: str, filled_size: Decimal) -> Decimal:
    """An amount that an order without a fill may leave out.

    Raises
    ------
    WireError
        It is missing although something is filled, or it is no number.
    """
    if text or filled_size:
        return parse_amount(text)
    return Decimal(0)


def parse_fill_count(count: str | int, filled_size: Decimal) -> int:
    """How many fills an order has; one without a fill may leave it out.

    Raises
    ------
    WireError
        It is missing although something is filled, or it is no whole number.
    """
    if count == "" and not filled_size:
        return 0
    return parse_count(str(count))
