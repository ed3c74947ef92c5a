"""Growth and risk of one course, by hand, by pandas, and where they are not known."""

import math
from dataclasses import asdict, astuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.equity_path import (
    OF_A_YEAR,
    equity_metrics,
    equity_path,
    known_metrics,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.statistics import DAY_NS

HOUR_NS = 3_600_000_000_000


def test_a_course_by_hand() -> None:
    """Two years of one candle a day: up a tenth, down a fifth, and then nothing."""
    equities = np.full(730, 880, np.int64)
    equities[0] = 1_100
    ends = (np.arange(730) + 1) * DAY_NS

    found = equity_metrics(equity_path(1_000, ends, equities, DAY_NS))

    assert found.return_rate == pytest.approx(-0.12)
    assert found.return_per_year_rate == pytest.approx(math.sqrt(0.88) - 1)
    assert found.max_drawdown_rate == 0.2
    assert found.calmar == pytest.approx((math.sqrt(0.88) - 1) / 0.2)
    assert found.under_water_days == 729
    mean, downside = (0.1 - 0.2) / 730, 0.2 / math.sqrt(730)
    assert found.sortino_daily == pytest.approx(mean / downside * math.sqrt(365))
    assert found.sharpe_daily < 0.0


@given(st.lists(st.integers(900, 1_100), min_size=30, max_size=300), st.integers(0, 23))
def test_hourly_equity_is_judged_by_its_days_as_pandas_makes_them(
    equities: list[int], begin: int
) -> None:
    ends = (begin + 1 + np.arange(len(equities))) * HOUR_NS
    course = np.array(equities, np.int64) * 10**9

    found = equity_metrics(equity_path(10**12, ends, course, HOUR_NS))

    series = pd.Series(course / 1e12, pd.to_datetime(ends - 1))
    days = pd.concat([pd.Series([1.0]), series.resample("1D").last()])
    daily = days.pct_change().dropna()
    deepest = (1.0 - series / series.cummax().clip(lower=1.0)).max()
    if daily.std() > 1e-9:
        sharpe = daily.mean() / daily.std() * math.sqrt(365)
        assert found.sharpe_daily == pytest.approx(sharpe, rel=1e-9, abs=1e-9)
        assert found.volatility_per_year_rate == pytest.approx(daily.std() * math.sqrt(365))
        assert found.skew_daily == pytest.approx(
            ((daily - daily.mean()) ** 3).mean() / daily.std(ddof=0) ** 3, rel=1e-6, abs=1e-6
        )
    assert found.max_drawdown_rate == pytest.approx(deepest, abs=1e-12)


def test_candles_wider_than_a_day_are_each_a_period() -> None:
    week = 7 * DAY_NS
    ends = (np.arange(20) + 1) * week
    equities = np.round(1e6 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.02, 20)))

    path = equity_path(10**6, ends, equities.astype(np.int64), week)

    weekly = pd.Series([1e6, *equities]).pct_change().dropna()
    assert path.periods_per_year == pytest.approx(365 / 7)
    assert equity_metrics(path).sharpe_daily == pytest.approx(
        weekly.mean() / weekly.std() * math.sqrt(365 / 7), rel=1e-6
    )


def test_a_flat_course_has_no_ratio_and_no_fall() -> None:
    ends = (np.arange(5) + 1) * DAY_NS

    found = equity_metrics(equity_path(1_000, ends, np.full(5, 1_000), DAY_NS))

    assert (found.return_rate, found.max_drawdown_rate, found.under_water_days) == (0.0, 0.0, 0.0)
    assert math.isnan(found.sharpe_daily)
    assert math.isnan(found.sortino_daily)
    assert math.isnan(found.calmar)


def test_no_figure_is_infinite_when_luck_is_raised_to_a_year_or_all_is_lost() -> None:
    ends = np.array([60_000_000_000])

    doubled = equity_metrics(equity_path(1_000, ends, np.array([2_000]), 60_000_000_000))
    lost = equity_metrics(equity_path(1_000, ends, np.array([0]), 60_000_000_000))

    assert math.isnan(doubled.return_per_year_rate)
    assert lost.return_per_year_rate == -1.0
    assert not any(math.isinf(figure) for figure in astuple(doubled) + astuple(lost))


def test_fewer_than_thirty_days_say_nothing_for_a_year() -> None:
    """Two days up by a hundredth and two hundredths: a Sharpe ratio of 40, and luck."""
    for days in (29, 30):
        equities = 10_000 + np.arange(days) % 3 * 100

        found = known_metrics(equity_path(9_900, (np.arange(days) + 1) * DAY_NS, equities, DAY_NS))

        unknown = [name for name, value in asdict(found).items() if math.isnan(value)]
        assert unknown == (list(OF_A_YEAR) if days == 29 else [])
        assert found.return_rate != 0.0 and found.max_drawdown_rate > 0.0


def test_a_gain_without_a_loss_is_more_than_any_ratio() -> None:
    ends = (np.arange(40) + 1) * DAY_NS

    risen = known_metrics(equity_path(1_000, ends, 1_000 + np.arange(40) // 2, DAY_NS))

    assert (risen.sortino_daily, risen.calmar) == (math.inf, math.inf)


@pytest.mark.parametrize(
    ("start", "ends", "equities", "word"),
    [
        (1_000, [], [], "0 equities"),
        (1_000, [1, 2], [5], "1 equities at 2 times"),
        (0, [1], [5], "cannot grow"),
    ],
)
def test_no_course_is_refused(start: int, ends: list[int], equities: list[int], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        equity_path(start, np.array(ends, np.int64), np.array(equities, np.int64), DAY_NS)
