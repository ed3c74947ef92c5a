"""The catalog of candles on disk: parts of one product and width, each whole, hashed and final."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.domain.product import Product
from gpt_trader.store.candle_files import arrow_table, read_candles
from gpt_trader.store.candle_table import (
    COLUMNS,
    SECOND_NS,
    CandleTable,
    joined,
    width_name,
    width_of,
)

HASH = b"gpt_trader.sha256"
PRODUCT = b"gpt_trader.product"
ROWS = b"rows"
_STEPS = (
    "base_increment",
    "price_increment",
    "quote_increment",
    "base_min_size",
    "base_max_size",
    "quote_min_size",
    "quote_max_size",
)
_PART = re.compile(r"(\d+)-(\d+)\.parquet")
_WIDTH = re.compile(r"\d+[smhd]")
_PRODUCT = re.compile(r"[A-Z0-9]+-[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One file: all candles that start from `from_s` to before `until_s`, if any."""

    path: Path
    from_s: int
    until_s: int


@dataclass(frozen=True, slots=True)
class PartRecord:
    """What a part says of itself, read from its end without its candles."""

    part: Part
    rows: int
    sha256: str


class Catalog:
    """Candles below `var`: data/candles/PRODUCT/WIDTH/FROM-UNTIL.parquet.

    A part is written under another name and renamed when it is on disk, so what a reader finds is
    whole, and what a killed download had finished stays. Parts never overlap.
    """

    def __init__(self, var: Path) -> None:
        self._root = var / "data" / "candles"

    def names(self) -> list[str]:
        """The names of what is stored, as `read` takes them: "BTC-USD 1m".

        A folder or file that someone else put there is none, and is left alone.
        """
        found = {
            path.parent
            for path in self._root.glob("*/*/*.parquet")
            if _PART.fullmatch(path.name)
            and _WIDTH.fullmatch(path.parent.name)
            and _PRODUCT.fullmatch(path.parent.parent.name)
        }
        return sorted(f"{folder.parent.name} {folder.name}" for folder in found)

    def parts(self, name: str) -> list[Part]:
        """The parts of a name, oldest first; none when nothing is stored."""
        found = []
        for path in self._folder(name).glob("*.parquet"):
            match = _PART.fullmatch(path.name)
            if match is not None:
                found.append(Part(path, int(match[1]), int(match[2])))
        return sorted(found, key=lambda part: part.from_s)

    def records(self, name: str) -> list[PartRecord]:
        """What each part says of itself.

        Raises
        ------
        StoreDamaged
            A part cannot be read or says nothing.
        """
        records = []
        for part in self.parts(name):
            metadata = _metadata(part)
            if HASH not in metadata:
                raise _damaged(part, "it names no hash")
            sha256 = metadata[HASH].decode("ascii", "replace")
            records.append(PartRecord(part, int(metadata[ROWS]), sha256))
        return records

    def read(self, name: str) -> CandleTable:
        """All candles of a name, every part checked against its hash.

        Raises
        ------
        UsageError
            Nothing is stored under the name.
        StoreDamaged
            A part is not what was written.
        """
        records = self.records(name)
        tables = [
            _read_part(record, width_of(name.split()[1])) for record in records if record.rows
        ]
        if not tables:
            raise self._unknown(name)
        return replace(joined(tables), where=name)

    def missing(self, name: str, start_s: int, end_s: int) -> list[tuple[int, int]]:
        """What of a time range is in no part yet; its first start is where to go on."""
        holes = []
        for part in self.parts(name):
            if part.until_s <= start_s:
                continue
            if part.from_s >= end_s:
                break
            if part.from_s > start_s:
                holes.append((start_s, part.from_s))
            start_s = part.until_s
        if start_s < end_s:
            holes.append((start_s, end_s))
        return holes

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Hold a name for this process while parts are appended to it.

        Raises
        ------
        StoreRefused
            Another process does, or the folder cannot be written.
        """
        folder = self._folder(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as e:
            raise _unwritable(folder, e) from e
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in folder.glob(".*.tmp"):  # of a process that was killed
                left.unlink()
            yield
        except BlockingIOError as e:
            raise StoreRefused(f"another process writes {name} in {folder}: let it end") from e
        finally:
            os.close(lock)

    def product(self, name: str) -> Product:
        """The product of a name with its increments, as the newest part has them.

        Raises
        ------
        UsageError
            Nothing is stored under the name.
        StoreDamaged
            The part does not say it.
        """
        parts = self.parts(name)
        if not parts:
            raise self._unknown(name)
        try:
            said: dict[str, str] = json.loads(_metadata(parts[-1]).get(PRODUCT, b""))
            steps = {name: Decimal(said[name]) for name in _STEPS}
            return Product(
                product_id=said["product_id"],
                base=said["base"],
                quote=said["quote"],
                contract=None,  # candles of contracts are not kept
                **steps,
            )
        except (ValueError, ArithmeticError, KeyError, TypeError) as e:
            raise _damaged(parts[-1], "it says no product") from e

    def append(self, table: CandleTable, product: Product, from_s: int, until_s: int) -> Path:
        """Store the candles of a time range as one part; within `writing` only.

        Raises
        ------
        StoreRefused
            It cannot be written, or a part holds some of the range already.
        """
        assert table.product_id is not None and table.candle_s is not None, table.where
        assert product.contract is None, f"{product.product_id}: candles of coins are kept"
        name = f"{table.product_id} {width_name(table.candle_s)}"
        if self.missing(name, from_s, until_s) != [(from_s, until_s)]:
            raise StoreRefused(f"{name} from {from_s} to {until_s} is in the catalog already")
        path = self._folder(name) / f"{from_s}-{until_s}.parquet"
        said = {key: str(value) for key, value in asdict(product).items() if value is not None}
        record = json.dumps(said)
        metadata = {HASH.decode(): content_hash(table), PRODUCT.decode(): record}
        content = arrow_table(table, metadata)
        waiting = path.with_name(f".{path.name}.tmp")
        try:
            pq.write_table(content, waiting, compression="zstd")
            _flush(waiting)
            waiting.replace(path)
            _flush(path.parent)
        except OSError as e:
            raise _unwritable(path, e) from e
        return path

    def _unknown(self, name: str) -> UsageError:
        known = ", ".join(self.names()) or "nothing"
        return UsageError(
            f"no candles {name!r} in {self._root}, but {known}; "
            "`gpt-trader data download` gets them"
        )

    def _folder(self, name: str) -> Path:
        product_id, _, width = name.partition(" ")
        if _PRODUCT.fullmatch(product_id) is None:
            raise UsageError(f"{name!r} is no name of candles: write it like 'BTC-USD 1m'")
        return self._root / product_id / width_name(width_of(width))


def content_hash(table: CandleTable) -> str:
    """The hash of candles, whichever parts or files they came in."""
    content = hashlib.sha256(f"{table.product_id} {table.candle_s}".encode())
    content.update((table.starts_ns // SECOND_NS).tobytes())
    for name in COLUMNS:
        content.update(np.ascontiguousarray(table.values[name]).tobytes())
    return content.hexdigest()


def _read_part(record: PartRecord, candle_s: int) -> CandleTable:
    part = record.part
    try:
        tables: Sequence[CandleTable] = read_candles(part.path)
    except UsageError as e:
        raise _damaged(part, str(e)) from e
    table = tables[0]
    if set(table.values) != set(COLUMNS) or content_hash(table) != record.sha256:
        raise _damaged(part, "its candles are not those that were written")
    if len(tables) != 1 or table.candle_s != candle_s:
        raise _damaged(part, "it holds other candles than its place says")
    return table


def _metadata(part: Part) -> dict[bytes, bytes]:
    """What a part says of itself, its number of rows among it."""
    try:
        with pq.ParquetFile(part.path) as file:
            said: dict[bytes, bytes] = file.schema_arrow.metadata or {}
            return {**said, ROWS: str(file.metadata.num_rows).encode()}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise _damaged(part, str(e).splitlines()[0]) from e


def _damaged(part: Part, why: str) -> StoreDamaged:
    return StoreDamaged(f"{part.path}: {why}; delete the file and download its range again")


def _unwritable(path: Path, error: OSError) -> StoreRefused:
    return StoreRefused(f"cannot write {path}: {error.strerror}; name another folder with --var")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
