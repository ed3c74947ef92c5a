"""Ask the exchange what it knows, settle every unknown, compare the books.

Runs at each start, after each gap of the feed, while an outcome is unknown, and at the end.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.order_word import ForeignOrder, OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_fills import FillWord
from gpt_trader.domain.errors import ExchangeUnreachable
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelAnswered,
    CancelAsked,
    EditAnswered,
    EditLost,
    Event,
    ForeignOrderSeen,
    OrderAbsent,
    OrderLost,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.live.desk import Desk
from gpt_trader.live.wallet import Wallet

Take = Callable[[Event], Awaitable[None]]

ABSENT_AFTER_S = 150.0
"""A request is signed for 120 s of the machine's clock; with 30 s to spare, none sent before can
be accepted any more. The exchange's clock is no measure: a tape's runs faster."""
LISTINGS_MIN = 2
"""One listing proves nothing: listings lag. Only those made after that time count."""
ABSENT_DAYS_NS = 86_400_000_000_000
"""An order called absent is looked for so long: should it surface after all, it is taken back."""
LAST_WORD_S = 2.0
LOOKS_MAX = 3
"""At books that differ: fills that happen between the two halves of a look pass by themselves."""
FILLED_MAX = 200
"""Orders whose fills are listed again for fees that Coinbase has changed: the newest, in at most a
request for each hundred and one for each further page."""
LOOK_BACK_NS = 60_000_000_000
"""Listings begin this much before the oldest open question, for clocks that differ a little."""

HALF_EDIT = "an edit that was carried out by half"


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
        self._listings: dict[str, int] = {}  # late listings that did not show an order
        self._unlisted_s: dict[str, float] = {}  # when the first of all was made
        self._edits_lost_s: dict[str, float] = {}  # by client order id, since when
        self._foreign: set[str] = set()
        of_contracts = engine.opened.products[0].contract is not None
        self._wallet = Wallet(engine, rest, desk, take) if of_contracts else None

    async def orders(self) -> None:
        """List the orders since the oldest open question and take in what they say."""
        working = self._engine.orders.at_exchange()
        questions = (*working, *self._absent_lately())
        if not questions:
            return
        start_ns = min(order.intended_ns for order in questions) - LOOK_BACK_NS
        product_ids = tuple(self._engine.markets)
        asked_s = self._machine_s()
        words = await self._desk.call(lambda: self._rest.orders(start_ns, product_ids))
        listed = set()
        for word in reversed(words):  # oldest first, the order in which they may have filled
            listed.add(word.client_order_id)
            match word:
                case OrderWord() if self._engine.orders.get(word.client_order_id) is not None:
                    await self.word(word, self._engine.now_ns)
                case _:
                    await self.foreign(word)
        for order in working:
            if order.client_order_id not in listed:
                await self._unlisted(order.client_order_id, asked_s)
        await self._edits(ABSENT_AFTER_S)

    async def word(self, word: OrderWord, ts_ns: int) -> None:
        """Take in one cumulative word on an order of ours."""
        for event in await self._desk.news_of(word, ts_ns):
            await self._take(event)

    async def foreign(self, word: OrderWord | ForeignOrder) -> None:
        """Show an order that is not ours, once."""
        if word.order_id in self._foreign:
            return
        self._foreign.add(word.order_id)
        await self._take(
            ForeignOrderSeen(
                self._engine.now_ns, word.order_id, word.client_order_id, word.product_id
            )
        )

    async def books(self) -> Account:
        """Compare the ledger with the account and write down how they differ, if they do.

        A difference counts if it is still the same after the orders were listed again, and the
        fees of what they filled. Gives the account as it was compared.
        """
        account = await self.explained()
        await self._take(BooksCompared(self._engine.now_ns, account.differences))
        return account

    async def last_books(self, keeps_pace: bool) -> Account:
        """Compare the books as a session's last word.

        The looks before it may have used up what Coinbase takes in a second, unless its clock
        stands still for us: without an answer they are compared once more, a little later.
        """
        if keeps_pace:
            with suppress(ExchangeUnreachable):
                return await self.books()
            await asyncio.sleep(LAST_WORD_S)
        return await self.books()

    async def explained(self) -> Account:
        """The account beside the books, once they know all that the exchange tells of orders."""
        account = await self.account()
        for _ in range(LOOKS_MAX):
            if not account.differences:
                break
            await self.orders()
            if self._wallet is not None:
                await self._wallet.liquidations()
            if self._quote in account.differences:
                await self.fees()
            seen, account = account, await self.account()
            if seen.differences == account.differences:
                break
        return account

    async def fees(self) -> None:
        """List again what our orders filled: Coinbase may revise a fee after we booked it."""
        filled = [order for order in self._engine.orders.all() if order.booked_lots]
        orders = {order.order_id: order for order in filled[-FILLED_MAX:]}
        if not orders:
            return
        rows: dict[str, list[FillWord]] = {}
        for row in await self._desk.call(lambda: self._rest.fills(list(orders), None)):
            rows.setdefault(row.order_id, []).append(row)
        for order_id, order in orders.items():
            for event in self._desk.unbooked(rows.get(order_id, ()), order):
                await self._take(event)

    async def account(self) -> Account:
        """What the account holds now, and where that is not what the ledger expects."""
        assert self._engine.allocation is not None
        totals = await self._totals()
        differences = self._engine.allocation.differences(self._engine.ledger, totals)
        return Account(totals, differences)

    async def lost_in_a_crash(self) -> None:
        """An intent without an answer in a resumed log is an order of unknown outcome."""
        for order in self._engine.orders.working():
            name, now_ns = order.client_order_id, self._engine.now_ns
            if order.status is OrderStatus.INTENDED:
                await self._take(OrderLost(now_ns, name, "no answer on record"))
            elif order.edit_lots:
                await self._take(EditLost(now_ns, name, "no answer on record"))

    async def never_arrived(self) -> None:
        """Settle what a new exchange process does not list: the old one took its sockets along.

        No request of before can reach it any more, so here no time has to pass.
        """
        for _ in range(LISTINGS_MIN):
            await self.orders()
        await self._edits(0.0)
        for order in self._engine.orders.working():
            if order.status is OrderStatus.UNKNOWN and order.client_order_id in self._unlisted_s:
                name = order.client_order_id
                await self._take(OrderAbsent(self._engine.now_ns, name, LISTINGS_MIN))

    async def _edits(self, window_s: float) -> None:
        """Settle edits without an answer by what the orders are now.

        An order that shows the edit has it. One that does not may get it yet, for as long as the
        request's signature holds: `window_s`, from the first look on. One that shows a part of it
        is what nobody wants: it is cancelled, and counts as the worse of old and new to its end.
        """
        for order in self._engine.orders.working():
            if not order.edit_lost or not order.order_id:
                continue
            name, order_id = order.client_order_id, order.order_id
            since_s = self._edits_lost_s.setdefault(name, self._machine_s())
            shown = await self._desk.call(partial(self._rest.terms, order_id))
            product = self._engine.products[order.product_id]
            accepted = shown == order.edit_terms(product)
            if not accepted and shown != order.terms(product):
                await self._take(CancelAsked(self._engine.now_ns, HALF_EDIT, (name,)))
                continue
            if accepted or self._machine_s() - since_s >= window_s:
                del self._edits_lost_s[name]
                why = "" if accepted else "the order does not show it"
                await self._take(EditAnswered(self._engine.now_ns, name, accepted, why))

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
        totals = await self._totals()
        await self._take(BalancesSeen(self._engine.now_ns, totals))

    @property
    def _quote(self) -> str:
        """The one quote currency of the session."""
        return self._engine.opened.products[0].quote

    async def _totals(self) -> dict[str, Decimal]:
        if self._wallet is not None:
            return await self._wallet.totals()
        products = self._engine.opened.products
        ours = {name for product in products for name in (product.base, product.quote)}
        return await self._desk.call(lambda: self._rest.balances(ours))

    def _absent_lately(self) -> tuple[Order, ...]:
        since_ns = self._engine.now_ns - ABSENT_DAYS_NS
        return tuple(
            order
            for order in self._engine.orders.all()
            if order.status is OrderStatus.ABSENT and order.intended_ns >= since_ns
        )

    async def _unlisted(self, name: str, asked_s: float) -> None:
        """Count a listing without the order; enough of them, late enough, are the answer no.

        One that is in flight was not to be listed yet, and one that the exchange has confirmed
        once is there: a listing that lags changes nothing. Both are left alone.
        """
        order = self._engine.orders.get(name)
        if order is None or order.status is not OrderStatus.UNKNOWN:
            return
        # The first such listing came after the request, so the request is at least as old.
        if asked_s - self._unlisted_s.setdefault(name, self._machine_s()) < ABSENT_AFTER_S:
            return
        self._listings[name] = self._listings.get(name, 0) + 1
        if self._listings[name] >= LISTINGS_MIN:
            await self._take(OrderAbsent(self._engine.now_ns, name, self._listings[name]))
