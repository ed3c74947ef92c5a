"""Tax lots: what is held, piece by piece, as it was bought; a sale takes the oldest first.

The books count an average cost; these lists are for reports. Both have the same cost in all before
the first sale, and the same size always.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gpt_trader.domain.events import Event, HoldingAdopted, OrderFilled
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
    booked: set[tuple[str, str]] = set()
    for event in events:
        match event:
            case HoldingAdopted():
                lot = _adopted(event, products[event.product_id])
                held.setdefault(event.product_id, deque()).append(lot)
            case OrderFilled() if (event.order_id, event.trade_id) not in booked:
                booked.add((event.order_id, event.trade_id))
                _book(held.setdefault(event.product_id, deque()), event, products[event.product_id])
            case _:
                pass
    return tuple(lot for pieces in held.values() for lot in pieces)


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
