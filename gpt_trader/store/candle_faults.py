"""What no candle may be: each fault with the column, the rows, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpt_trader.domain.product import Product
from gpt_trader.store.candle_table import PRICES, SECOND_NS, CandleTable, time_text

COUNT_MAX = 2.0**53  # from here on a float64 skips whole numbers

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault in one column, with every row that has it."""

    kind: str  # "duplicate time"
    column: str
    rows: npt.NDArray[np.int64]  # counted from 0; at least one
    says: str  # of the first row: what is wrong
    advice: str  # what to do

    def first(self, table: CandleTable) -> str:
        """One sentence about the first row."""
        row = int(self.rows[0])
        time = time_text(int(table.times[row]) * table.unit_ns)
        return (
            f"{table.where}: row {row} counted from 0 ({time}): {self.column} {self.says}; "
            f"{self.advice}"
        )


def find_faults(table: CandleTable, candle_s: int | None) -> list[Fault]:
    """Every fault of a table, none for candles that may be used; slow, for when something is wrong.

    Parameters
    ----------
    candle_s
        The width of the grid on which candles start; None when nobody knows it.
    """
    return [*_time_faults(table, candle_s), *_value_faults(table), *_range_faults(table)]


def find_count_faults(table: CandleTable, product: Product) -> list[Fault]:
    """Values that cannot be counted in a product's increments, of a table without other faults.

    It is likely that such candles are of another product.
    """
    return [fault for name in table.values for fault in _count_faults(table, product, name)]


def _count_faults(table: CandleTable, product: Product, name: str) -> Iterator[Fault]:
    values, is_price = table.values[name], name in PRICES
    increment = product.price_increment if is_price else product.base_increment
    counts = values * float(1 / increment)  # as the kernel counts, which refuses
    advice = f"are these candles of {product.product_id}? its increment is {increment:f}"
    if is_price:
        small = counts < 0.5
        shown = f"{_first(values, small)} is below half a price increment"
        yield from _fault(f"{name} too small", name, small, shown, advice)
    large = counts >= COUNT_MAX
    shown = f"{_first(values, large)} is too large for increments of {increment:f}"
    yield from _fault(f"{name} too large", name, large, shown, advice)


def _first(values: Floats, mask: Mask) -> float | None:
    """The first value that a mask has; None without any."""
    return float(values[np.argmax(mask)]) if mask.any() else None


def _fault(kind: str, column: str, mask: Mask, says: str, advice: str) -> Iterator[Fault]:
    rows = np.flatnonzero(mask)
    if rows.size:
        yield Fault(kind, column, rows, says, advice)


def _time_faults(table: CandleTable, candle_s: int | None) -> Iterator[Fault]:
    times, unit_ns = table.times, table.unit_ns
    if not times.size:
        return
    most = (2**63 - 1) // unit_ns
    outside = (times < 0) | (times > most)
    yield from _fault(
        "no time", "time", outside, "is missing or before 1970", "drop the row, or give its start"
    )
    gaps = np.diff(times, prepend=times[0] - 1)
    repeated = np.ones(times.size, bool)
    repeated[np.unique(times, return_index=True)[1]] = False
    yield from _fault(
        "duplicate time",
        "time",
        repeated,
        "repeats that of an earlier row",
        "keep one of the two rows",
    )
    yield from _fault(
        "falling time",
        "time",
        gaps < 0,
        "is before the time of the row before",
        "sort the rows by time, oldest first",
    )
    if candle_s is not None:
        steps, rest = divmod(candle_s * SECOND_NS, unit_ns)
        if rest == 0:
            yield from _fault(
                "time off the grid",
                "time",
                (times % steps != 0) & ~outside,
                f"is no start of a candle of {candle_s} s",
                "give the candles' true width, or drop the row",
            )


def _value_faults(table: CandleTable) -> Iterator[Fault]:
    drop = "drop the row: an interval without a candle is fine"
    for name, values in table.values.items():
        missing = np.isnan(values)
        yield from _fault("missing value", name, missing, "is NaN", drop)
        yield from _fault("infinite value", name, np.isinf(values), "is infinite", drop)
        if name in PRICES:
            wrong, says = values <= 0, "is not above 0"
        else:
            wrong, says = values < 0, "is negative"
        wrong &= np.isfinite(values)
        shown = f"{values[np.argmax(wrong)]} {says}" if wrong.any() else says
        yield from _fault(f"{name} {says}", name, wrong, shown, drop)


def _range_faults(table: CandleTable) -> Iterator[Fault]:
    values = table.values
    if not set(PRICES) <= set(values):
        return
    opened, high, low, close = (values[name] for name in PRICES)
    advice = "the columns may be in another order; else drop the row"
    for name, wrong, bound in (
        ("high", high < np.maximum(np.maximum(opened, close), low), "below its open, close or low"),
        ("low", low > np.minimum(opened, close), "above its open or close"),
    ):
        yield from _fault(f"{name} {bound}", name, wrong, f"is {bound}", advice)
