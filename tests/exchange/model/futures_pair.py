"""The real futures account and the slow model side by side: same commands, then the same state."""

import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contract_orders import hours
from gpt_trader.exchange.contracts import BITCOIN, Contract, MarginRates
from gpt_trader.exchange.liquidity import Book, LiveBook
from gpt_trader.exchange.margin import SETTINGS
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order, TriggerStatus
from gpt_trader.exchange.rules import default_rules
from tests.exchange.model import futures as slow
from tests.exchange.model import venue as slow_venue
from tests.exchange.model.account import UNIT
from tests.exchange.model.pair import SOME_MOMENT, START_NS, Difference, unseen

SMALL = replace(
    BITCOIN,
    size=1_370_000,
    intraday=MarginRates(1_333_333, 1_500_001),
    overnight=MarginRates(3_000_007, 2_777_777),
    maker_fee=123_457,
    taker_fee=345_679,
    liquidation_fee=1_000_003,
)


def _product(name: str, places: int, step: int, contract: Contract) -> Product:
    return Product(
        name, "", "USD", "", "USD", places, step, 0, 2, 1, 10**6, 0, 10**16, "", contract
    )


PRODUCTS = (_product("LARGE", 0, 5, BITCOIN), _product("SMALL", 2, 25, SMALL))
"""Values of LARGE are whole cents; of SMALL nothing is round, so that every rounding shows."""

BALANCE = Decimal(1_000)


class DrawnFutures:
    """The others' books, marks and funding rates, drawn by a test."""

    def __init__(self) -> None:
        self.products = {product.product_id: product for product in PRODUCTS}
        self.books = {name: LiveBook(SOME_MOMENT, Book((), ())) for name in self.products}
        self.prices: dict[str, int] = {}
        self.marks: dict[str, int] = {}
        self.rates: dict[str, int] = {}

    def live(self, product_id: str) -> LiveBook:
        """Give the book of now."""
        return self.books[product_id]

    def last_price(self, product_id: str) -> int | None:
        """Give the price of the last printed trade."""
        return self.prices.get(product_id)

    def mark_price(self, product_id: str) -> int | None:
        """Give the mark price."""
        return self.marks.get(product_id)

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give the funding rate of any hour."""
        del hour_ns
        return self.rates[product_id]

    def queue_ahead(self, product_id: str, price: int, buys: bool) -> int:
        """Give the lots of others before a new order of ours at a price."""
        live = self.live(product_id)
        levels = live.bids() if buys else live.asks()
        found = [lots for level, lots in levels if level == price]
        if found or not levels or (price > levels[0][0]) == buys:
            return found[0] if found else 0
        return unseen(price)


class FuturesPair:
    """Both accounts, and the commands that go to both."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.now_ns = START_NS + draw.randrange(24) * 3_600 * 10**9
        self.market = DrawnFutures()
        rules = replace(default_rules(1), futures_balance=BALANCE, balances={}, max_open_orders=10)
        self.entry = OrderEntry(rules, self.market, self._changed, lambda record: None)
        listings = {
            one.product_id: slow_venue.Listing(
                slow_venue.Market(), "", "", price_of(one, 1), Decimal(1), unseen=_unseen(one)
            )
            for one in PRODUCTS
        }
        terms = {one.product_id: _terms(one.contract) for one in PRODUCTS if one.contract}
        self.model = slow.FuturesModel(listings, terms, BALANCE, rules.max_open_orders)
        self.real: dict[int, Order] = {}  # by number
        self._waited: set[int] = set()  # numbers of orders, when last compared
        self._fills = 0

    def create(self, body: dict[str, Any], order: slow.ContractOrder) -> str:
        """Send an order to both; gives the reason for which it is refused, or ""."""
        shown = self.entry.preview(body, self.now_ns)
        answer = self.entry.create(body, self.now_ns)
        error = answer.get("error_response", {}).get("preview_failure_reason")
        if shown["errs"] != ([] if answer["success"] else [error]):
            raise Difference(f"a preview says {shown['errs']}, the create {answer}")
        faults = self._create(order)
        if (error or "") not in (faults or {""}):
            raise Difference(f"the exchange says {error!r}, the model {faults}: {body}")
        self.compare()
        return error or ""

    def close(self, name: str, client_order_id: str, size: int | None) -> str:
        """Close a position in both, or a part of it; gives the reason of a refusal, or ""."""
        body = {"client_order_id": client_order_id, "product_id": name}
        if size is not None:
            body["size"] = str(size)
        answer = self.entry.close_position(body, self.now_ns)
        held, _ = self.model.position(name)
        faults = {"CANNOT_CLOSE_ZERO_POSITION"}
        if held:
            order = slow.ContractOrder(
                name, held < 0, "market", "ioc", None, Decimal(size or abs(held)), None, None,
                False, False, slow_venue.NEVER, reduces=True,
            )  # fmt: skip
            faults = self._create(order)
        error = answer.get("error_response", {}).get("error", "")
        if error and f"PREVIEW_{error}" not in faults and error not in faults:
            raise Difference(f"closing: the exchange says {error}, the model {faults}")
        if not error and faults:
            raise Difference(f"closing was taken, the model says {faults}")
        self.compare()
        return str(error)

    def _create(self, order: slow.ContractOrder) -> set[str]:
        """Send an order to the model; one that was taken may be the account's last."""
        faults = self.model.create(order, self.now_ns)
        if not faults:
            self.model.watch(self.now_ns)
        return faults

    def cancel(self, numbers: list[int]) -> None:
        """Cancel orders by their numbers."""
        ids = [self.real[number].order_id for number in numbers]
        results = self.entry.cancel(ids, self.now_ns)["results"]
        done = self.model.cancel([self.model.orders[number - 1] for number in numbers], self.now_ns)
        if [result["success"] for result in results] != done:
            raise Difference(f"cancels of {numbers}: the exchange {results}, the model {done}")
        self.compare()

    def choose(self, *, intraday: bool) -> None:
        """Choose the margin setting; it counts at once."""
        self.entry.choose_setting(SETTINGS[1 if intraday else 0], self.now_ns)
        self.model.choose(self.now_ns, intraday=intraday)
        self.compare()

    def pass_time(self, to_ns: int) -> None:
        """Let time pass, and each hour's funding with it."""
        for hour_ns in hours(self.now_ns, to_ns):
            self.market.rates = {
                name: self.draw.randint(-500, 500) for name in self.market.products
            }
            self.entry.expire(hour_ns)
            self.entry.begin_hour(hour_ns)
            self.model.pass_time(hour_ns)
            rates = {name: rate * Decimal("1e-6") for name, rate in self.market.rates.items()}
            self.model.fund(hour_ns, rates)
            self.model.watch(hour_ns)
            self.now_ns = hour_ns
            self.compare()
        self.entry.expire(to_ns)
        self.model.pass_time(to_ns)
        self.now_ns = to_ns
        self.compare()

    def trade(self, product: Product, price: int, lots: int, mark: int, book: Book) -> None:
        """Print a trade and draw the book and the mark it leaves."""
        name, exact = product.product_id, price_of(product, price)
        self.entry.matching.print_trade(name, price, lots, self.now_ns)
        self.market.books[name] = LiveBook(SOME_MOMENT, book)
        self.market.prices[name], self.market.marks[name] = price, mark
        self.entry.follow_trade(name, price, self.now_ns)
        ended = self.model.trade(name, exact, Decimal(lots), self.now_ns)
        self.model.marks[name] = price_of(product, mark)
        market = self.model.listings[name].market
        market.bids, market.asks = (
            [(price_of(product, level), Decimal(size)) for level, size in side]
            for side in (book.bids, book.asks)
        )
        self.model.after_trade(name, exact, ended, self.now_ns)
        self.model.watch(self.now_ns)
        self.compare()

    def compare(self) -> None:
        """Hold both against each other: orders, fills, money, positions and margins."""
        if len(self.real) != len(self.model.orders):
            raise Difference(f"{len(self.real)} orders, in the model {len(self.model.orders)}")
        count = len(self.model.orders)
        for number in sorted({*self._waited, *range(max(count - 3, 0) + 1, count + 1)}):
            other = self.model.orders[number - 1]
            ours, theirs = _shown(self.real[number]), _modelled(other)
            if ours != theirs:
                raise Difference(f"order {number}: the exchange {ours}, the model {theirs}")
            if other.force == "fok" and other.filled not in (0, other.size):
                raise Difference(f"order {number}: {other.filled} of {other.size} filled, or all")
        self._waited = {order.number for order in self.entry.matching.waiting.values()}
        if len(self._waited) != len(self.model.active):
            raise Difference(f"{self._waited} wait, in the model {len(self.model.active)}")
        fills = self.entry.matching.fills
        if len(fills) != len(self.model.fills):
            raise Difference(f"{len(fills)} fills, in the model {len(self.model.fills)}")
        for fill, one in zip(fills[self._fills :], self.model.fills[self._fills :], strict=True):
            ours = price_of(fill.product, fill.ticks), Decimal(fill.lots), fill.notional * UNIT
            if (*ours, fill.fee * UNIT) != (one.price, one.size, one.value, one.fee):
                raise Difference(f"fill {fill.number}: {fill}, in the model {one}")
        self._fills = len(fills)
        for what, ours, theirs in self._figures():
            if ours != theirs:
                raise Difference(f"{what}: the exchange {ours}, the model {theirs}")

    def _figures(self) -> Iterable[tuple[str, Any, Any]]:
        margin, model, now_ns = self.entry.margin, self.model, self.now_ns
        window = margin.window(now_ns)
        yield "cash", margin.ours.cash * UNIT, model.cash
        for name in self.market.products:
            held = margin.ours.positions.get(name)
            ours = (0, 0) if held is None else (held.contracts, held.cost * UNIT)
            yield f"position in {name}", ours, model.position(name)
        if self.market.marks.keys() != self.market.products.keys():
            return
        yield "equity", margin.equity() * UNIT, model.equity()
        yield "maintenance", margin.maintenance(window) * UNIT, model.maintenance(now_ns)
        required = self.entry.contracts.required(window) * UNIT
        yield "required", required, model.required(now_ns)
        realized, funded = margin.realized_today(now_ns), margin.funding_today(now_ns)
        yield "realised", realized * UNIT, model.of_day(model.profits, now_ns)
        yield "funding", funded * UNIT, model.of_day(model.funded, now_ns)

    def _changed(self, order: Order, time_ns: int) -> None:
        del time_ns
        self.real[order.number] = order


def price_of(product: Product, ticks: int) -> Decimal:
    """Give a price as the model counts it."""
    return Decimal(product.price_text(ticks))


def _terms(contract: Contract) -> slow.Terms:
    day, night = (
        (rates.long * Decimal("1e-7"), rates.short * Decimal("1e-7"))
        for rates in (contract.intraday, contract.overnight)
    )
    fees = (contract.maker_fee, contract.taker_fee, contract.liquidation_fee)
    return slow.Terms(contract.size * UNIT, day, night, *(fee * UNIT for fee in fees))


def _shown(order: Order) -> tuple[object, ...]:
    product = order.request.product
    return (
        order.status,
        Decimal(order.lots_filled),
        order.notional * UNIT,
        order.fee * UNIT,
        None if order.limit is None else price_of(product, order.limit),
        order.trigger_status is TriggerStatus.TRIGGERED,
        order.armed,
        Decimal(order.queue) if order.turn else None,
        order.request.reduce_only,
    )


def _modelled(order: slow_venue.Order) -> tuple[object, ...]:
    assert isinstance(order, slow.ContractOrder)
    return (
        order.status,
        order.filled,
        order.value,
        order.fee,
        order.limit,
        order.fired,
        order.armed,
        None if order.rank is None else order.ahead,
        order.reduces,
    )


def _unseen(product: Product) -> Any:
    def between(price: Decimal) -> Decimal:
        return Decimal(unseen(product.ticks(price) or 0))

    return between
