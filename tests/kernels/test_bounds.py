"""Compiled code does not check indices; here everything runs once with the checks on."""

from tests.kernels.checked import checked_lines

CHECKED_RUN = """
import numpy as np

from gpt_trader.kernels import showing
from gpt_trader.kernels.compile import compile_aside, compile_lean, compile_step
from gpt_trader.strategies.registry import strategy_named, strategy_names
from tests.kernels.references import REFERENCES, memories, parameters
from tests.kernels.tapes import a_tape


def beyond_the_end(state):
    return state[3]


for compiled in (compile_step, compile_lean, compile_aside):
    try:
        compiled(beyond_the_end)(np.zeros(3))
    except IndexError:
        print("checks are on")
candles, out = a_tape(300), np.empty(300)


def fold(step, p, warmup, new_state):
    run = showing.compiled_fold(step)
    run(candles, showing.whole(candles), p, new_state(), out)
    run(candles, showing.live(candles, warmup, 2.0**45), p, new_state(), out)


for row in REFERENCES:
    for span in (row.span_min, 2, 3, 50):
        fold(row.step, parameters(span), span + row.behind, lambda: memories(span))
for name in strategy_names():
    strategy = strategy_named(name)
    smallest = {p.name: p.minimum for p in strategy.parameters if p.whole}
    for params in ({}, smallest):
        values = strategy.values(params)
        p, warmup = strategy.record(values), strategy.warmup(values)
        fold(strategy.step, p, warmup, lambda: strategy.state(values))
print("no index was out of bounds")
"""


def test_no_kernel_and_no_strategy_leaves_its_arrays() -> None:
    lines = checked_lines(CHECKED_RUN)

    said = [*["checks are on"] * 3, "no index was out of bounds"]
    assert lines == said
