"""Every strategy: blind to the future, resumable to the bit, and it trades."""

import math
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.signals.signal import Signal
from gpt_trader.signals.volatility import YEAR_S, Volatility
from gpt_trader.strategies.registry import strategy_named, strategy_names
from tests.builders import MINUTE_NS, START_NS

NAMES = strategy_names()
CLOSE_AT = {
    "ma_crossover": {"fast": 5.0, "slow": 20.0},
    "breakout": {"entry": 20.0, "exit": 10.0, "atr_span": 10.0, "stop_atr": 4.0},
    "mean_reversion": {"span": 20.0, "entry_z": 1.5},
    "dev_life": {"entry_after": 30.0, "exit_after": 90.0},
}


def market(count: int, seed: int = 1) -> list[Candle]:
    dice = np.random.default_rng(seed)
    closes = 20_000 * np.exp(np.cumsum(dice.normal(0, 0.002, count)))
    spread = np.abs(dice.normal(0, 0.001, count)) * closes
    return [
        Candle(
            START_NS + i * MINUTE_NS,
            Decimal(f"{closes[i]:.2f}"),
            Decimal(f"{closes[i] + spread[i]:.2f}"),
            Decimal(f"{closes[i] - spread[i]:.2f}"),
            Decimal(f"{closes[i]:.2f}"),
            Decimal("1.5"),
        )
        for i in range(count)
    ]


def targets(name: str, candles: list[Candle]) -> list[float]:
    signal = Signal(strategy_named(name), CLOSE_AT[name])
    out = []
    for candle in candles:
        signal.update(candle)
        out.append(signal.target)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_no_target_depends_on_the_future(name: str) -> None:
    """Streaming over every prefix gives the same as streaming over the whole."""
    candles = market(160)

    whole = targets(name, candles)

    for end in range(1, len(candles)):
        np.testing.assert_array_equal(targets(name, candles[:end]), whole[:end])


@pytest.mark.parametrize("name", NAMES)
def test_a_thawed_signal_goes_on_to_the_bit(name: str) -> None:
    candles = market(200)
    whole = targets(name, candles)
    before = Signal(strategy_named(name), CLOSE_AT[name])
    for candle in candles[:70]:
        before.update(candle)

    after = Signal(strategy_named(name), CLOSE_AT[name])
    after.thaw(before.freeze())
    rest = []
    for candle in candles[70:]:
        after.update(candle)
        rest.append(after.target)

    np.testing.assert_array_equal(rest, whole[70:])
    assert after.warm


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_knows_nothing_before_its_warm_up_and_something_after(name: str) -> None:
    strategy = strategy_named(name)
    values = strategy.values(CLOSE_AT[name])
    warmup = strategy.warmup(values)

    out = targets(name, market(warmup + 5))

    assert all(math.isnan(target) for target in out[: warmup - 1])
    assert not any(math.isnan(target) for target in out[warmup - 1 :])


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_goes_in_and_out(name: str) -> None:
    out = [target for target in targets(name, market(600)) if not math.isnan(target)]

    assert set(out) == {0.0, 1.0}


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_within_their_bounds(name: str) -> None:
    strategy = strategy_named(name)

    values = strategy.values({})

    assert list(values) == [parameter.name for parameter in strategy.parameters]


def test_a_crossover_within_its_band_does_not_change_its_mind() -> None:
    wide = Signal(strategy_named("ma_crossover"), {"fast": 5, "slow": 20, "band_bps": 1_000})

    for candle in market(300):
        wide.update(candle)

    assert wide.target == 0.0


def test_a_misspelt_parameter_is_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean slow"):
        strategy_named("ma_crossover").values({"slwo": 3})


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, 1e9])
def test_a_parameter_outside_its_bounds_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="must be from"):
        strategy_named("ma_crossover").values({"slow": value})


def test_values_that_clash_are_refused() -> None:
    """A fast average longer than the slow one would never be known, and never trade."""
    with pytest.raises(UsageError, match="fast must be below slow"):
        strategy_named("ma_crossover").values({"fast": 200, "slow": 100})


def test_half_a_candle_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number"):
        strategy_named("breakout").values({"entry": 20.5})


def test_an_unknown_strategy_is_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match="did you mean breakout"):
        strategy_named("brakeout")


def test_volatility_is_the_deviation_of_a_year_of_log_returns() -> None:
    candles = market(80)
    volatility = Volatility(30, 60)

    for candle in candles:
        volatility.update(float(candle.close))

    closes = np.array([float(candle.close) for candle in candles])
    expected = np.diff(np.log(closes))[-30:].std(ddof=1) * math.sqrt(YEAR_S / 60)
    assert volatility.value == pytest.approx(expected, rel=1e-12)


def test_a_thawed_volatility_goes_on_to_the_bit() -> None:
    candles, one, two = market(80), Volatility(30, 60), Volatility(30, 60)
    for candle in candles[:40]:
        one.update(float(candle.close))

    two.thaw(one.freeze())
    for candle in candles[40:]:
        one.update(float(candle.close))
        two.update(float(candle.close))

    assert one.value == two.value
