"""Where a session keeps its log and its exchange, and which one the next command goes on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import SessionClosed
from gpt_trader.store.reading import LogReader

PROFILES = ("dev", "paper", "canary", "prod")
LOG = "events.db"


@dataclass(frozen=True, slots=True)
class SessionFolder:
    """One session on disk: `events.db` and, for the embedded exchange, `exchange/`."""

    path: Path
    session_id: str

    @property
    def log(self) -> Path:
        """The event log."""
        return self.path / LOG

    @property
    def exchange(self) -> Path:
        """The embedded exchange's own state."""
        return self.path / "exchange"


def profile_folder(var: Path, profile: str) -> Path:
    """The folder of a profile's sessions and of its health file."""
    return var / "data" / "perps_bot" / profile


def sessions(var: Path, profile: str) -> list[SessionFolder]:
    """Every session of a profile that has a log, oldest first."""
    folder = profile_folder(var, profile)
    if not folder.is_dir():
        return []
    return [SessionFolder(p.parent, p.parent.name) for p in sorted(folder.glob(f"*/{LOG}"))]


def find(var: Path, session: str) -> SessionFolder:
    """The session called `session`, or the newest one of all profiles for `latest`."""
    known = [folder for profile in PROFILES for folder in sessions(var, profile)]
    if session == "latest":
        if not known:
            raise UsageError(f"no session under {var}: run `gpt-trader live` first")
        return max(known, key=lambda folder: folder.session_id)
    for folder in known:
        if folder.session_id == session:
            return folder
    names = ", ".join(folder.session_id for folder in known[-3:]) or "none"
    raise UsageError(f"no session {session!r} under {var}; the newest are: {names}")


HAND = "-hand"
"""How the name of a session by hand ends: it goes on beside those with a strategy."""


def open_session(var: Path, profile: str, *, by_hand: bool) -> SessionFolder | None:
    """The newest session of its kind, by hand or with a strategy, unless it was closed."""
    known = [f for f in sessions(var, profile) if f.session_id.endswith(HAND) is by_hand]
    if not known:
        return None
    with LogReader(known[-1].log) as reader:
        newest = reader.tail(1)
    # One that was killed before anything was decided has nothing to go on with.
    if not newest or isinstance(newest[-1][1], SessionClosed):
        return None
    return known[-1]


def unfinished(var: Path, profile: str, wanted: Mapping[str, str]) -> SessionFolder | None:
    """The killed session that a command with these choices goes on with, if there is one.

    Raises
    ------
    UsageError
        There is one, begun with other choices: going on with it would not be what was asked.
    """
    folder = open_session(var, profile, by_hand=wanted.get("strategy") == "by_hand")
    if folder is None:
        return None
    with LogReader(folder.log) as reader:
        meta = reader.meta
    begun = {name: meta.get(name, "") for name in wanted}
    if begun == dict(wanted):
        return folder
    other = next(name for name in wanted if begun[name] != wanted[name])
    raise UsageError(
        f"session {folder.session_id} is unfinished and was begun with {other}={begun[other]!r}, "
        f"not {wanted[other]!r}: run its own command again, or --discard to leave it for good"
    )


def new_session(var: Path, profile: str, session_id: str) -> SessionFolder:
    """Make the folder of a new session; only its owner may look into it."""
    path = profile_folder(var, profile) / session_id
    try:
        path.mkdir(parents=True, mode=0o700)
    except OSError as e:
        raise UsageError(
            f"cannot make {path}: {e.strerror}; name a writable folder with --var"
        ) from e
    return SessionFolder(path, session_id)
