"""Commands that arrive later than they were sent: a network may hold a request for minutes.

They are kept in memory alone. An exchange that stops takes them along, as it does whatever else is
on its way to it; of a cancel it has said yes to, no restart knows, and the order works on.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gpt_trader.exchange.round_events import UserUpdate


@dataclass(order=True, slots=True)
class _Late:
    due_ns: int
    number: int
    body: bytes = field(compare=False)
    surface: Callable[[], Sequence[UserUpdate]] = field(compare=False)


class LateCommands:
    """Requests on their way, and when they arrive by the exchange's clock."""

    def __init__(self) -> None:
        self._waiting: list[_Late] = []
        self._added = 0

    def add(self, due_ns: int, body: bytes, surface: Callable[[], Sequence[UserUpdate]]) -> None:
        """Hold a request; ``surface`` carries it out and gives what the user channel must tell."""
        self._added += 1
        heapq.heappush(self._waiting, _Late(due_ns, self._added, body, surface))

    def arrive(self, now_ns: int) -> list[UserUpdate]:
        """Carry out all that is due, oldest first."""
        updates: list[UserUpdate] = []
        while self._waiting and self._waiting[0].due_ns <= now_ns:
            updates += heapq.heappop(self._waiting).surface()
        return updates

    def bodies(self) -> list[dict[str, Any]]:
        """Give the requests that are still on their way."""
        return [msgspec.json.decode(late.body) for late in self._waiting]
