"""What the token of a preview stands for, as a file that only its owner reads."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from gpt_trader.domain.errors import StoreRefused, UsageError
from gpt_trader.store.folders import profile_folder

FOLDER = "previews"
_TOKEN = re.compile(r"[0-9a-f]{1,64}")  # it becomes a file's name


@dataclass(frozen=True, slots=True)
class Kept:
    """The order or the edit, and the state it was judged in."""

    wanted: dict[str, str]
    order: str  # digest of what would be sent
    mark: str
    position: str
    limits: str  # digest
    until_ns: int  # the machine's clock


class KeptPreviews:
    """The previews of one profile that are not used up."""

    def __init__(self, var: Path, profile: str) -> None:
        self._folder = profile_folder(var, profile) / FOLDER

    def keep(self, token: str, kept: Kept) -> None:
        """Write a preview down under its token.

        Raises
        ------
        StoreRefused
            The folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / token).write_text(json.dumps(asdict(kept)))
        except OSError as e:
            raise StoreRefused(f"cannot write {self._folder}: {e.strerror}") from e

    def find(self, token: str) -> Kept:
        """What a token stands for.

        Raises
        ------
        UsageError
            There is none of that name, or it makes no sense.
        StoreRefused
            The disk does not let it be read.
        """
        none = f"there is no preview {token[:40]!r}: a preview is used once"
        if _TOKEN.fullmatch(token) is None:
            raise UsageError(none)
        try:
            return Kept(**json.loads((self._folder / token).read_text()))
        except FileNotFoundError as e:
            raise UsageError(none) from e
        except OSError as e:
            raise StoreRefused(
                f"cannot read preview {token}: {e.strerror}; nothing was done"
            ) from e
        except (ValueError, TypeError) as e:  # a session was killed while it wrote it
            raise UsageError(f"preview {token} does not read: preview it again") from e

    def forget(self, token: str) -> None:
        """It is used up.

        Raises
        ------
        StoreRefused
            The disk does not let it go: it would be good for a second time.
        """
        try:
            (self._folder / token).unlink()
        except OSError as e:
            raise StoreRefused(f"preview {token} stays: {e.strerror}; nothing was done") from e

    def forget_before(self, wall_ns: int) -> None:
        """Let go of those that were written before that time of the machine's clock.

        Raises
        ------
        StoreRefused
            The folder cannot be read or changed.
        """
        try:
            for path in self._folder.iterdir() if self._folder.is_dir() else ():
                if path.stat().st_mtime_ns < wall_ns:
                    path.unlink()
        except OSError as e:
            raise StoreRefused(f"cannot tidy {self._folder}: {e.strerror}") from e
