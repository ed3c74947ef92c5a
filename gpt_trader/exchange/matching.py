"""Price-time matching of our orders against the tape and the synthetic book.

*Taking.* A new order walks the book from the best price; each level it takes from is one fill at
that level's price. Levels it emptied stay empty until the product's next trade.

*Making.* A waiting order fills, at its own price, when a trade of the tape prints there. A trade
through its price fills it up to the trade's size. A trade at its price first serves the others that
stood there before it: as many as the synthetic level held when the order came (*queue*). A trade's
size is shared by our orders in price-time order, so partial fills happen; what one does not get
goes to the next. The tape stays as it is.

*Triggers.* A stop waits, its money held, until a trade of the tape prints at its stop price or
beyond. That trade fills who was waiting in the book; then the stop becomes a limit order, against
the book as that trade left it. Of several, those go first that a moving price reaches first. A
bracket is one order with two exits and one hold: it waits in the book at the price of its gain, and
for the trade that fires its loss; then it leaves the book and becomes a limit order 5 % beyond its
trigger, for what is left of it.

*Self-trade.* A taker that would meet a waiting order of the same account fills up to there; what is
left of it is cancelled (cancel newest).

*Contracts.* They match by the same rules, hold nothing of the spot wallets, and are settled with
the margin account. A fill that would make a reduce-only order open a position, or that its margin
does not cover, is cut to what only reduces, and the rest of its order is cancelled.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.fees import FeeSchedule, notional_paid, notional_received
from gpt_trader.exchange.liquidity import Level, LiveBook
from gpt_trader.exchange.margin import MarginAccount
from gpt_trader.exchange.order_requests import MAY_REST
from gpt_trader.exchange.orders import (
    Fill,
    Liquidity,
    Order,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    TriggerStatus,
    Want,
)
from gpt_trader.exchange.positions import terms, worth
from gpt_trader.exchange.resting import ArmedOrders, RestingOrders

USER_CANCEL = "User requested cancel"
SELF_TRADE = "Self trade prevented"
UNFILLED = "Unfilled remainder cancelled"
NOT_WHOLE = "Could not be filled as a whole"
NO_MONEY = "Not enough balance for the rounding of this fill"
NO_MARGIN = "Not enough margin for this fill"
NOTHING_TO_REDUCE = "There is no position left to reduce"


class Stop(Enum):
    """Why a walk through the book ended."""

    DONE = auto()
    BOOK_END = auto()  # or the limit
    SELF_TRADE = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a taker would get now."""

    levels: tuple[Level, ...]
    stop: Stop


NOTHING = Plan((), Stop.BOOK_END)


class Matching:
    """Fills orders, moves the money, and tells ``changed`` of every change of an order.

    Parameters
    ----------
    changed
        Is given the order and the time of the change.
    """

    def __init__(
        self,
        accounts: Accounts,
        margin: MarginAccount,
        fees: FeeSchedule,
        changed: Callable[[Order, int], None],
    ) -> None:
        self._accounts = accounts
        self._margin = margin
        self._fees = fees
        self._changed = changed
        self._resting: dict[str, RestingOrders] = {}
        self._armed: dict[str, ArmedOrders] = {}
        self._turns = 0
        self._ended: list[Order] = []  # with exits attached that have not heard of it
        self.fills: list[Fill] = []
        self.waiting: dict[str, Order] = {}  # by order id
        self._ending: dict[str, Order] = {}  # those of them with an end time

    def resting(self, book_id: str) -> RestingOrders:
        """Give the waiting orders of a book, which a product and its alias share."""
        return self._resting.setdefault(book_id, RestingOrders())

    def plan(self, want: Want, live: LiveBook) -> Plan:
        """Walk the book without touching it."""
        own = self.resting(want.product.book_id).best_price(not want.buys)
        taken: list[Level] = []
        lots_left, money = want.lots, want.money
        for price, lots in live.asks() if want.buys else live.bids():
            if _beyond(want, price):
                break
            if own is not None and not _better(want.buys, price, own):
                return Plan(tuple(taken), Stop.SELF_TRADE)
            if lots_left is not None:
                part = min(lots, lots_left)
                lots_left -= part
            else:
                assert money is not None
                part = min(lots, self._fees.affordable(want.product, price, money))
                money -= self._cost(want.product, price, part) if part else 0
            if part:
                taken.append((price, part))
            if lots_left == 0 or part < lots:
                return Plan(tuple(taken), Stop.DONE)
        crosses_own = own is not None and not _beyond(want, own)
        return Plan(tuple(taken), Stop.SELF_TRADE if crosses_own else Stop.BOOK_END)

    def hold_for(self, want: Want, plan: Plan) -> int:
        """Give what an order blocks in a spot wallet, in units of what it pays with."""
        if want.product.contract is not None:
            return 0
        if not want.buys:
            assert want.lots is not None
            return want.product.base_units(want.lots)
        if want.money is not None:
            return want.money
        assert want.lots is not None
        if want.hold_price is not None:
            return self._fees.hold(want.product, want.hold_price, want.lots)
        return sum(self._cost(want.product, price, lots) for price, lots in plan.levels)

    def place(self, order: Order, plan: Plan, live: LiveBook, now_ns: int) -> bool:
        """Take in an order whose money is there, fill what fills; True when the rest may wait."""
        order.hold = self.hold_for(order.want(), plan)
        self._accounts.block(order.currency, order.hold)
        self._turn(order, "OPEN", now_ns)
        if order.request.time_in_force is TimeInForce.FOK and plan.stop is not Stop.DONE:
            self.end(order, "CANCELLED", now_ns, NOT_WHOLE)
            return False
        return self.take(order, plan, live, now_ns)

    def take(self, order: Order, plan: Plan, live: LiveBook, now_ns: int) -> bool:
        """Fill an open order as planned; True when the rest may wait."""
        for place, (price, lots) in enumerate(plan.levels, 1):
            last = place == len(plan.levels) and plan.stop is Stop.DONE
            filled = self._fill(order, price, lots, Liquidity.TAKER, now_ns, last)
            if filled:
                live.take(price, filled)
            if filled < lots:
                return False
        if not order.active:
            return False
        if plan.stop is Stop.SELF_TRADE:
            self.end(order, "CANCELLED", now_ns, SELF_TRADE)
        elif order.request.time_in_force not in MAY_REST:
            self.end(order, "CANCELLED", now_ns, UNFILLED)
        return order.active

    def shrink(self, order: Order, request: OrderRequest, now_ns: int) -> None:
        """Make a waiting order smaller; it keeps its place."""
        assert request.lots is not None
        order.request, order.left = request, request.lots - order.lots_filled
        spare = max(order.hold - self.hold_for(order.want(), NOTHING), 0)
        self._accounts.free(order.currency, spare)
        order.hold -= spare
        self._changed_at(order, now_ns)

    def replace(self, order: Order, request: OrderRequest, now_ns: int) -> None:
        """Give a waiting order other prices or a larger size; it waits nowhere then."""
        assert request.lots is not None
        self._leave(order)
        order.request, order.limit = request, request.limit
        order.left = request.lots - order.lots_filled
        self._accounts.free(order.currency, order.hold)
        order.hold = self.hold_for(order.want(), NOTHING)
        self._accounts.block(order.currency, order.hold)
        self._changed_at(order, now_ns)

    def rest(self, order: Order, queue: int) -> None:
        """Let an order wait in the book behind ``queue`` lots of others."""
        self._turns += 1
        order.turn = self._turns
        order.queue = queue
        self.resting(order.request.product.book_id).add(order)
        self._wait(order)

    def hold_back(self, order: Order, now_ns: int) -> None:
        """Let attached exits wait for the end of their buy: they hold nothing yet."""
        self._wait(order)
        self._changed_at(order, now_ns)

    def arm(self, order: Order) -> None:
        """Let an order wait for the trade that fires it."""
        order.armed = True
        self._armed.setdefault(order.request.product.book_id, ArmedOrders()).add(order)
        self._wait(order)

    def fire(self, product_id: str, price: int, time_ns: int) -> list[Order]:
        """Give the orders that a printed trade triggers; they wait nowhere then."""
        armed = self._armed.get(product_id)
        fired = armed.fired_by(price) if armed else []
        for order in fired:
            self._leave(order)
            order.trigger_status = TriggerStatus.TRIGGERED
            if order.request.exit_price is not None:
                order.limit = order.request.exit_price
            self._changed_at(order, time_ns)
        return fired

    def print_trade(self, product_id: str, price: int, lots: int, time_ns: int) -> None:
        """Let a trade of the tape fill the waiting orders it reaches."""
        resting = self._resting.get(product_id)
        reached = resting.reached(price) if resting else []
        left = lots
        passed = 0  # lots of others at this very price that the trade served
        for order in reached:
            if order.limit != price:
                order.queue = 0  # a trade through a price leaves nobody there
        for order in reached:
            if not left:
                break
            if order.limit == price:
                ahead = min(max(order.queue - passed, 0), left)
                passed += ahead
                left -= ahead
            assert order.left is not None
            part = min(order.left, left)
            if part:
                assert order.limit is not None
                last = part == order.left
                left -= self._fill(order, order.limit, part, Liquidity.MAKER, time_ns, last)
        for order in reached:
            order.queue = max(order.queue - passed, 0)

    def expiring(self, until_ns: int) -> list[Order]:
        """Give the waiting orders whose time is over by then, in the order they end."""
        over = [
            order
            for order in self._ending.values()
            if order.request.end_ns is not None and order.request.end_ns <= until_ns
        ]
        return sorted(over, key=lambda order: (order.request.end_ns or 0, order.number))

    def end(self, order: Order, status: str, time_ns: int, message: str) -> None:
        """End an order and free what it holds."""
        self._accounts.free(order.currency, order.hold)
        order.hold = 0
        order.cancel_message = message
        self._ending.pop(order.order_id, None)
        self.waiting.pop(order.order_id, None)
        self._leave(order)
        self._turn(order, status, time_ns)
        if order.attached_order_id:
            self._ended.append(order)

    def take_ended(self) -> list[Order]:
        """Give the orders with exits attached that ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def fee_within(self, number: int, fee: int) -> int:
        """Give the fee nearest to one asked for that a fill may be revised to.

        It is not negative, is no more than a sale brought in, and takes no more than is free.
        """
        fill = self.fills[number - 1]
        most = fill.fee + self._accounts.available[fill.product.quote]
        if fill.side is Side.SELL:
            most = min(most, fill.notional)
        return max(0, min(fee, most))

    def revise_fee(self, order: Order, number: int, fee: int, now_ns: int) -> None:
        """Change what a fill cost, and the money with it; the order's fees follow in silence."""
        fill = self.fills[number - 1]
        quote, more = fill.product.quote, fee - fill.fee
        if more > 0:
            self._accounts.pay(quote, more, 0)
        else:
            self._accounts.receive(quote, -more)
        order.fee += more
        self._fees.revise(fill.product, now_ns, more)
        self.fills[number - 1] = replace(fill, fee=fee)

    def _wait(self, order: Order) -> None:
        self.waiting[order.order_id] = order
        if order.request.end_ns is not None:
            self._ending[order.order_id] = order

    def _leave(self, order: Order) -> None:
        """Take an order out of the book and from its trigger, wherever it waits."""
        book_id = order.request.product.book_id
        if order.turn:
            self.resting(book_id).remove(order)
            order.turn = 0
        if order.armed:
            self._armed[book_id].remove(order)
            order.armed = False

    def _fill(
        self, order: Order, price: int, lots: int, liquidity: Liquidity, now_ns: int, last: bool
    ) -> int:
        """Execute a part of an order; gives its lots, fewer when the order had to be cancelled."""
        product = order.request.product
        self._fees.refresh(now_ns)
        if product.contract is not None:
            return self._fill_contracts(order, price, lots, liquidity, now_ns)
        fee = self._fees.fee(product, price, lots, liquidity is Liquidity.MAKER)
        if order.request.buys:
            notional = notional_paid(product, price, lots)
            # A hold is rounded once, fills one by one: many can cost some cash units more.
            if notional + fee > order.hold + self._accounts.available[product.quote]:
                self.end(order, "CANCELLED", now_ns, NO_MONEY)
                return 0
        else:
            notional = notional_received(product, price, lots)
            fee = min(fee, notional)
        number, side = len(self.fills) + 1, order.request.side
        fill = Fill(
            number, order.order_id, product, side, price, lots, notional, fee, liquidity, now_ns
        )
        self._book(order, fill)
        self._settle(order, lots, notional, fee)
        self._fees.record(product, now_ns, notional, fee)
        if last:
            self.end(order, "FILLED", now_ns, "")
        else:
            self._changed_at(order, now_ns)
        return lots

    def _fill_contracts(
        self, order: Order, price: int, lots: int, liquidity: Liquidity, now_ns: int
    ) -> int:
        """Execute a part of an order of contracts, as far as it may be done."""
        product, side = order.request.product, order.request.side
        filled = self._margin.fillable(order, price, lots, now_ns)
        refused = NOTHING_TO_REDUCE if order.request.reduce_only else NO_MARGIN
        if not filled:
            self.end(order, "CANCELLED", now_ns, refused)
            return 0
        fee = self._fees.fee(product, price, filled, liquidity is Liquidity.MAKER)
        if order.request.kind is OrderType.LIQUIDATION:
            fee += terms(product).liquidation_fee * filled
        self._margin.trade(order, price, filled, fee, now_ns)
        number, notional = len(self.fills) + 1, worth(product, price, filled)
        fill = Fill(
            number, order.order_id, product, side, price, filled, notional, fee, liquidity, now_ns
        )
        self._book(order, fill)
        if order.left == 0:
            self.end(order, "FILLED", now_ns, "")
        elif filled < lots:
            self.end(order, "CANCELLED", now_ns, refused)
        else:
            self._changed_at(order, now_ns)
        return filled

    def _book(self, order: Order, fill: Fill) -> None:
        """Count a fill into its order and write it into the list."""
        order.lots_filled += fill.lots
        order.tick_lots += fill.ticks * fill.lots
        order.notional += fill.notional
        order.fee += fill.fee
        order.fills += 1
        if order.left is not None:
            order.left -= fill.lots
        order.last_fill_ns = fill.time_ns
        self.fills.append(fill)

    def _settle(self, order: Order, lots: int, notional: int, fee: int) -> None:
        """Move the money of a fill that was counted."""
        product = order.request.product
        if order.request.buys:
            held = min(order.hold, notional + fee)
            self._accounts.pay(product.quote, notional + fee, held)
            self._accounts.receive(product.base, product.base_units(lots))
            order.hold -= held
            hold_price = order.want().hold_price
            if order.left is not None and hold_price is not None:
                needed = self._fees.hold(product, hold_price, order.left)
                spare = max(order.hold - needed, 0)
                self._accounts.free(product.quote, spare)
                order.hold -= spare
        else:
            units = product.base_units(lots)
            self._accounts.pay(product.base, units, units)
            self._accounts.receive(product.quote, notional - fee)
            order.hold -= units

    def _cost(self, product: Product, price: int, lots: int) -> int:
        fee = self._fees.fee(product, price, lots, maker=False)
        return notional_paid(product, price, lots) + fee

    def _turn(self, order: Order, status: str, time_ns: int) -> None:
        order.status = status
        self._changed_at(order, time_ns)

    def _changed_at(self, order: Order, time_ns: int) -> None:
        order.last_update_ns = time_ns
        self._changed(order, time_ns)


def _beyond(want: Want, price: int) -> bool:
    """Say whether a price is worse than the limit."""
    if want.limit is None:
        return False
    return price > want.limit if want.buys else price < want.limit


def _better(buys: bool, price: int, other: int) -> bool:
    """Say whether a taker likes a price strictly better than another."""
    return price < other if buys else price > other
