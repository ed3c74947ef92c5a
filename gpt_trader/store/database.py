"""One SQLite file, its one writing connection, and what its failures mean."""

import contextlib
import enum
import errno
import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.store import schema

Change = tuple[str, Sequence[tuple[schema.Cell, ...]]]
"""One statement and the rows it is run with."""

_PRAGMAS = (
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",  # SQLite before 3.51.3 can damage a WAL, and mmap made it worse
    "PRAGMA temp_store=MEMORY",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    "PRAGMA wal_autocheckpoint=0",  # the writer decides when, and it alone checkpoints
    "PRAGMA fullfsync=1",  # macOS: a plain fsync leaves data in the drive's cache
    "PRAGMA checkpoint_fullfsync=1",
)

# After these the transaction is gone, the file is whole and the same commit may be tried again.
# Every other failure, an fsync above all, leaves open what is on the disk: it is fatal.
_REPEATABLE = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR_WRITE,  # no room by a limit on the file's size, e.g. a quota
        sqlite3.SQLITE_IOERR_SHMSIZE,  # no room for the index of the WAL
    }
)


class Sync(enum.Enum):
    """How far a commit goes before it returns."""

    NORMAL = "NORMAL"  # survives the death of the process
    FULL = "FULL"  # survives the loss of power, and so does everything before it


class Database:
    """The only writer of one log file, from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        """Lock the file and open it; see `schema` for what is in it.

        Raises
        ------
        UsageError
            There is no such file, or another process writes it.
        StoreDamaged
            It is not a log of this program, or SQLite finds it damaged.
        StoreRefused
            The file or its folder cannot be written.
        """
        if not path.is_file():
            raise UsageError(f"there is no event log at {path}")
        self._path = path
        self._sync = Sync.FULL
        self._unsynced = True  # the process before us may have died after a cheap commit
        self._fatal: str | None = None
        self._lock = _locked(path)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self._lock)
            self.connection = _prepared(path)
            undo.pop_all()

    def write(self, sync: Sync, changes: Sequence[Change]) -> None:
        """Run the changes as one transaction: all of them are kept, or none.

        Raises
        ------
        StoreRefused
            Nothing was kept. The same call may be made again once there is room, unless the
            message says that the log must be opened again.
        """
        self._refuse_after_a_fatal_failure()
        try:
            self._switch(sync)
            self.connection.execute("BEGIN IMMEDIATE")
            for statement, rows in changes:
                self.connection.executemany(statement, rows)
            self.connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._refusal(error) from error
        finally:
            # After most failures SQLite has undone the transaction itself.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        self._unsynced = sync is Sync.NORMAL

    def sync(self) -> None:
        """Make every earlier commit survive a loss of power.

        SQLite syncs when a transaction has written something, so one counter is written.
        """
        if self._unsynced:
            self.write(Sync.FULL, [(schema.COUNT_SYNC, [()])])

    def checkpoint(self) -> None:
        """Move what readers no longer need from the WAL into the main file, waiting for nobody."""
        self._refuse_after_a_fatal_failure()
        try:
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Empty the WAL into the main file, if no reader needs it, and give up the lock."""
        try:
            if self._fatal is None:
                self.sync()
                self.connection.execute("PRAGMA busy_timeout=100")
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.DatabaseError as error:
            raise self._refusal(error) from error
        finally:
            self._disconnect()
            os.close(self._lock)

    def _disconnect(self) -> None:
        """Close the connection; after a fatal failure without SQLite's own last checkpoint.

        That one would copy pages from the WAL without looking at their checksums, and they may
        be lost. The next open does look. SQLite leaves it out while another connection is there.
        """
        with contextlib.ExitStack() as witness:
            if self._fatal is not None:
                reader = _connected(self._path, "ro")
                witness.callback(reader.close)
                with contextlib.suppress(sqlite3.DatabaseError):
                    reader.execute(schema.LAST_SEQ).fetchall()
            self.connection.close()

    def _switch(self, sync: Sync) -> None:
        if sync is not self._sync:
            self.connection.execute(f"PRAGMA synchronous={sync.value}")
            self._sync = sync

    def _refusal(self, error: sqlite3.DatabaseError) -> StoreRefused:
        if error.sqlite_errorcode in _REPEATABLE:
            return StoreRefused(f"{self._path} cannot be written ({error}); nothing was kept")
        self._fatal = str(error)
        return StoreRefused(
            f"{self._path} failed while writing ({error}): what is on the disk is unknown, "
            "the log must be opened again"
        )

    def _refuse_after_a_fatal_failure(self) -> None:
        if self._fatal is not None:
            raise StoreRefused(
                f"{self._path} failed before ({self._fatal}) and must be opened again"
            )


def create_file(path: Path, meta: Mapping[str, str]) -> None:
    """Make an empty log at `path`, whole or not at all.

    Raises
    ------
    UsageError
        There is a log already, or another process makes it.
    StoreRefused
        The folder cannot be written.
    """
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path.parent, error) from error
    lock = _locked(path)
    try:
        if path.exists():
            raise UsageError(f"there is an event log at {path} already")
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        schema.build(_connected(draft, "rw"), meta)
        draft.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    except sqlite3.OperationalError as error:
        draft.unlink(missing_ok=True)
        raise StoreRefused(f"{path} cannot be made ({error})") from error
    finally:
        os.close(lock)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a log beside its writer, able to change nothing.

    Raises
    ------
    UsageError
        There is no such file.
    StoreDamaged
        It is not a log of this program.
    """
    if not path.is_file():
        raise UsageError(f"there is no event log at {path}")
    with contextlib.ExitStack() as undo:
        connection = _connected(path, "ro")
        undo.callback(connection.close)
        schema.check(connection)
        undo.pop_all()
    return connection


def _prepared(path: Path) -> sqlite3.Connection:
    with contextlib.ExitStack() as undo:
        connection = _connected(path, "rw")
        undo.callback(connection.close)
        schema.check(connection)
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.OperationalError as error:
            raise StoreRefused(f"{path} cannot be opened to write ({error})") from error
        damage: list[tuple[str]] = schema.select(connection, "PRAGMA quick_check(1)")
        if damage != [("ok",)]:
            raise StoreDamaged(f"{path} is damaged: {damage[0][0]}")
        undo.pop_all()
    return connection


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise StoreRefused(f"{path} cannot be opened: {error}") from error
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def _locked(path: Path) -> int:
    """Hold the lock file beside the log until its descriptor is closed or the process ends."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise UsageError(f"another process writes this log: {path}") from error
        raise _refused(path, error) from error
    return lock


def _sync_folder(folder: Path) -> None:
    """A new name is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> StoreRefused:
    return StoreRefused(f"{path} cannot be written: {error.strerror}")
