"""The closes that every engine is given: a year of one-minute bars."""

import os
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

SOURCE = "coinbase_BTC-USD_1m_20230301-20230321.parquet"
YEAR = 525_600
BEGIN = "2024-01-01"

PRICE_INCREMENT = Decimal("0.01")
BASE_INCREMENT = Decimal("0.001")
"""With these a notional and a fee of 0.1 % are whole cash units of 1e-8 quote: nothing is rounded
on our side, so sizes that are a share of equity are equal to those of an engine on floats."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tape:
    """One close a minute, without gaps, and where it comes from.

    The series are made once, outside of what is timed, for ours and for every peer alike.
    """

    source: str
    ticks: Floats  # closes in price increments, whole numbers

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Starts of the bars, UTC without saying so.

        With a time zone vectorbt makes half a million Python objects of the index in every
        method: 17 s in place of 0.1 s, and a ratio that would say nothing about its engine.
        """
        return pd.date_range(BEGIN, periods=self.ticks.size, freq="1min")

    @cached_property
    def closes(self) -> "pd.Series[float]":
        """Quote."""
        return pd.Series(self.ticks / 100.0, index=self.index, name="close")

    @cached_property
    def whole(self) -> "pd.Series[float]":
        """Price increments: sums of them are exact, in whatever order they are added."""
        return pd.Series(self.ticks, index=self.index, name="close")

    @cached_property
    def lot_prices(self) -> "pd.Series[float]":
        """Quote for one base increment.

        vectorbt rounds a size by `size // granularity * granularity`, which loses a step wherever
        the granularity is no binary fraction (0.123 // 0.001 is 122). Counted in base increments
        the granularity is 1 and nothing is lost.
        """
        lot = float(PRICE_INCREMENT * BASE_INCREMENT)
        return pd.Series(self.ticks * lot, index=self.index, name="close")


def a_tape(bars: int) -> Tape:
    """Three weeks of real minutes there and back until `bars` are full, or a seeded random walk."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        steps = np.random.default_rng(7).normal(0.0, 0.0009, bars)
        walk = 23_000.0 * np.exp(np.cumsum(steps - steps.mean()))
        return Tape(f"random walk, seed 7, {bars:,} minutes", np.rint(walk * 100.0))
    table = pq.read_table(Path(folder) / "candles" / SOURCE, columns=["close"])
    closes = np.rint(table.column("close").to_numpy() * 100.0)
    there_and_back = np.concatenate([closes, closes[::-1]])
    times = -(-bars // there_and_back.size)
    return Tape(
        f"{SOURCE}, {closes.size:,} closes, mirrored and tiled to {bars:,}",
        np.ascontiguousarray(np.tile(there_and_back, times)[:bars]),
    )
