"""The live loop: everything that arrives goes through one queue, one at a time, into `step`.

In lockstep an answer is awaited before the next frame is taken, and the tape waits for us. In
real time requests are tasks, and their answers queue up like any other input; while nothing arrives
the loop wakes by the machine's clock, since silence must not hide an order from us.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

from gpt_trader.coinbase.heard import Disconnected, Gap, Heard, Ready
from gpt_trader.coinbase.order_word import ForeignOrder, UserOrder
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import ExchangeUnreachable, TraderError
from gpt_trader.domain.events import (
    CancelAnswered,
    ClockTicked,
    EditAnswered,
    EditLost,
    Event,
    OrderAccepted,
    OrderFilled,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    Request,
    SessionClosed,
    SessionOpened,
    StopRequested,
    TradesSeen,
)
from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from gpt_trader.live.desk import EXCHANGE, NOT_AUTHORIZED, Desk, letters
from gpt_trader.live.feed import Feed, Part
from gpt_trader.live.history import History
from gpt_trader.live.lag import Lag
from gpt_trader.live.links import Links, Until
from gpt_trader.live.lockstep import Barrier, Finished, Lockstep
from gpt_trader.live.questions import Questions
from gpt_trader.live.reconciliation import Account, Reconciliation
from gpt_trader.live.record import Record
from gpt_trader.live.seams import READER_DELAY_S, Probes, monotonic_s
from gpt_trader.live.upkeep import RESTING_S, RESTING_TAPE_S, Pace, Upkeep
from gpt_trader.live.window import Window
from gpt_trader.settings import WHY_GUARDED

INBOX_MAX = 10_000
SILENCE_S_MAX = 60.0  # of the machine's clock, in lockstep: then the exchange is gone
SILENCE_LOOKS = 10
LOOK_S = 1.0  # of the machine's clock, in real time: whatever arrives or does not
LAG_S_MAX = 2.0  # an older frame says what the market was
QUEUE_S_MAX = 5.0  # the price of an order that waited longer is of another moment
COMMIT_ITEMS_MAX, COMMIT_S_MAX = 200, 1.0  # between two commits while the inbox is never empty
ANSWERED = "every request is answered"
CLOSING_LOOKS, CLOSING_LOOK_S = 40, 0.1  # at orders whose cancel is asked for
CLOSING_ASKS = 10  # looks between two cancels of the same order
CLOSING_S_MAX = 30.0  # for an exchange that gives no answer
LANDING_S_MAX = 2.0  # for answers on their way to a session that breaks down

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What a connection brought, and when by the machine's clock."""

    at_s: float
    item: object


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
        lockstep = links.lockstep is not None
        wait_s = None if lockstep else QUEUE_S_MAX
        self.desk = Desk(links.rest, engine, probes, links.control, wait_s)
        self.asking = Desk(links.asking, engine, probes, links.control, None)
        self.books = Reconciliation(engine, links.rest, self.desk, self.take, monotonic_s)
        self._feed = Feed(engine, self.take)
        history = History(engine, links.rest, self.desk, self.take)
        pace = Pace(self._event_s, RESTING_TAPE_S) if lockstep else Pace(monotonic_s, RESTING_S)
        self._upkeep = Upkeep(engine, self.books, history, self._feed, pace)
        self.window = (
            None
            if links.requests is None
            else Window(engine, Questions(links.asking, self.asking), self.take, links.requests)
        )
        self._lag = Lag()
        self._parted = asyncio.Event()  # the end of a connection is taken in
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled_sequence = -1
        self._barrier: Barrier | None = None
        self._stop: str | None = None
        self._failure: BaseException | None = None
        self._looked_s = self._committed_s = self.turned_s
        self._uncommitted = 0  # items

    # --- from outside -----------------------------------------------------------------------

    def put(self, request: Request) -> None:
        """The engine's outbox: what is put here leaves after the log is durable."""
        self._outbox.append(request)

    def stop(self, reason: str) -> None:
        """End the session in good order."""
        self._stop = reason
        self._wake()

    def tighten(self, wanted: TradingState, who: str) -> None:
        """Hold trading back as far as `wanted`, if it is not yet; to say it again does no harm."""
        self._links.control.tighten(wanted, who, WHY_GUARDED)

    def guard(self, task: asyncio.Task[None]) -> None:
        """End the session if `task` breaks: silence would look like health."""
        task.add_done_callback(self._note_failure)

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
        if self.window is not None:
            self.window.leaves = until.answered
            await self._serve()  # who ends an order is heard before the first price
        readers = [asyncio.create_task(self._read(self._links.stream))]
        if self._links.lockstep is not None:
            readers.append(asyncio.create_task(self._read(self._links.lockstep.messages())))
            readers.append(asyncio.create_task(self._watch()))
        for reader in readers:
            self.guard(reader)
        try:
            return await self._turn(until)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def close(self, reason: str) -> Account:
        """Cancel what works, take in how it ended, compare the books and close the log.

        It stays open while an order has not ended or the books differ: the next start goes on.
        """
        await self.take(StopRequested(self.engine.now_ns, reason))
        await self._land()
        begun_s = monotonic_s()
        for look in range(1, CLOSING_LOOKS + 1):
            # Without an answer the comparison of the books, below, says so as the last word.
            await self._upkeep.orders()
            if not self.engine.orders.working() or monotonic_s() - begun_s > CLOSING_S_MAX:
                break
            if look % CLOSING_ASKS == 0:
                await self.books.unanswered_cancels()
                await self.take(StopRequested(self.engine.now_ns, reason))
            await asyncio.sleep(CLOSING_LOOK_S)
        await self._upkeep.fees()  # two that changed may cancel out in the balance
        account = await self.books.last_books(self._links.lockstep is None)
        if self.engine.books_agree and not self.engine.orders.working():
            await self.take(SessionClosed(self.engine.now_ns, reason))
        self.record.commit_durable()
        return account

    async def leave(self) -> Account:
        """Go and let waiting orders wait: the next session by hand goes on with them."""
        await self._land()
        account = await self.books.explained()
        await self._land()
        self.record.commit_durable()
        return account

    def answer_all(self, fault: TraderError | None) -> None:
        """Answer every request that was taken: the session has ended, and its log is closed."""
        if self.window is not None:
            self.window.end(fault)
            self.window.tell()

    @property
    def can_abandon(self) -> bool:
        """Our own exchange in lockstep stands still without us: nothing can fill there."""
        return not (self._links.lockstep is not None and self._links.is_new_exchange)

    async def abandon(self) -> None:
        """Cancel at the exchange what may still fill, past the log, which may be what broke."""
        self.desk.stop_creating()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LANDING_S_MAX)
        order_ids = {order.order_id for order in self.engine.orders.working()}
        while not self._inbox.empty():
            match self._inbox.get_nowait():
                case OrderAccepted(order_id=order_id):
                    order_ids.add(order_id)
                case _:
                    pass
        if named := sorted(order_ids - {""}):
            await self.desk.cancel_at_once(named)

    # --- one at a time ----------------------------------------------------------------------

    async def take(self, event: Event) -> None:
        """Take one event through `step`, then let its requests leave."""
        match event:
            case TradingStateChanged():  # the record first: it outlives the session
                self._links.control.tighten(event.state, event.who, event.why, event.product_id)
                self._step(None)
            case _:
                self._step(event)
        if self.window is not None:
            self.window.note(event)
        if isinstance(event, OrderFilled):
            order = self.engine.orders.get(event.client_order_id)
            if order is not None and order.booked_lots < order.lots:
                self._probes.passed("partial_fill")
        if isinstance(event, CancelAnswered) and not event.accepted:
            self._upkeep.doubt()
        if isinstance(event, OrderRejected) and event.reason == NOT_AUTHORIZED:
            now_ns, state = self.engine.now_ns, TradingState.REDUCE_ONLY
            await self.take(TradingStateChanged(now_ns, state, EXCHANGE, event.message))
        if self._outbox:
            await self._empty_outbox()

    def _step(self, event: Event | None) -> None:
        """Take what changed in the trading state, then the event, and be inside the gate for both.

        Whoever shuts the gate finds every intent of before on disk, and no new one after it.
        """
        control = self._links.control
        with control.stepping():
            # A session's first event is what a replay makes its engine from.
            news = () if isinstance(event, SessionOpened) else control.news(self.engine)
            for each in (*news, event):
                if each is not None:
                    step(each, self.engine, self.record, self)
            if self._outbox or news:
                self.record.commit_durable()

    async def _follow(self) -> None:
        """Take in a change of the trading state that no event came with."""
        if self._links.control.moved:
            self._step(None)
        if self._outbox:
            await self._empty_outbox()

    async def _empty_outbox(self) -> None:
        self._probes.passed("intent_durable")
        requests = tuple(self._outbox)
        self._outbox.clear()
        for together in letters(requests):
            if self._links.lockstep is not None or self.engine.stopping:
                for answer in await self.desk.send(together):
                    await self.take(answer)
            else:
                self._spawn(together)

    def _spawn(self, together: tuple[Request, ...]) -> None:
        async def deliver() -> None:
            for answer in await self.desk.send(together):
                await self._inbox.put(answer)

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
                        OrderAccepted()
                        | OrderRejected()
                        | OrderLost()
                        | CancelAnswered()
                        | EditAnswered()
                        | EditLost()
                        | TradingStateChanged() as answer
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
        if self.window is not None and self.window.closing:
            return "a person closed it"
        if until.answered and self.window is not None and self.window.idle:
            return ANSWERED
        if until.tape_ns is not None and self.engine.now_ns >= until.tape_ns:
            return "the tape ended"
        return None

    async def _turn(self, until: Until) -> str:
        while (reason := self._over(until)) is None:
            item = await self._next()
            self.turned_s = monotonic_s()
            if self._failure is not None:
                raise self._failure
            await self._follow()
            match item:
                case _Arrival(item=Finished()):
                    return "the tape ended"
                case _Arrival(item=Barrier() as barrier):
                    self._barrier = barrier
                case _Arrival(at_s=at_s, item=Heard() as heard):
                    await self._keep_pace(at_s)
                    self.heard_s = at_s
                    await self._heard(heard)
                case None:
                    pass  # a wake-up: the loop's condition says what for
                case _:
                    await self.take(item)  # type: ignore[arg-type]
            if self._links.lockstep is not None:
                await self._settle(self._links.lockstep)
            else:
                await self._look()
                await self._serve()
                await self._commit()
        return reason

    async def _next(self) -> object:
        """The next item; in real time None after a while without one."""
        if self._links.lockstep is not None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout(LOOK_S if self.window is None else self.window.look_s):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def _keep_pace(self, arrived_s: float) -> None:
        """In real time an old frame must not be traded on as if it were news."""
        lag_s = self.turned_s - arrived_s
        if self._links.lockstep is None and lag_s > LAG_S_MAX:
            await self._feed.lose(Part.PACE, f"behind the market by {lag_s:.1f} s")

    async def _mind_age(self, ts_ns: int) -> None:
        """A frame that was long on its way is no news either, however fast we take it in."""
        if not self._links.keeps_time:
            return
        lag_s = self._lag.of(ts_ns, self.heard_s)
        if lag_s > LAG_S_MAX:
            await self._feed.lose(Part.AGE, f"frames come {lag_s:.1f} s late")
        else:
            await self._feed.mend(Part.AGE, "frames come in time again")

    async def _look(self) -> None:
        """In real time see every second to what is owed, whether frames come or not."""
        if self.turned_s - self._looked_s >= LOOK_S:
            self._looked_s = self.turned_s
            await self._upkeep.look()

    async def _serve(self) -> None:
        """Answer people once what they are told is on disk: they may look it up at once."""
        if self.window is None:
            return
        await self.window.serve()
        if self.window.answers:
            self.record.commit_durable()
            self.window.tell()

    async def _commit(self) -> None:
        """In real time write down what was taken in once nothing waits, and now and then."""
        self._uncommitted += 1
        drained = self._inbox.empty()
        if drained:
            await self._feed.mend(Part.PACE, "level with the market")
        late = self.turned_s - self._committed_s >= COMMIT_S_MAX
        if drained or late or self._uncommitted >= COMMIT_ITEMS_MAX:
            self.record.settle()
            self._uncommitted, self._committed_s = 0, self.turned_s

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
                    await self._mind_age(item.ts_ns)
                    await self.take(item)
                    await self._upkeep.ticked()
                    if self._links.lockstep is not None:
                        await self._upkeep.look()
                case UserOrder():
                    await self._order_word(item)
                case ForeignOrder():
                    await self.books.foreign(item)
                    self._upkeep.foreign()
                case Ready():
                    await self._upkeep.connected()
                case Gap():
                    pass  # the stream drops the connection, and says so next
                case Disconnected(reason=reason):
                    await self._feed.lose(Part.CONNECTION, reason)
                    self._parted.set()
        self._settled_sequence = heard.sequence

    async def _order_word(self, word: UserOrder) -> None:
        if self.engine.orders.get(word.client_order_id) is None:
            await self.books.foreign(word)
            self._upkeep.foreign()
        else:
            await self._upkeep.word(word, word.ts_ns)

    def _event_s(self) -> float:
        return self.engine.now_ns / 1e9

    async def _settle(self, lockstep: Lockstep) -> None:
        """Answer the barrier once all before it is processed and on disk."""
        barrier = self._barrier
        if barrier is None or self._settled_sequence < barrier.sequence:
            return
        if self._feed.fails(Part.CONNECTION):
            return
        self._barrier = None
        self.record.settle()
        await lockstep.settle(self._settled_sequence)

    # --- readers ----------------------------------------------------------------------------

    async def _read(self, source: AsyncIterator[Item]) -> None:
        """Bring what a connection yields into the queue.

        In lockstep nothing is connected anew before the end of the old connection is taken in:
        what the new one begins with must not depend on how far we are with the old one.
        """
        async for item in source:
            if self._delays is not None:
                await asyncio.sleep(self._delays.random() * READER_DELAY_S)
            waits = self._links.lockstep is not None and _ends_a_connection(item)
            if waits:
                self._parted.clear()
            await self._inbox.put(_Arrival(monotonic_s(), item))
            if waits:
                await self._parted.wait()


def _ends_a_connection(item: object) -> bool:
    return isinstance(item, Heard) and bool(item.items) and isinstance(item.items[-1], Disconnected)
