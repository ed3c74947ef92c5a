"""The tables a run leaves behind: orders, fills, equity; and the one of orders by hand it is given.

All in counts, a row each; every table may have no room, then nothing is written into it.
"""

from typing import NamedTuple

import numpy as np

from gpt_trader.kernels import account, execution, resting
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.printing import PRINT, TRADES
from gpt_trader.kernels.vectors import Ints, Table

# Places in the row of an order.
ORDER_NUMBER = 0  # from 1; 0: it was denied
ORDER_ROUND = 1
ORDER_PRODUCT = 2
ORDER_SIGN = 3
ORDER_LOTS = 4
ORDER_LIMIT = 5  # ticks, or MARKET_PRICE
ORDER_TIME_IN_FORCE = 6
ORDER_POST_ONLY = 7
ORDER_END_NS = 8
ORDER_DENIED = 9  # mask of the rules that refused it
ORDER_WHY = 10  # execution.MADE and others; BY_HAND
ORDER_STATUS = 11  # resting.OPEN and others; NONE for what was denied or has not arrived
ORDER_FILLED = 12  # lots
ORDER = 13

BY_HAND = 100
"""Stands in `ORDER_WHY` for an order that a person asked for."""

# Places in the row of a fill.
FILL_ORDER = 0  # its number
FILL_ROUND = 1
FILL_PRODUCT = 2
FILL_SIGN = 3
FILL_TICKS = 4
FILL_LOTS = 5
FILL_NOTIONAL = 6  # cash units, before the fee
FILL_FEE = 7
FILL_MAKER = 8  # 1 or 0
FILL_TIME_NS = 9
FILL = 10

# Places in the row of an order by hand.
HAND_ROUND = 0
HAND_PRODUCT = 1
HAND_SIGN = 2
HAND_LOTS = 3
HAND_LIMIT = 4  # ticks, or MARKET_PRICE
HAND_WAIT_NS = 5
HAND_FEED = 6  # 1: ready
HAND_BOOKS = 7  # 1: they agree
HAND_STATE = 8  # trading state
HAND = 9


class Record(NamedTuple):
    """What a run leaves behind besides its account; every table may have no room."""

    orders: Table  # shape (orders, ORDER)
    fills: Table  # shape (fills, FILL)
    equity: Ints  # shape (R,): cash units at the end of each round
    hand: Table  # shape (orders by hand, HAND), by round
    prints: Ints  # scratch, shape (P, TRADES, PRINT)
    counts: Ints  # scratch, shape (P,)
    request: Ints  # scratch, as the next one
    before: Ints


@compile_lean
def write_order(desk: Desk, record: Record, place: int, now: int, mask: int) -> int:
    """Write the planned order into the record; gives its row, -1 without a record."""
    if record.orders.shape[0] == 0:
        return -1
    written = desk.session[account.ORDER_ROWS]
    desk.session[account.ORDER_ROWS] += 1
    row, wish = record.orders[written], desk.plan
    row[ORDER_NUMBER] = 0
    row[ORDER_ROUND] = now
    row[ORDER_PRODUCT] = place
    row[ORDER_SIGN] = wish[execution.SIGN]
    row[ORDER_LOTS] = wish[execution.LOTS]
    row[ORDER_LIMIT] = wish[execution.LIMIT_TICKS]
    row[ORDER_TIME_IN_FORCE] = wish[execution.TIME_IN_FORCE]
    row[ORDER_POST_ONLY] = wish[execution.POST_ONLY]
    row[ORDER_END_NS] = wish[execution.END_NS]
    row[ORDER_DENIED] = mask
    row[ORDER_WHY] = wish[execution.WHY]
    row[ORDER_STATUS] = resting.NONE
    row[ORDER_FILLED] = 0
    return int(written)


def new_record(products: int, orders: Table, fills: Table, equity: Ints, hand: Table) -> Record:
    """A record around the tables that a run shall leave, whose rows it writes whole."""
    return Record(
        orders=orders,
        fills=fills,
        equity=equity,
        hand=hand,
        prints=np.zeros((products, TRADES, PRINT), np.int64),
        counts=np.zeros(products, np.int64),
        request=np.zeros(resting.REQUEST, np.int64),
        before=np.zeros(account.SESSION + 1, np.int64),
    )
