"""Candles for kernels: seeded minutes of several characters, in whole increments."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.vectors import Floats

MINUTE_NS = 60_000_000_000
START_NS = 1_677_628_800_000_000_000

Dice = np.random.Generator
CLOSES: dict[str, Callable[[Dice, int], npt.NDArray[np.floating]]] = {
    "walk": lambda dice, count: 2_000_000 * np.exp(np.cumsum(dice.normal(0, 1e-3, count))),
    "coarse": lambda dice, count: 50 + np.cumsum(dice.integers(-1, 2, count)) % 40.0,
    "jumps": lambda dice, count: 10.0 ** dice.integers(1, 9, count),
    "rising": lambda dice, count: 100.0 + np.cumsum(dice.integers(0, 5, count)),
    "falling": lambda dice, count: 1_000_000.0 - np.cumsum(dice.integers(0, 5, count)),
    "still": lambda dice, count: np.full(count, 777.0),
}
"""Characters of a market by name."""


def a_tape(count: int, seed: int = 1, character: str = "walk") -> Candles:
    """Minutes with gaps now and then, and with as much volume as there may be."""
    dice = np.random.default_rng(seed)
    close: Floats = np.maximum(np.rint(CLOSES[character](dice, count)), 1.0)
    opened = np.append(close[:1], close[:-1])
    wicks = np.rint(dice.exponential(close / 2_000 + 0.5, (2, count)))
    high, low = np.maximum(opened, close) + wicks[0], np.minimum(opened, close) - wicks[1]
    minutes = np.cumsum(np.where(dice.random(count) < 0.05, dice.integers(2, 40, count), 1))
    volume = np.rint(dice.exponential(1e9, count)) + 1.0
    return candles_of(
        START_NS + minutes * MINUTE_NS,
        (opened, high, np.maximum(low, 1.0), close),
        volume,
        0.01,
        MINUTE_NS,
    )


def some_tapes(most: int) -> st.SearchStrategy[Candles]:
    """Tapes of every character with up to `most` candles."""
    return st.builds(
        a_tape, st.integers(1, most), st.integers(0, 10_000), st.sampled_from(sorted(CLOSES))
    )


def first(candles: Candles, count: int) -> Candles:
    """The first `count` candles as a tape of their own."""
    prices = (candles.open, candles.high, candles.low, candles.close)
    opened, high, low, close = (column[:count].copy() for column in prices)
    return candles_of(
        candles.start_ns[:count].copy(),
        (opened, high, low, close),
        candles.volume[:count].copy(),
        candles.increment,
        candles.candle_ns,
    )
