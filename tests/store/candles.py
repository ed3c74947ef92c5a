"""Tables of candles for the tests of the catalog and of the checks."""

from typing import Any

import numpy as np

from gpt_trader.store.candle_table import SECOND_NS, CandleTable

BEGIN_S = 1_677_628_800


def a_table(count: int = 100, seed: int = 1, first: int = 0, **columns: Any) -> CandleTable:
    """A random walk of a dollar's hundred in minutes, with the columns of one's choice put in."""
    dice = np.random.default_rng(seed)
    closes = np.round(100 * np.exp(np.cumsum(dice.normal(0, 0.001, count + 1))), 2)
    opened, close = closes[:-1] + 0.01, closes[1:]
    values = {
        "open": opened,
        "high": np.maximum(opened, close) + 0.05,
        "low": np.minimum(opened, close) - 0.05,
        "close": close,
        "volume": np.round(dice.uniform(1, 2, count), 8),
    }
    return CandleTable(
        where="a table",
        product_id="BTC-USD",
        candle_s=60,
        times=(BEGIN_S + 60 * (first + np.arange(count))) * SECOND_NS,
        unit_ns=1,
        values=values | columns,
    )


def put(table: CandleTable, column: str, row: int, value: float) -> CandleTable:
    """The table with one value changed."""
    table.values[column][row] = value
    return table
