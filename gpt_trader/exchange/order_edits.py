"""An edit of an open order: its body read and checked, or why the order stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpt_trader.exchange.order_requests import read_lots, read_price, read_text
from gpt_trader.exchange.orders import Order, OrderType, TimeInForce, Want, sized
from gpt_trader.exchange.reasons import EDIT, UNKNOWN_PREVIEW, Rejected
from gpt_trader.exchange.refusals import BadRequest

Wire = dict[str, Any]

UNKNOWN_EDIT = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What an order is to become, in whole increments."""

    order: Order
    limit: int
    lots: int  # in all, what is filled included

    @property
    def keeps_priority(self) -> bool:
        """Say whether the order stays where it stands: it only gets smaller."""
        assert self.order.lots is not None
        return self.limit == self.order.limit and self.lots < self.order.lots

    def want(self) -> Want:
        """Give what the edited order would want."""
        request = self.order.request
        left = self.lots - self.order.lots_filled
        return Want(request.product, request.buys, self.limit, self.limit, left, None)

    def configuration(self) -> Wire:
        """Give the order's configuration with the new price and size."""
        product = self.order.request.product
        configuration = sized(self.order.configuration, product.base_text(self.lots))
        name, fields = next(iter(configuration.items()))
        return {name: fields | {"limit_price": product.price_text(self.limit)}}


class EditRejected(Exception):
    """An edit that is answered with HTTP 200 and ``success:false``."""

    def __init__(self, edit: str, preview: str) -> None:
        super().__init__(edit)
        self.edit = edit  # of the enum edit_failure_reason
        self.preview = preview  # of the enum preview_failure_reason


def read_edit(body: Mapping[str, Any], orders: Mapping[str, Order]) -> EditRequest:
    """Read the body of an edit (Advanced Trade reference, POST /orders/edit).

    Price and size are both needed, as at Coinbase: a size that is missing reads as 0.

    Raises
    ------
    BadRequest
        The body is malformed.
    EditRejected
        It is well formed, but this order cannot become that.
    """
    order_id = read_text(body, "order_id")
    if not order_id:
        raise BadRequest("order_id is required")
    price, size = read_text(body, "price"), read_text(body, "size")
    stop = read_text(body, "stop_price")
    order = orders.get(order_id)
    if order is None:
        raise _refused("ORDER_NOT_FOUND")
    _check_order(order)
    if stop:
        raise _refused("INVALID_EDITED_STOP_PRICE")
    if body.get("attached_order_configuration") or body.get("cancel_attached_order"):
        raise _refused("ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED")
    product = order.request.product
    try:
        lots = read_lots(size or "0", product)
    except Rejected as rejected:
        raise EditRejected("INVALID_EDITED_SIZE", rejected.reason.preview) from None
    try:
        limit = read_price(price, product)
    except Rejected as rejected:
        raise EditRejected("INVALID_EDITED_PRICE", rejected.reason.preview) from None
    exits = order.request.attached
    if exits is not None and not exits.loss < limit < exits.gain:
        raise _refused("INVALID_EDITED_PRICE")
    if lots <= order.lots_filled:
        raise _refused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
    if (limit, lots) == (order.limit, order.lots):
        raise _refused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST")
    return EditRequest(order, limit, lots)


def edit_answer(rejected: EditRejected | None) -> Wire:
    """Answer an edit: HTTP 200 in any case."""
    return {"success": rejected is None, "errors": edit_errors(rejected)}


def edit_errors(rejected: EditRejected | None) -> list[Wire]:
    """Write why an edit is refused; nothing when it is not."""
    if rejected is None:
        return []
    return [
        {"edit_failure_reason": rejected.edit, "preview_failure_reason": rejected.preview},
    ]


def _check_order(order: Order) -> None:
    request = order.request
    if request.money is not None:
        raise _refused("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED")
    if request.kind is not OrderType.LIMIT:
        raise _refused("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
    if request.time_in_force is not TimeInForce.GTC:
        raise _refused("ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED")
    if not order.active:
        raise _refused("ONLY_OPEN_ORDERS_CAN_BE_EDITED")


def _refused(reason: str) -> EditRejected:
    assert EDIT[reason], reason
    return EditRejected(reason, UNKNOWN_PREVIEW)
