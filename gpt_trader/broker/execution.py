"""From the position wanted to the next order: the door to `gpt_trader.kernels.execution`."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce
from gpt_trader.domain.product import Product, cash_units_owed
from gpt_trader.kernels import execution
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.money import RATE_DEN
from gpt_trader.kernels.vectors import Ints


@dataclass(frozen=True, slots=True)
class Situation:
    """All that decides the next order of one product."""

    product: Product
    target_lots: int
    position_lots: int
    working: tuple[Order, ...]
    bid_ticks: int
    ask_ticks: int
    mark_ticks: int
    attempts: int  # orders since the strategy last changed its mind
    now_ns: int
    patience_ns: int  # how long an order may wait at our own side of the book
    take_bps: int  # how far beyond the far side an impatient order may pay
    collar_bps: int  # how far from the mark, on the losing side, risk lets any order go
    rebalance_rate: Decimal  # fraction of the target below which a difference is left alone
    market_orders: bool  # impatient orders have no worst price
    good_till: bool  # waiting orders end at the exchange by themselves


@dataclass(frozen=True, slots=True)
class Plan:
    """Orders to cancel and the order to place, each possibly none."""

    cancels: tuple[str, ...]
    draft: Draft | None
    why: str


NOTHING = Plan(cancels=(), draft=None, why="")

REASONS = {
    execution.NO_REASON: "",
    execution.MADE: "wait at our side of the book",
    execution.TAKEN: "cross the spread, no further than take_bps",
    execution.TAKEN_AT_MARKET: "cross the spread at the market's price",
    execution.WAITS_AT_COLLAR: "wait at the collar, the far side lies beyond it",
    execution.PAST_DOUBT: "an exit past an order in doubt",
    execution.CHANGED_MIND: "the strategy changed its mind",
    execution.WAITED: "it waited long enough",
}
"""What a plan's code means, for people."""

TIMES_IN_FORCE = {
    execution.GTC: TimeInForce.GTC,
    execution.IOC: TimeInForce.IOC,
    execution.GTD: TimeInForce.GTD,
}


def plan(now: Situation) -> Plan:
    """Say what to do next: one order of a product at a time, so no two can add up unseen."""
    situation, out = execution.situation_and_plan()
    _fill(situation, now)
    action = execution.plan_step(situation, out)
    if action == execution.NOTHING:
        return NOTHING
    planned = out.tolist()
    why = REASONS[planned[execution.WHY]]
    if action == execution.CANCEL:
        return Plan((now.working[0].client_order_id,), None, why)
    return Plan((), _draft(now, planned), why)


def base_bounds(product: Product) -> tuple[int, int]:
    """The least and the most lots of one order of a product."""
    least = (product.base_min_size / product.base_increment).to_integral_value(ROUND_CEILING)
    return int(least), product.lots(product.round_size(product.base_max_size))


def compile_plan() -> None:
    """Compile the plan now, so that no order waits for it."""
    execution.plan_step(*execution.situation_and_plan())


def _fill(situation: Ints, now: Situation) -> None:
    numerator, denominator = now.product.cash_units_per_tick_lot()
    least, most = base_bounds(now.product)
    situation[execution.TARGET_LOTS] = now.target_lots
    situation[execution.POSITION_LOTS] = now.position_lots
    situation[execution.BID] = now.bid_ticks
    situation[execution.ASK] = now.ask_ticks
    situation[execution.MARK] = now.mark_ticks
    situation[execution.ATTEMPTS] = now.attempts
    situation[execution.NOW_NS] = now.now_ns
    situation[execution.PATIENCE_NS] = now.patience_ns
    situation[execution.TAKE_BPS] = now.take_bps
    situation[execution.COLLAR_BPS] = now.collar_bps
    situation[execution.REBALANCE_RATE] = rate_count(now.rebalance_rate)
    situation[execution.BASE_MIN] = least
    situation[execution.BASE_MAX] = most
    situation[execution.QUOTE_MIN] = cash_units_owed(now.product.quote_min_size)
    situation[execution.NUM] = numerator
    situation[execution.DEN] = denominator
    situation[execution.MARKET_ORDERS] = now.market_orders
    situation[execution.GOOD_TILL] = now.good_till
    situation[execution.WORKING] = len(now.working)
    if now.working:
        oldest = now.working[0]
        situation[execution.WORK_SIGN] = oldest.side.sign
        situation[execution.WORK_INTENDED_NS] = oldest.intended_ns
        situation[execution.WORK_CAN_CANCEL] = oldest.can_be_cancelled
        situation[execution.STUCK] = all(_is_buy_in_doubt(order) for order in now.working)


def rate_count(rate: Decimal) -> int:
    """A rate in 1e-9; what is finer is cut off."""
    return int((rate * RATE_DEN).to_integral_value(ROUND_FLOOR))


def _is_buy_in_doubt(order: Order) -> bool:
    in_doubt = order.status is OrderStatus.UNKNOWN or order.cancel_asked
    return order.side is Side.BUY and in_doubt


def _draft(now: Situation, planned: list[int]) -> Draft:
    product = now.product
    side = Side.BUY if planned[execution.SIGN] > 0 else Side.SELL
    lots, limit = planned[execution.LOTS], planned[execution.LIMIT_TICKS]
    is_market = limit == MARKET_PRICE
    return Draft(
        product_id=product.product_id,
        side=side,
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=TIMES_IN_FORCE[planned[execution.TIME_IN_FORCE]],
        base_size=product.size(lots),
        limit_price=None if is_market else product.price(limit),
        stop_price=None,
        end_ns=planned[execution.END_NS] or None,
        post_only=planned[execution.POST_ONLY] == 1,
        reduces=side is Side.SELL and lots <= now.position_lots,
        target=product.size(now.target_lots),
        mark_price=product.price(now.mark_ticks),
        why=REASONS[planned[execution.WHY]],
        asked="",
    )
