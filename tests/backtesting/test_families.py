"""A recognised strategy gives the targets of its step, bit for bit; what is no machine is none."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gpt_trader.backtesting.blocks import machine_targets
from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.families import RAISES, recognise
from gpt_trader.backtesting.layout import lay_out
from gpt_trader.backtesting.sweep_following import targets_agree
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.kernels.channels import rolling_std
from gpt_trader.kernels.sweeping import BLOCK
from gpt_trader.kernels.targets import WELL, target_fold
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import strategy_named
from tests.backtesting import rules
from tests.backtesting.tapes import drawn, walk
from tests.tier import scaled

FAMILIES = rules.families()
LENGTHS = (1, 2, 63, 64, 65, 700, BLOCK - 1, BLOCK + 1, 2 * BLOCK + 100)


def stepped(strategy: Strategy, chosen: Chosen, place: int, length: int, seed: int) -> Floats:
    values, tape = chosen.values(place), walk(length, seed)
    out = np.empty(length)
    fold = target_fold(strategy.step)
    p, s = strategy.record(values), strategy.state(values)
    assert fold(tape.candles, p, s, 1, 0, length, out) == WELL
    return out


@pytest.mark.parametrize("strategy", FAMILIES, ids=lambda strategy: strategy.name)
def test_a_recognised_strategy_gives_the_targets_of_its_step(strategy: Strategy) -> None:
    machine = recognise(strategy)
    assert machine is not None
    seen = set()

    for seed in range(scaled(30)):
        chosen = drawn(strategy, 6, seed)
        length = LENGTHS[seed % len(LENGTHS)] if seed else LENGTHS[-1]
        for place in range(len(chosen)):
            layout = lay_out(machine, chosen.columns)
            got = machine_targets(layout, walk(length, seed).candles, place, length)
            expected = stepped(strategy, chosen, place, length, seed)
            assert got.tobytes() == expected.tobytes() or np.array_equal(
                got, expected, equal_nan=True
            ), (seed, chosen.values(place))
            seen |= set(got[~np.isnan(got)].tolist())

    assert len(seen) > 1  # else nothing was compared


@pytest.mark.parametrize(
    ("function", "memories"), rules.OTHERS, ids=[each.__name__ for each, _ in rules.OTHERS]
)
def test_what_is_more_than_conditions_and_states_is_not_recognised(
    function: Callable[..., float], memories: tuple[str, ...]
) -> None:
    assert recognise(rules.unmade(function, *memories)) is None


def test_the_ready_strategies_with_states_of_their_own_are_recognised_or_left() -> None:
    found = {name: recognise(strategy_named(name)) is not None for name in
             ("ma_crossover", "mean_reversion", "breakout", "dev_life")}  # fmt: skip

    assert found == {
        "ma_crossover": True,
        "mean_reversion": True,
        "breakout": False,  # it remembers the price of its stop
        "dev_life": False,  # it counts candles
    }


def test_a_division_that_nothing_guards_becomes_a_state_that_raises() -> None:
    def unguarded(candles, t, p, s):  # type: ignore[no-untyped-def]
        far = candles.close[t] / rolling_std(candles, t, p.span, s.a)
        return 1.0 if far > 2.0 else 0.0

    machine = recognise(rules.unmade(unguarded, "a"))

    assert machine is not None
    assert {move.state for moves in machine.moves for move in moves} >= {RAISES}


def test_a_number_that_was_changed_since_the_step_was_compiled_is_noticed() -> None:
    strategy = rules.made(rules.cross_of_emas, (rules.FAST, rules.SLOW), "a", "b")
    chosen = drawn(strategy, 3, 1)
    course = course_of([walk(500, 1)], setup_of(strategy, Choices(market="close")).market, SIZING)
    before = recognise(strategy)
    targets_agree(before, strategy, chosen, course) if before else None
    rules.LEVEL = 0.75
    try:
        after = recognise(strategy)
    finally:
        rules.LEVEL = 0.25

    assert before is not None and targets_agree(before, strategy, chosen, course)
    assert after is not None and not targets_agree(after, strategy, chosen, course)


def test_another_text_than_the_compiled_one_is_not_recognised() -> None:
    strategy = rules.unmade(rules.asks_for_the_time)

    edited = replace(strategy, plain=_renamed(rules.cross, rules.cross_at_least))

    assert recognise(edited) is None


def _renamed(source: Callable[..., float], code: Callable[..., float]) -> Callable[..., float]:
    """A function whose source is found in another place than its code is from."""
    from types import FunctionType

    assert isinstance(code, FunctionType) and isinstance(source, FunctionType)
    moved = code.__code__.replace(
        co_firstlineno=source.__code__.co_firstlineno, co_name=source.__name__
    )
    return FunctionType(moved, code.__globals__, source.__name__)


SIZING = setup_of("ma_crossover", Choices(market="close")).sizing


def test_a_target_before_the_first_candle_is_not_known() -> None:
    machine = recognise(FAMILIES[0])

    assert machine is not None
    assert math.isnan(machine.targets[0])
