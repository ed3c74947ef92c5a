"""The exchange of a backtest runs with all indices checked, which compiled code does not do."""

from tests.kernels.checked import checked_lines

CHECKED_RUN = """
import random

import numpy as np

from gpt_trader.exchange.catalog import PRODUCTS
from gpt_trader.kernels.compile import compile_lean
from tests.kernels.floors import a_floor, trade_a_while


@compile_lean
def beyond_the_end(state):
    return state[3]


try:
    beyond_the_end(np.zeros(3))
except IndexError:
    print("checks are on")
draw = random.Random(3)
for first in range(0, 12, 3):
    trade_a_while(a_floor(list(PRODUCTS.values())[first : first + 3], draw), draw)
print("no index was out of bounds")
"""


def test_the_exchange_of_a_backtest_stays_within_its_tables() -> None:
    lines = checked_lines(CHECKED_RUN)

    assert lines == ["checks are on", "no index was out of bounds"]
