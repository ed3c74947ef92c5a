"""A tape of closing prices and a momentum rule on it: the smallest real thing to walk forward."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpt_trader.backtesting.walk_forward import EquityCourse
from gpt_trader.kernels.vectors import Floats, Ints

HOUR_NS = 3_600_000_000_000
START_UNITS = 10**12  # 10,000 quote


@dataclass(frozen=True, slots=True, eq=False)
class Closes:
    """Hourly closes with their ends; cut like a list."""

    end_ns: Ints
    close: Floats

    def __len__(self) -> int:
        return self.close.size

    def __getitem__(self, part: slice) -> "Closes":
        return Closes(self.end_ns[part], self.close[part])


def closes_of(returns: Floats) -> Closes:
    """Hourly closes that begin at 100 and move by the returns."""
    ends = (np.arange(returns.size) + 1) * HOUR_NS
    closes = 100.0 * np.cumprod(1.0 + returns)
    return Closes(ends, closes.astype(np.float64))


def trending(count: int, seed: int, *, memory: float) -> Closes:
    """Closes whose hourly moves follow the one before by `memory`; 0 is pure noise."""
    noise = np.random.default_rng(seed).normal(0.0, 0.002, count)
    moves = np.empty(count)
    before = 0.0
    for t in range(count):
        before = moves[t] = memory * before + noise[t]
    return closes_of(moves)


def warmup(values: Mapping[str, float]) -> int:
    return int(values["span"]) + 1


def follow(tape: Closes, values: Mapping[str, float]) -> EquityCourse:
    """Hold from a close above the one `span` candles before to the next close; no fees.

    ``side`` -1 holds against the move instead. Nothing is held before the warm-up is over.
    """
    span, side = int(values["span"]), values.get("side", 1.0)
    move = np.zeros(len(tape))
    move[span:] = tape.close[span:] - tape.close[:-span]
    held = (side * move > 0.0).astype(np.float64)
    growth = np.ones(len(tape))
    growth[1:] = 1.0 + held[:-1] * (tape.close[1:] / tape.close[:-1] - 1.0)
    equity = np.floor(START_UNITS * np.cumprod(growth)).astype(np.int64)
    return EquityCourse(START_UNITS, tape.end_ns, equity, HOUR_NS, 0, 0)
