"""The door from frames, series and files to a tape: counted right, or refused by row and column."""

import math
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.errors import UsageError
from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import find_product
from gpt_trader.exchange.tape_files import Reading, quantise, read_tape
from gpt_trader.store.candle_table import COLUMNS
from gpt_trader.store.catalog import Catalog
from tests.live.markets import minutes_of_bitcoin
from tests.store.candles import BEGIN_S, a_table
from tests.tier import scaled

BEGIN = pd.Timestamp("2023-03-01", tz="UTC")
TENTH = Decimal("0.1")


def a_frame(count: int = 6, **columns: Any) -> pd.DataFrame:
    """Candles of a minute that may be used, with the columns of one's choice put in."""
    close = 100.0 + np.arange(count)
    frame = pd.DataFrame(
        {
            "open": close - 0.5,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": np.full(count, 2.0),
        },
        index=pd.date_range(BEGIN, periods=count, freq="min"),
    )
    for name, values in columns.items():
        frame[name] = values
    return frame


def one_tape(source: object, **choices: object) -> CandleTape:
    tape = load(source, **{"product": "BTC-USD", **choices})  # type: ignore[arg-type]
    assert isinstance(tape, CandleTape)
    return tape


def with_value(row: int, column: str, value: Any) -> pd.DataFrame:
    frame = a_frame()
    frame[column] = [value if place == row else old for place, old in enumerate(frame[column])]
    return frame


def with_times(*minutes: float) -> pd.DataFrame:
    frame = a_frame(len(minutes))
    frame.index = pd.DatetimeIndex([BEGIN + pd.Timedelta(minutes=minute) for minute in minutes])
    return frame


def test_a_file_is_the_tape_that_the_embedded_exchange_plays(tmp_path: Path) -> None:
    path = minutes_of_bitcoin(tmp_path).files["BTC-USD"]

    tape = one_tape(path)

    played = read_tape([path], Reading(None, None, None, 1)).parts["BTC-USD"]
    prices, sizes = np.array(played.prices, float), np.array(played.sizes, float)
    first = np.searchsorted(np.array(played.times_ns), tape.candles.start_ns)
    assert np.array_equal(tape.candles.open, prices[first])
    assert np.array_equal(tape.candles.high, np.maximum.reduceat(prices, first))
    assert np.array_equal(tape.candles.low, np.minimum.reduceat(prices, first))
    assert np.array_equal(tape.candles.close, prices[np.append(first[1:], prices.size) - 1])
    assert np.array_equal(tape.candles.volume, np.add.reduceat(sizes, first))
    assert np.array_equal(tape.candles.close_sum[1:], np.cumsum(tape.candles.close))
    assert tape.complete and tape.candle_s == 60


@pytest.mark.parametrize("product_id", ["SHIB-USD", "DOGE-USD", "BTC-USD", "ETH-BTC"])
def test_the_smallest_candles_have_the_sizes_they_are_played_with(product_id: str) -> None:
    dice, steps = random.Random(product_id), product(product_id)
    tick, lot = float(steps.price_increment), float(steps.base_increment)
    rows = []
    for _ in range(scaled(3000)):
        low = dice.randrange(1, 4)
        path = [low + dice.randrange(3) for _ in range(2)]
        high = max(path) + dice.randrange(2)
        rows.append([path[0], high, min(path) - dice.randrange(min(path)), path[1]])
    ticks = np.array(rows, float)
    lots = np.array([dice.randrange(6) for _ in rows])
    frame = pd.DataFrame(ticks * tick, columns=["open", "high", "low", "close"])
    frame["volume"] = lots * lot
    frame["time"] = 1_677_628_800 + 60 * np.arange(len(rows))

    tape = one_tape(frame, product=product_id)

    opened, high, low, close = ticks.astype(np.int64).T
    starts = frame["time"].to_numpy(np.int64)
    candles = CandleColumns(
        find_product(product_id), starts, opened, high, low, close, lots.astype(np.int64)
    )
    trades = trades_from_candles(candles, 60, 1)
    firsts = np.searchsorted(trades.times_ns, tape.candles.start_ns)
    assert np.array_equal(tape.candles.volume, np.add.reduceat(trades.sizes, firsts))
    assert np.array_equal(tape.rows, np.flatnonzero(lots))
    assert np.array_equal(tape.row_starts_s, frame["time"])


@given(st.lists(st.floats(0.006, 1e6), min_size=2, max_size=30), st.sampled_from([0, 2, 5, 8]))
def test_prices_are_counted_as_the_exchange_counts_them(values: list[float], places: int) -> None:
    closes = pd.Series(values, index=pd.date_range(BEGIN, periods=len(values), freq="min"))
    product_id = {0: "BTC-USD", 2: "ETH-USD", 5: "DOGE-USD", 8: "SHIB-USD"}[places]
    steps = find_product(product_id).price_places

    tape = one_tape(closes, product=product_id)

    played = quantise(np.array(values, np.float64), steps, "")
    assert tape.candles.close.tolist() == played.tolist()
    assert tape.candles.close_sum[1:].tolist() == np.cumsum(tape.candles.close).tolist()


def test_prices_between_two_increments_go_to_the_even_one() -> None:
    closes = [1.005, 1.015, 1.025, 0.006, 2.675, 0.005]
    frame = pd.Series(closes, index=pd.date_range(BEGIN, periods=6, freq="min"))

    tape = one_tape(frame)

    assert tape.candles.close.tolist() == [100, 102, 102, 1, 268, 1]
    assert tape.candles.close_sum.tolist() == [0, 100, 202, 304, 305, 573, 574]


@pytest.mark.parametrize("column", ["open", "low", "close"])
def test_a_price_below_half_an_increment_is_refused_with_row_and_product(column: str) -> None:
    """It became a cent without a word, as when a coin's candles are loaded as bitcoin's."""
    frame = with_value(4, column, 0.00499)
    if column != "low":
        frame["low"] = 0.00499

    with pytest.raises(UsageError) as refused:
        one_tape(frame)

    row = 4 if column == "low" else 0
    assert f"row {row} counted from 0" in str(refused.value)
    assert "0.00499 is below half a price increment; are these candles of BTC-USD?" in str(
        refused.value
    )


def test_half_an_increment_is_one() -> None:
    closes = pd.Series([0.005, 0.01], index=pd.date_range(BEGIN, periods=2, freq="min"))

    assert one_tape(closes).candles.close.tolist() == [1, 1]


def test_rows_without_volume_are_rounds_and_no_candles() -> None:
    frame = a_frame(volume=[0.0, 1.0, 0.0, 4e-9, 5.0, 0.0])

    tape = one_tape(frame)

    assert tape.rows.tolist() == [1, 4]
    assert len(tape) == 2 and tape.row_starts_s.size == 6
    assert tape.candles.close.tolist() == [10_100, 10_400]
    assert tape.candles.open.tolist() == [10_050, 10_350]
    assert tape.candles.volume.tolist() == [1e8, 5e8]
    assert tape.candles.close_sum.tolist() == [0, 10_100, 20_500]
    assert tape.candles.start_ns.tolist() == [tape.row_starts_s[row] * 10**9 for row in (1, 4)]


def test_only_what_is_wanted_is_read_but_silence_is_still_seen() -> None:
    frame = a_frame(volume=[0.0, 1.0, 1.0, 1.0, 1.0, 1.0])

    tape = one_tape(frame, columns=("close",))

    assert tape.columns == ("close",) and not tape.complete
    assert tape.rows.tolist() == [1, 2, 3, 4, 5]
    assert tape.candles.high is tape.candles.close and not tape.candles.volume.any()


def test_a_series_of_closes_is_enough_for_orders_at_the_close() -> None:
    closes = a_frame()["close"]

    tape = one_tape(closes)

    assert tape.columns == ("close",) and not tape.complete
    assert tape.candles.open is tape.candles.high is tape.candles.low is tape.candles.close
    assert tape.candles.volume.tolist() == [0] * 6


def test_a_frame_and_its_tape_go_back_and_forth() -> None:
    frame = a_frame().drop(columns="volume").assign(volume=[1.5, 0.1, 0.2, 0.3, 7.0, 5e-8])

    tape = one_tape(frame)
    again = load(tape.frame())

    assert isinstance(again, CandleTape)
    assert again.sha256 == tape.sha256
    assert tape.frame().to_numpy().tolist() == frame.to_numpy().tolist()
    assert tape.frame().index.equals(frame.index)
    assert "BTC-USD 1m, 6 candles" in repr(tape)


def test_the_hash_knows_every_price_the_product_and_the_width() -> None:
    tapes = [
        one_tape(a_frame()),
        one_tape(with_value(3, "high", 200.0)),
        one_tape(a_frame(), product="ETH-USD"),
        one_tape(with_times(0, 5, 10, 15, 20, 25)),
        one_tape(a_frame(), columns=("close",)),
        one_tape(with_value(5, "volume", 0.0)),
    ]

    assert len({tape.sha256 for tape in tapes}) == len(tapes)
    assert tapes[0].sha256 == one_tape(a_frame()).sha256


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_are_understood_in_every_unit(unit: str) -> None:
    index = pd.DatetimeIndex(a_frame().index).as_unit(unit)  # type: ignore[arg-type]
    indexed = a_frame().set_index(index)
    column = indexed.reset_index(drop=True).assign(time=index.asi8)
    stamps = column.assign(time=index)
    floats = column.assign(time=column["time"].astype(float))

    hashes = {one_tape(source).sha256 for source in (a_frame(), indexed, column, stamps, floats)}

    assert len(hashes) == 1


def test_a_time_without_a_zone_is_utc_and_other_zones_are_converted() -> None:
    naive, abroad = a_frame(), a_frame()
    naive.index = naive.index.tz_localize(None)  # type: ignore[attr-defined]
    abroad.index = abroad.index.tz_convert("Asia/Kolkata")  # type: ignore[attr-defined]

    hashes = {one_tape(source).sha256 for source in (a_frame(), naive, abroad)}

    assert len(hashes) == 1


def test_the_width_is_told_by_the_closest_rows_when_nobody_says_it() -> None:
    assert one_tape(with_times(0, 15, 20, 25)).candle_s == 300
    assert one_tape(with_times(0, 5, 10, 30)).candle_s == 300
    assert one_tape(with_times(0, 5, 10, 30), candle_s=60).candle_s == 60
    assert one_tape(a_frame(3, granularity=60)).candle_s == 60


def test_a_view_with_strides_and_other_number_types_are_read() -> None:
    wide = np.arange(30.0).reshape(6, 5) + 100
    wide[:, 1], wide[:, 2], wide[:, 4] = 200, 50, 2
    names = ["open", "high", "low", "close", "volume"]
    index = a_frame().index
    frames = [pd.DataFrame(wide, index, names).astype(kind) for kind in (float, int, "Float64")]

    hashes = {one_tape(frame).sha256 for frame in frames}

    assert len(hashes) == 1


def test_a_frame_of_two_products_is_two_tapes() -> None:
    both = pd.concat([a_frame(product_id="BTC-USD"), a_frame(product_id="ETH-USD")])

    tapes = load(both)

    assert isinstance(tapes, tuple)
    assert [tape.product.product_id for tape in tapes] == ["BTC-USD", "ETH-USD"]
    assert load([a_frame(product_id="BTC-USD"), a_frame(product_id="ETH-USD")]) != tapes
    assert [len(tape) for tape in tapes] == [6, 6]


def test_parts_of_one_product_are_joined_in_time_and_must_not_overlap() -> None:
    frame = a_frame()

    joined = one_tape([frame.iloc[4:], frame.iloc[:4]])

    assert joined.sha256 == one_tape(frame).sha256
    with pytest.raises(UsageError, match="overlap from 2023-03-01 00:03:00 UTC"):
        one_tape([frame.iloc[3:], frame.iloc[:4]])
    with pytest.raises(UsageError, match="different columns"):
        one_tape([frame.iloc[4:], frame.iloc[:4]["close"]])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_parquet_and_csv_give_the_tape_of_their_frame(suffix: str, tmp_path: Path) -> None:
    frame = a_frame().rename_axis("time").reset_index()
    path = tmp_path / f"mine.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)

    tape = one_tape(path)

    assert tape.sha256 == one_tape(a_frame()).sha256


BAD_VALUES = [
    ("close", math.nan, "close is NaN; drop the row"),
    ("volume", math.nan, "volume is NaN"),
    ("high", math.inf, "high is infinite"),
    ("low", -math.inf, "low is infinite"),
    ("close", 0.0, "close 0.0 is not above 0"),
    ("open", -3.0, "open -3.0 is not above 0"),
    ("volume", -1.0, "volume -1.0 is negative"),
    ("high", 90.0, "high is below its open, close or low"),
    ("low", 103.9, "low is above its open or close"),
    ("close", 1e15, "high 1000000000000000.0 is too large for increments of 0.01"),
    ("volume", 1e9, "volume 1000000000.0 is too large for increments of 0.00000001"),
    ("close", "a lot", "close is 'a lot', no number"),
    ("volume", None, "volume is NaN"),
]


@pytest.mark.parametrize(("column", "value", "says"), BAD_VALUES)
def test_a_bad_value_is_refused_by_row_time_and_column(
    column: str, value: object, says: str
) -> None:
    frame = with_value(4, column, value)
    if value == 1e15:
        frame["high"] = [200.0, 200.0, 200.0, 200.0, 1e15, 200.0]

    with pytest.raises(UsageError) as refused:
        one_tape(frame)

    assert says in str(refused.value)
    assert "row 4 counted from 0" in str(refused.value)
    if not isinstance(value, str):
        assert "(2023-03-01 00:04:00 UTC)" in str(refused.value)


BAD_TIMES = [
    ((0, 1, 3, 2), r"row 3 counted from 0 \(2023-03-01 00:02:00 UTC\): time is before"),
    ((0, 1, 1, 2), r"row 2 counted from 0 \(2023-03-01 00:01:00 UTC\): time repeats that"),
    ((0, 1, 2, 2.5), r"row 3 counted from 0 \(2023-03-01 00:02:30 UTC\): time is no start"),
    ((0.5, 1.5, 2.5), r"row 0 counted from 0 \(2023-03-01 00:00:30 UTC\): time is no start"),
]


@pytest.mark.parametrize(("minutes", "says"), BAD_TIMES)
@pytest.mark.parametrize("candle_s", [None, 60])
def test_a_bad_time_is_refused_by_row(
    minutes: tuple[float, ...], says: str, candle_s: int | None
) -> None:
    if candle_s is None and minutes == (0, 1, 2, 2.5):
        return  # half a minute apart: candles of 30 s, and no fault

    with pytest.raises(UsageError, match=says):
        one_tape(with_times(*minutes), candle_s=candle_s)


def test_missing_times_are_refused() -> None:
    frame = a_frame()
    frame.index = pd.DatetimeIndex([*frame.index[:3], pd.NaT, *frame.index[4:]])

    with pytest.raises(
        UsageError, match=r"row 3 counted from 0 .*: time is missing or before 1970"
    ):
        one_tape(frame)
    with pytest.raises(UsageError, match=r"row 3 .*: time nan is no whole number"):
        one_tape(frame.reset_index(drop=True).assign(time=[1e9, 2e9, 3e9, math.nan, 5e9, 6e9]))


def shapeless() -> list[tuple[object, dict[str, object], str]]:
    """Sources that lack something as a whole, and what must be said of each."""
    frame = a_frame()
    numbered = frame.reset_index(drop=True)
    zones = pd.Index([pd.Timestamp("2023-03-01", tz=zone) for zone in ("UTC", "Asia/Tokyo")])
    mixed = frame.iloc[:2].set_index(zones.astype(object))
    return [
        (frame.drop(columns="close"), {}, "no column close, only open, high, low, volume"),
        (frame.drop(columns="high"), {}, "no column high; give open, high, low and close"),
        (frame.iloc[:0], {}, "holds no row"),
        (numbered, {}, "has no times: give a column time"),
        (numbered["close"], {}, "the series: has no times"),
        (frame.assign(time=1), {}, "has times twice"),
        (mixed, {}, "several zones: use pd.to_datetime"),
        (mixed.assign(time=mixed.index).reset_index(drop=True), {}, "mixes Asia/Tokyo and UTC"),
        (numbered.assign(time="2023"), {}, "time in row 0 is '2023', no time"),
        (frame, {"product": None}, "of which product"),
        (frame, {"product": "BTC-USB"}, "unknown product 'BTC-USB': did you mean BTC-USD"),
        (a_frame(product_id="ETH-USD"), {}, "holds ETH-USD, not BTC-USD"),
        (a_frame(product_id=7), {}, "column product_id holds 7"),
        (a_frame(granularity=300), {"candle_s": 60}, "candles of 300 s, not of 60 s"),
        (a_frame(granularity=[60, 60, 60, 60, 60, 300]), {}, "mixes candles of 60 s and 300 s"),
        (frame, {"candle_s": 7}, "candles of 7 s do not divide a day"),
        (frame.iloc[:1], {}, "one row tells no width; give candle_s"),
        (a_frame(volume=0.0), {}, "no row has a volume"),
        (pd.concat([frame, frame[["close"]]], axis=1), {}, "more than one column close"),
        (frame.astype(str), {}, "row 0 counted from 0: open is '99.5', no number"),
        ([], {}, "no candles are given"),
        ("nowhere.parquet", {}, "nowhere.parquet: no such file"),
        ("data.xlsx", {}, "is no file that ends in .parquet or .csv"),
    ]


@pytest.mark.parametrize(
    ("source", "choices", "says"), shapeless(), ids=lambda value: str(value)[:40]
)
def test_a_source_that_lacks_something_is_refused_with_advice(
    source: object, choices: dict[str, object], says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        one_tape(source, **choices)

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sums_that_no_float_holds_exactly_are_refused() -> None:
    closes = pd.Series([4e13] * 4, index=pd.date_range(BEGIN, periods=4, freq="min"))

    with pytest.raises(UsageError, match="the closes of 4 rows are too many to be summed exactly"):
        one_tape(closes)


def test_increments_that_are_no_power_of_ten_are_refused() -> None:
    odd = replace(product("BTC-USD"), price_increment=Decimal("0.25"))

    with pytest.raises(UsageError, match=r"an increment of 0\.25 is no power of ten"):
        one_tape(a_frame(), product=odd)


def test_a_product_that_is_in_no_table_is_known_by_its_download(tmp_path: Path) -> None:
    new = replace(product("BTC-USD"), product_id="NEW-USD", base="NEW", price_increment=TENTH)
    catalog, table = Catalog(tmp_path), replace(a_table(10), product_id="NEW-USD")
    with catalog.writing("NEW-USD 1m"):
        catalog.append(table, new, BEGIN_S, BEGIN_S + 600)

    tape = load("NEW-USD 1m", var=tmp_path)

    assert isinstance(tape, CandleTape)
    assert tape.product == new
    assert tape.candles.close.tolist() == np.rint(table.values["close"] * 10).tolist()


@given(st.data())
def test_a_part_of_a_tape_is_the_tape_of_that_part(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 40))
    volumes = data.draw(st.lists(st.sampled_from([0.0, 2.0]), min_size=count, max_size=count))
    volumes[data.draw(st.integers(0, count - 1))] = 2.0
    frame = a_frame(count, volume=volumes)
    only_closes = data.draw(st.booleans())
    columns = ("close",) if only_closes else COLUMNS
    whole = one_tape(frame, candle_s=60, columns=columns)
    first = data.draw(st.integers(0, len(whole) - 1))
    last = data.draw(st.integers(first + 1, len(whole)))

    part = whole.part(first, last)

    rows = slice(int(whole.rows[first]), int(whole.rows[last - 1]) + 1)
    loaded = one_tape(frame.iloc[rows], candle_s=60, columns=columns)
    assert part.sha256 == loaded.sha256
    assert part.candles.close_sum.tolist() == loaded.candles.close_sum.tolist()
    assert (part.candle_rows is None) == (loaded.candle_rows is None)
    assert (part.columns, part.candle_s) == (loaded.columns, loaded.candle_s)


def test_a_part_that_is_not_there_is_refused() -> None:
    tape = one_tape(a_frame())

    for first, last in ((-1, 3), (2, 2), (3, 2), (0, 7)):
        with pytest.raises(UsageError, match="are no part of 6 candles"):
            tape.part(first, last)
