"""The download of candles into the catalog: only what is missing, a part at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpt_trader.coinbase.history import PAGE_CANDLES, History
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.store.candle_table import SECOND_NS, table_of, time_text, width_name
from gpt_trader.store.catalog import Catalog

PART_PAGES = 10
"""Requests for one part: what a killed download may lose, about a second of work."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be in the catalog."""

    product_id: str
    candle_s: int
    start_s: int | None  # None: go on where the catalog ends
    end_s: int | None  # the first start no longer wanted; None: up to now

    @property
    def name(self) -> str:
        """The name in the catalog."""
        return f"{self.product_id} {width_name(self.candle_s)}"


@dataclass(frozen=True, slots=True)
class Range:
    """What is downloaded: starts from which to before which candles are wanted, on the grid."""

    product: Product
    start_s: int
    end_s: int


def settle(catalog: Catalog, history: History, wish: Wish) -> Range:
    """Turn a wish into a time range whose candles are all complete.

    Raises
    ------
    UsageError
        No start is known, nothing lies in the range, or the exchange lists no such product.
    """
    complete_s = history.complete_until(wish.candle_s)
    product = history.product(wish.product_id)
    end_s = complete_s if wish.end_s is None else min(wish.end_s, complete_s)
    start_s = wish.start_s
    if start_s is None:
        parts = catalog.parts(wish.name)
        if not parts:
            raise UsageError(f"no {wish.name} in the catalog to go on with: give --start")
        start_s = parts[-1].until_s
    start_s = -(-start_s // wish.candle_s) * wish.candle_s
    end_s = end_s // wish.candle_s * wish.candle_s
    if start_s > end_s or (start_s == end_s and wish.start_s is not None):
        raise UsageError(
            f"no complete candle from {time_text(start_s * SECOND_NS)} to "
            f"{time_text(end_s * SECOND_NS)}; the exchange's clock ends at "
            f"{time_text(complete_s * SECOND_NS)}"
        )
    return Range(product, start_s, end_s)


def download(
    catalog: Catalog, history: History, wish: Wish, span: Range, seen: Callable[[int], None]
) -> int:
    """Store what is missing in a time range, and return how many candles that was.

    Each part is on disk before the next is asked for: whenever this ends, the next call goes on
    behind the last part, and the candles are the same.

    Raises
    ------
    ExchangeUnreachable
        The exchange stopped to answer; what was stored stays.
    StoreRefused
        Another process writes the same candles, or the disk takes no more.
    """
    stored = 0
    with catalog.writing(wish.name):
        for from_s, until_s in _windows(catalog, wish, span):
            candles = history.candles(wish.product_id, wish.candle_s, from_s, until_s, seen)
            table = table_of(wish.product_id, wish.candle_s, candles)
            catalog.append(table, span.product, from_s, until_s)
            stored += len(candles)
    return stored


def missing_intervals(catalog: Catalog, wish: Wish, span: Range) -> int:
    """How many intervals of a time range are in no part yet."""
    missing = catalog.missing(wish.name, span.start_s, span.end_s)
    return sum(until_s - from_s for from_s, until_s in missing) // wish.candle_s


def _windows(catalog: Catalog, wish: Wish, span: Range) -> Sequence[tuple[int, int]]:
    width_s = PART_PAGES * PAGE_CANDLES * wish.candle_s
    return [
        (from_s, min(from_s + width_s, end_s))
        for start_s, end_s in catalog.missing(wish.name, span.start_s, span.end_s)
        for from_s in range(start_s, end_s, width_s)
    ]
