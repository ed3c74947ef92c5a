"""Frames and series of a notebook as tables of candles, and candles as a frame."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from gpt_trader.backtesting.candle_counts import places_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.kernels.candles import Candles
from gpt_trader.store.candle_table import COLUMNS, CandleTable, unit_of

_UNIT_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_TO_UTC = "use pd.to_datetime(times, utc=True)"


def tables_of(source: pd.DataFrame | pd.Series) -> Iterator[CandleTable]:
    """The candles of a frame, one table for each product in it; of a series, which holds closes.

    Times are the index, or the column `time` (whole seconds, ms, us or ns). A time without a zone
    is UTC. The columns product_id and granularity are read where they are.

    Raises
    ------
    UsageError
        It is neither, has no times, no closes, or a column that holds no numbers.
    """
    if isinstance(source, pd.Series):
        times, unit_ns = _index_times("the series", source.index)
        closes = _floats("the series", "close", source)
        yield CandleTable("the series", None, None, times, unit_ns, {"close": closes})
        return
    if not isinstance(source, pd.DataFrame):
        raise UsageError(
            f"candles: {type(source).__name__} is none of what can be loaded: a pandas frame with "
            'times, a series of closes, a file, or the name of stored ones, "BTC-USD 1m"'
        )
    if "product_id" not in source.columns:
        yield _table(source, None)
        return
    names = list(dict.fromkeys(source["product_id"]))
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"the frame: column product_id holds {name!r}, which is no text")
        yield _table(source if len(names) == 1 else source[source["product_id"] == name], name)


def frame_of(candles: Candles, columns: tuple[str, ...], product: Product) -> pd.DataFrame:
    """Candles as a frame: prices in quote, volume in base, the start of each as its index."""
    index = pd.DatetimeIndex(candles.start_ns, tz="UTC", name="time")
    price_scale = 10.0 ** places_of(product.price_increment)
    base_scale = 10.0 ** places_of(product.base_increment)
    counts = {
        "open": candles.open,
        "high": candles.high,
        "low": candles.low,
        "close": candles.close,
        "volume": candles.volume,
    }
    # A quotient of whole numbers is the float nearest to the decimal; a product need not be.
    frame = pd.DataFrame(
        {
            name: counts[name] / (base_scale if name == "volume" else price_scale)
            for name in columns
        },
        index=index,
    )
    frame.attrs |= {"product_id": product.product_id, "candle_s": candles.candle_ns // 10**9}
    return frame


def _table(frame: pd.DataFrame, product_id: str | None) -> CandleTable:
    where = "the frame" if product_id is None else f"the frame: {product_id}"
    named = product_id or frame.attrs.get("product_id")
    if "close" not in frame.columns:
        shown = ", ".join(map(str, frame.columns))
        raise UsageError(f"{where}: has no column close, only {shown}; rename the columns")
    if isinstance(frame.index, pd.DatetimeIndex):
        if "time" in frame.columns:
            raise UsageError(f"{where}: has times twice: drop the column time, or reset_index()")
        times, unit_ns = _index_times(where, frame.index)
    elif "time" in frame.columns:
        times, unit_ns = _column_times(where, frame["time"])
    else:
        times, unit_ns = _index_times(where, frame.index)
    values = {name: _floats(where, name, frame[name]) for name in COLUMNS if name in frame.columns}
    return CandleTable(where, named, _granularity(where, frame), times, unit_ns, values)


def _granularity(where: str, frame: pd.DataFrame) -> int | None:
    if "granularity" not in frame.columns:
        said = frame.attrs.get("candle_s")
        return None if said is None else int(said)
    widths = frame["granularity"].unique()
    if len(widths) != 1:
        raise UsageError(f"{where}: mixes candles of {widths[0]} s and {widths[1]} s")
    if not pd.api.types.is_integer_dtype(frame["granularity"]):
        raise UsageError(f"{where}: column granularity holds something other than whole seconds")
    return int(widths[0])


def _index_times(where: str, index: pd.Index) -> tuple[npt.NDArray[np.int64], int]:
    if isinstance(index, pd.DatetimeIndex):
        return index.asi8, _UNIT_NS[index.unit]
    if any(isinstance(value, pd.Timestamp) for value in index[:1]):
        raise UsageError(f"{where}: the times of the index are of several zones: {_TO_UTC}")
    raise UsageError(
        f"{where}: has no times: give a column time or an index of them, "
        "frame.index = pd.to_datetime(times, utc=True)"
    )


def _column_times(where: str, column: pd.Series) -> tuple[npt.NDArray[np.int64], int]:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _index_times(where, pd.DatetimeIndex(column))
    if not len(column):
        raise UsageError(f"{where}: holds no row")
    if pd.api.types.is_float_dtype(column.dtype):
        seconds = column.to_numpy(np.float64, na_value=np.nan)
        wrong = np.flatnonzero(~(np.abs(seconds) < 2.0**63) | (seconds != np.floor(seconds)))
        if wrong.size:
            raise UsageError(
                f"{where}: row {wrong[0]} counted from 0: time {seconds[wrong[0]]} is no whole "
                "number of seconds, ms, us or ns"
            )
        times = seconds.astype(np.int64)
    elif pd.api.types.is_integer_dtype(column.dtype) and not column.hasnans:
        times = column.to_numpy(np.int64)
    else:
        zones = {str(value.tz) for value in column if isinstance(value, pd.Timestamp)}
        if len(zones) > 1:
            raise UsageError(f"{where}: column time mixes {' and '.join(sorted(zones))}: {_TO_UTC}")
        raise UsageError(f"{where}: time in row 0 is {column.iloc[0]!r}, no time: {_TO_UTC}")
    return times, unit_of(int(times[0]))


def _floats(where: str, name: str, column: pd.Series) -> npt.NDArray[np.float64]:
    if isinstance(column, pd.DataFrame):
        raise UsageError(f"{where}: has more than one column {name}; drop all but one")
    kind = column.dtype
    if kind == np.float64:
        return column.to_numpy()
    if pd.api.types.is_numeric_dtype(kind) and not (
        pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ):
        return column.to_numpy(np.float64, na_value=np.nan)
    numbers = pd.to_numeric(column, errors="coerce")
    row = int(np.argmax(numbers.isna().to_numpy()))
    raise UsageError(
        f"{where}: row {row} counted from 0: {name} is {column.iloc[row]!r}, no number; if all of "
        f"them are numbers in text, use frame[{name!r}].astype(float)"
    )
