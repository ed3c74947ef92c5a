"""The live loop: everything that arrives goes through one queue, one at a time, into `step`.

In lockstep an answer is awaited before the next frame is taken, and the tape waits for us. In
real time requests are tasks, and their answers queue up like any other input.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from gpt_trader.coinbase.heard import Disconnected, Gap, Heard, Ready
from gpt_trader.coinbase.order_word import OrderWord, UserOrder
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.stream import Stream
from gpt_trader.domain.errors import ExchangeUnreachable
from gpt_trader.domain.events import (
    CancelAnswered,
    ClockTicked,
    Event,
    FeedChanged,
    OrderAccepted,
    OrderFilled,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    Request,
    SessionClosed,
    StopRequested,
    TradesSeen,
)
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from gpt_trader.live.desk import Desk
from gpt_trader.live.history import History
from gpt_trader.live.lockstep import Barrier, Finished, Lockstep
from gpt_trader.live.reconciliation import Reconciliation
from gpt_trader.live.record import Record
from gpt_trader.live.seams import READER_DELAY_S, Probes, monotonic_s

INBOX_MAX = 10_000
SILENCE_S_MAX = 60.0  # of the machine's clock, in lockstep: then the exchange is gone
SILENCE_LOOKS = 10
RECONCILE_NS = 5_000_000_000  # of event time, between two looks while an answer is owed
CLOSING_LOOKS, CLOSING_LOOK_S = 40, 0.1  # at orders whose cancel is asked for
BOOKS_NS = 3_600_000_000_000  # of event time, between two comparisons of the books

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Links:
    """The ways to the exchange."""

    rest: RestClient
    stream: Stream
    lockstep: Lockstep | None  # None: real time
    is_new_exchange: bool  # started by this process, after any earlier one of the session ended


@dataclass(frozen=True, slots=True)
class Until:
    """When a session ends by itself; None: not because of this."""

    candles: int | None  # watched ones, of all products together
    tape_ns: int | None  # the end of a tape that plays on the clock and says nothing at its end


class Loop:
    """One running session."""

    def __init__(
        self,
        engine: Engine,
        record: Record,
        links: Links,
        probes: Probes,
        delays: random.Random | None,
    ) -> None:
        self.engine = engine
        self.record = record
        self.recovered = False
        self.turned_s = self.heard_s = monotonic_s()
        self._links = links
        self._probes = probes
        self._delays = delays
        self._outbox: deque[Request] = deque()
        self._inbox: asyncio.Queue[object] = asyncio.Queue(INBOX_MAX)
        self.desk = Desk(links.rest, engine, probes)
        self.books = Reconciliation(engine, links.rest, self.desk, self.take, monotonic_s)
        self._history = History(engine, links.rest, self.desk, self.take)
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled_sequence = -1
        self._barrier: Barrier | None = None
        self._ready = False
        self._stop: str | None = None
        self._failure: BaseException | None = None
        self._reconciled_ns = self._compared_ns = engine.now_ns

    # --- from outside -----------------------------------------------------------------------

    def put(self, request: Request) -> None:
        """The engine's outbox: what is put here leaves after the log is durable."""
        self._outbox.append(request)

    def stop(self, reason: str) -> None:
        """End the session in good order."""
        self._stop = reason
        self._wake()

    async def recover(self) -> None:
        """Settle what a crash left open and compare the books; nothing is decided before."""
        await self.books.lost_in_a_crash()
        await self.books.orders()
        if self._links.is_new_exchange:
            await self.books.never_arrived()
        await self.books.unanswered_cancels()
        await self.books.books()
        self.record.commit_durable()
        self.recovered = True

    async def run(self, until: Until) -> str:
        """Trade until the end is reached or a stop is asked for; return which."""
        readers = [asyncio.create_task(self._read(self._links.stream))]
        if self._links.lockstep is not None:
            readers.append(asyncio.create_task(self._read(self._links.lockstep.messages())))
            readers.append(asyncio.create_task(self._watch()))
        for reader in readers:
            reader.add_done_callback(self._note_failure)
        try:
            return await self._turn(until)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def close(self, reason: str) -> None:
        """Cancel what works, take in how it ended, compare the books and close the log.

        It stays open while an order has not ended or the books differ: the next start goes on.
        """
        await self.take(StopRequested(self.engine.now_ns, reason))
        await self._land()
        for _ in range(CLOSING_LOOKS):
            await self.books.orders()
            if not self.engine.orders.working():
                break
            await asyncio.sleep(CLOSING_LOOK_S)
        await self.books.books()
        if self.engine.books_agree and not self.engine.orders.working():
            await self.take(SessionClosed(self.engine.now_ns, reason))
        self.record.commit_durable()

    # --- one at a time ----------------------------------------------------------------------

    async def take(self, event: Event) -> None:
        """Take one event through `step`, then let its requests leave."""
        step(event, self.engine, self.record, self)
        if isinstance(event, OrderFilled):
            order = self.engine.orders.get(event.client_order_id)
            if order is not None and order.booked_lots < order.lots:
                self._probes.passed("partial_fill")
        if self._outbox:
            await self._empty_outbox()

    async def _empty_outbox(self) -> None:
        self.record.commit_durable()
        self._probes.passed("intent_durable")
        requests = tuple(self._outbox)
        self._outbox.clear()
        for request in requests:
            if self._links.lockstep is not None or self.engine.stopping:
                await self.take(await self.desk.send(request))
            else:
                self._spawn(request)

    def _spawn(self, request: Request) -> None:
        async def deliver() -> None:
            await self._inbox.put(await self.desk.send(request))

        task = asyncio.create_task(deliver())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._note_failure)

    async def _land(self) -> None:
        """Take in the answers that are still on their way; the market's news no longer matters."""
        while self._tasks or not self._inbox.empty():
            while not self._inbox.empty():
                match self._inbox.get_nowait():
                    case (
                        OrderAccepted() | OrderRejected() | OrderLost() | CancelAnswered() as answer
                    ):
                        await self.take(answer)
                    case _:
                        pass
            if self._tasks:
                landed, _ = await asyncio.wait(self._tasks)
                self._tasks -= landed
        if self._failure is not None:
            raise self._failure

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """A reader or a request that breaks ends the session: silence would look like health."""
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = failure
            self._wake()

    def _wake(self) -> None:
        if self._inbox.empty():
            self._inbox.put_nowait(None)

    def _over(self, until: Until) -> str | None:
        """Why the session ends now, or None."""
        if self._stop is not None:
            return self._stop
        if until.candles is not None and self.engine.counts["candles"] >= until.candles:
            return f"{until.candles} candles are over"
        if until.tape_ns is not None and self.engine.now_ns >= until.tape_ns:
            return "the tape ended"
        return None

    async def _turn(self, until: Until) -> str:
        while (reason := self._over(until)) is None:
            item = await self._inbox.get()
            self.turned_s = monotonic_s()
            if self._failure is not None:
                raise self._failure
            match item:
                case Finished():
                    return "the tape ended"
                case Barrier():
                    self._barrier = item
                case Heard():
                    self.heard_s = self.turned_s
                    await self._heard(item)
                case None:
                    pass  # a wake-up: the loop's condition says what for
                case _:
                    await self.take(item)  # type: ignore[arg-type]
            if self._links.lockstep is not None:
                await self._settle(self._links.lockstep)
            elif self._inbox.empty():
                self.record.commit()
        return reason

    async def _watch(self) -> None:
        """In lockstep the exchange always has something to say: long silence is its end."""
        looks, seen_s = 0, self.turned_s
        while looks < SILENCE_LOOKS:
            await asyncio.sleep(SILENCE_S_MAX / SILENCE_LOOKS)
            # Looks are counted, not seconds: while we are busy ourselves, nobody is silent.
            looks = looks + 1 if self.turned_s == seen_s else 0
            seen_s = self.turned_s
        raise ExchangeUnreachable(f"nothing from the exchange for {SILENCE_S_MAX:g} s")

    async def _heard(self, heard: Heard) -> None:
        for item in heard.items:
            match item:
                case TradesSeen() | QuoteSeen():
                    if item.product_id in self.engine.markets:
                        await self.take(item)
                case ClockTicked():
                    await self.take(item)
                    await self._each_tick()
                case UserOrder():
                    await self._order_word(item, item.ts_ns)
                case Ready():
                    await self._feed_is_ready()
                case Gap():
                    pass  # the stream drops the connection, and says so next
                case Disconnected(reason=reason):
                    self._ready = False
                    await self.take(FeedChanged(self.engine.now_ns, False, reason))
        self._settled_sequence = heard.sequence

    async def _order_word(self, word: OrderWord, ts_ns: int) -> None:
        if self.engine.orders.get(word.client_order_id) is None:
            await self.books.foreign(word)
        else:
            await self.books.word(word, ts_ns)

    async def _feed_is_ready(self) -> None:
        """After every (re)connect: what happened meanwhile is asked for, not assumed."""
        await self.books.orders()
        self._ready = True
        await self.take(FeedChanged(self.engine.now_ns, True, "subscribed, snapshots taken in"))
        await self._history.fill()

    async def _each_tick(self) -> None:
        now_ns = self.engine.now_ns
        await self._history.fill()
        if now_ns - self._reconciled_ns >= RECONCILE_NS and self._owed():
            self._reconciled_ns = now_ns
            await self.books.orders()
        if now_ns - self._compared_ns >= BOOKS_NS and not self.engine.orders.working():
            self._compared_ns = now_ns
            await self.books.books()

    def _owed(self) -> bool:
        """An answer or a fill is missing that the exchange can give."""
        late_ns = self.engine.now_ns - RECONCILE_NS
        return any(
            order.owes_fills or (not order.order_id and order.intended_ns <= late_ns)
            for order in self.engine.orders.working()
        )

    async def _settle(self, lockstep: Lockstep) -> None:
        """Answer the barrier once all before it is processed and on disk."""
        barrier = self._barrier
        if barrier is None or not self._ready or self._settled_sequence < barrier.sequence:
            return
        self._barrier = None
        self.record.settle()
        await lockstep.settle(self._settled_sequence)

    # --- readers ----------------------------------------------------------------------------

    async def _read(self, source: AsyncIterator[Item]) -> None:
        """Bring what a connection yields into the queue."""
        async for item in source:
            if self._delays is not None:
                await asyncio.sleep(self._delays.random() * READER_DELAY_S)
            await self._inbox.put(item)
