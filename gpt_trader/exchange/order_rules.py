"""What a well-formed order must be in the market of the moment."""

from gpt_trader.exchange.order_requests import check_enclosed
from gpt_trader.exchange.orders import OrderRequest, OrderType, Trigger
from gpt_trader.exchange.reasons import reject, reject_in_preview


def check_trigger(request: OrderRequest, last: int | None) -> None:
    """Refuse a trigger that the market has passed already.

    Parameters
    ----------
    last : int or None
        Price of the last printed trade, in price increments; None before the first.

    Raises
    ------
    Rejected
        A stop on the wrong side of the last trade, a bracket that does not enclose it, or either
        before any trade.
    """
    trigger = request.trigger
    if trigger is None:
        return
    product = request.product
    if last is None:
        raise reject_in_preview(
            "MISSING_PRODUCT_PRICE_BOOK", f"{product.product_id} has not traded yet"
        )
    if request.kind is OrderType.BRACKET:
        _check_bracket(request, trigger, last)
    elif trigger.rises and trigger.price < last:
        raise reject_in_preview(
            "STOP_PRICE_BELOW_LAST_TRADE_PRICE",
            f"A rising stop must not be below the last trade, {product.price_text(last)}",
        )
    elif not trigger.rises and trigger.price > last:
        raise reject_in_preview(
            "STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
            f"A falling stop must not be above the last trade, {product.price_text(last)}",
        )


def check_exits(request: OrderRequest, last: int | None) -> None:
    """Refuse exits attached to a market order that the market has passed already.

    A limit order's were held against its limit when it was read.

    Raises
    ------
    Rejected
        They do not enclose the last printed trade.
    """
    if request.attached is not None and request.limit is None:
        check_enclosed(request.attached.gain, request.attached.loss, last)


def _check_bracket(request: OrderRequest, trigger: Trigger, last: int) -> None:
    assert request.limit is not None
    text = request.product.price_text(last)
    if trigger.fires(last):
        raise reject(
            "INVALID_BRACKET_STOP_TRIGGER_PRICE",
            f"The stop trigger is passed by the last trade, {text}",
        )
    if (request.limit >= last) if request.buys else (request.limit <= last):
        raise reject(
            "INVALID_BRACKET_LIMIT_PRICE", f"The limit is no gain from the last trade, {text}"
        )
