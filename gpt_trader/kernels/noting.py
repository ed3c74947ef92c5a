"""What `closing.close_round` did, written into the tables of a run from what it changed."""

from gpt_trader.kernels import account, execution, gates, resting
from gpt_trader.kernels.account import DENIALS, FEES, LOTS, ORDERS, TRADED
from gpt_trader.kernels.closing import wanted_lots
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.deciding import COLLAR_BPS, MARKET_ORDERS, TAKE_BPS, Desk
from gpt_trader.kernels.execution import worse_by
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
    ORDER_NUMBER,
    ORDER_STATUS,
    Record,
    write_order,
)
from gpt_trader.kernels.vectors import Ints


@compile_lean
def remember(desk: Desk, before: Ints) -> None:
    """Keep what `note_close` compares: the session, and behind it the lots held."""
    for place in range(account.SESSION):
        before[place] = desk.session[place]
    before[account.SESSION] = desk.products[0, LOTS]


@compile_lean
def note_close(desk: Desk, record: Record, before: Ints, now: int, mark: int) -> None:
    """Write down the order of this round, or the denied one."""
    session, held = desk.session, desk.products[0, LOTS]
    if session[ORDERS] > before[ORDERS]:
        sign = 1 if held > before[account.SESSION] else -1
        lots = abs(held - before[account.SESSION])
        wish(desk, sign, lots, mark)
        row = write_order(desk, record, 0, now, 0)
        if row >= 0:
            record.orders[row, ORDER_NUMBER] = session[ORDERS]
            record.orders[row, ORDER_STATUS] = resting.FILLED
            record.orders[row, ORDER_FILLED] = lots
        note_fill(desk, record, before, now, mark)
    elif session[DENIALS] > before[DENIALS]:
        mask = 0
        for rule in range(gates.RULES):
            place = account.DENIED + rule
            mask |= (session[place] - before[place]) << rule
        wanted = wanted_lots(desk, session[account.EQUITY], mark, desk.targets[0])
        lots = min(wanted - held, desk.products[0, account.BASE_MAX])
        wish(desk, 1, lots, mark)
        write_order(desk, record, 0, now, mask)


@compile_lean
def wish(desk: Desk, sign: int, lots: int, mark: int) -> None:
    """The plan that led to it, as `execution.plan_step` makes it at the close."""
    plan, choices = desk.plan, desk.choices
    for place in range(execution.PLAN):
        plan[place] = 0
    plan[execution.SIGN] = sign
    plan[execution.LOTS] = lots
    plan[execution.TIME_IN_FORCE] = execution.IOC
    if choices[MARKET_ORDERS] == 1:
        plan[execution.LIMIT_TICKS] = gates.MARKET_PRICE
        plan[execution.WHY] = execution.TAKEN_AT_MARKET
    else:
        bps = min(choices[TAKE_BPS], choices[COLLAR_BPS])
        plan[execution.LIMIT_TICKS] = worse_by(mark, sign, bps)
        plan[execution.WHY] = execution.TAKEN


@compile_lean
def note_fill(desk: Desk, record: Record, before: Ints, now: int, mark: int) -> None:
    """Write down the fill of this round's order."""
    if record.fills.shape[0] == 0:
        return
    session = desk.session
    row = record.fills[session[account.FILL_ROWS]]
    session[account.FILL_ROWS] += 1
    row[FILL_ORDER] = session[ORDERS]
    row[FILL_ROUND] = now
    row[FILL_PRODUCT] = 0
    row[FILL_SIGN] = desk.plan[execution.SIGN]
    row[FILL_TICKS] = mark
    row[FILL_LOTS] = desk.plan[execution.LOTS]
    row[FILL_NOTIONAL] = session[TRADED] - before[TRADED]
    row[FILL_FEE] = session[FEES] - before[FEES]
    row[FILL_MAKER] = 0
    row[FILL_TIME_NS] = session[account.NOW_NS]
