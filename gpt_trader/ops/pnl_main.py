"""The command `gpt-trader pnl`: what was earned, by UTC day and product, fees in it."""

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import Event, OrderFilled, SessionOpened
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import amount_of
from gpt_trader.flags import Flags
from gpt_trader.ops.times import NS, since_ns
from gpt_trader.portfolio.ledger import FLAT, Position
from gpt_trader.settings import load_settings
from gpt_trader.store.document import check_target, write_document
from gpt_trader.store.folders import PROFILES, SessionFolder, sessions
from gpt_trader.store.reading import LogReader

EPILOG = """\
Realized profit is what sales brought above the average cost of what was sold, fees of both sides
in it; a day is one of UTC, and it and --since go by the
exchange's clock. What is still held is in `gpt-trader status`
and `gpt-trader snapshot`.

examples:
  gpt-trader pnl
  gpt-trader pnl --since 7d
  gpt-trader pnl --profile prod --since 2026-01-01 --json

exit codes: 0 shown, 2 bad usage, 4 a log is damaged.
"""
MONEY = ("bought", "sold", "fees", "realized_pnl")
COLUMNS = ("day", "product_id", "fills", *MONEY)
Sums = Counter[str]
"""Fills, and cash units by the name of their column."""


def run(argv: list[str]) -> int:
    """Print the table and return the exit code."""
    parser = Flags(
        prog="gpt-trader pnl",
        description="Realized profit and fees of all sessions of a profile, by day and product.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", choices=PROFILES, default="dev", help="whose sessions [dev]")
    parser.add_argument("--var", metavar="DIR", help="where everything is written [./var]")
    parser.add_argument("--since", metavar="TIME|SPAN", help="as 24h, 7d, 2026-01-31 [all]")
    parser.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="a document [-]")
    args = parser.parse_args(argv)
    check_target(args.json)
    settings = load_settings({"var": args.var}, os.environ, Path.cwd())
    begin_ns = 0 if args.since is None else since_ns(args.since, "--since", time.time_ns())
    document = pnl(settings.var, args.profile, begin_ns)
    if args.json is not None:
        write_document(document, args.json)
    if args.json != "-":
        print(_text(document))
    return 0


def pnl(var: Path, profile: str, begin_ns: int) -> dict[str, Any]:
    """Sums at or after `begin_ns` of every session of a profile; amounts are texts in quote.

    Raises
    ------
    StoreDamaged
        A log does not read.
    """
    sums: dict[tuple[str, str], Sums] = {}
    for folder in sessions(var, profile):
        for move in _moves(folder):
            if move.ts_ns >= begin_ns:
                day = datetime.fromtimestamp(move.ts_ns // NS, UTC).date().isoformat()
                sums.setdefault((day, move.product_id), Sums()).update(move.sums)
    total = Sums()
    for one in sums.values():
        total.update(one)
    return {
        "profile": profile,
        "rows": [
            {"day": day, "product_id": product_id, **_document(one)}
            for (day, product_id), one in sorted(sums.items())
        ],
        "total": _document(total),
    }


@dataclass(frozen=True, slots=True)
class _Move:
    """What one event did to the books of one product."""

    ts_ns: int
    product_id: str
    sums: Sums


def _moves(folder: SessionFolder) -> Iterator[_Move]:
    """Fold a session's books alone, and say after each event what it moved."""
    from gpt_trader.engine.engine import Engine  # 0.6 s that --help need not wait for

    engine: Engine | None = None
    with LogReader(folder.log) as reader:
        for _, _, event in reader.without_market():
            if isinstance(event, SessionOpened):
                engine = Engine(event)
                continue
            if engine is None:
                raise StoreDamaged(f"the log of {folder.session_id} has no opening")
            before = engine.ledger.positions()
            engine.apply(event)
            for product_id, after in engine.ledger.positions().items():
                was = before.get(product_id, FLAT)
                if after != was:
                    yield _Move(event.ts_ns, product_id, _moved(was, after, event))


def _moved(was: Position, after: Position, event: Event) -> Sums:
    traded = after.traded_units - was.traded_units
    is_fill = isinstance(event, OrderFilled)
    way = "bought" if isinstance(event, OrderFilled) and event.side is Side.BUY else "sold"
    fees, realized = after.fees_units - was.fees_units, after.realized_units - was.realized_units
    return Sums({"fills": int(is_fill), way: traded, "fees": fees, "realized_pnl": realized})


def _document(sums: Sums) -> dict[str, object]:
    amounts = {name: f"{amount_of(sums[name]):f}" for name in MONEY}
    return {"fills": sums["fills"], **amounts}


def _text(document: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [COLUMNS]
    rows += [tuple(str(row[name]) for name in COLUMNS) for row in document["rows"]]
    total = {"day": "in all", "product_id": "", **document["total"]}
    rows.append(tuple(str(total[name]) for name in COLUMNS))
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    lines = [
        "  ".join(f"{word:>{width}}" for word, width in zip(r, widths, strict=True)) for r in rows
    ]
    return f"realized profit of profile {document['profile']}, in quote\n" + "\n".join(lines)
