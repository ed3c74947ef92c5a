"""States saved beside the log, so that a start folds a tail and not a year."""

import hashlib
from sqlite3 import Connection

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.store.database import Database, Sync
from gpt_trader.store.schema import select
from gpt_trader.store.walk import hashes_at

KEPT = 3
"""Snapshots that stay: the newest, and two to fall back to if it is damaged."""

_INSERT = "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)"
_PRUNE = (
    "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)"
)
_SEQS = "SELECT seq FROM snapshots ORDER BY seq DESC"
_LOAD = "SELECT state_hash, blob FROM snapshots WHERE seq = ?"


class Snapshots:
    """The saved states of one log, written through its only writing connection.

    A snapshot is tied to the hash of the event it was taken at: on a log with another past it
    does not load.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, seq: int, blob: bytes) -> None:
        """Keep the state after event `seq`, and forget all but the newest few.

        The state of an event that is not committed cannot be saved: a snapshot would outrun
        its log.

        Raises
        ------
        StoreDamaged
            Event `seq` is not in the file.
        StoreRefused
            Nothing was written.
        """
        state_hash = _state_hash(self._database.connection, seq, blob)
        self._database.write(
            Sync.NORMAL, [(_INSERT, [(seq, state_hash, blob)]), (_PRUNE, [(KEPT,)])]
        )

    def latest(self) -> tuple[int, bytes] | None:
        """The newest snapshot that loads, or None: then the fold starts at the first event."""
        return latest_state(self._database.connection)

    def damaged(self) -> tuple[int, ...]:
        """The seqs of snapshots that do not load, newest first: for the report at a start."""
        connection = self._database.connection
        return tuple(seq for seq in _seqs(connection) if not _loads(connection, seq))

    def load(self, seq: int) -> bytes:
        """The state that was saved after event `seq`.

        Raises
        ------
        StoreDamaged
            There is none, or it is not what was saved.
        """
        return _load(self._database.connection, seq)


def latest_state(connection: Connection) -> tuple[int, bytes] | None:
    """The newest snapshot of a log that loads, and the seq it was taken after."""
    for seq in _seqs(connection):
        try:
            return seq, _load(connection, seq)
        except StoreDamaged:
            continue  # an older one serves as well; `damaged` reports this one
    return None


def _load(connection: Connection, seq: int) -> bytes:
    found: list[tuple[bytes, bytes]] = select(connection, _LOAD, (seq,))
    if not found:
        raise StoreDamaged(f"there is no snapshot at event {seq}")
    state_hash, blob = found[0]
    if state_hash != _state_hash(connection, seq, blob):
        raise StoreDamaged(f"the snapshot at event {seq} is not what was saved")
    return blob


def _loads(connection: Connection, seq: int) -> bool:
    try:
        _load(connection, seq)
    except StoreDamaged:
        return False
    return True


def _seqs(connection: Connection) -> list[int]:
    found: list[tuple[int]] = select(connection, _SEQS)
    return [seq for (seq,) in found]


def _state_hash(connection: Connection, seq: int, blob: bytes) -> bytes:
    event_hash, _ = hashes_at(connection, seq)
    return hashlib.sha256(event_hash + blob).digest()
