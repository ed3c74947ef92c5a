"""How late frames come, by their own stamps and the machine's clock."""

from collections import deque

DRIFT = 1e-3
"""What two clocks may run apart without being a delay, in seconds a second: ten times what any
machine's clock does. A delay that stays is taken for drift after a thousand times its length."""
FRAMES = 5
"""In a row that were as quick: a few stamped ahead of their time would make all others look late,
for a thousand times as long as they are ahead."""


class Lag:
    """Measures each frame against the quickest ones: neither clock needs to be right."""

    def __init__(self) -> None:
        self._newest_s: deque[float] = deque(maxlen=FRAMES)  # from stamp to arrival
        self._least_s: float | None = None  # of those that came in a row; None: too few yet
        self._arrived_s = 0.0

    def of(self, ts_ns: int, arrived_s: float) -> float:
        """Seconds by which a frame is later than the quickest ones were, 0 for the first few.

        Parameters
        ----------
        ts_ns : int
            The exchange's stamp.
        arrived_s : float
            On the machine's clock that never goes back.
        """
        taken_s = arrived_s - ts_ns / 1e9
        self._newest_s.append(taken_s)
        if len(self._newest_s) < FRAMES:
            return 0.0
        least_s = max(self._newest_s)
        if self._least_s is not None:
            least_s = min(least_s, self._least_s + DRIFT * (arrived_s - self._arrived_s))
        self._least_s, self._arrived_s = least_s, arrived_s
        return max(0.0, taken_s - least_s)
