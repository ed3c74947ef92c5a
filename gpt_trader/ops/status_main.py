"""The command `gpt-trader status`: where a profile stands, on one page."""

import argparse
import json
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gpt_trader.domain.errors import TraderError
from gpt_trader.domain.order import TradingState
from gpt_trader.flags import Flags
from gpt_trader.ops.control_main import standing_document
from gpt_trader.ops.status_text import text
from gpt_trader.ops.stored import newest, stored_engine
from gpt_trader.settings import load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.folders import PROFILES, SessionFolder, profile_folder
from gpt_trader.store.lease import is_held
from gpt_trader.store.reading import LogReader
from gpt_trader.store.trading_state import read_standing, record_path

EPILOG = """\
The running session writes this page down each second; without one, the newest session's log is
read, and says how old it is. Nothing is asked of the exchange: `gpt-trader snapshot` does that.

examples:
  gpt-trader status
  gpt-trader status --profile prod --strict && echo "may trade"
  gpt-trader status --json

exit codes: 0 shown, 1 trading is not allowed now (--strict), 2 bad usage, 4 the log is damaged.
"""
QUESTIONS = ("alive", "ready", "trading_allowed")
PARTS = {"session_id", "stale_after_s", "log_seq", "pid", "ended", "rest", "standing", *QUESTIONS}
NO_SESSION = {"ok": False, "reasons": ["session_runs"], "conditions": []}


def run(argv: list[str]) -> int:
    """Print the page and return the exit code."""
    parser = Flags(
        prog="gpt-trader status",
        description="Equity, day profit against its limit, exposure, positions, orders, prices.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="whose session [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    parser.add_argument("--strict", action="store_true", help="exit 1 unless entries are allowed")
    args = parser.parse_args(argv)
    check_target(args.json)
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    document = status(settings.var, args.profile)
    if args.json is not None:
        write_document(document, args.json)
    if args.json != "-":
        print(text(document))
    allowed = document["trading_allowed"]
    if args.strict and not allowed["ok"]:
        raise TraderError(f"trading is not allowed: {', '.join(allowed['reasons'])}")
    return 0


def status(var: Path, profile: str) -> dict[str, Any]:
    """How the newest session of a profile stands, and how old that word is.

    Raises
    ------
    UsageError
        The profile has no session.
    StoreDamaged
        Its log is not what was written.
    """
    folder, now_ns = newest(var, profile), time.time_ns()
    runs, page = is_held(var, profile), _page(var, profile)
    record = read_standing(record_path(var, profile))
    answers: dict[str, Any] = dict.fromkeys(QUESTIONS, NO_SESSION)
    if page is not None and page.is_of(folder, runs, now_ns):
        stands, written_ns = page.said["standing"], page.written_ns
        source = "the session" if runs else "the session's last word"
        if runs or page.said["ended"]:  # else it was killed, and could not take it back
            answers = {name: page.said[name] for name in QUESTIONS}
    else:
        from gpt_trader.engine.standing import standing  # with the engine, 0.6 s

        engine, written_ns = stored_engine(folder)
        stands = standing(engine)
        source = "the log, of a session that was killed or does not answer"
    if record is not None and record.everything.state is not TradingState.ACTIVE:
        answers["trading_allowed"] = _held_back(answers["trading_allowed"])
    return {
        "profile": profile,
        "session_id": folder.session_id,
        "running": runs,
        "pid": page.said["pid"] if page is not None and runs else None,
        "ended": page.said["ended"] if page is not None and not runs else None,
        "source": source,
        "age_s": round((now_ns - written_ns) / 1e9, 3),
        "trading": None if record is None else standing_document(record),
        **answers,
        "rest": page.said["rest"] if page is not None and runs else None,
        "standing": stands,
    }


def _held_back(allowed: dict[str, Any]) -> dict[str, Any]:
    """The record is read now; the page may be older, or of a session that ended before."""
    reasons = dict.fromkeys([*allowed["reasons"], "trading_active"])
    return {**allowed, "ok": False, "reasons": list(reasons)}


@dataclass(frozen=True, slots=True)
class _Page:
    """What a session wrote down of itself."""

    said: dict[str, Any]
    written_ns: int

    def is_of(self, folder: SessionFolder, runs: bool, now_ns: int) -> bool:
        """Whether this session wrote it, and nothing has happened since that it does not know."""
        if self.said["session_id"] != folder.session_id:
            return False
        if runs:
            return now_ns - self.written_ns <= float(self.said["stale_after_s"]) * 1e9
        with LogReader(folder.log) as reader:
            return bool(reader.last_seq() == self.said["log_seq"])


def _page(var: Path, profile: str) -> _Page | None:
    """The page as it stands; None without one, or where it is none."""
    try:
        said = json.loads((profile_folder(var, profile) / "health.json").read_bytes())
        written_s = datetime.fromisoformat(said["written"]).timestamp()
        return _Page(said, int(written_s * 1e9)) if set(said) >= PARTS else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
