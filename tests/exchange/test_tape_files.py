"""Market data files: what is read, and the one sentence with which the rest is refused."""

import os
import random
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.exchange.tape import TapeError
from gpt_trader.exchange.tape_files import Reading, quantise, read_table, read_tape
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.store.candle_files import read_candles

Columns = dict[str, list[Any]]

READING = Reading(product_id=None, granularity_s=None, candles=None, seed=1)
START_S = 1_677_628_800


def some_candles() -> Columns:
    return {
        "time": [START_S, START_S + 60, START_S + 180],
        "open": [23141.57, 23150.0, 23152.0],
        "high": [23155.07, 23151.5, 23152.0],
        "low": [23140.01, 23149.99, 23150.25],
        "close": [23150.02, 23150.0, 23151.0],
        "volume": [4.59487416, 1e-08, 0.0],
        "product_id": ["BTC-USD"] * 3,
        "granularity": [60] * 3,
    }


def some_trades() -> Columns:
    return {
        "time": [START_S, START_S + 1, START_S + 1, START_S + 61],
        "price": [23141.57, 23142.0, 23141.0, 23143.0],
        "size": [0.5, 0.25, 1e-08, 2.0],
        "product_id": ["BTC-USD"] * 4,
        "side": ["BUY", "SELL", "BUY", "SELL"],
    }


def write(path: Path, columns: Columns) -> Path:
    table = pa.table(columns)
    writers: dict[str, Callable[[pa.Table, Path], None]] = {
        ".parquet": pyarrow.parquet.write_table,
        ".csv": pyarrow.csv.write_csv,
    }
    writers[path.suffix](table, path)
    return path


@pytest.mark.parametrize("name", ["candles.parquet", "candles.csv"])
def test_candles_are_read_from_parquet_and_csv(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, some_candles())

    tape = read_tape([path], READING)

    part = tape.parts["BTC-USD"]
    assert tape.rounds == 3
    assert [part.prices[0], part.prices[3]] == [2314157, 2315002]
    assert sum(part.sizes[:4]) == 459487416
    assert part.ends[3] == part.ends[2]  # the third candle has no volume


def test_trades_are_used_as_they_are(tmp_path: Path) -> None:
    tape = read_tape([write(tmp_path / "trades.csv", some_trades())], READING)

    part = tape.parts["BTC-USD"]
    assert part.prices.tolist() == [2314157, 2314200, 2314100, 2314300]
    assert part.sizes.tolist() == [50_000_000, 25_000_000, 1, 200_000_000]
    assert part.maker_buys.tolist() == [1, 0, 1, 0]
    assert part.ends.tolist() == [0, 3, 4]


@pytest.mark.parametrize("unit", ["seconds", "nanoseconds", "fractions"])
def test_times_of_trades_may_be_seconds_nanoseconds_or_fractions(tmp_path: Path, unit: str) -> None:
    columns = some_trades()
    times: Columns = {
        "seconds": [START_S + step for step in range(4)],
        "nanoseconds": [(START_S + step) * SECOND_NS for step in range(4)],
        "fractions": [float(START_S + step) for step in range(4)],
    }
    columns["time"] = times[unit]

    tape = read_tape([write(tmp_path / "trades.parquet", columns)], READING)

    expected = [(START_S + step) * SECOND_NS for step in range(4)]
    assert tape.parts["BTC-USD"].times_ns.tolist() == expected


def test_product_and_granularity_may_be_named_beside_the_file(tmp_path: Path) -> None:
    columns = some_candles()
    del columns["product_id"], columns["granularity"]
    path = write(tmp_path / "candles.csv", columns)

    tape = read_tape([path], Reading("ETH-USD", 60, None, 1))

    assert list(tape.parts) == ["ETH-USD"]


def test_files_of_two_products_share_the_rounds(tmp_path: Path) -> None:
    other = some_candles() | {"product_id": ["ETH-USD"] * 3}
    other["time"] = [START_S + 60, START_S + 120, START_S + 180]
    paths = [
        write(tmp_path / "one.parquet", some_candles()),
        write(tmp_path / "two.parquet", other),
    ]

    tape = read_tape(paths, READING)

    assert (list(tape.parts), tape.rounds) == (["BTC-USD", "ETH-USD"], 4)


def test_one_file_may_hold_several_products(tmp_path: Path) -> None:
    columns: Columns = {
        name: [*values, *values] if name != "product_id" else ["BTC-USD"] * 3 + ["ETH-USD"] * 3
        for name, values in some_candles().items()
    }

    tape = read_tape([write(tmp_path / "both.parquet", columns)], READING)

    assert set(tape.parts) == {"BTC-USD", "ETH-USD"}


def test_files_of_one_product_follow_each_other(tmp_path: Path) -> None:
    later = some_candles() | {"time": [START_S + 600, START_S + 660, START_S + 720]}
    paths = [write(tmp_path / "b.csv", later), write(tmp_path / "a.csv", some_candles())]

    assert read_tape(paths, READING).rounds == 6


def test_only_the_first_candles_are_kept_on_demand(tmp_path: Path) -> None:
    path = write(tmp_path / "candles.csv", some_candles())

    cut = read_tape([path], Reading(None, None, 2, 1))

    whole = read_tape([path], READING)
    assert cut.rounds == 2
    assert cut.parts["BTC-USD"].prices.tolist() == whole.parts["BTC-USD"].prices.tolist()


STARTS = [START_S, START_S + 60, START_S + 180]
FORMS: dict[str, Callable[[], pa.Array]] = {
    "seconds": lambda: pa.array(STARTS),
    "seconds in floats": lambda: pa.array([float(start) for start in STARTS]),
    "milliseconds": lambda: pa.array([start * 10**3 for start in STARTS]),
    "microseconds": lambda: pa.array([start * 10**6 for start in STARTS]),
    "nanoseconds": lambda: pa.array([start * 10**9 for start in STARTS]),
    "timestamps of seconds": lambda: pa.array(STARTS, pa.timestamp("s")),
    "timestamps as pandas has them": lambda: pa.array(
        [start * 10**9 for start in STARTS], pa.timestamp("ns", "UTC")
    ),
    "timestamps of a zone": lambda: pa.array(
        [start * 10**6 for start in STARTS], pa.timestamp("us", "Europe/Berlin")
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_time_that_a_backtest_takes_is_taken_live(tmp_path: Path, form: str, ending: str) -> None:
    """The one file of both: what pandas wrote was good for one reader and bad for the other."""
    columns: Any = some_candles() | {"time": FORMS[form]()}
    file = write(tmp_path / f"candles{ending}", columns)

    played = read_tape([file], READING)

    [researched] = read_candles(file)
    assert researched.starts_ns.tolist() == [start * SECOND_NS for start in STARTS]
    assert played.sha256 == read_tape([write(tmp_path / "a.csv", some_candles())], READING).sha256


def test_days_may_be_dates(tmp_path: Path) -> None:
    days: Any = some_candles() | {
        "time": pa.array([19_417, 19_418, 19_420], pa.date32()),
        "granularity": [86_400] * 3,
    }
    file = write(tmp_path / "days.parquet", days)

    assert read_tape([file], READING).granularity_s == 86_400
    assert read_candles(file)[0].starts_ns[0] == START_S * SECOND_NS


BROKEN: dict[str, tuple[dict[str, list[Any] | None], str]] = {
    "a missing column": ({"volume": None}, "has no column volume"),
    "no product": ({"product_id": None}, "has no column product_id"),
    "no granularity": ({"granularity": None}, "has no column granularity"),
    "unsorted times": ({"time": [START_S, START_S + 120, START_S + 60]}, "row 3 is earlier"),
    "a duplicate time": ({"time": [START_S, START_S + 60, START_S + 60]}, "row 3 is a duplicate"),
    "a time off the grid": ({"time": [START_S, START_S + 61, START_S + 120]}, "not on the grid"),
    "fractional times": ({"time": [1.5, 2.5, 3.5]}, "row 0 counted from 0: time 1.5 is not whole"),
    "words for times": ({"time": ["a", "b", "c"]}, "column time holds 'a' in row 0"),
    "a NaN": ({"close": [float("nan")] * 3}, "close (in row 1 is nan|has an empty value)"),
    "an infinity": ({"volume": [1.0, float("inf"), 1.0]}, "volume in row 2 is inf"),
    "a price of zero": ({"low": [0.0, 1.0, 1.0]}, "not above 0"),
    "a negative volume": ({"volume": [1.0, -1.0, 1.0]}, "a negative volume"),
    "a low high": ({"high": [23141.0, 23151.5, 23152.0]}, "high below its open, close or low"),
    "a high low": ({"low": [23141.0, 23150.5, 23150.25]}, "low above its open or close"),
    "text for a price": ({"open": ["a", "b", "c"]}, "other than numbers"),
    "an unknown product": ({"product_id": ["XYZ-USD"] * 3}, "unknown product 'XYZ-USD'"),
    "numbers for a product": ({"product_id": [1, 2, 3]}, "other than text"),
    "two granularities": ({"granularity": [60, 60, 300]}, "mixes candles of 60 s and 300 s"),
    "a strange granularity": ({"granularity": [7] * 3}, "7 s does not divide a day"),
    "half seconds": ({"time": [START_S * 10**3 + 500 * k for k in range(3)]}, "no whole second"),
    "microseconds": ({"time": [START_S * 10**6 + 60 * k for k in range(3)]}, "no whole second"),
    "nanoseconds": ({"time": [START_S * 10**9 + 60 * k for k in range(3)]}, "no whole second"),
    "a time before all times": ({"time": [-60, 0, 60]}, "time -60 is not in seconds"),
    "a volume too large": ({"volume": [1e9] * 3}, "too large"),
}


@pytest.mark.parametrize("case", list(BROKEN))
@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_broken_candles_are_refused_with_one_sentence(
    tmp_path: Path, case: str, ending: str
) -> None:
    change, words = BROKEN[case]
    columns = some_candles()
    for name, values in change.items():
        if values is None:
            del columns[name]
        else:
            columns[name] = values
    path = write(tmp_path / f"broken{ending}", columns)

    with pytest.raises(TapeError, match=words) as refusal:
        read_tape([path], READING)

    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time": [START_S, START_S + 2, START_S + 1, START_S + 3]}, "row 3 is earlier"),
        ({"time": [START_S * 10**3 + k for k in range(4)]}, "not in seconds"),
        ({"time": [START_S * 10**6 + k for k in range(4)]}, "not in seconds"),
        ({"time": [START_S * 1e3 + k for k in range(4)]}, "not in seconds"),
        ({"time": [START_S * 1e9 + k for k in range(4)]}, "not in seconds"),
        ({"time": [START_S * 10**9 + 1, START_S, START_S, START_S]}, "not in seconds"),
        ({"price": [1.0, 0.004, 1.0, 1.0]}, "price 0.004 is below one increment"),
        ({"size": [1.0, 1.0, 0.0, 1.0]}, "size 0.0 is below one increment"),
        ({"side": ["BUY", "BOUGHT", "BUY", "BUY"]}, "'BOUGHT' is neither BUY nor SELL"),
    ],
)
def test_broken_trades_are_refused(tmp_path: Path, change: Columns, words: str) -> None:
    path = write(tmp_path / "trades.parquet", some_trades() | change)

    with pytest.raises(TapeError, match=words):
        read_tape([path], READING)


def test_a_null_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "candles.parquet", some_candles() | {"open": [1.0, None, 2.0]})

    with pytest.raises(TapeError, match="column open has an empty value"):
        read_tape([path], READING)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "not.parquet"
    text.write_text("hello")
    empty = write(tmp_path / "empty.csv", {name: [] for name in some_candles()})

    for path, words in (
        (tmp_path / "absent.csv", "no such file"),
        (tmp_path / "candles.xls", "ends in .parquet or .csv"),
        (text, "cannot be read"),
        (empty, "holds no row"),
    ):
        with pytest.raises(TapeError, match=words):
            read_table(path)


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    minute = write(tmp_path / "minute.csv", some_candles())
    slow = some_candles() | {"granularity": [300] * 3, "product_id": ["ETH-USD"] * 3}
    slow["time"] = [START_S, START_S + 300, START_S + 600]
    five = write(tmp_path / "five.csv", slow)
    trades = write(tmp_path / "trades.csv", some_trades())

    for paths, words in (
        ([minute, five], "one granularity, not 60 s, 300 s"),
        ([minute, trades], "cannot be mixed"),
        ([minute, minute], "files of BTC-USD overlap at time"),
        ([trades, trades], "more than one file"),
    ):
        with pytest.raises(TapeError, match=words):
            read_tape(paths, READING)


@given(st.lists(st.decimals(0, 10**7, places=9, allow_nan=False), min_size=1), st.integers(0, 8))
def test_floats_become_the_increments_of_their_shortest_decimals(
    exact: list[Decimal], places: int
) -> None:
    values = np.array([float(value) for value in exact])

    counts = quantise(values, places, "test")

    twin = [
        int(Decimal(repr(float(value))).scaleb(places).to_integral_value(ROUND_HALF_EVEN))
        for value in values
    ]
    assert counts.tolist() == twin


def test_halves_go_to_the_even_increment_by_their_decimals() -> None:
    """0.575 times a hundred is 57.49999999999999 in floats, 57.5 in decimals."""
    values = np.array([0.575, 0.285, 0.295, 1.005, 2.675, 0.125])

    assert quantise(values, 2, "test").tolist() == [58, 28, 30, 100, 268, 12]


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(0, 8))
def test_every_half_goes_to_the_even_increment(halves: list[int], places: int) -> None:
    exact = [(Decimal(2 * half + 1) / 2).scaleb(-places) for half in halves]

    counts = quantise(np.array([float(value) for value in exact]), places, "test")

    assert counts.tolist() == [half + half % 2 for half in halves]


def real_or_generated(tmp_path: Path) -> Path:
    """The real candles when the data folder is there, else generated ones of the same form."""
    folder = os.environ.get("GPT_TRADER_DATA")
    name = "coinbase_BTC-USD_1m_20230301-20230321.parquet"
    if folder and (Path(folder) / "candles" / name).is_file():
        return Path(folder) / "candles" / name
    draw = random.Random(1)
    rows = []
    for number in range(5000):
        path = [round(23000 + draw.uniform(-50, 50), 2) for _ in range(4)]
        volume = round(draw.lognormvariate(1, 2), 8)
        rows.append((START_S + 60 * number, path[0], max(path), min(path), path[3], volume))
    columns: Columns = {
        name: list(values)
        for name, values in zip(
            ("time", "open", "high", "low", "close", "volume"), zip(*rows, strict=True), strict=True
        )
    }
    columns |= {"product_id": ["BTC-USD"] * 5000, "granularity": [60] * 5000}
    return write(tmp_path / "candles.parquet", columns)


def test_a_whole_file_is_rebuilt_by_its_trades_in_every_digit(tmp_path: Path) -> None:
    path = real_or_generated(tmp_path)

    part = read_tape([path], READING).parts["BTC-USD"]

    table = read_table(path)
    names = ("open", "high", "low", "close", "volume")
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    for number, row in enumerate(rows):
        first, last = part.ends[number], part.ends[number + 1]
        prices = part.prices[first:last]
        seen = (prices[0], max(prices), min(prices), prices[-1])
        assert [part.product.price_text(ticks) for ticks in seen] == [
            plain(value) for value in row[:4]
        ]
        assert part.product.base_text(sum(part.sizes[first:last])) == plain(row[4])


def plain(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def test_a_granularity_given_beside_the_file_must_divide_a_day(tmp_path: Path) -> None:
    columns = some_candles()
    del columns["granularity"]
    path = write(tmp_path / "candles.csv", columns)

    with pytest.raises(TapeError, match="7 s does not divide a day"):
        read_tape([path], Reading(None, 7, None, 1))
