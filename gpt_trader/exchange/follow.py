"""Paper markets: the tape is what another exchange publishes, and nothing is ever sent there.

The only requests are GETs of public market data and subscriptions to public channels, without key.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httputil import HTTPInputError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from gpt_trader.exchange.catalog import Product, product_from_wire
from gpt_trader.exchange.followed_news import News, NewsError, NumberedTrade, parse_news
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.round_events import RoundEvents, Wire
from gpt_trader.exchange.tape import FollowedRound, FollowedTape, FollowedTrade, Quote, TapeError
from gpt_trader.exchange.timestamps import parse_time
from gpt_trader.exchange.venue import Venue

COINBASE_REST, COINBASE_SOCKET = "api.coinbase.com", "advanced-trade-ws.coinbase.com"
TIMEOUT_S = 10.0
SILENCE_S = 10.0  # heartbeats come every second: so much silence is a dead connection
ROUND_S = 0.25  # news is gathered into rounds of this length, as Coinbase batches its trades
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
    """What the followed exchange lists: its clock and its products, by the id in its messages."""

    now_ns: int
    products: Mapping[str, Product]


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
    """Ask the followed exchange for its time and the increments of the products.

    Raises
    ------
    Unreachable
        It cannot be reached, is not trusted, or does not know a product.
    """
    clock = await _fetch(source, "/time")
    now_ns = parse_time(str(clock.get("iso")))
    if now_ns is None:
        raise Unreachable(f"{source.rest} gives no time")
    products = {}
    for product_id in product_ids:
        body = await _fetch(source, f"/market/products/{product_id}")
        try:
            product = product_from_wire(body)
        except ValueError as error:
            raise Unreachable(f"{source.rest} lists {product_id} strangely: {error}") from error
        # With unified books the messages about BTC-USDC carry the id BTC-USD.
        products[str(body.get("alias") or product_id)] = product
        products.setdefault(product_id, product)
    return Market(now_ns, products)


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
        self._last_ids: dict[str, int] = {}
        self._trades: list[FollowedTrade] = []
        self._quotes: dict[str, Quote] = {}
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
        for numbered in sorted(news.trades, key=lambda one: one.trade_id):
            if self._is_new(numbered, news):
                self._trades.append(numbered.trade)
        for numbered in news.trades:
            product_id = numbered.trade.product_id
            known = self._last_ids.get(product_id, -1)
            self._last_ids[product_id] = max(known, numbered.trade_id)

    def _is_new(self, numbered: NumberedTrade, news: News) -> bool:
        """Tell a trade from one that was told before: snapshots repeat, and fill what was lost.

        After a restart the tape tells where it ended. Of the very first snapshot only the newest
        trade counts, as the price to begin with.
        """
        trade = numbered.trade
        known = self._last_ids.get(trade.product_id)
        if known is not None:
            return numbered.trade_id > known
        told_ns = self._tape.parts[trade.product_id].times_ns
        if told_ns:
            return trade.time_ns > told_ns[-1]
        siblings = [one for one in news.trades if one.trade.product_id == trade.product_id]
        return not news.snapshot or numbered.trade_id == max(one.trade_id for one in siblings)

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
        trades = tuple(sorted(self._trades, key=lambda trade: trade.time_ns))
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
