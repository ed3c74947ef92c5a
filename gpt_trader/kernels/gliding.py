"""Accounts that hold nothing or one size: in and out in few steps, for most orders of a sweep.

What `jumping.calm_jump` and then `closing.close_round` do when a target goes from nothing to one
level, or back, with every rule clearly kept and the mark well within its band. Anything else is
left to them, untouched; ``tests/backtesting/test_sweep_following.py`` holds the accounts equal.
"""

from gpt_trader.kernels.account import (
    ATTEMPTS,
    BAND_HIGH,
    BAND_LOW,
    BASE_MAX,
    BASE_MIN,
    CANDLES,
    CASH,
    COST,
    DAY,
    DAY_START,
    DAYS,
    DEN,
    EQUITY,
    FEES,
    FILLS,
    HELD,
    LOTS,
    LOW,
    NUM,
    ORDERS,
    PEAK,
    PRODUCT_FEES,
    PRODUCT_TRADED,
    QUOTE_MIN,
    REALIZED,
    REALIZED_BEFORE,
    TRADED,
    TRIPS,
    WINS,
    WORK,
    WORK_NONE,
    WORST_LOSS,
    WORST_PEAK,
    begin_day,
)
from gpt_trader.kernels.calm import MARK_MAX, draw_band
from gpt_trader.kernels.closing import COUNT_MAX, TICKS_MAX, fee_of, passes_clearly
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import (
    COLLAR_BPS,
    MARKET_ORDERS,
    REBALANCE_RATE,
    SIZE_FRACTION,
    STOP_RATE,
    TAKE_BPS,
    TAKER_RATE,
    Desk,
)
from gpt_trader.kernels.jumping import deeper, fall_over
from gpt_trader.kernels.money import RATE_DEN
from gpt_trader.kernels.sizing import LOTS_MAX
from gpt_trader.kernels.summaries import REACH, Stretches


@compile_lean
def may_glide(desk: Desk) -> bool:
    """Whether an account's books are such that `glide` may be asked."""
    session, row = desk.session, desk.products[0]
    return bool(
        session[DAY] >= 0
        and desk.choices[STOP_RATE] == 0
        and row[WORK] == WORK_NONE
        and row[DEN] <= RATE_DEN
        and float(session[CASH]) * float(row[DEN]) < COUNT_MAX
    )


@compile_lean
def glide(
    desk: Desk, tape: Stretches, course: int, candles: tuple[int, int], wish: tuple[float, float]
) -> bool:
    """Go up to a candle and through it with another target, or touch nothing and say False.

    Parameters
    ----------
    course : int
        0: nobody asks for the equity on the way.
    candles : tuple of int
        The candle to go on from, and the one of the other target.
    wish : tuple of float
        The target before and the other one.
    """
    before, after = wish
    if desk.products[0, LOTS] == 0:
        return not before > 0.0 and after > 0.0 and _go_in(desk, tape, course, candles, after)
    return not before <= 0.0 and after <= 0.0 and _go_out(desk, tape, course, candles)


@compile_lean
def _go_in(
    desk: Desk, tape: Stretches, course: int, candles: tuple[int, int], level: float
) -> bool:
    """Buy from nothing."""
    session, row, choices = desk.session, desk.products[0], desk.choices
    first, last = candles
    close, cash, num, den = tape.close[last], session[CASH], row[NUM], row[DEN]
    wanted = level * desk.sizes[SIZE_FRACTION] * 1.0 * float(cash)
    sized = wanted / (close * float(num) / float(den))
    if not 1.0 <= sized <= LOTS_MAX or close > TICKS_MAX or close * num * sized > COUNT_MAX:
        return False
    lots = int(sized)
    scaled = int(close) * lots * num
    whole = scaled // den
    if lots < row[BASE_MIN] or lots > row[BASE_MAX] or whole < row[QUOTE_MIN]:
        return False
    start = cash if _day_begins(desk, tape, last) else session[DAY_START]
    bps = min(choices[TAKE_BPS], choices[COLLAR_BPS]) if choices[MARKET_ORDERS] == 0 else 0
    if not passes_clearly(desk, whole, (cash, start, session[PEAK]), bps):
        return False
    _begin_days(desk, tape, last, 0)
    rest = scaled - whole * den
    notional = whole + (rest > 0)
    fee = fee_of(whole, rest, den, choices[TAKER_RATE])
    row[REALIZED_BEFORE] = row[REALIZED]
    row[LOTS] = lots
    row[COST] = notional + fee
    session[CASH] = cash - notional - fee
    equity = session[CASH] + whole
    session[LOW] = min(session[LOW], equity)
    _book(desk, notional, fee, equity)
    session[HELD] += 1
    session[CANDLES] += last + 1 - first
    desk.targets[0] = level
    _draw(desk, level)
    return True


@compile_lean
def _go_out(desk: Desk, tape: Stretches, course: int, candles: tuple[int, int]) -> bool:
    """Sell all that is held."""
    session, row = desk.session, desk.products[0]
    first, last = candles
    low, high = float(row[BAND_LOW]), float(row[BAND_HIGH])
    for block in range(first // REACH, last // REACH + 1):
        if tape.lows[block] < low or tape.tops[block] > high:
            return False
    cash, lots, den = session[CASH], row[LOTS], row[DEN]
    slope = lots * row[NUM]
    if tape.close[last] > TICKS_MAX or tape.close[last] * float(slope) > COUNT_MAX:
        return False
    scaled = int(tape.close[last]) * slope
    whole = scaled // den
    if lots < row[BASE_MIN] or lots > row[BASE_MAX] or whole < row[QUOTE_MIN]:
        return False
    if course == 1:
        _begin_days(desk, tape, last, slope)
        _fall(desk, tape, candles, cash + whole)
    fee = min(fee_of(whole, scaled - whole * den, den, desk.choices[TAKER_RATE]), whole)
    earned = whole - fee - row[COST]
    row[LOTS] = 0
    row[COST] = 0
    row[REALIZED] += earned
    session[CASH] = cash + whole - fee
    session[LOW] = min(session[LOW], session[CASH])
    _book(desk, whole, fee, session[CASH])
    session[TRIPS] += 1
    session[WINS] += row[REALIZED] > row[REALIZED_BEFORE]
    session[HELD] += last - first
    session[CANDLES] += last + 1 - first
    row[BAND_LOW], row[BAND_HIGH] = 1, MARK_MAX
    return True


@compile_lean
def _book(desk: Desk, notional: int, fee: int, equity: int) -> None:
    """What an order in and one out have in common."""
    session, row = desk.session, desk.products[0]
    row[PRODUCT_FEES] += fee
    row[PRODUCT_TRADED] += notional
    row[ATTEMPTS] = 1
    session[FEES] += fee
    session[TRADED] += notional
    session[FILLS] += 1
    session[ORDERS] += 1
    session[EQUITY] = equity


@compile_lean
def _fall(desk: Desk, tape: Stretches, candles: tuple[int, int], equity: int) -> None:
    """Take in what the position was worth on the way, and what it is at the last candle."""
    session, row = desk.session, desk.products[0]
    line = session[CASH], row[LOTS] * row[NUM], row[DEN]
    fall = session[PEAK], session[LOW], session[WORST_LOSS], session[WORST_PEAK]
    peak, low, loss, fallen_from = fall_over(tape, candles[0], candles[1], line, fall)
    if equity > peak:
        loss, fallen_from = deeper(peak, low, loss, fallen_from)
        peak, low = equity, equity
    session[PEAK], session[LOW] = peak, min(low, equity)
    session[WORST_LOSS], session[WORST_PEAK] = loss, fallen_from


@compile_lean
def _day_begins(desk: Desk, tape: Stretches, last: int) -> bool:
    """Whether a day begins after the last one seen, up to a candle."""
    place = desk.session[DAYS] + 1
    return bool(place < tape.day_first.size and tape.day_first[place] <= last)


@compile_lean
def _begin_days(desk: Desk, tape: Stretches, last: int, slope: int) -> None:
    """Keep the equity of the first candle of each day that begins up to a candle."""
    session, den = desk.session, desk.products[0, DEN]
    while _day_begins(desk, tape, last):
        candle = tape.day_first[session[DAYS] + 1]
        equity = session[CASH] + int(tape.close[candle]) * slope // den
        begin_day(session, desk.days, equity, tape.end_ns[candle])


@compile_lean
def _draw(desk: Desk, level: float) -> None:
    """The band of a new position; none is needed where no drift of the price is ever too much."""
    row = desk.products[0]
    rate = float(desk.choices[REBALANCE_RATE]) * 1e-9
    held, share = float(row[LOTS]), level * desk.sizes[SIZE_FRACTION]
    if rate >= 1.0 and held * share * (1.0 + rate) > (held + 2.0 + rate) * 1.001:
        row[BAND_LOW], row[BAND_HIGH] = 1, MARK_MAX
    else:
        draw_band(desk, 0)
