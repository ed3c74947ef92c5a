"""The ways of the compiled backtest: plain and full rounds, blocks, plain Python, both speeds."""

import math
import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.backtesting import fused
from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.fused import Arena, Run, result_of
from gpt_trader.backtesting.setup import AT_CLOSE, FeeTier, Setup
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.account import INTENTS_FROM, NOW_NS
from gpt_trader.kernels.averages import sma
from gpt_trader.research.samples import sample
from gpt_trader.risk.limits import Limits
from gpt_trader.strategies.user import strategy, whole
from tests.backtesting.plays import a_setup, a_tape
from tests.tier import scaled

TAKER = Decimal("0.001")
ONE_TIER = (FeeTier(Decimal(0), TAKER, TAKER),)
TWO_TIERS = (*ONE_TIER, FeeTier(Decimal(10) ** 9, TAKER, TAKER))
"""The same fees, but a setup that no short way is made for."""


def whole_tape(seed: int) -> CandleTape:
    """Candles without a gap."""
    frame = sample("BTC-USD", candles=900, seed=seed)
    whole_rows = frame.asfreq("1min").ffill().dropna()
    tape = load(whole_rows, "BTC-USD", 60)
    assert isinstance(tape, CandleTape)
    return tape


@strategy(span=20)
def silent(candles, t, p):  # type: ignore[no-untyped-def]
    """What it says before its warm-up is over is not looked at: the mean is not known yet."""
    if math.isnan(sma(candles, t, p.span)):
        return 5.0
    return 1.0 if candles.close[t] > sma(candles, t, p.span) else 0.0


@pytest.mark.parametrize("compiled", [True, False])
def test_a_target_within_the_warm_up_is_not_looked_at(compiled: bool) -> None:
    tape = whole_tape(1).part(0, 120)
    made = silent if compiled else replace(silent, compiled=False)

    quick = backtest(tape, made, market=AT_CLOSE, fees=0.001)
    slow = backtest(tape, made, market=AT_CLOSE, fees=0.001, speed="engine")

    assert result_of(quick.run) == result_of(slow.run)
    assert quick.run.orders.size > 0


def at_close(seed: int, tiers: tuple[FeeTier, ...]) -> Setup:
    """A random setup at the close whose orders fill at once."""
    dice = random.Random(seed)
    sizing = {
        "size_fraction": dice.choice([0.1, 0.5, 0.9]),
        "patience_candles": 0.0,
        "rebalance_rate": dice.choice([0.0, 0.01, 0.25, 10.0]),
        "stop_rate": dice.choice([0.0, 0.002, 0.02]),
        "market_orders": dice.choice([0.0, 1.0]),
    }
    limits = {
        "order_notional_max": Decimal(dice.choice([5_000, 25_000, 1_000_000])),
        "position_rate_max": Decimal(dice.choice(["0.25", "10"])),
        "daily_loss_rate_max": Decimal(dice.choice(["0.005", "1"])),
        "drawdown_rate_max": Decimal(dice.choice(["0.01", "1"])),
    }
    return a_setup(
        {"fast": dice.randrange(2, 6), "slow": dice.randrange(7, 30), "band_bps": 0.0},
        sizing=sizing_of(sizing),
        limits=Limits.from_mapping(limits),
        fee_tiers=tiers,
        market=AT_CLOSE,
    )


def run(setup: Setup, tape: CandleTape) -> Run:
    course = course_of([tape], setup.market, setup.sizing)
    return Arena(course, setup, with_orders=True, with_equity=True).run_setup()


@pytest.mark.parametrize("seed", range(scaled(400)))
def test_plain_rounds_are_full_rounds_in_fewer_steps(seed: int) -> None:
    tape = whole_tape(seed)

    short = run(at_close(seed, ONE_TIER), tape)
    full = run(at_close(seed, TWO_TIERS), tape)

    assert result_of(short) == result_of(full)
    np.testing.assert_array_equal(short.equity, full.equity)
    np.testing.assert_array_equal(short.days, full.days)
    np.testing.assert_array_equal(short.orders, full.orders)
    for places in (range(NOW_NS), range(NOW_NS + 1, INTENTS_FROM)):  # the clock alone may differ
        assert short.session[places].tolist() == full.session[places].tolist()


def test_the_size_of_a_block_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tape, setup = whole_tape(1), a_setup()
    at_once = result_of(run(setup, tape))

    monkeypatch.setattr(fused, "BLOCK", 37)

    assert result_of(run(setup, tape)) == at_once


def test_a_strategy_in_plain_python_makes_the_same_orders() -> None:
    def crossover(candles, t, p):  # type: ignore[no-untyped-def]
        return 1.0 if sma(candles, t, p.fast) > sma(candles, t, p.slow) else 0.0

    compiled = strategy(fast=whole(3, 2, 50), slow=whole(9, 3, 200))(crossover)
    plain = strategy(fast=whole(3, 2, 50), slow=whole(9, 3, 200), compiled=False)(crossover)
    tape = a_tape(rows=400)

    results = [backtest(tape, each) for each in (compiled, plain)]

    assert result_of(results[0].run) == result_of(results[1].run)
    assert len(results[0].run.orders) > 10


def test_tables_grow_with_the_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    tape, setup = a_tape(rows=400), a_setup()
    roomy = result_of(run(setup, tape))

    monkeypatch.setattr(fused, "ROWS", 64)

    assert result_of(run(setup, tape)) == roomy


def test_both_speeds_give_the_same_result() -> None:
    tape = a_tape(rows=300)

    fast, slow = (
        backtest(tape, "ma_crossover", speed=s, params={"fast": 3, "slow": 9})
        for s in ("fused", "engine")
    )

    assert result_of(fast.run) == result_of(slow.run)
    assert repr(fast.stats) == repr(slow.stats)
    np.testing.assert_array_equal(fast.equity_units, slow.equity_units)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"market": "mid"}, "market = 'mid'"),
        ({"sizing": {"size": 1}}, "size"),
        ({"limits": {"order_max": 1}}, "order_max"),
        ({"fees": 2.0}, "fees = 2.0"),
        ({"cash": 0}, "cash = 0"),
        ({"latency": -1}, "latency = -1"),
        ({"params": {"fats": 3}}, "fats"),
        ({"params": {"fast": 0}}, "fast"),
        ({"colour": 1}, "no option colour"),
        ({"speed": "quick"}, "speed = 'quick'"),
    ],
)
def test_a_wrong_choice_is_named(choices: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        backtest(a_tape(rows=50), "ma_crossover", **choices)  # type: ignore[arg-type]


def test_closes_alone_are_refused_by_the_market_of_the_exchange() -> None:
    closes = sample("BTC-USD", candles=50)["close"]

    with pytest.raises(UsageError, match="needs open, high, low and volume"):
        backtest(closes, "ma_crossover", product="BTC-USD", candle_s=60)
