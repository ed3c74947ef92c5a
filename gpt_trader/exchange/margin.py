"""The money and the contracts of the futures wallet: positions, profit, and the margin they need.

A position is signed: above 0 long, below 0 short. Its cost is what its contracts were worth when
they were traded; a part that is closed takes its share of the cost with it, so what is realised and
what is not always sum up to the whole. Every profit of ours is a loss of the others, who hold the
opposite of each position: that the two never gain together is checked with every change.

Margin is one sum for all contracts (CROSS). The initial margin is the notional at the mark price
times the product's rate for that side; the maintenance margin is half of it, the share of the
figures that the Advanced Trade reference shows. Rates are the intraday ones with the setting
INTRADAY until 22:00 UTC, else the overnight ones (Advanced Trade reference, CFM futures).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contracts import (
    FUNDING_UNITS,
    MAINTENANCE_SHARE,
    RATE_UNITS,
    Contract,
    is_intraday,
    trading_day,
)
from gpt_trader.exchange.orders import Order

SETTINGS = ("INTRADAY_MARGIN_SETTING_STANDARD", "INTRADAY_MARGIN_SETTING_INTRADAY")


class Marks(Protocol):
    """What margin must know of the market: ``Market``, or one drawn by a test."""

    def mark_price(self, product_id: str) -> int | None:
        """Give a contract's mark price in price increments, None before its first trade."""

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give a contract's funding rate of the hour that begins then, in millionths."""


class Window(StrEnum):
    """Whose margin rates count."""

    INTRADAY = "INTRADAY"
    OVERNIGHT = "OVERNIGHT"


@dataclass(slots=True)
class Position:
    """Contracts of one product that somebody holds. Changed by ``Holder`` only."""

    product: Product
    contracts: int  # signed, never 0 while it is held
    cost: int  # cash units; what they were worth when they were traded, at least 0
    fees: int  # cash units, since it was opened or turned over

    def unrealized(self, mark: int) -> int:
        """Give the profit at a price, in cash units."""
        profit = worth(self.product, mark, abs(self.contracts)) - self.cost
        return profit if self.contracts > 0 else -profit


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


class MarginAccount:
    """The futures wallet: what is in it, what is held with it, and what that needs.

    Attributes
    ----------
    ours : Holder
    fees : int
        Cash units paid in fees, ever.
    setting : str
        The margin setting, one of ``SETTINGS``.
    """

    def __init__(self, balance: int, market: Marks) -> None:
        self.ours = Holder(balance)
        self._others = Holder(0)
        self._brought = balance  # less what was swept
        self._market = market
        self._day = 0
        self._realized: dict[str, int] = {}  # of the day, by product id
        self._funding = 0
        self.fees = 0
        self.setting = SETTINGS[0]

    def contracts(self, product: Product) -> int:
        """Give the signed position in a product, 0 without one."""
        held = self.ours.positions.get(product.product_id)
        return 0 if held is None else held.contracts

    def mark(self, product: Product) -> int:
        """Give the mark price of a contract that has traded, in price increments."""
        mark = self._market.mark_price(product.product_id)
        assert mark is not None, f"{product.product_id} has not traded"
        return mark

    def unrealized(self) -> int:
        """Give the profit of all positions at their mark prices."""
        held = self.ours.positions.values()
        return sum(one.unrealized(self.mark(one.product)) for one in held)

    def equity(self) -> int:
        """Give the cash and the profit that is not realised."""
        return self.ours.cash + self.unrealized()

    def realized_today(self, now_ns: int, product: Product | None = None) -> int:
        """Give the profit that this trading day realised, without fees and funding.

        Without a product, of all of them.
        """
        if self._day != trading_day(now_ns):
            return 0
        if product is not None:
            return self._realized.get(product.product_id, 0)
        return sum(self._realized.values())

    def funding_today(self, now_ns: int) -> int:
        """Give what this trading day's funding brought, or cost."""
        return self._funding if self._day == trading_day(now_ns) else 0

    def window(self, now_ns: int) -> Window:
        """Say whose rates count now."""
        chosen = self.setting == SETTINGS[1]
        return Window.INTRADAY if chosen and is_intraday(now_ns) else Window.OVERNIGHT

    def initial(self, window: Window) -> int:
        """Give the initial margin of all positions."""
        return sum(self._initial(one.product, one.contracts, window) for one in self._held())

    def maintenance(self, window: Window) -> int:
        """Give the margin below which positions are liquidated."""
        return sum(self.maintenance_of(one, window) for one in self._held())

    def initial_of(self, position: Position, window: Window) -> int:
        """Give the initial margin of one position."""
        return self._initial(position.product, position.contracts, window)

    def liquidation_price(self, position: Position, window: Window) -> Fraction:
        """Give the mark below (long) or above (short) which the account is liquidated.

        In price increments, with all other marks as they are; at least 0.
        """
        product, size = position.product, abs(position.contracts)
        contract, tick = terms(product), worth(product, 1, size)
        rates = contract.intraday if window is Window.INTRADAY else contract.overnight
        share = Fraction(rates.rate(long=position.contracts > 0), RATE_UNITS * MAINTENANCE_SHARE)
        spare = self.equity() - self.maintenance(window) + self.maintenance_of(position, window)
        now = tick * self.mark(product)
        if position.contracts > 0:
            return max(Fraction(now - spare) / (tick * (1 - share)), Fraction(0))
        return max(Fraction(now + spare) / (tick * (1 + share)), Fraction(0))

    def maintenance_of(self, position: Position, window: Window) -> int:
        """Give the maintenance margin of one position."""
        exact, scale = self._exact(position.product, position.contracts, window)
        return -(-exact // (scale * MAINTENANCE_SHARE))

    def required(self, exposures: Iterable[Exposure], window: Window) -> int:
        """Give the initial margin of the worst that positions may become, and the orders' fees.

        A product's buys and sells cannot both fill to their end against each other: the dearer
        of the two ends counts.
        """
        return sum(
            max(
                self._initial(one.product, max(one.contracts + one.buys, 0), window),
                self._initial(one.product, min(one.contracts - one.sells, 0), window),
            )
            + terms(one.product).taker_fee * (one.buys + one.sells)
            for one in exposures
        )

    def exposures(self, orders: Iterable[Order]) -> dict[str, Exposure]:
        """Give every product that has a position or an open order, by product id."""
        found = {
            name: Exposure(held.product, held.contracts, 0, 0)
            for name, held in self.ours.positions.items()
        }
        for order in orders:
            request = order.request
            if request.product.contract is None or request.reduce_only:
                continue
            name = request.product.product_id
            known = found.get(name) or Exposure(request.product, 0, 0, 0)
            found[name] = known.after(0, order.left or 0, buys=request.buys)
        return found

    def is_under(self, now_ns: int) -> bool:
        """Say whether there are positions and less than their maintenance margin."""
        return bool(self.ours.positions) and self.equity() < self.maintenance(self.window(now_ns))

    def fillable(self, order: Order, ticks: int, lots: int, now_ns: int) -> int:
        """Give how much of a fill may be done: reduce-only reduces, the rest needs its margin."""
        request = order.request
        held = self.contracts(request.product)
        if request.reduce_only:
            return min(lots, max(0, -held if request.buys else held))
        product, window = request.product, self.window(now_ns)
        after = held + (lots if request.buys else -lots)
        needed = self.initial(window)
        needed_after = (
            needed - self._initial(product, held, window) + self._initial(product, after, window)
        )
        loss = worth(product, ticks, lots) - worth(product, self.mark(product), lots)
        left = self.equity() - (loss if request.buys else -loss) - terms(product).taker_fee * lots
        return lots if needed_after <= needed or left >= needed_after else 0

    def trade(self, order: Order, ticks: int, lots: int, fee: int, now_ns: int) -> None:
        """Book a fill of an order of ours: the others trade the opposite."""
        product = order.request.product
        signed = lots if order.request.buys else -lots
        profit = self.ours.trade(product, signed, ticks)
        self._others.trade(product, -signed, ticks)
        self.ours.cash -= fee
        self.fees += fee
        self._begin_day(now_ns)
        if product.product_id in self.ours.positions:
            self.ours.positions[product.product_id].fees += fee
        name = product.product_id
        self._realized[name] = self._realized.get(name, 0) + profit
        self._check()

    def fund(self, hour_ns: int) -> None:
        """Pay an hour's funding: what longs pay, to the last unit, is what shorts get."""
        for position in self._held():
            product = position.product
            rate = self._market.funding_rate(product.product_id, hour_ns)
            each = worth(product, self.mark(product), 1) * rate // FUNDING_UNITS
            self._others.cash += each * position.contracts
            self.ours.cash -= each * position.contracts
            self._begin_day(hour_ns)
            self._funding -= each * position.contracts
        self._check()

    def sweep(self, units: int) -> None:
        """Take money out of the wallet."""
        self.ours.cash -= units
        self._brought -= units

    def _held(self) -> Iterator[Position]:
        return iter(self.ours.positions.values())

    def _initial(self, product: Product, contracts: int, window: Window) -> int:
        exact, scale = self._exact(product, contracts, window)
        return -(-exact // scale)

    def _exact(self, product: Product, contracts: int, window: Window) -> tuple[int, int]:
        if not contracts:
            return 0, 1
        contract = terms(product)
        rates = contract.intraday if window is Window.INTRADAY else contract.overnight
        notional = worth(product, self.mark(product), abs(contracts))
        return notional * rates.rate(long=contracts > 0), RATE_UNITS

    def _begin_day(self, now_ns: int) -> None:
        day = trading_day(now_ns)
        if day != self._day:
            self._day, self._realized, self._funding = day, {}, 0

    def _check(self) -> None:
        """Nothing is made and nothing is lost between us, the others and the fees."""
        total = self.ours.cash + self._others.cash + self.fees
        assert total == self._brought, f"{total} of {self._brought} cash units"


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
