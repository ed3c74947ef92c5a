"""Candles for strategies: a seeded market, and the tape of March 2023 where it is at hand."""

import math
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from gpt_trader.domain.events import Candle
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.signals.strategy import Strategy
from tests.builders import MINUTE_NS, START_NS, a_product

TAPE = "coinbase_BTC-USD_1m_20230301-20230321.parquet"
FIELDS = ("open", "high", "low", "close", "volume")


def a_market(count: int, seed: int = 1, deviation: float = 0.002) -> list[Candle]:
    """Minutes of a random walk that opens near 20,000."""
    dice = np.random.default_rng(seed)
    closes = 20_000 * np.exp(np.cumsum(dice.normal(0, deviation, count)))
    opens = np.append(20_000, closes[:-1])
    wicks = dice.exponential(deviation / 4, (2, count)) * closes
    tops, bottoms = np.maximum(opens, closes) + wicks[0], np.minimum(opens, closes) - wicks[1]
    rows = zip(opens, tops, bottoms, closes, dice.exponential(1.5, count), strict=True)
    return [
        Candle(START_NS + place * MINUTE_NS, *(Decimal(f"{number:.2f}") for number in row))
        for place, row in enumerate(rows)
    ]


def three_weeks_of_minutes() -> list[Candle]:
    """The tape behind the project's promises about orders, or as many minutes of a like market."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        return a_market(29_950, deviation=0.0009)
    rows = pq.read_table(Path(folder) / "candles" / TAPE).to_pylist()
    return [
        Candle(row["time"] * 10**9, *(Decimal(repr(row[field])) for field in FIELDS))
        for row in rows
    ]


def a_tape(candles: list[Candle]) -> Candles:
    """The same candles in counts of the increments of BTC-USD, as a backtest has them."""
    product = a_product()
    ticks = [
        [float(product.ticks_below(price)) for price in (c.open, c.high, c.low, c.close)]
        for c in candles
    ]
    opened, high, low, close = np.array(ticks).reshape(-1, 4).T.copy()
    return candles_of(
        np.array([candle.start_ns for candle in candles]),
        (opened, high, low, close),
        np.array([float(product.lots_below(candle.volume)) for candle in candles]),
        float(product.price_increment),
        MINUTE_NS,
    )


def targets(strategy: Strategy, params: dict[str, float], candles: list[Candle]) -> list[float]:
    """The fold of the bare step over `candles`, NaN before the warm-up."""
    values, tape = strategy.values(params), a_tape(candles)
    p, s = strategy.record(values), strategy.state(values)
    wanted = [strategy.step(tape, t, p, s) for t in range(len(candles))]
    warmup = strategy.warmup(values)
    return [math.nan] * min(warmup - 1, len(candles)) + wanted[warmup - 1 :]


def closes_at(*prices: float) -> list[Candle]:
    """Minutes that open, rest and close at one price each."""
    return [
        Candle(START_NS + place * MINUTE_NS, price, price, price, price, Decimal(1))
        for place, price in enumerate(Decimal(str(number)) for number in prices)
    ]
