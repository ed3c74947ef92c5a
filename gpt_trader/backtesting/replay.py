"""A recorded session taken through the same code again: does it decide the same, byte for byte?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import Decision, Event, Request, SessionOpened
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from gpt_trader.store.codec import encode

DECISIONS = get_args(Decision)
Recorded = tuple[int, Event]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where the record and its replay part."""

    seq: int
    recorded: str  # kind and body, "nothing" if the record has no decision here
    made: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay found."""

    events: int
    decisions: int
    orders: int
    difference: Difference | None

    @property
    def equal(self) -> bool:
        """Every decision was made again, in its place, byte for byte."""
        return self.difference is None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a person wants to see decided otherwise: strategy parameters and risk limits."""

    params: dict[str, float]
    limits: dict[str, Decimal]

    def applied(self, opened: SessionOpened) -> SessionOpened:
        """The session as it would have been opened."""
        return replace(
            opened,
            params={**opened.params, **self.params},
            limits={**opened.limits, **self.limits},
        )


class _Parted(Exception):
    """The replay decided something else; ends it at once."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.seq)
        self.difference = difference


class _Record:
    """The recorded events as an `EventSink`: what is appended must be what comes next in it."""

    def __init__(self, events: Iterator[Recorded]) -> None:
        self._events = events
        self._next = next(events, None)
        self.decisions = 0
        self.seq = 0

    def take_input(self) -> Event | None:
        """The next input from outside; None at the end of the record."""
        if self._next is None:
            return None
        seq, event = self._next
        if isinstance(event, DECISIONS):
            raise _Parted(Difference(seq, _shown(event), "nothing"))
        return event

    def append(self, event: Event) -> None:
        """Compare one event with the record's next; inputs were read from it and are equal."""
        if self._next is None:
            raise _Parted(Difference(self.seq + 1, "nothing", _shown(event)))
        self.seq, recorded = self._next
        if isinstance(event, DECISIONS):
            self.decisions += 1
            if encode(event) != encode(recorded):
                raise _Parted(Difference(self.seq, _shown(recorded), _shown(event)))
        self._next = next(self._events, None)


class _Nowhere:
    """An outbox whose requests go nowhere: a replay sends nothing."""

    def put(self, request: Request) -> None:
        """Let it go."""


def replay(
    events: Iterator[Recorded], changes: Changes, progress: Callable[[int], None]
) -> Outcome:
    """Feed the recorded inputs to a new engine and compare every decision with the record.

    Parameters
    ----------
    events : iterator of (seq, event)
        The whole log, from its first event.
    progress : callable
        Told the seq that is reached, now and then.

    Raises
    ------
    StoreDamaged
        The record does not begin with the opening of a session.
    """
    record = _Record(events)
    opened = record.take_input()
    if not isinstance(opened, SessionOpened):
        raise StoreDamaged("the record does not begin with session_opened")
    engine = Engine(changes.applied(opened))
    nowhere = _Nowhere()
    try:
        while (event := record.take_input()) is not None:
            step(event, engine, record, nowhere)
            if record.seq % 1000 == 0:
                progress(record.seq)
    except _Parted as parted:
        return Outcome(record.seq, record.decisions, engine.intents, parted.difference)
    return Outcome(record.seq, record.decisions, engine.intents, None)


def _shown(event: Event) -> str:
    kind, _, body = encode(event)
    return f"{kind} {body.decode()}"
