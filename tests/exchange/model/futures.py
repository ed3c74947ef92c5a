"""A slow futures account, written from the rules alone: margin, positions, funding, liquidation.

Orders match as in the slow exchange beside it. What a position is and cost is reckoned anew from
its deals whenever somebody asks; Decimal throughout; nothing of the exchange is imported.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tests.exchange.model.account import UNIT, Fees, Wallets
from tests.exchange.model.venue import Fill, Level, Listing, ModelVenue, Order

HOUR_NS = 3_600 * 10**9
EVENING = 22  # the hour at which the trading day and the intraday window end
ZERO = Decimal(0)
Deal = tuple[Decimal, Decimal]  # signed contracts, price


@dataclass
class Terms:
    """What one contract is."""

    size: Decimal
    day: tuple[Decimal, Decimal]  # margin rates of the intraday window: long, short
    night: tuple[Decimal, Decimal]
    maker: Decimal  # fees a contract
    taker: Decimal
    liquidation: Decimal


@dataclass
class ContractOrder(Order):
    """An order of contracts."""

    reduces: bool = False
    liquidates: bool = False


class FuturesModel(ModelVenue):
    """Orders of contracts and the one account that they are margined by."""

    def __init__(
        self, listings: dict[str, Listing], terms: dict[str, Terms], cash: Decimal, max_open: int
    ) -> None:
        super().__init__(listings, Wallets({"": ZERO}), Fees([]), max_open)
        self.terms = terms
        self.cash = cash
        self.deals: dict[str, list[Deal]] = {name: [] for name in listings}
        self.marks: dict[str, Decimal] = {}
        self.intraday = False  # the margin setting
        self.profits: list[tuple[int, Decimal]] = []  # when, how much
        self.funded: list[tuple[int, Decimal]] = []

    # --- what is held ------------------------------------------------------------------------

    def position(self, name: str) -> tuple[Decimal, Decimal]:
        """Give the signed contracts and what they cost."""
        held, cost, _ = self._reckon(name)
        return held, cost

    def equity(self) -> Decimal:
        """Give the cash and what positions would bring at their marks."""
        total = self.cash
        for name in self.terms:
            held, cost = self.position(name)
            if held:
                value = abs(held) * self.terms[name].size * self.marks[name]
                total += value - cost if held > 0 else cost - value
        return total

    def initial(self, name: str, held: Decimal, now_ns: int) -> Decimal:
        """Give the initial margin of so many contracts, up to the next unit."""
        if not held:
            return ZERO
        return self._share(name, held, now_ns, Decimal(1))

    def maintenance(self, now_ns: int) -> Decimal:
        """Give half of it for all positions, each up to the next unit."""
        return sum((self._half(name, now_ns) for name in self.terms), ZERO)

    def required(
        self, now_ns: int, name: str = "", taken: Decimal = ZERO, waits: Decimal = ZERO
    ) -> Decimal:
        """Give the margin of the dearest end of all orders, one more among them if it is named."""
        total = ZERO
        for one, terms in self.terms.items():
            held, _ = self.position(one)
            more = [order for order in self.active if order.product == one]
            open_orders = [order for order in more if not _of(order).reduces]
            buys = sum((order.left for order in open_orders if order.buys), ZERO)
            sells = sum((order.left for order in open_orders if not order.buys), ZERO)
            if one == name:
                held += taken
                buys += max(waits, ZERO)
                sells += max(-waits, ZERO)
            up = self.initial(one, max(held + buys, ZERO), now_ns)
            down = self.initial(one, min(held - sells, ZERO), now_ns)
            total += max(up, down) + terms.taker * (buys + sells)
        return total

    def is_under(self, now_ns: int) -> bool:
        """Say whether the account must be liquidated."""
        holds = any(self.position(name)[0] for name in self.terms)
        return holds and self.equity() < self.maintenance(now_ns)

    def of_day(self, events: list[tuple[int, Decimal]], now_ns: int) -> Decimal:
        """Sum what happened in the trading day of now; what was before is forgotten."""
        events[:] = [one for one in events if _day(one[0]) == _day(now_ns)]
        return sum((what for _, what in events), ZERO)

    # --- what happens to it --------------------------------------------------------------------

    def fund(self, now_ns: int, rates: dict[str, Decimal]) -> None:
        """Pay an hour's funding, for each contract down to the unit."""
        for name, terms in self.terms.items():
            held, _ = self.position(name)
            if held:
                each = (self.marks[name] * terms.size * rates[name]).quantize(UNIT, ROUND_FLOOR)
                self.cash -= each * held
                self.funded.append((now_ns, -each * held))

    def choose(self, now_ns: int, *, intraday: bool) -> None:
        """Choose whose rates count from now on."""
        self.intraday = intraday
        self.watch(now_ns)

    def watch(self, now_ns: int) -> None:
        """Liquidate when the equity is below the maintenance margin."""
        if not self.is_under(now_ns):
            return
        for order in list(self.active):
            self._end(order, "CANCELLED")
        names = [name for name in self.terms if self.position(name)[0]]
        names.sort(key=lambda name: (-self._half(name, now_ns), name))
        for name in names:
            if not self.is_under(now_ns):
                return
            held, _ = self.position(name)
            order = ContractOrder(
                name, held < 0, "market", "ioc", None, abs(held), None, None, False, False, 10**30,
                reduces=True, liquidates=True,
            )  # fmt: skip
            if self._walk(order, None, order.size, None, now_ns)[0]:
                self._list(order)
                order.status = "OPEN"
                self._trade_now(order, now_ns)

    def _market_faults(self, order: Order, now_ns: int) -> set[str]:
        faults = super()._market_faults(order, now_ns)
        if self.is_under(now_ns) and not _of(order).reduces:
            faults.add("PREVIEW_IN_LIQUIDATION")
        assert order.size is not None
        if _of(order).reduces and order.size > self._reducible(order):
            faults.add("PREVIEW_REDUCE_ONLY_INCREASED_POSITION_SIZE")
        parts, ending = self._first_walk(order, now_ns)
        if order.force == "fok" and ending != "done":
            parts = []
        if not _of(order).reduces and self._lacks_margin(order, parts, ending, now_ns):
            faults.add("PREVIEW_INSUFFICIENT_FUNDS_FOR_FUTURES")
        return faults

    def _lacks_margin(self, order: Order, parts: list[Level], ending: str, now_ns: int) -> bool:
        """Say whether the equity after an order that does more than reduce is too little for it."""
        terms, sign = self.terms[order.product], 1 if order.buys else -1
        taken = sum((size for _, size in parts), ZERO)
        waits = order.force in ("gtc", "gtd") and ending == "book" and not _of(order).reduces
        assert order.size is not None
        rest = sign * (order.size - taken) if waits else ZERO
        after = self.required(now_ns, order.product, sign * taken, rest)
        gained = sum(
            (
                sign * (self.marks[order.product] - price) * size * terms.size
                for price, size in parts
            ),
            ZERO,
        )
        equity = self.equity() + gained - terms.taker * taken
        return order.size > self._reducible(order) and equity < after

    def _first_hold(self, order: Order, parts: list[Level], now_ns: int) -> Decimal:
        """Contracts hold nothing of a wallet."""
        del order, parts, now_ns
        return ZERO

    def _fill(
        self, order: Order, price: Decimal, size: Decimal, now_ns: int, *, maker: bool
    ) -> bool:
        """Execute what may be done of it; False when the rest was cancelled."""
        terms, signed = self.terms[order.product], size if order.buys else -size
        part = min(size, self._reducible(order))
        if not _of(order).reduces and self._covers(order.product, signed, price, now_ns):
            part = size
        if not part:
            self._end(order, "CANCELLED")
            return False
        fee = (terms.maker if maker else terms.taker) * part
        if _of(order).liquidates:
            fee += terms.liquidation * part
        deals = self.deals[order.product]
        earned = self._reckon(order.product)[2]
        deals.append((part if order.buys else -part, price))
        held, _, total = self._reckon(order.product)
        profit = total - earned
        if held * deals[-1][0] > 0 and abs(held) < abs(deals[-1][0]):
            deals[:] = [(held, price)]  # turned over: the rest begins anew
        if not held:
            deals.clear()
        self.cash += profit - fee
        self.profits.append((now_ns, profit))
        order.filled += part
        order.value += price * part * terms.size
        order.fee += fee
        self.fills.append(Fill(order, price, part, price * part * terms.size, fee, maker, now_ns))
        if not order.left:
            self._end(order, "FILLED")
        elif part < size:
            self._end(order, "CANCELLED")
            if not maker:
                self._shorten(order, price, part)
            return False
        return True

    def _shorten(self, order: Order, price: Decimal, part: Decimal) -> None:
        """Take a part of a level, which the walk leaves alone when an order is cut."""
        market = self.listings[order.product].market
        levels = market.asks if order.buys else market.bids
        place = [level[0] for level in levels].index(price)
        levels[place] = (price, levels[place][1] - part)

    def _covers(self, name: str, signed: Decimal, price: Decimal, now_ns: int) -> bool:
        terms, held = self.terms[name], self.position(name)[0]
        others = sum(
            (self.initial(one, self.position(one)[0], now_ns) for one in self.terms if one != name),
            ZERO,
        )
        after = others + self.initial(name, held + signed, now_ns)
        gained = signed * (self.marks[name] - price) * terms.size
        return self.equity() + gained - terms.taker * abs(signed) >= after

    def _reducible(self, order: Order) -> Decimal:
        held, _ = self.position(order.product)
        return max(-held if order.buys else held, ZERO)

    def _reckon(self, name: str) -> tuple[Decimal, Decimal, Decimal]:
        """Go through all deals: what is held, what it cost, and what was earned ever."""
        held, cost, earned = ZERO, ZERO, ZERO
        for signed, price in self.deals[name]:
            each = price * self.terms[name].size
            if held * signed >= 0:
                held, cost = held + signed, cost + each * abs(signed)
                continue
            closed = min(abs(signed), abs(held))
            part = (cost * closed / abs(held)).quantize(UNIT, ROUND_FLOOR)
            earned += (each * closed - part) * (1 if held > 0 else -1)
            cost -= part
            if abs(signed) > closed:
                cost = each * (abs(signed) - closed)
            held += signed
        return held, cost, earned

    def _half(self, name: str, now_ns: int) -> Decimal:
        held, _ = self.position(name)
        return self._share(name, held, now_ns, Decimal(2)) if held else ZERO

    def _share(self, name: str, held: Decimal, now_ns: int, parts: Decimal) -> Decimal:
        terms = self.terms[name]
        day = self.intraday and now_ns // HOUR_NS % 24 < EVENING
        rate = (terms.day if day else terms.night)[0 if held > 0 else 1]
        exact = abs(held) * terms.size * self.marks[name] * rate / parts
        return exact.quantize(UNIT, ROUND_CEILING)


def _of(order: Order) -> ContractOrder:
    assert isinstance(order, ContractOrder)
    return order


def _day(now_ns: int) -> int:
    """Number the trading days: each ends in the evening."""
    return (now_ns // HOUR_NS + 24 - EVENING) // 24
