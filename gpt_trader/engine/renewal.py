"""A working order as if it were to be placed now: for the rules that bind it while it waits."""

from dataclasses import replace
from decimal import Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import Terms
from gpt_trader.domain.product import Product


def edited(order: Order, product: Product, terms: Terms) -> Draft:
    """What would be left of an order after an edit; the size in `terms` counts what is filled."""
    changed = replace(
        order,
        lots=product.lots(terms.base_size) - order.booked_lots,
        booked_lots=0,
        limit_ticks=product.ticks(terms.limit_price),
        stop_ticks=0 if terms.stop_price is None else product.ticks(terms.stop_price),
    )
    return replace(renewed(changed, product), why=edit_of(order.client_order_id))


def edit_of(client_order_id: str) -> str:
    """Why an order is judged anew when it is edited: so the log tells which one was."""
    return f"an edit of {client_order_id}"


def renewed(order: Order, product: Product) -> Draft:
    """What is left of an order, as if it were to be placed now."""
    price = product.price(order.limit_ticks) if order.limit_ticks else None
    stop = product.price(order.stop_ticks) if order.stop_ticks else None
    return Draft(
        product_id=order.product_id,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        base_size=product.size(order.open_lots),
        limit_price=price,
        stop_price=stop,
        end_ns=None,
        post_only=False,
        reduces=False,
        target=product.size(order.open_lots),
        mark_price=price or stop or Decimal(0),
        why="it waits",
        asked="",
        reduce_only=order.reduce_only,
    )
