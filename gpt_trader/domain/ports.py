"""What the engine's loop needs from outside, as the least it needs."""

from typing import Protocol

from gpt_trader.domain.events import Event, Request


class EventSink(Protocol):
    """Keeps every event in order: the log on disk, a list in memory, a comparison with a record."""

    def append(self, event: Event) -> None:
        """Take one event as the next one."""


class Outbox(Protocol):
    """Takes requests that may leave once the log is durable."""

    def put(self, request: Request) -> None:
        """Queue one request, in the order of decisions."""
