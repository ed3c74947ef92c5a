"""Market data files as a tape: candles or trades, Parquet or CSV, refused with one clear sentence.

Candle files have the columns time (the start: a timestamp, a date, or whole s, ms, us or ns since
1970; UTC where no zone is named), open, high, low, close, volume, and product_id and granularity
unless they are given. Trade files have time (epoch seconds or nanoseconds), price, size,
product_id unless given, and may have side (the maker's).

Prices and sizes become whole increments, rounded half to even where they lie between two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import Product, UnknownProduct, find_product
from gpt_trader.exchange.tape import MINUTE_S, Tape, TapeError, TradeColumns, assemble
from gpt_trader.exchange.timestamps import SECOND_NS

PRICES = ("open", "high", "low", "close")
CANDLE_COLUMNS = ("time", *PRICES, "volume")
TRADE_COLUMNS = ("time", "price", "size")
DAY_S = 86_400
SECONDS_MAX = 9 * 10**9  # later times do not fit into an int64 of nanoseconds
NANOSECONDS_FROM = 10**16  # from here on a whole number is the time of a trade in nanoseconds
SECONDS_BELOW = 9_200_000_000  # whole numbers from here on are milliseconds and finer
_TIMESTAMPS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": SECOND_NS}
COUNT_MAX = 2**53  # above, a float64 is no exact count of increments


@dataclass(frozen=True, slots=True)
class Reading:
    """What the person who names the files says about them, and the seed of what they leave open."""

    product_id: str | None  # for files without the column
    granularity_s: int | None  # for files without the column
    candles: int | None  # keep only so many rounds from the start
    seed: int


def read_tape(paths: Sequence[Path], reading: Reading) -> Tape:
    """Read market data files as one tape.

    Raises
    ------
    TapeError
        A file is missing, unreadable or malformed, a value is impossible, a product is unknown,
        or the files do not fit together.
    """
    tables = [(path, read_table(path)) for path in paths]
    kinds = {"price" in table.column_names for _, table in tables}
    if len(kinds) != 1:
        raise TapeError("candle files and trade files cannot be mixed in one tape")
    if kinds == {True}:
        parts = [part for path, table in tables for part in _trades(path, table, reading)]
        granularity_s = MINUTE_S
    else:
        candles = [part for path, table in tables for part in _candles(path, table, reading)]
        steps = {step for _, step in candles}
        if len(steps) != 1:
            listed = ", ".join(f"{step} s" for step in sorted(steps))
            raise TapeError(f"all candles of a tape must have one granularity, not {listed}")
        granularity_s = steps.pop()
        parts = [
            trades_from_candles(part, granularity_s, reading.seed)
            for part in _merged([part for part, _ in candles])
        ]
    _refuse_repeats([part.product.product_id for part in parts])
    if reading.candles is not None:
        parts = _first_rounds(parts, reading.candles, granularity_s)
    return assemble(reading.seed, granularity_s, parts)


def read_table(path: Path) -> pa.Table:
    """Read a Parquet or CSV file, told apart by its ending.

    Raises
    ------
    TapeError
        The file is missing, unreadable, of another kind, or empty.
    """
    readers = {".parquet": _read_parquet, ".csv": pyarrow.csv.read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise TapeError(f"{path}: expected a file that ends in .parquet or .csv")
    if not path.is_file():
        raise TapeError(f"{path}: no such file")
    try:
        table = reader(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise TapeError(f"{path}: cannot be read: {reason}") from error
    if not table.num_rows:
        raise TapeError(f"{path}: holds no row")
    return table


def _read_parquet(path: Path) -> pa.Table:
    # ``read_table`` would import the whole of pyarrow.dataset and pandas: more than a second.
    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read(use_threads=False)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.generic]:
    """Copy a column of numbers without nulls; ``to_numpy`` would import pandas."""
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])


def quantise(values: NDArray[np.float64], places: int, where: str) -> NDArray[np.int64]:
    """Round to whole steps of ten to the minus ``places``, half to even, by the shortest decimals.

    Multiplying floats is right but for the few values next to a half; those go through ``Decimal``.

    Raises
    ------
    TapeError
        A value needs more than 2**53 steps.
    """
    scaled = values * 10.0**places
    if np.abs(scaled).max(initial=0.0) >= COUNT_MAX:
        raise TapeError(f"{where}: {np.abs(values).max()} is too large")
    counts = np.rint(scaled)
    doubt = np.abs(np.abs(scaled - counts) - 0.5) <= 1e-9 + np.abs(scaled) * 1e-15
    for row in np.flatnonzero(doubt):
        exact = Decimal(repr(float(values[row]))).scaleb(places)
        counts[row] = float(exact.to_integral_value(ROUND_HALF_EVEN))
    return counts.astype(np.int64)


def _candles(path: Path, table: pa.Table, reading: Reading) -> list[tuple[CandleColumns, int]]:
    _require(path, table, CANDLE_COLUMNS)
    found = []
    for product_id, rows in _by_product(path, table, reading.product_id):
        step = _granularity(path, rows, reading.granularity_s)
        found.append((_candle_columns(f"{path}: {product_id}", rows, product_id, step), step))
    return found


def _candle_columns(where: str, rows: pa.Table, product_id: str, step: int) -> CandleColumns:
    product = _product(where, product_id)
    starts = _starts(where, rows["time"])
    _check_seconds(where, starts)
    _check_rising(where, starts)
    off_grid = np.flatnonzero(starts % step)
    if off_grid.size:
        raise TapeError(f"{where}: time {starts[off_grid[0]]} is not on the grid of {step} s")
    values = {name: _floats(where, rows, name) for name in (*PRICES, "volume")}
    _check_prices(where, starts, values)
    ticks = {
        name: np.maximum(quantise(values[name], product.price_places, where), 1) for name in PRICES
    }
    return CandleColumns(
        product=product,
        starts_s=starts,
        open=ticks["open"],
        high=ticks["high"],
        low=ticks["low"],
        close=ticks["close"],
        volume=quantise(values["volume"], product.base_places, where),
    )


def _starts(where: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Starts of candles in seconds, from timestamps, dates, or whole s, ms, us or ns since 1970."""
    kind = column.type
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise TapeError(f"{where}: row {row} counted from 0 has no time; drop the row")
    if pa.types.is_timestamp(kind):
        times, a_second = _numbers(column.cast(pa.int64())), _TIMESTAMPS[kind.unit]
    elif pa.types.is_date32(kind):
        return _numbers(column.cast(pa.int32())).astype(np.int64) * DAY_S
    elif pa.types.is_integer(kind):
        times = _numbers(column)
        a_second = _count_of_a_second(int(times[0]))
    elif pa.types.is_floating(kind):
        times = _numbers(column)
        wrong = np.flatnonzero((times != np.floor(times)) | (np.abs(times) >= 2.0**63))
        if wrong.size:
            found = times[wrong[0]]
            raise TapeError(f"{where}: row {wrong[0]} counted from 0: time {found} is not whole")
        a_second = _count_of_a_second(int(times[0]))
    else:
        raise TapeError(
            f"{where}: column time holds {column[0].as_py()!r} in row 0; write whole seconds "
            "since 1970, or timestamps as 2023-03-01T00:00:00"
        )
    counts = times.astype(np.int64)
    parts = np.flatnonzero(counts % a_second)
    if parts.size:
        raise TapeError(f"{where}: row {parts[0]} counted from 0: time is no whole second")
    return counts // a_second


def _count_of_a_second(first: int) -> int:
    """How many of its unit make a second, for a number that is a time of these decades."""
    for count in (1, 1_000, 1_000_000):
        if abs(first) < SECONDS_BELOW * count:
            return count
    return SECOND_NS


def _trades(path: Path, table: pa.Table, reading: Reading) -> list[TradeColumns]:
    _require(path, table, TRADE_COLUMNS)
    parts = []
    for product_id, rows in _by_product(path, table, reading.product_id):
        where = f"{path}: {product_id}"
        product = _product(where, product_id)
        times_ns = _trade_times(where, rows)
        price = _floats(where, rows, "price")
        size = _floats(where, rows, "size")
        lots = quantise(size, product.base_places, where)
        ticks = quantise(price, product.price_places, where)
        for name, values, counts in (("price", price, ticks), ("size", size, lots)):
            wrong = np.flatnonzero(counts <= 0)
            if wrong.size:
                raise TapeError(f"{where}: {name} {values[wrong[0]]} is below one increment")
        parts.append(
            TradeColumns(
                product=product,
                times_ns=times_ns,
                prices=ticks,
                sizes=lots,
                maker_buys=_sides(where, rows, ticks),
                row_starts_s=np.unique(times_ns // (MINUTE_S * SECOND_NS)) * MINUTE_S,
            )
        )
    return parts


def _trade_times(where: str, rows: pa.Table) -> NDArray[np.int64]:
    if pa.types.is_floating(rows["time"].type):
        seconds = _floats(where, rows, "time")
        _check_seconds(where, seconds)
        times_ns = np.rint(seconds * 1e6).astype(np.int64) * 1000  # a float64 holds microseconds
    else:
        times = _integers(where, rows, "time")
        if times.min() >= NANOSECONDS_FROM:
            times_ns = times
        else:
            _check_seconds(where, times)
            times_ns = times * SECOND_NS
    back = np.flatnonzero(np.diff(times_ns) < 0)
    if back.size:
        raise TapeError(f"{where}: row {back[0] + 2} is earlier than the row before it")
    return times_ns


def _sides(where: str, rows: pa.Table, ticks: NDArray[np.int64]) -> NDArray[np.int8]:
    """The maker's side: as the file says; else a price that rose means that the taker bought."""
    if "side" not in rows.column_names:
        falls = np.diff(ticks, prepend=ticks[:1]) < 0
        return falls.astype(np.int8)
    sides = [str(side).upper() for side in rows["side"].to_pylist()]
    wrong = [side for side in sides if side not in ("BUY", "SELL")]
    if wrong:
        raise TapeError(f"{where}: side {wrong[0]!r} is neither BUY nor SELL")
    return np.array([side == "BUY" for side in sides], np.int8)


def _by_product(path: Path, table: pa.Table, given: str | None) -> list[tuple[str, pa.Table]]:
    if "product_id" not in table.column_names:
        if given is None:
            raise TapeError(f"{path}: has no column product_id; name the product")
        return [(given, table)]
    column = table["product_id"]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TapeError(f"{path}: column product_id holds something other than text")
    names = column.unique().to_pylist()
    if len(names) == 1:  # the filter below makes pyarrow import pandas: a second
        return [(names[0], table)]
    return [(name, table.filter(pc.equal(column, name))) for name in names]


def _granularity(path: Path, rows: pa.Table, given: int | None) -> int:
    if "granularity" not in rows.column_names:
        if given is None:
            raise TapeError(f"{path}: has no column granularity; give the candles' seconds")
        step = given
    else:
        steps = np.unique(_integers(str(path), rows, "granularity"))
        if steps.size != 1:
            raise TapeError(f"{path}: mixes candles of {steps[0]} s and {steps[1]} s")
        step = int(steps[0])
    if step < 1 or DAY_S % step:
        raise TapeError(f"{path}: a granularity of {step} s does not divide a day")
    return step


def _product(where: str, product_id: str) -> Product:
    try:
        return find_product(product_id)
    except UnknownProduct as error:
        raise TapeError(f"{where}: {error}") from error


def _require(path: Path, table: pa.Table, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise TapeError(f"{path}: has no column {', '.join(missing)}")


def _integers(where: str, rows: pa.Table, name: str) -> NDArray[np.int64]:
    column = rows[name]
    if column.null_count or not pa.types.is_integer(column.type):
        raise TapeError(f"{where}: column {name} holds something other than whole numbers")
    return _numbers(column).astype(np.int64)


def _floats(where: str, rows: pa.Table, name: str) -> NDArray[np.float64]:
    column = rows[name]
    if column.null_count:
        raise TapeError(f"{where}: column {name} has an empty value or NaN")
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise TapeError(f"{where}: column {name} holds something other than numbers")
    values = _numbers(column).astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise TapeError(f"{where}: {name} in row {wrong[0] + 1} is {values[wrong[0]]}")
    return values


def _check_seconds(where: str, times: NDArray[np.int64] | NDArray[np.float64]) -> None:
    wrong = np.flatnonzero((times < 0) | (times > SECONDS_MAX))
    if wrong.size:
        raise TapeError(f"{where}: time {times[wrong[0]]} is not in seconds")


def _check_rising(where: str, starts: NDArray[np.int64]) -> None:
    steps = np.diff(starts)
    wrong = np.flatnonzero(steps <= 0)
    if not wrong.size:
        return
    row = int(wrong[0])
    problem = "a duplicate" if steps[row] == 0 else "earlier than the row before it"
    raise TapeError(f"{where}: time {starts[row + 1]} in row {row + 2} is {problem}")


def _check_prices(
    where: str, starts: NDArray[np.int64], values: dict[str, NDArray[np.float64]]
) -> None:
    top = np.maximum(values["open"], values["close"])
    bottom = np.minimum(values["open"], values["close"])
    checks = (
        ("a price that is not above 0", np.minimum(values["low"], bottom) <= 0),
        ("a high below its open, close or low", values["high"] < np.maximum(top, values["low"])),
        ("a low above its open or close", values["low"] > bottom),
        ("a negative volume", values["volume"] < 0),
    )
    for problem, rows in checks:
        if rows.any():
            raise TapeError(f"{where}: the candle at {starts[np.argmax(rows)]} has {problem}")


def _merged(parts: list[CandleColumns]) -> list[CandleColumns]:
    """Join files of the same product, which must not overlap."""
    by_product: dict[str, list[CandleColumns]] = {}
    for part in parts:
        by_product.setdefault(part.product.product_id, []).append(part)
    merged = []
    for product_id, same in by_product.items():
        same.sort(key=lambda part: int(part.starts_s[0]))
        starts = np.concatenate([part.starts_s for part in same])
        overlap = np.flatnonzero(np.diff(starts) <= 0)
        if overlap.size:
            raise TapeError(f"files of {product_id} overlap at time {starts[overlap[0] + 1]}")
        columns = {
            name: np.concatenate([_column(part, name) for part in same])
            for name in (*PRICES, "volume")
        }
        merged.append(CandleColumns(product=same[0].product, starts_s=starts, **columns))
    return merged


def _column(part: CandleColumns, name: str) -> NDArray[np.int64]:
    columns = {
        "open": part.open,
        "high": part.high,
        "low": part.low,
        "close": part.close,
        "volume": part.volume,
    }
    return columns[name]


def _refuse_repeats(product_ids: list[str]) -> None:
    for product_id in product_ids:
        if product_ids.count(product_id) > 1:
            raise TapeError(f"trades of {product_id} come from more than one file")


def _first_rounds(parts: list[TradeColumns], count: int, granularity_s: int) -> list[TradeColumns]:
    """Keep what belongs to the first rounds."""
    starts = np.unique(np.concatenate([part.row_starts_s for part in parts]))[:count]
    end_s = math.inf if not starts.size else int(starts[-1]) + granularity_s
    kept = []
    for part in parts:
        rows = int(np.searchsorted(part.row_starts_s, end_s))
        trades = int(np.searchsorted(part.times_ns, end_s * SECOND_NS))
        kept.append(
            TradeColumns(
                product=part.product,
                times_ns=part.times_ns[:trades],
                prices=part.prices[:trades],
                sizes=part.sizes[:trades],
                maker_buys=part.maker_buys[:trades],
                row_starts_s=part.row_starts_s[:rows],
            )
        )
    return kept
