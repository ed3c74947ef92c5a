"""Requests out, the exchange's words back in, as events: what the loop hands to the engine.

The REST client blocks, so it runs on one worker thread; nothing here touches the engine's state.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from itertools import groupby
from typing import TypeVar

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_fills import FillWord, fill_event, is_execution
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown, WireError
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    EditAnswered,
    EditIntended,
    EditLost,
    Event,
    FeeRevised,
    OrderChanged,
    OrderIntended,
    OrderLost,
    OrderRejected,
    Request,
)
from gpt_trader.domain.order import WITHHELD, OrderStatus, TradingState
from gpt_trader.domain.product import Product, amount_of, cash_units_owed
from gpt_trader.engine.engine import Engine
from gpt_trader.live.control import Control, Withheld
from gpt_trader.live.seams import Probes, monotonic_s

NOT_AUTHORIZED = "NOT_AUTHORIZED"
"""Our own word, beside the exchange's reasons: it did not even look at the order."""

EXCHANGE = "the exchange"
"""Who holds trading back when an answer of the exchange does."""

ANSWER_S_MAX = 30.0
"""For one request or listing from its queue to its answer: a server that sends a byte now and then
passes every limit on single reads."""

FAREWELL_S_MAX = 3.0  # for the cancels of a session that breaks down

Answer = TypeVar("Answer")


def letters(requests: Sequence[Request]) -> Iterator[tuple[Request, ...]]:
    """Requests as they go out, in their order: cancels that follow one another go together."""
    for is_cancel, run in groupby(requests, lambda request: isinstance(request, CancelIntended)):
        if is_cancel:
            yield tuple(run)
        else:
            yield from ((request,) for request in run)


class _Ticket:
    """Leave for one request to go out, once; what is withdrawn before never goes."""

    def __init__(self, deadline_s: float | None) -> None:
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._is_used = False
        self._is_withdrawn = False

    def use(self) -> bool:
        """Whether the request may go out now."""
        with self._lock:
            late = self._deadline_s is not None and monotonic_s() > self._deadline_s
            if late or self._is_withdrawn:
                return False
            self._is_used = True
            return True

    def withdraw(self) -> bool:
        """Keep the request from going out; False if it is out already."""
        with self._lock:
            self._is_withdrawn = True
            return not self._is_used


class Desk:
    """The engine's counter at the exchange.

    `queue_s_max` is how long a create may wait for the worker: the market moves on meanwhile.
    None in lockstep, where it does not.
    """

    def __init__(
        self,
        rest: RestClient,
        engine: Engine,
        probes: Probes,
        control: Control,
        queue_s_max: float | None,
    ) -> None:
        self._rest = rest
        self._engine = engine
        self._probes = probes
        self._control = control
        self._queue_s_max = queue_s_max
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rest")
        self._creates_allowed = threading.Event()
        self._creates_allowed.set()
        self._strange: set[str] = set()  # entries that are no plain fill, told of already

    def close(self) -> None:
        """Let the worker finish what it does; what still waits never leaves."""
        self.stop_creating()
        self._worker.shutdown(cancel_futures=True)

    def stop_creating(self) -> None:
        """From now on no order and no edit leaves, queued ones included; cancels do."""
        self._creates_allowed.clear()

    async def call(self, question: Callable[[], Answer]) -> Answer:
        """Run one question to the exchange on the worker thread.

        Raises
        ------
        ExchangeUnreachable
            And all else that `question` raises: no answer within `ANSWER_S_MAX`.
        """
        try:
            return await self._run(question, _Ticket(None))
        except (OutcomeUnknown, Withheld) as e:
            raise ExchangeUnreachable(str(e)) from e

    async def send(self, together: Sequence[Request]) -> tuple[Event, ...]:
        """Send one of `letters`, whose intents are durable, and return its answers as events."""
        match together:
            case [OrderIntended() as create]:
                return (await self._create(create),)
            case [EditIntended() as edit]:
                return (await self._edit(edit),)
            case _:
                cancels = tuple(one for one in together if isinstance(one, CancelIntended))
                assert len(cancels) == len(together)
                return await self._cancel(cancels)

    async def cancel_at_once(self, order_ids: Sequence[str]) -> None:
        """Ask for the end of orders for the last time, whatever comes of it."""
        with suppress(OutcomeUnknown, NotAuthorized, Withheld, TimeoutError):
            async with asyncio.timeout(FAREWELL_S_MAX):
                await self._run(lambda: self._rest.cancel(order_ids), _Ticket(None))

    async def _run(
        self,
        request: Callable[[], Answer],
        ticket: _Ticket,
        gate: AbstractContextManager[None] | None = None,
    ) -> Answer:
        """Run a request on the worker; who waits before the gate may come too late to be sent."""

        def go() -> Answer:
            with gate or nullcontext():
                if not ticket.use():
                    raise Withheld("it waited too long to be sent")
                return request()

        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                return await asyncio.get_running_loop().run_in_executor(self._worker, go)
        except TimeoutError as e:
            if ticket.withdraw():
                raise Withheld(f"not sent within {ANSWER_S_MAX:g} s") from e
            raise OutcomeUnknown(f"no whole answer within {ANSWER_S_MAX:g} s") from e

    async def _create(self, intent: OrderIntended) -> Event:
        name = intent.client_order_id
        wait_s = self._queue_s_max
        ticket = _Ticket(None if wait_s is None else monotonic_s() + wait_s)
        try:
            gate = self._leaving(intent, intent.draft.product_id)
            answer = await self._run(lambda: self._rest.create(intent), ticket, gate)
        except Withheld as e:
            return OrderRejected(self._engine.now_ns, name, WITHHELD, str(e))
        except OutcomeUnknown as e:
            # No answer is not a no: the order may rest in the book, so its size stays reserved.
            return OrderLost(self._engine.now_ns, name, str(e))
        except NotAuthorized as e:
            return OrderRejected(self._engine.now_ns, name, NOT_AUTHORIZED, str(e))
        self._probes.passed("reply_unstored")
        return answer

    @contextmanager
    def _leaving(self, request: OrderIntended | EditIntended, product_id: str) -> Iterator[None]:
        with self._control.sending(request, product_id):
            if not self._creates_allowed.is_set():
                raise Withheld("the session ends")
            yield

    async def _edit(self, edit: EditIntended) -> Event:
        name, now_ns = edit.client_order_id, self._engine.now_ns
        order = self._engine.orders.get(name)
        assert order is not None and order.order_id
        wait_s = self._queue_s_max
        ticket = _Ticket(None if wait_s is None else monotonic_s() + wait_s)
        try:
            gate = self._leaving(edit, order.product_id)
            change = partial(self._rest.edit, order.order_id, edit)
            accepted, why = await self._run(change, ticket, gate)
        except (Withheld, NotAuthorized) as e:
            return EditAnswered(now_ns, name, accepted=False, reason=str(e))
        except OutcomeUnknown as e:
            # Old and new both stay reserved; the order's own terms tell which it is.
            return EditLost(now_ns, name, str(e))
        if accepted and not await self._shows(order, edit):
            return EditLost(now_ns, name, "accepted, and the order does not show it yet")
        return EditAnswered(now_ns, name, accepted, why)

    async def _shows(self, order: Order, edit: EditIntended) -> bool:
        """Whether an order has become what was asked for: a yes may come for a half."""
        try:
            shown = await self.call(lambda: self._rest.terms(order.order_id))
        except (ExchangeUnreachable, NotAuthorized, WireError):
            return False  # asked for again with the next listing
        return shown == edit.terms

    async def _cancel(self, requests: Sequence[CancelIntended]) -> tuple[Event, ...]:
        order_ids = []
        for request in requests:
            order = self._engine.orders.get(request.client_order_id)
            assert order is not None and order.order_id
            order_ids.append(order.order_id)
        try:
            words = await self._run(lambda: self._rest.cancel(order_ids), _Ticket(None))
        except OutcomeUnknown as e:
            # Asking again is safe: a cancel names the exchange's own order id.
            return self._uncancelled(requests, f"no answer: {e}")
        except (NotAuthorized, Withheld) as e:
            return self._uncancelled(requests, str(e))
        return tuple(
            CancelAnswered(self._engine.now_ns, name.client_order_id, word.accepted, word.reason)
            for name, word in zip(requests, words, strict=True)
        )

    def _uncancelled(self, requests: Sequence[CancelIntended], reason: str) -> tuple[Event, ...]:
        now_ns = self._engine.now_ns
        return tuple(
            CancelAnswered(now_ns, request.client_order_id, accepted=False, reason=reason)
            for request in requests
        )

    async def news_of(self, word: OrderWord, ts_ns: int) -> tuple[Event, ...]:
        """Events for a cumulative word on an order of ours: first its new fills, then the word."""
        order = self._engine.orders.get(word.client_order_id)
        assert order is not None
        product = self._engine.products[order.product_id]
        fills: tuple[Event, ...] = ()
        if product.lots(word.filled_size) > order.booked_lots:
            rows = await self.call(lambda: self._rest.fills([word.order_id], None))
            fills = self.unbooked(rows, order)
        if not fills and not _is_news(order, word, product.lots(word.filled_size)):
            return ()
        return (*fills, changed(word, ts_ns))

    def unbooked(self, rows: Sequence[FillWord], order: Order) -> tuple[Event, ...]:
        """What the books do not have of an order's fills: other fees, then new ones, oldest first.

        A row that is no plain fill is not booked: it holds trading back until a person looks.
        """
        booked, product = self._engine.ledger.has_booked, self._engine.products[order.product_id]
        fresh: dict[str, FillWord] = {}  # two rows of one trade are one fill
        # Trade ids are digits without leading zeros: the shorter one is the older one.
        for row in sorted(rows, key=lambda row: (row.ts_ns, len(row.trade_id), row.trade_id)):
            if _is_bookable(row, product) and not booked(row.order_id, row.trade_id):
                fresh.setdefault(row.trade_id, row)
        fills = (fill_event(row, order.client_order_id) for row in fresh.values())
        return (*self._revised(rows, order), *fills, *self._alarms(rows, product))

    def _revised(self, rows: Sequence[FillWord], order: Order) -> Iterator[FeeRevised]:
        """Fees that Coinbase has changed since we booked their fills.

        A listing that was read while one changed may show both: the next one tells which is right.
        """
        ledger = self._engine.ledger
        fees: dict[str, set[int]] = {}
        for row in rows:
            if is_execution(row) and ledger.has_booked(row.order_id, row.trade_id):
                fees.setdefault(row.trade_id, set()).add(cash_units_owed(row.fee))
        for trade_id, told in fees.items():
            booked = ledger.fee_units(order.order_id, trade_id)
            if len(told) == 1 and booked not in told:
                yield FeeRevised(
                    ts_ns=self._engine.now_ns,
                    client_order_id=order.client_order_id,
                    order_id=order.order_id,
                    trade_id=trade_id,
                    product_id=order.product_id,
                    fee=amount_of(told.pop()),
                    fee_before=amount_of(booked),
                )

    def _alarms(self, rows: Sequence[FillWord], product: Product) -> tuple[Event, ...]:
        strange = {
            row.entry_id: row
            for row in rows
            if not _is_bookable(row, product) and row.entry_id not in self._strange
        }
        if not strange or self._engine.trading.everything is not TradingState.ACTIVE:
            return ()  # told once trading goes on
        self._strange.update(strange)
        row = next(iter(strange.values()))
        why = (
            f"entry {row.entry_id} of order {row.order_id} is a {row.kind} of {row.base_size} at"
            f" {row.price}, no plain fill in {product.product_id}'s increments: review"
        )
        now_ns = self._engine.now_ns
        return (TradingStateChanged(now_ns, TradingState.REDUCE_ONLY, EXCHANGE, why),)


def _is_bookable(row: FillWord, product: Product) -> bool:
    """Whether the books can count a row: what they cannot must not reach the log they fold."""
    return (
        is_execution(row)
        and row.base_size is not None
        and row.product_id == product.product_id
        and product.is_whole(row.price, row.base_size)
    )


def changed(word: OrderWord, ts_ns: int) -> OrderChanged:
    """The exchange's word as an event."""
    return OrderChanged(
        ts_ns=ts_ns,
        client_order_id=word.client_order_id,
        order_id=word.order_id,
        status=word.status,
        filled_size=word.filled_size,
        fill_count=word.fill_count,
        reason=word.reject_reason or word.cancel_reason,
    )


def _is_news(order: Order, word: OrderWord, word_lots: int) -> bool:
    """A repeated word would only lengthen the log."""
    if order.status in (OrderStatus.INTENDED, OrderStatus.UNKNOWN) or not order.order_id:
        return True
    return word.status is not order.status or word_lots > order.word_lots
