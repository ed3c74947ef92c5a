"""What a closed candle leads to, in a backtest: keep, cancel, order or be denied.

The compiled form of what `engine.Engine` does between a closed candle and an intent. Sizing, the
plan and the gates are the very functions the engine calls; what is written twice is only how
they are fed, and ``tests/backtesting/test_equality.py`` holds the two to the last unit.
"""

import math
from typing import NamedTuple

import numpy as np

from gpt_trader.kernels import account, execution, gates
from gpt_trader.kernels.account import (
    ATTEMPTS,
    COST,
    DEN,
    DENIED,
    DOUBT_LIMIT,
    DOUBT_LOTS,
    LOTS,
    MARK,
    NUM,
    STOPPED,
    WORK,
    WORK_CANCELLED,
    WORK_LIMIT,
    WORK_LOTS,
    WORK_NONE,
    WORK_OPEN,
    WORK_SIGN,
)
from gpt_trader.kernels.compile import compile_aside
from gpt_trader.kernels.execution import plan_step
from gpt_trader.kernels.gates import MARKET_PRICE, verdict_step
from gpt_trader.kernels.money import (
    RATE_DEN,
    UNCOUNTABLE,
    fee_owed,
    notional_paid,
    notional_received,
    plus,
    share_of,
)
from gpt_trader.kernels.sizing import NOT_KNOWN, TOO_LARGE, target_lots_step
from gpt_trader.kernels.vectors import Floats, Ints, Table

MINUTE_NS = 60_000_000_000
QUOTE_LAG_NS = 10_000_000_000
INTENTS = 4096  # places in the ring of intents: more than any limit a minute

STANDING = (
    1 << gates.TRADING_STATE
    | 1 << gates.STALE_MARK
    | 1 << gates.BOOKS_AGREE
    | 1 << gates.DAILY_LOSS
    | 1 << gates.DRAWDOWN
)
"""Rules about the state of things, which bind an order that waits, too."""

# Places in the choices.
PATIENCE_NS = 0
TAKE_BPS = 1
COLLAR_BPS = 2
REBALANCE_RATE = 3  # 1e-9
MARKET_ORDERS = 4
GOOD_TILL = 5
STOP_RATE = 6  # 1e-9 of the cost, 0: no stop
LATENCY = 7  # rounds from a request to the exchange
STATE = 8  # trading state, gates.ACTIVE or another
TAKER_RATE = 9  # 1e-9, by which cash is reserved
FEED_IS_READY = 10  # 1 or 0; as the next one
BOOKS_DO_AGREE = 11
CHOICES = 12

# Places in the sizes.
SIZE_FRACTION = 0
VOLATILITY_TARGET = 1
SIZES = 2


class Desk(NamedTuple):
    """Everything decisions read and write, besides the market: one for each run."""

    session: Ints  # shape (account.SESSION,)
    products: Table  # shape (P, account.PRODUCT)
    targets: Floats  # shape (P,): of the candle before, then of this one
    minds: Floats  # shape (P,): the last targets that were known, NaN before the first
    limits: Ints  # gates.LIMITS; the one of a product is its row's, put here to judge an order
    choices: Ints
    sizes: Floats
    facts: Ints  # scratch, as the next three
    values: Ints
    situation: Ints
    plan: Ints
    intents: Ints  # ring of the last minute's intents, nanoseconds
    days: Ints  # equity at the end of each day but the last


@compile_aside
def see_target(desk: Desk, place: int, target: float) -> None:
    """Take in a strategy's target; a change of mind starts a new attempt and ends a stop.

    Not knowing is no change of mind: what was known last counts until another target is known.
    """
    if not math.isnan(target) and target != desk.minds[place]:
        desk.products[place, ATTEMPTS] = 0
        desk.products[place, STOPPED] = 0
        desk.minds[place] = target
    desk.targets[place] = target


@compile_aside
def reach_stop(desk: Desk, place: int) -> None:
    """Stop a position that has lost too much of its cost."""
    row = desk.products[place]
    rate = desk.choices[STOP_RATE]
    if rate == 0 or row[LOTS] == 0 or row[STOPPED] == 1 or row[MARK] <= 0:
        return
    worth = notional_received(row[MARK], row[LOTS], row[NUM], row[DEN])
    if worth >= 0 and row[COST] - worth > share_of(row[COST], rate):
        row[STOPPED] = 1
        row[ATTEMPTS] = max(1, row[ATTEMPTS])  # it does not wait for a better price
        desk.session[account.STOPS] += 1


@compile_aside
def forbids_waiting(desk: Desk, place: int, now_ns: int) -> bool:
    """Whether a buy that waits must be withdrawn: as things stand, it would not be let out."""
    row = desk.products[place]
    if row[WORK] == WORK_NONE or row[WORK_SIGN] < 0 or row[WORK_LOTS] == 0:
        return False
    if row[WORK_LIMIT] == MARKET_PRICE:
        return False
    mask = judge(desk, place, now_ns, 1, row[WORK_LOTS], row[WORK_LIMIT])
    return mask & STANDING != 0 and can_cancel(row)


@compile_aside
def can_cancel(row: Ints) -> bool:
    """The exchange knows the order, and no cancel of it is on the way."""
    return bool(row[WORK] == WORK_OPEN and row[WORK_CANCELLED] == 0)


@compile_aside
def target_lots(desk: Desk, place: int, volatility: float) -> int:
    """The position wanted, in lots: none once stopped; `NOT_KNOWN` while nobody can say."""
    row = desk.products[place]
    if row[STOPPED] == 1:
        return 0
    target = desk.targets[place]
    equity = account.equity_now(desk.session, desk.products)
    if math.isnan(target) or equity <= 0:
        return NOT_KNOWN
    lots = target_lots_step(
        max(target, 0.0),  # spot: nothing is sold that is not held
        desk.sizes[SIZE_FRACTION],
        equity,
        row[MARK],
        row[NUM],
        row[DEN],
        volatility,
        desk.sizes[VOLATILITY_TARGET],
    )
    return NOT_KNOWN if lots == TOO_LARGE else lots


@compile_aside
def plan(desk: Desk, place: int, lots: int, now_ns: int) -> int:
    """Fill the situation and ask for the plan: `execution.NOTHING`, `CANCEL` or `ORDER`."""
    row, situation, choices = desk.products[place], desk.situation, desk.choices
    situation[execution.TARGET_LOTS] = lots
    situation[execution.POSITION_LOTS] = row[LOTS]
    situation[execution.BID] = row[account.BID]
    situation[execution.ASK] = row[account.ASK]
    situation[execution.MARK] = row[MARK]
    situation[execution.ATTEMPTS] = row[ATTEMPTS]
    situation[execution.NOW_NS] = now_ns
    situation[execution.PATIENCE_NS] = choices[PATIENCE_NS]
    situation[execution.TAKE_BPS] = choices[TAKE_BPS]
    situation[execution.COLLAR_BPS] = choices[COLLAR_BPS]
    situation[execution.REBALANCE_RATE] = choices[REBALANCE_RATE]
    situation[execution.BASE_MIN] = row[account.BASE_MIN]
    situation[execution.BASE_MAX] = row[account.BASE_MAX]
    situation[execution.QUOTE_MIN] = row[account.QUOTE_MIN]
    situation[execution.NUM] = row[NUM]
    situation[execution.DEN] = row[DEN]
    situation[execution.MARKET_ORDERS] = choices[MARKET_ORDERS]
    situation[execution.GOOD_TILL] = choices[GOOD_TILL]
    doubt = row[DOUBT_LOTS] > 0  # then it is the oldest
    situation[execution.WORKING] = row[WORK] != WORK_NONE or doubt
    situation[execution.WORK_SIGN] = 1 if doubt else row[WORK_SIGN]
    situation[execution.WORK_INTENDED_NS] = row[account.WORK_INTENDED_NS]
    situation[execution.WORK_CAN_CANCEL] = can_cancel(row) and not doubt
    situation[execution.STUCK] = row[WORK] != WORK_NONE and (
        row[WORK_SIGN] > 0 and row[WORK_CANCELLED] == 1
    )
    return plan_step(situation, desk.plan)


@compile_aside
def judge(desk: Desk, place: int, now_ns: int, sign: int, lots: int, limit: int) -> int:
    """Gather the facts of one order and let every rule speak: the mask of those that refuse."""
    row, facts, session, choices = desk.products[place], desk.facts, desk.session, desk.choices
    facts[gates.SIGN] = sign
    facts[gates.LOTS] = lots
    facts[gates.LIMIT_TICKS] = limit
    facts[gates.POSITION] = row[LOTS]
    working = row[WORK_LOTS] if row[WORK] != WORK_NONE else 0
    facts[gates.WORKING_BUY] = row[DOUBT_LOTS] + (working if row[WORK_SIGN] > 0 else 0)
    facts[gates.WORKING_SELL] = working if row[WORK_SIGN] < 0 else 0
    facts[gates.BASE_MIN] = row[account.BASE_MIN]
    facts[gates.BASE_MAX] = row[account.BASE_MAX]
    facts[gates.NUM] = row[NUM]
    facts[gates.DEN] = row[DEN]
    facts[gates.MARK_TICKS] = row[MARK]
    facts[gates.MARK_AGE_NS] = now_ns - mark_ns(row)
    facts[gates.BID_TICKS] = row[account.BID]
    facts[gates.ASK_TICKS] = row[account.ASK]
    facts[gates.CASH_FREE] = session[account.CASH] - reserved(desk.products, choices[TAKER_RATE])
    facts[gates.TAKER_RATE] = choices[TAKER_RATE]
    facts[gates.EQUITY] = max(0, account.equity_now(session, desk.products))
    facts[gates.EQUITY_DAY_START] = session[account.DAY_START]
    facts[gates.EQUITY_PEAK] = session[account.PEAK]
    facts[gates.EXPOSURE_OTHERS] = exposure_of_others(desk.products, place)
    facts[gates.ORDERS_LAST_MINUTE] = orders_last_minute(desk, now_ns)
    facts[gates.STATE] = choices[STATE]
    facts[gates.FEED_IS_READY] = choices[FEED_IS_READY]
    facts[gates.BOOKS_DO_AGREE] = choices[BOOKS_DO_AGREE]
    facts[gates.LAST_TICKS] = row[account.LAST]
    desk.limits[gates.POSITION_NOTIONAL_MAX] = row[account.POSITION_MAX]
    return verdict_step(facts, desk.limits, desk.values)


@compile_aside
def mark_ns(row: Ints) -> int:
    """When the mark was seen: of the quote where there is a live one, else of the last trade."""
    if row[account.BID] <= 0 or row[account.TRADE_NS] - QUOTE_LAG_NS > row[account.QUOTE_NS]:
        return int(row[account.TRADE_NS])
    return int(row[account.QUOTE_NS])


@compile_aside
def reserved(products: Table, taker_rate: int) -> int:
    """Cash units that working buys may still spend, fees at the taker's rate included."""
    total = 0
    for row in products:
        if row[WORK] != WORK_NONE and row[WORK_SIGN] > 0:
            ticks = row[account.ASK] if row[WORK_LIMIT] == MARKET_PRICE else row[WORK_LIMIT]
            paid = notional_paid(ticks, row[WORK_LOTS], row[NUM], row[DEN])
            total += paid + fee_owed(paid, 1, 1, 1, taker_rate, RATE_DEN)
        if row[DOUBT_LOTS] > 0:
            paid = notional_paid(row[DOUBT_LIMIT], row[DOUBT_LOTS], row[NUM], row[DEN])
            total += paid + fee_owed(paid, 1, 1, 1, taker_rate, RATE_DEN)
    return total


@compile_aside
def exposure_of_others(products: Table, place: int) -> int:
    """Cash units of every other product if all its working buys fill, at the marks."""
    total = 0
    for other in range(products.shape[0]):
        row = products[other]
        if other == place:
            continue
        lots = row[LOTS] + row[DOUBT_LOTS]
        if row[WORK] != WORK_NONE and row[WORK_SIGN] > 0:
            lots += row[WORK_LOTS]
        if lots > 0 and row[MARK] <= 0:
            return UNCOUNTABLE
        total = plus(total, notional_paid(row[MARK], lots, row[NUM], row[DEN]))
    return total


@compile_aside
def orders_last_minute(desk: Desk, now_ns: int) -> int:
    """Intents of the last sixty seconds."""
    session = desk.session
    first = session[account.INTENTS_FROM]
    while first < session[account.ORDERS] and desk.intents[first % INTENTS] <= now_ns - MINUTE_NS:
        first += 1
    session[account.INTENTS_FROM] = first
    return int(session[account.ORDERS] - first)


@compile_aside
def intend(desk: Desk, now_ns: int) -> int:
    """Count an intent; gives its number, from 1."""
    session = desk.session
    desk.intents[session[account.ORDERS] % INTENTS] = now_ns
    session[account.ORDERS] += 1
    return int(session[account.ORDERS])


@compile_aside
def deny(desk: Desk, mask: int) -> None:
    """Count a denial for each rule that refused."""
    desk.session[account.DENIALS] += 1
    for rule in range(gates.RULES):
        desk.session[DENIED + rule] += mask >> rule & 1


def new_desk(products: Table, limits: Ints, choices: Ints, sizes: Floats, days: int) -> Desk:
    """A desk at the start of a run over so many days, its session still without cash."""
    situation, out = execution.situation_and_plan()
    session = np.zeros(account.SESSION, np.int64)
    session[account.DAY] = -1
    session[account.WORST_PEAK] = 1
    return Desk(
        session=session,
        products=products,
        targets=np.full(products.shape[0], math.nan),
        minds=np.full(products.shape[0], math.nan),
        limits=limits.copy(),
        choices=choices,
        sizes=sizes,
        facts=np.zeros(gates.FACTS, np.int64),
        values=np.zeros(2 * gates.RULES, np.int64),
        situation=situation,
        plan=out,
        intents=np.zeros(INTENTS, np.int64),
        days=np.zeros(days, np.int64),
    )
