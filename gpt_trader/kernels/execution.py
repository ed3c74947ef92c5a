"""The next order of one product: wait at our own side of the book first, then pay the spread.

One order of a product at a time, so no two can add up unseen; but an exit goes past buys in doubt.

The constants below are places in the vectors and names of codes; `broker/execution.py` fills them.
"""

import numpy as np

from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.money import UNCOUNTABLE, notional_paid, notional_received, share_of
from gpt_trader.kernels.vectors import Ints

# The situation, in increments, cash units, nanoseconds and bps.
TARGET_LOTS = 0  # signed; at most 2**53 either way, as the position
POSITION_LOTS = 1
BID = 2  # ticks, at most 2**53; 0 or less: not known; as the next two
ASK = 3
MARK = 4
ATTEMPTS = 5  # orders since the strategy last changed its mind
NOW_NS = 6
PATIENCE_NS = 7  # how long an order may wait at our own side of the book
TAKE_BPS = 8  # how far beyond the far side an impatient order may pay
COLLAR_BPS = 9  # how far from the mark, on the losing side, risk lets any order go; up to 10,000
REBALANCE_RATE = 10  # 1e-9 of the target, below which a difference is left alone
BASE_MIN = 11  # lots
BASE_MAX = 12
QUOTE_MIN = 13  # cash units
NUM = 14  # num / den: cash units of one tick of one lot
DEN = 15
MARKET_ORDERS = 16  # 1: impatient orders have no worst price
GOOD_TILL = 17  # 1: waiting orders end at the exchange by themselves
WORKING = 18  # orders that may still fill
WORK_SIGN = 19  # of the oldest of them: +1 buy, -1 sell; as the next two
WORK_INTENDED_NS = 20
WORK_CAN_CANCEL = 21  # 1: the exchange knows it, and no cancel is asked for yet
STUCK = 22  # 1: all orders that work are buys nobody answers for
SITUATION = 23

# The plan.
ACTION = 0
SIGN = 1  # +1 buy, -1 sell; from here on for ORDER only, but for WHY
LOTS = 2
LIMIT_TICKS = 3  # or MARKET_PRICE
TIME_IN_FORCE = 4
POST_ONLY = 5  # 1 or 0
END_NS = 6  # of a GTD order; else 0
WHY = 7
PLAN = 8

# Actions.
NOTHING = 0
CANCEL = 1  # the oldest order that works
ORDER = 2

# Times in force.
GTC = 0
IOC = 1
GTD = 2

# Reasons.
NO_REASON = 0
MADE = 1
TAKEN = 2
TAKEN_AT_MARKET = 3
WAITS_AT_COLLAR = 4
PAST_DOUBT = 5
CHANGED_MIND = 6
WAITED = 7

BPS_DEN = 10_000
EXPIRY_GRACE = 2
"""An order that ends by itself is cancelled by us only at so many times its patience: then the
exchange has forgotten it."""


def situation_and_plan() -> tuple[Ints, Ints]:
    """Empty vectors to fill and to read: nothing known, nothing to do."""
    return np.zeros(SITUATION, np.int64), np.zeros(PLAN, np.int64)


@compile_aside
def plan_step(situation: Ints, out: Ints) -> int:
    """Say what to do next about the difference between the position wanted and the one held.

    Parameters
    ----------
    situation : int64, shape (SITUATION,)
    out : int64, shape (PLAN,)
        Changed in place, every place of it.

    Returns
    -------
    int64
        The action: `NOTHING`, `CANCEL` or `ORDER`.
    """
    for place in range(PLAN):
        out[place] = 0
    delta = situation[TARGET_LOTS] - situation[POSITION_LOTS]
    if situation[WORKING] > 0:
        if is_stuck(situation, delta):
            # What is sold is held already, so an order in doubt that buys takes nothing from it.
            take(situation, out, -1, min(-delta, situation[POSITION_LOTS]))
            out[WHY] = PAST_DOUBT
            return ORDER
        return mind(situation, out, delta)
    if not is_worth_it(situation, delta):
        return NOTHING
    sign = 1 if delta > 0 else -1
    if situation[ATTEMPTS] == 0 and situation[PATIENCE_NS] > 0:
        make(situation, out, sign, abs(delta))
    else:
        take(situation, out, sign, abs(delta))
    return ORDER


@compile_lean
def is_stuck(situation: Ints, delta: int) -> bool:
    """An exit is wanted, and the only orders in its way are buys that nobody answers for."""
    if delta >= 0 or situation[POSITION_LOTS] <= 0:
        return False
    return bool(situation[BID] > 0 and situation[MARK] > 0 and situation[STUCK] == 1)


@compile_lean
def mind(situation: Ints, out: Ints, delta: int) -> int:
    """Keep, or cancel, the order that works: it is in the way of any other."""
    if situation[WORK_CAN_CANCEL] != 1:
        return NOTHING
    patience_ns = situation[PATIENCE_NS]
    if situation[GOOD_TILL] == 1:
        patience_ns *= EXPIRY_GRACE
    if delta == 0 or (delta > 0) != (situation[WORK_SIGN] > 0):
        out[WHY] = CHANGED_MIND
    elif situation[NOW_NS] - situation[WORK_INTENDED_NS] >= patience_ns:
        out[WHY] = WAITED
    else:
        return NOTHING
    out[ACTION] = CANCEL
    return CANCEL


@compile_lean
def is_worth_it(situation: Ints, delta: int) -> bool:
    """The difference is neither dust nor drift, and there is a market to trade it in."""
    mark = situation[MARK]
    if delta == 0 or mark <= 0 or situation[BID] <= 0 or situation[ASK] <= 0:
        return False
    lots = abs(delta)
    if lots < situation[BASE_MIN]:
        return False
    notional = notional_received(mark, lots, situation[NUM], situation[DEN])
    if notional != UNCOUNTABLE and notional < situation[QUOTE_MIN]:
        return False
    target = abs(situation[TARGET_LOTS])
    if target == 0 or situation[POSITION_LOTS] == 0:
        return True
    # Equity moves with every candle and the target with it: chasing that would pay fees for noise.
    drift = share_of(target, situation[REBALANCE_RATE])
    return bool(drift != UNCOUNTABLE and lots > drift)


@compile_lean
def make(situation: Ints, out: Ints, sign: int, lots: int) -> None:
    """An order that waits at our own side of the book and never pays the spread."""
    order(situation, out, sign, lots)
    out[LIMIT_TICKS] = situation[BID] if sign > 0 else situation[ASK]
    out[POST_ONLY] = 1
    out[WHY] = MADE
    wait(situation, out)


@compile_lean
def take(situation: Ints, out: Ints, sign: int, lots: int) -> None:
    """An order that pays the spread, up to the worst price it takes.

    In a book so wide that the far side lies beyond the collar, it waits at the collar: refused
    there again and again, an exit would never happen.
    """
    order(situation, out, sign, lots)
    far = situation[ASK] if sign > 0 else situation[BID]
    worst = worse_by(far, sign, situation[TAKE_BPS])
    collar = worse_by(situation[MARK], sign, situation[COLLAR_BPS])
    if worst == UNCOUNTABLE or (worst - collar) * sign > 0:
        worst = collar
    out[LIMIT_TICKS] = worst
    if (worst - far) * sign < 0:
        out[WHY] = WAITS_AT_COLLAR
        wait(situation, out)
        return
    out[TIME_IN_FORCE] = IOC
    out[WHY] = TAKEN
    if situation[MARKET_ORDERS] == 1:
        out[LIMIT_TICKS] = MARKET_PRICE
        out[WHY] = TAKEN_AT_MARKET


@compile_lean
def order(situation: Ints, out: Ints, sign: int, lots: int) -> None:
    """Begin the plan of an order, no larger than the exchange takes."""
    out[ACTION] = ORDER
    out[SIGN] = sign
    out[LOTS] = min(lots, situation[BASE_MAX])


@compile_lean
def wait(situation: Ints, out: Ints) -> None:
    """How long an order in the book may stay there."""
    if situation[GOOD_TILL] == 1 and situation[PATIENCE_NS] > 0:
        out[TIME_IN_FORCE] = GTD
        out[END_NS] = situation[NOW_NS] + situation[PATIENCE_NS]
    else:
        out[TIME_IN_FORCE] = GTC


@compile_lean
def worse_by(ticks: int, sign: int, bps: int) -> int:
    """A price that is worse for us by so many bps, rounded to our side; `UNCOUNTABLE` if huge.

    A sale asks for a tick at least: nothing is no price, and risk would refuse the exit.
    """
    if sign > 0:
        return notional_received(ticks, BPS_DEN + bps, 1, BPS_DEN)
    worse = notional_paid(ticks, max(0, BPS_DEN - bps), 1, BPS_DEN)
    return 1 if worse == 0 else worse
