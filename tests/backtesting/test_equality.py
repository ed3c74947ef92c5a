"""Compiled backtests equal the engine's own to the last unit: random cases, first part."""

from dataclasses import replace

import numpy as np
import pytest

from gpt_trader.domain.order import Side
from gpt_trader.kernels import account
from gpt_trader.risk.limits import Limits
from tests.backtesting.cases import Case, case, scripted
from tests.backtesting.equality import CASES, differing, differing_in, fused, said, too_rare
from tests.backtesting.plays import a_tape, by_hand, never
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


@pytest.mark.parametrize("number", [242, 273])
def test_a_stop_sells_though_the_strategy_no_longer_says_what_it_wants(number: int) -> None:
    drawn = case(number)
    sizing = {**drawn.setup.sizing, "stop_rate": 0.004, "market_orders": 0.0, "take_bps": 30.0}
    silent = replace(
        drawn.setup,
        strategy=scripted,
        values=scripted.values({"script": number, "hold": 5}),
        by_hand=(),
        sizing=sizing,
        limits=Limits.from_mapping({}),
    )

    words, run = differing_in(replace(drawn, setup=silent))

    assert words is None
    assert run is not None
    assert run.session[account.STOPS] > 0


def test_orders_by_hand_may_be_given_in_any_order() -> None:
    orders = by_hand(30), by_hand(12), by_hand(30, Side.SELL), by_hand(3)
    drawn = Case(never(by_hand=orders), (a_tape(rows=60),), 0)

    words, run = differing_in(drawn)

    assert words is None
    assert run is not None
    assert run.session[account.FILLS] >= len(orders)
