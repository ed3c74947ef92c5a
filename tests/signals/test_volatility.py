"""Annualised volatility, against NumPy, and the same after a restart."""

import math

import numpy as np
import pytest

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.signals.volatility import YEAR_S, Volatility

CLOSES = (20_000 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.002, 80)))).tolist()


@pytest.mark.parametrize(("span", "candle_s"), [(2, 60), (30, 60), (30, 86_400)])
def test_it_is_the_deviation_of_log_returns_counted_up_to_a_year(span: int, candle_s: int) -> None:
    volatility = Volatility(span, candle_s)

    for close in CLOSES:
        volatility.update(close)

    returns = np.diff(np.log(CLOSES))[-span:]
    expected = returns.std(ddof=1) * math.sqrt(YEAR_S / candle_s)
    assert volatility.value == pytest.approx(expected, rel=1e-9)


def test_it_is_known_from_the_last_close_of_its_warm_up_on() -> None:
    volatility = Volatility(30, 60)
    known = []

    for close in CLOSES[: volatility.warmup]:
        volatility.update(close)
        known.append(not math.isnan(volatility.value))

    assert volatility.warmup == 31
    assert known == [False] * 30 + [True]


def test_a_price_that_stands_still_has_none() -> None:
    volatility = Volatility(5, 60)

    for _ in range(10):
        volatility.update(100.1)

    assert volatility.value == 0.0


@pytest.mark.parametrize("bad", [math.nan, 0.0, -1.0])
def test_a_close_that_is_no_price_is_seen_until_its_returns_have_left(bad: float) -> None:
    volatility = Volatility(5, 60)
    closes = [*CLOSES[:20], bad, *CLOSES[20:40]]
    known = []

    for close in closes:
        volatility.update(close)
        known.append(not math.isnan(volatility.value))

    assert known == [False] * 5 + [True] * 15 + [False] * 6 + [True] * 15


@pytest.mark.parametrize("cut", [0, 1, 20, 40])
def test_a_thawed_volatility_goes_on_to_the_bit(cut: int) -> None:
    before, after = Volatility(30, 60), Volatility(30, 60)
    for close in CLOSES[:cut]:
        before.update(close)

    after.thaw(before.freeze())

    for close in CLOSES[cut:]:
        before.update(close)
        after.update(close)
    assert after.freeze() == before.freeze()


def test_a_snapshot_of_another_span_is_refused() -> None:
    with pytest.raises(StoreDamaged, match="other parameters"):
        Volatility(30, 60).thaw(Volatility(31, 60).freeze())


@pytest.mark.parametrize(("span", "candle_s"), [(1, 60), (0, 60), (30, 0)])
def test_a_span_without_a_deviation_is_refused(span: int, candle_s: int) -> None:
    with pytest.raises(UsageError, match="span of at least 2 candles of at least 1 second"):
        Volatility(span, candle_s)
