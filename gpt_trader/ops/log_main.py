"""The command `gpt-trader log`: the lines of the log file that matter, rotated files included."""

import argparse
import json
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.flags import Flags
from gpt_trader.ops.times import since_ns
from gpt_trader.settings import load_settings

EPILOG = """\
The sessions of all profiles write var/logs/perps_bot.log; this reads it with the files it was
rotated to, oldest line first. With --json each line is a document of its own.

examples:
  gpt-trader log
  gpt-trader log --level error --since 24h
  gpt-trader log --level error --since 24h --check || echo "look at these"
  gpt-trader log --match BTC-USD --lines 20
  gpt-trader log --follow

exit codes: 0 shown, 1 a line was shown (--check), 2 bad usage, 130 --follow was ended.
"""
LEVELS = ("info", "warning", "error", "critical")
LOOK_S = 0.2
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (INFO|WARNING|ERROR|CRITICAL) (.*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the log file."""

    time: str  # UTC
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which lines are shown."""

    level: str
    since_ns: int
    match: str

    def wants(self, line: Line) -> bool:
        loud = LEVELS.index(line.level.lower()) >= LEVELS.index(self.level)
        return loud and self.match in line.text and _ns(line.time) >= self.since_ns


def run(argv: list[str]) -> int:
    """Print the lines and return the exit code."""
    args = _parser().parse_args(argv)
    if not 0 < args.lines <= 1_000_000:
        raise UsageError(f"--lines {args.lines}: from 1 to 1000000")
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    begin_ns = 0 if args.since is None else since_ns(args.since, "--since", time.time_ns())
    wanted = _Wanted(args.level, begin_ns, args.match)
    path = settings.var / "logs" / "perps_bot.log"
    if not path.exists():
        raise UsageError(f"there is no log at {path} yet: `gpt-trader live` writes one")
    with _opened(path) as file:
        shown = deque(filter(wanted.wants, _lines(path, file)), maxlen=args.lines)
        for line in shown:
            _show(line, args.json)
        if args.follow:
            _follow(path, file, wanted, args.json)
    if args.check and shown:
        raise TraderError(f"{len(shown)} lines of level {args.level} or above")
    return 0


def lines(path: Path) -> Iterator[Line]:
    """Every record of a log file and of those it was rotated to, oldest first.

    What is no whole record of ours, such as one torn by a full disk, is passed over.
    """
    with _opened(path) as file:
        yield from _lines(path, file)


def _lines(path: Path, newest: BinaryIO) -> Iterator[Line]:
    """As `lines`; the file that is written now stays open, so that nothing is read twice."""
    rotated = (p for p in path.parent.glob(f"{path.name}.*") if p.suffix[1:].isdigit())
    for each in sorted(rotated, key=lambda p: -int(p.suffix[1:])):
        try:
            with each.open("rb") as file:
                if not os.path.sameopenfile(file.fileno(), newest.fileno()):
                    yield from _whole_lines(file)
        except FileNotFoundError:
            continue  # rotated away meanwhile: its lines were read under its next name
        except OSError as e:
            raise UsageError(f"cannot read {each}: {e.strerror}") from e
    yield from _whole_lines(newest)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as e:
        raise UsageError(f"cannot read {path}: {e.strerror}") from e


def _whole_lines(file: BinaryIO) -> Iterator[Line]:
    """The records up to where the file ends by now; one that is half written waits."""
    while True:
        begin, written = file.tell(), file.readline()
        if not written.endswith(b"\n"):
            file.seek(begin)
            return
        line = _line(written.decode(errors="replace"))
        if line is not None:
            yield line


def _parser() -> argparse.ArgumentParser:
    parser = Flags(
        prog="gpt-trader log",
        description="What sessions have logged: orders, fills, denials, feeds, PnL, errors.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--level", choices=LEVELS, default="info", help="and above [info]")
    parser.add_argument("--since", metavar="TIME|SPAN", help="as 24h, 30m, 2026-01-31 [all]")
    parser.add_argument("--match", metavar="TEXT", default="", help="only lines with this in them")
    parser.add_argument("--lines", metavar="N", type=int, default=100, help="the newest N [100]")
    parser.add_argument("--follow", action="store_true", help="go on with what is written from now")
    parser.add_argument("--check", action="store_true", help="exit 1 if there is such a line")
    parser.add_argument("--json", action="store_true", help="a JSON document a line")
    return parser


def _follow(path: Path, file: BinaryIO, wanted: _Wanted, as_json: bool) -> None:
    """Show what is written from now on, until a person ends it."""
    while True:
        # Looked at before reading: once it was rotated, nothing more is written to the old file.
        rotated = _was_rotated(path, file.fileno())
        for line in filter(wanted.wants, _whole_lines(file)):
            _show(line, as_json)
        sys.stdout.flush()
        if rotated:
            file.close()
            file = _opened(path)
        else:
            time.sleep(LOOK_S)


def _was_rotated(path: Path, descriptor: int) -> bool:
    try:
        return not os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False  # between two files: the next look finds the new one


def _line(text: str) -> Line | None:
    found = _LINE.fullmatch(text.rstrip("\n"))
    return None if found is None else Line(found[1], found[2], found[3])


def _show(line: Line, as_json: bool) -> None:
    print(json.dumps(asdict(line)) if as_json else f"{line.time} {line.level} {line.text}")


def _ns(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp() * 1e9)
