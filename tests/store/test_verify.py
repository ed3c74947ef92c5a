"""Whatever is changed in a log is found, and the first bad event is named."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.domain.events import Event
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.reading import LogReader
from gpt_trader.store.verify import verify, verify_chain
from tests.store.forgery import reseal, tamper
from tests.store.samples import a_session, a_tick, some_trades
from tests.tier import scaled

EVENTS: list[Event] = [a_session(fast=5.0), *(some_trades(1_000 + i) for i in range(30)), a_tick(9)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "events.db"
    with closing(EventLog.create(path, {"session": "s-1"}, lambda: 7)) as log:
        for event in EVENTS:
            log.append(event)
        log.commit()
    return path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def test_a_log_as_it_was_written_is_sound(path: Path) -> None:
    with LogReader(path) as reader:
        log_hash = reader.log_hash()

    for report in (verify(path), verify_chain(path)):
        assert report.is_sound
        assert (report.events, report.log_hash) == (len(EVENTS), log_hash)
        assert report.first_bad_seq is None


def test_an_empty_log_is_sound(copy: Path) -> None:
    EventLog.create(copy, {}, lambda: 7).close()

    assert verify(copy).is_sound


@pytest.mark.parametrize("column", ["version", "wall_ns", "ts_ns"])
def test_a_flipped_bit_of_a_number_is_found(path: Path, copy: Path, column: str) -> None:
    dice = random.Random(column)
    for _ in range(scaled(100)):
        seq, bit = dice.randint(1, len(EVENTS)), dice.randrange(31)
        flip = f"UPDATE events SET {column} = ({column} | ?1) - ({column} & ?1) WHERE seq = ?2"
        tamper(path, copy, flip, (1 << bit, seq))

        report = verify(copy)

        assert report.first_bad_seq == seq, (report, bit)


@pytest.mark.parametrize("column", ["kind", "body", "hash", "wall_hash"])
def test_a_flipped_bit_of_a_text_is_found(path: Path, copy: Path, column: str) -> None:
    dice = random.Random(column)
    with closing(sqlite3.connect(path)) as connection:
        cells = connection.execute(f"SELECT CAST({column} AS BLOB) FROM events").fetchall()
    bits = 7 if column == "kind" else 8  # an eighth bit would be no text for SQLite to take
    for _ in range(scaled(100)):
        seq = dice.randint(1, len(EVENTS))
        flipped = bytearray(cells[seq - 1][0])
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(bits)
        cell = flipped.decode() if column == "kind" else bytes(flipped)
        tamper(path, copy, f"UPDATE events SET {column} = ? WHERE seq = ?", (cell, seq))

        report = verify_chain(copy)

        assert report.first_bad_seq == seq, report


def test_a_flipped_bit_anywhere_in_the_file_is_found_or_changes_nothing(
    path: Path, copy: Path
) -> None:
    """Some bits mean nothing: free room in a page, counters of SQLite's own."""
    dice = random.Random(1)
    whole = path.read_bytes()
    found = 0
    for _ in range(scaled(3_000)):
        flipped = bytearray(whole)
        flipped[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        copy.write_bytes(flipped)

        report = verify(copy)

        if report.is_sound:
            with LogReader(copy) as reader:
                assert [event for _, event in reader.events()] == EVENTS
        found += not report.is_sound
    assert found > scaled(3_000) // 10


def test_a_missing_event_is_found(path: Path, copy: Path) -> None:
    tamper(path, copy, "DELETE FROM events WHERE seq = ?", (12,))

    report = verify(copy)

    assert (report.first_bad_seq, report.events) == (12, 11)
    assert report.fault == "event 12 is missing from the log: event 13 follows"


def test_two_exchanged_events_are_found(path: Path, copy: Path) -> None:
    swap = "UPDATE events SET seq = CASE seq WHEN ?1 THEN -1 ELSE ?1 END WHERE seq IN (?1, ?2)"
    tamper(path, copy, swap, (12, 13))

    assert not verify(copy).is_sound


def test_a_changed_meta_is_found(path: Path, copy: Path) -> None:
    tamper(path, copy, "UPDATE meta SET value = ?", ("s-2",))

    assert verify(copy).first_bad_seq == 1


def test_a_body_that_does_not_read_is_found_under_a_chain_that_holds(
    path: Path, copy: Path
) -> None:
    """As a program with another shape of the event would have written it."""
    reseal(path, {}, copy)
    broken = copy.with_name("broken.db")
    tamper(copy, broken, "UPDATE events SET version = ? WHERE seq = 7", (2,))
    resealed = copy.with_name("resealed.db")
    reseal(broken, {}, resealed)

    assert verify_chain(resealed).is_sound
    report = verify(resealed)
    assert report.first_bad_seq == 7
    assert "trades_seen version 2" in (report.fault or "")


def test_a_forged_event_under_a_resealed_chain_is_not_found_here(path: Path, copy: Path) -> None:
    """Why a replay is needed: whoever writes the hashes again is past every check of the file."""
    reseal(path, {5: some_trades(1_003, price="1.00")}, copy)

    assert verify(copy).is_sound
    assert verify(copy).log_hash != verify(path).log_hash
    with LogReader(copy) as reader:
        forged = [event for _, event in reader.events()]
    assert forged[4] == some_trades(1_003, price="1.00")
    assert forged[:4] + forged[5:] == EVENTS[:4] + EVENTS[5:]


def test_resealing_without_an_edit_gives_the_same_log(path: Path, copy: Path) -> None:
    reseal(path, {}, copy)

    assert verify(copy).log_hash == verify(path).log_hash
    EventLog.open(copy, lambda: 8).close()


def test_damage_outside_the_events_is_reported_too(path: Path, copy: Path) -> None:
    """The index of a table is never read on the way along the chain."""
    with closing(sqlite3.connect(path)) as connection:
        find = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_meta_1'"
        page = connection.execute(find).fetchone()[0]
    damaged = bytearray(path.read_bytes())
    damaged[(page - 1) * 4096 : page * 4096] = bytes(4096)
    copy.write_bytes(damaged)

    report = verify(copy)

    assert not report.is_sound
    assert (report.events, report.first_bad_seq) == (len(EVENTS), None)


def test_a_foreign_file_is_reported(copy: Path) -> None:
    copy.write_text("nothing like a log" * 1_000)

    report = verify(copy)

    assert (report.events, report.first_bad_seq) == (0, 1)
    with pytest.raises(StoreDamaged):
        verify_chain(copy)


@pytest.mark.parametrize("check", [verify, verify_chain])
def test_a_file_that_is_not_there_is_a_usage_error(
    copy: Path, check: Callable[[Path], object]
) -> None:
    with pytest.raises(UsageError, match="no event log"):
        check(copy)
