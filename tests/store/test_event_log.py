"""The log keeps every event in order, changes none, and says so when it cannot."""

import itertools
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.domain.events import Event
from gpt_trader.domain.ports import EventSink
from gpt_trader.store.database import Database, Sync
from gpt_trader.store.event_log import TAIL, EventLog
from gpt_trader.store.reading import LogReader
from gpt_trader.store.verify import verify
from tests.store.forgery import tamper
from tests.store.samples import EVENT_TYPES, NS, a_session, a_tick, any_event, some_trades
from tests.tier import scaled

META = {"session": "s-1", "host": "here"}


def a_clock() -> Callable[[], int]:
    """A wall clock that goes on by a microsecond a look."""
    return itertools.count(NS, 1_000).__next__


def a_log(path: Path) -> EventLog:
    return EventLog.create(path, META, a_clock())


def reopened(path: Path) -> EventLog:
    return EventLog.open(path, a_clock())


def events_in(path: Path) -> list[Event]:
    with LogReader(path) as reader:
        return [event for _, event in reader.events()]


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


# --- how far a commit goes ------------------------------------------------------------------


def test_a_cheap_commit_never_waits_for_the_disk_and_a_durable_one_always_does(path: Path) -> None:
    """The WAL's descriptor is made one whose fsync fails: only what syncs can notice."""
    log = a_log(path)
    log.append(a_tick(1))
    log.commit()

    with a_disk_that_cannot_sync(path):
        log.append(a_tick(2))
        log.commit()
        log.append(a_tick(3))
        with pytest.raises(StoreRefused, match="must be opened again"):
            log.commit_durable()

    log.close()


def test_a_durable_commit_without_events_makes_the_cheap_ones_durable(path: Path) -> None:
    log = a_log(path)
    log.append(a_tick(1))
    log.commit()

    with a_disk_that_cannot_sync(path), pytest.raises(StoreRefused):
        log.commit_durable()

    log.close()


def test_a_durable_commit_after_a_durable_one_does_nothing(path: Path) -> None:
    log = a_log(path)
    log.append(a_tick(1))
    log.commit_durable()

    with a_disk_that_cannot_sync(path):
        log.commit_durable()

    log.close()


def test_after_a_failed_sync_nothing_is_written_until_the_log_is_opened_again(path: Path) -> None:
    """A sync that failed may have dropped pages: a second one would lie."""
    log = a_log(path)
    log.append(a_tick(1))
    log.commit_durable()
    log.append(a_tick(2))
    with a_disk_that_cannot_sync(path), pytest.raises(StoreRefused):
        log.commit_durable()

    with pytest.raises(StoreRefused, match="failed before"):
        log.commit()
    with pytest.raises(StoreRefused, match="failed before"):
        log.checkpoint()
    main_file = path.read_bytes()
    log.close()

    assert path.read_bytes() == main_file
    with closing(reopened(path)) as again:
        assert again.head[0] == 1
        again.append(a_tick(2))
        again.commit_durable()
    assert events_in(path) == [a_tick(1), a_tick(2)]


def test_many_cheap_commits_do_not_let_the_wal_grow_without_end(path: Path) -> None:
    with closing(a_log(path)) as log:
        for seq in range(1, 5_001):
            log.append(a_tick(seq))
            log.commit()

        assert path.with_name("events.db-wal").stat().st_size < 24_000_000


# --- a disk without room --------------------------------------------------------------------


def test_a_full_disk_keeps_nothing_of_a_commit_and_the_same_commit_works_later(path: Path) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        log.commit_durable()
        for seq in range(2, 2_002):
            log.append(a_tick(seq))

        with files_no_larger_than(100_000):
            with pytest.raises(StoreRefused, match="nothing was kept"):
                log.commit_durable()
            assert [seq for seq, _ in log.read()] == [1]
            log.append(a_tick(2_002))
            with pytest.raises(StoreRefused, match="nothing was kept"):
                log.commit()
        log.commit_durable()

    assert events_in(path) == [a_tick(seq) for seq in range(1, 2_003)]
    assert verify(path).is_sound


def test_a_log_closed_on_a_full_disk_goes_on_once_there_is_room(path: Path) -> None:
    log = a_log(path)
    log.append(a_tick(1))
    log.commit_durable()
    with files_no_larger_than(100_000):
        for seq in range(2, 2_002):
            log.append(a_tick(seq))
        with pytest.raises(StoreRefused):
            log.commit_durable()
        log.close()

    with closing(reopened(path)) as again:
        assert again.head[0] == 1
        again.append(a_tick(2))
        again.commit_durable()

    assert events_in(path) == [a_tick(1), a_tick(2)]


def test_a_database_without_room_for_a_page_takes_the_change_later(path: Path) -> None:
    a_log(path).close()
    insert = "INSERT INTO snapshots VALUES (?, ?, ?)"
    with closing(Database(path)) as database:
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        database.connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreRefused, match="is full"):
            database.write(Sync.FULL, [(insert, [(1, b"", bytes(50_000))])])
        database.connection.execute("PRAGMA max_page_count=1000000")

        database.write(Sync.FULL, [(insert, [(1, b"", bytes(50_000))])])

        assert database.connection.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)


def test_a_log_that_finds_no_room_at_its_birth_leaves_none_behind(path: Path) -> None:
    with files_no_larger_than(8_000), pytest.raises(StoreRefused, match="cannot be made"):
        a_log(path)

    assert not path.exists()
    a_log(path).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreRefused, match="cannot be written"):
        a_log(tmp_path / "file" / "events.db")


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

    with pytest.raises(StoreDamaged, match="not an event log"):
        reopened(path)
    with pytest.raises(StoreDamaged, match="not an event log"):
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


# --- death ----------------------------------------------------------------------------------


def test_no_event_that_was_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    """This does not test power loss: what a dead process wrote is still in the kernel."""
    a_log(path).close()
    acknowledged = 0
    for kill in range(scaled(100)):
        with a_writer(path) as writer:
            assert writer.stdout is not None
            for line in itertools.islice(writer.stdout, 1 + kill * 37 % 150):
                acknowledged = int(line)
            writer.kill()
            rest = [line for line in writer.stdout if line.endswith("\n")]
            acknowledged = int(rest[-1]) if rest else acknowledged

        report = verify(path)

        assert report.is_sound, report.fault
        assert report.events >= acknowledged
    assert [event.ts_ns for event in events_in(path)] == list(range(1, report.events + 1))


def test_a_birth_that_was_broken_off_is_begun_again(path: Path) -> None:
    path.with_name("events.db.new").write_bytes(b"half a log")

    with closing(a_log(path)) as log:
        assert log.head[0] == 0


# --- tools ----------------------------------------------------------------------------------


@contextmanager
def a_writer(path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as a quota would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_disk_that_cannot_sync(path: Path) -> Iterator[None]:
    """Put /dev/null in the place of the open WAL: it takes every write and refuses every sync."""
    wal = path.with_name(path.name + "-wal").stat()
    descriptor = next(fd for fd in range(3, 1_000) if _is_file(fd, wal))
    kept = os.dup(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


def _is_file(descriptor: int, wanted: os.stat_result) -> bool:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
