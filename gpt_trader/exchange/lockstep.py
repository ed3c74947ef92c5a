"""Lockstep: the tape moves by one round when the session says that it is done with the last.

A private channel beside Coinbase's protocol, on the path ``/lockstep``; JSON texts both ways:
client ``hello`` (feed, jwt) -> ``tape`` -> ``barrier`` (round, sequence) -> client ``settled``
(sequence) -> the next round's messages on the feed, then ``barrier`` again, or ``finished``.
"""

from collections.abc import Callable

from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue

Send = Callable[[Wire], None]


class Lockstep:
    """Releases the tape round by round, on one session's word.

    Parameters
    ----------
    venue, tape, hub
        What moves, what it plays, and who is told.
    """

    def __init__(self, venue: Venue, tape: Tape, hub: Hub) -> None:
        self._venue = venue
        self._hub = hub
        self._tape = tape
        self._feed_id: str | None = None
        self._feed: Feed | None = None
        self._send: Send | None = None

    @property
    def begun(self) -> bool:
        """Tell if a session has said hello."""
        return self._feed_id is not None

    def hello(self, feed_id: str, send: Send) -> None:
        """Begin, or begin again after the session was restarted; the newest session counts."""
        self._feed_id, self._feed, self._send = feed_id, None, send
        send(self._describe_tape())
        feed = self._hub.find(feed_id)
        if feed is not None:
            self.subscribed(feed)

    def subscribed(self, feed: Feed) -> None:
        """Take note that a connection subscribed; the session's new one gets a barrier."""
        if feed.feed_id == self._feed_id and feed is not self._feed and feed.sequence >= 0:
            self._feed = feed
            self._send_barrier(feed)

    def settled(self, sequence: int, send: Send) -> None:
        """Release the next round if the session has processed all that its feed was sent.

        While the feed is away nothing moves: its return brings a new barrier. When more was
        sent meanwhile (the user messages of a new order), the barrier is sent again instead.
        """
        feed = self._hub.find(self._feed_id or "")
        if feed is None or feed is not self._feed or send != self._send:
            return
        if sequence == feed.sequence:
            if self._venue.round == self._venue.rounds:
                self._reply({"type": "finished", "rounds": self._venue.rounds})
                return
            self._release()
        self._send_barrier(feed)

    def leave(self, send: Send) -> None:
        """Forget a session whose control connection closed, unless a newer one took over."""
        if send == self._send:
            self._send = None

    def _describe_tape(self) -> Wire:
        return {
            "type": "tape",
            "round": self._venue.round,
            "rounds": self._venue.rounds,
            "now_ns": self._venue.now_ns,
            "products": list(self._tape.parts),
            "candle_s": self._tape.granularity_s,
            "seed": self._tape.seed,
            "tape_sha256": self._tape.sha256,
        }

    def _release(self) -> None:
        events = self._venue.advance()
        self._hub.publish(events)
        self._hub.heartbeat(events.now_ns, self._venue.round)
        self._hub.flush()

    def _send_barrier(self, feed: Feed) -> None:
        barrier = {"type": "barrier", "round": self._venue.round, "sequence": feed.sequence}
        self._reply(barrier)

    def _reply(self, message: Wire) -> None:
        if self._send is not None:
            self._send(message)
