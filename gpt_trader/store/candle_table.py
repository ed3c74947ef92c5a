"""Candles as a file or a frame holds them: columns of floats, and times that nobody checked yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle

PRICES = ("open", "high", "low", "close")
COLUMNS = (*PRICES, "volume")
SECOND_NS = 1_000_000_000
DAY_S = 86_400

# A whole number below this is a time in seconds, milliseconds, microseconds; above, nanoseconds.
_SECONDS_BELOW = 9_200_000_000  # later times do not fit into an int64 of nanoseconds
_UNITS = ((1, SECOND_NS), (1_000, 1_000_000), (1_000_000, 1_000))

_WIDTHS = ((DAY_S, "d"), (3_600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True, slots=True)
class CandleTable:
    """Rows of one product in the order they came, nothing checked but the columns' kinds."""

    where: str  # how messages call it: the file, "the frame"
    product_id: str | None  # None: the source does not say
    candle_s: int | None  # None: the source does not say
    times: npt.NDArray[np.int64]  # starts of the candles, in units of `unit_ns`
    unit_ns: int
    values: Mapping[str, npt.NDArray[np.float64]]  # by column, in quote and base

    @property
    def starts_ns(self) -> npt.NDArray[np.int64]:
        """The starts of the candles in nanoseconds UTC."""
        return self.times * self.unit_ns


def table_of(product_id: str, candle_s: int, candles: Sequence[Candle]) -> CandleTable:
    """Candles of an exchange as a table; a float has the digits of every price and size."""
    columns = {
        "open": [candle.open for candle in candles],
        "high": [candle.high for candle in candles],
        "low": [candle.low for candle in candles],
        "close": [candle.close for candle in candles],
        "volume": [candle.volume for candle in candles],
    }
    return CandleTable(
        where=f"{product_id} {width_name(candle_s)}",
        product_id=product_id,
        candle_s=candle_s,
        times=np.array([candle.start_ns for candle in candles], np.int64),
        unit_ns=1,
        values={name: np.array(values, np.float64) for name, values in columns.items()},
    )


def unit_of(first: int) -> int:
    """Nanoseconds in the unit in which a whole number is a time of these decades."""
    for factor, unit_ns in _UNITS:
        if abs(first) < _SECONDS_BELOW * factor:
            return unit_ns
    return 1


def width_name(candle_s: int) -> str:
    """Name a width as people do: 60 is "1m", 3600 is "1h"."""
    return next(f"{candle_s // unit_s}{name}" for unit_s, name in _WIDTHS if candle_s % unit_s == 0)


def width_of(name: str) -> int:
    """The seconds of "1m", "5m", "1h", "1d" or of any number of s, m, h, d that divides a day.

    Raises
    ------
    UsageError
        It is no such name.
    """
    count, unit = name[:-1], name[-1:]
    seconds = {letter: unit_s for unit_s, letter in _WIDTHS}.get(unit)
    if seconds is None or not (count.isascii() and count.isdigit()):
        raise UsageError(f"{name!r} is no width of candles: write 1m, 5m, 15m, 1h, 6h or 1d")
    return checked_width(int(count) * seconds)


def checked_width(candle_s: int) -> int:
    """The width itself, if candles of it fill a day.

    Raises
    ------
    UsageError
        They do not.
    """
    if candle_s < 1 or DAY_S % candle_s:
        raise UsageError(f"candles of {candle_s} s do not divide a day: their grid would drift")
    return candle_s


def told_width(table: CandleTable) -> int | None:
    """The source's word on the width, else the smallest distance of two times; None without any.

    Of rows in any order: for saying what is wrong with them.
    """
    if table.candle_s is not None:
        return table.candle_s
    distances = np.diff(np.unique(table.starts_ns))
    return None if not distances.size else max(1, int(distances.min()) // SECOND_NS)


def joined(tables: Sequence[CandleTable]) -> CandleTable:
    """Put tables of one product and width end to end, oldest first.

    Raises
    ------
    UsageError
        They overlap, or do not have the same columns.
    """
    if len(tables) == 1:
        return tables[0]
    if empty := [table.where for table in tables if not table.times.size]:
        raise UsageError(f"{empty[0]}: holds no row")
    if len({table.candle_s for table in tables}) > 1:
        widths = " and ".join(f"{table.where}: {table.candle_s} s" for table in tables)
        raise UsageError(f"candles of several widths cannot be one tape: {widths}")
    ordered = sorted(tables, key=lambda table: int(table.starts_ns[0]))
    for before, after in pairwise(ordered):
        if before.starts_ns[-1] >= after.starts_ns[0]:
            raise UsageError(
                f"{before.where} and {after.where} overlap from "
                f"{time_text(int(after.starts_ns[0]))}: drop the rows from one of them"
            )
        if set(before.values) != set(after.values):
            raise UsageError(f"{before.where} and {after.where} have different columns")
    first = ordered[0]
    return CandleTable(
        where=", ".join(table.where for table in ordered),
        product_id=first.product_id,
        candle_s=first.candle_s,
        times=np.concatenate([table.starts_ns for table in ordered]),
        unit_ns=1,
        values={
            name: np.concatenate([table.values[name] for table in ordered]) for name in first.values
        },
    )


def time_text(time_ns: int) -> str:
    """A time as people write it, UTC, to the second where it is a whole one."""
    if not 0 <= time_ns < 2**63 - 1:
        return f"{time_ns} ns"
    text = str(np.datetime64(time_ns, "ns")).replace("T", " ")
    return text.removesuffix(".000000000") + " UTC"


def between(table: CandleTable, from_s: int, until_s: int) -> CandleTable:
    """The candles of a table that start from `from_s` to before `until_s`."""
    first, end = np.searchsorted(table.starts_ns, [from_s * SECOND_NS, until_s * SECOND_NS])
    values = {name: column[first:end] for name, column in table.values.items()}
    return replace(table, times=table.times[first:end], values=values)


def first_difference(known: CandleTable, new: CandleTable) -> int | None:
    """The first row of `new` whose time `known` has with other values; None without one."""
    _, there, here = np.intersect1d(
        known.starts_ns, new.starts_ns, assume_unique=True, return_indices=True
    )
    same = np.ones(here.size, bool)
    for name in COLUMNS:
        same &= known.values[name][there] == new.values[name][here]
    return None if same.all() else int(here[np.argmin(same)])
