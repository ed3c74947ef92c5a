"""What the exchange tells of our orders, booked: fills of one order together, then its end."""

from gpt_trader.kernels import account, resting
from gpt_trader.kernels.account import (
    DOUBT_LOTS,
    DOUBT_NUMBER,
    DOUBT_ROW,
    WORK,
    WORK_LOTS,
    WORK_NONE,
    WORK_NUMBER,
    WORK_OPEN,
    WORK_ROW,
)
from gpt_trader.kernels.compile import compile_aside
from gpt_trader.kernels.deciding import Desk
from gpt_trader.kernels.resting import Venue
from gpt_trader.kernels.tables import (
    FILL_FEE,
    FILL_LOTS,
    FILL_MAKER,
    FILL_NOTIONAL,
    FILL_ORDER,
    FILL_PRODUCT,
    FILL_ROUND,
    FILL_SIGN,
    FILL_TICKS,
    FILL_TIME_NS,
    ORDER_FILLED,
    ORDER_STATUS,
    Record,
)
from gpt_trader.kernels.vectors import Ints


@compile_aside
def take_news(desk: Desk, venue: Venue, record: Record, now: int) -> None:
    """Book what was filled, the fills of one order together, and note how orders ended."""
    for first in range(venue.state[resting.FILLS]):
        place = venue.fills[first, resting.FILL_PRODUCT]
        if place < 0:
            continue
        for row in range(first, venue.state[resting.FILLS]):
            if venue.fills[row, resting.FILL_PRODUCT] == place:
                book_fill(desk, record, place, venue.fills[row], now)
                venue.fills[row, resting.FILL_PRODUCT] = -1
    venue.state[resting.FILLS] = 0
    for place in range(desk.products.shape[0]):
        row, order = desk.products[place], venue.orders[place]
        status = order[resting.STATUS]
        if row[DOUBT_LOTS] > 0:
            row[DOUBT_LOTS] = order[resting.LEFT]
            if status != resting.OPEN:
                row[DOUBT_LOTS] = 0
                note_end(desk, record, row[DOUBT_ROW], status)
                order[resting.STATUS] = resting.NONE
        elif row[WORK] == WORK_OPEN:
            row[WORK_LOTS] = order[resting.LEFT]
            if status != resting.OPEN:
                finish(desk, record, place, status)
                order[resting.STATUS] = resting.NONE


@compile_aside
def book_fill(desk: Desk, record: Record, place: int, fill: Ints, now: int) -> None:
    """Book one fill into the account and into the record."""
    session, row = desk.session, desk.products[place]
    account.book_fill(
        session,
        row,
        fill[resting.FILL_SIGN],
        fill[resting.FILL_LOTS],
        fill[resting.FILL_NOTIONAL],
        fill[resting.FILL_FEE],
    )
    session[account.PARTIAL_FILLS] += fill[resting.FILL_LEFT] > 0
    session[account.MAKER_FILLS] += fill[resting.FILL_MAKER]
    account.revalue(session, desk.products, session[account.NOW_NS])
    order = order_row(row, fill[resting.FILL_NUMBER])
    if order >= 0:
        record.orders[order, ORDER_FILLED] += fill[resting.FILL_LOTS]
    if record.fills.shape[0] == 0:
        return
    written = record.fills[session[account.FILL_ROWS]]
    session[account.FILL_ROWS] += 1
    written[FILL_ORDER] = fill[resting.FILL_NUMBER]
    written[FILL_ROUND] = now
    written[FILL_PRODUCT] = place
    written[FILL_SIGN] = fill[resting.FILL_SIGN]
    written[FILL_TICKS] = fill[resting.FILL_TICKS]
    written[FILL_LOTS] = fill[resting.FILL_LOTS]
    written[FILL_NOTIONAL] = fill[resting.FILL_NOTIONAL]
    written[FILL_FEE] = fill[resting.FILL_FEE]
    written[FILL_MAKER] = fill[resting.FILL_MAKER]
    written[FILL_TIME_NS] = fill[resting.FILL_TIME_NS]


@compile_aside
def order_row(row: Ints, number: int) -> int:
    """Where an order of a strategy is written down; -1: nowhere, or it is one by hand."""
    if row[WORK_NUMBER] == number:
        return int(row[WORK_ROW])
    if row[DOUBT_LOTS] > 0 and row[DOUBT_NUMBER] == number:
        return int(row[DOUBT_ROW])
    return -1


@compile_aside
def finish(desk: Desk, record: Record, place: int, status: int) -> None:
    """The order that works has come to its end."""
    row = desk.products[place]
    row[WORK] = WORK_NONE
    row[WORK_LOTS] = 0
    note_end(desk, record, row[WORK_ROW], status)


@compile_aside
def note_end(desk: Desk, record: Record, written: int, status: int) -> None:
    """Count how an order ended, and write it down if there is a row of it."""
    desk.session[account.EXPIRIES] += status == resting.EXPIRED
    desk.session[account.CANCELS] += status == resting.CANCELLED
    if written >= 0:
        record.orders[written, ORDER_STATUS] = status
