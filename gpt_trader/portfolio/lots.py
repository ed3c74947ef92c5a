"""Tax lots: what is held, piece by piece, as it was bought; a sale takes the oldest first.

The books count an average cost; these lists are for reports. Both have the same cost in all before
the first sale, and the same size always. A fee that Coinbase changed later belongs to the piece it
was paid for, as if it had been so from the start; the books have realised the difference.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gpt_trader.domain.events import Event, FeeRevised, HoldingAdopted, OrderFilled
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Product, cash_units_owed


@dataclass(frozen=True, slots=True)
class Lot:
    """A piece that was bought at once."""

    product_id: str
    acquired_ns: int
    lots: int  # base increments
    cost_units: int  # cash units, fee included
    origin: str  # the order's id, or who gave it


def lots_of(events: Iterable[Event], products: Mapping[str, Product]) -> tuple[Lot, ...]:
    """What is left of each purchase after all sales, oldest first, in one session's events."""
    held: dict[str, deque[Lot]] = {}
    for event in _final(events):
        pieces, product = held.setdefault(event.product_id, deque()), products[event.product_id]
        match event:
            case HoldingAdopted():
                pieces.append(_adopted(event, product))
            case OrderFilled():
                _book(pieces, event, product)
    return tuple(lot for pieces in held.values() for lot in pieces)


def _final(events: Iterable[Event]) -> tuple[HoldingAdopted | OrderFilled, ...]:
    """What was adopted, and each fill once, with the fee that was told last."""
    known: dict[tuple[str, str], HoldingAdopted | OrderFilled] = {}
    for event in events:
        match event:
            case HoldingAdopted(name=name):
                known["", name] = event
            case OrderFilled(order_id=order_id, trade_id=trade_id):
                known.setdefault((order_id, trade_id), event)
            case FeeRevised(order_id=order_id, trade_id=trade_id):
                fill = known[order_id, trade_id]
                assert isinstance(fill, OrderFilled), fill
                known[order_id, trade_id] = replace(fill, fee=event.fee)
            case _:
                pass
    return tuple(known.values())


def _adopted(event: HoldingAdopted, product: Product) -> Lot:
    lots, cost = product.lots(event.base_size), cash_units_owed(event.cost)
    return Lot(event.product_id, event.ts_ns, lots, cost, event.who)


def _book(pieces: deque[Lot], fill: OrderFilled, product: Product) -> None:
    ticks, lots = product.ticks(fill.price), product.lots(fill.base_size)
    if fill.side is Side.BUY:
        cost = product.notional_paid(ticks, lots) + cash_units_owed(fill.fee)
        pieces.append(Lot(fill.product_id, fill.ts_ns, lots, cost, fill.order_id))
        return
    while lots:
        oldest = pieces.popleft()
        taken = min(lots, oldest.lots)
        lots -= taken
        left = oldest.lots - taken
        if left:
            # The part that is sold takes its share of the cost, down: the rest stays with the lot.
            cost = oldest.cost_units - oldest.cost_units * taken // oldest.lots
            rest = Lot(oldest.product_id, oldest.acquired_ns, left, cost, oldest.origin)
            pieces.appendleft(rest)
