"""The scripted life: in at one candle, out at another."""

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.strategies.dev_life import STRATEGY
from tests.strategies.markets import closes_at, targets


def test_the_position_opens_and_closes_with_the_numbered_candles() -> None:
    wanted = targets(STRATEGY, {"entry_after": 2, "exit_after": 4}, closes_at(1, 2, 3, 4, 5))

    assert wanted == [0.0, 1.0, 1.0, 0.0, 0.0]


def test_a_life_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="entry_after = 5 must be below exit_after = 5"):
        STRATEGY.values({"entry_after": 5, "exit_after": 5})
