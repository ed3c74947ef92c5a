"""How much a client may ask of the exchange in a second, and what it is told of that.

Figures and header names are of the Advanced Trade reference, rate limits: private requests count
for each user, public ones, connections and unauthenticated WebSocket messages for each address.
Where it is silent we chose: a second is the last one, not that of a calendar, and what was refused
does not count.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gpt_trader.exchange.refusals import Refusal

WINDOW_S = 1.0
TOO_MANY = "Too many requests"


class Limited(StrEnum):
    """What is counted."""

    PRIVATE = "private requests"
    PUBLIC = "public requests"
    CONNECTIONS = "connections"
    MESSAGES = "unauthenticated messages"


RateLimits = dict[Limited, int]  # most in a second

COINBASE_LIMITS: RateLimits = {
    Limited.PRIVATE: 30,
    Limited.PUBLIC: 10,
    Limited.CONNECTIONS: 8,
    Limited.MESSAGES: 8,
}


class TooManyRequests(Refusal):
    """More than the limit: HTTP 429 (Advanced Trade reference, HTTP errors)."""

    def __init__(self) -> None:
        super().__init__(429, "RATE_LIMIT_EXCEEDED", TOO_MANY)
        self.body = {"errors": [{"id": "rate_limit_exceeded", "message": TOO_MANY}]}


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to one who asks: whether it may, and what the headers say."""

    granted: bool
    limit: int
    remaining: int
    reset_s: int  # until all of the limit is there again

    def headers(self) -> dict[str, str]:
        """Give the headers of a REST answer, by the lowercase names that the SDK reads."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-reset": str(self.reset_s),
        }


class RateLimiter:
    """Counts what each client asked in the last second.

    Parameters
    ----------
    limits
        Most in a second; None for no limits.
    clock_s
        The machine's seconds, from any beginning: a client's haste is not the tape's.

    Attributes
    ----------
    refused : Counter of Limited
        How often each limit refused something.
    """

    def __init__(
        self, limits: RateLimits | None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits
        self._clock_s = clock_s
        self._recent: dict[tuple[Limited, str], deque[float]] = {}
        self.refused: Counter[Limited] = Counter()

    @property
    def enabled(self) -> bool:
        """Say whether anything is limited."""
        return self._limits is not None

    def take(self, what: Limited, who: str) -> Turn | None:
        """Let somebody have a turn if the limit is not reached; None where nothing is limited."""
        if self._limits is None:
            return None
        limit, now_s = self._limits[what], self._clock_s()
        recent = self._recent.setdefault((what, who), deque())
        while recent and recent[0] <= now_s - WINDOW_S:
            recent.popleft()
        granted = len(recent) < limit
        if granted:
            recent.append(now_s)
        else:
            self.refused[what] += 1
        reset_s = math.ceil(recent[-1] + WINDOW_S - now_s) if recent else 0
        return Turn(granted, limit, limit - len(recent), reset_s)
