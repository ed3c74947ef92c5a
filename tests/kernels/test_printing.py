"""A candle's trades are those the embedded exchange prints, for every product and every size."""

from collections.abc import Iterator

import numpy as np
import pytest

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import PRODUCTS
from gpt_trader.kernels.printing import (
    LOTS,
    LOTS_MAX,
    MAKER_BUYS,
    PRINT,
    TICKS,
    TICKS_MAX,
    TIME_NS,
    TRADES,
    candle_trades,
    printed,
    printed_volume,
)
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.vectors import Table
from tests.kernels.venue_candles import rows_of, some_candles
from tests.tier import scaled

SEED = 7
PRICES = (1, 3, 900, 6_200_000, TICKS_MAX // 2)
SIZES = (2, 30, 10**9, LOTS_MAX // 2)


def prints_of(columns: CandleColumns, candle_s: int) -> Iterator[Table]:
    """The trades of each candle, as the kernel prints them."""
    key = seed_key(SEED, "trades", columns.product.product_id)
    out = np.zeros((TRADES, PRINT), np.int64)
    for start_s, open_, high, low, close, volume in rows_of(columns):
        out[:] = -1
        count = candle_trades(key, start_s, candle_s, open_, high, low, close, volume, out)
        assert (out[count:] == -1).all()
        yield out[:count].copy()


@pytest.mark.parametrize("candle_s", [1, 60, 3_600, 86_400])
def test_the_trades_of_candles_are_the_exchanges(candle_s: int) -> None:
    draw = np.random.default_rng(candle_s)
    for number, product in enumerate(PRODUCTS.values()):
        price, lots = PRICES[number % len(PRICES)], SIZES[number % len(SIZES)]
        columns = some_candles(
            product, scaled(800), draw, price=price, lots=lots, candle_s=candle_s
        )

        trades = np.concatenate(list(prints_of(columns, candle_s)))

        expected = trades_from_candles(columns, candle_s, SEED)
        np.testing.assert_array_equal(trades[:, TIME_NS], expected.times_ns)
        np.testing.assert_array_equal(trades[:, TICKS], expected.prices)
        np.testing.assert_array_equal(trades[:, LOTS], expected.sizes)
        np.testing.assert_array_equal(trades[:, MAKER_BUYS], expected.maker_buys)


def test_what_a_quote_needs_of_a_candle_is_what_its_trades_say() -> None:
    draw = np.random.default_rng(3)
    counts: set[int] = set()
    for number, product in enumerate(PRODUCTS.values()):
        price, lots = PRICES[number % len(PRICES)], SIZES[number % len(SIZES)]
        columns = some_candles(product, scaled(800), draw, price=price, lots=lots)
        key = seed_key(SEED, "trades", product.product_id)
        for row, trades in zip(rows_of(columns), prints_of(columns, 60), strict=True):
            start_s, open_, high, low, close, volume = row

            count, maker_buys = printed(key, start_s, open_, high, low, close, volume)

            counts.add(count)
            assert count == len(trades)
            assert printed_volume(open_, high, low, close, volume) == trades[:, LOTS].sum()
            if count:
                assert (close, maker_buys) == (trades[-1, TICKS], trades[-1, MAKER_BUYS])
            else:
                assert maker_buys == 0
    assert counts == {0, 1, 2, 3, 4}
