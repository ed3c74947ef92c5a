"""What is odd in candles that may be used: holes, silence, flat opens, outliers and spikes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpt_trader.domain.product import Product
from gpt_trader.store.candle_faults import find_count_faults, find_faults
from gpt_trader.store.candle_table import PRICES, SECOND_NS, CandleTable, time_text

SHOWN = 3  # examples of each finding
DEVIATION = 1.4826  # times the median distance from the median: a normal law's deviation
RETURN_SCALES = 20.0  # the worst real minutes of 2023-03 and 2025-10 lie between 20 and 46
SPIKE_SCALES = 30.0  # a wick of that length; the two freak prints of the real data reach 216, 448
REVERSAL_SCALES = 10.0  # of both returns around a close that stands alone
SCALE_MIN = 1e-4  # of a return: a stablecoin's own is below its price increment
OFF_MIN = 1e-6  # of an increment: less is a float's own
OFF_FEW = 3  # so many may be anything
FLAT_SHARE = 0.95  # of opens that repeat the close before

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was found: how often, and the first ones with their times."""

    kind: str
    is_error: bool
    count: int
    says: str  # one line


@dataclass(frozen=True, slots=True)
class Gap:
    """Intervals between two candles of which there is none."""

    start_ns: int  # of the first one that is absent
    absent: int


def check(table: CandleTable, candle_s: int, product: Product | None) -> list[Finding]:
    """Everything wrong or odd in a table, errors first.

    Candles with errors are refused by a backtest of the product, where it is known. What is odd may
    be true: exchanges stop for hours, and freak prints happen.
    """
    faults = find_faults(table, candle_s)
    if not faults and product is not None:
        faults = find_count_faults(table, product)
    if faults:  # what follows needs times that rise and prices above zero
        return [
            Finding(fault.kind, True, fault.rows.size, _examples(table, fault.rows))
            for fault in faults
        ]
    return [
        *_off_increments(table, product),
        *_holes(table, candle_s),
        *_silence(table),
        *_flat_opens(table),
        *_jumps(table, candle_s),
    ]


def find_gaps(starts_ns: Rows, candle_s: int) -> list[Gap]:
    """Every hole between the first candle and the last, oldest first."""
    width_ns = candle_s * SECOND_NS
    absent = np.diff(starts_ns) // width_ns - 1
    return [
        Gap(int(starts_ns[row]) + width_ns, int(absent[row])) for row in np.flatnonzero(absent > 0)
    ]


def gap_text(gaps: list[Gap], candle_s: int) -> str:
    """One line about the holes, the longest first."""
    longest = sorted(gaps, key=lambda gap: -gap.absent)[:SHOWN]
    listed = "; ".join(
        f"{gap.absent} from {time_text(gap.start_ns)} to "
        f"{time_text(gap.start_ns + (gap.absent - 1) * candle_s * SECOND_NS)}"
        for gap in longest
    )
    return f"{sum(gap.absent for gap in gaps)} candles absent, longest: {listed}"


def _holes(table: CandleTable, candle_s: int) -> Iterator[Finding]:
    gaps = find_gaps(table.starts_ns, candle_s)
    if gaps:
        yield Finding("gaps", False, len(gaps), gap_text(gaps, candle_s))


def _off_increments(table: CandleTable, product: Product | None) -> Iterator[Finding]:
    """Closes that no trade at the exchange can have had."""
    if product is None:
        return
    counts = table.values["close"] / float(product.price_increment)
    off = np.flatnonzero(np.abs(counts - np.rint(counts)) > OFF_MIN + counts * 1e-15)
    if off.size > OFF_FEW:
        yield Finding(
            "off the increments",
            False,
            off.size,
            f"closes between multiples of {product.price_increment:f} are rounded to "
            f"{product.product_id}'s; another product, or not from Coinbase? "
            f"{_examples(table, off)}",
        )


def _silence(table: CandleTable) -> Iterator[Finding]:
    if "volume" not in table.values:
        yield Finding(
            "no volume", False, 1, "there is no such column: for orders at the close only"
        )
        return
    silent = np.flatnonzero(table.values["volume"] == 0)
    if silent.size:
        yield Finding(
            "zero volume",
            False,
            silent.size,
            f"no candles for a strategy: {_examples(table, silent)}",
        )


def _flat_opens(table: CandleTable) -> Iterator[Finding]:
    if "open" not in table.values or table.times.size < 2:
        return
    same = table.values["open"][1:] == table.values["close"][:-1]
    share = float(same.mean())
    if share >= FLAT_SHARE:
        yield Finding(
            "flat opens",
            False,
            int(same.sum()),
            f"{share:.1%} of the opens are the close before: made up, so test nothing at the open",
        )


def _jumps(table: CandleTable, candle_s: int) -> Iterator[Finding]:
    close = table.values["close"]
    if close.size < 3:
        return
    returns = np.diff(np.log(close))
    next_to = np.diff(table.starts_ns) == candle_s * SECOND_NS
    moved = returns[next_to & (returns != 0)]
    if not moved.size:
        return
    scale = max(DEVIATION * float(np.median(np.abs(moved - np.median(moved)))), SCALE_MIN)
    scores = np.where(next_to, np.abs(returns) / scale, 0.0)
    outliers = np.flatnonzero(scores > RETURN_SCALES) + 1
    if outliers.size:
        worst = outliers[np.argsort(-scores[outliers - 1], kind="stable")]
        listed = "; ".join(
            f"row {row} ({time_text(int(table.starts_ns[row]))}) {np.expm1(returns[row - 1]):+.2%}"
            for row in worst[:SHOWN]
        )
        yield Finding(
            "outliers",
            False,
            outliers.size,
            f"returns above {RETURN_SCALES:.0f} usual ones of {scale:.3%}, worst: {listed}",
        )
    yield from _wicks(table, scale)
    yield from _reversals(table, returns, scores)


def _wicks(table: CandleTable, scale: float) -> Iterator[Finding]:
    if not set(PRICES) <= set(table.values):
        return
    opened, high, low, close = (table.values[name] for name in PRICES)
    up = np.log(high / np.maximum(opened, close))
    down = np.log(np.minimum(opened, close) / low)
    length = np.maximum(up, down)
    spikes = np.flatnonzero(length > SPIKE_SCALES * scale)
    if spikes.size:
        worst = spikes[np.argsort(-length[spikes], kind="stable")]
        listed = "; ".join(
            f"row {row} ({time_text(int(table.starts_ns[row]))}) "
            + (f"low {low[row]}" if down[row] >= up[row] else f"high {high[row]}")
            + f" beside a close of {close[row]}"
            for row in worst[:SHOWN]
        )
        yield Finding("spikes", False, spikes.size, f"lone highs or lows: {listed}")


def _reversals(table: CandleTable, returns: Floats, scores: Floats) -> Iterator[Finding]:
    before, after = returns[:-1], returns[1:]
    alone = (
        (np.minimum(scores[:-1], scores[1:]) > REVERSAL_SCALES)
        & (before * after < 0)
        & (np.abs(before + after) < 0.5 * np.minimum(np.abs(before), np.abs(after)))
    )
    rows = np.flatnonzero(alone) + 1
    if rows.size:
        yield Finding(
            "lone closes",
            False,
            rows.size,
            f"far from the close before and the one after: {_examples(table, rows)}",
        )


def _examples(table: CandleTable, rows: Rows) -> str:
    starts_ns = table.starts_ns
    listed = ", ".join(f"row {row} ({time_text(int(starts_ns[row]))})" for row in rows[:SHOWN])
    return listed if rows.size <= SHOWN else f"{listed}, and {rows.size - SHOWN} more"
