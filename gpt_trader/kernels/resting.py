"""Our orders at the exchange of a backtest: they take from the book, wait, fill, expire.

The compiled form of the embedded exchange's matching, for at most one waiting order of a product.
A taker walks the book and gets each level at its price. A waiting order fills at its own price
when a trade of the tape prints there: up to the trade's size when it goes through the price; when
it is at the price, those are served first that stood there when the order came. The tape stays as
it is, whatever we do.
"""

from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.book import (
    DEN,
    DOLLARS,
    LEVEL,
    LEVEL_LOTS,
    LEVEL_TICKS,
    LEVELS,
    LOTS_FREE,
    MARKET,
    NUM,
    is_beyond,
    queue_ahead,
    take,
    walk,
)
from gpt_trader.kernels.compile import compile_aside
from gpt_trader.kernels.execution import GTD, IOC
from gpt_trader.kernels.fees import Fees, fee_step, rate_step, record_step
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.money import (
    COUNT_MAX,
    RATE_DEN,
    UNCOUNTABLE,
    fee_owed,
    notional_paid,
    notional_received,
    plus,
)
from gpt_trader.kernels.printing import LOTS as PRINT_LOTS
from gpt_trader.kernels.printing import TICKS as PRINT_TICKS
from gpt_trader.kernels.printing import TIME_NS as PRINT_TIME_NS
from gpt_trader.kernels.vectors import Ints, Table

Prints = Table
"""int64, shape (products, TRADES, PRINT): the trades of a round, from `printing.candle_trades`."""

# Places in an order to place.
ASK_SIGN = 0  # +1 buy, -1 sell
ASK_LOTS = 1
ASK_LIMIT = 2  # ticks, or MARKET_PRICE
ASK_TIME_IN_FORCE = 3  # GTC, IOC or GTD of kernels/execution.py
ASK_POST_ONLY = 4  # 1 or 0
ASK_END_NS = 5  # of a GTD order
ASK_NUMBER = 6  # by which fills name it
REQUEST = 7

# Places in the row of an order.
STATUS = 0
SIGN = 1
LOTS = 2
LIMIT = 3  # ticks, or MARKET_PRICE
LEFT = 4  # lots that may still fill
QUEUE = 5  # lots of others before it at its price
END_NS = 6  # 0: it does not expire
NUMBER = 7
HOLD = 8  # cash units of a buy, lots of a sale
NEXT = 9  # print of the round that comes next
ORDER = 10

# Statuses of an order.
NONE = 0
OPEN = 1
FILLED = 2
CANCELLED = 3
EXPIRED = 4
REJECTED_POST_ONLY = 5  # it would take
REJECTED_NO_LIQUIDITY = 6  # a market order, and the book is empty
REJECTED_NO_FUNDS = 7
REJECTED_END_PAST = 8

# Faults, all negative: the run has to stop.
FILLS_FULL = -1
WINDOW_FULL = -2  # of kernels/fees.py
TOO_LARGE = -3  # a sum of money that an int64 cannot hold
SECOND_ORDER = -4  # one waits already in this product

# Places in the row of a fill.
FILL_PRODUCT = 0
FILL_NUMBER = 1  # of the order
FILL_SIGN = 2
FILL_TICKS = 3
FILL_LOTS = 4
FILL_NOTIONAL = 5  # cash units before the fee
FILL_FEE = 6
FILL_MAKER = 7  # 1 or 0
FILL_TIME_NS = 8
FILL_LEFT = 9  # lots of the order that are still to fill
FILL = 10

# Places in the venue's state.
CASH_FREE = 0  # cash units that no order holds
FILLS = 1  # rows of the table of fills in use
VENUE = 2


class Venue(NamedTuple):
    """All there is of the exchange; every function here changes it in place."""

    state: Ints  # shape (VENUE,)
    markets: Table  # shape (products, MARKET), see kernels/book.py
    model: Ints  # see kernels/book.py
    orders: Table  # shape (products + 1, ORDER): by product, and last the order placed last
    fills: Table  # shape (fills, FILL), oldest first
    levels: Table  # scratch
    fees: Fees


def venue_of(products: int, model: Ints, fees: Fees, fills: int) -> Venue:
    """Begin without orders, trades and money, with room for so many fills.

    Before the first round the caller sets KEY, NUM, DEN, DOLLARS and LOTS_FREE of each market,
    and CASH_FREE; after each round COUNT, PRICE, MAKER_BUYS and DEPTH of each market that traded.
    """
    return Venue(
        state=np.zeros(VENUE, np.int64),
        markets=np.zeros((products, MARKET), np.int64),
        model=model,
        orders=np.zeros((products + 1, ORDER), np.int64),
        fills=np.zeros((fills, FILL), np.int64),
        levels=np.zeros((int(model[LEVELS]), LEVEL), np.int64),
        fees=fees,
    )


@compile_aside
def play_round(venue: Venue, prints: Prints, counts: Ints, end_ns: int) -> int:
    """Let a round's trades fill the waiting orders they reach, and end what is over by then.

    Parameters
    ----------
    prints, counts : int64, shapes (products, TRADES, PRINT) and (products,)
        The trades of the round and their numbers, of the products that have a waiting order.

    Returns
    -------
    int64
        `venue.state[FILLS]`, or a fault. What became of an order stands in its row.
    """
    orders = venue.orders
    products = venue.markets.shape[0]
    for product in range(products):
        orders[product, NEXT] = 0
    while True:
        first = -1
        now_ns = COUNT_MAX
        for product in range(products):
            place = orders[product, NEXT]
            if orders[product, STATUS] == OPEN and place < counts[product]:
                time_ns = prints[product, place, PRINT_TIME_NS]
                if time_ns < now_ns:
                    first = product
                    now_ns = time_ns
        if first < 0:
            break
        trade = prints[first, orders[first, NEXT]]
        orders[first, NEXT] += 1
        if not expire(venue, first, now_ns):
            fault = print_trade(venue, first, trade[PRINT_TICKS], trade[PRINT_LOTS], now_ns)
            if fault < 0:
                return fault
    for product in range(products):
        expire(venue, product, end_ns)
    return int(venue.state[FILLS])


@compile_aside
def print_trade(venue: Venue, product: int, price: int, lots: int, now_ns: int) -> int:
    """Let one trade of the tape fill a product's waiting order, if it reaches it."""
    order = venue.orders[product]
    if order[SIGN] * (price - order[LIMIT]) > 0:
        return int(order[STATUS])
    if price == order[LIMIT]:
        ahead = min(order[QUEUE], lots)
        order[QUEUE] -= ahead
        lots -= ahead
    else:
        order[QUEUE] = 0  # a trade through a price leaves nobody there
    part = min(order[LEFT], lots)
    if part == 0:
        return int(order[STATUS])
    return fill(venue, product, order, order[LIMIT], part, 1, now_ns)


@compile_aside
def place(venue: Venue, product: int, request: Ints, now_ns: int) -> int:
    """Take in an order at the end of a round: it takes what it can, then waits or is cancelled.

    Parameters
    ----------
    request : int64, shape (REQUEST,)

    Returns
    -------
    int64
        The order's status, or a fault. Its row is the last of `venue.orders`; if it waits, the
        product's as well.
    """
    market = venue.markets[product]
    order = venue.orders[venue.markets.shape[0]]
    sign, lots, limit = request[ASK_SIGN], request[ASK_LOTS], request[ASK_LIMIT]
    time_in_force = request[ASK_TIME_IN_FORCE]
    begin(order, request)
    other = venue.orders[product]
    if other[STATUS] == OPEN and time_in_force != IOC:
        return SECOND_ORDER
    if time_in_force == GTD and request[ASK_END_NS] <= now_ns:
        return end(venue, product, order, REJECTED_END_PAST)
    own = other[LIMIT] if other[STATUS] == OPEN and other[SIGN] == -sign else 0
    count = walk(market, venue.model, sign, lots, limit, own, venue.levels)
    missing = lots
    for level in range(count):
        missing -= venue.levels[level, LEVEL_LOTS]
    meets_own = missing > 0 and own > 0 and not is_beyond(sign, own, limit)
    if request[ASK_POST_ONLY] == 1 and (count > 0 or meets_own):
        return end(venue, product, order, REJECTED_POST_ONLY)
    if limit == MARKET_PRICE and count == 0 and not meets_own:
        return end(venue, product, order, REJECTED_NO_LIQUIDITY)
    status = hold(venue, product, order, count, now_ns)
    for level in range(count):
        if status != OPEN:
            break
        ticks, part = venue.levels[level, LEVEL_TICKS], venue.levels[level, LEVEL_LOTS]
        status = fill(venue, product, order, ticks, part, 0, now_ns)
        if status in (OPEN, FILLED):
            take(market, sign, part)
    if status != OPEN:
        return status
    if meets_own or time_in_force == IOC:
        return end(venue, product, order, CANCELLED)
    order[QUEUE] = queue_ahead(market, venue.model, sign, limit)
    for column in range(ORDER):
        other[column] = order[column]
    return OPEN


@compile_aside
def cancel(venue: Venue, product: int) -> int:
    """Cancel a product's waiting order: `CANCELLED`, or `NONE` where no order waits any more."""
    order = venue.orders[product]
    if order[STATUS] != OPEN:
        return NONE
    return end(venue, product, order, CANCELLED)


@compile_aside
def begin(order: Ints, request: Ints) -> None:
    """Make an order's row from what is asked for; it holds nothing yet."""
    order[STATUS] = OPEN
    order[SIGN] = request[ASK_SIGN]
    order[LOTS] = request[ASK_LOTS]
    order[LIMIT] = request[ASK_LIMIT]
    order[LEFT] = request[ASK_LOTS]
    order[QUEUE] = 0
    order[END_NS] = request[ASK_END_NS] if request[ASK_TIME_IN_FORCE] == GTD else 0
    order[NUMBER] = request[ASK_NUMBER]
    order[HOLD] = 0
    order[NEXT] = 0


@compile_aside
def hold(venue: Venue, product: int, order: Ints, count: int, now_ns: int) -> int:
    """Set aside what an order may cost: `OPEN`, `REJECTED_NO_FUNDS`, or a fault."""
    market = venue.markets[product]
    if order[SIGN] < 0:
        if order[LOTS] > market[LOTS_FREE]:
            return end(venue, product, order, REJECTED_NO_FUNDS)
        order[HOLD] = order[LOTS]
        market[LOTS_FREE] -= order[LOTS]
        return OPEN
    if order[LIMIT] != MARKET_PRICE:
        needed = cost_as_taker(venue, product, order[LIMIT], order[LOTS], now_ns)
    else:
        needed = 0
        for level in range(count):
            ticks, lots = venue.levels[level, LEVEL_TICKS], venue.levels[level, LEVEL_LOTS]
            needed = plus(needed, cost_as_taker(venue, product, ticks, lots, now_ns))
    if needed == UNCOUNTABLE:
        return TOO_LARGE
    if needed > venue.state[CASH_FREE]:
        return end(venue, product, order, REJECTED_NO_FUNDS)
    order[HOLD] = needed
    venue.state[CASH_FREE] -= needed
    return OPEN


@compile_aside
def cost_as_taker(venue: Venue, product: int, ticks: int, lots: int, now_ns: int) -> int:
    """Notional and taker's fee of a buy in cash units, both rounded up; or `UNCOUNTABLE`."""
    num, den = venue.markets[product, NUM], venue.markets[product, DEN]
    rate = rate_step(venue.fees, now_ns, 0)
    fee = fee_owed(ticks, lots, num, den, rate, RATE_DEN)
    return plus(notional_paid(ticks, lots, num, den), fee)


@compile_aside
def fill(
    venue: Venue, product: int, order: Ints, ticks: int, lots: int, maker: int, now_ns: int
) -> int:
    """Execute a part of an order: move the money, note the fill, count it into the fees.

    Returns
    -------
    int64
        The order's status then, or a fault. `CANCELLED` without a fill: a hold is rounded once
        and fills one by one, so many of them can cost some cash units more than there are.
    """
    market = venue.markets[product]
    num, den = market[NUM], market[DEN]
    fee = fee_step(venue.fees, now_ns, ticks, lots, num, den, maker)
    if order[SIGN] > 0:
        notional = notional_paid(ticks, lots, num, den)
    else:
        notional = notional_received(ticks, lots, num, den)
        fee = min(fee, notional)
    if plus(notional, fee) == UNCOUNTABLE:
        return TOO_LARGE
    row = venue.state[FILLS]
    if row == venue.fills.shape[0]:
        return FILLS_FULL
    if order[SIGN] > 0:
        if notional + fee - order[HOLD] > venue.state[CASH_FREE]:
            return end(venue, product, order, CANCELLED)
        pay_for_buy(venue, product, order, lots, notional + fee, now_ns)
    else:
        order[LEFT] -= lots
        order[HOLD] -= lots
        venue.state[CASH_FREE] += notional - fee
    venue.state[FILLS] += 1
    written = venue.fills[row]
    written[FILL_PRODUCT] = product
    written[FILL_NUMBER] = order[NUMBER]
    written[FILL_SIGN] = order[SIGN]
    written[FILL_TICKS] = ticks
    written[FILL_LOTS] = lots
    written[FILL_NOTIONAL] = notional
    written[FILL_FEE] = fee
    written[FILL_MAKER] = maker
    written[FILL_TIME_NS] = now_ns
    written[FILL_LEFT] = order[LEFT]
    if market[DOLLARS] == 1:
        fault = record_step(venue.fees, now_ns, notional)
        if fault < 0:
            return fault
    return end(venue, product, order, FILLED) if order[LEFT] == 0 else OPEN


@compile_aside
def pay_for_buy(venue: Venue, product: int, order: Ints, lots: int, cost: int, now_ns: int) -> None:
    """Pay from the hold first, take in the lots, and free what the rest no longer needs."""
    held = min(order[HOLD], cost)
    order[HOLD] -= held
    venue.state[CASH_FREE] += held - cost
    venue.markets[product, LOTS_FREE] += lots
    order[LEFT] -= lots
    if order[LIMIT] != MARKET_PRICE:
        needed = cost_as_taker(venue, product, order[LIMIT], order[LEFT], now_ns)
        spare = max(order[HOLD] - needed, 0)
        order[HOLD] -= spare
        venue.state[CASH_FREE] += spare


@compile_aside
def expire(venue: Venue, product: int, until_ns: int) -> bool:
    """End a product's waiting order if its time is over by then, and say so."""
    order = venue.orders[product]
    if order[STATUS] != OPEN or order[END_NS] == 0 or order[END_NS] > until_ns:
        return False
    end(venue, product, order, EXPIRED)
    return True


@compile_aside
def end(venue: Venue, product: int, order: Ints, status: int) -> int:
    """Give an order its last status, and free what it holds."""
    if order[SIGN] > 0:
        venue.state[CASH_FREE] += order[HOLD]
    else:
        venue.markets[product, LOTS_FREE] += order[HOLD]
    order[HOLD] = 0
    order[STATUS] = status
    return status
