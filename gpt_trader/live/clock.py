"""The exchange's clock as the engine last saw it, for what is stamped outside the engine."""

from gpt_trader.engine.engine import Engine


class EventClock:
    """Gives the engine's time once there is an engine, and 0 before."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def follow(self, engine: Engine) -> None:
        """From now on tell this engine's time."""
        self._engine = engine

    def now_ns(self) -> int:
        """The exchange's clock, nanoseconds UTC."""
        return 0 if self._engine is None else self._engine.now_ns
