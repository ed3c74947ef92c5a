"""Orders that a person asks for at the end of a round, and the trouble they may meet there."""

from gpt_trader.kernels import account, execution, resting
from gpt_trader.kernels.account import ATTEMPTS, BAND_HIGH, WORK_CANCELLED
from gpt_trader.kernels.compile import compile_aside
from gpt_trader.kernels.deciding import (
    BOOKS_DO_AGREE,
    FEED_IS_READY,
    STATE,
    Desk,
    can_cancel,
    deny,
    intend,
    judge,
)
from gpt_trader.kernels.news import take_news
from gpt_trader.kernels.resting import Venue
from gpt_trader.kernels.tables import (
    BY_HAND,
    HAND_BOOKS,
    HAND_FEED,
    HAND_LIMIT,
    HAND_LOTS,
    HAND_PRODUCT,
    HAND_ROUND,
    HAND_SIGN,
    HAND_STATE,
    HAND_WAIT_NS,
    ORDER_FILLED,
    ORDER_NUMBER,
    ORDER_STATUS,
    Record,
    write_order,
)
from gpt_trader.kernels.vectors import Ints


@compile_aside
def ask_by_hand(desk: Desk, venue: Venue, record: Record, hand: Ints) -> int:
    """Judge an order by hand amid its trouble, and let it take at once what it gets."""
    place, choices, wish = hand[HAND_PRODUCT], desk.choices, desk.plan
    now, now_ns = hand[HAND_ROUND], desk.session[account.NOW_NS] + hand[HAND_WAIT_NS]
    desk.session[account.NOW_NS] = now_ns
    calm = choices[FEED_IS_READY], choices[BOOKS_DO_AGREE], choices[STATE]
    choices[FEED_IS_READY] = hand[HAND_FEED]
    choices[BOOKS_DO_AGREE] = hand[HAND_BOOKS]
    choices[STATE] = hand[HAND_STATE]
    if hand[HAND_FEED] == 0 or hand[HAND_BOOKS] == 0 or hand[HAND_STATE] != calm[2]:
        withdraw(desk, venue, record, now)
    wish[:] = 0
    wish[execution.SIGN] = hand[HAND_SIGN]
    wish[execution.LOTS] = hand[HAND_LOTS]
    wish[execution.LIMIT_TICKS] = hand[HAND_LIMIT]
    wish[execution.TIME_IN_FORCE] = execution.IOC
    wish[execution.WHY] = BY_HAND
    mask = judge(desk, place, now_ns, hand[HAND_SIGN], hand[HAND_LOTS], hand[HAND_LIMIT])
    written = write_order(desk, record, place, now, mask)
    fault = 0
    if mask != 0:
        deny(desk, mask)
    else:
        fault = take_by_hand(desk, venue, record, hand, written)
    choices[FEED_IS_READY], choices[BOOKS_DO_AGREE], choices[STATE] = calm
    return fault


@compile_aside
def take_by_hand(desk: Desk, venue: Venue, record: Record, hand: Ints, written: int) -> int:
    """Send an order by hand: it takes what is there, and what is left of it is cancelled."""
    place, request = hand[HAND_PRODUCT], record.request
    row, now_ns = desk.products[place], desk.session[account.NOW_NS]
    number = intend(desk, now_ns)
    row[ATTEMPTS] += 1
    row[BAND_HIGH] = 0
    request[resting.ASK_SIGN] = hand[HAND_SIGN]
    request[resting.ASK_LOTS] = hand[HAND_LOTS]
    request[resting.ASK_LIMIT] = hand[HAND_LIMIT]
    request[resting.ASK_TIME_IN_FORCE] = execution.IOC
    request[resting.ASK_POST_ONLY] = 0
    request[resting.ASK_END_NS] = 0
    request[resting.ASK_NUMBER] = number
    status = resting.place(venue, place, request, now_ns)
    if status > 0 and written >= 0:
        record.orders[written, ORDER_NUMBER] = number
        record.orders[written, ORDER_STATUS] = status
        for fill in range(venue.state[resting.FILLS]):
            record.orders[written, ORDER_FILLED] += venue.fills[fill, resting.FILL_LOTS]
    if status == resting.CANCELLED:
        desk.session[account.CANCELS] += 1
    take_news(desk, venue, record, hand[HAND_ROUND])
    return min(status, 0)


@compile_aside
def withdraw(desk: Desk, venue: Venue, record: Record, now: int) -> None:
    """Cancel the buys that wait: nobody may fill them now."""
    for place in range(desk.products.shape[0]):
        row = desk.products[place]
        if row[account.WORK_SIGN] > 0 and can_cancel(row):
            row[WORK_CANCELLED] = 1
            resting.cancel(venue, place)
    take_news(desk, venue, record, now)
