"""The crossover, against pandas and against hand-made prices."""

import math

import numpy as np
import pandas as pd
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.strategies.ma_crossover import STRATEGY
from tests.strategies.markets import a_market, closes_at, targets


@pytest.mark.parametrize("band_bps", [0.0, 5.0, 40.0])
def test_the_target_is_the_side_of_the_last_lead_beyond_the_band(band_bps: float) -> None:
    candles = a_market(1_500, seed=3)
    close = pd.Series([float(candle.close) for candle in candles])
    slow = close.rolling(50).mean()
    lead = (close.rolling(8).mean() - slow) / slow * 1e4
    side = pd.Series(np.where(lead > band_bps, 1.0, np.where(lead < -band_bps, -1.0, np.nan)))
    twin = side.ffill().fillna(0.0).where(slow.notna())

    wanted = targets(STRATEGY, {"fast": 8, "slow": 50, "band_bps": band_bps}, candles)

    assert len(set(wanted[49:])) > 1
    np.testing.assert_array_equal(wanted, twin)


def test_within_the_band_the_target_stays_what_it_was() -> None:
    """Fast mean of 1, slow of 2, band of 1 %: the lead is half of each step of price."""
    params: dict[str, float] = {"fast": 1, "slow": 2, "band_bps": 100}

    wanted = targets(STRATEGY, params, closes_at(100, 101, 104, 104, 103, 95, 95))

    assert math.isnan(wanted[0])
    assert wanted[1:] == [0.0, 1.0, 1.0, 1.0, -1.0, -1.0]


def test_a_lead_of_exactly_the_band_does_not_count() -> None:
    params: dict[str, float] = {"fast": 1, "slow": 2, "band_bps": 0}

    wanted = targets(STRATEGY, params, closes_at(100, 100, 100))

    assert wanted[1:] == [0.0, 0.0]


@pytest.mark.parametrize("fast", [100, 200])
def test_a_fast_mean_that_is_not_faster_is_refused(fast: int) -> None:
    with pytest.raises(UsageError, match=f"fast = {fast} must be below slow = 100"):
        STRATEGY.values({"fast": fast})
