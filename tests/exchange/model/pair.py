"""The real order entry and the slow model side by side: the same commands, then the same state."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.liquidity import EMPTY_BOOK, Book, LiveBook, Moment
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order, TriggerStatus
from gpt_trader.exchange.rules import FeeTier, VenueRules, default_rules
from tests.exchange.model import venue as slow
from tests.exchange.model.account import UNIT, Fees, Wallets

START_NS = 1_767_571_200 * 10**9
SOME_MOMENT = Moment(0, 0, None, 1)
BOOKS = tuple(
    Product(
        f"{base}-USD", base, "USD", base, "USD", places, 1, lots, 8, 1, 10**9, 1, 10**15, "", None
    )
    for base, places, lots in (("AAA", 2, 3), ("BBB", 6, 4))
)
"""Cash of AAA is whole units; of BBB a hundredth of one, so that every fill rounds."""

ALIAS = replace(BOOKS[1], product_id="BBB-USDC", quote="USDC", alias="BBB-USD")
PRODUCTS = (*BOOKS, ALIAS)
"""What orders are for: the alias stands in the book of BBB-USD, and is paid in another currency."""

TIERS = (("0", "0.004", "0.006"), ("3", "0.0025", "0.004"), ("12", "0.001", "0.002"))
BALANCES = {
    "USD": Decimal(4),
    "USDC": Decimal("0.0002"),
    "AAA": Decimal("0.4"),
    "BBB": Decimal("0.03"),
}


class Difference(AssertionError):
    """The exchange and the model do not agree."""


class DrawnMarket:
    """The others' books, drawn by a test."""

    def __init__(self) -> None:
        self.products = {product.product_id: product for product in PRODUCTS}
        self.books = {one.product_id: LiveBook(SOME_MOMENT, EMPTY_BOOK) for one in BOOKS}
        self.lasts: dict[str, int] = {}

    def live(self, product_id: str) -> LiveBook:
        """Give the book of now."""
        return self.books[self.products[product_id].book_id]

    def last_price(self, product_id: str) -> int | None:
        """Give the price of the last printed trade."""
        return self.lasts.get(self.products[product_id].book_id)

    def mark_price(self, product_id: str) -> int | None:
        """Give a contract's mark price; there is no contract here."""
        raise AssertionError(product_id)

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give a contract's funding rate; there is no contract here."""
        raise AssertionError((product_id, hour_ns))

    def queue_ahead(self, product_id: str, price: int, buys: bool) -> int:
        """Give the lots of others before a new order of ours at a price."""
        live = self.live(product_id)
        levels = live.bids() if buys else live.asks()
        found = [lots for level, lots in levels if level == price]
        if found:
            return found[0]
        if not levels or (price > levels[0][0]) == buys:
            return 0
        return unseen(price)


def unseen(price: int) -> int:
    """Draw what stands between the levels."""
    return price * 7919 % 13


def model_rules(max_open_orders: int) -> VenueRules:
    """The rules both are to follow."""
    tiers = tuple(
        FeeTier(volume, Decimal(volume), Decimal(maker), Decimal(taker))
        for volume, maker, taker in TIERS
    )
    return replace(
        default_rules(1), fee_tiers=tiers, balances=BALANCES, max_open_orders=max_open_orders
    )


class Pair:
    """Both exchanges, and the commands that go to both."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.now_ns = START_NS
        self.market = DrawnMarket()
        rules = model_rules(draw.choice((6, 500)))
        self.entry = OrderEntry(rules, self.market, self._changed, lambda record: None)
        markets = {product.product_id: slow.Market() for product in BOOKS}
        listings = {
            product.product_id: slow.Listing(
                markets[product.book_id],
                product.base,
                product.quote,
                decimal_of(1, product.price_places),
                decimal_of(1, product.base_places),
                unseen=_unseen(product),
            )
            for product in PRODUCTS
        }
        tiers = [
            (Decimal(volume), Decimal(maker), Decimal(taker)) for volume, maker, taker in TIERS
        ]
        self.model = slow.ModelVenue(
            listings, Wallets(dict(BALANCES)), Fees(tiers), rules.max_open_orders
        )
        self.real: dict[int, Order] = {}  # by number
        self._touched: set[int] = set()
        self._totals = dict(BALANCES)
        self._fills = 0

    def create(self, body: dict[str, Any], order: slow.Order) -> str:
        """Send an order to both; gives the reason for which it is refused, or ""."""
        shown = self.entry.preview(body, self.now_ns)
        answer = self.entry.create(body, self.now_ns)
        if shown["errs"] != ([] if answer["success"] else [_preview_reason(answer)]):
            raise Difference(f"a preview says {shown['errs']}, the create {answer}")
        faults = self.model.create(order, self.now_ns)
        reason = ""
        if not answer["success"]:
            reason = _preview_reason(answer)
            if reason == "UNKNOWN_PREVIEW_FAILURE_REASON":
                reason = answer["error_response"]["error"]
        if reason not in (faults or {""}):
            raise Difference(f"the exchange says {reason!r}, the model {faults}: {body}")
        self.compare()
        return reason

    def cancel(self, numbers: list[int]) -> None:
        """Cancel orders by their numbers, waiting or not."""
        ids = [self.real[number].order_id for number in numbers]
        results = self.entry.cancel(ids, self.now_ns)["results"]
        done = self.model.cancel([self.model.orders[number - 1] for number in numbers], self.now_ns)
        if [result["success"] for result in results] != done:
            raise Difference(f"cancels of {numbers}: the exchange {results}, the model {done}")
        self.compare()

    def edit(self, number: int, price: str, size: str, stop: str) -> bool:
        """Edit an order, its stop too unless that is ""; says whether it was accepted."""
        body = {"order_id": self.real[number].order_id, "price": price, "size": size}
        if stop:
            body["stop_price"] = stop
        shown = self.entry.edit_preview(body, self.now_ns)
        answer = self.entry.edit(body, self.now_ns)
        if shown["errors"] != answer["errors"]:
            raise Difference(f"a preview says {shown['errors']}, the edit {answer}")
        order = self.model.orders[number - 1]
        values = (Decimal(price), Decimal(size), Decimal(stop) if stop else None)
        done = self.model.edit(order, values, self.now_ns)
        if answer["success"] != done:
            raise Difference(f"edit of {number}: the exchange {answer}, the model {done}")
        self.compare()
        return done

    def pass_time(self, to_ns: int) -> None:
        """Let time pass."""
        self.entry.expire(to_ns)
        self.model.pass_time(to_ns)
        self.now_ns = to_ns
        self.compare()

    def trade(self, product: Product, price: int, lots: int, book: Book) -> None:
        """Print a trade and draw the book it leaves."""
        name = product.product_id
        tick, step = product.price_places, product.base_places
        self.entry.matching.print_trade(name, price, lots, self.now_ns)
        self.market.books[name] = LiveBook(SOME_MOMENT, book)
        self.market.lasts[name] = price
        self.entry.follow_trade(name, price, self.now_ns)
        exact = decimal_of(price, tick)
        ended = self.model.trade(name, exact, decimal_of(lots, step), self.now_ns)
        market = self.model.listings[name].market
        market.bids, market.asks = (
            [(decimal_of(level, tick), decimal_of(size, step)) for level, size in side]
            for side in (book.bids, book.asks)
        )
        self.model.after_trade(name, exact, ended, self.now_ns)
        self.compare()

    def compare(self) -> None:
        """Hold both against each other: orders, fills, wallets, and what must be conserved."""
        waiting = [order.number for order in self.entry.matching.waiting.values()]
        active = [one.status for one in self.model.active]
        if len(waiting) != len(active):
            raise Difference(f"{len(waiting)} orders wait, in the model {len(active)}")
        for number in self._touched.union(waiting):
            order = self.real[number]
            ours, theirs = _shown(order), _modelled(self.model.orders[number - 1])
            if ours != theirs:
                raise Difference(f"order {number}: the exchange {ours}, the model {theirs}")
        self._touched.clear()
        self._compare_fills()
        self._compare_money()

    def _compare_fills(self) -> None:
        fills = self.entry.matching.fills
        if len(fills) != len(self.model.fills):
            raise Difference(f"{len(fills)} fills, in the model {len(self.model.fills)}")
        for fill, other in zip(fills[self._fills :], self.model.fills[self._fills :], strict=True):
            product = fill.product
            size = decimal_of(fill.lots, product.base_places)
            value, fee = fill.notional * UNIT, fill.fee * UNIT
            ours = (decimal_of(fill.ticks, product.price_places), size, value, fee, fill.time_ns)
            theirs = (other.price, other.size, other.value, other.fee, other.time_ns)
            if ours != theirs or (fill.liquidity == "MAKER") != other.maker:
                raise Difference(f"fill {fill.number}: the exchange {ours}, the model {theirs}")
            sign = 1 if fill.side == "BUY" else -1
            self._totals[product.base] += sign * size
            self._totals[product.quote] -= sign * value + fee
        self._fills = len(fills)

    def _compare_money(self) -> None:
        accounts = self.entry.accounts
        held = dict.fromkeys(self._totals, 0)
        for order in self.entry.matching.waiting.values():
            held[order.currency] += order.hold
        for name, total in self._totals.items():
            free, hold = accounts.available[name], accounts.hold[name]
            if hold != held[name]:
                raise Difference(f"{name}: {hold} on hold, the orders hold {held[name]}")
            if (free + hold) * UNIT != total:
                raise Difference(f"{name}: {free} + {hold} is not what the fills left, {total}")
            if free * UNIT != self.model.wallets.free[name]:
                raise Difference(f"{name}: {free} free, model {self.model.wallets.free[name]}")

    def _changed(self, order: Order, time_ns: int) -> None:
        del time_ns
        self.real[order.number] = order
        self._touched.add(order.number)


def _preview_reason(answer: dict[str, Any]) -> str:
    return str(answer["error_response"]["preview_failure_reason"])


def _shown(order: Order) -> tuple[object, ...]:
    """What of an order both must agree on, as the exchange has it."""
    product = order.request.product
    tick, step = product.price_places, product.base_places
    return (
        order.status,
        decimal_of(order.lots_filled, step),
        order.notional * UNIT,
        order.fee * UNIT,
        order.hold * UNIT,
        None if order.limit is None else decimal_of(order.limit, tick),
        None if order.request.lots is None else decimal_of(order.request.lots, step),
        order.trigger_status is TriggerStatus.TRIGGERED,
        order.armed,
        decimal_of(order.queue, step) if order.turn else None,
    )


def _modelled(order: slow.Order) -> tuple[object, ...]:
    """The same, as the model has it."""
    return (
        order.status,
        order.filled,
        order.value,
        order.fee,
        order.held,
        order.limit,
        order.size,
        order.fired,
        order.armed,
        None if order.rank is None else order.ahead,
    )


def decimal_of(count: int, places: int) -> Decimal:
    """Give so many steps of ten to the minus ``places`` as the model counts them."""
    return Decimal(count).scaleb(-places)


def _unseen(product: Product) -> Any:
    def between(price: Decimal) -> Decimal:
        ticks = int(price.scaleb(product.price_places))
        return decimal_of(unseen(ticks), product.base_places)

    return between
