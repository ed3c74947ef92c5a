"""Ask the exchange what it knows, settle every unknown, compare the books.

Runs at each start, after each gap of the feed, while an outcome is unknown, and at the end.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelAnswered,
    Event,
    ForeignOrderSeen,
    OrderAbsent,
    OrderLost,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.live.desk import Desk

Take = Callable[[Event], Awaitable[None]]

ABSENT_AFTER_S = 150.0
"""A request is signed for 120 s of the machine's clock; with 30 s to spare, none sent before can
be accepted any more. The exchange's clock is no measure: a tape's runs faster."""
LISTINGS_MIN = 2
"""One listing proves nothing: listings lag."""
LOOK_BACK_NS = 60_000_000_000
"""Listings begin this much before the oldest open question, for clocks that differ a little."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account beside our books."""

    totals: dict[str, Decimal]
    differences: dict[str, Decimal]  # account minus ledger, only what is not zero


class Reconciliation:
    """Brings our orders and books to the exchange's word, through events only."""

    def __init__(
        self,
        engine: Engine,
        rest: RestClient,
        desk: Desk,
        take: Take,
        machine_s: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._rest = rest
        self._desk = desk
        self._take = take
        self._machine_s = machine_s
        self._listings: dict[str, int] = {}  # full listings that did not show an order
        self._unlisted_s: dict[str, float] = {}  # when the first of them was made
        self._foreign: set[str] = set()

    async def orders(self) -> None:
        """List the orders since the oldest open question and take in what they say."""
        questions = self._engine.orders.working()
        if not questions:
            return
        start_ns = min(order.intended_ns for order in questions) - LOOK_BACK_NS
        product_ids = tuple(self._engine.markets)
        words = await self._desk.call(lambda: self._rest.orders(start_ns, product_ids))
        listed = set()
        for word in words:
            listed.add(word.client_order_id)
            if self._engine.orders.get(word.client_order_id) is not None:
                await self.word(word, self._engine.now_ns)
            else:
                await self.foreign(word)
        for order in questions:
            if order.client_order_id not in listed:
                await self._unlisted(order)

    async def word(self, word: OrderWord, ts_ns: int) -> None:
        """Take in one cumulative word on an order of ours."""
        for event in await self._desk.news_of(word, ts_ns):
            await self._take(event)

    async def foreign(self, word: OrderWord) -> None:
        """Show an order that is not ours, once."""
        if word.order_id in self._foreign:
            return
        self._foreign.add(word.order_id)
        await self._take(
            ForeignOrderSeen(
                self._engine.now_ns, word.order_id, word.client_order_id, word.product_id
            )
        )

    async def books(self) -> None:
        """Compare the ledger with the account and write down how they differ, if they do."""
        differences = (await self.account()).differences
        await self._take(BooksCompared(self._engine.now_ns, differences))

    async def account(self) -> Account:
        """What the account holds now, and where that is not what the ledger expects."""
        assert self._engine.allocation is not None
        totals = await self._desk.call(self._rest.balances)
        differences = self._engine.allocation.differences(self._engine.ledger, totals)
        return Account(totals, differences)

    async def lost_in_a_crash(self) -> None:
        """An intent without an answer in a resumed log is an order of unknown outcome."""
        for order in self._engine.orders.working():
            if order.status is OrderStatus.INTENDED:
                await self._take(
                    OrderLost(self._engine.now_ns, order.client_order_id, "no answer on record")
                )

    async def never_arrived(self) -> None:
        """Settle what a new exchange process does not list: the old one took its sockets along.

        No request of before can reach it any more, so here no time has to pass.
        """
        for _ in range(LISTINGS_MIN):
            await self.orders()
        for order in self._engine.orders.working():
            listings = self._listings.get(order.client_order_id, 0)
            if order.status is OrderStatus.UNKNOWN and listings >= LISTINGS_MIN:
                name = order.client_order_id
                await self._take(OrderAbsent(self._engine.now_ns, name, listings))

    async def unanswered_cancels(self) -> None:
        """Let a cancel without an effect be asked for again; to ask twice does no harm."""
        for order in self._engine.orders.working():
            if order.cancel_asked:
                await self._take(
                    CancelAnswered(
                        self._engine.now_ns,
                        order.client_order_id,
                        accepted=False,
                        reason="no effect since the start",
                    )
                )

    async def opening_balances(self) -> None:
        """Write down what the account holds before the first order."""
        totals = await self._desk.call(self._rest.balances)
        await self._take(BalancesSeen(self._engine.now_ns, totals))

    async def _unlisted(self, order: Order) -> None:
        """Count a listing without the order; enough of them, late enough, are the answer no."""
        if order.status not in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
            return  # the exchange has confirmed it once: a listing that lags changes nothing
        name = order.client_order_id
        self._listings[name] = self._listings.get(name, 0) + 1
        # The first such listing came after the request, so the request is at least as old.
        now_s = self._machine_s()
        age_s = now_s - self._unlisted_s.setdefault(name, now_s)
        if self._listings[name] >= LISTINGS_MIN and age_s >= ABSENT_AFTER_S:
            await self._take(OrderAbsent(self._engine.now_ns, name, self._listings[name]))
