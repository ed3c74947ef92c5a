"""Every risk rule as one small gate over int64, and the one step that asks them all.

A gate says `ALLOWS`, `DENIES` or `CANNOT_DECIDE`, and leaves its value and its limit behind. None
looks at a clock. A rule of *form* (`FORM_RULES`) binds every order. All other rules let an exit
pass, whatever they say: an order that can only shrink the position is never what makes a bad day
worse. What cannot be decided denies whatever is no exit.

The constants below are places in the vectors and names of codes; `risk/verdicts.py` fills them.
"""

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.money import (
    RATE_DEN,
    UNCOUNTABLE,
    fee_owed,
    notional_paid,
    plus,
    share_of,
)
from gpt_trader.kernels.vectors import Ints

# Rules: the place of a rule's value, and its bit in the mask.
TRADING_STATE = 0
FEED_READY = 1
STALE_MARK = 2
BOOKS_AGREE = 3
ORDER_NOTIONAL = 4
POSITION_CAP = 5
EXPOSURE_CAP = 6
PRICE_COLLAR = 7
ORDER_RATE = 8
DAILY_LOSS = 9
DRAWDOWN = 10
CASH = 11
SIZE_FORM = 12
REDUCE_ONLY = 13
SPREAD = 14
REFERENCE = 15
RULES = 16
FORM_RULES = 1 << TRADING_STATE | 1 << PRICE_COLLAR | 1 << SIZE_FORM | 1 << REDUCE_ONLY

# What a gate says.
ALLOWS = 0
DENIES = 1
CANNOT_DECIDE = 2

# Trading states. A code that is none of them counts as halted.
ACTIVE = 0
REDUCING = 1
HALTED = 2

# Facts, in increments, cash units, nanoseconds and 1e-9 rates.
SIGN = 0  # +1 buy, -1 sell
LOTS = 1
LIMIT_TICKS = 2  # MARKET_PRICE, or the limit price
POSITION = 3  # signed lots
WORKING_BUY = 4  # lots that may still fill, unknown orders included
WORKING_SELL = 5
BASE_MIN = 6  # lots
BASE_MAX = 7
NUM = 8  # num / den: cash units of one tick of one lot
DEN = 9
MARK_TICKS = 10  # 0 or less: not known
MARK_AGE_NS = 11  # negative: not known
BID_TICKS = 12  # 0 or less: not known
ASK_TICKS = 13
CASH_FREE = 14  # cash units
TAKER_RATE = 15
EQUITY = 16  # cash units; 0 or less: not known, as the next two
EQUITY_DAY_START = 17
EQUITY_PEAK = 18
EXPOSURE_OTHERS = 19  # cash units; negative: not known
ORDERS_LAST_MINUTE = 20  # negative: not known
STATE = 21
FEED_IS_READY = 22  # 1 or 0
BOOKS_DO_AGREE = 23
LAST_TICKS = 24  # of the last trade, 0 or less: not known
FACTS = 25

MARKET_PRICE = -1
"""Stands in `LIMIT_TICKS` for a market order."""

# Limits.
ORDER_NOTIONAL_MAX = 0  # cash units
POSITION_RATE_MAX = 1  # 1e-9 of equity, as the next one
EXPOSURE_RATE_MAX = 2
MARK_AGE_NS_MAX = 3
COLLAR_RATE_MAX = 4  # 1e-9 of the mark
ORDERS_PER_MINUTE_MAX = 5
DAILY_LOSS_RATE_MAX = 6  # 1e-9 of the equity at midnight
DRAWDOWN_RATE_MAX = 7  # 1e-9 of the highest equity
POSITION_NOTIONAL_MAX = 8  # cash units, of this product
DAILY_LOSS_MAX = 9  # cash units
ORDER_EQUITY_RATE_MAX = 10  # 1e-9 of equity
SPREAD_RATE_MAX = 11  # 1e-9 of the mark
REFERENCE_RATE_MAX = 12  # 1e-9 of the last trade
LIMITS = 13


@compile_step
def verdict_step(facts: Ints, limits: Ints, values: Ints) -> int:
    """Ask every rule about one order, and say in one mask which of them refuse it.

    Parameters
    ----------
    facts : int64, shape (FACTS,)
    limits : int64, shape (LIMITS,)
    values : int64, shape (2 * RULES,)
        Changed in place. ``values[rule]`` is what the order would bring, ``values[RULES + rule]``
        what is allowed; `UNCOUNTABLE` where either is not known.

    Returns
    -------
    int64
        Bit ``rule`` is set where that rule refuses; 0 lets the order out.
    """
    is_exit = exits(facts)
    mask = refusal(TRADING_STATE, is_exit, trading_state_gate(facts, values, is_exit))
    mask |= refusal(FEED_READY, is_exit, feed_ready_gate(facts, values))
    mask |= refusal(STALE_MARK, is_exit, stale_mark_gate(facts, limits, values))
    mask |= refusal(BOOKS_AGREE, is_exit, books_agree_gate(facts, values))
    mask |= refusal(ORDER_NOTIONAL, is_exit, order_notional_gate(facts, limits, values))
    mask |= refusal(POSITION_CAP, is_exit, position_cap_gate(facts, limits, values))
    mask |= refusal(EXPOSURE_CAP, is_exit, exposure_cap_gate(facts, limits, values))
    mask |= refusal(PRICE_COLLAR, is_exit, price_collar_gate(facts, limits, values))
    mask |= refusal(ORDER_RATE, is_exit, order_rate_gate(facts, limits, values))
    mask |= refusal(DAILY_LOSS, is_exit, daily_loss_gate(facts, limits, values))
    mask |= refusal(DRAWDOWN, is_exit, drawdown_gate(facts, limits, values))
    mask |= refusal(CASH, is_exit, cash_gate(facts, values))
    mask |= refusal(SIZE_FORM, is_exit, size_form_gate(facts, values))
    mask |= refusal(REDUCE_ONLY, is_exit, reduce_only_gate(facts, values))
    mask |= refusal(SPREAD, is_exit, spread_gate(facts, limits, values))
    mask |= refusal(REFERENCE, is_exit, reference_gate(facts, limits, values))
    return mask


@compile_step
def reduces(sign: int, lots: int, position: int, working_same_side: int) -> bool:
    """Whether an order can only shrink the position, whatever subset of working orders fills.

    Orders of the other side can only move the position further from zero first, so they take
    nothing away. Orders of the same side count whole: two exits together must not pass zero.

    Parameters
    ----------
    sign : int64
        +1 for a buy, -1 for a sell.
    lots, working_same_side : int64
        Of the order; of what still works on its side. A negative one is not known: no exit.
    position : int64
        Signed lots.
    """
    if lots < 1 or working_same_side < 0 or position == UNCOUNTABLE:
        return False
    held = -position if sign > 0 else position
    return held > 0 and lots <= held - working_same_side


@compile_step
def exits(facts: Ints) -> bool:
    """Whether the order of these facts is an exit, see `reduces`."""
    working = facts[WORKING_BUY] if facts[SIGN] > 0 else facts[WORKING_SELL]
    return reduces(facts[SIGN], facts[LOTS], facts[POSITION], working)


@compile_step
def refusal(rule: int, is_exit: bool, word: int) -> int:
    """The bit of a rule if its word binds this order, else 0."""
    if word == ALLOWS:
        return 0
    if is_exit and (word == CANNOT_DECIDE or not FORM_RULES >> rule & 1):
        return 0
    return 1 << rule


@compile_step
def trading_state_gate(facts: Ints, values: Ints, is_exit: bool) -> int:
    """Halted sends nothing; reduce-only sends exits."""
    state = facts[STATE] if ACTIVE <= facts[STATE] <= HALTED else HALTED
    return at_most(values, TRADING_STATE, state, REDUCING if is_exit else ACTIVE)


@compile_step
def feed_ready_gate(facts: Ints, values: Ints) -> int:
    """No new risk while the feed is down or has a gap."""
    return at_least(values, FEED_READY, facts[FEED_IS_READY], 1)


@compile_step
def stale_mark_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """No new risk on a mark that is too old, or not known."""
    age = facts[MARK_AGE_NS] if facts[MARK_TICKS] > 0 else UNCOUNTABLE
    return at_most(values, STALE_MARK, age, limits[MARK_AGE_NS_MAX])


@compile_step
def books_agree_gate(facts: Ints, values: Ints) -> int:
    """No new risk while ledger and account differ."""
    return at_least(values, BOOKS_AGREE, facts[BOOKS_DO_AGREE], 1)


@compile_step
def order_notional_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """One order's notional, at the dearer of its own price and the mark."""
    mark = facts[MARK_TICKS]
    price = max(own_price(facts), mark) if mark > 0 else UNCOUNTABLE
    notional = notional_paid(price, facts[LOTS], facts[NUM], facts[DEN])
    share = share_of(known(facts[EQUITY]), limits[ORDER_EQUITY_RATE_MAX])
    return at_most(values, ORDER_NOTIONAL, notional, lesser(limits[ORDER_NOTIONAL_MAX], share))


@compile_step
def position_cap_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """The product's worst notional at the mark, if all that works on a side and this fills."""
    share = share_of(known(facts[EQUITY]), limits[POSITION_RATE_MAX])
    cap = lesser(limits[POSITION_NOTIONAL_MAX], share)
    return at_most(values, POSITION_CAP, worst_notional(facts), cap)


@compile_step
def exposure_cap_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """The worst notional of all products at their marks."""
    worst = plus(worst_notional(facts), facts[EXPOSURE_OTHERS])
    cap = share_of(known(facts[EQUITY]), limits[EXPOSURE_RATE_MAX])
    return at_most(values, EXPOSURE_CAP, worst, cap)


@compile_step
def price_collar_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """Ticks by which the price is worse than the mark: a limit price, else the far touch.

    A limit price of nothing is no price: it is refused whatever the mark.
    """
    price = own_price(facts)
    mark = facts[MARK_TICKS]
    if price <= 0 and facts[LIMIT_TICKS] != MARKET_PRICE:
        values[PRICE_COLLAR] = UNCOUNTABLE
        values[RULES + PRICE_COLLAR] = UNCOUNTABLE
        return DENIES
    worse = UNCOUNTABLE
    if price > 0 and mark > 0:
        worse = max(0, price - mark if facts[SIGN] > 0 else mark - price)
    return at_most(values, PRICE_COLLAR, worse, share_of(known(mark), limits[COLLAR_RATE_MAX]))


@compile_step
def order_rate_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """Orders within a minute, this one included."""
    count = plus(facts[ORDERS_LAST_MINUTE], 1)
    return at_most(values, ORDER_RATE, count, limits[ORDERS_PER_MINUTE_MAX])


@compile_step
def daily_loss_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """What was lost since midnight UTC. A product and no quotient, so nothing is rounded away."""
    start = facts[EQUITY_DAY_START]
    loss = lost(start, facts[EQUITY])
    share = share_of(known(start), limits[DAILY_LOSS_RATE_MAX])
    return at_most(values, DAILY_LOSS, loss, lesser(limits[DAILY_LOSS_MAX], share))


@compile_step
def drawdown_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """What was lost since the highest equity."""
    peak = facts[EQUITY_PEAK]
    loss = lost(peak, facts[EQUITY])
    return at_most(values, DRAWDOWN, loss, share_of(known(peak), limits[DRAWDOWN_RATE_MAX]))


@compile_step
def cash_gate(facts: Ints, values: Ints) -> int:
    """A buy must be paid with free cash, its fee as a taker included."""
    if facts[SIGN] < 0:
        return at_most(values, CASH, 0, max(0, facts[CASH_FREE]))
    price = own_price(facts)
    notional = UNCOUNTABLE
    fee = UNCOUNTABLE
    if price > 0:
        notional = notional_paid(price, facts[LOTS], facts[NUM], facts[DEN])
        fee = fee_owed(price, facts[LOTS], facts[NUM], facts[DEN], facts[TAKER_RATE], RATE_DEN)
    return at_most(values, CASH, plus(notional, fee), max(0, facts[CASH_FREE]))


@compile_step
def size_form_gate(facts: Ints, values: Ints) -> int:
    """A size the product accepts: at least its minimum and one lot, at most its maximum."""
    least = max(1, facts[BASE_MIN])
    if facts[LOTS] < least:
        values[SIZE_FORM] = facts[LOTS]
        values[RULES + SIZE_FORM] = least
        return DENIES
    return at_most(values, SIZE_FORM, facts[LOTS], max(0, facts[BASE_MAX]))


@compile_step
def reduce_only_gate(facts: Ints, values: Ints) -> int:
    """A sale of spot can't pass what is held and not already offered by a working sale."""
    if facts[SIGN] > 0:
        return at_most(values, REDUCE_ONLY, 0, 0)
    offered = facts[WORKING_SELL]
    free = UNCOUNTABLE
    if facts[POSITION] != UNCOUNTABLE and offered >= 0:
        free = max(0, max(0, facts[POSITION]) - offered)
    return at_most(values, REDUCE_ONLY, facts[LOTS], free)


@compile_step
def spread_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """Ticks between bid and ask. One is as narrow as can be, whatever share of the mark it is."""
    spread = UNCOUNTABLE
    if facts[BID_TICKS] > 0 and facts[ASK_TICKS] > 0 and facts[MARK_TICKS] > 0:
        spread = max(0, facts[ASK_TICKS] - facts[BID_TICKS])
    share = share_of(known(facts[MARK_TICKS]), limits[SPREAD_RATE_MAX])
    return at_most(values, SPREAD, spread, share if share < 0 else max(1, share))


@compile_step
def reference_gate(facts: Ints, limits: Ints, values: Ints) -> int:
    """Ticks by which the price is worse than the last trade: a witness besides the quote.

    Trades come over a channel of their own, so a quote that is wrong does not vouch for itself.
    Exits pass: where trades have stopped to come, an old price must not hold a position in, and
    a sale below the market gets the market's price all the same.
    """
    last = known(facts[LAST_TICKS])
    price = own_price(facts)
    worse = UNCOUNTABLE
    if price > 0 and last > 0:
        worse = max(0, price - last if facts[SIGN] > 0 else last - price)
    share = share_of(last, limits[REFERENCE_RATE_MAX])
    return at_most(values, REFERENCE, worse, share if share < 0 else max(1, share))


@compile_step
def own_price(facts: Ints) -> int:
    """Ticks at which the order may fill: its limit price, or for a market order the far touch."""
    limit: int = facts[LIMIT_TICKS]
    far_touch: int = facts[ASK_TICKS] if facts[SIGN] > 0 else facts[BID_TICKS]
    return far_touch if limit == MARKET_PRICE else max(0, limit)


@compile_step
def worst_notional(facts: Ints) -> int:
    """Cash units at the mark of the larger of two outcomes: all buys fill, or all sells fill."""
    position = facts[POSITION]
    if position == UNCOUNTABLE or facts[MARK_TICKS] <= 0:
        return UNCOUNTABLE
    buys = facts[WORKING_BUY]
    sells = facts[WORKING_SELL]
    if facts[SIGN] > 0:
        buys = plus(buys, facts[LOTS])
    else:
        sells = plus(sells, facts[LOTS])
    up = plus(max(0, position), buys)
    down = plus(max(0, -position), sells)
    if up < 0 or down < 0:
        return UNCOUNTABLE
    # Of a long position, sells first take away: what they leave below zero is the short outcome.
    longest = up - max(0, -position)
    shortest = down - max(0, position)
    return notional_paid(facts[MARK_TICKS], max(longest, shortest), facts[NUM], facts[DEN])


@compile_step
def lost(before: int, now: int) -> int:
    """Cash units lost between two equities; `UNCOUNTABLE` if either is not known."""
    if before <= 0 or now <= 0:
        return UNCOUNTABLE
    return max(0, before - now)


@compile_step
def lesser(cap: int, share: int) -> int:
    """The tighter of a fixed cap and a share; `UNCOUNTABLE` while the share is not known."""
    return share if share < 0 else min(cap, share)


@compile_step
def known(count: int) -> int:
    """The count, or `UNCOUNTABLE` where nothing and less than nothing mean not known."""
    return count if count > 0 else UNCOUNTABLE


@compile_step
def at_most(values: Ints, rule: int, value: int, limit: int) -> int:
    """Leave value and limit behind, and deny a value above the limit, not one at the limit."""
    values[rule] = value
    values[RULES + rule] = limit
    if value < 0 or limit < 0:
        return CANNOT_DECIDE
    return DENIES if value > limit else ALLOWS


@compile_step
def at_least(values: Ints, rule: int, value: int, limit: int) -> int:
    """Leave value and limit behind, and deny a value below the limit."""
    values[rule] = value
    values[RULES + rule] = limit
    return DENIES if value < limit else ALLOWS
