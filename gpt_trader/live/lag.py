"""How late frames come, by their own stamps and the machine's clock."""

DRIFT = 1e-3
"""What two clocks may run apart without being a delay, in seconds a second: ten times what any
machine's clock does. A delay that stays is taken for drift after a thousand times its length."""


class Lag:
    """Measures each frame against the quickest one: neither clock needs to be right."""

    def __init__(self) -> None:
        self._least_s: float | None = None  # from stamp to arrival
        self._arrived_s = 0.0

    def of(self, ts_ns: int, arrived_s: float) -> float:
        """Seconds by which a frame is later than the quickest one was.

        Parameters
        ----------
        ts_ns : int
            The exchange's stamp.
        arrived_s : float
            On the machine's clock that never goes back.
        """
        taken_s = arrived_s - ts_ns / 1e9
        least_s = taken_s
        if self._least_s is not None:
            drifted_s = self._least_s + DRIFT * (arrived_s - self._arrived_s)
            least_s = min(taken_s, drifted_s)
        self._least_s, self._arrived_s = least_s, arrived_s
        return taken_s - least_s
