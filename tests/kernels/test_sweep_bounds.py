"""The kernels of a sweep, run once with every index checked: none leaves its arrays."""

from tests.kernels.checked import checked_lines

CHECKED_RUN = """
import numpy as np

from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.families import recognise
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.layout import lay_out
from gpt_trader.backtesting.sweep_following import Ground, Way, follow_chunk, step_chunk
from gpt_trader.backtesting.sweep_job import never
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.sweeping import BLOCK
from tests.backtesting import rules
from tests.backtesting.tapes import drawn, walk


def beyond_the_end(state):
    return state[3]


try:
    compile_lean(beyond_the_end)(np.zeros(3))
except IndexError:
    print("checks are on")
for number, strategy in enumerate(rules.families()):
    if number % 3:
        continue
    choices = Choices(market="close", fees=0.001, sizing={"patience_candles": 0})
    setup, machine = setup_of(strategy, choices), recognise(strategy)
    for length in (1, 64, BLOCK + 65):
        course = course_of([walk(length, number)], setup.market, setup.sizing)
        ground, chosen = Ground(course, setup), drawn(strategy, 9, number)
        warmups = np.array([strategy.warmup(chosen.values(place)) for place in range(9)])
        for wide in (True, False):
            layout = lay_out(machine, chosen.columns)
            follow_chunk(ground, layout, warmups, Way(wide, never))
            combinations = [chosen.values(place) for place in range(9)]
            step_chunk(ground, strategy, combinations, Way(wide, never))
print("no index was out of bounds")
"""


def test_no_kernel_of_a_sweep_leaves_its_arrays() -> None:
    lines = checked_lines(CHECKED_RUN)

    assert lines == ["checks are on", "no index was out of bounds"]
