"""The rounds of a backtest: market, news, decisions, requests and their news, in a live order.

One round is one candle's time, with all products. What happens in it, and in which order, is what
a session in lockstep sees; `backtesting/simulation.py` plays the same rounds through the engine.
"""

from typing import NamedTuple

from gpt_trader.kernels import account, book, execution, resting
from gpt_trader.kernels.account import (
    ASK,
    ATTEMPTS,
    BAND_HIGH,
    BAND_LOW,
    BID,
    CANCEL_DUE,
    DOUBT_LIMIT,
    DOUBT_LOTS,
    DOUBT_NUMBER,
    DOUBT_ROW,
    LAST,
    LOTS,
    MARK,
    WORK,
    WORK_CANCELLED,
    WORK_DUE,
    WORK_FLYING,
    WORK_LOTS,
    WORK_NONE,
    WORK_NUMBER,
    WORK_OPEN,
    WORK_ROW,
)
from gpt_trader.kernels.by_hand import ask_by_hand
from gpt_trader.kernels.calm import calm_run, draw_band
from gpt_trader.kernels.closing import close_round, is_plain
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.deciding import (
    LATENCY,
    QUOTE_LAG_NS,
    Desk,
    deny,
    forbids_waiting,
    intend,
    judge,
    plan,
    reach_stop,
    see_target,
    target_lots,
)
from gpt_trader.kernels.ends import Ends, end_at
from gpt_trader.kernels.money import COUNT_MAX
from gpt_trader.kernels.news import finish, take_news
from gpt_trader.kernels.noting import note_close, remember
from gpt_trader.kernels.printing import SECOND_NS, TICKS, TIME_NS, TRADES, candle_trades, printed
from gpt_trader.kernels.resting import Venue
from gpt_trader.kernels.sizing import NOT_KNOWN
from gpt_trader.kernels.tables import HAND_ROUND, ORDER_NUMBER, ORDER_STATUS, Record, write_order
from gpt_trader.kernels.vectors import Grid, Ints, Table


class Tape(NamedTuple):
    """The market of a run: a row a product, a column a round."""

    ends: Ends  # of each round
    candle_s: int
    open: Grid  # ticks; shape (P, R), or (P, 0) where no order can wait; as the next two
    high: Grid
    low: Grid
    close: Grid
    volume: Grid  # lots, 0: no trade in this round; (P, 0): not known
    whole: int  # 1: trades of every product in every round
    volatility: Grid  # a year, or (P, 0) where sizes do not follow it
    depth: Table  # lots of a usual minute, or (P, 0) at the close
    trade_keys: Ints  # shape (P,)


@compile_aside
def round_step(
    desk: Desk, venue: Venue, tape: Tape, record: Record, now: int, targets: Grid, column: int
) -> int:
    """Take one round through.

    Parameters
    ----------
    now : int64
        The round.
    targets : float64, shape (P, any)
        Exposures wanted; those of this round stand in `column`.

    Returns
    -------
    int64
        0, or a fault of `kernels/resting.py`.
    """
    products = desk.products.shape[0]
    end_ns = end_at(tape.ends, now)
    desk.session[account.NOW_NS] = max(desk.session[account.NOW_NS], end_ns)
    account.end_day(desk.session, desk.days, end_ns)
    fault = play(desk, venue, tape, record, now)
    if products > 1:
        for place in range(products):
            see_trades(desk, tape, record, place, now)
    for place in range(products):
        see_market(desk, venue, tape, record, place, now)
    take_news(desk, venue, record, now)
    for place in range(products):
        if has_candle(tape, place, now):
            volatility = 0.0 if tape.volatility.shape[1] == 0 else tape.volatility[place, now]
            decide(desk, record, place, now, targets[place, column], volatility)
    for place in range(products):
        fault = min(fault, send(desk, venue, record, place, now))
    take_news(desk, venue, record, now)
    hand = desk.session[account.HAND]
    while hand < record.hand.shape[0] and record.hand[hand, HAND_ROUND] == now:
        fault = min(fault, ask_by_hand(desk, venue, record, record.hand[hand]))
        hand += 1
    desk.session[account.HAND] = hand
    for place in range(products):
        if desk.products[place, LOTS] != 0 and has_candle(tape, place, now):
            desk.session[account.HELD] += 1
        if desk.products[place, BAND_HIGH] == 0:
            draw_band(desk, place)
    if record.equity.shape[0] > 0:
        record.equity[now] = desk.session[account.EQUITY]
    return min(fault, 0)


@compile_aside
def has_candle(tape: Tape, place: int, now: int) -> bool:
    """A trade was printed in this round, so there is a candle."""
    return tape.whole == 1 or tape.volume[place, now] > 0.0


@compile_aside
def lots_traded(tape: Tape, place: int, now: int) -> int:
    """Volume of a candle; of one that has nothing but a price a lot for each of its trades."""
    if tape.volume.shape[1] == 0:
        return TRADES
    return int(tape.volume[place, now])


@compile_aside
def play(desk: Desk, venue: Venue, tape: Tape, record: Record, now: int) -> int:
    """Let the round's trades reach the orders that wait at the exchange, and let them expire."""
    products = desk.products.shape[0]
    waiting = False
    for place in range(products):
        record.counts[place] = 0
        if desk.products[place, WORK] == WORK_OPEN or desk.products[place, DOUBT_LOTS] > 0:
            waiting = True
            record.counts[place] = print_candle(tape, record, place, now)
    if not waiting:
        return 0
    return resting.play_round(venue, record.prints, record.counts, end_at(tape.ends, now))


@compile_aside
def print_candle(tape: Tape, record: Record, place: int, now: int) -> int:
    """Print the trades of a product's candle of this round, if it has one."""
    if not has_candle(tape, place, now):
        return 0
    return candle_trades(
        tape.trade_keys[place],
        end_at(tape.ends, now) // SECOND_NS - tape.candle_s,
        tape.candle_s,
        int(tape.open[place, now]),
        int(tape.high[place, now]),
        int(tape.low[place, now]),
        int(tape.close[place, now]),
        lots_traded(tape, place, now),
        record.prints[place],
    )


@compile_aside
def see_trades(desk: Desk, tape: Tape, record: Record, place: int, now: int) -> None:
    """Take in a product's trades before its quote: a quote they left behind is the past's.

    All products' trades are seen before the first quote, so the first valuation of a round may
    stand on trades of the others. Where nobody bids it stays at that.
    """
    count = print_candle(tape, record, place, now)
    if count == 0:
        return
    row = desk.products[place]
    row[LAST] = record.prints[place, count - 1, TICKS]
    row[account.TRADE_NS] = record.prints[place, count - 1, TIME_NS]
    if row[account.QUOTE_NS] == 0:
        row[MARK] = row[LAST]
    elif row[account.TRADE_NS] - QUOTE_LAG_NS > row[account.QUOTE_NS]:
        row[BID], row[ASK], row[MARK] = row[LAST], row[LAST], row[LAST]


@compile_aside
def see_market(desk: Desk, venue: Venue, tape: Tape, record: Record, place: int, now: int) -> None:
    """Take in the last trade and the quote of a product that traded, and value everything."""
    if not has_candle(tape, place, now):
        return
    row, market = desk.products[place], venue.markets[place]
    end_ns = end_at(tape.ends, now)
    close = int(tape.close[place, now])
    market[book.PRICE] = close
    row[LAST] = close
    row[account.TRADE_NS] = end_ns
    if venue.model[book.AT_CLOSE] == 1:
        market[book.COUNT] += 1
        bid, ask = close, close
    else:
        count, maker_buys = printed(
            tape.trade_keys[place],
            end_ns // SECOND_NS - tape.candle_s,
            int(tape.open[place, now]),
            int(tape.high[place, now]),
            int(tape.low[place, now]),
            close,
            lots_traded(tape, place, now),
        )
        market[book.COUNT] += count
        market[book.MAKER_BUYS] = maker_buys
        market[book.DEPTH] = tape.depth[place, now]
        bid, ask = book.best_prices(
            market[book.KEY], market[book.COUNT], close, maker_buys, venue.model
        )
    if bid <= 0:
        see_trades(desk, tape, record, place, now)
        return
    row[BID], row[ASK], row[MARK] = bid, ask, (bid + ask) // 2
    row[account.QUOTE_NS] = end_ns
    account.revalue(desk.session, desk.products, desk.session[account.NOW_NS])


@compile_aside
def decide(
    desk: Desk, record: Record, place: int, now: int, target: float, volatility: float
) -> None:
    """What follows from a product's candle; nothing leaves yet."""
    row, before = desk.products[place], desk.targets[place]
    desk.session[account.CANDLES] += 1
    same = target == before or (target != target and before != before)
    see_target(desk, place, target)
    if same and row[BAND_LOW] <= row[MARK] <= row[BAND_HIGH] and row[WORK] == WORK_NONE:
        return
    row[BAND_HIGH] = 0  # drawn anew at the end of the round
    now_ns = desk.session[account.NOW_NS]
    reach_stop(desk, place)
    if forbids_waiting(desk, place, now_ns):
        ask_cancel(desk, place, now)
        return
    lots = target_lots(desk, place, volatility)
    if lots == NOT_KNOWN:
        return
    action = plan(desk, place, lots, now_ns)
    if action == execution.CANCEL:
        ask_cancel(desk, place, now)
    elif action == execution.ORDER:
        order(desk, record, place, now)


@compile_aside
def ask_cancel(desk: Desk, place: int, now: int) -> None:
    """Ask for the end of the order that works."""
    row = desk.products[place]
    row[WORK_CANCELLED] = 1
    row[CANCEL_DUE] = now + desk.choices[LATENCY]


@compile_aside
def order(desk: Desk, record: Record, place: int, now: int) -> None:
    """Judge what was planned: an intent, or a denial."""
    row, wish, now_ns = desk.products[place], desk.plan, desk.session[account.NOW_NS]
    sign, lots, limit = wish[execution.SIGN], wish[execution.LOTS], wish[execution.LIMIT_TICKS]
    mask = judge(desk, place, now_ns, sign, lots, limit)
    written = write_order(desk, record, place, now, mask)
    if mask != 0:
        deny(desk, mask)
        return
    if row[WORK] != WORK_NONE:
        go_past(row)
    row[WORK_NUMBER] = intend(desk, now_ns)
    row[ATTEMPTS] += 1
    row[WORK] = WORK_FLYING
    row[account.WORK_SIGN] = sign
    row[WORK_LOTS] = lots
    row[account.WORK_LIMIT] = limit
    row[account.WORK_INTENDED_NS] = now_ns
    row[WORK_CANCELLED] = 0
    row[account.WORK_TIME_IN_FORCE] = wish[execution.TIME_IN_FORCE]
    row[account.WORK_POST_ONLY] = wish[execution.POST_ONLY]
    row[account.WORK_END_NS] = wish[execution.END_NS]
    row[WORK_DUE] = now + desk.choices[LATENCY]
    row[WORK_ROW] = written
    if written >= 0:
        record.orders[written, ORDER_NUMBER] = row[WORK_NUMBER]


@compile_aside
def go_past(row: Ints) -> None:
    """Keep a buy whose cancel is on the way beside the exit that does not wait for its end."""
    row[DOUBT_LOTS] = row[WORK_LOTS]
    row[DOUBT_LIMIT] = row[account.WORK_LIMIT]
    row[DOUBT_NUMBER] = row[WORK_NUMBER]
    row[DOUBT_ROW] = row[WORK_ROW]


@compile_aside
def send(desk: Desk, venue: Venue, record: Record, place: int, now: int) -> int:
    """Let what is due reach the exchange: the product's cancel, or its order."""
    row = desk.products[place]
    cancelled = row[WORK] == WORK_OPEN and row[WORK_CANCELLED] == 1
    if (cancelled or row[DOUBT_LOTS] > 0) and row[CANCEL_DUE] == now:
        resting.cancel(venue, place)
        return 0
    if row[WORK] != WORK_FLYING or row[WORK_DUE] != now:
        return 0
    request = record.request
    request[resting.ASK_SIGN] = row[account.WORK_SIGN]
    request[resting.ASK_LOTS] = row[WORK_LOTS]
    request[resting.ASK_LIMIT] = row[account.WORK_LIMIT]
    request[resting.ASK_TIME_IN_FORCE] = row[account.WORK_TIME_IN_FORCE]
    request[resting.ASK_POST_ONLY] = row[account.WORK_POST_ONLY]
    request[resting.ASK_END_NS] = row[account.WORK_END_NS]
    request[resting.ASK_NUMBER] = row[WORK_NUMBER]
    status = resting.place(venue, place, request, desk.session[account.NOW_NS])
    if status == resting.OPEN:
        row[WORK] = WORK_OPEN
        if row[WORK_ROW] >= 0:
            record.orders[row[WORK_ROW], ORDER_STATUS] = resting.OPEN
    elif status > 0:
        finish(desk, record, place, status)
    return min(status, 0)


FULL = -10
"""A table of the record has no room left for another round."""


@compile_aside
def run_rounds(
    desk: Desk,
    venue: Venue,
    tape: Tape,
    record: Record,
    targets: Grid,
    bounds: tuple[int, int, int],
) -> tuple[int, int]:
    """Take rounds through, one after the other.

    Parameters
    ----------
    targets : float64, shape (P, any)
        Exposures wanted.
    bounds : tuple of int
        The first round, the one to stop before, and the round of the targets' first column.

    Returns
    -------
    tuple of int
        The round that comes next, and 0 or a fault.
    """
    now, last, base = bounds
    plain = is_plain_run(desk, venue, tape)
    while now < last:
        if plain:
            calm = (now, min(last, next_by_hand(desk, record)), base)
            now = calm_run(desk, tape.close[0], targets[0], tape.ends, record.equity, calm)
            if now == last:
                break
        if is_full(desk, venue, record):
            return now, FULL
        if not (plain and take_plainly(desk, tape, record, now, targets[0, now - base])):
            if plain:
                tell_exchange(desk, venue)
            fault = round_step(desk, venue, tape, record, now, targets, now - base)
            if fault < 0:
                return now + 1, fault
        now += 1
    return now, 0


@compile_aside
def is_plain_run(desk: Desk, venue: Venue, tape: Tape) -> bool:
    """One product at its close, a candle each round, and nothing that waits or varies."""
    one = desk.products.shape[0] == 1 and tape.whole == 1
    at_close = venue.model[book.AT_CLOSE] == 1
    return one and at_close and is_plain(desk, venue.fees, tape.candle_s * SECOND_NS)


@compile_lean
def take_plainly(desk: Desk, tape: Tape, record: Record, now: int, target: float) -> bool:
    """Take a round through in few steps; False where it must be `round_step`."""
    if next_by_hand(desk, record) == now:
        return False
    before = record.before
    remember(desk, before)
    mark = int(tape.close[0, now])
    if not close_round(desk, mark, end_at(tape.ends, now), target):
        return False
    if record.orders.shape[0] > 0:
        note_close(desk, record, before, now, mark)
    if record.equity.shape[0] > 0:
        record.equity[now] = desk.session[account.EQUITY]
    return True


@compile_aside
def tell_exchange(desk: Desk, venue: Venue) -> None:
    """Let the exchange know what the plain rounds before left of cash and lots."""
    venue.state[resting.CASH_FREE] = desk.session[account.CASH]
    venue.markets[0, book.LOTS_FREE] = desk.products[0, LOTS]


@compile_lean
def next_by_hand(desk: Desk, record: Record) -> int:
    """The round of the next order by hand."""
    hand = desk.session[account.HAND]
    if hand < record.hand.shape[0]:
        return int(record.hand[hand, HAND_ROUND])
    return COUNT_MAX


@compile_lean
def is_full(desk: Desk, venue: Venue, record: Record) -> bool:
    """A round might write more than there is room for."""
    session, hand = desk.session, record.hand.shape[0]
    orders, fills = record.orders.shape[0], record.fills.shape[0]
    more_orders = desk.products.shape[0] + hand
    more_fills = venue.fills.shape[0] * (2 + hand)
    return bool(orders > 0 and session[account.ORDER_ROWS] + more_orders > orders) or bool(
        fills > 0 and session[account.FILL_ROWS] + more_fills > fills
    )
