"""What a commit promises holds on a full disk, on one that cannot sync, and after kill -9."""

import itertools
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.store.database import Database, Sync
from gpt_trader.store.event_log import CHECKPOINT_COMMITS
from gpt_trader.store.verify import verify
from tests.store.faults import a_disk_that_cannot_sync, a_writer, files_no_larger_than
from tests.store.logs import a_log, events_in, reopened
from tests.store.samples import a_tick
from tests.tier import scaled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


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


def test_what_a_killed_process_had_committed_cheaply_becomes_durable_too(
    path: Path, tmp_path: Path
) -> None:
    with closing(a_log(path)) as log:
        log.append(a_tick(1))
        log.commit()
        left = tmp_path / "left.db"
        shutil.copy(path, left)
        shutil.copy(path.with_name("events.db-wal"), left.with_name("left.db-wal"))
    log = reopened(left)
    assert log.head[0] == 1

    with a_disk_that_cannot_sync(left), pytest.raises(StoreRefused):
        log.commit_durable()

    log.close()


def test_many_cheap_commits_do_not_let_the_wal_grow_without_end(path: Path) -> None:
    sizes = []
    with closing(a_log(path)) as log:
        for seq in range(1, 2 * CHECKPOINT_COMMITS + 1):
            log.append(a_tick(seq))
            log.commit()
            if seq % CHECKPOINT_COMMITS == 0:
                sizes.append(path.with_name("events.db-wal").stat().st_size)

    assert sizes[1] < 1.2 * sizes[0]
    assert sizes[0] < 24_000_000


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


def test_a_change_that_breaks_off_in_its_middle_leaves_nothing_behind(path: Path) -> None:
    a_log(path).close()
    insert = "INSERT INTO snapshots VALUES (?, ?, ?)"
    with closing(Database(path)) as database:
        with pytest.raises(OverflowError):
            database.write(Sync.FULL, [(insert, [(1, b"", b""), (2**70, b"", b"")])])

        database.write(Sync.FULL, [(insert, [(3, b"", b"")])])

        assert database.connection.execute("SELECT seq FROM snapshots").fetchall() == [(3,)]


def test_a_log_that_finds_no_room_at_its_birth_leaves_none_behind(path: Path) -> None:
    with files_no_larger_than(8_000), pytest.raises(StoreRefused, match="cannot be made"):
        a_log(path)

    assert not path.exists()
    a_log(path).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StoreRefused, match="cannot be written"):
        a_log(tmp_path / "file" / "events.db")


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
