"""The catalog: parts that are whole, final, hashed, and never overlap."""

import os
import resource
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.store.candle_table import CandleTable
from gpt_trader.store.catalog import Catalog, content_hash
from tests.store.candles import BEGIN_S, a_table

NAME = "BTC-USD 1m"
END_S = BEGIN_S + 6000
BITCOIN = product("BTC-USD")


def a_catalog(var: Path, *parts: tuple[int, int]) -> Catalog:
    """A catalog with minutes first..end of a table in each part."""
    catalog = Catalog(var)
    with catalog.writing(NAME):
        for first, end in parts:
            store(catalog, first, end)
    return catalog


def store(catalog: Catalog, first: int, end: int) -> Path:
    return catalog.append(rows(first, end), BITCOIN, BEGIN_S + 60 * first, BEGIN_S + 60 * end)


def rows(first: int, end: int) -> CandleTable:
    whole = a_table()
    values = {name: column[first:end] for name, column in whole.values.items()}
    return CandleTable("rows", "BTC-USD", 60, whole.times[first:end], 1, values)


def test_what_was_appended_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (40, 100), (0, 10), (10, 40))

    table = catalog.read(NAME)

    assert catalog.names() == [NAME]
    assert content_hash(table) == content_hash(a_table())
    assert table.where == NAME
    assert [record.rows for record in catalog.records(NAME)] == [10, 30, 60]


def test_the_hash_is_of_the_candles_and_not_of_their_parts(tmp_path: Path) -> None:
    one = a_catalog(tmp_path / "one", (0, 100))
    three = a_catalog(tmp_path / "three", (0, 3), (3, 50), (50, 100))
    less = a_catalog(tmp_path / "less", (0, 99))

    hashes = [content_hash(catalog.read(NAME)) for catalog in (one, three, less)]

    assert hashes[0] == hashes[1] != hashes[2]


def test_what_is_missing_of_a_range_is_what_no_part_covers(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (10, 20), (30, 40), (40, 50))

    def missing(first: int, end: int) -> list[tuple[int, int]]:
        found = catalog.missing(NAME, BEGIN_S + 60 * first, BEGIN_S + 60 * end)
        return [((a - BEGIN_S) // 60, (b - BEGIN_S) // 60) for a, b in found]

    assert missing(0, 60) == [(0, 10), (20, 30), (50, 60)]
    assert missing(12, 18) == missing(30, 50) == missing(10, 10) == []
    assert missing(15, 35) == [(20, 30)]
    assert missing(0, 5) == [(0, 5)] and missing(55, 60) == [(55, 60)]


def test_a_range_without_a_trade_is_known_too(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 50))
    empty = rows(50, 50)
    with catalog.writing(NAME):
        catalog.append(empty, BITCOIN, BEGIN_S + 3000, BEGIN_S + 4500)

    assert catalog.missing(NAME, BEGIN_S, END_S) == [(BEGIN_S + 4500, END_S)]
    assert catalog.read(NAME).times.size == 50


def test_no_part_is_written_over_another(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 50))
    before = [part.path.read_bytes() for part in catalog.parts(NAME)]

    with catalog.writing(NAME), pytest.raises(StoreRefused, match="in the catalog already"):
        store(catalog, 49, 60)

    assert [part.path.read_bytes() for part in catalog.parts(NAME)] == before


def test_any_changed_byte_of_a_part_is_found(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 100))
    path = catalog.parts(NAME)[0].path
    whole, expected = path.read_bytes(), content_hash(a_table())
    dice = np.random.default_rng(1)

    unnoticed = 0
    for place in dice.choice(len(whole), 150, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(dice.integers(8))
        path.write_bytes(damaged)
        try:
            unnoticed += content_hash(catalog.read(NAME)) != expected
        except StoreDamaged as damage:
            assert str(path) in str(damage)

    assert unnoticed == 0


def test_a_part_that_is_not_ours_is_damage(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 100))
    path = catalog.parts(NAME)[0].path
    table = pq.read_table(path)

    pq.write_table(table.replace_schema_metadata({}), path)

    with pytest.raises(StoreDamaged, match="it names no hash; delete the file"):
        catalog.read(NAME)


def test_a_part_in_the_place_of_another_width_is_damage(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 100))
    path = catalog.parts(NAME)[0].path
    other = path.parents[1] / "5m"
    other.mkdir()

    path.rename(other / path.name)

    with pytest.raises(StoreDamaged, match="other candles than its place says"):
        catalog.read("BTC-USD 5m")


def test_two_processes_do_not_write_the_same_candles(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path)

    with catalog.writing(NAME):
        with pytest.raises(StoreRefused, match="another process writes BTC-USD 1m"):
            a_catalog(tmp_path, (0, 10))
        with catalog.writing("ETH-USD 1m"):
            pass
    with catalog.writing(NAME):
        store(catalog, 0, 10)

    assert catalog.read(NAME).times.size == 10


def test_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 10))
    folder = catalog.parts(NAME)[0].path.parent
    left = folder / ".1-2.parquet.tmp"
    left.write_bytes(b"PAR1")

    assert catalog.read(NAME).times.size == 10
    with catalog.writing(NAME):
        assert not left.exists()


def test_a_full_disk_leaves_no_part(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 10))
    child = os.fork()
    if child == 0:  # the limit is the process's own
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        code = 1
        try:
            with catalog.writing(NAME):
                store(catalog, 10, 100)
        except StoreRefused as refused:
            code = 0 if "cannot write" in str(refused) else 2
        finally:
            os._exit(code)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [record.rows for record in catalog.records(NAME)] == [10]


def test_names_that_cannot_be_are_refused_with_what_there_is(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 10))

    with pytest.raises(UsageError, match=r"no candles 'ETH-USD 1h' in .*, but BTC-USD 1m"):
        catalog.read("ETH-USD 1h")
    with pytest.raises(UsageError, match="is no width of candles"):
        catalog.read("BTC-USD weekly")
    with pytest.raises(UsageError, match="write it like 'BTC-USD 1m'"):
        catalog.read("../../etc 1m")
    assert Catalog(tmp_path / "none").names() == []


def test_the_embedded_exchange_plays_a_part_as_it_is(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 60), (60, 100))
    paths = [part.path for part in catalog.parts(NAME)]

    tape = read_tape(paths, Reading(None, None, None, 1))

    assert tape.rounds == 100 and tape.granularity_s == 60
    assert list(tape.parts) == ["BTC-USD"]


def test_a_part_is_a_plain_table_for_everyone(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 100))

    table = pq.read_table(catalog.parts(NAME)[0].path)

    assert table.column_names == [
        "time", "open", "high", "low", "close", "volume", "product_id", "granularity",
    ]  # fmt: skip
    assert table["time"].type == pa.int64() and table["time"][0].as_py() == BEGIN_S
    assert set(table["product_id"].to_pylist()) == {"BTC-USD"}


def test_the_product_is_kept_with_its_increments(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 10))

    assert catalog.product(NAME) == BITCOIN
    with pytest.raises(UsageError, match="no candles 'ETH-USD 1m'"):
        catalog.product("ETH-USD 1m")


def test_a_part_that_names_no_product_is_damage(tmp_path: Path) -> None:
    catalog = a_catalog(tmp_path, (0, 10))
    path = catalog.parts(NAME)[0].path
    table = pq.read_table(path)
    said = {**table.schema.metadata, b"gpt_trader.product": b"{}"}

    pq.write_table(table.replace_schema_metadata(said), path)

    with pytest.raises(StoreDamaged, match="it says no product"):
        catalog.product(NAME)
