"""A round of one product at its close, in few steps: what `rounds.round_step` does there.

With bid and ask at the close, no order waiting, one fee and candles of a minute or wider, most
of a round has one outcome. `is_plain` says whether a setup is such, `close_round` takes one round
through or says that it can't; ``tests/backtesting/test_equality.py`` holds the two
equal to the last unit. Sizes, bounds and roundings are those of `sizing`, `execution`, `gates`,
`money` and `account`, in the same order of operations.
"""

import math

from gpt_trader.kernels import account, deciding, gates
from gpt_trader.kernels.account import (
    ASK,
    ATTEMPTS,
    BAND_HIGH,
    BASE_MAX,
    BASE_MIN,
    BID,
    CANDLES,
    CASH,
    COST,
    DAY,
    DAY_END_NS,
    DAY_NS,
    DAY_START,
    DEN,
    DENIALS,
    DENIED,
    EQUITY,
    HELD,
    LAST,
    LOTS,
    LOW,
    MARK,
    NOW_NS,
    NUM,
    ORDERS,
    PEAK,
    QUOTE_MIN,
    QUOTE_NS,
    STOPPED,
    STOPS,
    TRADE_NS,
    WORK,
    WORK_NONE,
    begin_day,
    book_fill,
    end_day,
    settle_fall,
)
from gpt_trader.kernels.calm import draw_band
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import (
    COLLAR_BPS,
    MARKET_ORDERS,
    MINUTE_NS,
    REBALANCE_RATE,
    SIZE_FRACTION,
    STOP_RATE,
    TAKE_BPS,
    TAKER_RATE,
    VOLATILITY_TARGET,
    Desk,
)
from gpt_trader.kernels.execution import BPS_DEN
from gpt_trader.kernels.fees import TAKER_RATE as TIER_TAKER_RATE
from gpt_trader.kernels.fees import Fees
from gpt_trader.kernels.money import RATE_DEN, share_of
from gpt_trader.kernels.sizing import LOTS_MAX
from gpt_trader.kernels.vectors import Ints

COUNT_MAX = 2**58
"""Cash units times `den` above which a round is left to others."""

TICKS_MAX = 2**40

CLEARLY = 1.0 + 1e-12
"""Far more than the floats of a few operations are off by."""


@compile_lean
def is_plain(desk: Desk, fees: Fees, candle_ns: int) -> bool:
    """Whether a setup at the close is such that `close_round` may take its rounds."""
    choices, limits, sizes = desk.choices, desk.limits, desk.sizes
    share = sizes[SIZE_FRACTION]
    bps = 0 if choices[MARKET_ORDERS] == 1 else min(choices[TAKE_BPS], choices[COLLAR_BPS])
    return bool(
        desk.products.shape[0] == 1
        and fees.tiers.shape[0] == 1
        and candle_ns >= MINUTE_NS
        and fees.tiers[0, TIER_TAKER_RATE] == choices[TAKER_RATE]
        and choices[deciding.PATIENCE_NS] == 0
        and choices[deciding.LATENCY] == 0
        and choices[deciding.STATE] == gates.ACTIVE
        and choices[deciding.FEED_IS_READY] == 1
        and choices[deciding.BOOKS_DO_AGREE] == 1
        and choices[TAKE_BPS] >= 0
        and 0 <= choices[COLLAR_BPS] <= BPS_DEN
        and limits[gates.COLLAR_RATE_MAX] >= choices[COLLAR_BPS] * (RATE_DEN // BPS_DEN)
        and limits[gates.REFERENCE_RATE_MAX] >= bps * (RATE_DEN // BPS_DEN)
        and limits[gates.MARK_AGE_NS_MAX] >= 0
        and limits[gates.ORDERS_PER_MINUTE_MAX] >= 1
        and limits[gates.POSITION_RATE_MAX] <= 10 * RATE_DEN
        and limits[gates.EXPOSURE_RATE_MAX] <= 10 * RATE_DEN
        and limits[gates.ORDER_EQUITY_RATE_MAX] <= 10 * RATE_DEN
        and sizes[VOLATILITY_TARGET] == 0.0
        and 0.0 <= share <= 1.0
    )


@compile_lean
def close_round(desk: Desk, mark: int, end_ns: int, target: float) -> bool:
    """Take one round through, or touch nothing and say False where a count may be too large."""
    session, row = desk.session, desk.products[0]
    num, den, held = row[NUM], row[DEN], row[LOTS]
    slope = held * num
    if row[WORK] != WORK_NONE or mark > TICKS_MAX or den > RATE_DEN:
        return False
    if float(mark) * float(slope) > COUNT_MAX or float(session[CASH]) * float(den) > COUNT_MAX:
        return False
    worth = mark * slope // den if slope > 0 else 0
    equity = session[CASH] + worth
    wanted = wanted_lots(desk, equity, mark, target)
    if float(mark) * float(num) * float(max(wanted, 0)) > COUNT_MAX:
        return False
    see_close(desk, mark, end_ns, equity)
    session[CANDLES] += 1
    if target == target and target != desk.minds[0]:
        row[ATTEMPTS] = 0
        row[STOPPED] = 0
        desk.minds[0] = target
    desk.targets[0] = target
    row[BAND_HIGH] = 0
    if desk.choices[STOP_RATE] != 0:
        reach_stop(desk, worth)
    if row[STOPPED] == 1:
        wanted = 0  # even while nobody knows what is wanted
    if wanted >= 0:
        if wanted > held:
            buy(desk, mark, wanted, equity)
        elif wanted < held:
            sell(desk, mark, wanted, worth)
    session[HELD] += row[LOTS] != 0
    draw_band(desk, 0)
    return True


@compile_lean
def wanted_lots(desk: Desk, equity: int, mark: int, target: float) -> int:
    """As `sizing.target_lots_step`; -1 where that is not known or too large."""
    if math.isnan(target) or equity <= 0 or mark <= 0:
        return -1
    row = desk.products[0]
    wanted = max(target, 0.0) * desk.sizes[SIZE_FRACTION] * 1.0 * float(equity)
    lots = wanted / (float(mark) * float(row[NUM]) / float(row[DEN]))
    if lots > LOTS_MAX:
        return -1
    return math.floor(lots)


@compile_lean
def see_close(desk: Desk, mark: int, end_ns: int, equity: int) -> None:
    """The round's price, and what the account is worth at it."""
    session, row = desk.session, desk.products[0]
    session[NOW_NS] = max(session[NOW_NS], end_ns)
    row[LAST], row[BID], row[ASK], row[MARK] = mark, mark, mark, mark
    row[TRADE_NS], row[QUOTE_NS] = end_ns, end_ns
    if end_ns > session[DAY_END_NS]:
        end_day(session, desk.days, end_ns)
    if end_ns >= (session[DAY] + 1) * DAY_NS or session[DAY] < 0:
        begin_day(session, equity, end_ns)
    take_equity(session, equity)


@compile_lean
def take_equity(session: Ints, equity: int) -> None:
    """As `account.take_equity`, which a newer peak calls."""
    session[EQUITY] = equity
    if equity > session[PEAK]:
        settle_fall(session)
        session[PEAK] = equity
        session[LOW] = equity
    elif equity < session[LOW]:
        session[LOW] = equity


@compile_lean
def reach_stop(desk: Desk, worth: int) -> None:
    """As `deciding.reach_stop`."""
    session, row = desk.session, desk.products[0]
    if row[LOTS] == 0 or row[STOPPED] == 1:
        return
    if row[COST] - worth > share_of(row[COST], desk.choices[STOP_RATE]):
        row[STOPPED] = 1
        session[STOPS] += 1


@compile_lean
def is_worth_it(desk: Desk, notional: int, lots: int, wanted: int) -> bool:
    """As `execution.is_worth_it`, for a difference that is not zero."""
    row = desk.products[0]
    if lots < row[BASE_MIN] or notional < row[QUOTE_MIN]:
        return False
    if wanted == 0 or row[LOTS] == 0:
        return True
    return lots > share_of(wanted, desk.choices[REBALANCE_RATE])


@compile_lean
def buy(desk: Desk, mark: int, wanted: int, equity: int) -> None:
    """Judge a buy by the rules that may refuse it here, and book it or count the denial."""
    session, row, choices = desk.session, desk.products[0], desk.choices
    num, den, lots = row[NUM], row[DEN], wanted - row[LOTS]
    scaled = mark * lots * num
    whole = scaled // den
    if not is_worth_it(desk, whole, lots, wanted):
        return
    if lots > row[BASE_MAX]:
        lots = row[BASE_MAX]
        scaled = mark * lots * num
        whole = scaled // den
    bps = 0
    if choices[MARKET_ORDERS] == 0:
        bps = min(choices[TAKE_BPS], choices[COLLAR_BPS])
    start, peak = session[DAY_START], session[PEAK]
    if row[LOTS] > 0 or not passes_clearly(desk, whole, (equity, start, peak), bps):
        price = mark * (BPS_DEN + bps) // BPS_DEN
        mask = refusals(desk, mark, price, lots, equity)
        if mask != 0:
            session[DENIALS] += 1
            for rule in range(gates.RULES):
                session[DENIED + rule] += mask >> rule & 1
            return
    count_order(desk)
    rest = scaled - whole * den
    fee = fee_of(whole, rest, den, choices[TAKER_RATE])
    held = row[LOTS]
    book_fill(session, row, 1, lots, whole + (rest > 0), fee)
    worth = mark * row[LOTS] * num // den if held > 0 else whole
    take_equity(session, session[CASH] + worth)


@compile_lean
def sell(desk: Desk, mark: int, wanted: int, worth: int) -> None:
    """Book a sale of what is held: an exit, which no rule here refuses."""
    session, row = desk.session, desk.products[0]
    num, den, lots = row[NUM], row[DEN], row[LOTS] - wanted
    whole = mark * lots * num // den if wanted > 0 else worth
    if not is_worth_it(desk, whole, lots, wanted):
        return
    if lots > row[BASE_MAX]:
        lots = row[BASE_MAX]
        whole = mark * lots * num // den
    count_order(desk)
    rest = mark * lots * num - whole * den
    fee = min(fee_of(whole, rest, den, desk.choices[TAKER_RATE]), whole)
    book_fill(session, row, -1, lots, whole, fee)
    worth = mark * row[LOTS] * num // den if row[LOTS] > 0 else 0
    take_equity(session, session[CASH] + worth)


@compile_lean
def passes_clearly(desk: Desk, notional: int, equities: tuple[int, int, int], bps: int) -> bool:
    """Whether a buy from nothing is so far within all rules that floats are enough to see it.

    `equities`: of now, which is all cash, of the day's start, and the highest.
    """
    equity, start, peak = equities
    limits = desk.limits
    cost = (float(notional) + 2.0) * (1.0 + float(bps) * 1e-4) * CLEARLY + 2.0
    with_fee = cost * (1.0 + float(desk.choices[TAKER_RATE]) * 1e-9) * CLEARLY + 2.0
    held = min(limits[gates.POSITION_RATE_MAX], limits[gates.EXPOSURE_RATE_MAX])
    held = min(held, limits[gates.ORDER_EQUITY_RATE_MAX])
    most = min(limits[gates.ORDER_NOTIONAL_MAX], desk.products[0, account.POSITION_MAX])
    share = 1e-9 / CLEARLY
    return bool(
        (cost <= most)
        & (cost <= float(equity) * float(held) * share - 2.0)
        & (with_fee <= float(equity))
        & (start > 0)
        & (start - equity <= limits[gates.DAILY_LOSS_MAX])
        & (start - equity <= float(start) * float(limits[gates.DAILY_LOSS_RATE_MAX]) * share - 2.0)
        & (peak - equity <= float(peak) * float(limits[gates.DRAWDOWN_RATE_MAX]) * share - 2.0)
    )


@compile_lean
def count_order(desk: Desk) -> None:
    """Count an intent. The one before is a candle old: none is left of the last minute."""
    session = desk.session
    session[account.INTENTS_FROM] = session[ORDERS]
    session[ORDERS] += 1
    desk.products[0, ATTEMPTS] += 1
    desk.products[0, account.WORK_NUMBER] = session[ORDERS]


@compile_lean
def refusals(desk: Desk, mark: int, price: int, lots: int, equity: int) -> int:
    """The rules that refuse a buy, as `gates.verdict_step` says; the others can't here."""
    session, row, limits = desk.session, desk.products[0], desk.limits
    num, den = row[NUM], row[DEN]
    scaled = price * lots * num
    cost = (scaled + den - 1) // den
    worst = (mark * (row[LOTS] + lots) * num + den - 1) // den
    mask = 0
    share = part(equity, limits[gates.ORDER_EQUITY_RATE_MAX])
    if cost > min(limits[gates.ORDER_NOTIONAL_MAX], share):
        mask |= 1 << gates.ORDER_NOTIONAL
    if worst > min(row[account.POSITION_MAX], part(equity, limits[gates.POSITION_RATE_MAX])):
        mask |= 1 << gates.POSITION_CAP
    if worst > part(equity, limits[gates.EXPOSURE_RATE_MAX]):
        mask |= 1 << gates.EXPOSURE_CAP
    start, peak = session[DAY_START], session[PEAK]
    loss_max = min(limits[gates.DAILY_LOSS_MAX], part(start, limits[gates.DAILY_LOSS_RATE_MAX]))
    if start <= 0 or start - equity > loss_max:
        mask |= 1 << gates.DAILY_LOSS
    if peak - equity > part(peak, limits[gates.DRAWDOWN_RATE_MAX]):
        mask |= 1 << gates.DRAWDOWN
    whole = scaled // den
    if cost + fee_of(whole, scaled - whole * den, den, desk.choices[TAKER_RATE]) > session[CASH]:
        mask |= 1 << gates.CASH
    if lots > row[BASE_MAX]:
        mask |= 1 << gates.SIZE_FORM
    return mask


@compile_lean
def part(units: int, rate: int) -> int:
    """As `money.share_of`, where both are known to be counts that fit."""
    rest, above = units % RATE_DEN, rate // RATE_DEN
    return units // RATE_DEN * rate + rest * above + rest * (rate % RATE_DEN) // RATE_DEN


@compile_lean
def fee_of(whole: int, rest: int, den: int, rate: int) -> int:
    """As `money.fee_owed`, from ticks * lots * num divided by `den` with a rest."""
    carried = 0 if rest == 0 else (rest * rate + den - 1) // den
    billions = whole // RATE_DEN
    rest = (whole - billions * RATE_DEN) * rate + carried
    return int(billions * rate + (rest + RATE_DEN - 1) // RATE_DEN)
