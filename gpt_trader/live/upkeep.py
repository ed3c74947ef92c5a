"""The looks at the exchange that no frame replaces: at owed answers, at the books, at old candles.

None of them may end a session: while the exchange gives no answer, entries stop and it is asked
again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.domain.errors import ExchangeUnreachable, WireError
from gpt_trader.domain.order import TimeInForce
from gpt_trader.engine.engine import Engine
from gpt_trader.live.feed import Feed, Part
from gpt_trader.live.history import History
from gpt_trader.live.reconciliation import Reconciliation

OWED_S = 5.0  # an answer may be late so long, and so long passes between two looks
RESTING_S = 60.0  # of the machine's clock
RESTING_TAPE_S = 600.0  # in lockstep, where the tape waits for us and words are lost by faults only
BOOKS_NS = 3_600_000_000_000  # of event time, between two comparisons of the books
UNREADABLE_MAX = 5  # answers in a row: then what the exchange says is not what we know to read
OFTEN_NS = 60_000_000_000  # the same while they differ, or where funding moves the cash


@dataclass(frozen=True, slots=True)
class Pace:
    """By which clock looks are due."""

    now_s: Callable[[], float]
    resting_s: float  # between two looks at orders that just rest, for a last word that was missed


class Upkeep:
    """Keeps orders, books and candles at the exchange's word while a session runs."""

    def __init__(
        self, engine: Engine, books: Reconciliation, history: History, feed: Feed, pace: Pace
    ) -> None:
        self._engine = engine
        self._books = books
        self._history = history
        self._feed = feed
        self._pace = pace
        self._asked_s = pace.now_s()
        self._owed_since_s: dict[str, float] = {}  # by client order id
        self._compared_ns = engine.now_ns
        self._of_contracts = engine.opened.products[0].contract is not None
        self._unreadable = 0  # answers in a row
        self._refused = False
        self._doubted = False

    async def connected(self) -> None:
        """After every (re)connect: what happened meanwhile is asked for, not assumed."""
        await self.orders()
        await self._feed.mend(Part.CONNECTION, "subscribed, snapshots taken in")
        await self._history.fill()

    async def word(self, word: OrderWord, ts_ns: int) -> None:
        """Take in a word on an order of ours; its fills are asked for."""
        await self._ask(lambda: self._books.word(word, ts_ns))

    async def ticked(self) -> None:
        """The exchange's clock moved."""
        await self._history.fill()
        now_ns = self._engine.now_ns
        seldom = self._engine.books_agree and not self._of_contracts
        every_ns = BOOKS_NS if seldom else OFTEN_NS
        if now_ns - self._compared_ns >= every_ns and not self._feed.fails(Part.READS):
            self._compared_ns = now_ns
            await self._ask(self._books.books)

    def doubt(self) -> None:
        """The exchange refused what our books allow: it knows something we were not told."""
        self._doubted = True

    def foreign(self) -> None:
        """Somebody else's order moves a position in contracts, which is the account's: look."""
        if self._of_contracts:
            self._compared_ns = -OFTEN_NS

    async def look(self) -> None:
        """List the orders if an answer is overdue, or if the last question got none.

        A key that was refused is not tried in a hot loop.
        """
        if self._refused and self._pace.now_s() - self._asked_s < OWED_S:
            return
        if self._doubted or self._feed.fails(Part.READS) or self._is_due():
            await self.orders()

    async def orders(self) -> None:
        """List the orders; without an answer they are asked for again by the next look.

        Raises
        ------
        WireError
            No answer could be read, several times in a row.
        """
        self._asked_s, self._doubted = self._pace.now_s(), False
        await self._ask(self._books.orders)

    async def fees(self) -> None:
        """See once more what our fills have cost; without an answer the books' comparison does."""
        await self._ask(self._books.fees)

    async def _ask(self, question: Callable[[], Awaitable[object]]) -> None:
        """Ask; without an answer entries stop, until a listing of the orders succeeds."""
        try:
            await question()
        except ExchangeUnreachable as e:
            await self._feed.lose(Part.READS, f"a question is not answered: {e}")
        except NotAuthorized as e:
            self._refused = True
            await self._feed.lose(Part.READS, f"the key is not accepted: {e}")
        except WireError as e:
            self._unreadable += 1
            if self._unreadable >= UNREADABLE_MAX:
                raise
            await self._feed.lose(Part.READS, f"an answer cannot be read: {e}")
        else:
            self._refused, self._unreadable = False, 0
            if question == self._books.orders:
                await self._feed.mend(Part.READS, "questions are answered again")

    def _is_due(self) -> bool:
        now_s = self._pace.now_s()
        self._owed_since_s = {
            order.client_order_id: self._owed_since_s.get(order.client_order_id, now_s)
            for order in self._engine.orders.at_exchange()
            if _owes_an_answer(order)
        }
        oldest_s = min(self._owed_since_s.values(), default=now_s)
        if now_s - max(oldest_s, self._asked_s) >= OWED_S:
            return True
        return now_s - self._asked_s >= self._pace.resting_s


def _owes_an_answer(order: Order) -> bool:
    """It should not stay as it is for long: the exchange knows more of it than we."""
    return (
        not order.order_id
        or order.owes_fills
        or order.cancel_asked
        or order.edit_lost
        or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    )
