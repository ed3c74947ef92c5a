"""The reversion, against pandas' means and deviations and against hand-made prices."""

import math

import pandas as pd
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.strategies.mean_reversion import STRATEGY
from tests.strategies.markets import a_market, closes_at, targets


@pytest.mark.parametrize(("span", "entry", "leave"), [(20, 1.5, 0.5), (50, 2.0, 0.0)])
def test_the_target_follows_the_distance_that_pandas_gives(
    span: int, entry: float, leave: float
) -> None:
    candles = a_market(1_500, seed=5)
    close = pd.Series([float(candle.close) for candle in candles])
    distance = (close - close.rolling(span).mean()) / close.rolling(span).std()
    twin, target = [], 0.0
    for z in distance[span - 1 :]:
        if (target > 0 and z >= -leave) or (target < 0 and z <= leave):
            target = 0.0
        target = 1.0 if z <= -entry else -1.0 if z >= entry else target
        twin.append(target)

    wanted = targets(STRATEGY, {"span": span, "entry": entry, "exit": leave}, candles)

    assert all(math.isnan(target) for target in wanted[: span - 1])
    assert wanted[span - 1 :] == twin
    assert set(twin) == {-1.0, 0.0, 1.0}


def test_a_price_that_stands_still_changes_nothing() -> None:
    params: dict[str, float] = {"span": 3, "entry": 1, "exit": 0.5}

    flat = targets(STRATEGY, params, closes_at(100.1, 100.1, 100.1, 100.1))
    fallen = targets(STRATEGY, params, closes_at(100.1, 100.1, 90.1, 90.1, 90.1, 90.1))

    assert flat[2:] == [0.0, 0.0]
    assert fallen[2:] == [1.0, 1.0, 1.0, 1.0]


def test_an_exit_farther_out_than_the_entry_is_refused() -> None:
    with pytest.raises(UsageError, match=r"exit = 3 must be below entry = 2\.5"):
        STRATEGY.values({"exit": 3})
