"""A slow exchange, written from the rules alone, to hold the real one against.

One list of orders, searched from end to end whenever something happens; Decimal throughout; nothing
of the exchange is imported. It is given the others' book as data, because that is the market.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from tests.exchange.model.account import UNIT, Fees, Wallets, down, up

Wire = dict[str, Any]
Level = tuple[Decimal, Decimal]  # price, size

FIVE_PERCENT = Decimal("0.05")
NEVER = 10**30


@dataclass
class Market:
    """The others in a book now. A product for USDC shares the book of the one for USD."""

    bids: list[Level] = field(default_factory=list)  # best first, less what our takers took
    asks: list[Level] = field(default_factory=list)
    last: Decimal | None = None


@dataclass
class Listing:
    """A product."""

    market: Market
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    unseen: Callable[[Decimal], Decimal] = lambda price: Decimal(0)
    """How much of others stands at a price between the levels."""


@dataclass
class Order:
    """An order, and where it stands."""

    product: str
    buys: bool
    kind: str  # market, limit, stop, bracket
    force: str  # ioc, fok, gtc, gtd
    limit: Decimal | None
    size: Decimal | None  # None: sized by money
    money: Decimal | None
    stop: Decimal | None
    rising: bool
    post_only: bool
    end_ns: int
    exits: "Order | None" = None
    status: str = "PENDING"
    fired: bool = False
    rank: int | None = None  # its turn in the book; None while it stands in none
    armed: bool = False
    ahead: Decimal = Decimal(0)
    filled: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    held: Decimal = Decimal(0)

    @property
    def open(self) -> bool:
        """Say whether it may still trade."""
        return self.status in ("PENDING", "OPEN")

    @property
    def left(self) -> Decimal:
        """Give the size still wanted."""
        assert self.size is not None
        return self.size - self.filled


@dataclass
class Fill:
    """One execution."""

    order: Order
    price: Decimal
    size: Decimal
    value: Decimal
    fee: Decimal
    maker: bool
    time_ns: int


class ModelVenue:
    """Orders, wallets and fills of one account."""

    def __init__(
        self, listings: dict[str, Listing], wallets: Wallets, fees: Fees, max_open: int
    ) -> None:
        self.listings = listings
        self.wallets = wallets
        self.fees = fees
        self.max_open = max_open
        self.orders: list[Order] = []
        self.active: list[Order] = []  # in the order they came
        self.fills: list[Fill] = []
        self._rank = 0

    # --- commands ---------------------------------------------------------------------------

    def create(self, order: Order, now_ns: int) -> set[str]:
        """Take an order; gives every reason against it, none when it was taken."""
        faults = self._form_faults(order) | self._market_faults(order, now_ns)
        if faults:
            return faults
        crowd = len(self.active)
        self._list(order)
        if order.exits is not None:
            self._list(order.exits)
        if order.force in ("gtc", "gtd") and crowd >= self.max_open:
            self._end(order, "FAILED")
        else:
            self._work(order, now_ns)
        self._begin_exits(order, now_ns)
        return set()

    def cancel(self, orders: list[Order], now_ns: int) -> list[bool]:
        """Cancel orders that wait, all of them before anything follows from it."""
        waiting = [order.open for order in orders]
        for order in orders:
            if order.open:
                self._end(order, "CANCELLED")
        for order in orders:
            self._begin_exits(order, now_ns)
        return waiting

    def edit(
        self, order: Order, values: tuple[Decimal, Decimal, Decimal | None], now_ns: int
    ) -> bool:
        """Change price, whole size and, if one is given, stop of a waiting order."""
        price, size, stop = values
        if order.kind == "market" or order.force != "gtc" or order.status != "OPEN":
            return False
        if order.fired or (stop is not None and order.stop is None):
            return False
        edited = replace(order, limit=price, size=size, stop=order.stop if stop is None else stop)
        if (price, size, edited.stop) == (order.limit, order.size, order.stop):
            return False
        if size <= order.filled or self._form_faults(edited):
            return False
        assert order.size is not None
        shrinks = (price, edited.stop) == (order.limit, order.stop) and size < order.size
        parts, ending = self._first_walk(edited, now_ns)
        needed = self._first_hold(edited, parts, now_ns)
        if shrinks:
            needed = min(needed, order.held)
        elif self._trigger_faults(edited) or (order.post_only and (parts or ending == "own")):
            return False
        if needed - order.held > self.wallets.free[self._pays(order)]:
            return False
        self.wallets.move(self._pays(order), order.held - needed)
        order.held, order.limit, order.size, order.stop = needed, price, size, edited.stop
        if not shrinks and order.kind != "stop":
            order.rank, order.armed = None, False
            self._trade_now(order, now_ns)
            order.armed = order.kind == "bracket" and order.open
            self._begin_exits(order, now_ns)
        return True

    def pass_time(self, now_ns: int) -> None:
        """End the orders whose time is over, the earliest end first."""
        for order in sorted(self.active, key=lambda one: one.end_ns):  # stable: then the oldest
            if order.end_ns <= now_ns and order.open:
                self._end(order, "EXPIRED")
                self._begin_exits(order, order.end_ns)

    def trade(self, name: str, price: Decimal, size: Decimal, now_ns: int) -> list[Order]:
        """Let a printed trade fill who waits in the book; gives the orders it ended."""
        buys = [one for one in self._book(name) if one.buys and (one.limit or 0) >= price]
        sells = [one for one in self._book(name) if not one.buys and (one.limit or 0) <= price]
        reached = sorted(buys or sells, key=self._priority)
        for order in reached:
            if order.limit != price:
                order.ahead = Decimal(0)
        served = Decimal(0)  # of the others at this very price
        for order in reached:
            if order.limit == price:
                others = min(size, max(order.ahead - served, Decimal(0)))
                served += others
                size -= others
            part = min(size, order.left)
            if part:
                assert order.limit is not None
                before = order.filled
                self._fill(order, order.limit, part, now_ns, maker=True)
                size -= order.filled - before
        for order in reached:
            order.ahead = max(order.ahead - served, Decimal(0))
        return [order for order in reached if not order.open]

    def after_trade(self, name: str, price: Decimal, ended: list[Order], now_ns: int) -> None:
        """With the book the trade left: orders fire, and exits of the buys it ended begin."""
        self.listings[name].market.last = price
        fired = [one for one in self.active if one.armed and self._meets(one, name)]
        rising = [one for one in fired if one.rising and one.stop is not None and price >= one.stop]
        falling = [
            one for one in fired if not one.rising and one.stop is not None and price <= one.stop
        ]
        rising.sort(key=lambda one: one.stop or Decimal(0))
        falling.sort(key=lambda one: -(one.stop or Decimal(0)))
        for order in rising + falling:
            order.armed, order.fired, order.rank = False, True, None
            if order.kind == "bracket":
                order.limit = self._exit_price(order)
        for order in rising + falling:
            self._trade_now(order, now_ns)
            if not order.open:
                ended.append(order)
        for order in ended:
            self._begin_exits(order, now_ns)

    # --- why an order is refused --------------------------------------------------------------

    def _form_faults(self, order: Order) -> set[str]:
        faults = set()
        limit, stop = order.limit, order.stop
        if order.kind == "stop" and limit is not None and stop is not None:
            if order.buys and stop > limit:
                faults.add("PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")
            if not order.buys and stop < limit:
                faults.add("PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")
        if order.kind == "bracket" and limit is not None and stop is not None:
            gain_first = limit < stop if order.buys else limit > stop
            if not gain_first:
                faults.add("PREVIEW_INVALID_BRACKET_PRICES")
        if order.exits is not None:
            faults |= self._exit_faults(order, order.exits)
        return faults

    def _exit_faults(self, order: Order, exits: Order) -> set[str]:
        cost = self.listings[order.product].market.last if order.limit is None else order.limit
        assert exits.limit is not None
        assert exits.stop is not None
        if exits.limit <= (exits.stop if cost is None else cost):
            return {"INVALID_ATTACHED_TAKE_PROFIT_PRICE"}
        if cost is not None and exits.stop >= cost:
            return {"INVALID_ATTACHED_STOP_LOSS_PRICE"}
        return set()

    def _trigger_faults(self, order: Order) -> set[str]:
        faults = set()
        last = self.listings[order.product].market.last
        if order.stop is not None and last is None:
            return {"PREVIEW_MISSING_PRODUCT_PRICE_BOOK"}
        if order.kind == "stop" and order.stop is not None and last is not None:
            if order.rising and order.stop < last:
                faults.add("PREVIEW_STOP_PRICE_BELOW_LAST_TRADE_PRICE")
            if not order.rising and order.stop > last:
                faults.add("PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE")
        if order.kind == "bracket" and order.stop is not None and last is not None:
            if (order.stop <= last) if order.buys else (order.stop >= last):
                faults.add("PREVIEW_INVALID_BRACKET_STOP_TRIGGER_PRICE")
            if order.limit is not None and (
                (order.limit >= last) if order.buys else (order.limit <= last)
            ):
                faults.add("PREVIEW_INVALID_BRACKET_LIMIT_PRICE")
        return faults

    def _market_faults(self, order: Order, now_ns: int) -> set[str]:
        faults = self._trigger_faults(order)
        parts, ending = self._first_walk(order, now_ns)
        if order.post_only and (parts or ending == "own"):
            faults.add("PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
        if order.kind == "market" and not parts and ending == "book":
            faults.add("PREVIEW_INVALID_NO_LIQUIDITY")
        if order.money is not None and not parts and ending == "done":
            faults.add("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL")
        if self._first_hold(order, parts, now_ns) > self.wallets.free[self._pays(order)]:
            faults.add("PREVIEW_INSUFFICIENT_FUND")
        return faults

    # --- how an order trades ------------------------------------------------------------------

    def _work(self, order: Order, now_ns: int) -> None:
        parts, ending = self._first_walk(order, now_ns)
        order.held = self._first_hold(order, parts, now_ns)
        self.wallets.move(self._pays(order), -order.held)
        order.status = "OPEN"
        if order.force == "fok" and ending != "done":
            self._end(order, "CANCELLED")
            return
        if order.kind == "stop":
            order.armed = True
            return
        self._trade_now(order, now_ns)
        if order.kind == "bracket" and order.open:
            order.armed = True

    def _first_walk(self, order: Order, now_ns: int) -> tuple[list[Level], str]:
        if order.kind == "stop":
            return [], "book"
        size = None if order.size is None else order.left
        return self._walk(order, order.limit, size, order.money, now_ns)

    def _first_hold(self, order: Order, parts: list[Level], now_ns: int) -> Decimal:
        if not order.buys:
            assert order.size is not None
            return order.left
        if order.money is not None:
            return order.money
        if order.kind == "market":
            return sum((self._cost(*part, now_ns) for part in parts), Decimal(0))
        price = self._exit_price(order) if order.kind == "bracket" else order.limit
        assert price is not None
        return self._needed(order, price, order.left, now_ns)

    def _trade_now(self, order: Order, now_ns: int) -> None:
        """Take from the book what the order reaches; the rest waits, or is cancelled."""
        size = None if order.size is None else order.left
        parts, ending = self._walk(order, order.limit, size, order.money, now_ns)
        market = self.listings[order.product].market
        for number, (price, part) in enumerate(parts, 1):
            levels = market.asks if order.buys else market.bids
            if not self._fill(order, price, part, now_ns, maker=False):
                return
            place = [level[0] for level in levels].index(price)
            rest = levels[place][1] - part
            levels[place : place + 1] = [(price, rest)] if rest else []
            if number == len(parts) and ending == "done" and order.open:
                self._end(order, "FILLED")
        if not order.open:
            return
        if ending == "own" or order.force in ("ioc", "fok"):
            self._end(order, "CANCELLED")
            return
        self._rank += 1
        order.rank = self._rank
        order.ahead = self._others_at(order)

    def _walk(
        self,
        order: Order,
        limit: Decimal | None,
        size: Decimal | None,
        money: Decimal | None,
        now_ns: int,
    ) -> tuple[list[Level], str]:
        """Give what an order would take, and why it ends: done, own order met, or the book."""
        listing = self.listings[order.product]
        market = listing.market
        sign = 1 if order.buys else -1
        own = [
            sign * (one.limit or 0) for one in self._book(order.product) if one.buys != order.buys
        ]
        bound = None if limit is None else sign * limit
        parts: list[Level] = []
        for price, there in market.asks if order.buys else market.bids:
            if bound is not None and sign * price > bound:
                break
            if own and sign * price >= min(own):
                return parts, "own"
            if size is not None:
                part = min(there, size)
                size -= part
            else:
                assert money is not None
                part = min(there, self._affordable(price, money, listing.step, now_ns))
                money -= self._cost(price, part, now_ns)
            if part:
                parts.append((price, part))
            if size == 0 or part < there:
                return parts, "done"
        if own and (bound is None or min(own) <= bound):
            return parts, "own"
        return parts, "book"

    def _fill(
        self, order: Order, price: Decimal, size: Decimal, now_ns: int, *, maker: bool
    ) -> bool:
        """Execute; False when the account cannot pay for the rounding."""
        listing = self.listings[order.product]
        rate = self.fees.rates(now_ns)[0 if maker else 1]
        value = up(price * size) if order.buys else down(price * size)
        fee = up(price * size * rate)
        if order.buys:
            if value + fee > order.held + self.wallets.free[listing.quote]:
                self._end(order, "CANCELLED")
                return False
            held = min(order.held, value + fee)
            self.wallets.move(listing.quote, held - value - fee)
            order.held -= held
            self.wallets.move(listing.base, size)
        else:
            fee = min(fee, value)
            order.held -= size
            self.wallets.move(listing.quote, value - fee)
        order.filled += size
        order.value += value
        order.fee += fee
        self._free_spare(order, now_ns)
        self.fills.append(Fill(order, price, size, value, fee, maker, now_ns))
        if listing.quote in ("USD", "USDC"):
            self.fees.traded.append((now_ns, value))
        if order.size is not None and not order.left:
            self._end(order, "FILLED")
        return True

    def _free_spare(self, order: Order, now_ns: int) -> None:
        """A buy with a limit keeps on hold what the rest of it may cost, and no more."""
        if not order.buys or order.size is None or order.limit is None:
            return
        price = self._exit_price(order) if order.kind == "bracket" else order.limit
        spare = order.held - self._needed(order, price, order.left, now_ns)
        if spare > 0:
            order.held -= spare
            self.wallets.move(self._pays(order), spare)

    def _end(self, order: Order, status: str) -> None:
        self.wallets.move(self._pays(order), order.held)
        order.held = Decimal(0)
        order.status, order.rank, order.armed = status, None, False
        self.active.remove(order)

    def _begin_exits(self, order: Order, now_ns: int) -> None:
        """Sell what a buy that ended has bought by the exits it brought along."""
        exits = order.exits
        if exits is None or order.open or not exits.open or exits.status == "OPEN":
            return
        exits.size = order.filled
        if not order.filled:
            exits.size = Decimal(0)
            self._end(exits, "CANCELLED")
        elif order.filled > self.wallets.free[self._pays(exits)]:
            self._end(exits, "FAILED")
        else:
            self._work(exits, now_ns)

    # --- what the rules are made of -----------------------------------------------------------

    def _list(self, order: Order) -> None:
        self.orders.append(order)
        self.active.append(order)

    def _book(self, name: str) -> list[Order]:
        return [one for one in self.active if one.rank is not None and self._meets(one, name)]

    def _meets(self, order: Order, name: str) -> bool:
        """Say whether an order stands in the book of a product."""
        return self.listings[order.product].market is self.listings[name].market

    def _priority(self, order: Order) -> tuple[Decimal, int]:
        assert order.limit is not None
        assert order.rank is not None
        return (-order.limit if order.buys else order.limit), order.rank

    def _others_at(self, order: Order) -> Decimal:
        """Give the size of others before a new order at its price."""
        listing, price = self.listings[order.product], order.limit
        market = listing.market
        assert price is not None
        levels = market.bids if order.buys else market.asks
        for level, size in levels:
            if level == price:
                return size
        if not levels or ((price > levels[0][0]) if order.buys else (price < levels[0][0])):
            return Decimal(0)
        return listing.unseen(price)

    def _exit_price(self, order: Order) -> Decimal:
        """Give the price a bracket works at once it fired: 5 % beyond, in whole ticks."""
        assert order.stop is not None
        tick = self.listings[order.product].tick
        exact = order.stop * (1 + (FIVE_PERCENT if order.buys else -FIVE_PERCENT)) / tick
        whole = exact.to_integral_value("ROUND_CEILING" if order.buys else "ROUND_FLOOR")
        return max(whole, Decimal(1)) * tick

    def _pays(self, order: Order) -> str:
        listing = self.listings[order.product]
        return listing.quote if order.buys else listing.base

    def _needed(self, order: Order, price: Decimal, size: Decimal, now_ns: int) -> Decimal:
        if not order.buys:
            return size
        return up(price * size) + up(price * size * self.fees.rates(now_ns)[1])

    def _cost(self, price: Decimal, size: Decimal, now_ns: int) -> Decimal:
        return up(price * size) + up(price * size * self.fees.rates(now_ns)[1])

    def _affordable(self, price: Decimal, money: Decimal, step: Decimal, now_ns: int) -> Decimal:
        """Give the largest size whose cost the money covers, by halving."""
        least, most = 0, int((money + UNIT) / (price * step)) + 1
        while least < most:
            middle = (least + most + 1) // 2
            if self._cost(price, middle * step, now_ns) <= money:
                least = middle
            else:
                most = middle - 1
        return least * step
