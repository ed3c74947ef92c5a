"""The WebSocket door for market and user data: reads what clients ask, writes what they get."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from tornado.iostream import StreamBufferFullError, StreamClosedError
from tornado.websocket import WebSocketHandler

from gpt_trader.exchange.auth import Forbidden, Unauthorized, Verifier, require
from gpt_trader.exchange.feed import PRIVATE, Feed
from gpt_trader.exchange.frames import build_error
from gpt_trader.exchange.hub import CHANNELS, Hub
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.keys import Scope
from gpt_trader.exchange.rate_limits import TOO_MANY, Limited, RateLimiter, TooManyRequests

OUTGOING_BYTES_MAX = 64 * 1024 * 1024  # a subscriber that reads slower is dropped
FIRST_SUBSCRIBE_S = 5.0
POLICY_VIOLATION = 1008  # close code; 1000 would end the SDK's client without a word


class ClientMessage(msgspec.Struct, frozen=True):
    """What a client sends: one channel a message (coinbase-wire.md, 3.2)."""

    type: str = ""
    channel: str = ""
    product_ids: list[str] | None = None
    jwt: str | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """What every WebSocket connection shares.

    ``tick`` brings the exchange's clock to now. ``subscribe_in_time`` says whether a connection
    that asks for nothing within 5 s is closed; ``subscribed`` is told each time a connection was
    acknowledged. Open connections stand in ``open_sockets``, so that they can be closed when the
    exchange stops.
    """

    hub: Hub
    verifier: Verifier
    machine_ns: Callable[[], int]
    tick: Callable[[], None]
    subscribe_in_time: Callable[[], bool]
    subscribed: Callable[[Feed], None]
    open_sockets: set[WebSocketHandler]
    fail: Callable[[BaseException], None]  # when the journal cannot be written
    limiter: RateLimiter


class FeedSocket(WebSocketHandler):
    """One client's connection. Errors are answered and leave the connection open."""

    def initialize(self, door: Door) -> None:
        """Take what all connections share (called by tornado)."""
        self._door = door
        self._feed = self.make_feed(self.get_query_argument("feed", ""))
        self._deadline: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Refuse a connection that comes too soon after others."""
        turn = self._door.limiter.take(Limited.CONNECTIONS, self.request.remote_ip or "")
        if turn is not None and not turn.granted:
            self.set_status(429)
            self.finish(msgspec.json.encode(TooManyRequests().body))

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin: nothing is sent before the first subscription."""
        self.set_nodelay(True)
        connection = self.ws_connection
        assert connection is not None and connection.stream is not None
        connection.stream.max_write_buffer_size = OUTGOING_BYTES_MAX
        self._door.hub.add(self._feed)
        self._door.open_sockets.add(self)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(FIRST_SUBSCRIBE_S, self._close_if_idle)

    def on_message(self, message: str | bytes) -> None:
        """Serve a subscribe or unsubscribe message."""
        try:
            error = self._serve(message)
        except JournalError as unwritten:
            self._door.fail(unwritten)
            return
        if error is not None:
            self._feed.send_bare(build_error(error))
        self._feed.flush()
        if error is None:
            self._door.subscribed(self._feed)

    def on_close(self) -> None:
        """Let the connection go, whoever closed it."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._door.hub.remove(self._feed)
            self._door.open_sockets.discard(self)

    def make_feed(self, feed_id: str) -> Feed:
        """Make what numbers the messages of this connection."""
        return Feed(feed_id, self.write_bytes)

    def _serve(self, message: str | bytes) -> str | None:
        """Do what the message asks, or return the error text Coinbase answers with.

        Raises
        ------
        JournalError
            The clock could not be brought to now.
        """
        try:
            request = msgspec.json.decode(message, type=ClientMessage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return TOO_MANY if self._is_too_soon("") else "failure to subscribe"
        if self._is_too_soon(request.jwt or ""):
            return TOO_MANY
        if request.type not in ("subscribe", "unsubscribe"):
            return "subscribe or unsubscribe required"
        if request.channel not in CHANNELS:
            return "authentication failure"  # Coinbase's answer to an unknown channel, too
        product_ids = request.product_ids or []
        self._door.tick()
        if request.type == "unsubscribe":
            self._door.hub.unsubscribe(self._feed, request.channel, product_ids)
            return None
        if request.channel in PRIVATE and not self._may_view(request.jwt or ""):
            return "authentication failure"
        self._door.hub.subscribe(self._feed, request.channel, product_ids)
        if self._deadline is not None:
            self._deadline.cancel()
        return None

    def _is_too_soon(self, token: str) -> bool:
        """Say whether a message is one too many; those with a valid token are not counted.

        The error text, and that the connection stays, is our choice: Coinbase documents neither.
        """
        limiter = self._door.limiter
        if not limiter.enabled or (token and self._may_view(token)):
            return False
        turn = limiter.take(Limited.MESSAGES, self.request.remote_ip or "")
        return turn is not None and not turn.granted

    def _may_view(self, token: str) -> bool:
        try:
            require(self._door.verifier.socket(token, self._door.machine_ns()), Scope.VIEW)
        except (Unauthorized, Forbidden):
            return False
        return True

    def write_bytes(self, frames: bytes) -> None:
        """Write whole frames to the connection."""
        write_frames(self, frames)

    def _close_if_idle(self) -> None:
        if self._door.subscribe_in_time():
            self.close(POLICY_VIOLATION, "no subscription within 5 seconds")


def write_frames(handler: WebSocketHandler, frames: bytes) -> None:
    """Write ready frames in one go; tornado's own way costs a task for each message.

    A connection that cannot take them is closed: it is gone, or its client reads too slowly.
    """
    connection = handler.ws_connection
    if connection is None or connection.stream is None or connection.is_closing():
        return
    try:
        connection.stream.write(frames)
    except (StreamBufferFullError, StreamClosedError):
        connection.stream.close()
