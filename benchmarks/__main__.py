"""`python -m benchmarks`: our public calls and their peers side by side, orders checked equal."""

import argparse
import sys
from pathlib import Path

from benchmarks import indicators, linearity, machine, report, single, sweeps, venue
from benchmarks.goals import Goal
from benchmarks.pairs import sampled
from benchmarks.tables import Table
from benchmarks.tape import YEAR, a_tape

QUICK_BARS = 30_000


def run(argv: list[str]) -> int:
    """Measure, print and write down; with --quick compare only."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="compare orders on a short tape, time nothing"
    )
    parser.add_argument(
        "--only",
        choices=("single", "sweep", "linear", "indicators", "exchange"),
        help="one table",
    )
    parser.add_argument("--out", type=Path, default=Path("var/bench"), help="[var/bench]")
    args = parser.parse_args(argv)
    if args.quick:
        return _quick()
    facts = machine.described()
    print("\n".join(f"{name:14} {value}" for name, value in facts.items()))
    tables: list[Table] = []
    goals: list[Goal] = []
    line: linearity.Line | None = None

    def show(table: Table) -> None:
        tables.append(table)
        print(table.text(), flush=True)

    if args.only in (None, "single"):
        one = single.measured(a_tape(YEAR), repeats=15)
        show(one.table)
        goals += one.goals
    if args.only in (None, "sweep"):
        many = sweeps.measured(a_tape(YEAR), columns=40, generic_share=10, repeats=3)
        show(many.table)
        goals += many.goals
    if args.only in (None, "linear"):
        line = linearity.measured(linearity.SHAPES)
        show(line.table)
    if args.only in (None, "indicators"):
        show(indicators.measured(repeats=7))
    if args.only in (None, "exchange"):
        served = venue.measured(orders=3_000, seconds=5.0, commands=30_000)
        show(served.table)
        goals += served.goals
    print("\n" + "\n".join(goal.text() for goal in goals))
    print(f"\n{report.write(args.out, facts, tables, goals, line)}")
    return 0


def _quick() -> int:
    tape = a_tape(QUICK_BARS)
    print(tape.source)
    print("one backtest:", single.checked(tape).text())
    print("sweep:", sweeps.checked(tape, sampled(8)))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
