"""Paper markets: the tape is what another exchange publishes, and nothing is ever sent there.

The only requests are GETs of public market data and subscriptions to public channels, without key.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httputil import HTTPInputError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from gpt_trader.exchange.candle_history import MINUTE_S, History, HistoryError, read_candles
from gpt_trader.exchange.catalog import Product, product_from_wire
from gpt_trader.exchange.followed_news import News, NewsError, parse_news
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.round_events import RoundEvents, Wire
from gpt_trader.exchange.tape import FollowedRound, FollowedTape, FollowedTrade, Quote, TapeError
from gpt_trader.exchange.timestamps import SECOND_NS, parse_time
from gpt_trader.exchange.venue import Venue

COINBASE_REST, COINBASE_SOCKET = "api.coinbase.com", "advanced-trade-ws.coinbase.com"
TIMEOUT_S = 10.0
SILENCE_S = 10.0  # heartbeats come every second: so much silence is a dead connection
ROUND_S = 0.25  # news is gathered into rounds of this length, as Coinbase batches its trades
HISTORY_CANDLES = 349  # one request's worth: Coinbase gives fewer than 350
SETTLED_S = 3  # so long after a minute its candle is surely complete
RETRY_S_MIN, RETRY_S_MAX = 0.5, 30.0
CHANNELS = ("heartbeats", "market_trades", "ticker")
NETWORK_ERRORS = (OSError, HTTPClientError, HTTPInputError, WebSocketError, TimeoutError)


class Unreachable(Exception):
    """The followed exchange does not answer, or not as Coinbase would."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where to listen: REST and WebSocket host (with port), and whom to trust there."""

    rest: str
    socket: str
    tls: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Market:
    """What the followed exchange lists: its clock, products by the id in messages, and candles."""

    now_ns: int
    products: Mapping[str, Product]
    histories: Mapping[str, History]  # by product id


@dataclass(frozen=True, slots=True)
class Following:
    """Where to listen, what is listed there, and the tape that grows by it."""

    source: Source
    market: Market
    tape: FollowedTape


def find_source(host: str, ca_file: str | None) -> Source:
    """Give the addresses of an exchange; Coinbase itself has a host of its own for WebSocket."""
    tls = ssl.create_default_context(cafile=ca_file)
    return Source(host, COINBASE_SOCKET if host == COINBASE_REST else host, tls)


async def fetch_market(source: Source, product_ids: Sequence[str]) -> Market:
    """Ask the followed exchange for its time, the increments of the products and their candles.

    Raises
    ------
    Unreachable
        It cannot be reached, is not trusted, or does not know a product.
    TapeError
        Two of the products share a book.
    """
    clock = await _fetch(source, "/time")
    now_ns = parse_time(str(clock.get("iso")))
    if now_ns is None:
        raise Unreachable(f"{source.rest} gives no time")
    bodies = {one: await _fetch(source, f"/market/products/{one}") for one in product_ids}
    products = products_by_message(source.rest, bodies)
    now_s = now_ns // SECOND_NS
    return Market(now_ns, products, await fetch_histories(source, products, now_s))


async def fetch_histories(
    source: Source, products: Mapping[str, Product], now_s: int
) -> dict[str, History]:
    """Ask for the candles of all minutes that are over, by product id.

    Raises
    ------
    Unreachable
        The followed exchange does not answer, or not as Coinbase would.
    """
    until_s = now_s // MINUTE_S * MINUTE_S
    start_s = until_s - HISTORY_CANDLES * MINUTE_S
    query = f"granularity=ONE_MINUTE&start={start_s}&end={until_s - MINUTE_S}"
    histories = {}
    for product in dict.fromkeys(products.values()):
        path = f"/market/products/{product.product_id}/candles?{query}"
        try:
            candles = read_candles(await _fetch(source, path), product)
        except HistoryError as error:
            raise Unreachable(f"{source.rest}{path}: {error}") from error
        histories[product.product_id] = History(start_s, until_s, until_s, candles)
    return histories


def products_by_message(host: str, bodies: Mapping[str, Wire]) -> dict[str, Product]:
    """Give the products by the ids in messages: those about BTC-USDC carry the id BTC-USD.

    Raises
    ------
    Unreachable
        A product makes no sense.
    TapeError
        Two products share a book, and their messages cannot be told apart.
    """
    products: dict[str, Product] = {}
    for product_id, body in bodies.items():
        try:
            product = product_from_wire(body)
        except ValueError as error:
            raise Unreachable(f"{host} lists {product_id} strangely: {error}") from error
        shown = str(body.get("alias") or product_id)
        other = products.setdefault(shown, product)
        if other is not product:
            raise TapeError(
                f"{other.product_id} and {product_id} share one book, whose messages all say "
                f"{shown}: follow only one of them"
            )
        products[product_id] = product
    return products


class Follower:
    """Appends what another exchange publishes to the tape, and releases it at once.

    Parameters
    ----------
    following
        Where to listen, to what, and what grows by it.
    venue
        Plays the tape.
    warn
        Takes one sentence about a connection that broke or a message that made no sense.
    """

    def __init__(self, following: Following, venue: Venue, warn: Callable[[str], None]) -> None:
        self._source = following.source
        self._market = following.market
        self._tape = following.tape
        self._venue = venue
        self._warn = warn
        # After a restart the tape tells which trades were told.
        self._last_ids = {
            product_id: max(part.trade_ids)
            for product_id, part in following.tape.parts.items()
            if part.trade_ids
        }
        self._trades: list[FollowedTrade] = []
        self._quotes: dict[str, Quote] = {}
        self._histories = following.market.histories
        self._told_s = self._whole_s = following.market.now_ns // SECOND_NS // MINUTE_S * MINUTE_S
        self._join(following.market.now_ns)
        self._heard_ns = 0
        self._beats = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, hub: Hub, fail: Callable[[BaseException], None]) -> None:
        """Listen while the exchange runs; ``fail`` is told when news cannot be recorded."""

        def end(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:  # a paper market must never stand still in silence
                fail(error)

        self._tasks = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._release(hub)),
            asyncio.create_task(self._recall()),
        ]

        for task in self._tasks:
            task.add_done_callback(end)

    def stop(self) -> None:
        """End listening."""
        for task in self._tasks:
            task.cancel()

    def tick(self, hub: Hub) -> None:
        """Do nothing: time stands still while the followed exchange is silent."""

    async def _listen(self) -> None:
        """Stay connected: after a break, wait longer each time, by chance, and try again."""
        wait_s = RETRY_S_MIN
        while True:
            heard_ns = self._heard_ns
            try:
                await self._listen_once()
            except (*NETWORK_ERRORS, NewsError) as error:
                self._warn(f"following {self._source.socket}: {error or type(error).__name__}")
            wait_s = RETRY_S_MIN if self._heard_ns > heard_ns else min(2 * wait_s, RETRY_S_MAX)
            # Many followers of one exchange must not come back all at once.
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))

    async def _listen_once(self) -> None:
        url = f"wss://{self._source.socket}/"
        request = HTTPRequest(url, ssl_options=self._source.tls, connect_timeout=TIMEOUT_S)
        connection = await websocket_connect(request)
        try:
            await self._subscribe(connection)
            expected = 0
            while True:
                # Not wait_for: before Python 3.12 it loses a cancellation that meets a message.
                async with asyncio.timeout(SILENCE_S):
                    message = await connection.read_message()
                if message is None:
                    raise WebSocketError("the connection was closed")
                news = parse_news(message, self._market.products)
                if news.sequence != expected:
                    raise WebSocketError(f"message {expected} is lost, {news.sequence} came")
                if not expected:
                    self._join(news.time_ns)
                expected += 1
                self._hear(news)
        finally:
            connection.close()

    async def _subscribe(self, connection: WebSocketClientConnection) -> None:
        product_ids = [product.product_id for product in self._market.products.values()]
        for channel in CHANNELS:
            wanted = {"type": "subscribe", "channel": channel, "product_ids": product_ids}
            await connection.write_message(msgspec.json.encode(wanted).decode())

    def _hear(self, news: News) -> None:
        self._heard_ns = max(self._heard_ns, news.time_ns)
        self._beats += news.channel == "heartbeats"
        self._quotes.update(news.quotes)
        self._trades += [trade for trade in news.trades if self._is_new(trade, news)]
        for trade in news.trades:
            known = self._last_ids.get(trade.product_id, -1)
            self._last_ids[trade.product_id] = max(known, trade.trade_id)

    def _is_new(self, trade: FollowedTrade, news: News) -> bool:
        """Tell a trade from one that was told before: snapshots repeat, and fill what was lost.

        Of the very first snapshot only the newest trade counts, as the price to begin with.
        """
        known = self._last_ids.get(trade.product_id)
        if known is not None:
            return trade.trade_id > known
        siblings = [one.trade_id for one in news.trades if one.product_id == trade.product_id]
        return not news.snapshot or trade.trade_id == max(siblings)

    def _join(self, time_ns: int) -> None:
        """Take note that we hear everything from a time on: its minute is not wholly ours."""
        self._whole_s = (time_ns // SECOND_NS // MINUTE_S + 1) * MINUTE_S
        for product_id, history in self._histories.items():
            self._venue.recall(product_id, replace(history, whole_s=self._whole_s))

    async def _recall(self) -> None:
        """Ask for the candles up to our first whole minute, as soon as it has begun for good."""
        while True:
            await asyncio.sleep(ROUND_S)
            whole_s = self._whole_s
            settled = self._heard_ns >= (whole_s + SETTLED_S) * SECOND_NS
            if self._told_s == whole_s or not settled:
                continue
            try:
                told = await fetch_histories(self._source, self._market.products, whole_s)
            except Unreachable as error:
                self._warn(str(error))
                await asyncio.sleep(RETRY_S_MAX)
                continue
            if self._whole_s == whole_s:  # else we lost the connection meanwhile
                self._histories, self._told_s = told, whole_s
                self._join((whole_s - 1) * SECOND_NS)

    async def _release(self, hub: Hub) -> None:
        """Make a round of what was heard, four times a second, and publish it."""
        published = self._beats
        while True:
            await asyncio.sleep(ROUND_S)
            if not self._trades and not self._quotes and published == self._beats:
                continue
            try:
                hub.publish(self._next_round())
            except TapeError as error:
                self._warn(f"following {self._source.socket}: {error}")
            if published != self._beats:
                published = self._beats
                hub.heartbeat(self._venue.now_ns, published)
            hub.flush()

    def _next_round(self) -> RoundEvents:
        """Put what was heard since the last round on the tape, and release it."""
        end_ns = max(self._heard_ns, self._venue.now_ns + 1)
        trades = tuple(sorted(self._trades, key=lambda trade: trade.trade_id))
        quotes = tuple(self._quotes.items())
        self._trades.clear()
        self._quotes.clear()
        self._tape.append(FollowedRound(end_ns, trades, quotes))
        return self._venue.advance()


async def _fetch(source: Source, path: str) -> Wire:
    url = f"https://{source.rest}/api/v3/brokerage{path}"
    client = AsyncHTTPClient(force_instance=True)
    try:
        response = await client.fetch(
            HTTPRequest(
                url, ssl_options=source.tls, connect_timeout=TIMEOUT_S, request_timeout=TIMEOUT_S
            )
        )
        return msgspec.json.decode(response.body, type=dict[str, object])
    except (*NETWORK_ERRORS, msgspec.DecodeError) as error:
        raise Unreachable(f"{url} cannot be read: {error or type(error).__name__}") from error
    finally:
        client.close()
