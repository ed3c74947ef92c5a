"""Candle files, Parquet or CSV: what stands in them, as columns of numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gpt_trader.domain.errors import UsageError
from gpt_trader.store.candle_table import COLUMNS, CandleTable, unit_of

_TIMESTAMP_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_DAY_NS = 86_400_000_000_000


def read_candles(path: Path) -> tuple[CandleTable, ...]:
    """Read a candle file, one table for each product in it.

    Columns: time (whole seconds, ms, us or ns since 1970, or a timestamp; UTC where it names no
    zone), open, high, low, close, volume; only time and close must be there. product_id and
    granularity (seconds) are taken where they are.

    Raises
    ------
    UsageError
        The file is missing, unreadable or empty, or a column is missing or holds no numbers.
    """
    try:
        return _tables(path, _read(path))
    except (UnicodeDecodeError, pa.ArrowException) as e:
        raise UsageError(f"{path}: cannot be read: {str(e).splitlines()[0]}") from e


def _tables(path: Path, table: pa.Table) -> tuple[CandleTable, ...]:
    missing = [name for name in ("time", "close") if name not in table.column_names]
    if missing:
        raise UsageError(
            f"{path}: has no column {', '.join(missing)}, only "
            f"{', '.join(table.column_names)}; rename the columns"
        )
    return tuple(_table(path, rows, name) for name, rows in _by_product(path, table))


def _read(path: Path) -> pa.Table:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    readers = {".parquet": _read_parquet, ".csv": pyarrow.csv.read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: is no file that ends in .parquet or .csv")
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        table = reader(path)
    except (pa.ArrowException, OSError) as e:
        raise UsageError(f"{path}: cannot be read: {str(e).splitlines()[0]}") from e
    if not table.num_rows:
        raise UsageError(f"{path}: holds no row")
    return table


def _read_parquet(path: Path) -> pa.Table:
    # `read_table` would import the whole of pyarrow.dataset and pandas: more than a second.
    with pq.ParquetFile(path) as file:
        return file.read(use_threads=False)


def _by_product(path: Path, table: pa.Table) -> list[tuple[str | None, pa.Table]]:
    if "product_id" not in table.column_names:
        return [(None, table)]
    column = table["product_id"]
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if column.null_count or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise UsageError(f"{path}: column product_id holds something other than text")
    names = column.unique().to_pylist()
    if len(names) == 1:
        return [(names[0], table)]
    return [(name, table.filter(pc.equal(column, name))) for name in names]


def _table(path: Path, rows: pa.Table, product_id: str | None) -> CandleTable:
    times, unit_ns = _times(path, rows["time"])
    present = [name for name in COLUMNS if name in rows.column_names]
    return CandleTable(
        where=str(path) if product_id is None else f"{path}: {product_id}",
        product_id=product_id,
        candle_s=_granularity(path, rows),
        times=times,
        unit_ns=unit_ns,
        values={name: _floats(path, rows[name], name) for name in present},
    )


def _granularity(path: Path, rows: pa.Table) -> int | None:
    if "granularity" not in rows.column_names:
        return None
    column = rows["granularity"]
    if column.null_count or not pa.types.is_integer(column.type):
        raise UsageError(f"{path}: column granularity holds something other than whole seconds")
    widths = np.unique(_numbers(column))
    if widths.size != 1:
        raise UsageError(f"{path}: mixes candles of {widths[0]} s and {widths[1]} s")
    return int(widths[0])


def _times(path: Path, column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    kind = column.type
    if column.null_count:
        row = _first_row(column, lambda value: value is None)
        raise UsageError(f"{path}: row {row} counted from 0 has no time; drop the row")
    if pa.types.is_timestamp(kind):
        return _numbers(column.cast(pa.int64())).astype(np.int64), _TIMESTAMP_NS[kind.unit]
    if pa.types.is_date32(kind):
        return _numbers(column.cast(pa.int32())).astype(np.int64), _DAY_NS
    if pa.types.is_floating(kind):
        seconds = _numbers(column).astype(np.float64)
        wrong = np.flatnonzero((seconds != np.floor(seconds)) | (np.abs(seconds) >= 2.0**63))
        if wrong.size:
            raise UsageError(
                f"{path}: row {wrong[0]} counted from 0: time {seconds[wrong[0]]} is not whole"
            )
        times = seconds.astype(np.int64)
        return times, unit_of(int(times[0]))
    if pa.types.is_integer(kind):
        times = _numbers(column).astype(np.int64)
        return times, unit_of(int(times[0]))
    shown = column[0].as_py()
    raise UsageError(
        f"{path}: column time holds {shown!r} in row 0; write whole seconds since 1970, or "
        "timestamps as 2023-03-01T00:00:00"
    )


def _floats(path: Path, column: pa.ChunkedArray, name: str) -> npt.NDArray[np.float64]:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        row = _first_row(column, lambda value: not isinstance(value, int | float))
        raise UsageError(
            f"{path}: row {row} counted from 0: {name} {column[row].as_py()!r} is no number; "
            "write numbers with a decimal point"
        )
    if column.null_count:
        column = pc.fill_null(column.cast(pa.float64()), float("nan"))
    return _numbers(column).astype(np.float64, copy=False)


def _first_row(column: pa.ChunkedArray, is_wrong: Any) -> int:
    """The first row whose value is wrong; of a text column, the first that is no number."""
    for row, value in enumerate(column.to_pylist()):
        if isinstance(value, str):
            try:
                float(value)
            except ValueError:
                return row
        elif is_wrong(value):
            return row
    return 0


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of numbers without nulls; `to_numpy` would import pandas."""
    chunks = [np.from_dlpack(chunk) for chunk in column.chunks if len(chunk)]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def arrow_table(table: CandleTable, metadata: Mapping[str, str]) -> pa.Table:
    """A table of candles in the form in which every reader of ours takes them."""
    count = table.times.size
    seconds = table.starts_ns // 1_000_000_000
    columns = {"time": pa.array(seconds)}
    columns |= {name: pa.array(values) for name, values in table.values.items()}
    product_id = pa.array([table.product_id], pa.string())
    columns["product_id"] = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(count, np.int32)), product_id
    )
    columns["granularity"] = pa.array(np.full(count, table.candle_s, np.int32))
    return pa.table(columns).replace_schema_metadata(dict(metadata))
