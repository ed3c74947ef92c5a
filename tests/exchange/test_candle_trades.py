"""Candles as trades: the trades rebuild every candle to the last digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.tape import TradeColumns
from gpt_trader.exchange.timestamps import SECOND_NS
from tests.exchange.markets import BTC, START_S, random_candles

Row = tuple[int, int, int, int, int]  # open, high, low, close, volume


def columns(rows: list[Row]) -> CandleColumns:
    starts = START_S + 60 * np.arange(len(rows), dtype=np.int64)
    arrays = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    return CandleColumns(BTC, starts, *arrays)


def rebuilt(trades: TradeColumns, granularity_s: int) -> dict[int, Row]:
    """Candles from trades, the plain way."""
    candles: dict[int, Row] = {}
    zipped = zip(trades.times_ns, trades.prices, trades.sizes, strict=True)
    for time_ns, price, lots in ((int(a), int(b), int(c)) for a, b, c in zipped):
        start = time_ns // (granularity_s * SECOND_NS) * granularity_s
        first, high, low, _, volume = candles.get(start, (price, price, price, price, 0))
        candles[start] = (first, max(high, price), min(low, price), price, volume + lots)
    return candles


@st.composite
def candle_rows(draw: st.DrawFn) -> list[Row]:
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        prices = draw(st.lists(st.integers(1, 9), min_size=4, max_size=4))
        volume = draw(st.one_of(st.integers(0, 6), st.integers(0, 10**16)))
        rows.append((prices[0], max(prices), min(prices), prices[3], volume))
    return rows


def prices_needed(row: Row) -> int:
    first, high, low, last, _ = row
    extra = len({high, low} - {first, last})
    return 1 if first == last and not extra else 2 + extra


@given(candle_rows(), st.integers(0, 5))
def test_the_trades_of_a_candle_rebuild_it(rows: list[Row], seed: int) -> None:
    candles = columns(rows)

    again = rebuilt(trades_from_candles(candles, 60, seed), 60)

    for start, row in zip(candles.starts_s.tolist(), rows, strict=True):
        volume = row[4] and max(row[4], prices_needed(row))  # raised only where prices need it
        assert again.get(start) == ((*row[:4], volume) if volume else None)


@given(candle_rows(), st.integers(0, 5))
def test_trades_rise_in_time_inside_their_candle_and_are_never_empty(
    rows: list[Row], seed: int
) -> None:
    trades = trades_from_candles(columns(rows), 60, seed)

    assert (np.diff(trades.times_ns) > 0).all()
    assert (trades.sizes >= 1).all()
    starts = set((trades.times_ns // (60 * SECOND_NS) * 60).tolist())
    assert starts <= set(trades.row_starts_s.tolist())


def test_four_increments_of_volume_are_four_trades_and_more_stay_four() -> None:
    trades = trades_from_candles(columns([(5, 9, 1, 6, 4), (5, 5, 5, 5, 10**8)]), 60, 1)

    assert trades.sizes[:4].tolist() == [1, 1, 1, 1]
    assert len(trades.prices) == 8


def test_a_candle_does_not_depend_on_its_neighbours() -> None:
    candles = random_candles(BTC, 50, 6_000_000, 10**8, 3)
    part = CandleColumns(
        BTC,
        *(
            column[20:30]
            for column in (
                candles.starts_s,
                candles.open,
                candles.high,
                candles.low,
                candles.close,
                candles.volume,
            )
        ),
    )

    whole, cut = (trades_from_candles(one, 60, 9) for one in (candles, part))

    inside = np.isin(whole.times_ns, cut.times_ns)
    assert whole.prices[inside].tolist() == cut.prices.tolist()
    assert whole.sizes[inside].tolist() == cut.sizes.tolist()
    assert whole.maker_buys[inside].tolist() == cut.maker_buys.tolist()


def test_seeds_differ_and_repeat() -> None:
    candles = random_candles(BTC, 50, 6_000_000, 10**8, 3)

    first, again, other = (trades_from_candles(candles, 60, seed) for seed in (1, 1, 2))

    assert first.times_ns.tolist() == again.times_ns.tolist()
    assert first.times_ns.tolist() != other.times_ns.tolist()
    assert first.prices.tolist() != other.prices.tolist()


def test_high_comes_first_about_half_of_the_time() -> None:
    rows: list[Row] = [(5, 9, 1, 6, 100)] * 1000

    prices = trades_from_candles(columns(rows), 60, 1).prices.reshape(-1, 4)

    assert 400 < (prices[:, 1] == 9).sum() < 600


def test_where_the_price_rose_the_taker_bought() -> None:
    trades = trades_from_candles(columns([(5, 9, 1, 6, 100)] * 50), 60, 1)

    prices, maker_buys = trades.prices.reshape(-1, 4), trades.maker_buys.reshape(-1, 4)
    assert (maker_buys[:, 1:] == (np.diff(prices, axis=1) < 0)).all()


@pytest.mark.parametrize("granularity_s", [1, 300, 86_400])
def test_any_granularity_keeps_trades_inside(granularity_s: int) -> None:
    candles = columns([(5, 9, 1, 6, 100)])
    starts = candles.starts_s // granularity_s * granularity_s
    fitted = CandleColumns(BTC, starts, *(np.array([value]) for value in (5, 9, 1, 6, 100)))

    assert set(rebuilt(trades_from_candles(fitted, granularity_s, 1), granularity_s)) == {
        int(starts[0])
    }
