"""The session's log as the loop writes it: committed cheaply or durably, snapshotted, reported."""

from collections import deque
from pathlib import Path

from gpt_trader.domain.events import (
    CandleClosed,
    CandlesLoaded,
    ClockTicked,
    Event,
    QuoteSeen,
    TradesSeen,
)
from gpt_trader.engine.engine import Engine
from gpt_trader.live.recovery import frozen
from gpt_trader.live.report import Reporter
from gpt_trader.live.seams import Probes
from gpt_trader.store.event_log import EventLog

SNAPSHOT_EVENTS = 5_000
MARKET = (TradesSeen, QuoteSeen, ClockTicked, CandlesLoaded, CandleClosed)


class Record:
    """An `EventSink` over the event log.

    Market events need no durable commit of their own: the next durable one makes them so, and
    none of them has an effect outside before it.
    """

    def __init__(
        self, log: EventLog, file: Path, engine: Engine, reporter: Reporter, probes: Probes
    ) -> None:
        self.log = log
        self._file = file
        self._engine = engine
        self._reporter = reporter
        self._probes = probes
        self._unreported: deque[Event] = deque()
        self._owes_durability = False
        self._snapshot_seq = log.head[0]

    def append(self, event: Event) -> None:
        """Take one event; on disk with the next commit."""
        self.log.append(event)
        if not isinstance(event, MARKET):
            self._owes_durability = True
            self._unreported.append(event)

    def commit(self) -> None:
        """Write what is appended; what people see is written down after it is on disk."""
        self.log.commit()
        self._report()

    def commit_durable(self) -> None:
        """Write what is appended so that a loss of power cannot take it back."""
        self.log.commit_durable()
        self._owes_durability = False
        self._report()

    def settle(self) -> None:
        """Before the exchange is told that all is processed: orders and fills durably."""
        if self._owes_durability:
            self.commit_durable()
        else:
            self.commit()
        if self.log.head[0] - self._snapshot_seq >= SNAPSHOT_EVENTS:
            self.snapshot()

    def snapshot(self) -> None:
        """Keep the state, so that the next start folds a tail only."""
        seq, state = self.log.head[0], frozen(self._engine)
        with self._probes.passing("snapshot", self._file.with_name(f"{self._file.name}-wal")):
            self.log.snapshots.save(seq, state)
        with self._probes.passing("checkpoint", self._file):
            self.log.checkpoint()
        self._snapshot_seq = seq

    def finish(self) -> None:
        """Write what the session ended with into the log file."""
        self._reporter.last_line()

    def _report(self) -> None:
        while self._unreported:
            self._reporter.report(self._unreported.popleft())
        self._reporter.telemetry()
