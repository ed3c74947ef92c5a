"""From floats to whole increments: a table of candles checked, counted and laid out for kernels."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gpt_trader.backtesting import spare
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.kernels import loading
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.store.candle_faults import find_count_faults, find_faults
from gpt_trader.store.candle_table import (
    COLUMNS,
    PRICES,
    SECOND_NS,
    CandleTable,
    checked_width,
)

TRADES = 4  # the embedded exchange makes as many of a candle, each of at least one lot
LINE = 8  # float64 in a cache line


class Counted(NamedTuple):
    """The candles of a table, and where they stood in it."""

    candles: Candles
    columns: tuple[str, ...]  # what was read; the other arrays are stand-ins
    rows: Ints | None  # row of each candle; None: every row is one
    row_starts_ns: Ints  # of every row


def places_of(increment: Decimal) -> int:
    """Decimals of an increment that is a power of ten, as all of Coinbase's spot products have.

    Raises
    ------
    UsageError
        It is none.
    """
    places = -increment.adjusted()
    if Decimal(1).scaleb(-places) != increment:
        raise UsageError(f"an increment of {increment} is no power of ten: it cannot be counted")
    return places


def count(
    table: CandleTable, product: Product, candle_s: int | None, wanted: Sequence[str]
) -> Counted:
    """Check and count the `wanted` columns of a table, as the embedded exchange does.

    Prices and sizes are whole increments afterwards, rounded half to even. A price below half of
    one is refused. A row without volume is no candle. One with fewer lots than it needs trades is
    played with as many as it needs, and so it has them here.

    Raises
    ------
    UsageError
        For the first value that cannot be used: its row, time and column, and what to do.
    """
    columns = _columns(table, wanted)
    table = replace(table, times=np.ascontiguousarray(table.times))
    candle_s, even = _width(table, candle_s)
    if candle_s * SECOND_NS % table.unit_ns:
        table = replace(table, times=table.starts_ns, unit_ns=1)
    counts, sums = _space(table.times.size, columns)
    clean = even or not loading.time_check(table.times, candle_s * SECOND_NS // table.unit_ns)
    clean &= int(table.times[0]) >= 0 and int(table.times[-1]) <= (2**63 - 1) // table.unit_ns
    starts_ns = _starts(table, candle_s * SECOND_NS) if clean else table.times
    clean &= _count_prices(table, places_of(product.price_increment), counts, sums)
    least = float(TRADES * product.base_increment)
    small = 0
    if "volume" in table.values:
        small = loading.size_check(_whole(table.values["volume"]), least)
        clean &= not small & loading.REFUSED
    if not clean:
        raise _refusal(table, product, candle_s)
    lots = counts.get("volume")
    if small or lots is not None:
        lots = _lots(table, product, np.empty(starts_ns.size) if lots is None else lots)
    close = counts["close"]
    candles = Candles(
        start_ns=starts_ns,
        open=counts.get("open", close),
        high=counts.get("high", close),
        low=counts.get("low", close),
        close=close,
        volume=counts["volume"] if "volume" in counts else _no_volume(close.size),
        close_sum=sums,
        increment=float(product.price_increment),
        candle_ns=candle_s * SECOND_NS,
    )
    if not small or lots is None:
        return Counted(candles, columns, None, starts_ns)
    return _without_silence(table.where, Counted(candles, columns, None, starts_ns), lots)


def _starts(table: CandleTable, step_ns: int) -> Ints:
    """The starts of rows whose times are checked."""
    times, size = table.times, table.times.size
    first_ns = int(times[0]) * table.unit_ns
    if (int(times[-1]) - int(times[0])) * table.unit_ns == (size - 1) * step_ns:
        return _even_starts(first_ns, step_ns, size)
    starts_ns = np.empty(size, np.int64)
    loading.nanoseconds(times, table.unit_ns, starts_ns)
    return starts_ns


@lru_cache(maxsize=1)
def _even_starts(first_ns: int, step_ns: int, size: int) -> Ints:
    """Starts without a hole; the next tape of the same times may share them, see `_no_volume`."""
    return np.arange(size) * step_ns + first_ns


@lru_cache(maxsize=1)
def _no_volume(size: int) -> Floats:
    """Zeros where there is no volume; nobody writes to a tape, so tapes may share them."""
    return np.zeros(size)


def _columns(table: CandleTable, wanted: Sequence[str]) -> tuple[str, ...]:
    """The columns to read: all of a candle's prices, or its close alone."""
    present = [name for name in COLUMNS if name in table.values]
    prices = [name for name in present if name in PRICES]
    if prices != ["close"] and len(prices) < len(PRICES):
        missing = ", ".join(name for name in PRICES if name not in prices)
        raise UsageError(
            f"{table.where}: has no column {missing}; give open, high, low and close, or close "
            "alone"
        )
    if not table.times.size:
        raise UsageError(f"{table.where}: holds no row")
    return tuple(name for name in present if name in wanted or name == "close")


def _width(table: CandleTable, candle_s: int | None) -> tuple[int, bool]:
    """The candles' width: as given, as the source says, or the smallest distance of two rows.

    And whether all times are seen to follow each other at that distance, along its grid.
    """
    if candle_s is not None and table.candle_s not in (None, candle_s):
        raise UsageError(f"{table.where}: holds candles of {table.candle_s} s, not of {candle_s} s")
    said = table.candle_s if candle_s is None else candle_s
    if said is not None:
        return checked_width(said), False
    if table.times.size < 2:
        raise UsageError(f"{table.where}: one row tells no width; give candle_s")
    gap = int(table.times[1] - table.times[0])
    even = gap > 0 and not loading.time_check(table.times, gap)
    if not even:
        gap = loading.least_gap(table.times)
    if gap <= 0:
        raise _refusal(table, None, None)
    width_s, rest = divmod(gap * table.unit_ns, SECOND_NS)
    if rest:
        raise UsageError(
            f"{table.where}: rows are {gap * table.unit_ns} ns apart, which is no width of "
            "candles; give candle_s"
        )
    return checked_width(width_s), even


def _space(size: int, columns: Sequence[str]) -> tuple[dict[str, Floats], Floats]:
    """One block of memory for everything that will be written, on cache lines."""
    stride = -(-(size + 1) // LINE) * LINE
    block = spare.empty(stride * (len(columns) + 1))
    sums = block[: size + 1]
    counts = {
        name: block[stride * place : stride * place + size] for place, name in enumerate(columns, 1)
    }
    return counts, sums


def _count_prices(table: CandleTable, places: int, counts: dict[str, Floats], sums: Floats) -> bool:
    """Write the price increments of each column; say whether all can be used."""
    found = 0
    prices = {name: _whole(table.values[name]) for name in counts if name in PRICES}
    for name, values in prices.items():
        scale = 10.0**places
        if name == "close":
            seen = loading.close_counts(values, scale, counts[name], sums)
        else:
            seen = loading.price_counts(values, scale, counts[name])
        if seen & loading.DOUBTFUL and not seen & loading.REFUSED:
            _settle(values, places, 1, counts[name])
            if name == "close":
                loading.running_sum(counts[name], 0.0, sums[1:])
        found |= seen
    if len(prices) == len(PRICES):
        found |= loading.range_check(*(prices[name] for name in PRICES))
    return not found & loading.REFUSED


def _whole(values: npt.NDArray[np.float64]) -> Floats:
    return np.ascontiguousarray(values)


def _settle(values: Floats, places: int, least: int, counts: Floats) -> None:
    """Round the values next to a half by their shortest decimals, half to even."""
    scaled = values * 10.0**places
    doubt = np.abs(np.abs(scaled - np.rint(scaled)) - 0.5) <= 1e-9 + np.abs(scaled) * 1e-15
    for row in np.flatnonzero(doubt):
        exact = Decimal(repr(float(values[row]))).scaleb(places)
        counts[row] = max(int(exact.to_integral_value(ROUND_HALF_EVEN)), least)


def _lots(table: CandleTable, product: Product, lots: Floats) -> Floats:
    """Write the base increments of each volume."""
    values, places = _whole(table.values["volume"]), places_of(product.base_increment)
    found = loading.size_counts(values, 10.0**places, lots)
    if found & loading.REFUSED:
        raise _refusal(table, product, None)
    if found & loading.DOUBTFUL:
        _settle(values, places, 0, lots)
    return lots


def _without_silence(where: str, counted: Counted, lots: Floats) -> Counted:
    """Leave out rows without volume, and give very small candles as many lots as trades."""
    candles = counted.candles
    rows = np.flatnonzero(lots > 0)
    if not rows.size:
        raise UsageError(f"{where}: no row has a volume, so nothing was traded")
    if "volume" in counted.columns:
        for row in np.flatnonzero((lots > 0) & (lots < TRADES)):
            path = [candles.open[row], candles.high[row], candles.low[row], candles.close[row]]
            candles.volume[row] = max(lots[row], _trades_needed(path))
    if rows.size == lots.size:
        return counted
    close = candles.close[rows]
    sums = np.zeros(rows.size + 1)
    loading.running_sum(close, 0.0, sums[1:])

    def kept(column: Floats) -> Floats:
        return close if column is candles.close else column[rows]

    shorter = candles._replace(
        start_ns=candles.start_ns[rows],
        open=kept(candles.open),
        high=kept(candles.high),
        low=kept(candles.low),
        close=close,
        volume=kept(candles.volume),
        close_sum=sums,
    )
    return Counted(shorter, counted.columns, rows, counted.row_starts_ns)


def _trades_needed(path: Sequence[float]) -> int:
    """How many trades show a candle's open, high, low and close."""
    first, *extremes, last = path
    between = {price for price in extremes if price not in (first, last)}
    return 1 if not between and first == last else 2 + len(between)


def _refusal(table: CandleTable, product: Product | None, candle_s: int | None) -> UsageError:
    """What is wrong with a table, in one sentence about its first bad row; slow."""
    faults = find_faults(table, candle_s)
    if faults:
        return UsageError(min(faults, key=lambda fault: int(fault.rows[0])).first(table))
    assert product is not None, f"{table.where}: refused without a fault"
    faults = find_count_faults(table, product)
    if faults:
        return UsageError(min(faults, key=lambda fault: int(fault.rows[0])).first(table))
    return UsageError(
        f"{table.where}: the closes of {table.times.size} rows are too many to be summed exactly "
        f"in increments of {product.price_increment}; load a part of them"
    )
