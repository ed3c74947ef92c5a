"""Builders: candles of any product, and the same candles as the kernels take them."""

from collections.abc import Sequence

import numpy as np

from gpt_trader.exchange.candle_trades import CandleColumns
from gpt_trader.exchange.catalog import Product
from gpt_trader.kernels import book
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.vectors import Ints

Row = tuple[int, int, int, int, int, int]

START_S = 1_767_571_200
SECOND_NS = 1_000_000_000
TINY = (0, 0, 1, 1, 2, 3, 4, 5)


def some_candles(
    product: Product,
    count: int,
    draw: np.random.Generator,
    *,
    price: int,
    lots: int,
    candle_s: int = 60,
) -> CandleColumns:
    """A walk from a price, with gaps in time, flat candles, tiny volumes and none."""
    step = max(1, price // 300)
    path = np.maximum(price + np.cumsum(draw.integers(-step, step + 1, (count, 4)), axis=None), 1)
    path = path.reshape(count, 4)
    path[draw.random(count) < 0.1] = price
    near = draw.random(count) < 0.2  # few different prices: what tiny volumes need
    path[near] = price + draw.integers(0, 3, (int(near.sum()), 4))
    volume = draw.integers(0, 2 * lots + 1, count)
    tiny = draw.random(count) < 0.3
    volume[tiny] = draw.choice(TINY, int(tiny.sum()))
    kept = draw.random(count) < 0.9
    kept[0] = True
    starts_s = START_S + np.arange(count) * candle_s
    columns = (
        starts_s, path[:, 0], path.max(axis=1), path.min(axis=1), path[:, 3], volume
    )  # fmt: skip
    return CandleColumns(product, *(column[kept].astype(np.int64) for column in columns))


def as_kernels_take_them(
    columns: CandleColumns, round_starts_s: Ints, candle_s: int = 60
) -> tuple[Candles, Ints]:
    """The candles with volume, and the round of each."""
    traded = columns.volume > 0
    prices = [
        column[traded].astype(np.float64)
        for column in (columns.open, columns.high, columns.low, columns.close)
    ]
    candles = candles_of(
        columns.starts_s[traded] * SECOND_NS,
        (prices[0], prices[1], prices[2], prices[3]),
        columns.volume[traded].astype(np.float64),
        10.0**-columns.product.price_places,
        candle_s * SECOND_NS,
    )
    rows = np.searchsorted(round_starts_s, columns.starts_s[traded])
    return candles, rows.astype(np.int64)


def rows_of(columns: CandleColumns) -> Sequence[Row]:
    """Start, open, high, low, close and volume of each candle."""
    parts = (columns.open, columns.high, columns.low, columns.close, columns.volume)
    return list(zip(columns.starts_s.tolist(), *(part.tolist() for part in parts), strict=True))


def tops_of(market: Ints, model: Ints) -> tuple[int, int, int, int]:
    """Best bid, its lots, best ask, its lots of a product's row."""
    key, count, price, maker_buys, depth = (int(value) for value in market[: book.DEPTH + 1])
    return book.tops(key, count, price, maker_buys, depth, model)
