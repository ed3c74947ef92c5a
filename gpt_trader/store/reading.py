"""A log read beside its writer: by a replay, a report, a dashboard."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from gpt_trader.domain.events import Event
from gpt_trader.store.chain import Row
from gpt_trader.store.codec import MARKET_KINDS, decode
from gpt_trader.store.database import connect_to_read
from gpt_trader.store.schema import select
from gpt_trader.store.snapshots import latest_state
from gpt_trader.store.walk import checked_events, hashes_at, last_seq, read_meta

_COUNTS = "SELECT kind, count(*) FROM events GROUP BY kind ORDER BY kind"
_WITHOUT = "SELECT * FROM events WHERE seq > ? AND kind NOT IN ({}) ORDER BY seq"
_LAST_WALL = "SELECT wall_ns FROM events ORDER BY seq DESC LIMIT 1"


class LogReader:
    """What a log holds. It takes no lock, changes nothing, and sees committed events only."""

    def __init__(self, path: Path) -> None:
        """Open the log at `path`.

        Raises
        ------
        UsageError
            There is no such file.
        StoreDamaged
            It is not a log of this program.
        """
        self._connection = connect_to_read(path)
        self.meta = read_meta(self._connection)

    def events(self, after_seq: int = 0) -> Iterator[tuple[int, Event]]:
        """The events after `after_seq`, oldest first, each checked against the chain.

        Raises
        ------
        StoreDamaged
            At the first event that is not what was written.
        """
        for row in checked_events(self._connection, after_seq):
            yield row[0], decode(row[1], row[2], row[4])

    def without_market(self, after_seq: int = 0) -> Iterator[tuple[int, int, Event]]:
        """What was asked, decided, answered and booked after `after_seq`, past the chain.

        Of a million events these are a few thousand. Whether they are what was written is for
        `events` to say, and for `verify`.

        Yields
        ------
        seq, when it was written by the machine's clock in ns, event; oldest first
        """
        kinds = tuple(sorted(MARKET_KINDS))
        wanted = _WITHOUT.format(", ".join("?" * len(kinds)))
        rows: list[Row] = select(self._connection, wanted, (after_seq, *kinds))
        for row in rows:
            yield row[0], row[6], decode(row[1], row[2], row[4])

    def tail(self, count: int) -> list[tuple[int, Event]]:
        """The newest `count` events, oldest of them first."""
        return list(self.events(max(0, self.last_seq() - count)))

    def snapshot(self) -> tuple[int, bytes] | None:
        """The newest saved state that loads, and the seq it was taken after."""
        return latest_state(self._connection)

    def last_wall_ns(self) -> int:
        """When the newest event was written, by the machine's clock; 0 without one."""
        found: list[tuple[int]] = select(self._connection, _LAST_WALL)
        return found[0][0] if found else 0

    def last_seq(self) -> int:
        """The seq of the newest committed event, 0 without one."""
        return last_seq(self._connection)

    def count_by_kind(self) -> dict[str, int]:
        """How many events of each kind the log holds."""
        found: list[tuple[str, int]] = select(self._connection, _COUNTS)
        return dict(found)

    def log_hash(self) -> str:
        """The hash over every event, computed again from the bodies.

        Raises
        ------
        StoreDamaged
            At the first event that is not what was written.
        """
        event_hash, _ = hashes_at(self._connection, 0)
        for row in checked_events(self._connection, 0):
            event_hash = row[5]
        return event_hash.hex()

    def close(self) -> None:
        """Give the file up."""
        self._connection.close()

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
