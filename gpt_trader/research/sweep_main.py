"""The command `gpt-trader sweep`: every combination of a grid, and the best of them."""

import argparse
import math
import sys
from typing import TYPE_CHECKING

from gpt_trader.domain.errors import UsageError
from gpt_trader.flags import Flags
from gpt_trader.research.backtest_main import add_market, number, numbers, options_of, shown
from gpt_trader.research.command import spoken
from gpt_trader.store.document import check_target, write_document

if TYPE_CHECKING:
    from gpt_trader.backtesting.sweep_result import SweepResult

EPILOG = """\
  gpt-trader sweep --data btc.parquet --grid fast=5:50:5 --grid slow=60:200:20
  gpt-trader sweep --data btc.parquet --grid fast=5,10,20 --where "fast * 3 < slow" \\
      --grid slow=30:300:30 --market close --fees 0.001 --top 20 --by calmar --json -
A range is FIRST:LAST:STEP, its last value included. A sweep that is stopped goes on where it was
when the same command is given again. Every combination counts as a trial on these candles.
exit codes: 0 ok, 2 bad usage or candles that cannot be used, 130 interrupted.
"""


def parser() -> argparse.ArgumentParser:
    """The command line; strategies are listed without loading them."""
    p = Flags(
        prog="gpt-trader sweep",
        description="Trade a strategy with every combination of parameters of a grid.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_market(p)
    p.add_argument(
        "--grid",
        action="append",
        default=[],
        metavar="K=A,B|A:B:STEP",
        help="values of one parameter; give it once for each that varies",
    )
    p.add_argument("--where", metavar="EXPRESSION", help='which combinations, as "fast < slow"')
    p.add_argument("--param", action="append", default=[], metavar="K=V", help="of all of them")
    p.add_argument("--top", type=int, default=10, metavar="N", help="rows to show [10]")
    p.add_argument(
        "--by",
        metavar="METRIC",
        help="[sharpe_daily; return_rate below 30 daily returns]",
    )
    p.add_argument("--workers", type=int, metavar="N", help="threads [one for each core]")
    p.add_argument("--memory-mb", type=int, default=512, metavar="N", help="ceiling [512]")
    p.add_argument("--cluster", metavar="ADDRESS", help="a Dask scheduler, tcp://HOST:PORT")
    p.add_argument("--json", nargs="?", const="-", metavar="F.json|-", help="one document [-]")
    return p


def run(argv: list[str]) -> int:
    """Run one sweep and show its best combinations."""
    return spoken(_run, argv)


def _run(argv: list[str]) -> int:
    args = parser().parse_args(argv)
    options = options_of(args)
    check_target(args.json)
    from gpt_trader.backtesting.sweep_figures import METRICS

    if args.top < 1:
        raise UsageError(f"--top {args.top}: give a number above zero")
    if args.by is not None and args.by not in METRICS:
        raise UsageError(f"--by {args.by}: there is no such metric: {', '.join(METRICS)}")
    grid = axes(args.grid)
    params = {name: float(value) for name, value in numbers(args.param, "--param").items()}
    from gpt_trader.research.sweep import sweep

    try:
        result = sweep(
            args.data,
            args.strategy,
            grid,
            where=args.where,
            cluster=args.cluster,
            workers=args.workers,
            memory_mb=args.memory_mb,
            var=args.var,
            params=params,
            **options,
        )
    except KeyboardInterrupt:
        print("gpt-trader sweep: stopped; the same command goes on", file=sys.stderr)
        raise
    say(result, args.top, args.by or result.by, args.json)
    return 0


def axes(given: list[str]) -> dict[str, list[float]]:
    """Values by parameter, from NAME=A,B and NAME=FIRST:LAST:STEP.

    Raises
    ------
    UsageError
        One is not written so.
    """
    grid: dict[str, list[float]] = {}
    for text in given:
        name, equals, values = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--grid {text}: write NAME=A,B,C or NAME=FIRST:LAST:STEP")
        if name.strip() in grid:
            raise UsageError(f"--grid {name.strip()}: given twice")
        grid[name.strip()] = [value for part in values.split(",") for value in _values(text, part)]
    if not grid:
        raise UsageError("--grid NAME=FIRST:LAST:STEP: which parameters?")
    return grid


def _values(text: str, part: str) -> list[float]:
    numbers_of = [number(word, f"--grid {text}:") for word in part.split(":")]
    if len(numbers_of) == 1:
        return [float(numbers_of[0])]
    if len(numbers_of) != 3 or numbers_of[2] <= 0 or numbers_of[1] < numbers_of[0]:
        raise UsageError(f"--grid {text}: a range is FIRST:LAST:STEP, rising")
    first, last, step = numbers_of
    return [float(first + place * step) for place in range(int((last - first) / step) + 1)]


def say(result: "SweepResult", top: int, by: str, json_to: str | None) -> None:
    """Print the best rows, or one document with them."""
    rows = result.top(top, by).to_dict("records")
    document = {
        "strategy": result.setup.strategy.name,
        "products": [tape.product.product_id for tape in result.tapes],
        "combinations": len(result),
        "skipped": result.skipped,
        "recognised": result.recognised,
        "by": by,
        "best": [{name: _plain(value) for name, value in row.items()} for row in rows],
        "result_hash": result.result_hash,
    }
    if json_to is not None:
        write_document(document, json_to)
    if json_to == "-":
        return
    skipped = f", {result.skipped:,} refused by the strategy" if result.skipped else ""
    print(f"{document['strategy']}: {len(result):,} combinations{skipped}; the best by {by}")
    names = [str(name) for name in rows[0]]
    widths = [max(len(name), 12) for name in names]
    print("  ".join(f"{name:>{width}}" for name, width in zip(names, widths, strict=True)))
    for row in rows:
        cells = (f"{shown(_count(value)):>{width}}"
                 for value, width in zip(row.values(), widths, strict=True))  # fmt: skip
        print("  ".join(cells))


def _count(value: float) -> float | int:
    """A whole number without its point; for people."""
    return int(value) if math.isfinite(value) and value == int(value) else float(value)


def _plain(value: float) -> float | int | None:
    """JSON knows no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
