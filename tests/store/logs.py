"""Logs for the tests of the store, and the clock they are written by."""

import itertools
from collections.abc import Callable
from pathlib import Path

from gpt_trader.domain.events import Event
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.reading import LogReader
from tests.store.samples import NS

META = {"session": "s-1", "host": "here"}


def a_clock() -> Callable[[], int]:
    """A wall clock that goes on by a microsecond a look."""
    return itertools.count(NS, 1_000).__next__


def a_log(path: Path) -> EventLog:
    """A new log."""
    return EventLog.create(path, META, a_clock())


def reopened(path: Path) -> EventLog:
    """A log that was there."""
    return EventLog.open(path, a_clock())


def events_in(path: Path) -> list[Event]:
    """Everything committed to a log."""
    with LogReader(path) as reader:
        return [event for _, event in reader.events()]
