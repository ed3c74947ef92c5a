"""What became of what a person asked for: awaited order by order, and said once it is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gpt_trader.broker.orders import Order
from gpt_trader.domain.errors import OutcomeUnknown, TraderError
from gpt_trader.domain.events import CancelAnswered, EditAnswered, Event, OrderRejected
from gpt_trader.domain.order import OrderStatus, TimeInForce
from gpt_trader.engine.documents import Document, order_document
from gpt_trader.engine.engine import Engine
from gpt_trader.live.seams import monotonic_s
from gpt_trader.store.requests import failure

OUTCOME_S_MAX = 20.0  # for an order's first word, or for the end of one that does not wait
OPEN_S_MAX = 1.0  # for the word that an accepted order is in the book


class Wanted(Enum):
    """What a request awaits of its orders."""

    PLACED = "their first word, or the end of those that do not wait"
    EDITED = "the answer to the edit"
    ENDED = "their end"


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A request that was carried out and whose outcome is not known yet."""

    request_id: str
    client_order_ids: tuple[str, ...]
    wanted: Wanted
    since_s: float


class Outcomes:
    """Reads the engine; remembers what an answer will need and the engine does not keep."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._awaited: dict[str, _Awaited] = {}
        self._refusals: dict[str, str] = {}  # the exchange's word on an order or its cancel

    @property
    def awaits(self) -> bool:
        """Whether a request that was carried out has no answer yet."""
        return bool(self._awaited)

    def note(self, event: Event) -> None:
        """Remember what concerns an answer."""
        match event:
            case OrderRejected(client_order_id=name):
                self._refusals[name] = f"{event.reason} {event.message}".strip()
            case CancelAnswered(client_order_id=name, accepted=False):
                self._refusals[name] = event.reason
            case EditAnswered(client_order_id=name, accepted=False):
                self._refusals[name] = event.reason
            case _:
                pass

    def forget_refusal(self, client_order_id: str) -> None:
        """What is asked now may be refused anew, for another reason."""
        self._refusals.pop(client_order_id, None)

    def wait(self, request_id: str, names: tuple[str, ...], wanted: Wanted) -> None:
        """Await what becomes of orders, for the request that concerns them."""
        self._awaited[request_id] = _Awaited(request_id, names, wanted, monotonic_s())

    def settled(self, *, at_once: bool) -> Iterator[tuple[str, Document]]:
        """Each request whose outcome is known or took too long, once, with its answer.

        Parameters
        ----------
        at_once : bool
            Nothing more will come: say of every one what is known.
        """
        for awaited in tuple(self._awaited.values()):
            orders = [self._engine.orders.get(name) for name in awaited.client_order_ids]
            known = [order for order in orders if order is not None]
            waited_s = monotonic_s() - awaited.since_s
            late = at_once or waited_s > OUTCOME_S_MAX
            if late or all(self._is_settled(order, awaited.wanted, waited_s) for order in known):
                del self._awaited[awaited.request_id]
                yield awaited.request_id, self._said(known, awaited.wanted)

    def _is_settled(self, order: Order, wanted: Wanted, waited_s: float) -> bool:
        if not order.is_working:
            return True
        if wanted is Wanted.PLACED and order.is_supervised:
            return True  # it has no word of the exchange to wait for
        if wanted is Wanted.EDITED:
            return not order.edit_lots or order.edit_lost
        if wanted is Wanted.ENDED:
            return not order.cancel_asked and order.client_order_id in self._refusals
        waits = order.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
        accepted = order.status is OrderStatus.PENDING and waited_s > OPEN_S_MAX
        here = order.status is OrderStatus.OPEN or accepted
        return order.status is OrderStatus.UNKNOWN or (waits and here and not order.owes_fills)

    def _said(self, orders: list[Order], wanted: Wanted) -> Document:
        match wanted:
            case Wanted.ENDED:
                return self._ended(orders)
            case Wanted.EDITED:
                return self._edited(orders[0])
            case Wanted.PLACED:
                return self._placed(orders[0])

    def _placed(self, order: Order) -> Document:
        said = self._document(order)
        match order.status:
            case OrderStatus.REJECTED | OrderStatus.FAILED:
                why = self._refusals.get(order.client_order_id, "no reason given")
                return {**failure(TraderError(f"the exchange refused it: {why}")), "placed": said}
            case OrderStatus.UNKNOWN | OrderStatus.INTENDED:
                why = (
                    f"order {order.client_order_id} got no answer: it may or may not exist. It is "
                    "never sent again; `gpt-trader live --by-hand` waits for the exchange's word"
                )
                return {**failure(OutcomeUnknown(why)), "placed": said}
            case _:
                return {"placed": said}

    def _edited(self, order: Order) -> Document:
        said: Document = {"edited": self._document(order)}
        if order.edit_lots:
            why = (
                f"no last word on the edit of {order.client_order_id}: the order is the old one or "
                "the new one, and counts as the worse until the exchange shows which"
            )
            return {**failure(OutcomeUnknown(why)), **said}
        if (refusal := self._refusals.get(order.client_order_id)) is not None:
            return {**failure(TraderError(f"the exchange refused the edit: {refusal}")), **said}
        return said

    def _ended(self, orders: list[Order]) -> Document:
        said: Document = {"orders": [self._document(order) for order in orders]}
        left = [order for order in orders if order.is_working]
        if not left:
            return said
        why = "; ".join(
            f"{order.client_order_id} is still {order.status.value}: "
            f"{self._refusals.get(order.client_order_id, 'no answer yet')}"
            for order in left
        )
        return {**failure(OutcomeUnknown(why)), **said}

    def _document(self, order: Order) -> Document:
        return order_document(order, self._engine.products[order.product_id])
