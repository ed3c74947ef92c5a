"""The figures of one backtest, each with its unit in the name, and buy-and-hold beside them."""

import math
from dataclasses import asdict, dataclass
from decimal import Decimal

from gpt_trader.backtesting.equity_path import (
    EquityMetrics,
    EquityPath,
    equity_path,
    known_metrics,
)
from gpt_trader.backtesting.round_trips import TripTotals
from gpt_trader.domain.product import amount_of
from gpt_trader.kernels.vectors import Ints

HOUR_NS = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Activity:
    """What was done to earn it; of all products together."""

    orders: int
    fills: int
    notional_units: int  # cash units, of all fills, bought and sold
    fees_units: int
    candles: int
    exposed_candles: int  # at whose end something was held
    trips: TripTotals


@dataclass(frozen=True, slots=True)
class TradingMetrics:
    """How much was traded and how often it paid; NaN without a round trip."""

    equity_end_quote: Decimal
    fees_quote: Decimal
    orders: int
    fills: int
    turnover_per_year: float  # notional bought and sold, by the mean equity of the days' ends
    exposure_rate: float  # share of the candles at whose end something was held
    round_trips: int  # closed ones
    win_rate: float
    profit_factor: float  # gains of the winners by losses of the losers; NaN without a loser
    round_trip_mean_quote: Decimal
    round_trip_mean_hours: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything a result says of itself."""

    equity: EquityMetrics
    trading: TradingMetrics
    buy_and_hold: EquityMetrics

    def stats(self) -> dict[str, float | int | Decimal]:
        """One flat table: the strategy's figures, then buy-and-hold's with its name in front."""
        hold = {f"buy_and_hold_{name}": value for name, value in asdict(self.buy_and_hold).items()}
        return asdict(self.equity) | asdict(self.trading) | hold


def metrics(path: EquityPath, activity: Activity, held: EquityPath) -> Metrics:
    """Compute every figure of one backtest.

    Parameters
    ----------
    path : EquityPath
        Of the account.
    activity : Activity
        What was traded on the way.
    held : EquityPath
        Of `buy_and_hold_path`, over the same candles.
    """
    return Metrics(known_metrics(path), trading_metrics(path, activity), known_metrics(held))


def trading_metrics(path: EquityPath, activity: Activity) -> TradingMetrics:
    """Compute what the trading itself came to."""
    trips = activity.trips
    earned = trips.gains_units - trips.losses_units
    return TradingMetrics(
        equity_end_quote=amount_of(path.end_units),
        fees_quote=amount_of(activity.fees_units),
        orders=activity.orders,
        fills=activity.fills,
        turnover_per_year=_ratio(activity.notional_units, path.mean_units * path.years),
        exposure_rate=_ratio(activity.exposed_candles, activity.candles),
        round_trips=trips.count,
        win_rate=_ratio(trips.wins, trips.count),
        profit_factor=_ratio(trips.gains_units, trips.losses_units),
        round_trip_mean_quote=amount_of(earned // trips.count if trips.count else 0),
        round_trip_mean_hours=_ratio(trips.held_ns, trips.count * HOUR_NS),
    )


def buy_and_hold_path(
    open_ticks: int, end_ns: Ints, close_ticks: Ints, candle_ns: int
) -> EquityPath:
    """The course of one base bought at the first open and never sold, without any fee.

    Its rates are those of any amount: prices are counts of price increments here, not of cash.
    """
    return equity_path(open_ticks, end_ns, close_ticks, candle_ns)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
