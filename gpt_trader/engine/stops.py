"""Stops that the engine keeps itself: of a position by its loss, of a person by a trigger.

Coinbase has no stop order that trades at the market's price, so nothing of them rests there: they
work while a session runs. Pure: what is true of the market now, and the order that follows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gpt_trader.broker.orders import Order, Orders, may_raise
from gpt_trader.domain.events import (
    Draft,
    OrderIntended,
    StopEnded,
    StopReached,
    StopWithheld,
    TriggerReached,
)
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce, Verdict
from gpt_trader.domain.product import amount_of
from gpt_trader.engine.market import Market
from gpt_trader.engine.renewal import renewed
from gpt_trader.kernels.money import share_of
from gpt_trader.portfolio.books import Books
from gpt_trader.portfolio.ledger import Position

OVER = "its time is over"


def loss_stop(
    position: Position, market: Market, stop_rate: int, now_ns: int
) -> tuple[StopReached, ...]:
    """That a position has lost more of its cost than its protective stop allows, if it has.

    Parameters
    ----------
    stop_rate : int
        In 1e-9 of the cost; 0 for no stop.
    """
    if not stop_rate or position.lots <= 0 or market.stopped or market.mark_ticks <= 0:
        return ()
    value = market.product.notional_received(market.mark_ticks, position.lots)
    cost, loss_max = position.cost_units, int(share_of(position.cost_units, stop_rate))
    if cost - value <= loss_max:
        return ()
    name = market.product.product_id
    amounts = amount_of(value), amount_of(cost), amount_of(loss_max)
    return (StopReached(now_ns, name, *amounts),)


def is_passed(side: Side, stop_ticks: int, market: Market) -> bool:
    """Whether the mark is at the trigger or through it: a sale waits for a fall, a buy for a rise.

    An unknown mark has passed nothing.
    """
    return market.mark_ticks > 0 and (market.mark_ticks - stop_ticks) * side.sign >= 0


def refusal(draft: Draft, market: Market) -> str:
    """Why a stop cannot be placed: its trigger is passed already. "" if it can."""
    product, stop = market.product, draft.stop_price
    if draft.order_type is not OrderType.STOP:
        return ""
    assert stop is not None, draft
    if not is_passed(draft.side, product.ticks(stop), market):
        return ""
    mark, where = product.price(market.mark_ticks), "above" if draft.side is Side.BUY else "below"
    return f"the trigger {stop:f} is passed: the market is at {mark:f}, and it must lie {where}"


def at_market(draft: Draft) -> Draft:
    """A stop as it would be sent if its trigger were reached now; any other order as it is."""
    if draft.order_type is not OrderType.STOP:
        return draft
    return replace(
        draft,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        stop_price=None,
        end_ns=None,
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """What a supervised stop is judged by."""

    now_ns: int
    orders: Orders
    ledger: Books
    markets: Mapping[str, Market]
    mark_age_ns_max: int
    asked: Mapping[str, str]  # client order ids by the person's own names
    judge: Callable[[Draft, str], tuple[tuple[Verdict, ...], tuple[str, ...]]]


def triggers(now: Moment, market: Market) -> tuple[TriggerReached, ...]:
    """Stops whose trigger a fresh mark has reached, but for those that are still withheld."""
    product, mark_age_ns = market.product, now.now_ns - market.mark_ns
    if mark_age_ns > now.mark_age_ns_max:
        return ()
    mark = product.price(market.mark_ticks)
    return tuple(
        TriggerReached(now.now_ns, order.client_order_id, mark)
        for order in now.orders.supervised()
        if order.product_id == product.product_id
        and is_passed(order.side, order.stop_ticks, market)
        and not _is_withheld(now, order)
    )


def expiries(orders: Orders, now_ns: int) -> tuple[StopEnded, ...]:
    """The ends of stops whose time is over."""
    return tuple(
        StopEnded(now_ns, order.client_order_id, OrderStatus.EXPIRED, OVER)
        for order in orders.supervised()
        if _is_over(order, now_ns)
    )


Outcome = OrderIntended | StopWithheld | StopEnded


def fired(now: Moment, client_order_id: str) -> tuple[Outcome, ...]:
    """What becomes of a stop whose trigger is reached; nothing if it has ended meanwhile."""
    order = now.orders.get(client_order_id)
    assert order is not None, client_order_id
    return (_outcome(now, order),) if order.is_supervised else ()


def _outcome(now: Moment, order: Order) -> Outcome:
    """A market order; of a sale, for what is held and not offered by other sales."""
    name, now_ns, market = order.client_order_id, now.now_ns, now.markets[order.product_id]
    if _is_over(order, now_ns):
        return StopEnded(now_ns, name, OrderStatus.EXPIRED, OVER)
    position_lots, lots = now.ledger.position(order.product_id).lots, order.lots
    exits = not may_raise(order, market.product)
    if exits:
        offered = now.orders.offered_lots(order.product_id, order.side, besides=name)
        lots = min(lots, -order.side.sign * position_lots - offered)
    if lots < 1:
        why = f"its trigger is reached, and nothing is held that it could {order.side.lower()}"
        return StopEnded(now_ns, name, OrderStatus.CANCELLED, why)
    stop = market.product.price(order.stop_ticks)
    draft = replace(
        at_market(renewed(replace(order, lots=lots), market.product)),
        reduces=exits,
        target=market.product.size(position_lots + order.side.sign * lots),
        mark_price=market.product.price(market.mark_ticks),
        why=f"its trigger {stop:f} is reached",
        asked=next((own for own, ours in now.asked.items() if ours == name), ""),
    )
    verdicts, denials = now.judge(draft, name)
    if not denials:
        return OrderIntended(now_ns, name, draft, verdicts)
    if exits:
        return StopWithheld(now_ns, name, verdicts, denials)
    why = f"denied at its trigger: {'; '.join(denials)}"
    return StopEnded(now_ns, name, OrderStatus.CANCELLED, why)


def _is_over(order: Order, now_ns: int) -> bool:
    return 0 < order.end_ns <= now_ns


def _is_withheld(now: Moment, order: Order) -> bool:
    """The very rules that kept it from firing still do: that has been said."""
    if not order.withheld:
        return False
    match _outcome(now, order):
        case StopWithheld(verdicts=verdicts):
            return order.withheld == tuple(one.rule for one in verdicts if one.denies)
        case _:
            return False
