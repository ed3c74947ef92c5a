"""Whether a log is, to the last byte, what was written."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.store.chain import GENESIS, Row
from gpt_trader.store.codec import decode
from gpt_trader.store.database import connect_to_read
from gpt_trader.store.schema import select
from gpt_trader.store.walk import checked_events


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a log found."""

    path: Path
    events: int  # sound ones, from the first on
    log_hash: str  # of the sound ones, hex
    first_bad_seq: int | None  # the first event that cannot be trusted
    fault: str | None  # what is wrong, None if nothing is

    @property
    def is_sound(self) -> bool:
        """True if nothing is wrong with the log."""
        return self.fault is None


def verify(path: Path) -> Report:
    """Check the file, every hash, every seq and every body, and name the first bad event.

    A tail that was cut off at an event's end cannot be told from a shorter log.

    Raises
    ------
    UsageError
        There is no such file.
    """
    try:
        connection = connect_to_read(path)
    except StoreDamaged as error:
        return Report(path, 0, GENESIS.hex(), 1, str(error))
    with closing(connection):
        report = _walk(path, _read_bodies(checked_events(connection, 0)))
        damage = _damage_of_file(connection)
    if damage is None or report.fault is not None:
        return report
    return Report(path, report.events, report.log_hash, None, damage)


def verify_chain(path: Path) -> Report:
    """Check every hash and every seq only: three times as fast, bodies are not read.

    Raises
    ------
    UsageError
        There is no such file.
    StoreDamaged
        It is not a log of this program.
    """
    with closing(connect_to_read(path)) as connection:
        return _walk(path, checked_events(connection, 0))


def _walk(path: Path, rows: Iterable[Row]) -> Report:
    events, event_hash = 0, GENESIS
    try:
        for row in rows:
            events, event_hash = row[0], row[5]
    except StoreDamaged as error:
        return Report(path, events, event_hash.hex(), events + 1, str(error))
    return Report(path, events, event_hash.hex(), None, None)


def _read_bodies(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        event = decode(row[1], row[2], row[4])
        if event.ts_ns != row[3]:
            raise StoreDamaged(f"event {row[0]} is filed under a time that is not its own")
        yield row


def _damage_of_file(connection: sqlite3.Connection) -> str | None:
    try:
        found: list[tuple[str]] = select(connection, "PRAGMA integrity_check(1)")
    except StoreDamaged as error:
        return str(error)
    return None if found == [("ok",)] else found[0][0]
