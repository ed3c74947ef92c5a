"""Candles with and without a memory, and the strategy that would find it: hold after a rise."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

import gpt_trader as gt
from gpt_trader.backtesting.candles import CandleTape, load

CHOICES: dict[str, Any] = {"market": "close", "fees": 0.0}
GRID: dict[str, Iterable[float]] = {"span": [1, 3, 10, 30], "side": [1.0, -1.0]}
MONTH = 24 * 30


@gt.strategy(warmup=lambda p: p.span + 1, span=gt.whole(3, 1, 200), side=gt.real(1.0, -1.0, 1.0))
def follow(candles, t, p):  # type: ignore[no-untyped-def]
    """Hold after a rise over `span` candles; with `side` -1 after a fall."""
    return 1.0 if p.side * (candles.close[t] - candles.close[t - p.span]) > 0.0 else 0.0


def an_hourly_frame(
    count: int, seed: int, *, memory: float, quiet: float = 0.0, turn: int | None = None
) -> pd.DataFrame:
    """Hours whose moves follow the one before by `memory`; from `turn` on they go against it.

    A share of `quiet` of the hours has no trade and no volume.
    """
    dice = np.random.default_rng(seed)
    noise = dice.normal(0.0, 0.005, count)
    moves = np.empty(count)
    before = 0.0
    for t in range(count):
        sign = -1.0 if turn is not None and t >= turn else 1.0
        before = moves[t] = sign * memory * before + noise[t]
    close = np.round(20_000 * np.exp(np.cumsum(moves)), 2)
    opened = np.concatenate([close[:1], close[:-1]])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) + 1.0,
            "low": np.minimum(opened, close) - 1.0,
            "close": close,
            "volume": np.where(dice.random(count) < quiet, 0.0, 2.0),
        },
        index=pd.date_range("2023-01-01", periods=count, freq="h", tz="UTC"),
    )


def an_hourly_tape(count: int, seed: int, **shape: Any) -> CandleTape:
    """The same as a tape of Bitcoin."""
    tape = load(an_hourly_frame(count, seed, **shape), product="BTC-USD")
    assert isinstance(tape, CandleTape)
    return tape
