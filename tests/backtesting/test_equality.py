"""Compiled backtests equal the engine's own to the last unit: random cases, first part."""

import numpy as np

from gpt_trader.kernels import account
from tests.backtesting.cases import case
from tests.backtesting.equality import CASES, differing, fused, said, too_rare
from tests.printing import Said


def test_compiled_runs_equal_engine_runs_to_the_last_unit(say: Said) -> None:
    found, happened = differing(range(0 * CASES, 1 * CASES))
    say(f"fused = engine: {said(happened)}")

    assert found == {}
    assert too_rare(happened) == {}


def test_a_run_that_keeps_nothing_has_the_same_account() -> None:
    for number in range(40):
        drawn = case(number)

        bare, whole = fused(drawn, kept=False), fused(drawn)

        rows = [account.ORDER_ROWS, account.FILL_ROWS]
        assert np.array_equal(np.delete(bare.session, rows), np.delete(whole.session, rows))
        assert np.array_equal(bare.days, whole.days)
        assert bare.orders.size == bare.fills.size == bare.equity.size == 0
