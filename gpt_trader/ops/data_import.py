"""Files of candles taken into the catalog, after every row was checked."""

from dataclasses import dataclass, replace
from pathlib import Path

import gpt_trader.store.candle_table as tables
from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.errors import UsageError
from gpt_trader.store.candle_faults import find_count_faults, find_faults
from gpt_trader.store.candle_files import read_candles
from gpt_trader.store.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one product of one file."""

    name: str
    rows: int
    stored: int  # the others were in the catalog already


def take_in(
    catalog: Catalog, path: Path, product_id: str | None, candle_s: int | None
) -> list[Imported]:
    """Store a file's candles; its holes count as known, and are not asked for by a download.

    Raises
    ------
    UsageError
        A row cannot be used, nobody says the product, or candles of the same time are in the
        catalog with other values.
    """
    return [_store(catalog, _named(table, product_id, candle_s)) for table in read_candles(path)]


def _named(
    table: tables.CandleTable, product_id: str | None, candle_s: int | None
) -> tables.CandleTable:
    named = product_id or table.product_id
    if named is None:
        raise UsageError(f"{table.where}: of which product? give --product BTC-USD")
    if table.product_id not in (None, named):
        raise UsageError(f"{table.where}: holds {table.product_id}, not {named}")
    width_s = candle_s or tables.told_width(table)
    if width_s is None:
        raise UsageError(f"{table.where}: one row tells no width; give --granularity 1m")
    if table.candle_s not in (None, width_s):
        raise UsageError(f"{table.where}: holds candles of {table.candle_s} s, not of {width_s} s")
    if missing := [name for name in tables.COLUMNS if name not in table.values]:
        raise UsageError(f"{table.where}: has no column {', '.join(missing)}")
    faults = find_faults(table, width_s) or find_count_faults(table, product(named))
    if faults:
        raise UsageError(min(faults, key=lambda fault: int(fault.rows[0])).first(table))
    return replace(
        table,
        product_id=product(named).product_id,
        candle_s=tables.checked_width(width_s),
        times=table.starts_ns,
        unit_ns=1,
    )


def _store(catalog: Catalog, table: tables.CandleTable) -> Imported:
    """Append what is not there yet, and compare what is."""
    assert table.product_id is not None and table.candle_s is not None, table.where
    name = f"{table.product_id} {tables.width_name(table.candle_s)}"
    start_s = int(table.times[0]) // tables.SECOND_NS
    end_s = int(table.times[-1]) // tables.SECOND_NS + table.candle_s
    stored = 0
    with catalog.writing(name):
        missing = catalog.missing(name, start_s, end_s)
        if missing != [(start_s, end_s)]:
            _compare(catalog.read(name), table)
        for from_s, until_s in missing:
            part = tables.between(table, from_s, until_s)
            catalog.append(part, product(table.product_id), from_s, until_s)
            stored += part.times.size
    return Imported(name, table.times.size, stored)


def _compare(known: tables.CandleTable, new: tables.CandleTable) -> None:
    """Refuse candles that differ from those of the same time in the catalog."""
    row = tables.first_difference(known, new)
    if row is not None:
        raise UsageError(
            f"{new.where}: row {row} counted from 0 ({tables.time_text(int(new.times[row]))}) is "
            f"another candle than the one of {known.where} in the catalog; delete one of the two"
        )
