"""How many orders were decided on lately: the limit on their rate counts these."""

from collections import deque

MINUTE_NS = 60_000_000_000


class Rate:
    """Intents of the last minute of event time, edits included."""

    def __init__(self) -> None:
        self._intended_ns: deque[int] = deque()

    def count(self, ts_ns: int) -> None:
        """Take in one more, and forget what is older than a minute."""
        self._intended_ns.append(ts_ns)
        while self._intended_ns[0] <= ts_ns - MINUTE_NS:
            self._intended_ns.popleft()

    def last_minute(self, now_ns: int) -> int:
        """How many there were in the minute that ends now."""
        return sum(1 for intended_ns in self._intended_ns if intended_ns > now_ns - MINUTE_NS)

    def freeze(self) -> list[int]:
        """The whole state for a snapshot."""
        return list(self._intended_ns)

    @classmethod
    def thaw(cls, frozen: list[int]) -> "Rate":
        """The rate that was frozen."""
        rate = cls()
        rate._intended_ns = deque(frozen)
        return rate
