"""The plan of the next order stays within its vectors; what it says is in tests/broker."""

import numpy as np

from gpt_trader.kernels import execution
from tests.kernels.checked import checked_lines

CHECKED_RUN = """
import itertools

import numpy as np

from gpt_trader.kernels import execution
from gpt_trader.kernels.compile import compile_step


@compile_step
def beyond_the_end(out):
    return out[execution.PLAN]


try:
    beyond_the_end(np.zeros(execution.PLAN, np.int64))
except IndexError:
    print("checks are on")
situation, out = execution.situation_and_plan()
seen = set()
for target, held, spread, attempts, working, switch in itertools.product(
    (0, 100), (0, 100), (0, 10, 900), (0, 1), (0, 1), (0, 1)
):
    situation[:] = 1
    situation[execution.TARGET_LOTS], situation[execution.POSITION_LOTS] = target, held
    situation[execution.MARK] = 1000
    situation[execution.BID], situation[execution.ASK] = 1000 - spread, 1000 + spread
    situation[execution.ATTEMPTS], situation[execution.WORKING] = attempts, working
    situation[execution.PATIENCE_NS], situation[execution.BASE_MAX] = 60, 1000
    situation[execution.COLLAR_BPS] = 100
    situation[execution.MARKET_ORDERS] = situation[execution.GOOD_TILL] = switch
    situation[execution.STUCK] = switch
    execution.plan_step(situation, out)
    seen.add(int(out[execution.WHY]))
print(sorted(seen))
"""


def test_no_plan_is_written_outside_of_its_vector() -> None:
    lines = checked_lines(CHECKED_RUN)

    codes = [
        execution.NO_REASON,
        execution.MADE,
        execution.TAKEN,
        execution.TAKEN_AT_MARKET,
        execution.WAITS_AT_COLLAR,
        execution.PAST_DOUBT,
        execution.CHANGED_MIND,
    ]
    assert lines == ["checks are on", str(codes)]


def test_nothing_of_the_plan_before_is_left() -> None:
    situation, out = execution.situation_and_plan()
    out[:] = 7

    action = execution.plan_step(situation, out)

    assert action == execution.NOTHING
    np.testing.assert_array_equal(out, 0)


def test_a_price_that_is_worse_than_an_int64_holds_is_cut_at_the_collar() -> None:
    situation, out = execution.situation_and_plan()
    situation[execution.TARGET_LOTS] = 10
    situation[execution.BID : execution.MARK + 1] = 2**53
    situation[execution.TAKE_BPS] = 999_999_999
    situation[execution.COLLAR_BPS] = 100
    situation[execution.BASE_MAX] = 100
    situation[execution.NUM : execution.DEN + 1] = 1

    execution.plan_step(situation, out)

    assert out[execution.LIMIT_TICKS] == 2**53 * 10_100 // 10_000
