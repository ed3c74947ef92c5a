"""The plan of the next order once more, in decimals: the twin of `kernels/execution.py`."""

from decimal import Decimal
from enum import Enum

from gpt_trader.broker.execution import NOTHING, Plan, Situation
from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce

BPS = 10_000


class Style(Enum):
    """The two ways to the book."""

    MAKE = "wait at our side of the book"
    TAKE = "cross the spread, no further than take_bps"


def plan(now: Situation) -> Plan:
    """Say what to do next, as `gpt_trader.broker.execution.plan`."""
    delta = now.target_lots - now.position_lots
    if now.working and _is_stuck(now, delta):
        # What is sold is held already, so an order in doubt that buys takes nothing from it.
        lots = min(-delta, now.position_lots)
        why = "an exit past an order in doubt"
        return Plan((), _draft(now, Side.SELL, lots, Style.TAKE, why), why)
    if now.working:
        return _mind(now, now.working[0], delta)
    if not _worth_it(now, delta):
        return NOTHING
    side = Side.BUY if delta > 0 else Side.SELL
    style = Style.MAKE if now.attempts == 0 and now.patience_ns > 0 else Style.TAKE
    draft = _draft(now, side, abs(delta), style, "")
    return Plan((), draft, draft.why)


def _is_stuck(now: Situation, delta: int) -> bool:
    """An exit is wanted, and the only orders in its way are buys that nobody answers for."""
    if delta >= 0 or now.position_lots <= 0 or now.bid_ticks <= 0 or now.mark_ticks <= 0:
        return False
    return all(
        order.side is Side.BUY and (order.status is OrderStatus.UNKNOWN or order.cancel_asked)
        for order in now.working
    )


def _mind(now: Situation, order: Order, delta: int) -> Plan:
    """Keep, or cancel, the order that works: it is in the way of any other."""
    if order.status is not OrderStatus.OPEN and order.status is not OrderStatus.PENDING:
        return NOTHING  # not known to the exchange yet: nothing there to cancel
    if order.cancel_asked or not order.order_id:
        return NOTHING
    if delta * order.side.sign <= 0:
        return Plan((order.client_order_id,), None, "the strategy changed its mind")
    if now.now_ns - order.intended_ns >= now.patience_ns * (2 if now.good_till else 1):
        return Plan((order.client_order_id,), None, "it waited long enough")
    return NOTHING


def _worth_it(now: Situation, delta: int) -> bool:
    product = now.product
    if delta == 0 or now.mark_ticks <= 0 or now.bid_ticks <= 0 or now.ask_ticks <= 0:
        return False
    size = product.size(abs(delta))
    if size < product.base_min_size:
        return False
    if size * product.price(now.mark_ticks) < product.quote_min_size:
        return False
    if now.target_lots == 0 or now.position_lots == 0:
        return True
    # Equity moves with every candle and the target with it: chasing that would pay fees for noise.
    return abs(delta) > now.rebalance_rate * abs(now.target_lots)


def _draft(now: Situation, side: Side, lots: int, style: Style, why: str) -> Draft:
    product = now.product
    price: Decimal | None
    if style is Style.MAKE:
        price = product.price(now.bid_ticks if side is Side.BUY else now.ask_ticks)
        waits = True
    else:
        price, crosses = _bounded(now, side)
        waits = not crosses
        if waits:
            why = why or "wait at the collar, the far side lies beyond it"
        elif now.market_orders:
            price = None
            why = why or "cross the spread at the market's price"
    lots = min(lots, product.lots(product.round_size(product.base_max_size)))
    is_timed = waits and now.good_till and now.patience_ns > 0
    waiting = TimeInForce.GTD if is_timed else TimeInForce.GTC
    return Draft(
        product_id=product.product_id,
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        time_in_force=waiting if waits else TimeInForce.IOC,
        base_size=product.size(lots),
        limit_price=price,
        stop_price=None,
        end_ns=now.now_ns + now.patience_ns if is_timed else None,
        post_only=style is Style.MAKE,
        reduces=side is Side.SELL and lots <= now.position_lots,
        target=product.size(now.target_lots),
        mark_price=product.price(now.mark_ticks),
        why=why or style.value,
        asked="",
    )


def _bounded(now: Situation, side: Side) -> tuple[Decimal, bool]:
    """The worst price an impatient order takes, and whether it reaches the far side of the book.

    A market order has no worst price; this one has, and is otherwise the same. In a book so wide
    that the far side lies beyond the collar, it waits at the collar: refused there again and
    again, an exit would never happen.
    """
    product = now.product
    far = product.price(now.ask_ticks if side is Side.BUY else now.bid_ticks)
    mark = product.price(now.mark_ticks)
    taking = product.round_price(far * (1 + side.sign * Decimal(now.take_bps) / BPS), side)
    collar = product.round_price(mark * (1 + side.sign * Decimal(now.collar_bps) / BPS), side)
    least = product.price_increment  # a sale for nothing is none
    price = min(taking, collar) if side is Side.BUY else max(taking, collar, least)
    return price, price >= far if side is Side.BUY else price <= far
