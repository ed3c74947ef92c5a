"""Candles turned into trades: open, then high and low in a seeded order, then close.

A candle becomes four trades, each of at least one base increment, whose first, highest, lowest and
last price and whose summed size are the candle's own. Which of high and low comes first, how the
volume is split, when in its interval a trade prints and who was the maker are pure functions of
seed, product and start of the candle. Where the price moved up the taker bought, where it moved
down the taker sold; the first trade of a candle, and one without a move, has a seeded side.

A candle with a volume of one to three increments has too few for four trades: it gets one trade
for each price it needs. If it needs more prices than it has increments, its volume is raised to
that number. A candle without volume gives a round without trades.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.seeds import mix_array, seed_key
from gpt_trader.exchange.tape import TradeColumns
from gpt_trader.exchange.timestamps import SECOND_NS

TRADES = 4  # of a candle
MICROSECOND_NS = 1000


@dataclass(frozen=True, slots=True)
class CandleColumns:
    """The candles of one product, oldest first, all arrays of shape (candles,)."""

    product: Product
    starts_s: NDArray[np.int64]
    open: NDArray[np.int64]  # price increments, as high, low and close
    high: NDArray[np.int64]
    low: NDArray[np.int64]
    close: NDArray[np.int64]
    volume: NDArray[np.int64]  # base increments


def trades_from_candles(candles: CandleColumns, granularity_s: int, seed: int) -> TradeColumns:
    """Make the trades of each candle.

    Returns
    -------
    TradeColumns
        Times strictly rise and lie in the candle's interval.
    """
    noise = _noise(candles, seed)
    high_first = (noise[0] & np.uint64(1)).astype(bool)
    paths = np.stack(
        (
            candles.open,
            np.where(high_first, candles.high, candles.low),
            np.where(high_first, candles.low, candles.high),
            candles.close,
        ),
        axis=1,
    )
    volume = candles.volume.copy()
    kept = np.repeat((volume > 0)[:, None], TRADES, axis=1)
    for row in np.flatnonzero((volume > 0) & (volume < TRADES)):
        needed = _shortest(paths[row].tolist())
        paths[row, : len(needed)] = needed
        kept[row, len(needed) :] = False
        volume[row] = max(int(volume[row]), len(needed))
    return TradeColumns(
        product=candles.product,
        times_ns=_times(candles.starts_s, noise[2], granularity_s)[kept],
        prices=paths[kept],
        sizes=_split(volume, kept, noise[1])[kept],
        maker_buys=_maker_buys(paths, noise[0])[kept],
        row_starts_s=candles.starts_s,
    )


def _noise(candles: CandleColumns, seed: int) -> list[NDArray[np.uint64]]:
    key = seed_key(seed, "trades", candles.product.product_id)
    starts = candles.starts_s.astype(np.uint64) << np.uint64(2)
    with np.errstate(over="ignore"):
        return [mix_array(starts + np.uint64(key) + np.uint64(use)) for use in range(3)]


def _shortest(path: list[int]) -> list[int]:
    """Leave out what the first and the last price already show."""
    first, *extremes, last = path
    between = [price for price in dict.fromkeys(extremes) if price not in (first, last)]
    if not between and first == last:
        return [first]
    return [first, *between, last]


def _split(
    volume: NDArray[np.int64], kept: NDArray[np.bool_], noise: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Split each volume by seeded weights of 1 to 256, at least one increment to each trade."""
    weights = np.stack(
        [((noise >> np.uint64(8 * place)) & np.uint64(255)) for place in range(TRADES)], axis=1
    ).astype(np.int64)
    weights = np.where(kept, weights + 1, 0)
    total = np.maximum(weights.sum(axis=1), 1)
    count = kept.sum(axis=1)
    # Quotient and rest apart: volume times weight could pass an int64.
    quotient, rest = np.divmod(np.maximum(volume - count, 0), total)
    sizes = quotient[:, None] * weights + rest[:, None] * weights // total[:, None] + kept
    rows = np.flatnonzero(count)
    sizes[rows, count[rows] - 1] += (volume - sizes.sum(axis=1))[rows]
    return np.asarray(sizes, np.int64)


def _times(
    starts_s: NDArray[np.int64], noise: NDArray[np.uint64], granularity_s: int
) -> NDArray[np.int64]:
    """One trade in each quarter of the interval, at a seeded microsecond of it."""
    quarter_us = granularity_s * SECOND_NS // MICROSECOND_NS // TRADES
    columns = []
    for place in range(TRADES):
        part = ((noise >> np.uint64(16 * place)) & np.uint64(0xFFFF)).astype(np.int64)
        inside_us = part * quarter_us // 0x10000
        columns.append(starts_s * SECOND_NS + (place * quarter_us + inside_us) * MICROSECOND_NS)
    return np.stack(columns, axis=1)


def _maker_buys(paths: NDArray[np.int64], noise: NDArray[np.uint64]) -> NDArray[np.int8]:
    coins = np.stack(
        [(noise >> np.uint64(place + 1)) & np.uint64(1) for place in range(TRADES)], axis=1
    ).astype(np.int8)
    moves = np.diff(paths, axis=1, prepend=paths[:, :1])
    return np.where(moves == 0, coins, (moves < 0).astype(np.int8)).astype(np.int8)
