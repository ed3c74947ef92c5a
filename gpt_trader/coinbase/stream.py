"""Coinbase's WebSocket as an iterator that reconnects, resubscribes and tells of every gap."""

import asyncio
import logging
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from gpt_trader.coinbase.heard import Connected, Disconnected, Gap, Heard, Item, Ready, items_of
from gpt_trader.coinbase.leaps import Leaps
from gpt_trader.coinbase.readiness import Readiness, Subscription
from gpt_trader.coinbase.sequence import Continuity, SequenceCheck
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.wire_frame import ErrorFrame, Frame, parse_frame
from gpt_trader.coinbase.wire_market import Level2Update
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import ExchangeUnreachable, UsageError, WireError
from gpt_trader.domain.events import QuoteSeen, TradesSeen

FRAME_BYTES_MAX = 10 * 1024 * 1024  # the snapshot of BTC-USD's book has about 5 MB
FRAMES_WAITING_MAX = 256
OPEN_S = 10.0
READY_S = 15.0
"""A connection that is not complete by then is made anew: a subscription was swallowed."""

BACKOFF_MIN_S = 0.25
BACKOFF_MAX_S = 30.0
REFUSED_S = 5.0
"""The least wait after a refusal: a key that is not accepted is not tried in a hot loop."""

STEADY_S = 30.0
"""A connection that was complete this long starts the waits from the shortest again."""

# At DEBUG the library logs every frame, and a subscription holds a token.
_LOGGER = logging.getLogger("gpt_trader.coinbase.socket")
_LOGGER.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a stream waits before it gives up on a connection, or on ever getting one."""

    silence_s: float | None  # without any frame; None: for ever, as in lockstep
    first_tries: int | None  # before the first connection; None: for ever


class Stream:
    """Hears one connection's market and user data, one frame after the other.

    ``async for heard in stream`` gives a `Heard` for each frame and each change of the
    connection. It ends only after `close`. Whatever was subscribed to is subscribed to again on
    every connection, the SDK's forgotten `heartbeats` and `user` included, and `Ready` says that
    all of it has arrived.

    Parameters
    ----------
    url
        ``wss://`` and nothing else; a path and a query are kept. No redirect is followed.
    trust
        From `tls.trust`: it must verify certificate and host.
    signer
        Needed for the `user` channel.
    dice
        Spreads the waits between connections, so that a thousand clients do not return at once.
    """

    def __init__(
        self,
        url: str,
        trust: ssl.SSLContext,
        signer: Signer | None,
        subscriptions: Sequence[Subscription],
        *,
        dice: random.Random,
        patience: Patience,
    ) -> None:
        if urlsplit(url).scheme != "wss" or not urlsplit(url).hostname:
            raise UsageError(f"{url!r} is no wss:// address")
        assert trust.verify_mode is ssl.CERT_REQUIRED and trust.check_hostname, "verified TLS only"
        assert subscriptions, "Coinbase closes a connection that asks for nothing"
        self._url = url
        self._trust = trust
        self._signer = signer
        self._subscriptions = tuple(subscriptions)
        self._products = {name for s in subscriptions for name in s.product_ids}
        self._dice = dice
        self._patience = patience
        self._closing = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._sequence = SequenceCheck()
        self._readiness = Readiness(self._subscriptions)
        self._leaps = Leaps()
        self._ever_connected = False
        self._failures = 0  # in a row, without a steady connection between them
        self._wait_s_min = 0.0
        self._connected_s = 0.0
        self._listening_since_s: float | None = None
        self._overdue = ""
        self._watch: asyncio.TimerHandle | None = None

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> Heard:
        """The next frame's content, or the next change of the connection.

        Raises
        ------
        ExchangeUnreachable
            The first connection could not be made in as many tries as we were given.
        """
        if self._closing.is_set():
            raise StopAsyncIteration
        if self._connection is None:
            return await self._open()
        return await self._hear(self._connection)

    async def close(self) -> None:
        """End the stream; whoever iterates it comes to the end."""
        self._closing.set()
        if self._watch is not None:
            self._watch.cancel()
        if self._connection is not None:
            await self._connection.close()

    # --- connecting -------------------------------------------------------------------------

    async def _open(self) -> Heard:
        """Wait as long as is polite, and try once."""
        if self._failures and await self._closed_within(self._wait_s()):
            raise StopAsyncIteration
        try:
            connection = await _connect(self._url, self._trust)
        except (OSError, TimeoutError, EOFError, InvalidHandshake, InvalidURI) as error:
            return self._failed(f"{type(error).__name__}: {error}")
        if self._closing.is_set():
            await connection.close()
            raise StopAsyncIteration
        self._connection = connection
        self._sequence = SequenceCheck()
        self._readiness = Readiness(self._subscriptions)
        self._leaps = Leaps()
        self._overdue = ""
        self._connected_s = asyncio.get_running_loop().time()
        self._look()
        try:
            for subscription in self._subscriptions:
                await connection.send(self._request(subscription))
        except ConnectionClosed as error:
            return await self._lose(_reason(error), ())
        self._ever_connected = True
        return Heard(-1, (Connected(self._url),))

    def _failed(self, reason: str) -> Heard:
        self._failures += 1
        tries = self._patience.first_tries
        if not self._ever_connected and tries is not None and self._failures >= tries:
            raise ExchangeUnreachable(f"no connection to {self._url}: {reason}")
        return Heard(-1, (Disconnected(f"no connection: {reason}"),))

    def _wait_s(self) -> float:
        longest_s = min(BACKOFF_MAX_S, 2 * BACKOFF_MIN_S * 2.0 ** min(self._failures - 1, 10))
        wait_s = max(self._wait_s_min, self._dice.uniform(BACKOFF_MIN_S, longest_s))
        self._wait_s_min = 0.0
        return wait_s

    async def _closed_within(self, wait_s: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), wait_s)
        except TimeoutError:
            return False
        return True

    def _request(self, subscription: Subscription) -> str:
        request: dict[str, object] = {
            "type": "subscribe",
            "channel": subscription.channel,
            "product_ids": list(subscription.product_ids),
        }
        if self._signer is not None and subscription.channel == "user":
            request["jwt"] = self._signer.stream_token()
        return msgspec.json.encode(request).decode()

    # --- hearing ----------------------------------------------------------------------------

    async def _hear(self, connection: ClientConnection) -> Heard:
        self._listening_since_s = asyncio.get_running_loop().time()
        try:
            text = await connection.recv(decode=False)
        except ConnectionClosed as error:
            return await self._lose(self._overdue or _reason(error), ())
        finally:
            self._listening_since_s = None
        try:
            frame = parse_frame(text)
            match frame:
                case ErrorFrame():
                    self._wait_s_min = REFUSED_S
                    return await self._lose(f"Coinbase refuses: {frame.message}", ())
                case Frame():
                    return await self._take(frame)
        except WireError as error:
            # A frame we cannot read is a frame we do not have.
            return await self._lose(str(error), ())

    async def _take(self, frame: Frame) -> Heard:
        expected = self._sequence.expected
        match self._sequence.take(frame.sequence):
            case Continuity.REPEAT:
                return self._heard(())
            case Continuity.GAP | Continuity.RESTART:
                gap = Gap(expected, frame.sequence)
                return await self._lose(f"frame {gap.got} came instead of {gap.expected}", (gap,))
            case Continuity.NEXT:
                pass
        if frame.channel == "subscriptions":
            completed = self._readiness.acknowledge(frame)
            return self._heard((Ready(),) if completed else ())
        items = items_of(frame)
        self._check_items(items)
        if self._readiness.hear(frame, items):
            return self._heard((*items, Ready()))
        return self._heard(items)

    def _heard(self, items: tuple[Item, ...]) -> Heard:
        return Heard(self._sequence.expected - 1, items)

    def _check_items(self, items: tuple[Item, ...]) -> None:
        for item in items:
            match item:
                case TradesSeen() | QuoteSeen() | Level2Update() if (
                    item.product_id not in self._products
                ):
                    raise WireError(f"nobody asked for {item.product_id[:40]!r}")
                case TradesSeen():
                    self._leaps.check(item)
                case _:
                    pass

    async def _lose(self, reason: str, items: tuple[Item, ...]) -> Heard:
        """Drop the connection, whoever ended it, and say why."""
        connection, self._connection = self._connection, None
        assert connection is not None
        if self._watch is not None:
            self._watch.cancel()
        connection.transport.abort()
        await connection.wait_closed()
        if self._closing.is_set():
            raise StopAsyncIteration
        lasted_s = asyncio.get_running_loop().time() - self._connected_s
        steady = self._readiness.is_ready and lasted_s >= STEADY_S
        self._failures = 1 if steady else self._failures + 1
        return Heard(self._sequence.expected - 1, (*items, Disconnected(reason)))

    # --- watching ---------------------------------------------------------------------------

    def _look(self) -> None:
        """See now and then whether the connection keeps us waiting too long, and cut it if so.

        One timer for all frames: a time limit on each would cost more than reading it. Only time
        spent listening counts: while we are busy, frames wait, and that is no silence.
        """
        loop, silence_s = asyncio.get_running_loop(), self._patience.silence_s
        now_s = loop.time()
        since_s = self._listening_since_s
        if since_s is not None:
            if not self._readiness.is_ready and now_s - self._connected_s >= READY_S:
                self._overdue = f"not complete within {READY_S:g} s"
            if silence_s is not None and now_s - since_s >= silence_s:
                self._overdue = f"no frame for {silence_s:g} s"
        if self._overdue:
            assert self._connection is not None
            self._connection.transport.abort()
            return
        every_s = 1.0 if silence_s is None else min(1.0, silence_s / 4)
        self._watch = loop.call_later(every_s, self._look)


class _Door(connect):
    """A connection to the very address we were given."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Follow none: another host could take our token."""
        return exc


async def _connect(url: str, trust: ssl.SSLContext) -> ClientConnection:
    return await _Door(
        url,
        ssl=trust,
        compression=None,
        max_size=FRAME_BYTES_MAX,
        max_queue=FRAMES_WAITING_MAX,
        open_timeout=OPEN_S,
        close_timeout=1.0,
        logger=_LOGGER,
    )


def _reason(error: ConnectionClosed) -> str:
    if error.rcvd is None:
        return "closed without a word"
    return one_line(f"closed: {error.rcvd.code} {error.rcvd.reason}")
