"""One strategy over candle tapes in compiled passes: targets, then decisions, orders and books.

Blocks of candles pass through the strategy's fold and then through the rounds, so that no array
of the length of the tape is made but those asked for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np

from gpt_trader.backtesting import spare
from gpt_trader.backtesting.by_hand import check_by_hand
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.compiling import compiling
from gpt_trader.backtesting.course import NS, Course
from gpt_trader.backtesting.setup import HandOrder, Setup
from gpt_trader.backtesting.simulation_result import FillRow, OrderRow, SimulationResult
from gpt_trader.backtesting.venue import FAULTS, new_venue
from gpt_trader.broker.execution import base_bounds, rate_count
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import cash_units_held, cash_units_owed
from gpt_trader.kernels import account, book, deciding, gates, resting, rounds, tables
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.fees import DOLLARS
from gpt_trader.kernels.money import RATE_DEN
from gpt_trader.kernels.rounds import Tape
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.tables import Record
from gpt_trader.kernels.targets import WELL, target_fold
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table
from gpt_trader.signals.memories import watched
from gpt_trader.signals.strategy import Strategy

BLOCK = 1 << 17  # rounds whose targets are at hand at once
ROWS = 1 << 14  # of the tables of orders and fills at first

STATES = {
    TradingState.ACTIVE: gates.ACTIVE,
    TradingState.REDUCE_ONLY: gates.REDUCING,
    TradingState.HALTED: gates.HALTED,
}


class Arena:
    """A desk, an exchange and a record for one run after the other over a course.

    Parameters
    ----------
    with_orders, with_equity
        Keep every order and fill; the equity of every round. Else the account alone is kept, and
        the memory needed does not grow with the tape.
    """

    def __init__(
        self, course: Course, setup: Setup, *, with_orders: bool, with_equity: bool
    ) -> None:
        self.course = course
        self.setup = setup
        self._choices, self._sizes = _choices(setup, course.tape.candle_s)
        self._limits = setup.limits.vector()
        self._hand = _hand(setup.by_hand, course)
        rows = ROWS if with_orders else 0
        self._record = tables.new_record(
            products=len(course.tapes),
            orders=_table(rows, tables.ORDER),
            fills=_table(rows, tables.FILL),
            equity=np.zeros(course.rounds if with_equity else 0, np.int64),
            hand=self._hand,
        )
        self._targets: Floats = np.zeros(0)

    def run(self, strategy: Strategy, values: Mapping[str, float]) -> "Run":
        """Trade one combination of checked parameters from the first round to the last.

        Raises
        ------
        UsageError
            The strategy gave a target outside [-1, 1], or a sum became too large to count.
        """
        desk, venue = self.open()
        course, first = self.course, 0
        if course.tape.whole == 1 and len(course.tapes) == 1:
            fold = Fold(strategy, values, course.tapes[0])
            while first < course.rounds:
                last = min(first + BLOCK, course.rounds)
                block = self._buffer(last - first)
                fold.fill(first, last, block)
                self._play(desk, venue, block.reshape(1, -1), first, last)
                first = last
        else:
            self._play(desk, venue, targets_of(course, strategy, values), 0, course.rounds)
        return self._close(desk)

    def run_setup(self) -> "Run":
        """Trade the setup's own strategy with its own parameters."""
        return self.run(self.setup.strategy, self.setup.values)

    def open(self) -> tuple[deciding.Desk, resting.Venue]:
        """A desk and an exchange at the start of a run: cash, no orders, no positions."""
        setup, course = self.setup, self.course
        products = np.zeros((len(course.tapes), account.PRODUCT), np.int64)
        desk = deciding.new_desk(
            products, self._limits, self._choices.copy(), self._sizes, course.days
        )
        desk.session[account.CASH] = desk.session[account.EQUITY] = cash_units_held(setup.cash)
        venue = new_venue(setup, len(course.tapes))
        for place, tape in enumerate(course.tapes):
            _enter(products[place], venue.markets[place], tape, setup.market.seed)
            own = setup.limits.of(tape.product.product_id).vector()
            products[place, account.POSITION_MAX] = own[gates.POSITION_NOTIONAL_MAX]
        return desk, venue

    def _buffer(self, size: int) -> Floats:
        if self._targets.size < size:
            self._targets = spare.empty(size)
        return self._targets[:size]

    def _play(
        self, desk: deciding.Desk, venue: resting.Venue, targets: Grid, first: int, last: int
    ) -> None:
        now = first
        while now < last:
            bounds = (now, last, first)
            now, fault = _run_rounds(desk, venue, self.course.tape, self._record, targets, bounds)
            if fault == rounds.FULL:
                self._record = _larger(self._record)
            elif fault < 0:
                raise UsageError(f"the backtest stops in round {now}: {FAULTS[fault]}")

    def _close(self, desk: deciding.Desk) -> "Run":
        account.settle_fall(desk.session)
        record, session = self._record, desk.session
        if session[account.TRADED] < 0:
            raise UsageError(f"the backtest moves too much: {FAULTS[resting.TOO_LARGE]}")
        return Run(
            session=session,
            products=desk.products,
            days=desk.days[: session[account.DAYS]],
            orders=record.orders[: session[account.ORDER_ROWS]],
            fills=record.fills[: session[account.FILL_ROWS]],
            equity=record.equity,
        )


def _run_rounds(
    desk: deciding.Desk,
    venue: resting.Venue,
    tape: Tape,
    record: Record,
    targets: Grid,
    bounds: tuple[int, int, int],
) -> tuple[int, int]:
    """As `rounds.run_rounds`; its first call in a process may have to compile it."""
    if _COMPILED:
        return rounds.run_rounds(desk, venue, tape, record, targets, bounds)
    with compiling():
        done = rounds.run_rounds(desk, venue, tape, record, targets, bounds)
    _COMPILED.append(True)
    return done


_COMPILED: list[bool] = []


@dataclass(frozen=True, eq=False)
class Run:
    """What one run left behind, in counts; the tables are the arena's, until its next run."""

    session: Ints  # places of kernels/account.py
    products: Table
    days: Ints  # cash units at the end of each UTC day with a round, but the last
    orders: Table  # places of kernels/rounds.py
    fills: Table
    equity: Ints  # cash units at the end of each round, or empty


class Fold:
    """A strategy at one product, advanced block by block."""

    def __init__(self, strategy: Strategy, values: Mapping[str, float], tape: CandleTape) -> None:
        self._strategy = strategy
        self._candles: Candles = tape.candles
        self._warmup = strategy.warmup(values)
        self._p = strategy.record(values)
        self._s = strategy.state(values)

    def fill(self, first: int, last: int, out: Floats) -> None:
        """Write the targets of the candles from `first` to before `last`."""
        with watched(self._strategy.name, self._s):
            if self._strategy.compiled:
                fold = target_fold(self._strategy.step)
                wrong = fold(self._candles, self._p, self._s, self._warmup, first, last, out)
            else:
                wrong = self._fill_plainly(first, last, out)
        if wrong != WELL:
            raise no_target(self._strategy.name, wrong)

    def _fill_plainly(self, first: int, last: int, out: Floats) -> int:
        for t in range(first, last):
            target = float(self._strategy.step(self._candles, t, self._p, self._s))
            if t < self._warmup - 1:
                target = math.nan
            if target < -1.0 or target > 1.0:
                return t
            out[t - first] = target
        return WELL


def no_target(strategy: str, candle: int) -> UsageError:
    """What to say of a target that is no exposure."""
    return UsageError(f"{strategy} gave a target outside -1 to 1 at candle {candle}")


def targets_of(course: Course, strategy: Strategy, values: Mapping[str, float]) -> Grid:
    """The strategy's targets of every product and round; NaN where there is no candle."""
    targets = np.full((len(course.tapes), course.rounds), math.nan)
    for row, tape, places in zip(targets, course.tapes, course.places, strict=True):
        out = np.empty(len(tape))
        Fold(strategy, values, tape).fill(0, len(tape), out)
        row[slice(None) if places is None else places] = out
    return targets


def _choices(setup: Setup, candle_s: int) -> tuple[Ints, Floats]:
    sizing, choices = setup.sizing, np.zeros(deciding.CHOICES, np.int64)
    choices[deciding.PATIENCE_NS] = int(sizing["patience_candles"]) * candle_s * NS
    choices[deciding.TAKE_BPS] = int(sizing["take_bps"])
    choices[deciding.COLLAR_BPS] = int(setup.limits.collar_bps_max)
    choices[deciding.REBALANCE_RATE] = rate_of(sizing["rebalance_rate"])
    choices[deciding.MARKET_ORDERS] = int(sizing["market_orders"])
    choices[deciding.GOOD_TILL] = int(sizing["good_till"])
    choices[deciding.STOP_RATE] = rate_of(sizing["stop_rate"])
    choices[deciding.LATENCY] = setup.latency
    choices[deciding.STATE] = STATES[setup.trading_state]
    taker = setup.fee_tiers[0].taker_rate * RATE_DEN
    choices[deciding.TAKER_RATE] = int(taker.to_integral_value(ROUND_CEILING))
    choices[deciding.FEED_IS_READY] = 1
    choices[deciding.BOOKS_DO_AGREE] = 1
    sizes = np.array([sizing["size_fraction"], sizing["volatility_target"]])
    return choices, sizes


def rate_of(value: float) -> int:
    """A rate of the sizing in 1e-9, as the engine counts it."""
    return rate_count(Decimal(str(value)))


def _enter(row: Ints, market: Ints, tape: CandleTape, seed: int) -> None:
    """Write down what of a product stays as it is all the time."""
    product = tape.product
    row[account.NUM], row[account.DEN] = product.cash_units_per_tick_lot()
    row[account.BASE_MIN], row[account.BASE_MAX] = base_bounds(product)
    row[account.QUOTE_MIN] = cash_units_owed(product.quote_min_size)
    market[book.KEY] = seed_key(seed, "book", product.product_id)
    market[book.NUM], market[book.DEN] = product.cash_units_per_tick_lot()
    market[book.DOLLARS] = product.quote in DOLLARS


def _hand(given: Sequence[HandOrder], course: Course) -> Table:
    names = [tape.product.product_id for tape in course.tapes]
    check_by_hand(given, names, course.starts_ns, course.tape.candle_s)
    rows = np.zeros((len(given), tables.HAND), np.int64)
    by_round = sorted(given, key=lambda order: order.round)
    for row, order in zip(rows, by_round, strict=True):
        row[tables.HAND_ROUND] = order.round
        row[tables.HAND_PRODUCT] = names.index(order.product_id)
        row[tables.HAND_SIGN] = order.side.sign
        row[tables.HAND_LOTS] = order.lots
        limit = gates.MARKET_PRICE if order.limit_ticks is None else order.limit_ticks
        row[tables.HAND_LIMIT] = limit
        row[tables.HAND_WAIT_NS] = order.wait_ns
        row[tables.HAND_FEED] = order.feed_ready
        row[tables.HAND_BOOKS] = order.books_agree
        row[tables.HAND_STATE] = STATES[order.trading_state]
    return rows


def _table(rows: int, columns: int) -> Table:
    """A table with anything in it."""
    return spare.empty(rows * columns).view(np.int64).reshape(rows, columns)


def _larger(record: Record) -> Record:
    """The record with twice the room."""
    return record._replace(orders=_doubled(record.orders), fills=_doubled(record.fills))


def _doubled(table: Table) -> Table:
    rows, columns = table.shape
    larger = _table(2 * rows, columns)
    larger[:rows] = table
    return larger


def result_of(run: Run) -> SimulationResult:
    """A compiled run in the form of an engine replay, to compare the two."""
    session = run.session
    return SimulationResult(
        orders=tuple(
            OrderRow(
                product=row[tables.ORDER_PRODUCT],
                sign=row[tables.ORDER_SIGN],
                lots=row[tables.ORDER_LOTS],
                limit_ticks=row[tables.ORDER_LIMIT],
                time_in_force=row[tables.ORDER_TIME_IN_FORCE],
                round=row[tables.ORDER_ROUND],
                status=row[tables.ORDER_STATUS],
                refused=row[tables.ORDER_DENIED],
            )
            for row in run.orders.tolist()
        ),
        fills=tuple(
            FillRow(
                product=row[tables.FILL_PRODUCT],
                number=row[tables.FILL_ORDER],
                sign=row[tables.FILL_SIGN],
                ticks=row[tables.FILL_TICKS],
                lots=row[tables.FILL_LOTS],
                fee_units=row[tables.FILL_FEE],
                maker=row[tables.FILL_MAKER],
                time_ns=row[tables.FILL_TIME_NS],
                round=row[tables.FILL_ROUND],
            )
            for row in run.fills.tolist()
        ),
        denials=tuple(session[account.DENIED : account.DENIED + gates.RULES].tolist()),
        candles=int(session[account.CANDLES]),
        stops=int(session[account.STOPS]),
        expiries=int(session[account.EXPIRIES]),
        cash_units=int(session[account.CASH]),
        fees_units=int(session[account.FEES]),
        position_lots=tuple(run.products[:, account.LOTS].tolist()),
        equity_units=int(session[account.EQUITY]),
        peak_units=int(session[account.PEAK]),
        day_start_units=int(session[account.DAY_START]),
        worst_loss_units=int(session[account.WORST_LOSS]),
        worst_peak_units=int(session[account.WORST_PEAK]),
    )
