"""The books of a backtest as int64 vectors: cash, positions, equity, its peak, its worst fall.

The compiled form of `portfolio.ledger` and `portfolio.valuation`, kept equal to them by
``tests/backtesting/test_equality.py``. One vector holds what all products share, one row of a
table what a single product has. Money in cash units of 1e-8 quote.
"""

from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.money import UNCOUNTABLE, notional_received, plus
from gpt_trader.kernels.vectors import Ints, Table
from gpt_trader.kernels.wide import part_of, product_is_greater

DAY_NS = 86_400_000_000_000

# Places in the session's vector.
CASH = 0
EQUITY = 1  # latest; the cash before the first
PEAK = 2  # highest equity seen
LOW = 3  # lowest since the peak
WORST_LOSS = 4  # of the deepest fall, and the peak it began at
WORST_PEAK = 5
DAY = 6  # UTC day of the latest equity, -1 before the first
DAY_START = 7  # first equity of that day: what the daily limit counts from
NOW_NS = 8
CANDLES = 9  # seen by strategies, of all products
ORDERS = 10  # intents
DENIALS = 11
FILLS = 12
PARTIAL_FILLS = 13  # after which something of the order was left
MAKER_FILLS = 14
STOPS = 15
EXPIRIES = 16
CANCELS = 17
FEES = 18  # cash units
TRADED = 19  # cash units, notional of all fills; `UNCOUNTABLE` once it is too large
TRIPS = 20  # positions opened and closed again
WINS = 21  # of them with a profit after fees
DAYS = 22  # rows written of the equity at the days' ends
HELD = 23  # candles at whose end their product was held
ORDER_ROWS = 24  # rows written of the table of orders
FILL_ROWS = 25
HAND = 26  # orders by hand done
INTENTS_FROM = 27  # the oldest intent of the last minute in the ring
DAY_END_NS = 28  # of the UTC day of the latest round, 0 before the first
DENIED = 29  # and one place for each rule
SESSION = 45

# Places in a product's row.
LOTS = 0
COST = 1  # of the lots held, buy fees included
REALIZED = 2  # fees included
PRODUCT_FEES = 3
PRODUCT_TRADED = 4
REALIZED_BEFORE = 5  # when the position was opened
BID = 6  # ticks, 0: not known, as the next three
ASK = 7
LAST = 8
MARK = 9
QUOTE_NS = 10
TRADE_NS = 11
ATTEMPTS = 12  # orders since the strategy last changed its mind
STOPPED = 13  # 1: the stop was reached, until the strategy changes its mind
PRINTED = 14  # trades of the tape so far
NUM = 15  # num / den: cash units of one tick of one lot
DEN = 16
BASE_MIN = 17  # lots
BASE_MAX = 18
QUOTE_MIN = 19  # cash units
WORK = 20  # the working order: WORK_NONE, WORK_FLYING or WORK_OPEN
WORK_SIGN = 21
WORK_LOTS = 22  # still to be filled
WORK_LIMIT = 23  # ticks, or MARKET_PRICE
WORK_INTENDED_NS = 24
WORK_CANCELLED = 25  # 1: its cancel is on the way
WORK_NUMBER = 26  # of the order, from 1
WORK_ROW = 27  # of it in the table of orders, -1: not recorded
WORK_TIME_IN_FORCE = 28
WORK_POST_ONLY = 29
WORK_END_NS = 30
WORK_DUE = 31  # the round in which the order reaches the exchange
CANCEL_DUE = 32
BAND_LOW = 33  # while the mark stays within and the target stays, there is nothing to do
BAND_HIGH = 34
DOUBT_LOTS = 35  # still to be filled of a buy whose cancel an exit went past; 0: there is none
DOUBT_LIMIT = 36
DOUBT_NUMBER = 37
DOUBT_ROW = 38
POSITION_MAX = 39  # cash units, the most notional held of it
PRODUCT = 40

WORK_NONE = 0
WORK_FLYING = 1  # sent, not at the exchange yet
WORK_OPEN = 2


@compile_lean
def revalue(session: Ints, products: Table, now_ns: int) -> None:
    """Take the equity of now into peak, worst fall and day; nothing while a mark is missing."""
    equity = equity_now(session, products)
    if equity != UNCOUNTABLE:
        begin_day(session, equity, now_ns)
        take_equity(session, equity)


@compile_lean
def equity_now(session: Ints, products: Table) -> int:
    """Cash and positions at their marks in cash units, or `UNCOUNTABLE` while one has no mark."""
    equity = session[CASH]
    for row in products:
        if row[LOTS] != 0:
            worth = UNCOUNTABLE
            if row[MARK] > 0:
                worth = notional_received(row[MARK], row[LOTS], row[NUM], row[DEN])
            if worth < 0:
                return UNCOUNTABLE
            equity += worth
    return int(equity)


@compile_lean
def begin_day(session: Ints, equity: int, now_ns: int) -> None:
    """Keep the first equity at or after each midnight UTC: what the daily limit counts from."""
    day = now_ns // DAY_NS
    if day > session[DAY]:
        session[DAY] = day
        session[DAY_START] = equity


@compile_lean
def end_day(session: Ints, days: Ints, end_ns: int) -> None:
    """Before a round that ends then: keep the equity of the day before, if that is over.

    What a day brought is counted to its last round, and a round that ends at midnight belongs to
    the old day: as `statistics.day_ends` has it.
    """
    if end_ns > session[DAY_END_NS]:
        if session[DAY_END_NS] > 0:
            days[session[DAYS]] = session[EQUITY]
            session[DAYS] += 1
        session[DAY_END_NS] = day_end_of(end_ns)


@compile_lean
def day_end_of(end_ns: int) -> int:
    """The midnight at which the UTC day of a round is over."""
    return ((end_ns - 1) // DAY_NS + 1) * DAY_NS


@compile_lean
def take_equity(session: Ints, equity: int) -> None:
    """Take one equity in. The worst fall is settled when a new peak ends the one before."""
    session[EQUITY] = equity
    if equity > session[PEAK]:
        settle_fall(session)
        session[PEAK] = equity
        session[LOW] = equity
    elif equity < session[LOW]:
        session[LOW] = equity


@compile_lean
def settle_fall(session: Ints) -> None:
    """Keep the fall from the latest peak if it is the deepest: fractions compared exactly."""
    loss = session[PEAK] - session[LOW]
    if loss > 0 and product_is_greater(
        loss, session[WORST_PEAK], session[WORST_LOSS], session[PEAK]
    ):
        session[WORST_LOSS] = loss
        session[WORST_PEAK] = session[PEAK]


@compile_lean
def book_fill(session: Ints, row: Ints, sign: int, lots: int, notional: int, fee: int) -> None:
    """Book one fill of a product, as `Ledger.apply` does.

    Parameters
    ----------
    notional, fee : int64
        Cash units: the notional rounded up for a buy, down for a sale.
    """
    if sign > 0:
        if row[LOTS] == 0:
            row[REALIZED_BEFORE] = row[REALIZED]
        session[CASH] -= notional + fee
        row[LOTS] += lots
        row[COST] += notional + fee
    else:
        cost = part_of(row[COST], lots, row[LOTS])
        session[CASH] += notional - fee
        row[LOTS] -= lots
        row[COST] -= cost
        row[REALIZED] += notional - fee - cost
        if row[LOTS] == 0:
            session[TRIPS] += 1
            session[WINS] += row[REALIZED] > row[REALIZED_BEFORE]
    row[PRODUCT_FEES] += fee
    row[PRODUCT_TRADED] += notional
    session[FEES] += fee
    session[TRADED] = plus(session[TRADED], notional)  # fees are less, and so is a product's
    session[FILLS] += 1
