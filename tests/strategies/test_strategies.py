"""What every ready strategy promises: blind to the future, known when it says, and it trades."""

import math

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.strategies.registry import strategy_named, strategy_names
from tests.strategies.markets import a_market, a_tape, targets, three_weeks_of_minutes

SHORT: dict[str, dict[str, float]] = {
    "ma_crossover": {"fast": 5, "slow": 20},
    "breakout": {"entry": 20, "exit": 10, "atr_span": 30, "stop_ranges": 2},
    "mean_reversion": {"span": 20, "entry": 1.5},
    "dev_life": {"entry_after": 30, "exit_after": 90},
}
each_strategy = pytest.mark.parametrize("name", strategy_names())


@pytest.fixture(scope="module")
def three_weeks() -> list[Candle]:
    return three_weeks_of_minutes()


def changes(wanted: list[float]) -> int:
    return int((np.diff(wanted) != 0.0).sum())


@each_strategy
def test_no_target_depends_on_the_future(name: str) -> None:
    candles = a_market(160)

    whole = targets(strategy_named(name), SHORT[name], candles)

    for end in range(1, len(candles), 7):
        prefix = targets(strategy_named(name), SHORT[name], candles[:end])
        np.testing.assert_array_equal(prefix, whole[:end])


@each_strategy
@pytest.mark.parametrize("chosen", [{}, None], ids=["defaults", "short"])
def test_a_target_is_known_from_the_last_candle_of_the_warm_up_on(
    name: str, chosen: dict[str, float] | None
) -> None:
    strategy = strategy_named(name)
    params = SHORT[name] if chosen is None else chosen
    warmup = strategy.warmup(strategy.values(params))

    wanted = targets(strategy, params, a_market(warmup + 300))

    assert all(math.isnan(target) for target in wanted[: warmup - 1])
    assert not any(math.isnan(target) for target in wanted[warmup - 1 :])


@each_strategy
def test_a_strategy_goes_in_and_out_and_wants_no_more_than_everything(name: str) -> None:
    wanted = targets(strategy_named(name), SHORT[name], a_market(2_000))

    known = {target for target in wanted if not math.isnan(target)}
    assert known == ({0.0, 1.0} if name == "dev_life" else {-1.0, 0.0, 1.0})


@each_strategy
def test_a_strategy_keeps_to_its_own_memories(name: str) -> None:
    """Compiled code does not check indices: what lies beside a memory must stay as it was."""
    strategy = strategy_named(name)
    values = strategy.values(SHORT[name])
    fenced = [np.full(vector.size + 16, np.nan) for vector in strategy.state(values)]
    for vector in fenced:
        vector[8:-8] = 0.0
    s = type(strategy.state(values))(*(vector[8:-8] for vector in fenced))
    tape, p = a_tape(a_market(300)), strategy.record(values)

    for t in range(300):
        strategy.step(tape, t, p, s)

    for vector in fenced:
        assert np.isnan(vector[:8]).all()
        assert np.isnan(vector[-8:]).all()
        assert not np.isnan(vector[8:-8]).any()


@each_strategy
def test_the_defaults_are_allowed_and_documented(name: str) -> None:
    strategy = strategy_named(name)

    values = strategy.values({})

    assert strategy.name == name
    assert values == {parameter.name: parameter.default for parameter in strategy.parameters}
    assert all(parameter.doc for parameter in strategy.parameters)
    assert len(strategy.source_hash) == 64


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [("ma_crossover", 150, 500), ("breakout", 100, 1_000), ("mean_reversion", 100, 1_000)],
)
def test_the_defaults_trade_three_weeks_of_minutes_neither_never_nor_always(
    name: str, fewest: int, most: int, three_weeks: list[Candle]
) -> None:
    strategy = strategy_named(name)
    warmup = strategy.warmup(strategy.values({}))

    wanted = np.array(targets(strategy, {}, three_weeks)[warmup - 1 :])

    assert fewest <= changes(list(wanted)) <= most
    assert changes(list(wanted.clip(min=0.0))) >= fewest  # what spot sees of it


def test_no_two_strategies_share_a_source() -> None:
    hashes = {strategy_named(name).source_hash for name in strategy_names()}

    assert len(hashes) == len(strategy_names())


def test_the_default_strategy_stands_first() -> None:
    assert strategy_names()[0] == "ma_crossover"


def test_an_unknown_strategy_is_refused_with_the_near_one() -> None:
    with pytest.raises(UsageError, match=r"no strategy brakeout: did you mean breakout\?"):
        strategy_named("brakeout")


def test_a_strategy_unlike_any_is_refused_with_the_list() -> None:
    with pytest.raises(UsageError, match="there is ma_crossover, breakout, mean_reversion"):
        strategy_named("xyz")
