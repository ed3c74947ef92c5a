"""Tools that do to a log what nobody should: to show that it is noticed, and by what."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from gpt_trader.domain.events import Event
from gpt_trader.store import schema
from gpt_trader.store.chain import GENESIS, link, wall_genesis, wall_link
from gpt_trader.store.codec import encode
from gpt_trader.store.walk import read_meta, stored_events

_REWRITE = (
    "UPDATE events SET kind=?, version=?, ts_ns=?, body=?, hash=?, wall_ns=?, wall_hash=? "
    "WHERE seq=?"
)


def reseal(path: Path, edits: Mapping[int, Event], copy: Path) -> None:
    """Copy a log, put other events in the place of some, and make every hash right again.

    No chain can notice this: only a replay, which makes the decisions again, can.
    """
    with closing(_copied(path, copy)) as connection:
        _without_triggers(connection)
        event_hash, wall_hash = GENESIS, wall_genesis(read_meta(connection))
        for seq, kind, version, ts_ns, body, _, wall_ns, _ in list(stored_events(connection, 0)):
            if seq in edits:
                ts_ns = edits[seq].ts_ns
                kind, version, body = encode(edits[seq])
            event_hash = link(event_hash, kind, version, body)
            wall_hash = wall_link(wall_hash, event_hash, wall_ns)
            connection.execute(
                _REWRITE, (kind, version, ts_ns, body, event_hash, wall_ns, wall_hash, seq)
            )
        _with_triggers(connection)


def tamper(path: Path, copy: Path, statement: str, cells: tuple[int | str | bytes, ...]) -> None:
    """Copy a log and change the copy by one statement, leaving its hashes as they are."""
    with closing(_copied(path, copy)) as connection:
        _without_triggers(connection)
        connection.execute(statement, cells)
        _with_triggers(connection)


def _copied(path: Path, copy: Path) -> sqlite3.Connection:
    copy.unlink(missing_ok=True)
    target = sqlite3.connect(copy, isolation_level=None)
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
        source.backup(target)
    target.execute("PRAGMA synchronous=OFF")
    target.execute("BEGIN")
    return target


def _without_triggers(connection: sqlite3.Connection) -> None:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")


def _with_triggers(connection: sqlite3.Connection) -> None:
    for trigger in schema.TRIGGERS:
        connection.execute(trigger)
    connection.execute("COMMIT")
