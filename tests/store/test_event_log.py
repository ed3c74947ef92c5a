"""The log keeps every event in order, changes none, and says so when it cannot."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.domain.events import Event
from gpt_trader.domain.ports import EventSink
from gpt_trader.store.event_log import TAIL, EventLog
from gpt_trader.store.reading import LogReader
from gpt_trader.store.verify import verify
from tests.store.faults import a_writer
from tests.store.forgery import tamper
from tests.store.logs import META, a_log, events_in, reopened
from tests.store.samples import EVENT_TYPES, a_session, a_tick, any_event, some_trades
from tests.tier import scaled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


# --- what is kept ---------------------------------------------------------------------------


@settings(max_examples=scaled(300))
@given(st.lists(st.one_of(*(any_event(t) for t in EVENT_TYPES)), max_size=8))
def test_a_log_reads_back_what_was_appended(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.db"
    with closing(a_log(path)) as log:
        for event in events:
            log.append(event)
        log.commit()

        read = list(log.read())

        assert read == list(enumerate(events, start=1))
        assert log.head[0] == len(events)
    assert verify(path).log_hash == log.log_hash()


def test_a_log_goes_on_where_it_was_closed(path: Path) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        log.commit()
        head = log.head

    with closing(reopened(path)) as log:
        assert log.head == head
        log.append(a_tick(2))
        log.commit_durable()

    assert events_in(path) == [a_tick(1), a_tick(2)]
    assert verify(path).is_sound


def test_reading_goes_on_after_a_seq(path: Path) -> None:
    with closing(a_log(path)) as log:
        for seq in range(1, 3_001):
            log.append(a_tick(seq))
        log.commit()

        read = list(log.read(after_seq=2_990))

    assert read == [(seq, a_tick(seq)) for seq in range(2_991, 3_001)]


def test_equal_events_have_equal_hashes_whatever_the_host_and_the_hour(tmp_path: Path) -> None:
    here = EventLog.create(tmp_path / "a.db", {"host": "a"}, lambda: 1)
    there = EventLog.create(tmp_path / "b.db", {"host": "b"}, lambda: 2)
    with closing(here), closing(there):
        for log in (here, there):
            log.append(a_session(fast=5.0))
            log.append(some_trades())
        there.commit()

        assert here.log_hash() == there.log_hash()


def test_a_price_that_differs_in_its_last_digit_changes_the_hash(tmp_path: Path) -> None:
    hashes = set()
    for price in ("62000.12", "62000.13"):
        with closing(a_log(tmp_path / price)) as log:
            log.append(some_trades(price=price))
            hashes.add(log.log_hash())

    assert len(hashes) == 2


def test_what_was_not_committed_is_not_kept(path: Path) -> None:
    """A step that broke off in its middle would replay as another step."""
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        log.commit()
        log.append(a_tick(2))

    assert events_in(path) == [a_tick(1)]


def test_meta_is_kept_and_an_event_log_is_an_event_sink(path: Path) -> None:
    with closing(a_log(path)) as log:
        sink: EventSink = log
        sink.append(a_tick())

        assert log.meta == META


def test_a_log_is_for_its_owner_only(path: Path) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick())
        log.commit()

        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    assert len(modes) == 4
    assert set(modes.values()) == {0o600}, modes


def test_a_number_that_is_refused_is_not_taken(path: Path) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        head = log.head
        with pytest.raises(StoreRefused):
            log.append(a_session(fast=float("nan")))

        assert log.head == head
        log.append(a_tick(2))
        log.commit()

    assert events_in(path) == [a_tick(1), a_tick(2)]


# --- who may write --------------------------------------------------------------------------


def test_a_second_writer_is_refused_in_the_same_process(path: Path) -> None:
    with closing(a_log(path)):
        with pytest.raises(UsageError, match="another process writes this log"):
            reopened(path)
        with pytest.raises(UsageError, match="another process writes this log"):
            a_log(path)


def test_a_second_writer_is_refused_in_another_process(path: Path) -> None:
    a_log(path).close()
    with a_writer(path) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()

        with pytest.raises(UsageError, match="another process writes this log"):
            reopened(path)


def test_a_log_is_never_made_over_another(path: Path) -> None:
    a_log(path).close()

    with pytest.raises(UsageError, match="already"):
        a_log(path)


def test_a_log_that_is_not_there_is_not_opened(path: Path) -> None:
    with pytest.raises(UsageError, match="no event log"):
        reopened(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET ts_ns = 0",
        "DELETE FROM events",
        "DELETE FROM events WHERE seq = 3",
        "INSERT OR REPLACE INTO events SELECT 1, kind, 1, 1, body, hash, 1, hash FROM events",
        "INSERT INTO events SELECT 9, kind, 1, 1, body, hash, 1, hash FROM events WHERE seq = 1",
        "INSERT INTO events SELECT -1, kind, 1, 1, body, hash, 1, hash FROM events WHERE seq = 1",
        "UPDATE meta SET value = 'x'",
        "DELETE FROM meta",
        "INSERT INTO meta VALUES ('new', 'x')",
    ],
)
def test_what_is_written_is_never_changed(path: Path, statement: str) -> None:
    with closing(a_log(path)) as log:
        for seq in range(1, 4):
            log.append(a_tick(seq))
        log.commit()

    with closing(sqlite3.connect(path)) as stranger, pytest.raises(sqlite3.IntegrityError):
        stranger.execute(statement)

    assert verify(path).is_sound


def test_an_event_by_another_writer_stops_ours(path: Path) -> None:
    log = a_log(path)
    log.append(a_tick(1))
    log.commit()
    log.append(a_tick(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("INSERT INTO events VALUES (2, 'clock_ticked', 1, 2, x'', x'', 1, x'')")

    with pytest.raises(StoreRefused, match="takes the next seq"):
        log.commit()

    log.close()


# --- what is not a log ----------------------------------------------------------------------


def test_a_foreign_file_is_not_opened(path: Path) -> None:
    path.write_bytes(b"not a database at all, but long enough to look at" * 100)

    with pytest.raises(StoreDamaged, match="not a database"):
        reopened(path)
    with pytest.raises(StoreDamaged, match="not a database"):
        LogReader(path)


def test_a_foreign_database_is_not_opened(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY)")

    with pytest.raises(StoreDamaged, match="not an event log of GPT-Trader"):
        reopened(path)


def test_a_log_without_its_triggers_is_not_opened(path: Path) -> None:
    a_log(path).close()
    with closing(sqlite3.connect(path)) as stranger:
        stranger.execute("DROP TRIGGER events_stay")

    with pytest.raises(StoreDamaged, match="trigger"):
        reopened(path)


def test_a_log_of_a_later_version_is_not_opened(path: Path) -> None:
    a_log(path).close()
    with closing(sqlite3.connect(path)) as stranger:
        stranger.execute("PRAGMA user_version=2")

    with pytest.raises(StoreDamaged, match="version 2"):
        reopened(path)


def test_a_log_whose_tail_was_changed_is_not_opened_and_gives_its_lock_back(
    path: Path, tmp_path: Path
) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        log.commit()
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE events SET wall_ns = wall_ns + ?", (1,))

    for _ in range(2):
        with pytest.raises(StoreDamaged, match="stamp of event 1"):
            reopened(copy)


def test_a_change_before_the_tail_is_found_when_the_log_is_read(path: Path, tmp_path: Path) -> None:
    with closing(a_log(path)) as log:
        for seq in range(1, TAIL + 10):
            log.append(a_tick(seq))
        log.commit()
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE events SET body = ? WHERE seq = 5", (b'{"ts_ns":6}',))

    with closing(reopened(copy)) as log, pytest.raises(StoreDamaged, match="event 5 "):
        list(log.read())
