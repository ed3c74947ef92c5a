"""A backtest through the live engine itself, left behind in the form of a compiled run."""

import numpy as np

from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.fused import Run
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.simulation import Simulation
from gpt_trader.backtesting.simulation_result import FillRow, OrderRow, SimulationResult
from gpt_trader.backtesting.venue import FAULTS
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import account, resting, tables
from gpt_trader.kernels.gates import RULES
from gpt_trader.kernels.money import COUNT_MAX, notional_paid, notional_received
from gpt_trader.kernels.vectors import Ints, Table


def engine_run(course: Course, setup: Setup) -> Run:
    """Run a setup event by event.

    Raises
    ------
    UsageError
        A mark is missing at the end, so that the account has no known value; or more was traded
        than can be counted.
    """
    simulation = Simulation(setup, course.tapes, None)
    result = simulation.run()
    if result.equity_units is None:
        raise UsageError("a product that is held has no mark at the end: its value is not known")
    fills = _fills(course, result.fills)
    traded = sum(fills[:, tables.FILL_NOTIONAL].tolist())
    if traded > COUNT_MAX:
        raise UsageError(f"the backtest moves too much: {FAULTS[resting.TOO_LARGE]}")
    equity = np.array(simulation.equities, np.int64)
    return Run(
        session=_session(simulation, result, traded),
        products=_products(simulation, course),
        days=equity[course.day_first[1:] - 1],
        orders=_orders(result.orders, fills),
        fills=fills,
        equity=equity,
    )


def _session(simulation: Simulation, result: SimulationResult, traded: int) -> Ints:
    session = np.zeros(account.SESSION, np.int64)
    assert result.equity_units is not None, "asked before"
    counts = simulation.engine.counts
    session[account.CASH] = result.cash_units
    session[account.EQUITY] = result.equity_units
    session[account.PEAK] = result.peak_units
    session[account.WORST_LOSS] = result.worst_loss_units
    session[account.WORST_PEAK] = result.worst_peak_units
    session[account.DAY_START] = result.day_start_units
    session[account.CANDLES] = result.candles
    session[account.ORDERS] = sum(order.refused == 0 for order in result.orders)
    session[account.DENIALS] = counts["denials"]
    session[account.FILLS] = counts["fills"]
    session[account.PARTIAL_FILLS] = counts["partial_fills"]
    session[account.MAKER_FILLS] = counts["maker_fills"]
    session[account.STOPS] = result.stops
    session[account.EXPIRIES] = result.expiries
    session[account.FEES] = result.fees_units
    session[account.TRADED] = traded
    session[account.DENIED : account.DENIED + RULES] = result.denials
    session[account.HELD] = simulation.held
    return session


def _products(simulation: Simulation, course: Course) -> Table:
    rows = np.zeros((len(course.tapes), account.PRODUCT), np.int64)
    for row, tape in zip(rows, course.tapes, strict=True):
        position = simulation.engine.ledger.position(tape.product.product_id)
        row[account.LOTS] = position.lots
        row[account.COST] = position.cost_units
        row[account.REALIZED] = position.realized_units
    return rows


def _orders(orders: tuple[OrderRow, ...], fills: Table) -> Table:
    rows = np.zeros((len(orders), tables.ORDER), np.int64)
    number = 0
    for row, order in zip(rows, orders, strict=True):
        number += order.refused == 0
        row[tables.ORDER_NUMBER] = number if order.refused == 0 else 0
        row[tables.ORDER_ROUND] = order.round
        row[tables.ORDER_PRODUCT] = order.product
        row[tables.ORDER_SIGN] = order.sign
        row[tables.ORDER_LOTS] = order.lots
        row[tables.ORDER_LIMIT] = order.limit_ticks
        row[tables.ORDER_TIME_IN_FORCE] = order.time_in_force
        row[tables.ORDER_DENIED] = order.refused
        row[tables.ORDER_STATUS] = order.status
        if order.refused == 0:
            own = fills[:, tables.FILL_ORDER] == number
            row[tables.ORDER_FILLED] = fills[own, tables.FILL_LOTS].sum()
    return rows


def _fills(course: Course, fills: tuple[FillRow, ...]) -> Table:
    rows = np.zeros((len(fills), tables.FILL), np.int64)
    for row, fill in zip(rows, fills, strict=True):
        pair = course.tapes[fill.product].product.cash_units_per_tick_lot()
        notional = notional_paid if fill.sign > 0 else notional_received
        row[tables.FILL_ORDER] = fill.number
        row[tables.FILL_ROUND] = fill.round
        row[tables.FILL_PRODUCT] = fill.product
        row[tables.FILL_SIGN] = fill.sign
        row[tables.FILL_TICKS] = fill.ticks
        row[tables.FILL_LOTS] = fill.lots
        row[tables.FILL_NOTIONAL] = notional(fill.ticks, fill.lots, *pair)
        row[tables.FILL_FEE] = fill.fee_units
        row[tables.FILL_MAKER] = fill.maker
        row[tables.FILL_TIME_NS] = fill.time_ns
    return rows
