"""Publishing: what the venue reports goes to every connection that subscribed to it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from gpt_trader.exchange.feed import FUTURES, HEARTBEATS, PRIVATE, USER, Feed
from gpt_trader.exchange.frames import Frame, build_frame, build_heartbeat
from gpt_trader.exchange.paced_news import CANDLES, STATUS, TICKER_BATCH, PacedNews
from gpt_trader.exchange.round_events import RoundEvents, UserUpdate, Wire
from gpt_trader.exchange.venue import Venue

PRODUCT_CHANNELS = ("ticker", TICKER_BATCH, "level2", "market_trades", CANDLES)
CHANNELS = (*PRODUCT_CHANNELS, STATUS, HEARTBEATS, *PRIVATE)
SNAPSHOT_ORDERS = 50  # a user snapshot ends with the first message that holds fewer

WIRE_CHANNELS = {"level2": "l2_data"}  # whose data comes under another name

Build = Callable[[RoundEvents, frozenset[str]], list[Frame]]


class Hub:
    """Holds the connections and encodes each message once for all that want the same of it.

    Parameters
    ----------
    venue
        Where snapshots and their time come from.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._feeds: list[Feed] = []
        self._heartbeat_counter = venue.round
        self._paced = PacedNews(venue.now_ns)
        self._futures = venue.futures.channel_summary(venue.now_ns)  # as it was told last
        products = venue.products({})["products"]
        # X-USDC may be another name of X-USD: market data comes under the name of the book.
        self._books = {one["product_id"]: one["alias"] or one["product_id"] for one in products}

    def add(self, feed: Feed) -> None:
        """Take a connection in; it gets nothing before it subscribes."""
        self._feeds.append(feed)

    def remove(self, feed: Feed) -> None:
        """Let a closed connection go."""
        self._feeds.remove(feed)

    def find(self, feed_id: str) -> Feed | None:
        """Give the newest open connection that came with this id."""
        return next((feed for feed in reversed(self._feeds) if feed.feed_id == feed_id), None)

    def subscribe(self, feed: Feed, channel: str, product_ids: Sequence[str]) -> None:
        """Add a subscription: its snapshot is sent, then the acknowledgement.

        Unknown products are left out in silence, as Coinbase does.
        """
        known = self._known(channel, product_ids)
        if known or not product_ids or channel in (HEARTBEATS, FUTURES):
            feed.subscribe(channel, known)
            for frame in self._snapshots(channel, known):
                feed.send(frame)
        self._acknowledge(feed)
        if channel == HEARTBEATS:
            feed.send(build_heartbeat(self._venue.now_ns, self._heartbeat_counter))

    def unsubscribe(self, feed: Feed, channel: str, product_ids: Sequence[str]) -> None:
        """End a subscription, and acknowledge with what is left."""
        named = product_ids if channel in PRIVATE else self._known(channel, product_ids)
        feed.unsubscribe(channel, named)
        self._acknowledge(feed)

    def publish(self, events: RoundEvents) -> None:
        """Put what a tape round brought into the outboxes; the caller flushes."""
        for channel, build in BUILDERS.items():
            self._to_subscribers(channel, partial(build, events))
        if self._is_heard(CANDLES) or self._is_heard(TICKER_BATCH):
            self._paced.gather(events)
        self.publish_user(events.user)

    def publish_user(self, updates: Sequence[UserUpdate]) -> None:
        """Put changes of our orders into the outboxes, one message each, in their order."""
        for update in updates:
            frame: Frame | None = None
            for feed in self._feeds:
                wanted = feed.subscription(USER)
                if wanted is None or not _is_wanted(update.order, wanted):
                    continue
                frame = frame or _user_frame(
                    "update", [update.order], update.positions, update.ts_ns
                )
                feed.send(frame)

    def heartbeat(self, time_ns: int, counter: int) -> None:
        """Put one heartbeat into the outbox of each connection that asked for them.

        Channels that tell in steps of time go before it, when their time has come.
        """
        for channel in self._paced.due(time_ns):
            self._to_subscribers(channel, partial(self._step, channel))
            self._paced.forget(channel)
        self._tell_futures()
        self._heartbeat_counter = counter
        frame = build_heartbeat(time_ns, counter)
        for feed in self._feeds:
            if feed.subscription(HEARTBEATS) is not None:
                feed.send(frame)

    def flush(self) -> None:
        """Write all outboxes."""
        for feed in tuple(self._feeds):  # a connection that overflows leaves while we write
            feed.flush()

    def open_orders(self) -> list[Wire]:
        """Give the orders that a user snapshot lists."""
        return [order for batch in self._venue.user_snapshot() for order in batch]

    def _acknowledge(self, feed: Feed) -> None:
        event = {"subscriptions": feed.subscriptions(self._venue.user_id)}
        feed.send(build_frame("subscriptions", self._venue.now_ns, [event]))

    def _is_heard(self, channel: str) -> bool:
        return any(feed.subscription(channel) is not None for feed in self._feeds)

    def _tell_futures(self) -> None:
        """Send the futures wallet to who listens, if it is not what it was."""
        if not (self._venue.futures.exists and self._is_heard(FUTURES)):
            return
        summary = self._venue.futures.channel_summary(self._venue.now_ns)
        if summary != self._futures:
            self._futures = summary
            self._to_subscribers(FUTURES, lambda _: [_futures_frame(self._venue)])

    def _known(self, channel: str, product_ids: Sequence[str]) -> list[str]:
        """Give those of the products that are listed, by the name their messages come under."""
        if channel == STATUS and not product_ids:
            return sorted(self._books)
        listed = [wanted for wanted in product_ids if wanted in self._books]
        if channel in (STATUS, *PRIVATE):
            return listed
        return list(dict.fromkeys(self._books[wanted] for wanted in listed))

    def _step(self, channel: str, wanted: frozenset[str]) -> list[Frame]:
        """Build what a channel that tells in steps of time has to tell now."""
        key, news = "products", self._venue.status(sorted(wanted))
        if channel == TICKER_BATCH:
            key, news = "tickers", self._paced.tickers(wanted)
        if channel == CANDLES:
            key, news = CANDLES, self._paced.candles(wanted)
        if not news:
            return []
        return [build_frame(channel, self._venue.now_ns, [{"type": "update", key: news}])]

    def _to_subscribers(self, channel: str, build: Callable[[frozenset[str]], list[Frame]]) -> None:
        """Send each subscriber the messages for its products, built once for each set of them."""
        built: dict[frozenset[str], list[Frame]] = {}
        for feed in self._feeds:
            wanted = feed.subscription(channel)
            if wanted is None:
                continue
            if wanted not in built:
                built[wanted] = build(wanted)
            for frame in built[wanted]:
                feed.send(frame)

    def _snapshots(self, channel: str, product_ids: Sequence[str]) -> Iterator[Frame]:
        if channel == USER:
            yield from self._user_snapshots(frozenset(product_ids))
        now_ns = self._venue.now_ns
        if channel == FUTURES:
            yield _futures_frame(self._venue)
        if channel == STATUS:
            event = {"type": "snapshot", "products": self._venue.status(product_ids)}
            yield build_frame(STATUS, now_ns, [event])
        if channel not in PRODUCT_CHANNELS:
            return
        for product_id in product_ids:
            for event in self._venue.snapshot(channel, product_id):
                yield build_frame(WIRE_CHANNELS.get(channel, channel), now_ns, [event])

    def _user_snapshots(self, wanted: frozenset[str]) -> Iterator[Frame]:
        """All open orders of the products, in messages of 50; the last one holds fewer."""
        orders = [order for order in self.open_orders() if _is_wanted(order, wanted)]
        positions = self._venue.user_positions()
        for first in range(0, len(orders) + 1, SNAPSHOT_ORDERS):
            batch = orders[first : first + SNAPSHOT_ORDERS]
            yield _user_frame("snapshot", batch, positions, self._venue.now_ns)


def _market_trades(events: RoundEvents, wanted: frozenset[str]) -> list[Frame]:
    """One message with the trades of all products, oldest first."""
    trades = [trade for name in events.trades if name in wanted for trade in events.trades[name]]
    if not trades:
        return []
    # Without its Z the text sorts like the time, however many digits the fraction has. Trades
    # of one product at one time keep their order; between products the name decides.
    trades.sort(key=_trade_order)
    return [build_frame("market_trades", events.now_ns, [{"type": "update", "trades": trades}])]


def _trade_order(trade: Wire) -> tuple[str, str]:
    return trade["time"][:-1], trade["product_id"]


def _tickers(events: RoundEvents, wanted: frozenset[str]) -> list[Frame]:
    tickers = [events.tickers[name] for name in events.tickers if name in wanted]
    if not tickers:
        return []
    return [build_frame("ticker", events.now_ns, [{"type": "update", "tickers": tickers}])]


def _level2(events: RoundEvents, wanted: frozenset[str]) -> list[Frame]:
    """One message for each product whose book changed."""
    changed = {name: events.level2[name] for name in events.level2 if name in wanted}
    return [
        build_frame(
            "l2_data",
            events.now_ns,
            [{"type": "update", "product_id": product_id, "updates": updates}],
        )
        for product_id, updates in changed.items()
        if updates
    ]


def _futures_frame(venue: Venue) -> Frame:
    """Every message of this channel is a snapshot."""
    event = {"type": "snapshot", "fcm_balance_summary": venue.futures.channel_summary(venue.now_ns)}
    return build_frame(FUTURES, venue.now_ns, [event])


def _user_frame(
    kind: str, orders: Sequence[Wire], positions: Sequence[Wire], time_ns: int
) -> Frame:
    """Coinbase shows contracts of perpetual style among those that expire."""
    shown = {
        "perpetual_futures_positions": [],
        "expiring_futures_positions": positions,
        "prediction_market_positions": [],
    }
    event = {"type": kind, "orders": orders, "positions": shown}
    return build_frame("user", time_ns, [event])


def _is_wanted(order: Wire, wanted: frozenset[str]) -> bool:
    return not wanted or order["product_id"] in wanted


BUILDERS: dict[str, Build] = {
    "market_trades": _market_trades,
    "ticker": _tickers,
    "level2": _level2,
}
