"""Real speed, or a multiple of it: the tape's items are released when their time comes."""

import asyncio
from collections.abc import Callable

from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue

HEARTBEATS_PER_S_MAX = 10  # of the machine's seconds, however fast the tape runs
BATCH_S = 0.005  # so long may a late tape hold up the requests


class Pace:
    """Plays the tape against the machine's clock, and beats the heart once a tape second.

    Parameters
    ----------
    venue
        What moves.
    multiple
        Tape seconds per machine second, above 0.
    """

    def __init__(self, venue: Venue, multiple: float) -> None:
        self._venue = venue
        self._multiple = multiple
        self._tape_origin_ns = venue.now_ns
        self._wall_origin_s = 0.0
        self._beats = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def start(self, hub: Hub, fail: Callable[[BaseException], None]) -> None:
        """Let the tape run from where it stands; ``fail`` is told when that cannot be recorded."""
        self._tape_origin_ns = self._venue.now_ns
        self._wall_origin_s = asyncio.get_running_loop().time()
        self._release(hub, fail)
        self._beat(hub, fail)

    def stop(self) -> None:
        """Stop the tape where it is."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def tick(self, hub: Hub) -> None:
        """Bring the venue's clock to this moment; it runs on between the items of the tape.

        Raises
        ------
        JournalError
            An order's end could not be written down; time stands still.
        """
        if self._timers:
            elapsed_s = asyncio.get_running_loop().time() - self._wall_origin_s
            running_ns = self._tape_origin_ns + int(elapsed_s * self._multiple * SECOND_NS)
            hub.publish(self._venue.advance_clock(running_ns))

    def _release(self, hub: Hub, fail: Callable[[BaseException], None]) -> None:
        """Release what is due, for a few milliseconds at most, and come back for the next."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        due_ns = self._venue.due_ns()
        while due_ns is not None and self._wall_s(due_ns) <= loop.time() < begun_s + BATCH_S:
            try:
                hub.publish(self._venue.advance_item())
            except JournalError as error:
                fail(error)
                return
            due_ns = self._venue.due_ns()
        hub.flush()
        if due_ns is not None:
            self._timers["release"] = loop.call_at(self._wall_s(due_ns), self._release, hub, fail)

    def _beat(self, hub: Hub, fail: Callable[[BaseException], None]) -> None:
        self._beats += 1
        try:
            self.tick(hub)
        except JournalError as error:
            fail(error)
            return
        hub.heartbeat(self._venue.now_ns, self._beats)
        hub.flush()
        wait_s = max(1 / self._multiple, 1 / HEARTBEATS_PER_S_MAX)
        loop = asyncio.get_running_loop()
        self._timers["beat"] = loop.call_later(wait_s, self._beat, hub, fail)

    def _wall_s(self, tape_ns: int) -> float:
        """Give the loop's time at which the tape reaches a time."""
        ahead_s = (tape_ns - self._tape_origin_ns) / SECOND_NS
        return self._wall_origin_s + ahead_s / self._multiple
