"""Edits that people ask for: previewed, bound to the order as it stands, and asked for."""

from decimal import Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.broker.wish import parse_number
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import EditAsked
from gpt_trader.engine.documents import Document, preview_document
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview, preview_of
from gpt_trader.engine.renewal import edited
from gpt_trader.live.previews import VALID_S, Previews
from gpt_trader.store.requests import Request
from gpt_trader.strategies.registry import BY_HAND


class Edits:
    """Reads the engine; the change itself is asked for by whoever serves the request.

    `book` is what the exchange was asked for just before; None where it gave none.
    """

    def __init__(self, engine: Engine, previews: Previews) -> None:
        self._engine = engine
        self._previews = previews

    def preview(self, order: Order, request: Request, book: Book | None) -> Document:
        """What another price or size would do, and the token that makes it so.

        Raises
        ------
        UsageError
            It names neither, changes nothing, or asks for less than is filled.
        TraderError
            The order cannot be edited as it stands.
        """
        product = self._engine.products[order.product_id]
        size, price = request.body.get("size"), request.body.get("price")
        if not size and not price:
            raise UsageError("an edit needs a new price, a new size, or both")
        wanted = {"name": order.client_order_id}
        new_size = parse_number(str(size), "size") if size else product.size(order.lots)
        new_price = parse_number(str(price), "price") if price else product.price(order.limit_ticks)
        wanted["base_size"] = f"{product.round_size(new_size):f}"
        wanted["limit_price"] = f"{product.round_price(new_price, order.side):f}"
        preview = self._judged(order, wanted, book)
        token = None if preview.denials else self._keep(order, wanted, preview)
        return {
            "preview": preview_document(preview, product),
            "order_id": order.order_id,
            "token": token,
            "token_valid_s": VALID_S,
            "trading_state": self._engine.trading_state.value,
        }

    def asked(self, order: Order, request: Request, book: Book | None) -> EditAsked:
        """The event that asks for a previewed edit; uses the token up.

        Raises
        ------
        UsageError
            The token is none, or too old.
        TraderError
            Order, market or limits are not what they were, or it is another order's.
        """
        token = str(request.body.get("token"))
        kept = self._previews.wanted(token)
        if kept.get("name") != order.client_order_id:
            name = request.body.get("name")
            raise TraderError(f"preview {token} is not of order {name}: preview it again")
        preview = self._judged(order, kept, book)
        self._previews.use(token, self._engine, {**kept, **_version(order)}, preview)
        size, price = Decimal(kept["base_size"]), Decimal(kept["limit_price"])
        now_ns, name = self._engine.now_ns, order.client_order_id
        return EditAsked(now_ns, request.who, name, size, price)

    def _keep(self, order: Order, wanted: dict[str, str], preview: Preview) -> str:
        return self._previews.keep(self._engine, {**wanted, **_version(order)}, preview)

    def _judged(self, order: Order, wanted: dict[str, str], book: Book | None) -> Preview:
        size, price = Decimal(wanted["base_size"]), Decimal(wanted["limit_price"])
        product = self._engine.products[order.product_id]
        if self._engine.opened.strategy != BY_HAND:
            raise TraderError(
                f"strategy {self._engine.opened.strategy} places its orders anew as it wants them: "
                "only a session by hand edits"
            )
        if not order.can_be_edited:
            raise TraderError(
                f"order {order.client_order_id} is {order.status.value} {order.order_type.value} "
                f"{order.time_in_force.name}: only limit GTC orders that wait can be edited"
            )
        lots, ticks = product.lots(size), product.ticks(price)
        if (lots, ticks) == (order.lots, order.limit_ticks):
            raise UsageError("the edit changes nothing")
        if lots <= order.booked_lots or price <= 0:
            filled = product.size(order.booked_lots)
            raise UsageError(f"size {size:f} is not above the {filled:f} that is filled")
        draft = edited(order, product, size, price)
        return preview_of(self._engine, draft, book, order.client_order_id)


def _version(order: Order) -> dict[str, str]:
    """What an order is now, for a token to be bound to."""
    return {"was": f"{order.lots} {order.limit_ticks} {order.booked_lots}"}
