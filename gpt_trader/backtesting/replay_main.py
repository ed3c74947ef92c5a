"""The command `gpt-trader replay`: prove that a recorded session makes the same decisions again."""

import argparse
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from tqdm import tqdm

from gpt_trader.backtesting.replay import Changes, Outcome, replay
from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.domain.events import SessionOpened
from gpt_trader.flags import Flags
from gpt_trader.kernels.compile import set_cache_folder
from gpt_trader.risk.limits import Limits
from gpt_trader.settings import load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from gpt_trader.store.verify import verify
from gpt_trader.strategies.registry import strategy_named

EPILOG = """\
The recorded inputs go through the same strategy, sizing, risk and engine code; every decision is
compared byte for byte. With --param or --limit it shows the first decision that would have been
another. exit codes: 0 equal, 1 a decision differs, 2 bad usage, 4 the record is damaged.
"""


def run(argv: list[str]) -> int:
    """Replay one session and say whether it is equal."""
    parser = Flags(
        prog="gpt-trader replay",
        description="Re-run a recorded session and compare every decision.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("session", nargs="?", default="latest", help="its id [latest]")
    parser.add_argument("--var", metavar="DIR", help="where sessions are [./var]")
    parser.add_argument("--param", action="append", default=[], metavar="K=V", help="what if")
    parser.add_argument("--limit", action="append", default=[], metavar="K=V", help="what if")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="one document [-]")
    args = parser.parse_args(argv)
    check_target(args.json)  # exit code 2: it must not look like a difference
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    set_cache_folder(settings.kernel_cache or settings.var / "cache")

    folder = find(settings.var, args.session)
    reader = LogReader(folder.log)
    try:
        report = verify(folder.log)
        if report.fault is not None:
            raise StoreDamaged(f"session {folder.session_id}: {report.fault}")
        changes = _changes(reader, args.param, args.limit)
        total = reader.last_seq()
        with tqdm(range(0), total=total, unit=" events", disable=None, leave=False) as bar:

            def show(seq: int) -> None:
                bar.update(seq - bar.n)

            outcome = replay(reader.events(), changes, show)
    finally:
        reader.close()
    _say(outcome, folder.session_id, args.json)
    return 0 if outcome.equal else 1


def _changes(reader: LogReader, params: list[str], limits: list[str]) -> Changes:
    """The what-ifs, checked as a new session's would be."""
    first = next(reader.events(), None)
    if first is None or not isinstance(first[1], SessionOpened):
        return Changes({}, {})  # replay itself says what is wrong with the record
    opened = first[1]
    given = {name: float(value) for name, value in _pairs(params, "--param").items()}
    strategy_named(opened.strategy).values({**opened.params, **given})
    wanted = {name: Decimal(value) for name, value in _pairs(limits, "--limit").items()}
    Limits.from_mapping({**opened.limits, **wanted})
    return Changes(given, wanted)


def _pairs(given: list[str], flag: str) -> Mapping[str, str]:
    pairs = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            Decimal(value)
        except ArithmeticError as e:
            raise UsageError(f"{flag} {text}: write NAME=NUMBER") from e
        pairs[name] = value
    return pairs


def _say(outcome: Outcome, session_id: str, json_to: str | None) -> None:
    different = outcome.difference
    document = {
        "session_id": session_id,
        "equal": outcome.equal,
        "events": outcome.events,
        "decisions": outcome.decisions,
        "orders": outcome.orders,
        "first_difference": None
        if different is None
        else {"seq": different.seq, "recorded": different.recorded, "made": different.made},
    }
    if json_to is not None:
        write_document(document, json_to)
    if json_to == "-":
        return
    if different is None:
        print(
            f"equal: session {session_id} makes its {outcome.decisions} decisions "
            f"({outcome.orders} orders) again, byte for byte"
        )
        return
    print(
        f"different: session {session_id} parts at event {different.seq}\n"
        f"  recorded  {different.recorded}\n"
        f"  made      {different.made}",
        file=sys.stderr,
    )
