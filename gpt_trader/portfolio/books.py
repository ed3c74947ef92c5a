"""What the engine asks of its books, whatever they hold: coins, or contracts on margin."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from gpt_trader.domain.events import FeeRevised, OrderFilled
from gpt_trader.domain.futures import FuturesNews
from gpt_trader.domain.product import Product
from gpt_trader.portfolio.contracts import ContractLedger
from gpt_trader.portfolio.ledger import Ledger, Position


class Books(Protocol):
    """Cash, positions and what came of them, as a fold of events. Money in cash units."""

    cash_units: int

    def apply(self, fill: OrderFilled, product: Product) -> None:
        """Book a fill of ours, once."""

    def news(self, event: FuturesNews, products: Mapping[str, Product]) -> None:
        """Book what else moves cash or a position in contracts."""

    def adopt(self, product_id: str, lots: int, cost_units: int) -> None:
        """Take over what the owner bought at this cost; no cash moves."""

    def revise(self, event: FeeRevised) -> bool:
        """Book what a fill cost more, or less, than it was booked at; False if that is done."""

    def fee_units(self, order_id: str, trade_id: str) -> int:
        """What a fill in the books has cost, in cash units."""

    def has_booked(self, order_id: str, trade_id: str) -> bool:
        """Whether this fill is in the books already."""

    def position(self, product_id: str) -> Position:
        """What is held of one product; flat if it was never traded."""

    def positions(self) -> dict[str, Position]:
        """Every product that was ever traded, flat ones included."""

    def worth_units(self, product: Product, mark_ticks: int) -> int:
        """What the position adds to the cash at this mark: its value, or its profit on margin."""

    def unrealized_units(self, product: Product, mark_ticks: int) -> int:
        """The profit of the position at this mark, without the fee of an exit."""

    @property
    def realized_pnl(self) -> Decimal:
        """Profit of what was closed, fees included, in quote."""

    @property
    def fees(self) -> Decimal:
        """All fees paid, in quote."""

    def freeze(self) -> Any:
        """The whole state for a snapshot; equal books freeze to equal text."""

    @classmethod
    def thaw(cls, frozen: Any) -> "Books":
        """The books that were frozen."""


def open_books(products: tuple[Product, ...], cash_units: int) -> Books:
    """New books for these products, which are all coins or all contracts."""
    kinds = {product.contract is not None for product in products}
    assert len(kinds) == 1, "coins and contracts have books of their own"
    return ContractLedger.open(cash_units) if kinds == {True} else Ledger.open(cash_units)
