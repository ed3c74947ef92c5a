"""Compiled code does not check indices; here everything runs once with the checks on."""

import os
import subprocess
import sys

CHECKED_RUN = """
import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.strategies.registry import strategy_named, strategy_names
from tests.kernels.references import REFERENCES
from tests.kernels.test_series import a_walk


@compile_step
def beyond_the_end(state):
    return state[3]


try:
    beyond_the_end(np.zeros(3))
except IndexError:
    print("checks are on")
candles = a_walk(300, seed=1)
for row in REFERENCES:
    for span in (row.span_min, 2, 3, 50):
        row.series(candles, span, row.state(span))
for name in strategy_names():
    strategy = strategy_named(name)
    smallest = {p.name: p.minimum for p in strategy.parameters if p.whole}
    for params in ({}, smallest):
        values = strategy.values(params)
        state = np.zeros(strategy.state_size(values))
        for high, low, close in candles.T.tolist():
            strategy.step(state, strategy.vector(values), close, high, low, close, 1.0)
print("no index was out of bounds")
"""


def test_no_kernel_and_no_strategy_leaves_its_state() -> None:
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1"}

    run = subprocess.run(
        [sys.executable, "-c", CHECKED_RUN],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.splitlines() == ["checks are on", "no index was out of bounds"], run.stderr
