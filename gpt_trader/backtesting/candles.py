"""Candles of one product for a backtest, from whatever holds them: a frame, files, the catalog."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gpt_trader.backtesting.candle_counts import count
from gpt_trader.backtesting.numbers import whole_of
from gpt_trader.coinbase.catalog import PRODUCTS
from gpt_trader.coinbase.catalog import product as product_named
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.settings import load_settings
from gpt_trader.store.candle_files import read_candles
from gpt_trader.store.candle_table import COLUMNS, DAY_S, SECOND_NS, CandleTable, joined, width_name
from gpt_trader.store.catalog import Catalog

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(r"[A-Z0-9]+-[A-Z0-9]+ \d+[smhd]")

Source: TypeAlias = "pd.DataFrame | pd.Series | str | Path"


@dataclass(frozen=True, eq=False)
class CandleTape:
    """The candles of one product, in whole increments, and the rows they stood in.

    Rows without volume are rounds of the market in which nothing was traded: they move the clock
    and are no candles.
    """

    product: Product
    candle_s: int
    candles: Candles  # only rows with volume
    columns: tuple[str, ...]  # what was read; without "open", open, high and low are the close,
    # and without "volume" it is zero: such a tape is for orders at the close only
    every_row_ns: Ints  # start of every row
    candle_rows: Ints | None  # row of each candle; None: every row is one

    @property
    def complete(self) -> bool:
        """Whether prices and volume are all real, as the embedded market needs them."""
        return self.columns == COLUMNS

    @cached_property
    def row_starts_s(self) -> Ints:
        """The start of every row, with volume or without, in seconds UTC."""
        return self.every_row_ns // SECOND_NS

    @cached_property
    def rows(self) -> Ints:
        """The row of each candle."""
        if self.candle_rows is None:
            return np.arange(self.candles.close.size)
        return self.candle_rows

    @cached_property
    def sha256(self) -> str:
        """The content: equal candles of equal increments have equal hashes, wherever from."""
        content = hashlib.sha256(repr((self.closes_sha256, self.columns)).encode())
        columns = self.candles._asdict()
        for name in self.columns:
            if name != "close":
                content.update(_bytes(columns[name]))
        return content.hexdigest()

    @cached_property
    def closes_sha256(self) -> str:
        """Names product, times and closes, which whoever tries strategies on them has seen."""
        starts, size = self.every_row_ns, self.every_row_ns.size
        even = int(starts[-1]) - int(starts[0]) == (size - 1) * self.candle_s * SECOND_NS
        known = (self.product, self.candle_s, size, int(starts[0]), even, self.candle_rows is None)
        content = hashlib.sha256(repr(known).encode())
        if not even:
            content.update(_bytes(starts))
        if self.candle_rows is not None:
            content.update(_bytes(self.candle_rows))
        content.update(_bytes(self.candles.close))
        return content.hexdigest()

    def frame(self) -> "pd.DataFrame":
        """The candles as a pandas frame: prices in quote, volume in base, starts in UTC."""
        from gpt_trader.backtesting.candle_frames import frame_of

        return frame_of(self.candles, self.columns, self.product)

    def part(self, first: int, last: int) -> "CandleTape":
        """The candles from `first` to before `last`, and the rows between them.

        It is what loading these rows alone would give; prices and volumes are not copied.

        Raises
        ------
        UsageError
            There are no such candles.
        """
        if not 0 <= first < last <= len(self):
            raise UsageError(
                f"candles {first} to before {last} are no part of {len(self):,} candles"
            )
        whole, cut = self.candles, slice(first, last)
        rows = self.rows[cut]
        begin, end = int(rows[0]), int(rows[-1]) + 1
        return CandleTape(
            product=self.product,
            candle_s=self.candle_s,
            candles=candles_of(
                whole.start_ns[cut],
                (whole.open[cut], whole.high[cut], whole.low[cut], whole.close[cut]),
                whole.volume[cut],
                whole.increment,
                whole.candle_ns,
            ),
            columns=self.columns,
            every_row_ns=self.every_row_ns[begin:end],
            candle_rows=None if rows.size == end - begin else rows - begin,
        )

    def __len__(self) -> int:
        return self.candles.close.size

    def __repr__(self) -> str:
        name = f"{self.product.product_id} {width_name(self.candle_s)}"
        return f"<CandleTape {name}, {len(self):,} candles of {self.every_row_ns.size:,} rows>"


def _bytes(array: Ints | Floats) -> memoryview:
    return np.ascontiguousarray(array).view(np.uint8).data


def load(
    source: "Source | list[Source] | tuple[Source, ...]",
    product: Product | str | None = None,
    candle_s: int | None = None,
    columns: Sequence[str] = COLUMNS,
    var: Path | str | None = None,
) -> CandleTape | tuple[CandleTape, ...]:
    """Read candles for a backtest; a tuple of tapes where there is more than one product.

    Parameters
    ----------
    source
        A frame with the columns open, high, low, close, volume and times as its index or in the
        column `time` (seconds, ms, us, ns); a series of closes; a Parquet or CSV file; the name
        of candles in the catalog, "BTC-USD 1m"; or several of these. Times without a zone are
        UTC, and are the starts of candles.
    product
        What was traded, for a source that does not say it: a name, or a `Product` where nobody
        knows its increments by the name.
    candle_s
        The candles' width in seconds; else the source's word, or the smallest distance of rows.
    columns
        What will be used. A strategy that reads nothing but closes loads five times as fast.
    var
        Where the catalog is; else as settings say.

    Raises
    ------
    UsageError
        For the first thing that cannot be used: which row, time and column, and what to do.
    """
    sources = source if isinstance(source, list | tuple) else [source]
    if not sources:
        raise UsageError("no candles are given")
    if product is not None and not isinstance(product, str | Product):
        raise UsageError(f"product = {product!r}: give its name, or a gt.Product")
    if candle_s is not None:
        candle_s = whole_of("candle_s", candle_s, 1, DAY_S)
    by_product: dict[str, list[CandleTable]] = {}
    products: dict[str, Product] = {}
    for one in sources:
        for table, known in _tables(one, None if var is None else Path(var)):
            found = _product(table, product, known)
            products[found.product_id] = found
            by_product.setdefault(found.product_id, []).append(table)
    tapes = tuple(
        _tape(joined(same), products[product_id], candle_s, columns)
        for product_id, same in by_product.items()
    )
    return tapes[0] if len(tapes) == 1 else tapes


def _tape(
    table: CandleTable, product: Product, candle_s: int | None, columns: Sequence[str]
) -> CandleTape:
    counted = count(table, product, candle_s, columns)
    return CandleTape(
        product=product,
        candle_s=counted.candles.candle_ns // SECOND_NS,
        candles=counted.candles,
        columns=counted.columns,
        every_row_ns=counted.row_starts_ns,
        candle_rows=counted.rows,
    )


def _tables(source: Source, var: Path | None) -> list[tuple[CandleTable, Product | None]]:
    """The tables of a source, with the product as the source itself describes it."""
    if isinstance(source, str) and _NAME.fullmatch(source):
        catalog = Catalog(var or load_settings({}, os.environ, Path.cwd()).var)
        return [(catalog.read(source), catalog.product(source))]
    if isinstance(source, str | Path):
        return [(table, None) for table in read_candles(Path(source))]
    from gpt_trader.backtesting.candle_frames import tables_of

    return [(table, None) for table in tables_of(source)]


def _product(table: CandleTable, given: Product | str | None, known: Product | None) -> Product:
    """What was traded: as given, else by its name, else as it was when it was downloaded."""
    wanted = product_named(given) if isinstance(given, str) else given
    if wanted is None:
        if table.product_id is None:
            raise UsageError(f"{table.where}: of which product? give product='BTC-USD'")
        if known is not None and table.product_id not in PRODUCTS:
            return known
        return product_named(table.product_id)
    if table.product_id not in (None, wanted.product_id):
        raise UsageError(f"{table.where}: holds {table.product_id}, not {wanted.product_id}")
    return wanted
