"""Table C: time and memory of a sweep over three decades of bars x combinations."""

import math
from dataclasses import dataclass

import numpy as np

from benchmarks.memory import Cost, cost_of
from benchmarks.tables import Table

SHAPES = (
    (52_560, 100),
    (525_600, 30),
    (52_560, 1_000),
    (525_600, 300),
    (52_560, 10_000),
    (525_600, 3_000),
    (525_600, 10_000),
)
MEMORY_MIB_MAX = 64.0


@dataclass(frozen=True, slots=True)
class Line:
    """The costs, and how steeply time rises: 1 is proportional."""

    table: Table
    costs: tuple[Cost, ...]
    slope: float
    peak_mib: float


def measured(shapes: tuple[tuple[int, int], ...]) -> Line:
    """Sweep each shape in its own process."""
    costs = tuple(cost_of(bars, combinations) for bars, combinations in shapes)
    work = [math.log10(cost.bars * cost.combinations) for cost in costs]
    beyond = [max(cost.cpu_s - cost.call_s, 1e-4) for cost in costs]
    slope = float(np.polyfit(work, np.log10(beyond), 1)[0])
    plain = float(np.polyfit(work, [math.log10(cost.cpu_s) for cost in costs], 1)[0])
    peak = max(cost.peak_mib for cost in costs)
    table = Table(
        "C. Sweep of recognised pairs, every figure: time and memory against bars x combinations",
        (
            "bars",
            "combinations",
            "bars x comb.",
            "CPU s",
            "of it a call",
            "CPU ns each",
            "MiB above warm-up",
        ),
    )
    for cost in sorted(costs, key=lambda cost: cost.bars * cost.combinations):
        product = cost.bars * cost.combinations
        table.rows.append(
            (
                f"{cost.bars:,}",
                f"{cost.combinations:,}",
                f"{product:,.0f}",
                f"{cost.cpu_s:,.3f}",
                f"{cost.call_s:,.3f}",
                f"{cost.cpu_s / product * 1e9:,.3f}",
                f"{cost.peak_mib:,.1f}",
            )
        )
    table.notes += [
        f"time beyond that of a call rises with the power {slope:.2f} of bars x combinations (1 is "
        f"proportional); with the call, {plain:.2f}",
        "of it a call: what a sweep of two combinations takes, measured in the same process",
        f"peak resident memory above that after a sweep of two: {peak:.1f} MiB "
        f"(at most {MEMORY_MIB_MAX:g})",
        "each row is one process and one run; nothing is scaled",
    ]
    return Line(table, costs, slope, peak)
