"""Orders as the log has them: listed, shown and explained without a session or an exchange."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gpt_trader.broker.orders import Order, Orders
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    EditAnswered,
    EditAsked,
    EditIntended,
    EditLost,
    Event,
    FeeRevised,
    OrderAbsent,
    OrderAccepted,
    OrderAsked,
    OrderChanged,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    SessionOpened,
    StopEnded,
    StopSupervised,
    StopWithheld,
    TriggerReached,
)
from gpt_trader.domain.order import Verdict
from gpt_trader.domain.product import Product
from gpt_trader.engine.documents import (
    Document,
    draft_document,
    order_document,
    verdict_document,
)
from gpt_trader.engine.renewal import edit_of
from gpt_trader.ops.stored import newest
from gpt_trader.store.folders import SessionFolder, sessions
from gpt_trader.store.reading import LogReader

Decided = OrderIntended | StopSupervised | OrderDenied
"""What may have become of an order that was asked for."""
TOLD = (OrderAsked, OrderDenied, EditAsked, TriggerReached)
"""What changes no order and belongs to its course all the same."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the log that concerns orders."""

    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class Recorded:
    """The orders of one session, folded from its log."""

    session_id: str
    products: dict[str, Product]
    orders: Orders
    told: tuple[Told, ...]
    last_ns: int  # of the newest event, by the exchange's clock

    def document(self, order: Order) -> Document:
        """One order with what has filled of it."""
        return order_document(order, self.products[order.product_id])


def listed(var: Path, profile: str, only_open: bool) -> dict[str, object]:
    """The orders of the profile's newest session, newest first."""
    record = _record(newest(var, profile))
    orders = [order for order in record.orders.all() if order.is_working or not only_open]
    return {
        "session_id": record.session_id,
        "as_of": _time(record.last_ns),
        "orders": [record.document(order) for order in reversed(orders)],
    }


def shown(var: Path, profile: str, name: str) -> dict[str, object]:
    """One order, by our name, Coinbase's or the person's.

    Raises
    ------
    UsageError
        No session of the profile has it.
    """
    record, order, _ = _find(var, profile, name)
    if order is None:
        raise UsageError(f"{name} was denied and never sent: `gpt-trader orders explain {name}`")
    return {"session_id": record.session_id, **record.document(order)}


def explained(var: Path, profile: str, name: str) -> dict[str, object]:
    """Why an order was sent or denied: inputs, every rule's verdict, and each change with source.

    Raises
    ------
    UsageError
        No session of the profile has it.
    """
    record, order, decision = _find(var, profile, name)
    draft = decision.draft
    return {
        "session_id": record.session_id,
        "client_order_id": None if order is None else order.client_order_id,
        "asked": draft.asked.partition("#")[0] or None,
        "why": draft.why,
        "mark_price": f"{draft.mark_price:f}",
        "target": f"{draft.target:f}",
        "order": draft_document(draft),
        "state": None if order is None else record.document(order),
        "verdicts": [verdict_document(verdict) for verdict in decision.verdicts],
        "course": list(_course(record, decision)),
    }


def _record(folder: SessionFolder) -> Recorded:
    """Fold the orders out of a log, past the market's events."""
    orders, products, told = Orders(), dict[str, Product](), list[Told]()
    with LogReader(folder.log) as reader:
        last_ns = max((event.ts_ns for _, event in reader.tail(1)), default=0)
        for seq, _, event in reader.without_market():
            if isinstance(event, SessionOpened):
                products = {product.product_id: product for product in event.products}
            elif orders.take(event, products) or isinstance(event, TOLD):
                told.append(Told(seq, event))
    return Recorded(folder.session_id, products, orders, tuple(told), last_ns)


def _find(var: Path, profile: str, name: str) -> tuple[Recorded, Order | None, Decided]:
    """The newest decision of that name, and its order unless it was denied."""
    for folder in reversed(sessions(var, profile)):
        record = _record(folder)
        for told in reversed(record.told):
            match told.event:
                case OrderIntended() | StopSupervised() as decision:
                    order = record.orders.get(decision.client_order_id)
                    assert order is not None, decision
                    names = (order.client_order_id, order.order_id, _asked(decision))
                    if name in names:
                        return record, order, decision
                case OrderDenied() as decision if name == _asked(decision):
                    return record, None, decision
                case _:
                    pass
    raise UsageError(f"no order {name[:60]!r} in any session of profile {profile} under {var}")


def _asked(decision: Decided) -> str:
    return decision.draft.asked.partition("#")[0]


def _course(record: Recorded, decision: Decided) -> Iterable[Document]:
    """Everything the log says of one order, in its order."""
    name = None if isinstance(decision, OrderDenied) else decision.client_order_id
    for told in record.told:
        match told.event:
            case OrderAsked(draft=draft):
                concerns = bool(draft.asked) and draft.asked == decision.draft.asked
            case OrderDenied(draft=draft):
                concerns = told.event is decision or draft.why == edit_of(name or "")
            case _:
                concerns = told.event.client_order_id == name  # type: ignore[union-attr]
        if concerns:
            source, what = _said(told.event)
            time = _time(told.event.ts_ns)
            verdicts = [verdict_document(verdict) for verdict in _verdicts(told.event)]
            row = {"seq": told.seq, "time": time, "source": source, "what": what}
            yield {**row, "verdicts": verdicts}


def _verdicts(event: Event) -> tuple[Verdict, ...]:
    match event:
        case OrderIntended() | StopSupervised() | StopWithheld() | OrderDenied() | EditIntended():
            return event.verdicts
        case _:
            return ()


def _said(event: Event) -> tuple[str, str]:
    """Where an event comes from, and what it says."""
    match event:
        case OrderAsked(who=who):
            return who, "asked for it"
        case OrderIntended(verdicts=verdicts):
            return "our rules", f"allowed by {len(verdicts)} rules, written down, then sent"
        case StopSupervised(verdicts=verdicts):
            said = f"allowed by {len(verdicts)} rules, written down, sent at its trigger"
            return "our rules", said
        case TriggerReached(mark_price=mark):
            return "our engine", f"the market is at its trigger: {mark:f}"
        case StopWithheld(reasons=reasons):
            return "our rules", f"not let out, it waits on: {'; '.join(reasons)}"
        case StopEnded(status=status, why=why):
            return "our engine", f"{status.value}, nothing was sent: {why}"
        case OrderDenied(reasons=reasons):
            return "our rules", f"denied: {'; '.join(reasons)}"
        case OrderAccepted(order_id=order_id):
            return "the answer to the create", f"accepted as {order_id}"
        case OrderRejected(reason=reason, message=message):
            return "the answer to the create", f"rejected: {reason} {message}".strip()
        case OrderLost(reason=reason):
            return "no answer", f"outcome unknown: {reason}"
        case OrderAbsent(listings=listings):
            return "the exchange's listings", f"in none of {listings} full listings: never arrived"
        case OrderChanged(status=status, filled_size=filled):
            return "the user channel or a listing", f"{status.value}, filled {filled:f}"
        case OrderFilled():
            said = (
                f"{event.base_size:f} at {event.price:f}, fee {event.fee:f}, trade {event.trade_id}"
            )
            return "the exchange's fills", said
        case FeeRevised():
            said = f"fee of trade {event.trade_id} {event.fee:f}, no longer {event.fee_before:f}"
            return "the exchange's fills", said
        case EditAsked(who=who):
            return who, f"asked that it be {event.terms}"
        case EditIntended(verdicts=verdicts):
            return "our rules", f"the edit is allowed by {len(verdicts)} rules"
        case EditAnswered(accepted=accepted, reason=reason):
            said = "accepted" if accepted else f"refused: {reason}"
            return "the answer to the edit", said
        case EditLost(reason=reason):
            return "no answer", f"outcome of the edit unknown: {reason}"
        case CancelIntended(why=why):
            return "our engine", f"asks for its end: {why}"
        case CancelAnswered(accepted=accepted, reason=reason):
            said = "accepted" if accepted else f"refused: {reason}"
            return "the answer to the cancel", said
        case _:
            raise AssertionError(event)


def _time(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).isoformat(timespec="milliseconds")
