"""The one record of a session: every event, in order, chained, on disk before its effect."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import Event
from gpt_trader.store import schema
from gpt_trader.store.chain import Row, link, wall_link
from gpt_trader.store.codec import decode, encode
from gpt_trader.store.database import Database, Sync, create_file
from gpt_trader.store.snapshots import Snapshots
from gpt_trader.store.walk import checked_events, hashes_at, last_seq, read_meta

TAIL = 10_000
"""Events whose chain is checked when a log is opened; `verify` checks all of them."""

CHECKPOINT_COMMITS = 2_000
"""Cheap commits between two checkpoints: about 16 MB of WAL."""


class EventLog:
    """The writer of one log; an `EventSink`.

    `append` keeps an event in memory, `commit` and `commit_durable` write what was appended as
    one transaction. If a commit is refused, the file holds nothing of it and the events stay
    appended: the same commit may be tried again, and their order never changes.
    """

    def __init__(self, database: Database, wall_clock: Callable[[], int]) -> None:
        self._database = database
        self._wall_clock = wall_clock
        self._pending: list[Row] = []
        self._commits = 0
        self.meta = read_meta(database.connection)
        self.snapshots = Snapshots(database)
        try:
            self._seq, self._hash, self._wall_hash = self._checked_tail()
        except StoreDamaged:
            database.close()
            raise

    @classmethod
    def create(
        cls, path: Path, meta: Mapping[str, str], wall_clock: Callable[[], int]
    ) -> "EventLog":
        """Begin a new log at `path`; `meta` (session, host, versions) stays outside the chain.

        Raises
        ------
        UsageError
            There is a log at `path` already, or another process writes it.
        StoreRefused
            The folder cannot be written.
        """
        create_file(path, meta)
        return cls(Database(path), wall_clock)

    @classmethod
    def open(cls, path: Path, wall_clock: Callable[[], int]) -> "EventLog":
        """Go on with the log at `path`, after checking the file and the end of its chain.

        Raises
        ------
        UsageError
            There is no log at `path`, or another process writes it.
        StoreDamaged
            The log is not what was written.
        StoreRefused
            The file or its folder cannot be written.
        """
        return cls(Database(path), wall_clock)

    @property
    def head(self) -> tuple[int, bytes]:
        """Seq and hash of the last appended event; 0 and zeros before the first."""
        return self._seq, self._hash

    def log_hash(self) -> str:
        """The hash over every event so far, in hex. Equal sessions have equal ones."""
        return self._hash.hex()

    def append(self, event: Event) -> None:
        """Take one event as the next one; it is on disk after the next commit.

        Raises
        ------
        StoreRefused
            A number in the event is NaN or infinite. The event was not taken.
        """
        kind, version, body = encode(event)
        wall_ns = self._wall_clock()
        event_hash = link(self._hash, kind, version, body)
        wall_hash = wall_link(self._wall_hash, event_hash, wall_ns)
        seq = self._seq + 1
        self._pending.append(
            (seq, kind, version, event.ts_ns, body, event_hash, wall_ns, wall_hash)
        )
        self._seq, self._hash, self._wall_hash = seq, event_hash, wall_hash

    def commit(self) -> None:
        """Write what was appended, so that it survives the death of the process.

        Raises
        ------
        StoreRefused
            Nothing was written; the events stay appended.
        """
        if not self._pending:
            return
        if self._commits >= CHECKPOINT_COMMITS:
            self.checkpoint()
        self._write(Sync.NORMAL)
        self._commits += 1

    def commit_durable(self) -> None:
        """Write what was appended, so that it and all before it survives a loss of power.

        Raises
        ------
        StoreRefused
            Nothing was written, and no request may leave; the events stay appended.
        """
        if self._pending:
            self._write(Sync.FULL)
        else:
            self._database.sync()

    def checkpoint(self) -> None:
        """Move the WAL into the main file; cheap commits do this by themselves now and then."""
        self._database.checkpoint()
        self._commits = 0

    def read(self, after_seq: int = 0) -> Iterator[tuple[int, Event]]:
        """The committed events after `after_seq`, oldest first, each checked against the chain.

        Raises
        ------
        StoreDamaged
            At the first event that is not what was written.
        """
        for row in checked_events(self._database.connection, after_seq):
            yield row[0], decode(row[1], row[2], row[4])

    def close(self) -> None:
        """Make what was committed durable and give the log up; what was not committed is dropped.

        Raises
        ------
        StoreRefused
            The last cheap commits could not be made durable, or the WAL could not be emptied.
        """
        self._database.close()

    def _write(self, sync: Sync) -> None:
        self._database.write(sync, [(schema.INSERT_EVENT, self._pending)])
        self._pending = []

    def _checked_tail(self) -> tuple[int, bytes, bytes]:
        connection = self._database.connection
        seq = max(0, last_seq(connection) - TAIL)
        event_hash, wall_hash = hashes_at(connection, seq)
        for row in checked_events(connection, seq):
            seq, event_hash, wall_hash = row[0], row[5], row[7]
        return seq, event_hash, wall_hash
