"""Seeded candle tapes and combinations of parameters for sweeps."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.domain.product import Product
from gpt_trader.kernels.candles import candles_of
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.signals.strategy import Strategy

MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_040_000_000_000  # not at midnight
START_TICKS = 2_000_000.0

FINE = Product(
    product_id="BTC-USD",
    base="BTC",
    quote="USD",
    base_increment=Decimal("0.00000001"),
    price_increment=Decimal("0.01"),
    quote_increment=Decimal("0.01"),
    base_min_size=Decimal("0.00000001"),
    base_max_size=Decimal("3400"),
    quote_min_size=Decimal("1"),
    quote_max_size=Decimal("150000000"),
)

COARSE = replace(FINE, base_increment=Decimal("0.001"), base_min_size=Decimal("0.001"))
"""Of which orders are some hundred lots."""


def walk(
    count: int,
    seed: int,
    move: float = 3e-3,
    product: Product = FINE,
    starts: Ints | None = None,
) -> CandleTape:
    """Minute candles of a random walk, in whole cents; some closes repeat.

    `starts` are their times where they shall not follow each other without a hole.
    """
    dice = np.random.default_rng(seed)
    steps = dice.normal(0.0, move, count) * (dice.random(count) > 0.1)
    close: Floats = np.floor(START_TICKS * np.exp(np.cumsum(steps))) + 1.0
    opened: Floats = np.concatenate([close[:1], close[:-1]])
    high: Floats = np.maximum(opened, close) + dice.integers(0, 50, count)
    low: Floats = np.maximum(np.minimum(opened, close) - dice.integers(0, 50, count), 1.0)
    volume = dice.integers(1, 10, count) * 1e8
    if starts is None:
        starts = START_NS + np.arange(count) * MINUTE_NS
    lots: Floats = np.asarray(volume, np.float64)
    candles = candles_of(starts, (opened, high, low, close), lots, 0.01, MINUTE_NS)
    columns = ("open", "high", "low", "close", "volume")
    return CandleTape(product, 60, candles, columns, candles.start_ns, None)


def drawn(strategy: Strategy, count: int, seed: int) -> Chosen:
    """So many combinations within the bounds of every parameter."""
    dice = np.random.default_rng(seed)
    columns = {
        p.name: dice.integers(int(p.minimum), int(p.maximum) + 1, count)
        if p.whole
        else dice.uniform(p.minimum, p.maximum, count)
        for p in strategy.parameters
    }
    return Chosen(columns, tuple(columns), 0)
