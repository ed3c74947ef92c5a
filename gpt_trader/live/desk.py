"""Requests out, the exchange's words back in, as events: what the loop hands to the engine.

The REST client blocks, so it runs on one worker thread; nothing here touches the engine's state.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gpt_trader.broker.orders import Order
from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_fills import FillWord, fill_event
from gpt_trader.domain.errors import OutcomeUnknown
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    Event,
    OrderChanged,
    OrderIntended,
    OrderLost,
    OrderRejected,
    Request,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.live.seams import Probes

NOT_AUTHORIZED = "NOT_AUTHORIZED"
"""Our own word, beside the exchange's reasons: it did not even look at the order."""

Answer = TypeVar("Answer")


class Desk:
    """The engine's counter at the exchange."""

    def __init__(self, rest: RestClient, engine: Engine, probes: Probes) -> None:
        self._rest = rest
        self._engine = engine
        self._probes = probes
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rest")

    def close(self) -> None:
        """Let the worker finish what it does."""
        self._worker.shutdown()

    async def call(self, request: Callable[[], Answer]) -> Answer:
        """Run one blocking request on the worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, request)

    async def send(self, request: Request) -> Event:
        """Send one request whose intent is durable, and return the answer as an event."""
        if isinstance(request, OrderIntended):
            return await self._create(request)
        return await self._cancel(request)

    async def _create(self, intent: OrderIntended) -> Event:
        try:
            answer = await self.call(lambda: self._rest.create(intent))
        except OutcomeUnknown as e:
            # No answer is not a no: the order may rest in the book, so its size stays reserved.
            return OrderLost(self._engine.now_ns, intent.client_order_id, str(e))
        except NotAuthorized as e:
            name = intent.client_order_id
            return OrderRejected(self._engine.now_ns, name, NOT_AUTHORIZED, str(e))
        self._probes.passed("reply_unstored")
        return answer

    async def _cancel(self, request: CancelIntended) -> Event:
        order = self._engine.orders.get(request.client_order_id)
        assert order is not None and order.order_id
        now_ns, name = self._engine.now_ns, request.client_order_id
        try:
            [word] = await self.call(lambda: self._rest.cancel([order.order_id]))
        except OutcomeUnknown as e:
            # Asking again is safe: a cancel names the exchange's own order id.
            return CancelAnswered(now_ns, name, accepted=False, reason=f"no answer: {e}")
        except NotAuthorized as e:
            return CancelAnswered(now_ns, name, accepted=False, reason=str(e))
        return CancelAnswered(now_ns, name, word.accepted, word.reason)

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

    def unbooked(self, rows: tuple[FillWord, ...], order: Order) -> tuple[Event, ...]:
        """The fills of an order that the books do not have, oldest first."""
        fresh = [r for r in rows if not self._engine.ledger.has_booked(r.order_id, r.trade_id)]
        # Trade ids are digits without leading zeros: the shorter one is the older one.
        fresh.sort(key=lambda row: (row.ts_ns, len(row.trade_id), row.trade_id))
        return tuple(fill_event(row, order.client_order_id) for row in fresh)


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
