"""One strategy on one product: the fold of its step, and the same after a restart."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.signal import Signal
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import strategy_named, strategy_names
from tests.builders import a_product
from tests.strategies.markets import a_market, targets

CHOSEN: dict[str, dict[str, float]] = {
    "ma_crossover": {"fast": 5, "slow": 20},
    "breakout": {"entry": 20, "exit": 10, "atr_span": 10, "stop_ranges": 2},
    "mean_reversion": {"span": 20, "entry": 1.5},
    "dev_life": {"entry_after": 30, "exit_after": 90},
}
CANDLES = a_market(400)


def signal_of(strategy: Strategy, params: dict[str, float]) -> Signal:
    return Signal(strategy, params, a_product(), 60)


def a_signal(name: str = "ma_crossover") -> Signal:
    return signal_of(strategy_named(name), CHOSEN[name])


def volume_step(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """A user's faulty strategy: the volume, of which one lot is 1e-8, is no exposure."""
    return float(candles.volume[t]) / 1e8


MINE = replace(strategy_named("dev_life"), name="mine", step=volume_step, compiled=False)


@pytest.mark.parametrize("name", strategy_names())
def test_a_signal_is_the_fold_of_its_strategys_step(name: str) -> None:
    signal = a_signal(name)
    wanted = []

    for candle in CANDLES:
        signal.update(candle)
        wanted.append(signal.target)

    np.testing.assert_array_equal(wanted, targets(strategy_named(name), CHOSEN[name], CANDLES))


@pytest.mark.parametrize("cut", [0, 7, 19, 20, 60, 110, 150])
@pytest.mark.parametrize("name", strategy_names())
def test_a_thawed_signal_goes_on_to_the_bit(name: str, cut: int) -> None:
    before, after = a_signal(name), a_signal(name)
    for candle in CANDLES[:cut]:
        before.update(candle)

    after.thaw(before.freeze())

    assert after.freeze() == before.freeze()
    for candle in CANDLES[cut:]:
        before.update(candle)
        after.update(candle)
        np.testing.assert_equal(after.target, before.target)
    assert after.freeze() == before.freeze()


def test_a_new_signal_wants_nothing_and_says_so() -> None:
    signal = a_signal()

    assert math.isnan(signal.target)
    assert not signal.warm


def test_a_signal_is_warm_with_the_last_candle_of_its_warm_up() -> None:
    signal = a_signal()
    warm = []

    for candle in CANDLES[: signal.warmup]:
        signal.update(candle)
        warm.append(signal.warm)

    assert signal.warmup == 20
    assert warm == [False] * 19 + [True]


def test_two_signals_of_one_strategy_share_no_state() -> None:
    one, other = a_signal(), a_signal()

    for candle in CANDLES:
        one.update(candle)

    assert not other.warm


@pytest.mark.parametrize("volume", ["1.0001", "-1.0001"])
def test_a_strategy_that_wants_more_than_everything_is_stopped(volume: str) -> None:
    signal = signal_of(MINE, {})

    with pytest.raises(UsageError, match="mine gave the target"):
        signal.update(replace(CANDLES[0], volume=Decimal(volume)))

    assert math.isnan(signal.target)


@pytest.mark.parametrize("edge", ["1", "-1", "0"])
def test_everything_and_nothing_are_exposures(edge: str) -> None:
    signal = signal_of(MINE, {})

    signal.update(replace(CANDLES[0], volume=Decimal(edge)))

    assert signal.target == float(edge)


@pytest.mark.parametrize(
    "stranger",
    [
        signal_of(strategy_named("ma_crossover"), {"fast": 6, "slow": 20}),
        signal_of(strategy_named("ma_crossover"), {"fast": 5, "slow": 20, "band_bps": 3}),
        signal_of(strategy_named("breakout"), {}),
        signal_of(
            replace(strategy_named("ma_crossover"), source_hash="edited"), CHOSEN["ma_crossover"]
        ),
        Signal(strategy_named("ma_crossover"), CHOSEN["ma_crossover"], a_product(), 300),
        Signal(
            strategy_named("ma_crossover"),
            CHOSEN["ma_crossover"],
            replace(a_product(), price_increment=Decimal("0.001")),
            60,
        ),
    ],
    ids=[
        "another span",
        "another band",
        "another strategy",
        "another source",
        "another width",
        "another increment",
    ],
)
def test_a_snapshot_of_another_signal_is_refused(stranger: Signal) -> None:
    signal = a_signal()

    with pytest.raises(StoreDamaged, match="another source or other parameters"):
        signal.thaw(stranger.freeze())


@pytest.mark.parametrize("lost", [1, 8, 100])
def test_a_snapshot_that_is_cut_short_is_refused_and_changes_nothing(lost: int) -> None:
    signal = a_signal()
    blob = signal.freeze()

    with pytest.raises(StoreDamaged, match="does not have its length"):
        signal.thaw(blob[:-lost])

    assert signal.freeze() == blob
