"""What the newest session of a profile left: its folder, its opening, its engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.domain.events import SessionOpened
from gpt_trader.store.folders import SessionFolder, sessions
from gpt_trader.store.reading import LogReader
from gpt_trader.store.state import decode_state

if TYPE_CHECKING:
    from gpt_trader.engine.engine import Engine


def newest(var: Path, profile: str) -> SessionFolder:
    """The newest session of a profile.

    Raises
    ------
    UsageError
        It has none.
    """
    known = sessions(var, profile)
    if not known:
        raise UsageError(f"no session of profile {profile} under {var}")
    return known[-1]


def opened_in(reader: LogReader) -> SessionOpened:
    """What a session was opened with.

    Raises
    ------
    StoreDamaged
        Its log does not begin with that.
    """
    first = next(reader.events(), None)
    if first is None or not isinstance(first[1], SessionOpened):
        raise StoreDamaged("the log does not begin with session_opened")
    return first[1]


def stored_engine(folder: SessionFolder) -> tuple["Engine", int]:
    """The engine as a session's log leaves it, and when the log was last written (wall, ns)."""
    # A page that a running session has written down needs no engine, and this import is 0.6 s.
    from gpt_trader.engine.folding import fold, thawed

    with LogReader(folder.log) as reader:
        saved = reader.snapshot()
        state = None if saved is None else (saved[0], decode_state(saved[1]))
        engine, seq = thawed(opened_in(reader), state)
        fold(engine, reader.events(seq))
        return engine, reader.last_wall_ns()
