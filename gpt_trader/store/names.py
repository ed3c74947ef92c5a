"""People's own names for orders: each is used once in a profile, whatever session it was.

Engines know the names of their own session. The file of a name is on disk before the order may
leave, so that the next session knows it too.
"""

import hashlib
import json
from pathlib import Path

from gpt_trader.domain.errors import StoreDamaged, StoreRefused
from gpt_trader.store.document import write_durably
from gpt_trader.store.folders import profile_folder

NAMES = "names"


def session_of(var: Path, profile: str, name: str) -> str | None:
    """The session that used a name; None if none did.

    Raises
    ------
    StoreDamaged
        The file of the name makes no sense.
    StoreRefused
        The disk does not let it be read: whether the name is free is not known.
    """
    path = _path(var, profile, name)
    try:
        return str(json.loads(path.read_text())["session"])
    except FileNotFoundError:
        return None
    except OSError as e:
        raise StoreRefused(f"cannot read {path}: {e.strerror}; nothing was done") from e
    except (ValueError, KeyError, TypeError) as e:
        raise StoreDamaged(f"{path} does not read: take another name") from e


def claim(var: Path, profile: str, name: str, session: str) -> None:
    """Write down, to outlive a loss of power, that a session uses a name.

    Raises
    ------
    StoreRefused
        The folder cannot be written.
    """
    write_durably(_path(var, profile, name), {"name": name, "session": session})


def _path(var: Path, profile: str, name: str) -> Path:
    # Not the name itself: some disks do not tell capitals apart.
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return profile_folder(var, profile) / NAMES / f"{digest}.json"
