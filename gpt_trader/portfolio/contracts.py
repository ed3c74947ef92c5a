"""The books of contracts on margin: signed positions, realised profit, fees and funding, in ints.

A fill moves no notional: cash changes by the profit of what it closes, and by its fee. Cash and the
profit that is not realised are the equity. A part that is closed takes its share of the cost, cut
to a whole cash unit; an order larger than the position closes it, and the rest begins anew. Fees
stay out of the cost, as Coinbase's average entry price has none.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TypedDict

from gpt_trader.domain.events import OrderFilled
from gpt_trader.domain.futures import FundingPaid, FuturesNews, PositionLiquidated
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import CASH_UNIT, Product, cash_units_owed
from gpt_trader.portfolio.ledger import BookedFills, Position


class FrozenContracts(TypedDict):
    """The books as JSON keeps them."""

    cash_units: int
    funding_units: int
    funding_day: str | None
    funding_ns: int
    positions: dict[str, dict[str, int]]
    booked: list[tuple[str, str, int]]  # order_id, trade_id, fee in cash units


class ContractLedger(BookedFills):
    """The engine's own books of contracts: the futures wallet's cash, and every fill booked once.

    Attributes
    ----------
    funding_day : Decimal or None
        What the exchange's sum of its day's funding was when it was last booked; None: never.
    funding_ns : int
        When that was.
    """

    def __init__(self, cash_units: int) -> None:
        super().__init__(cash_units)
        self.funding_units = 0
        self.funding_day: Decimal | None = None
        self.funding_ns = 0

    @classmethod
    def open(cls, cash_units: int) -> "ContractLedger":
        """New books with nothing but cash."""
        assert cash_units >= 0, cash_units
        return cls(cash_units)

    def apply(self, fill: OrderFilled, product: Product) -> None:
        """Book `fill` once: Coinbase may report the same fill by WebSocket and by REST."""
        self._book(fill, product)

    def news(self, event: FuturesNews, products: Mapping[str, Product]) -> None:
        """Book funding, or a part of a liquidation, once."""
        match event:
            case FundingPaid():
                units = int(event.amount / CASH_UNIT)
                assert units * CASH_UNIT == event.amount, event
                self.cash_units += units
                self.funding_units += units
                self.funding_day, self.funding_ns = event.day_total, event.ts_ns
            case PositionLiquidated():
                self._book(event, products[event.product_id])

    def adopt(self, product_id: str, lots: int, cost_units: int) -> None:
        """Refused: a position in contracts is the account's, and a session begins without one."""
        raise AssertionError(f"{product_id}: contracts are never adopted: {lots} at {cost_units}")

    def worth_units(self, product: Product, mark_ticks: int) -> int:
        """The profit of the position at this mark; below 0 is a loss."""
        position = self.position(product.product_id)
        gained = product.notional_received(mark_ticks, abs(position.lots)) - position.cost_units
        return gained if position.lots > 0 else -gained

    def unrealized_units(self, product: Product, mark_ticks: int) -> int:
        """The same: all that a position adds to the cash is its profit."""
        return self.worth_units(product, mark_ticks)

    def freeze(self) -> FrozenContracts:
        """The whole state for a snapshot; equal books freeze to equal text."""
        return {
            "cash_units": self.cash_units,
            "funding_units": self.funding_units,
            "funding_day": None if self.funding_day is None else str(self.funding_day),
            "funding_ns": self.funding_ns,
            "positions": {name: asdict(self._positions[name]) for name in sorted(self._positions)},
            "booked": [(*key, self._fees[key]) for key in sorted(self._fees)],
        }

    @classmethod
    def thaw(cls, frozen: FrozenContracts) -> "ContractLedger":
        """The books that were frozen."""
        ledger = cls(frozen["cash_units"])
        day = frozen["funding_day"]
        ledger.funding_units, ledger.funding_ns = frozen["funding_units"], frozen["funding_ns"]
        ledger.funding_day = None if day is None else Decimal(day)
        ledger._positions = {name: Position(**row) for name, row in frozen["positions"].items()}
        ledger._fees = {(order_id, trade_id): fee for order_id, trade_id, fee in frozen["booked"]}
        return ledger

    def _book(self, fill: OrderFilled | PositionLiquidated, product: Product) -> None:
        assert fill.product_id == product.product_id, (fill.product_id, product.product_id)
        if self.has_booked(fill.order_id, fill.trade_id):
            return
        ticks, lots = product.ticks(fill.price), product.lots(fill.base_size)
        sign = 1 if fill.side is Side.BUY else -1
        before = self.position(fill.product_id)
        closed = min(lots, max(0, -sign * before.lots))
        part = before.cost_units * closed // abs(before.lots) if closed else 0
        profit = -sign * (product.notional_received(ticks, closed) - part)
        opened = product.notional_received(ticks, lots - closed)
        fee_units = cash_units_owed(fill.fee)
        self.cash_units += profit - fee_units
        self._positions[fill.product_id] = replace(
            before,
            lots=before.lots + sign * lots,
            cost_units=before.cost_units - part + opened,
            realized_units=before.realized_units + profit - fee_units,
            fees_units=before.fees_units + fee_units,
            traded_units=before.traded_units + product.notional_received(ticks, lots),
        )
        self._fees[fill.order_id, fill.trade_id] = fee_units
