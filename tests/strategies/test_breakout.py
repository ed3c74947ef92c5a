"""The breakout, against a plain retelling over lists and against hand-made prices."""

import math

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.strategies.breakout import STRATEGY
from tests.strategies.markets import a_market, closes_at, targets


def retold(entry: int, leave: int, span: int, ranges: float, candles: list[Candle]) -> list[float]:
    """The same rules over whole lists, without a state to go on from."""
    highs = [float(candle.high) for candle in candles]
    lows = [float(candle.low) for candle in candles]
    closes = [float(candle.close) for candle in candles]
    out, target, stop, mean_range = [], 0.0, 0.0, 0.0
    for t, close in enumerate(closes):
        before = closes[t - 1] if t else close
        widest = max(highs[t], before) - min(lows[t], before) if t else highs[0] - lows[0]
        mean_range += (widest - mean_range) / min(t + 1, span)
        if t < max(entry, leave, span - 1):
            out.append(math.nan)
            continue
        if target > 0 and (close < min(lows[t - leave : t]) or close <= stop):
            target = 0.0
        if target < 0 and (close > max(highs[t - leave : t]) or close >= stop):
            target = 0.0
        if target <= 0 and close > max(highs[t - entry : t]):
            target, stop = 1.0, close - ranges * mean_range
        elif target >= 0 and close < min(lows[t - entry : t]):
            target, stop = -1.0, close + ranges * mean_range
        out.append(target)
    return out


@pytest.mark.parametrize(
    ("entry", "leave", "span", "ranges"), [(20, 10, 14, 2.0), (5, 5, 30, 0.5), (30, 1, 1, 9.0)]
)
def test_the_target_follows_the_rules_as_retold(
    entry: int, leave: int, span: int, ranges: float
) -> None:
    candles = a_market(1_500, seed=4)
    params = {"entry": entry, "exit": leave, "atr_span": span, "stop_ranges": ranges}

    wanted = targets(STRATEGY, params, candles)

    warmup = STRATEGY.warmup(params)
    assert all(math.isnan(target) for target in wanted[: warmup - 1])
    assert wanted[warmup - 1 :] == retold(entry, leave, span, ranges, candles)[warmup - 1 :]
    assert set(wanted[warmup - 1 :]) == {-1.0, 0.0, 1.0}


def test_a_close_on_the_channel_is_no_breakout() -> None:
    """A candle's own high belongs to the next candle's channel, never to its own."""
    params: dict[str, float] = {"entry": 3, "exit": 2, "atr_span": 2, "stop_ranges": 50}

    wanted = targets(STRATEGY, params, closes_at(10, 12, 11, 12, 12.01, 12.02))

    assert wanted[3:] == [0.0, 1.0, 1.0]


def test_the_stop_ends_a_position_before_the_exit_channel_does() -> None:
    params: dict[str, float] = {"entry": 3, "exit": 3, "atr_span": 1, "stop_ranges": 1}
    rising = [10, 11, 12, 13, 15]  # in at 13: the range is 1, the stop at 12

    held = targets(STRATEGY, params, closes_at(*rising, 12.01))
    stopped = targets(STRATEGY, params, closes_at(*rising, 12))

    assert held[3:] == [1.0, 1.0, 1.0]
    assert stopped[3:] == [1.0, 1.0, 0.0]


def test_an_exit_slower_than_its_entry_is_refused() -> None:
    with pytest.raises(UsageError, match="exit = 60 must not be above entry = 20"):
        STRATEGY.values({"entry": 20})
