"""Accounts that hold nothing or one size: in and out in few steps, for most orders of a sweep.

What `jumping.calm_jump` and then `closing.close_round` do when a target goes from nothing to one
level, or back, with every rule clearly kept and the mark well within its band. Anything else is
left to them, untouched; ``tests/backtesting/test_sweep_following.py`` holds the accounts equal.
"""

import math
from typing import NamedTuple

import numpy as np

from gpt_trader.kernels import gates
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
    DAY_NS,
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
)
from gpt_trader.kernels.calm import MARK_MAX
from gpt_trader.kernels.closing import COUNT_MAX, TICKS_MAX, fee_of
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
from gpt_trader.kernels.ends import end_at
from gpt_trader.kernels.jumping import deeper, fall_over, turn_days
from gpt_trader.kernels.money import RATE_DEN, plus
from gpt_trader.kernels.sizing import LOTS_MAX
from gpt_trader.kernels.summaries import REACH, Stretches
from gpt_trader.kernels.vectors import Floats, Ints

SAFE = 1e-3  # of a share or a band, on the safe side
LOTS_MIN = 10_000  # below, whole lots are too coarse for bounds drawn beforehand
LOTS_FEW = 100  # the same where no drift is too large
CASH_MIN = 10**6  # cash units, likewise


class Rules(NamedTuple):
    """What is the same for every order of a sweep between nothing and one level."""

    level: float  # the target that holds; 0: nobody may glide
    share: float  # of equity that it means
    lots_min: float  # a buy of fewer is left to others
    notional_max: float  # cash units; a buy up to here keeps the rule of one order's size
    day_least: float  # of the day's start: with equity above it no buy breaks the day's rule
    peak_least: float  # of the highest equity, likewise
    low: float  # of the mark of entry: the band in which no drift is too large
    high: float
    taker_rate: int


def rules_of(desk: Desk, targets: Floats) -> Rules:
    """Work out once what every order would ask, or that orders must ask themselves."""
    above = np.unique(targets[targets > 0.0])
    choices, limits = desk.choices, desk.limits
    level = float(above[0]) if above.size == 1 else 0.0
    share = level * float(desk.sizes[SIZE_FRACTION]) * 1.0
    bps = 0 if choices[MARKET_ORDERS] else int(min(choices[TAKE_BPS], choices[COLLAR_BPS]))
    dearest = 1.0 + bps * 1e-4
    taker_rate = int(choices[TAKER_RATE])
    held_max = min(limits[gates.POSITION_RATE_MAX], limits[gates.EXPOSURE_RATE_MAX]) * 1e-9
    room = min(held_max, 1.0 / (1.0 + taker_rate * 1e-9))
    if share * dearest > room - SAFE * SAFE or choices[STOP_RATE] != 0:
        level = 0.0
    rate = int(choices[REBALANCE_RATE]) * 1e-9
    low, high = _drift(share, rate, taker_rate * 1e-9)
    return Rules(
        level=level if high > low else 0.0,
        share=share,
        lots_min=_fewest(share, rate),
        notional_max=float(limits[gates.ORDER_NOTIONAL_MAX]) / dearest * (1.0 - 1e-9) - 8.0,
        day_least=1.0 - float(limits[gates.DAILY_LOSS_RATE_MAX]) * 1e-9 + 1e-9,
        peak_least=1.0 - float(limits[gates.DRAWDOWN_RATE_MAX]) * 1e-9 + 1e-9,
        low=low,
        high=high,
        taker_rate=taker_rate,
    )


def _drift(share: float, rate: float, fee: float) -> tuple[float, float]:
    """How far the mark may go from that of entry before the size wanted is another.

    The size wanted is ``cash / equity / x + share`` of the size held at ``x`` times the mark.
    """
    low, high = SAFE, 1.0 / SAFE
    least, most = 1.0 / (1.0 + rate) - share, math.inf
    if rate < 1.0:
        most = 1.0 / (1.0 - rate) - share
    if least > 0.0:
        high = min(high, (1.0 - share * (1.0 + fee) - SAFE * SAFE) / least * (1.0 - SAFE))
    if most > 0.0:
        low = max(low, (1.0 - share + SAFE * SAFE) / most * (1.0 + SAFE))
    else:
        high = 0.0
    return low, high


def _fewest(share: float, rate: float) -> float:
    """The fewest lots that may be bought without a look at how far their mark may go.

    The size wanted is at least the share of what is held, less one lot. Where that is more than
    what is held over ``1 + rate`` no sale follows; with a rate of one or more no buy ever does.
    """
    above = share * (1.0 + rate) - 1.0
    if rate < 1.0 or above <= SAFE:
        return LOTS_MIN
    return max(LOTS_FEW, 4.0 * (1.0 + rate) / above)


@compile_lean
def may_glide(session: Ints, row: Ints, rules: Rules) -> bool:
    """Whether an account's books are such that `glide` may be asked."""
    return bool(
        rules.level > 0.0
        and session[DAY] >= 0
        and row[WORK] == WORK_NONE
        and row[DEN] <= RATE_DEN
        and session[CASH] >= CASH_MIN
        and float(session[CASH]) * float(row[DEN]) < COUNT_MAX
    )


@compile_lean
def go_in(
    session: Ints,
    row: Ints,
    days: Ints,
    rules: Rules,
    tape: Stretches,
    course: int,
    candles: tuple[int, int],
) -> bool:
    """Buy from nothing at the last of two candles, or touch nothing and say False."""
    first, last = candles
    close, cash, num, den = tape.close[last], session[CASH], row[NUM], row[DEN]
    equity = float(cash)
    wanted = rules.share * equity
    sized = wanted / (close * float(num) / float(den))
    if not rules.lots_min <= sized <= LOTS_MAX or close > TICKS_MAX or wanted > rules.notional_max:
        return False
    if wanted * float(den) > COUNT_MAX or cash < CASH_MIN:
        return False
    if course == 1:
        start = equity if _day_begins(session, tape, last) else float(session[DAY_START])
        if equity < start * rules.day_least or equity < float(session[PEAK]) * rules.peak_least:
            return False
    lots = int(sized)
    scaled = int(close) * lots * num
    whole = divided(scaled, den)
    if lots < row[BASE_MIN] or lots > row[BASE_MAX] or whole < row[QUOTE_MIN]:
        return False
    if course == 1:
        turn_days(session, row, days, tape, first, last + 1)
    rest = scaled - whole * den
    fee = fee_of(whole, rest, den, rules.taker_rate)
    cost = whole + (rest > 0) + fee
    row[REALIZED_BEFORE] = row[REALIZED]
    row[LOTS] = lots
    row[COST] = cost
    row[BAND_LOW], row[BAND_HIGH] = int(close * rules.low) + 1, int(close * rules.high)
    session[CASH] = cash - cost
    _book(session, row, cost - fee, fee, cash - cost + whole)
    session[HELD] += 1
    session[CANDLES] += last + 1 - first
    return True


@compile_lean
def go_out(
    session: Ints,
    row: Ints,
    days: Ints,
    rules: Rules,
    tape: Stretches,
    course: int,
    candles: tuple[int, int],
) -> bool:
    """Sell all that is held at the last of two candles, or touch nothing and say False."""
    first, last = candles
    low, high = float(row[BAND_LOW]), float(row[BAND_HIGH])
    for block in range(first // REACH, last // REACH + 1):
        if tape.lows[block] < low or tape.tops[block] > high:
            return False
    close, cash, lots, den = tape.close[last], session[CASH], row[LOTS], row[DEN]
    slope = lots * row[NUM]
    if close > TICKS_MAX or close * float(slope) > COUNT_MAX:
        return False
    scaled = int(close) * slope
    whole = divided(scaled, den)
    if lots < row[BASE_MIN] or lots > row[BASE_MAX] or whole < row[QUOTE_MIN]:
        return False
    if course == 1:
        turn_days(session, row, days, tape, first, last + 1)
        _fall(session, row, tape, candles, cash + whole)
    fee = min(fee_of(whole, scaled - whole * den, den, rules.taker_rate), whole)
    earned = whole - fee - row[COST]
    realized = row[REALIZED] + earned
    session[TRIPS] += 1
    session[WINS] += realized > row[REALIZED_BEFORE]
    row[REALIZED] = realized
    row[LOTS] = 0
    row[COST] = 0
    row[BAND_LOW], row[BAND_HIGH] = 1, MARK_MAX
    session[CASH] = cash + whole - fee
    _book(session, row, whole, fee, cash + whole - fee)
    session[HELD] += last - first
    session[CANDLES] += last + 1 - first
    return True


@compile_lean
def _book(session: Ints, row: Ints, notional: int, fee: int, equity: int) -> None:
    """What an order in and one out have in common."""
    row[PRODUCT_FEES] += fee
    row[PRODUCT_TRADED] += notional
    row[ATTEMPTS] = 1
    session[FEES] += fee
    session[TRADED] = plus(session[TRADED], notional)
    session[FILLS] += 1
    session[ORDERS] += 1
    session[EQUITY] = equity
    session[LOW] = min(session[LOW], equity)


@compile_lean
def divided(scaled: int, den: int) -> int:
    """``scaled // den``; by a usual `den` it takes a product or nothing, and orders wait for it."""
    if den == 1:
        return scaled
    if den == 100:
        return scaled // 100
    return scaled // den


@compile_lean
def _fall(session: Ints, row: Ints, tape: Stretches, candles: tuple[int, int], equity: int) -> None:
    """Take in what the position was worth on the way, and what it is at the last candle."""
    line = session[CASH], row[LOTS] * row[NUM], row[DEN]
    fall = session[PEAK], session[LOW], session[WORST_LOSS], session[WORST_PEAK]
    peak, low, loss, fallen_from = fall_over(tape, candles[0], candles[1], line, fall)
    if equity > peak:
        loss, fallen_from = deeper(peak, low, loss, fallen_from)
        peak, low = equity, equity
    session[PEAK], session[LOW] = peak, min(low, equity)
    session[WORST_LOSS], session[WORST_PEAK] = loss, fallen_from


@compile_lean
def _day_begins(session: Ints, tape: Stretches, last: int) -> bool:
    """Whether a day begins for the limit after the last one seen, up to a candle."""
    place = session[DAYS] + 1
    if place >= tape.midnights.size or tape.midnights[place] > last:
        return False
    return end_at(tape.ends, last) // DAY_NS > session[DAY]
