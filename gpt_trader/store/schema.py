"""The tables of a log file, and the triggers that keep its rows as they were written."""

import sqlite3
from collections.abc import Mapping
from typing import TypeVar

from gpt_trader.domain.errors import StoreDamaged

Cell = int | str | bytes
Found = TypeVar("Found", bound=tuple[Cell | None, ...])

APPLICATION_ID = 0x47505454  # "GPTT"
SCHEMA_VERSION = 1

STATEMENTS = (
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        version INTEGER NOT NULL,
        ts_ns INTEGER NOT NULL,
        body BLOB NOT NULL,
        hash BLOB NOT NULL,
        wall_ns INTEGER NOT NULL,
        wall_hash BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE snapshots (
        seq INTEGER PRIMARY KEY,
        state_hash BLOB NOT NULL,
        blob BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE syncs (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL) STRICT",
    "INSERT INTO syncs VALUES (1, 0)",
)

# REPLACE deletes without asking a delete trigger, so the insert trigger takes the next seq only.
TRIGGERS = (
    """CREATE TRIGGER events_next BEFORE INSERT ON events
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events)
    BEGIN SELECT raise(ABORT, 'an event takes the next seq'); END""",
    """CREATE TRIGGER events_keep BEFORE UPDATE ON events
    BEGIN SELECT raise(ABORT, 'events are never changed'); END""",
    """CREATE TRIGGER events_stay BEFORE DELETE ON events
    BEGIN SELECT raise(ABORT, 'events are never deleted'); END""",
    """CREATE TRIGGER meta_closed BEFORE INSERT ON meta
    BEGIN SELECT raise(ABORT, 'meta is never changed'); END""",
    """CREATE TRIGGER meta_keep BEFORE UPDATE ON meta
    BEGIN SELECT raise(ABORT, 'meta is never changed'); END""",
    """CREATE TRIGGER meta_stay BEFORE DELETE ON meta
    BEGIN SELECT raise(ABORT, 'meta is never deleted'); END""",
)

INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
EVENTS_AFTER = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
LAST_SEQ = "SELECT coalesce(max(seq), 0) FROM events"
EVENT_HASHES = "SELECT hash, wall_hash FROM events WHERE seq = ?"
META = "SELECT key, value FROM meta"
COUNT_SYNC = "UPDATE syncs SET count = count + 1"


def build(connection: sqlite3.Connection, meta: Mapping[str, str]) -> None:
    """Write the tables and the meta into an empty file, durably, and close it."""
    try:
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("BEGIN IMMEDIATE")
        for statement in STATEMENTS:
            connection.execute(statement)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
        for trigger in TRIGGERS:
            connection.execute(trigger)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def check(connection: sqlite3.Connection) -> None:
    """Refuse a file that is no log of this program, or one whose tables or triggers differ."""
    application_id: list[tuple[int]] = select(connection, "PRAGMA application_id")
    if application_id != [(APPLICATION_ID,)]:
        raise StoreDamaged("the file is a database, but not an event log of GPT-Trader")
    version: list[tuple[int]] = select(connection, "PRAGMA user_version")
    if version != [(SCHEMA_VERSION,)]:
        raise StoreDamaged(
            f"the log has version {version[0][0]}; this program reads {SCHEMA_VERSION}"
        )
    found: list[tuple[str | None]] = select(connection, "SELECT sql FROM sqlite_master")
    wanted = {(sql,) for sql in STATEMENTS + TRIGGERS if sql.startswith("CREATE")}
    if not wanted <= set(found):
        raise StoreDamaged("a table or a trigger of the log was changed or is missing")


def select(
    connection: sqlite3.Connection, statement: str, cells: tuple[Cell, ...] = ()
) -> list[Found]:
    """Run one reading statement to its end; STRICT tables give the types its caller names.

    Raises
    ------
    StoreDamaged
        SQLite cannot read the file.
    """
    try:
        return connection.execute(statement, cells).fetchall()
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # SQLite's message repeats what it read, and that need not be text any more.
        raise StoreDamaged(f"the event log cannot be read: {error}") from error
