"""The stored events in order, each checked against the chain, over any connection to a log."""

import sqlite3
from collections.abc import Iterator

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.store import schema
from gpt_trader.store.chain import GENESIS, Row, checked, wall_genesis

Hashes = tuple[bytes, bytes]
"""The hash of an event and the hash of its wall-clock stamp."""

_BATCH = 1_024  # rows a read takes at once: no read transaction stays open between two batches


def checked_events(connection: sqlite3.Connection, after_seq: int) -> Iterator[Row]:
    """The events after `after_seq`, oldest first.

    Raises
    ------
    StoreDamaged
        At the first event that is not what was written; the message names its seq.
    """
    event_hash, wall_hash = hashes_at(connection, after_seq)
    yield from checked(stored_events(connection, after_seq), after_seq, event_hash, wall_hash)


def stored_events(connection: sqlite3.Connection, after_seq: int) -> Iterator[Row]:
    """The events after `after_seq` as they stand in the file, not checked."""
    while True:
        rows: list[Row] = schema.select(connection, schema.EVENTS_AFTER, (after_seq, _BATCH))
        yield from rows
        if len(rows) < _BATCH:
            return
        after_seq = rows[-1][0]


def hashes_at(connection: sqlite3.Connection, seq: int) -> Hashes:
    """What the event after `seq` is tied to; before the first event, what every chain starts at."""
    if seq == 0:
        return GENESIS, wall_genesis(read_meta(connection))
    found: list[Hashes] = schema.select(connection, schema.EVENT_HASHES, (seq,))
    if not found:
        raise StoreDamaged(f"event {seq} is missing from the log")
    return found[0]


def last_seq(connection: sqlite3.Connection) -> int:
    """The seq of the newest stored event, 0 without one."""
    found: list[tuple[int]] = schema.select(connection, schema.LAST_SEQ)
    return found[0][0]


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """What was written down about the session outside its chain."""
    found: list[tuple[str, str]] = schema.select(connection, schema.META)
    return dict(found)
