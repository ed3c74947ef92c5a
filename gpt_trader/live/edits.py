"""Edits that people ask for: previewed, bound to the order as it stands, and asked for."""

from collections.abc import Mapping
from decimal import Decimal

from gpt_trader.broker.capabilities import NO_CONTRACT_EDITS, SIZE, TERMS, why_not_edited
from gpt_trader.broker.orders import Order
from gpt_trader.broker.wish import parse_number
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import EditAsked
from gpt_trader.domain.order import Terms
from gpt_trader.domain.product import Product
from gpt_trader.engine.documents import Document, preview_document
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview, preview_of
from gpt_trader.engine.renewal import edited
from gpt_trader.live.previews import VALID_S, Previews
from gpt_trader.store.requests import Request
from gpt_trader.strategies.registry import BY_HAND

WORDS = {SIZE: "size", "limit price": "price", "stop price": "stop"}
"""How a request names each term."""


class Edits:
    """Reads the engine; the change itself is asked for by whoever serves the request.

    `book` is what the exchange was asked for just before; None where it gave none.
    """

    def __init__(self, engine: Engine, previews: Previews) -> None:
        self._engine = engine
        self._previews = previews

    def preview(self, order: Order, request: Request, book: Book | None) -> Document:
        """What other prices or another size would do, and the token that makes it so.

        Raises
        ------
        UsageError
            It names nothing, nothing that can be edited, or changes nothing.
        TraderError
            The order cannot be edited as it stands.
        """
        product = self._engine.products[order.product_id]
        if product.contract is not None:
            raise UsageError(f"{order.client_order_id}: {NO_CONTRACT_EDITS}")
        given = {term: request.body.get(word) for term, word in WORDS.items()}
        if not any(given.values()):
            raise UsageError("an edit needs a new size, limit price or stop price")
        for term in (term for term in TERMS if given[term]):
            if why := why_not_edited(order.order_type, order.time_in_force, term):
                raise UsageError(f"the {term} of {order.client_order_id} cannot be edited: {why}")
        numbers = {term: parse_number(str(text), term) for term, text in given.items() if text}
        wanted = {"name": order.client_order_id, **_as_text(_terms(order, product, numbers))}
        preview = self._judged(order, wanted, book)
        token = None if preview.denials else self._keep(order, wanted, preview)
        return {
            "preview": preview_document(preview, product),
            "order_id": order.order_id,
            "token": token,
            "token_valid_s": VALID_S,
            "trading_state": self._engine.trading.everything.value,
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
        unlikely = [one.sentence for one in preview.refusals if one.gap_bps is not None]
        if unlikely:
            raise TraderError(f"{'; '.join(unlikely)}: an edit may not come to that")
        self._previews.use(token, self._engine, {**kept, **_version(order)}, preview)
        return EditAsked(self._engine.now_ns, request.who, order.client_order_id, _terms_in(kept))

    def _keep(self, order: Order, wanted: dict[str, str], preview: Preview) -> str:
        return self._previews.keep(self._engine, {**wanted, **_version(order)}, preview)

    def _judged(self, order: Order, wanted: dict[str, str], book: Book | None) -> Preview:
        terms, product = _terms_in(wanted), self._engine.products[order.product_id]
        if self._engine.opened.strategy != BY_HAND:
            raise TraderError(
                f"strategy {self._engine.opened.strategy} places its orders anew as it wants them: "
                "only a session by hand edits"
            )
        if not order.can_be_edited:
            raise TraderError(
                f"order {order.client_order_id} is {order.status.value}: only orders that wait can "
                "be edited, one change after the other"
            )
        if terms == order.terms(product):
            raise UsageError("the edit changes nothing")
        filled = product.size(order.booked_lots)
        if terms.base_size <= filled:
            raise UsageError(f"size {terms.base_size:f} is not above the {filled:f} that is filled")
        draft = edited(order, product, terms)
        return preview_of(self._engine, draft, book, order.client_order_id)


def _terms(order: Order, product: Product, numbers: Mapping[str, Decimal]) -> Terms:
    """The order's terms with the new numbers, whole increments, prices never dearer.

    Raises
    ------
    UsageError
        A price comes to nothing.
    """
    prices = {}
    for term, number in numbers.items():
        if term != SIZE:
            prices[term] = product.round_price(number, order.side)
            if prices[term] <= 0:
                raise UsageError(f"{term} {number:f} comes to nothing")
    now = order.terms(product)
    return Terms(
        product.round_size(numbers[SIZE]) if SIZE in numbers else now.base_size,
        prices.get("limit price", now.limit_price),
        prices.get("stop price", now.stop_price),
    )


def _as_text(terms: Terms) -> dict[str, str]:
    stop = {} if terms.stop_price is None else {"stop_price": f"{terms.stop_price:f}"}
    return {"base_size": f"{terms.base_size:f}", "limit_price": f"{terms.limit_price:f}", **stop}


def _terms_in(kept: Mapping[str, str]) -> Terms:
    stop = kept.get("stop_price")
    return Terms(
        Decimal(kept["base_size"]),
        Decimal(kept["limit_price"]),
        None if stop is None else Decimal(stop),
    )


def _version(order: Order) -> dict[str, str]:
    """What an order is now, for a token to be bound to."""
    return {"was": f"{order.lots} {order.limit_ticks} {order.stop_ticks} {order.booked_lots}"}
