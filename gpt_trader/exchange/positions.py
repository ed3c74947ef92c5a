"""Positions in contracts: who holds how many, at what cost, and what closing them earned.

A position is signed: above 0 long, below 0 short. Its cost is what its contracts were worth when
they were traded; a part that is closed takes its share of the cost with it, so what is realised and
what is not always sum up to the whole. An order larger than the position turns it over, and the
rest begins anew.
"""

from dataclasses import dataclass

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contracts import Contract


@dataclass(slots=True)
class Position:
    """Contracts of one product that somebody holds. Changed by its holder and account only."""

    product: Product
    contracts: int  # signed, never 0 while it is held
    cost: int  # cash units; what they were worth when they were traded, at least 0
    fees: int  # cash units, since it was opened or turned over

    def unrealized(self, mark: int) -> int:
        """Give the profit at a price, in cash units."""
        profit = worth(self.product, mark, abs(self.contracts)) - self.cost
        return profit if self.contracts > 0 else -profit


class Holder:
    """Cash and positions of one side of all trades: ours, or the others'."""

    def __init__(self, cash: int) -> None:
        self.cash = cash  # cash units; below 0 it is owed
        self.positions: dict[str, Position] = {}  # by product id

    def trade(self, product: Product, contracts: int, ticks: int) -> int:
        """Buy (above 0) or sell contracts; gives the profit that a closed part made."""
        name = product.product_id
        held = self.positions.setdefault(name, Position(product, 0, 0, 0))
        sign = 1 if contracts > 0 else -1
        closed = min(abs(contracts), abs(held.contracts)) if held.contracts * sign < 0 else 0
        profit = 0
        if closed:
            part = held.cost * closed // abs(held.contracts)
            profit = -sign * (worth(product, ticks, closed) - part)
            held.cost -= part
        held.contracts += contracts
        held.cost += worth(product, ticks, abs(contracts) - closed)
        if not held.contracts:
            del self.positions[name]
        elif closed and held.contracts * sign > 0:
            held.fees = 0
        self.cash += profit
        return profit


def terms(product: Product) -> Contract:
    """Give what makes a product a contract."""
    assert product.contract is not None, product.product_id
    return product.contract


def worth(product: Product, ticks: int, contracts: int) -> int:
    """Give the notional of contracts at a price, in cash units: always a whole number of them."""
    numerator, denominator = product.tick_value()
    units, rest = divmod(ticks * contracts * numerator, denominator)
    assert not rest, product.product_id
    return units
