# mypy: disable-error-code="no-untyped-def"
"""Compiled code that goes on where Python stops is refused where it is written."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.rolling import rolling_mean
from gpt_trader.signals.leaks import trial_candles
from gpt_trader.strategies.twins import check_twin
from gpt_trader.strategies.user import strategy


def unset(candles, t, p):
    if candles.close[t] > candles.open[t]:
        x = 1.0
    return x


def unset_for_long(candles, t, p):
    """Only in the warm-up, where nobody looks at the target."""
    if candles.close[t] < candles.close[t - 5]:
        held = 0.0
    return held if t >= 0 else 1.0


def outside_a_tuple(candles, t, p):
    weights = (0.5, 0.25)
    total = 0.0
    for place in range(int(candles.close[t] - candles.open[t])):
        total += weights[place]
    return min(total, 1.0)


def with_numpys_sums(candles, t, p):
    """Compiled, its sum is made in another order; the last digit may differ."""
    if t < p.span:
        return 0.0
    moves = candles.close[t - p.span + 1 : t + 1] / candles.close[t - p.span : t]
    return min(moves.std() * np.exp(moves.mean()), 1.0)


@pytest.mark.parametrize("function", [unset, unset_for_long])
def test_a_variable_that_is_not_set_is_refused_with_the_candle(function: Callable[..., float]):
    with pytest.raises(UsageError, match=r"at candle \d+ Python stops with UnboundLocalError: .*"):
        strategy(span=10)(function)


def test_a_place_outside_a_tuple_is_refused() -> None:
    with pytest.raises((UsageError, IndexError)):
        strategy(span=10)(outside_a_tuple)


def test_the_last_digit_of_a_sum_is_no_difference() -> None:
    assert strategy(span=30, warmup=31)(with_numpys_sums).name == "with_numpys_sums"


def test_another_target_is_refused_with_both() -> None:
    @strategy(span=20, state={"ring": 25})
    def smoothed(candles, t, p, s):
        return 1.0 if candles.close[t] > rolling_mean(candles.close[t], p.span, s.ring) else 0.0

    never = replace(smoothed, step=lambda candles, t, p, s: 0.0)

    with pytest.raises(UsageError, match=r"candle \d+ compiled code wants 0 and Python 1: write"):
        check_twin(never, smoothed.step, trial_candles(500))
