"""States saved beside the log, so that a start folds a tail and not a year."""

import hashlib

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
        state_hash = self._state_hash(seq, blob)
        self._database.write(
            Sync.NORMAL, [(_INSERT, [(seq, state_hash, blob)]), (_PRUNE, [(KEPT,)])]
        )

    def latest(self) -> tuple[int, bytes] | None:
        """The newest snapshot that loads, or None: then the fold starts at the first event."""
        for seq in self._seqs():
            try:
                return seq, self.load(seq)
            except StoreDamaged:
                continue  # an older one serves as well; `damaged` reports this one
        return None

    def damaged(self) -> tuple[int, ...]:
        """The seqs of snapshots that do not load, newest first: for the report at a start."""
        return tuple(seq for seq in self._seqs() if not self._loads(seq))

    def load(self, seq: int) -> bytes:
        """The state that was saved after event `seq`.

        Raises
        ------
        StoreDamaged
            There is none, or it is not what was saved.
        """
        found: list[tuple[bytes, bytes]] = select(self._database.connection, _LOAD, (seq,))
        if not found:
            raise StoreDamaged(f"there is no snapshot at event {seq}")
        state_hash, blob = found[0]
        if state_hash != self._state_hash(seq, blob):
            raise StoreDamaged(f"the snapshot at event {seq} is not what was saved")
        return blob

    def _loads(self, seq: int) -> bool:
        try:
            self.load(seq)
        except StoreDamaged:
            return False
        return True

    def _seqs(self) -> list[int]:
        found: list[tuple[int]] = select(self._database.connection, _SEQS)
        return [seq for (seq,) in found]

    def _state_hash(self, seq: int, blob: bytes) -> bytes:
        event_hash, _ = hashes_at(self._database.connection, seq)
        return hashlib.sha256(event_hash + blob).digest()
