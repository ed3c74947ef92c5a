"""The public side of the exchange: how far the tape is released, the books, the market reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gpt_trader.exchange.candle_history import History
from gpt_trader.exchange.catalog import Product, dollar_aliases
from gpt_trader.exchange.contract_market import ContractMarket
from gpt_trader.exchange.cursor import Cursor
from gpt_trader.exchange.decimals import parse_number
from gpt_trader.exchange.deep_book import DeepBook
from gpt_trader.exchange.liquidity import Book, Liquidity, LiveBook, Moment
from gpt_trader.exchange.market_data import FIVE_MINUTES_S, MarketData, without_best
from gpt_trader.exchange.queries import (
    ALL_EXPIRIES,
    ALL_TYPES,
    EXPIRY,
    Query,
    granularity_s,
    many,
    one,
    whole,
)
from gpt_trader.exchange.refusals import BadRequest, NotFound
from gpt_trader.exchange.round_events import OnDemand, RoundEvents, UserUpdate
from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.tape import ProductTape, Tape
from gpt_trader.exchange.timestamps import SECOND_NS, time_text

Wire = dict[str, Any]

CANDLES_MAX = 350
TRADES_MAX = 1000
SNAPSHOT_TRADES = 100
SNAPSHOT_CANDLES = 100
FOREVER_S = 9 * 10**9  # later times do not fit into an int64 of nanoseconds


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the tape stood, to tell afterwards what is new."""

    counts: Mapping[str, int]  # trades released, by product
    round: int
    taken: Mapping[str, frozenset[int]]  # prices our takers took from, by product


class Market:
    """Releases the tape and shows what is released."""

    def __init__(self, tape: Tape, rules: VenueRules) -> None:
        self.tape = tape
        self.cursor = Cursor(tape)
        aliases = dollar_aliases(tape.products) if rules.usdc_alias else []
        self.products = {one.product_id: one for one in (*tape.products, *aliases)}
        self._aliases = {one.alias: [one.product_id] for one in aliases}
        self._rules = rules
        self._deep: dict[str, DeepBook] = {}
        self._liquidity = Liquidity(rules)
        self._live: dict[str, LiveBook] = {}
        self._data = {
            name: MarketData(tape.parts[product.book_id], product, rules.trade_side)
            for name, product in self.products.items()
        }
        self._contracts = {
            name: ContractMarket(tape.parts[name], tape.parts[product.contract.spot_id])
            for name, product in self.products.items()
            if product.contract is not None
        }

    def live(self, product_id: str) -> LiveBook:
        """Give the book of now, drawn anew when the product's tape moved."""
        book_id = self.products[product_id].book_id
        part = self.tape.parts[book_id]
        moment = self._liquidity.moment(part, self.cursor.count(book_id), self.cursor.round)
        live = self._live.get(book_id)
        if live is None or live.moment != moment:
            live = LiveBook(moment, self._drawn(part, moment))
            self._live[book_id] = live
        return live

    def queue_ahead(self, product_id: str, price: int, buys: bool) -> int:
        """Give the lots of others before a new order of ours at a price."""
        part = self.tape.parts[self.products[product_id].book_id]
        return self._liquidity.queue_ahead(part, self.live(product_id), price, buys)

    def last_price(self, product_id: str) -> int | None:
        """Give the price of the last printed trade in price increments, None before the first."""
        return self._data[product_id].last_price(self._count(product_id))

    def mark_price(self, product_id: str) -> int | None:
        """Give a contract's mark price in price increments, None before its first trade."""
        contract = self.products[product_id].contract
        assert contract is not None, product_id
        counts = self._count(product_id), self._count(contract.spot_id)
        return self._contracts[product_id].mark(*counts)

    def funding_rate(self, product_id: str, hour_ns: int) -> int:
        """Give a contract's funding rate of the hour that begins then, in millionths."""
        return self._contracts[product_id].funding_rate(hour_ns)

    def mark(self) -> Mark:
        """Remember where the tape stands."""
        return Mark(
            counts={name: self.cursor.count(name) for name in self.tape.parts},
            round=self.cursor.round,
            taken={name: frozenset(live.taken) for name, live in self._live.items() if live.taken},
        )

    def news(self, since: Mark, now_ns: int, user: list[UserUpdate]) -> RoundEvents:
        """Say what was released since a mark; it is written when somebody asks."""
        counts, round_number = self.mark().counts, self.cursor.round
        traded = {
            name: (since.counts[name], count)
            for name, count in counts.items()
            if count > since.counts[name]
        }
        moved = tuple(name for name in counts if name in traded or self._quoted(name, since.round))

        def changes(product_id: str) -> list[Wire]:
            before = self._book_at(product_id, since.counts[product_id], since.round)
            after = self._book_at(product_id, counts[product_id], round_number)
            touched = since.taken.get(product_id, frozenset())
            return self._data[product_id].level2(before, after, touched, now_ns)

        def candles(product_id: str) -> list[Wire]:
            return self._data[product_id].changed_candles(*traded[product_id])

        def trades(product_id: str) -> list[Wire]:
            return self._data[product_id].channel_trades(*traded[product_id])

        def ticker(product_id: str) -> Wire:
            # What moved has a new book. What a stop took from it at once shows with the next trade.
            part, count = self.tape.parts[product_id], counts[product_id]
            moment = self._liquidity.moment(part, count, round_number)
            best = self._liquidity.best(part, moment)
            return self._data[product_id].ticker(count, now_ns, *best)

        return RoundEvents(
            now_ns=now_ns,
            trades=OnDemand(tuple(traded), trades),
            tickers=OnDemand(tuple(name for name in moved if counts[name]), ticker),
            level2=OnDemand(moved, changes),
            candles=OnDemand(tuple(traded), candles),
            user=user,
            finished=self.cursor.finished and not self.tape.grows,
        )

    def status(self, product_ids: Iterable[str]) -> list[Wire]:
        """Give products as the status channel shows them."""
        return [self._data[product_id].status() for product_id in product_ids]

    def snapshot(self, channel: str, product_id: str, now_ns: int) -> list[Wire]:
        """Give the events that a subscription to a channel of one product begins with."""
        match channel:
            case "ticker":
                return self._ticker_snapshot(product_id, now_ns)
            case "ticker_batch":
                events = self._ticker_snapshot(product_id, now_ns)
                return [{**one, "tickers": [*map(without_best, one["tickers"])]} for one in events]
            case "level2":
                return self._level2_snapshot(product_id, now_ns)
            case "market_trades":
                return self._market_trades_snapshot(product_id)
            case "candles":
                return self._candles_snapshot(product_id, now_ns)
        raise AssertionError(f"{channel} has no products")

    def _ticker_snapshot(self, product_id: str, now_ns: int) -> list[Wire]:
        """Give the ticker as one event; none before the first trade."""
        count = self._count(product_id)
        if not count:
            return []
        book = self._book(product_id)
        bid, ask = (book.bids or (None,))[0], (book.asks or (None,))[0]
        ticker = self._data[product_id].ticker(count, now_ns, bid, ask)
        return [{"type": "snapshot", "tickers": [ticker]}]

    def _level2_snapshot(self, product_id: str, now_ns: int) -> list[Wire]:
        """Give the whole book as one event."""
        updates = self._data[product_id].level2_snapshot(self._book(product_id), now_ns)
        return [{"type": "snapshot", "product_id": product_id, "updates": updates}]

    def _market_trades_snapshot(self, product_id: str) -> list[Wire]:
        """Give the last 100 trades, newest first, as one event."""
        count = self._count(product_id)
        trades = self._data[product_id].channel_trades(max(0, count - SNAPSHOT_TRADES), count)
        return [{"type": "snapshot", "trades": trades[::-1]}]

    def _candles_snapshot(self, product_id: str, now_ns: int) -> list[Wire]:
        """Give the last 5-minute candles, newest first, as one event."""
        end_s = now_ns // SECOND_NS + 1
        start_s = end_s // FIVE_MINUTES_S * FIVE_MINUTES_S - SNAPSHOT_CANDLES * FIVE_MINUTES_S
        count = self._count(product_id)
        candles = self._data[product_id].candles(start_s, end_s, FIVE_MINUTES_S, count)
        named = [{**candle, "product_id": product_id} for candle in candles]
        return [{"type": "snapshot", "candles": named}]

    def list_products(self, query: Query, now_ns: int) -> Wire:
        """Answer GET /products: most traded first."""
        wanted = many(query, "product_ids")
        kind, expiry = one(query, "product_type"), one(query, "contract_expiry_type")
        names = [
            name
            for name, product in self.products.items()
            if not wanted or name in wanted
            if kind in ALL_TYPES or kind == product.product_type
            if product.contract is None or expiry in ALL_EXPIRIES or expiry == EXPIRY
        ]
        names.sort(key=lambda name: -self._data[name].day_notional(self._count(name), now_ns))
        first = whole(query, "offset", 0, 10**6)
        limit = whole(query, "limit", len(names), 10**6) or len(names)
        shown = [self._product(name, now_ns) for name in names[first : first + limit]]
        return {"products": shown, "num_products": len(shown), "pagination": None}

    def show_product(self, product_id: str, now_ns: int) -> Wire:
        """Answer GET /products/{id}."""
        self._require(product_id)
        return self._product(product_id, now_ns)

    def product_book(self, query: Query, now_ns: int) -> Wire:
        """Answer GET /product_book."""
        product_id = one(query, "product_id")
        product = self._require(product_id)
        book = self._book(product_id)
        text = one(query, "aggregation_price_increment")
        if text:
            book = _aggregated(book, _step(text, product))
        limit = whole(query, "limit", TRADES_MAX, TRADES_MAX) or TRADES_MAX
        data = self._data[product_id]
        return {
            "pricebook": data.price_book(book, limit, now_ns),
            **data.book_summary(self._book(product_id), self._count(product_id)),
        }

    def best_bid_ask(self, query: Query, now_ns: int) -> Wire:
        """Answer GET /best_bid_ask; without product_ids, of all products."""
        wanted = many(query, "product_ids")
        books = [
            self._data[name].price_book(self._book(name), 1, now_ns)
            for name in self.products
            if not wanted or name in wanted
        ]
        return {"pricebooks": books}

    def trades(self, product_id: str, query: Query) -> Wire:
        """Answer GET /products/{id}/ticker: the last trades, newest first, and the best prices."""
        product = self._require(product_id)
        limit = whole(query, "limit", 0, TRADES_MAX)
        if not limit:
            raise BadRequest("limit is required and must be above 0")
        start_s = whole(query, "start", 0, FOREVER_S)
        end_s = whole(query, "end", FOREVER_S, FOREVER_S)
        data, count = self._data[product_id], self._count(product_id)
        first, last = data.trades_between(start_s * SECOND_NS, end_s * SECOND_NS, count)
        book = self._book(product_id)
        return {
            "trades": data.rest_trades(max(first, last - limit), last),
            "best_bid": product.price_text(book.bids[0][0]) if book.bids else "",
            "best_ask": product.price_text(book.asks[0][0]) if book.asks else "",
        }

    def candles(self, product_id: str, query: Query, now_ns: int) -> Wire:
        """Answer GET /products/{id}/candles: newest first, the current one included.

        Both ends count in. More than 350 intervals are refused, as Coinbase does.
        """
        self._require(product_id)
        width_s = granularity_s(query)
        limit = whole(query, "limit", CANDLES_MAX, CANDLES_MAX) or CANDLES_MAX
        end_s = whole(query, "end", now_ns // SECOND_NS, FOREVER_S) // width_s * width_s
        start_s = whole(query, "start", end_s - (limit - 1) * width_s, FOREVER_S)
        start_s = -(-start_s // width_s) * width_s
        if end_s - start_s >= CANDLES_MAX * width_s:
            raise BadRequest(f"number of candles requested should be less than {CANDLES_MAX}")
        count = self._count(product_id)
        shown = self._data[product_id].candles(start_s, end_s + width_s, width_s, count)
        return {"candles": shown[:limit]}

    def recall(self, product_id: str, history: History) -> None:
        """Show a product's candles of before we listened as another exchange tells them."""
        for name in (product_id, *self._aliases.get(product_id, ())):
            self._data[name].recall(history)

    def dollar_prices(self) -> dict[str, float]:
        """Give the last prices in USD by currency, where there is one."""
        prices = {"USD": 1.0, "USDC": 1.0}  # the two are exchanged one for one
        for name, product in self.products.items():
            last = self.last_price(name)
            if product.contract is None and product.quote == "USD" and last is not None:
                prices[product.base] = last / 10**product.price_places
        return prices

    def _quoted(self, product_id: str, since_round: int) -> bool:
        found = self.tape.parts[product_id].quote_at(self.cursor.round)
        return found is not None and found[0] > since_round

    def _book(self, product_id: str) -> Book:
        live = self.live(product_id)
        return Book(tuple(live.bids()), tuple(live.asks()))

    def _book_at(self, product_id: str, count: int, round_number: int) -> Book:
        part: ProductTape = self.tape.parts[product_id]
        return self._drawn(part, self._liquidity.moment(part, count, round_number))

    def _drawn(self, part: ProductTape, moment: Moment) -> Book:
        """Draw a book; of a market chosen to be deep, with all that stands behind the ladder."""
        ladder = self._liquidity.book(part, moment)
        name = part.product.product_id
        if name not in self._rules.deep_books or not part.prices:
            return ladder
        if name not in self._deep:
            self._deep[name] = DeepBook(part, Fraction(self._rules.depth_share))
        return self._deep[name].behind(ladder)

    def _product(self, product_id: str, now_ns: int) -> Wire:
        disabled = product_id in self._rules.trading_disabled
        data, book = self._data[product_id], self._book(product_id)
        count = self._count(product_id)
        shown = data.product(count, now_ns, book, disabled)
        contract = self.products[product_id].contract
        if contract is not None:
            spot_count = self._count(contract.spot_id)
            volume = data.day_volume(count, now_ns)
            shown |= self._contracts[product_id].fields(spot_count, now_ns, volume)
        return shown | {"alias_to": self._aliases.get(product_id, [])}

    def _count(self, product_id: str) -> int:
        return self.cursor.count(self.products[product_id].book_id)

    def _require(self, product_id: str) -> Product:
        product = self.products.get(product_id)
        if product is None:
            raise NotFound(f"product {product_id!r} was not found")
        return product


def clock_answer(now_ns: int) -> Wire:
    """Answer GET /time."""
    return {
        "iso": time_text(now_ns),
        "epochSeconds": str(now_ns // SECOND_NS),
        "epochMillis": str(now_ns // 1_000_000),
    }


def _step(text: str, product: Product) -> int:
    value = parse_number(text)
    step = None if value is None else product.ticks(value)
    if step is None or step < 1:
        raise BadRequest(f"aggregation_price_increment {text!r} is no multiple of the price step")
    return step


def _aggregated(book: Book, step: int) -> Book:
    """Sum levels to multiples of a step: bids down, asks up."""

    def total(
        levels: Sequence[tuple[int, int]], place: Callable[[int], int]
    ) -> tuple[tuple[int, int], ...]:
        sums: dict[int, int] = {}
        for price, lots in levels:
            sums[place(price)] = sums.get(place(price), 0) + lots
        return tuple(sums.items())

    bids = total(book.bids, lambda price: price // step * step)
    return Book(bids, total(book.asks, lambda price: -(-price // step) * step))
