"""What people do in the midst of a session, at moments that every run of it has."""

from collections.abc import Callable, Iterable

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import EditAsked, Event
from gpt_trader.domain.order import Terms, TradingState
from gpt_trader.engine.engine import Engine

Person = Callable[[Engine], Iterable[Event]]
WHO, WHY = "a person", "a test"


def holds_back(state: TradingState, candles: int) -> Person:
    """Somebody who lets no more than this be sent, after so many candles and with a position."""

    def asks(engine: Engine) -> Iterable[Event]:
        holds = any(position.lots for position in engine.ledger.positions().values())
        held_back = engine.trading.everything.tightness >= state.tightness
        if not held_back and holds and engine.counts["candles"] >= candles:
            yield TradingStateChanged(engine.now_ns, state, WHO, WHY)

    return asks


def edits(engine: Engine) -> Iterable[Event]:
    """Somebody who makes what waits larger, smaller, dearer and cheaper in turn."""
    for order in engine.orders.working():
        turn = engine.intents % 4
        if order.can_be_edited and turn:
            product = engine.products[order.product_id]
            size = product.size(order.lots * (6, 10, 8)[turn - 1] // 8)
            price = product.price(order.limit_ticks + (-1, 1, -2)[turn - 1])
            yield EditAsked(engine.now_ns, WHO, order.client_order_id, Terms(size, price, None))
