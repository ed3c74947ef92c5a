"""The pairs of windows that are swept, and our sweep of them; loads no peer."""

import tempfile
from typing import Any

import numpy as np

import gpt_trader as gt
from benchmarks.ours import OPTIONS
from benchmarks.tape import Tape
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.signals.strategy import Strategy

FAST = range(5, 105)
SLOW = range(110, 610, 5)
PAIRS = [(fast, slow) for fast in FAST for slow in SLOW]

Combinations = list[dict[str, int]]


def sampled(count: int) -> list[tuple[int, int]]:
    """Pairs drawn by a seed, none twice."""
    places = np.random.default_rng(11).choice(len(PAIRS), count, replace=False)
    return [PAIRS[place] for place in sorted(places)]


def grid(pairs: list[tuple[int, int]]) -> Combinations:
    """Pairs as combinations of parameters."""
    return [{"fast": fast, "slow": slow} for fast, slow in pairs]


def swept(tape: Tape, strategy: Strategy, combinations: Combinations, **more: Any) -> SweepResult:
    """The public call; its notes on trials go to a folder that nobody keeps."""
    with tempfile.TemporaryDirectory() as folder:
        result: SweepResult = gt.sweep(
            tape.closes, strategy, combinations, progress=False, var=folder, **OPTIONS, **more
        )
        return result
