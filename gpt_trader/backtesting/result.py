"""What a backtest gives back: figures, orders, fills, round trips and the course of equity."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gpt_trader import __version__
from gpt_trader.backtesting.account_metrics import day_ends_of, equity_path_of, hold_path_of
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.denials import denial_note
from gpt_trader.backtesting.equity_path import EquityPath
from gpt_trader.backtesting.fused import Run
from gpt_trader.backtesting.metrics import Activity, metrics
from gpt_trader.backtesting.result_frames import (
    drawdowns_frame,
    fills_frame,
    orders_frame,
    trips_frame,
)
from gpt_trader.backtesting.round_trips import (
    Fills,
    RoundTrip,
    round_trips,
    trip_returns,
    trip_totals,
)
from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import amount_of, cash_units_held
from gpt_trader.kernels import account, tables
from gpt_trader.kernels.gates import RULES
from gpt_trader.kernels.statistics import fall_rate, returns_between
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.risk.verdicts import RULE_NAMES
from gpt_trader.signals.strategy import Strategy

if TYPE_CHECKING:
    import pandas as pd

UNITS = 1e8  # cash units of one quote, for floats that people look at


@dataclass(eq=False)
class BacktestResult:
    """One finished backtest. Counts are exact inside; what is shown in frames is in quote."""

    course: Course
    setup: Setup
    run: Run
    rerun: Callable[[], Run]
    """Runs the same again and keeps the equity of every round: made only when it is looked at."""

    @property
    def strategy(self) -> Strategy:
        """What decided."""
        return self.setup.strategy

    @property
    def values(self) -> dict[str, float]:
        """The strategy's parameters."""
        return self.setup.values

    @property
    def tapes(self) -> tuple[CandleTape, ...]:
        """The candles, a tape a product."""
        return self.course.tapes

    @property
    def tape(self) -> CandleTape:
        """The candles of the only product.

        Raises
        ------
        UsageError
            There are several: see `tapes`.
        """
        if len(self.tapes) > 1:
            raise UsageError(f"{len(self.tapes)} products were traded: look at result.tapes")
        return self.tapes[0]

    @property
    def equity_end(self) -> Decimal:
        """Cash and positions at their marks at the end, in quote, exactly."""
        return amount_of(int(self.run.session[account.EQUITY]))

    @property
    def max_drawdown_rate(self) -> float:
        """The deepest fall from a peak at any candle, as a fraction of that peak."""
        session = self.run.session
        return fall_rate(session[account.WORST_LOSS], session[account.WORST_PEAK])

    @cached_property
    def stats(self) -> dict[str, float | int | Decimal]:
        """Every figure with its unit in its name, and buy-and-hold's beside."""
        return self._figures()

    def _figures(self) -> dict[str, float | int | Decimal]:
        session = self.run.session
        trips = [trip for each in self._trips for trip in each]
        activity = Activity(
            orders=int(session[account.ORDERS]),
            fills=int(session[account.FILLS]),
            notional_units=int(session[account.TRADED]),
            fees_units=int(session[account.FEES]),
            candles=int(session[account.CANDLES]),
            exposed_candles=int(session[account.HELD]),
            trips=trip_totals(trips),
        )
        return metrics(self.equity_path, activity, hold_path_of(self.course)).stats() | {
            "denials": int(session[account.DENIALS]),
            "stops": int(session[account.STOPS]),
            "expiries": int(session[account.EXPIRIES]),
        }

    @cached_property
    def equity_path(self) -> EquityPath:
        """The course of equity as far as growth and risk are concerned."""
        return equity_path_of(self.course, self.setup, self.run.session, self.run.days)

    @cached_property
    def daily_returns(self) -> Floats:
        """The return of each UTC day, as a fraction; of each candle where those are wider."""
        last = int(self.run.session[account.EQUITY])
        ends = day_ends_of(self.course, self.run.days, last)
        return returns_between(cash_units_held(self.setup.cash), ends)

    @cached_property
    def trip_returns(self) -> Floats:
        """What each closed round trip added to the account, as a fraction, in order of closing."""
        trips = sorted(
            (trip for each in self._trips for trip in each), key=lambda trip: trip.exit_ns
        )
        return trip_returns(trips, cash_units_held(self.setup.cash))

    @cached_property
    def denials_by_rule(self) -> dict[str, int]:
        """How often each risk rule refused an order."""
        counts = self.run.session[account.DENIED : account.DENIED + RULES].tolist()
        return {name: n for name, n in zip(RULE_NAMES, counts, strict=True) if n}

    @property
    def denial_note(self) -> str:
        """Why more orders were denied than sent, and what to do; empty where they were not."""
        session = self.run.session
        denials, orders = int(session[account.DENIALS]), int(session[account.ORDERS])
        return denial_note(denials, orders, self.denials_by_rule, self.setup.limits)

    @cached_property
    def orders(self) -> "pd.DataFrame":
        """One row an order, denied ones included: time, side, size, limit, status, denied_by."""
        return orders_frame(self.course, self.run.orders)

    @cached_property
    def fills(self) -> "pd.DataFrame":
        """One row a fill: time, order, product_id, side, price, base_size, fee, liquidity."""
        return fills_frame(self.course, self.run.fills)

    @cached_property
    def round_trips(self) -> "pd.DataFrame":
        """One row for each time from flat to flat, the open one last."""
        return trips_frame(self.course, self._trips)

    @cached_property
    def equity_units(self) -> Ints:
        """Cash units of 1e-8 quote at the end of each round."""
        kept = self.run.equity  # the engine keeps it as it goes
        return kept if kept.size else self.rerun().equity

    @cached_property
    def equity(self) -> "pd.Series[float]":
        """Quote, at the close of each candle."""
        return self._series(self.equity_units / UNITS, "equity")

    @cached_property
    def drawdown(self) -> "pd.Series[float]":
        """Fraction lost since the highest equity before, at the close of each candle."""
        peak = np.maximum.accumulate(self.equity_units)
        return self._series((peak - self.equity_units) / peak, "drawdown")

    @cached_property
    def drawdowns(self) -> "pd.DataFrame":
        """One row for each fall from a peak and its way back, the deepest first."""
        return drawdowns_frame(self.course, self.equity_units)

    @cached_property
    def content_hash(self) -> str:
        """Names what went in: data, strategy with all it calls, parameters and every choice.

        Of our own code it names the version alone, so that two machines and two days give one
        name to one experiment; between two texts of one version results may differ.
        """
        content = {
            "version": __version__,
            "data": [tape.sha256 for tape in self.tapes],
            "strategy": [self.strategy.name, self.strategy.source_hash],
            "parameters": self.values,
            "setup": {name: repr(value) for name, value in self.setup.choices().items()},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def __repr__(self) -> str:
        names = ", ".join(tape.product.product_id for tape in self.tapes)
        figures = self.stats
        rules = ", ".join(self.denials_by_rule)
        denied = f" ({figures['denials']} denied: {rules})" if rules else ""
        return (
            f"<Backtest {self.strategy.name} on {names}: {self.equity_end} at the end, "
            f"{figures['return_rate']:+.2%}, {figures['orders']} orders{denied}, "
            f"max drawdown {figures['max_drawdown_rate']:.2%}>"
        )

    @cached_property
    def _trips(self) -> tuple[list[RoundTrip], ...]:
        fills = self.run.fills
        found = []
        for place in range(len(self.tapes)):
            own = fills[fills[:, tables.FILL_PRODUCT] == place]
            columns = (
                tables.FILL_TIME_NS,
                tables.FILL_SIGN,
                tables.FILL_LOTS,
                tables.FILL_NOTIONAL,
                tables.FILL_FEE,
            )
            found.append(list(round_trips(Fills(*(own[:, column] for column in columns)))))
        return tuple(found)

    def _series(self, values: NDArray[np.floating[Any]], name: str) -> "pd.Series[float]":
        import pandas as pd

        index = pd.DatetimeIndex(self.course.end_ns, tz="UTC", name="time")
        return pd.Series(values, index=index, name=name)
