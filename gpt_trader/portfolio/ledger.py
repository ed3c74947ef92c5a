"""The books: a fold of our fills into cash, positions, their cost and what was earned, in ints.

Realised plus unrealised profit is the change of equity, exactly: a sale takes its share of the
position's cost, cut to a whole cash unit, and what is cut off stays with the rest of the position.

A fee that Coinbase changes later is realised at once, of a buy too. What that buy bought may be
sold by now, in part or whole, and bought again: no share of the difference is known to be the cost
of what is held. The cost, by which stops are measured, stays what it was when they were decided.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import TypedDict

from gpt_trader.domain.events import FeeRevised, OrderFilled
from gpt_trader.domain.futures import FuturesNews
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Product, amount_of, cash_units_owed


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one product and what came of it. Money in cash units."""

    lots: int  # of contracts signed: below 0 is short
    cost_units: int  # of the lots held, at least 0; buy fees included, but for contracts
    realized_units: int  # fees included
    fees_units: int
    traded_units: int  # notional of all fills, bought and sold


FLAT = Position(0, 0, 0, 0, 0)


class BookedFills:
    """What every kind of books keeps: cash, positions, and each fill once with what it cost."""

    def __init__(self, cash_units: int) -> None:
        self.cash_units = cash_units
        self._positions: dict[str, Position] = {}
        self._fees: dict[tuple[str, str], int] = {}  # cash units, by order id and trade id

    def revise(self, event: FeeRevised) -> bool:
        """Book what a fill cost more, or less, than it was booked at; False if that is done.

        Only a revision of the very fee that is booked counts: to be told it twice changes nothing.
        """
        key = event.order_id, event.trade_id
        booked, fee_units = self._fees.get(key), cash_units_owed(event.fee)
        if booked != cash_units_owed(event.fee_before) or booked == fee_units:
            return False
        more, before = fee_units - booked, self.position(event.product_id)
        self.cash_units -= more
        self._positions[event.product_id] = replace(
            before,
            realized_units=before.realized_units - more,
            fees_units=before.fees_units + more,
        )
        self._fees[key] = fee_units
        return True

    def has_booked(self, order_id: str, trade_id: str) -> bool:
        """Whether this fill is in the books already."""
        return (order_id, trade_id) in self._fees

    def fee_units(self, order_id: str, trade_id: str) -> int:
        """What a fill in the books has cost, in cash units."""
        return self._fees[order_id, trade_id]

    def position(self, product_id: str) -> Position:
        """What is held of one product; flat if it was never traded."""
        return self._positions.get(product_id, FLAT)

    def positions(self) -> dict[str, Position]:
        """Every product that was ever traded, flat ones included."""
        return dict(self._positions)

    @property
    def realized_pnl(self) -> Decimal:
        """Profit of what was closed, fees included and funding not, in quote."""
        return amount_of(sum(position.realized_units for position in self._positions.values()))

    @property
    def fees(self) -> Decimal:
        """All fees paid, in quote."""
        return amount_of(sum(position.fees_units for position in self._positions.values()))


class FrozenLedger(TypedDict):
    """A ledger as JSON keeps it."""

    cash_units: int
    positions: dict[str, dict[str, int]]
    booked: list[tuple[str, str, int]]  # order_id, trade_id, fee in cash units


class Ledger(BookedFills):
    """The engine's own books of coins: cash it was given, and every fill booked once."""

    @classmethod
    def open(cls, cash_units: int) -> "Ledger":
        """New books with nothing but cash."""
        assert cash_units >= 0, cash_units
        return cls(cash_units)

    def apply(self, fill: OrderFilled, product: Product) -> None:
        """Book `fill` once: Coinbase may report the same fill by WebSocket and by REST.

        Raises
        ------
        AssertionError
            A sale of more than is held: with spot that is a fault of ours, or of the exchange.
        """
        assert fill.product_id == product.product_id, (fill.product_id, product.product_id)
        if self.has_booked(fill.order_id, fill.trade_id):
            return
        ticks, lots = product.ticks(fill.price), product.lots(fill.base_size)
        fee_units = cash_units_owed(fill.fee)
        if fill.side is Side.BUY:
            self._book_buy(fill.product_id, lots, product.notional_paid(ticks, lots), fee_units)
        else:
            received = product.notional_received(ticks, lots)
            self._book_sale(fill.product_id, lots, received, fee_units)
        self._fees[fill.order_id, fill.trade_id] = fee_units

    def adopt(self, product_id: str, lots: int, cost_units: int) -> None:
        """Take over what the owner bought at this cost; no cash moves."""
        assert lots > 0 and cost_units >= 0, (lots, cost_units)
        before = self.position(product_id)
        self._positions[product_id] = replace(
            before, lots=before.lots + lots, cost_units=before.cost_units + cost_units
        )

    def news(self, event: FuturesNews, products: Mapping[str, Product]) -> None:
        """Refused: nothing but fills moves coins."""
        raise AssertionError(f"coins have no funding and no liquidation: {event}, {len(products)}")

    def worth_units(self, product: Product, mark_ticks: int) -> int:
        """What the position would bring at this mark, without a fee."""
        return product.notional_received(mark_ticks, self.position(product.product_id).lots)

    def unrealized_units(self, product: Product, mark_ticks: int) -> int:
        """What the position would bring at this mark over its cost, without a fee."""
        cost_units = self.position(product.product_id).cost_units
        return self.worth_units(product, mark_ticks) - cost_units

    def freeze(self) -> FrozenLedger:
        """The whole state for a snapshot; equal books freeze to equal text."""
        return {
            "cash_units": self.cash_units,
            "positions": {name: asdict(self._positions[name]) for name in sorted(self._positions)},
            "booked": [(*key, self._fees[key]) for key in sorted(self._fees)],
        }

    @classmethod
    def thaw(cls, frozen: FrozenLedger) -> "Ledger":
        """The books that were frozen."""
        ledger = cls(frozen["cash_units"])
        ledger._positions = {name: Position(**row) for name, row in frozen["positions"].items()}
        ledger._fees = {(order_id, trade_id): fee for order_id, trade_id, fee in frozen["booked"]}
        return ledger

    def _book_buy(self, product_id: str, lots: int, notional_units: int, fee_units: int) -> None:
        before = self.position(product_id)
        self.cash_units -= notional_units + fee_units
        self._positions[product_id] = replace(
            before,
            lots=before.lots + lots,
            cost_units=before.cost_units + notional_units + fee_units,
            fees_units=before.fees_units + fee_units,
            traded_units=before.traded_units + notional_units,
        )

    def _book_sale(self, product_id: str, lots: int, notional_units: int, fee_units: int) -> None:
        before = self.position(product_id)
        assert lots <= before.lots, f"{product_id}: sold {lots} lots, held {before.lots}"
        cost_units = before.cost_units * lots // before.lots
        self.cash_units += notional_units - fee_units
        self._positions[product_id] = replace(
            before,
            lots=before.lots - lots,
            cost_units=before.cost_units - cost_units,
            realized_units=before.realized_units + notional_units - fee_units - cost_units,
            fees_units=before.fees_units + fee_units,
            traded_units=before.traded_units + notional_units,
        )
