"""Faults of the WebSocket: messages lost, doubled, garbled or late, and connections that break."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from gpt_trader.exchange.faults import Faults
from gpt_trader.exchange.faults_answers import cross_book, garble_message, shift_prices, swell
from gpt_trader.exchange.feed import HEARTBEATS, Feed
from gpt_trader.exchange.frames import Frame, build_error, build_heartbeat, wrap_text
from gpt_trader.exchange.hub import PRODUCT_CHANNELS, Hub
from gpt_trader.exchange.late import LateCommands
from gpt_trader.exchange.round_events import RoundEvents, UserUpdate, Wire
from gpt_trader.exchange.sockets import Door, FeedSocket
from gpt_trader.exchange.venue import Venue

CLOSE_CODES = (1000, 1001, 1008, 1011, 1012)
CLOSE = 0x88  # RFC 6455, 5.5.1
OLD_MESSAGES = 20
LOST_MAX = 3
SILENT_BEATS_MAX = 5
LATE_STEP_S, LATE_S_MAX = 0.25, 60.0  # a sudden delay is silence: this one creeps up
BURST = 100
MARKET = tuple(f'{{"channel":"{name}"'.encode() for name in (*PRODUCT_CHANNELS, "l2_data"))
TICKER, TRADES = b'{"channel":"ticker"', b'{"channel":"market_trades"'
HEARTBEAT = b'{"channel":"heartbeats"'


class FaultyFeed(Feed):
    """A connection whose messages may meet a fault; one at most strikes on each.

    Whatever ends a connection takes a number with it that never arrives, so that a session in
    lockstep cannot call settled what it did not get. It is the last strike there: how soon the
    client turns its back must not decide what strikes next.

    Attributes
    ----------
    doomed : bool
        Something struck for which a client gives the connection up.
    greeting : bool
        A subscription is being answered, and more requests may be on their way: breaking the
        connection now would lose messages by chance.
    missing : list of int
        Numbers that were given and not sent.
    """

    def __init__(
        self,
        feed_id: str,
        write: Callable[[bytes], None],
        cut: Callable[[], None],
        faults: Faults,
        beat: Callable[[], Frame],
    ) -> None:
        super().__init__(feed_id, self._write_in_time)
        self._straight = write
        self._cut = cut
        self._faults = faults
        self._beat = beat
        self._old: deque[tuple[int, bytes]] = deque(maxlen=OLD_MESSAGES)
        self._held: tuple[Frame, int] | None = None  # a message that another one overtakes
        self._told: frozenset[bytes] = frozenset()  # kinds of messages with prices that were sent
        self._losing = 0
        self._silent_beats = 0
        self._silent_heads = MARKET
        self._falls_behind = False
        self._late_s = self._due_s = 0.0
        self._ended = self._cutting = False
        self.doomed = self.greeting = False
        self.missing: list[int] = []

    def send(self, frame: Frame) -> None:
        """Number a message and put it into the outbox, if nothing happens to it."""
        if self._ended or self._is_silenced(frame):
            return
        if self._losing and not frame.head.startswith(HEARTBEAT):
            self._lose(self._losing - 1)
            return
        if not self.doomed and self._is_struck(frame):
            return
        self._put(frame)
        self._let_go()

    def send_bare(self, payload: bytes) -> None:
        """Put a message without a number into the outbox."""
        if not self._ended:
            super().send_bare(payload)

    def flush(self) -> None:
        """Write all that waits, and break the connection if that is what happens to it."""
        self._let_go()
        tail_is_lost = bool(self.missing) and self.missing[-1] == self.sequence
        if tail_is_lost and not self._ended and self.subscription(HEARTBEATS) is not None:
            self._losing = 0
            super().send(self._beat())  # on the wire a heartbeat shows it within a second
        super().flush()
        if self._cutting:
            self._cutting = False
            self._cut()

    # --- what strikes -----------------------------------------------------------------------

    def _is_silenced(self, frame: Frame) -> bool:
        if frame.head.startswith(HEARTBEAT):
            self._silent_beats = max(0, self._silent_beats - 1)
        elif frame.head.startswith(MARKET):
            draw = None if self.doomed else self._faults.strike("market_silent")
            if draw is not None:
                self._silent_beats = 1 + draw.below(SILENT_BEATS_MAX)
                self._silent_heads = (MARKET, (TICKER,))[draw.below(2)]
            return self._silent_beats > 0 and frame.head.startswith(self._silent_heads)
        return False

    def _is_struck(self, frame: Frame) -> bool:
        """Let what strikes instead of the message happen; False if it is to be sent."""
        strike = self._faults.strike
        if (draw := strike("frame_garbled")) is not None:
            self._spoil(frame, partial(garble_message, draw=draw))
        elif strike("frame_huge") is not None:
            self._spoil(frame, swell)
        elif self._is_misquoted(frame):
            pass
        elif self._may_break(frame) and (draw := strike("closed")) is not None:
            self._end()
            code = CLOSE_CODES[draw.below(len(CLOSE_CODES))]
            self._outbox.append(struct.pack("!BBH", CLOSE, 2, code))
        elif self._may_break(frame) and strike("cut") is not None:
            self._end()
            self._cutting = True
        elif strike("all_silent") is not None:
            self._end()
        elif frame.head.startswith(HEARTBEAT):
            return False
        elif (draw := strike("frames_lost")) is not None:
            self._lose(draw.below(LOST_MAX))
        elif self._held is None and strike("frames_swapped") is not None:
            self.doomed = True
            self.sequence += 1
            self._held = frame, self.sequence
        else:
            self._repeat(frame)
            return False
        return True

    def _is_misquoted(self, frame: Frame) -> bool:
        """Let a price be wrong, once right ones were told: what a connection begins with is so."""
        if self.greeting or not frame.head.startswith((TICKER, TRADES)):
            return False
        if frame.head.startswith(TICKER) and self._faults.strike("book_crossed") is not None:
            self._spoil(frame, cross_book)
            return True
        kind = TRADES if frame.head.startswith(TRADES) else TICKER
        known, self._told = kind in self._told, self._told | {kind}
        if not known or (draw := self._faults.strike("price_absurd")) is None:
            return False
        self._spoil(frame, partial(shift_prices, draw=draw))
        self.doomed = kind == TRADES  # a quote that nobody believes is no reason to go
        return True

    def _spoil(self, frame: Frame, spoil: Callable[[bytes], bytes]) -> None:
        """Send a message for which its client gives the connection up."""
        self.doomed = True
        self.sequence += 1
        self._outbox.append(wrap_text(spoil(frame.numbered(self.sequence))))

    def _may_break(self, frame: Frame) -> bool:
        """Break only between rounds: a client may drop what it received and has not read yet."""
        return not self.greeting and not self._outbox and frame.head.startswith(MARKET)

    def _repeat(self, frame: Frame) -> None:
        """Let more be sent than once; the message itself follows as the last of its kind."""
        strike = self._faults.strike
        if self._old and (draw := strike("frame_replayed")) is not None:
            number, message = self._old[draw.below(len(self._old))]
            self._outbox.append(message)
            self.doomed |= number == 0  # it looks as if the count began anew
        if strike("frame_repeated") is not None:
            self._put(frame)
            self.doomed |= self.sequence == 0
            self.sequence -= 1
        if frame.head.startswith(MARKET) and strike("burst") is not None:
            for _ in range(BURST - 1):
                self._put(frame)
        if strike("frames_late") is not None:
            self._falls_behind = True

    def _lose(self, more: int) -> None:
        self.doomed = True
        self._losing = more
        self.sequence += 1
        self.missing.append(self.sequence)

    def _end(self) -> None:
        self._ended = True
        self._lose(0)

    def _let_go(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self._put(*held)

    def _put(self, frame: Frame, sequence: int | None = None) -> None:
        """Send under the next number, or under one that was kept for it."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        message = wrap_text(frame.numbered(sequence))
        self._old.append((sequence, message))
        self._outbox.append(message)

    def _write_in_time(self, messages: bytes) -> None:
        """Write now, or later and later; never before what was to be written earlier."""
        if not self._falls_behind:
            self._straight(messages)
            return
        loop = asyncio.get_running_loop()
        is_armed = "frames_late" in self._faults.armed
        self._late_s = min(LATE_S_MAX, self._late_s + LATE_STEP_S) if is_armed else 0.0
        # A little more each time: timers of one moment would run in any order.
        self._due_s = max(self._due_s + 1e-6, loop.time() + self._late_s)
        loop.call_at(self._due_s, self._straight, messages)


class FaultyHub(Hub):
    """Publishes like `Hub`, but for what the user channel leaves out and what arrives late."""

    def __init__(self, venue: Venue, faults: Faults, late: LateCommands) -> None:
        super().__init__(venue)
        self._faults = faults
        self._late = late

    def publish(self, events: RoundEvents) -> None:
        """Publish what a round brought, and what requests that arrive only now do."""
        super().publish(events)
        super().publish_user(self._late.arrive(events.now_ns))

    def publish_user(self, updates: Sequence[UserUpdate]) -> None:
        """Publish changes of our orders; one that is lost is in the amounts of a later one."""
        super().publish_user(
            [update for update in updates if self._faults.strike("update_lost") is None]
        )

    def open_orders(self) -> list[Wire]:
        """Give the orders that a user snapshot lists; one of them may be forgotten."""
        orders = super().open_orders()
        if orders and (draw := self._faults.strike("snapshot_misses")) is not None:
            del orders[draw.below(len(orders))]
        return orders

    def subscribe(self, feed: Feed, channel: str, product_ids: Sequence[str]) -> None:
        """Add a subscription, refuse it, or say nothing at all."""
        assert isinstance(feed, FaultyFeed), "opened by our own door"
        if not feed.doomed and self._faults.strike("not_subscribed") is not None:
            feed.send_bare(build_error("authentication failure"))
            feed.doomed = True
        elif feed.doomed or self._faults.strike("unanswered") is None:
            feed.greeting = True
            super().subscribe(feed, channel, product_ids)
            feed.greeting = False
        else:
            feed.doomed = True

    def beat(self) -> Frame:
        """Give the heartbeat that comes next."""
        return build_heartbeat(self._venue.now_ns, self._heartbeat_counter)


class FaultyFeedSocket(FeedSocket):
    """A client's connection whose messages may meet a fault."""

    def initialize(
        self, door: Door, hub: FaultyHub | None = None, faults: Faults | None = None
    ) -> None:
        """Take what all connections share (called by tornado)."""
        assert hub is not None and faults is not None
        self._faults, self._beat = faults, hub.beat
        super().initialize(door)

    def make_feed(self, feed_id: str) -> Feed:
        """Make what numbers the messages of this connection."""
        return FaultyFeed(feed_id, self.write_bytes, self._cut, self._faults, self._beat)

    def _cut(self) -> None:
        connection = self.ws_connection
        if connection is not None and connection.stream is not None:
            connection.stream.close()
