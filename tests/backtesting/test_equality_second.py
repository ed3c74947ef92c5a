"""Compiled backtests equal the engine's own to the last unit: random cases, second part."""

from tests.backtesting.equality import CASES, differing, said, too_rare
from tests.printing import Said


def test_compiled_runs_equal_engine_runs_to_the_last_unit(say: Said) -> None:
    found, happened = differing(range(1 * CASES, 2 * CASES))
    say(f"fused = engine: {said(happened)}")

    assert found == {}
    assert too_rare(happened) == {}
