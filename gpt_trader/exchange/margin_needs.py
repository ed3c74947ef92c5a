"""What margin contracts need at their mark prices.

The initial margin is the notional times the product's rate for that side; the maintenance margin is
half of it, the share of the figures that the Advanced Trade reference shows. Both are rounded up to
the cash unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gpt_trader.exchange.books import Books
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contracts import MAINTENANCE_SHARE, RATE_UNITS
from gpt_trader.exchange.positions import Position, terms, worth


class Window(StrEnum):
    """Whose margin rates count."""

    INTRADAY = "INTRADAY"
    OVERNIGHT = "OVERNIGHT"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a product's position may become by the orders that wait."""

    product: Product
    contracts: int  # signed
    buys: int  # contracts of open orders, but for those that only reduce
    sells: int

    def after(self, taken: int, waits: int, *, buys: bool) -> "Exposure":
        """Give it after an order that takes some contracts now and waits for others."""
        sign = 1 if buys else -1
        return Exposure(
            self.product,
            self.contracts + sign * taken,
            self.buys + (waits if buys else 0),
            self.sells + (0 if buys else waits),
        )


class MarginNeeds:
    """Reckons margin at the marks of now, in cash units."""

    def __init__(self, market: Books) -> None:
        self._market = market

    def mark(self, product: Product) -> int:
        """Give the mark price of a contract that has traded, in price increments."""
        mark = self._market.mark_price(product.product_id)
        assert mark is not None, f"{product.product_id} has not traded"
        return mark

    def initial(self, product: Product, contracts: int, window: Window) -> int:
        """Give the initial margin of a position, as it is or as it may become."""
        exact, scale = self._exact(product, contracts, window)
        return -(-exact // scale)

    def maintenance(self, product: Product, contracts: int, window: Window) -> int:
        """Give the margin below which a position is liquidated, as it is or as it may become."""
        exact, scale = self._exact(product, contracts, window)
        return -(-exact // (scale * MAINTENANCE_SHARE))

    def required(self, exposures: Iterable[Exposure], window: Window) -> int:
        """Give the initial margin of the worst that positions may become, and the orders' fees.

        A product's buys and sells cannot both fill to their end against each other: the dearer
        of the two ends counts.
        """
        return sum(
            max(
                self.initial(one.product, max(one.contracts + one.buys, 0), window),
                self.initial(one.product, min(one.contracts - one.sells, 0), window),
            )
            + terms(one.product).taker_fee * (one.buys + one.sells)
            for one in exposures
        )

    def liquidation_price(self, position: Position, spare: int, window: Window) -> Fraction:
        """Give the mark beyond which an account is liquidated, all other marks being as they are.

        In price increments, at least 0.

        Parameters
        ----------
        spare
            The equity, less the maintenance margin of all other positions.
        """
        product, size = position.product, abs(position.contracts)
        rate = _rate(product, position.contracts, window)
        share = Fraction(rate, RATE_UNITS * MAINTENANCE_SHARE)
        tick, now = worth(product, 1, size), worth(product, self.mark(product), size)
        if position.contracts > 0:
            return max(Fraction(now - spare) / (tick * (1 - share)), Fraction(0))
        return max(Fraction(now + spare) / (tick * (1 + share)), Fraction(0))

    def _exact(self, product: Product, contracts: int, window: Window) -> tuple[int, int]:
        if not contracts:
            return 0, 1
        notional = worth(product, self.mark(product), abs(contracts))
        return notional * _rate(product, contracts, window), RATE_UNITS


def _rate(product: Product, contracts: int, window: Window) -> int:
    contract = terms(product)
    rates = contract.intraday if window is Window.INTRADAY else contract.overnight
    return rates.rate(long=contracts > 0)
