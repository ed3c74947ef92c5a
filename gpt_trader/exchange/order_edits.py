"""An edit of an open order: its body read and checked, or why the order stays as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.order_requests import read_lots, read_price, read_request, read_text
from gpt_trader.exchange.orders import (
    Order,
    OrderRequest,
    OrderType,
    TimeInForce,
    TriggerStatus,
    Want,
)
from gpt_trader.exchange.reasons import EDIT, UNKNOWN_PREVIEW, Rejected
from gpt_trader.exchange.refusals import BadRequest

Wire = dict[str, Any]

UNKNOWN_EDIT = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
STOP_FIELDS = {OrderType.STOP_LIMIT: "stop_price", OrderType.BRACKET: "stop_trigger_price"}


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What an order is to become."""

    order: Order
    request: OrderRequest  # its size in all, what is filled included

    @property
    def keeps_priority(self) -> bool:
        """Say whether the order stays where it stands: it only gets smaller."""
        new, old = self.request, self.order.request
        assert new.lots is not None
        assert old.lots is not None
        return (new.limit, new.trigger) == (old.limit, old.trigger) and new.lots < old.lots

    def want(self) -> Want:
        """Give what the edited order would want."""
        assert self.request.lots is not None
        return replace(self.request.want(), lots=self.request.lots - self.order.lots_filled)

    def blamed(self, rejected: Rejected) -> "EditRejected":
        """Blame the stop if it is edited, else the price."""
        same = self.request.trigger == self.order.request.trigger
        reason = "INVALID_EDITED_PRICE" if same else "INVALID_EDITED_STOP_PRICE"
        return EditRejected(reason, rejected.reason.preview)


class EditRejected(Exception):
    """An edit that is answered with HTTP 200 and ``success:false``."""

    def __init__(self, edit: str, preview: str) -> None:
        super().__init__(edit)
        self.edit = edit  # of the enum edit_failure_reason
        self.preview = preview  # of the enum preview_failure_reason


def read_edit(
    body: Mapping[str, Any],
    orders: Mapping[str, Order],
    products: Mapping[str, Product],
    now_ns: int,
) -> EditRequest:
    """Read the body of an edit (Advanced Trade reference, POST /orders/edit).

    Price and size are both needed, as at Coinbase: a size that is missing reads as 0. A stop that
    is missing stays as it is.

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
    _check_order(order, stop)
    if body.get("attached_order_configuration") or body.get("cancel_attached_order"):
        raise _refused("ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED")
    product = order.request.product
    lots = _part("INVALID_EDITED_SIZE", read_lots, size or "0", product)
    _part("INVALID_EDITED_PRICE", read_price, price, product)
    if stop:
        _part("INVALID_EDITED_STOP_PRICE", read_price, stop, product)
    if lots <= order.lots_filled:
        raise _refused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
    changes = {"limit_price": price, "base_size": size}
    if stop:
        changes[STOP_FIELDS[order.request.kind]] = stop
    try:
        request = read_request(_as_created(order.request, changes), products, now_ns)
    except Rejected as rejected:
        reason = "INVALID_EDITED_STOP_PRICE" if stop else "INVALID_EDITED_PRICE"
        raise EditRejected(reason, rejected.reason.preview) from None
    old = order.request
    if (request.limit, request.lots, request.trigger) == (old.limit, old.lots, old.trigger):
        raise _refused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST")
    return EditRequest(order, request)


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


def _check_order(order: Order, stop: str) -> None:
    request = order.request
    if request.product.contract is not None:
        raise _refused("CANNOT_EDIT_FUTURES_ORDER")
    if request.money is not None:
        raise _refused("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED")
    if request.kind is OrderType.MARKET:
        raise _refused("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
    if request.time_in_force is not TimeInForce.GTC:
        raise _refused("ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED")
    if order.status != "OPEN":
        raise _refused("ONLY_OPEN_ORDERS_CAN_BE_EDITED")
    if stop and request.trigger is None:
        raise _refused("INVALID_EDITED_STOP_PRICE")
    if order.trigger_status is TriggerStatus.TRIGGERED:
        raise _refused(
            "CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER" if stop else "CANNOT_EDIT_TRIGGERED_ORDER"
        )


def _as_created(request: OrderRequest, changes: Wire) -> Wire:
    """Give the body of a create of the edited order: what such an order must be, it must be."""
    name, fields = next(iter(request.configuration.items()))
    attached = request.attached
    return {
        "client_order_id": request.client_order_id,
        "product_id": request.product.product_id,
        "side": str(request.side),
        "order_configuration": {name: fields | changes},
        "attached_order_configuration": attached and attached.configuration,
    }


def _part(reason: str, read: Callable[[str, Product], int], text: str, product: Product) -> int:
    """Read one of the edited values; what refuses it in a new order refuses it here."""
    try:
        return read(text, product)
    except Rejected as rejected:
        raise EditRejected(reason, rejected.reason.preview) from None


def _refused(reason: str) -> EditRejected:
    assert EDIT[reason], reason
    return EditRejected(reason, UNKNOWN_PREVIEW)
