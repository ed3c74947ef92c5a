"""An engine brought to where a log ends: from a saved state, or from the first event."""

from collections.abc import Iterable
from typing import Any

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import Event, SessionOpened
from gpt_trader.engine.engine import Engine


def thawed(opened: SessionOpened, saved: tuple[int, dict[str, Any]] | None) -> tuple[Engine, int]:
    """The engine of a saved state and the seq it was saved after; a new one and 0 if none fits."""
    engine = Engine(opened)
    if saved is None:
        return engine, 0
    seq, state = saved
    try:
        engine.thaw(state)
    except StoreDamaged:
        # The state of another version of the strategy's source: the whole log gives today's.
        return Engine(opened), 0
    return engine, seq


def fold(engine: Engine, events: Iterable[tuple[int, Event]]) -> int:
    """Apply recorded events, decide nothing; give their number."""
    folded = 0
    for _, event in events:
        engine.apply(event)
        folded += 1
    return folded
