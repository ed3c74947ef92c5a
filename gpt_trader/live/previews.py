"""Previews that may still be carried out: each under a token, for a short time, once."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from gpt_trader.domain.errors import StoreRefused, TraderError, UsageError
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview
from gpt_trader.live.seams import new_token, wall_ns

VALID_S = 120
MOVE_BPS_MAX = 25
"""The project: half of the runbook's 50 bps of slippage; a market that moved more is another."""
FOLDER = "previews"
_TOKEN = re.compile(r"[0-9a-f]{1,64}")  # it becomes a file's name


@dataclass(frozen=True, slots=True)
class Kept:
    """What a token stands for: the order and the state it was judged in."""

    wanted: dict[str, str]
    order: str  # digest of what would be sent
    mark: str
    position: str
    limits: str  # digest
    until_ns: int  # the machine's clock


class Previews:
    """The tokens of one profile, as files that only their owner reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def keep(self, engine: Engine, wanted: Mapping[str, str], preview: Preview) -> str:
        """Keep a preview of what is wanted, as text, and give its token."""
        token = new_token() + new_token()
        kept = _kept(engine, wanted, preview, wall_ns() + VALID_S * 1_000_000_000)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._forget_old()
            fields = {name: getattr(kept, name) for name in Kept.__slots__}
            (self._folder / token).write_text(json.dumps(fields))
        except OSError as e:
            raise StoreRefused(f"cannot write {self._folder}: {e.strerror}") from e
        return token

    def wanted(self, token: str) -> dict[str, str]:
        """The order, or the edit, that a token stands for.

        Raises
        ------
        UsageError
            There is none of that name, or its time is over.
        """
        return self._find(token).wanted

    def use(self, token: str, engine: Engine, wanted: Mapping[str, str], preview: Preview) -> None:
        """Use a token up, for the order it was given for in the market it was given in.

        Raises
        ------
        UsageError
            As `wanted`.
        TraderError
            Order, market, position or limits are not what they were.
        """
        kept = self._find(token)
        now = _kept(engine, wanted, preview, kept.until_ns)
        if kept.wanted != now.wanted or kept.order != now.order:
            raise TraderError(f"preview {token} is of another order: preview it again")
        if kept.limits != now.limits:
            raise TraderError(f"the limits have changed since preview {token}: preview it again")
        if kept.position != now.position:
            raise TraderError(
                f"the position has moved from {kept.position} to {now.position} since preview "
                f"{token}: preview it again"
            )
        before, mark = Decimal(kept.mark), Decimal(now.mark)
        if before and abs(mark - before) * 10_000 > before * MOVE_BPS_MAX:
            raise TraderError(
                f"the market has moved from {before:f} to {mark:f} since preview {token}, more "
                f"than {MOVE_BPS_MAX} bps: preview it again"
            )
        (self._folder / token).unlink()

    def _find(self, token: str) -> Kept:
        if _TOKEN.fullmatch(token) is None or not (self._folder / token).is_file():
            raise UsageError(f"there is no preview {token[:40]!r}: a preview is used once")
        try:
            kept = Kept(**json.loads((self._folder / token).read_text()))
        except (ValueError, TypeError) as e:  # a session was killed while it wrote it
            raise UsageError(f"preview {token} does not read: preview it again") from e
        if wall_ns() > kept.until_ns:
            raise UsageError(f"preview {token} is older than {VALID_S} s: preview it again")
        return kept

    def _forget_old(self) -> None:
        for path in self._folder.iterdir():
            if wall_ns() - path.stat().st_mtime_ns > VALID_S * 10 * 1_000_000_000:
                path.unlink()


def _kept(engine: Engine, wanted: Mapping[str, str], preview: Preview, until_ns: int) -> Kept:
    draft = preview.draft
    sent = (draft.base_size, draft.limit_price, draft.stop_price, draft.post_only, draft.reduces)
    return Kept(
        wanted=dict(wanted),
        order=hashlib.sha256(repr(sent).encode()).hexdigest(),
        mark=f"{draft.mark_price:f}",
        position=f"{preview.position:f}",
        limits=hashlib.sha256(repr(engine.limits).encode()).hexdigest(),
        until_ns=until_ns,
    )
