"""The table of figures: its units, its second half, and what it says without a trade."""

import math
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.backtesting.equity_path import EquityPath, equity_metrics, equity_path
from gpt_trader.backtesting.metrics import Activity, buy_and_hold_path, metrics
from gpt_trader.backtesting.round_trips import TripTotals
from gpt_trader.kernels.statistics import DAY_NS

HOUR_NS = 3_600_000_000_000
NO_TRIPS = TripTotals(count=0, wins=0, gains_units=0, losses_units=0, held_ns=0)


def a_path() -> EquityPath:
    """A year at 100,000 quote on average, up by a tenth."""
    equities = np.linspace(95_000, 105_000, 365).round().astype(np.int64) * 10**8
    return equity_path(95_000 * 10**8, (np.arange(365) + 1) * DAY_NS, equities, DAY_NS)


def some_activity(trips: TripTotals) -> Activity:
    return Activity(
        orders=9,
        fills=8,
        notional_units=400_000 * 10**8,
        fees_units=12_345_678_901,
        candles=365,
        exposed_candles=73,
        trips=trips,
    )


def test_figures_of_the_trading_by_hand() -> None:
    trips = TripTotals(
        count=4, wins=3, gains_units=900 * 10**8, losses_units=300 * 10**8, held_ns=8 * HOUR_NS
    )

    found = metrics(a_path(), some_activity(trips), a_path()).trading

    assert found.equity_end_quote == Decimal("105000")
    assert found.fees_quote == Decimal("123.45678901")
    assert found.turnover_per_year == pytest.approx(4.0)
    assert found.exposure_rate == 0.2
    assert (found.round_trips, found.win_rate, found.profit_factor) == (4, 0.75, 3.0)
    assert found.round_trip_mean_quote == Decimal("150")
    assert found.round_trip_mean_hours == 2.0


def test_without_a_round_trip_the_odds_are_unknown_and_not_zero() -> None:
    found = metrics(a_path(), some_activity(NO_TRIPS), a_path()).trading

    assert math.isnan(found.win_rate)
    assert math.isnan(found.profit_factor)
    assert math.isnan(found.round_trip_mean_hours)
    assert found.round_trip_mean_quote == 0


def test_every_figure_of_the_equity_has_buy_and_hold_beside_it() -> None:
    path, closes = a_path(), np.array([100, 90, 130])
    held = buy_and_hold_path(80, (np.arange(3) + 1) * DAY_NS, closes, DAY_NS)

    stats = metrics(path, some_activity(NO_TRIPS), held).stats()

    assert stats["buy_and_hold_return_rate"] == 130 / 80 - 1
    assert stats["buy_and_hold_max_drawdown_rate"] == 0.1
    own = {name for name in stats if f"buy_and_hold_{name}" in stats}
    assert own == {name for name in stats if name in equity_metrics(path).__slots__}
    assert stats["return_rate"] == equity_metrics(path).return_rate
