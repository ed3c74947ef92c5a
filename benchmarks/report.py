"""What a run leaves behind: a JSON document and a picture."""

import json
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.goals import Goal
from benchmarks.linearity import Line
from benchmarks.tables import Table


def write(
    folder: Path, machine: dict[str, str], tables: list[Table], goals: list[Goal], line: Line | None
) -> Path:
    """Write `STAMP.json` and `STAMP.png`; returns the former's path."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = folder / f"{stamp}.json"
    document = {
        "stamp": stamp,
        "machine": machine,
        "tables": [table.document() for table in tables],
        "goals": [goal.document() for goal in goals],
        "linearity": None if line is None else [asdict(cost) for cost in line.costs],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    draw(path.with_suffix(".png"), goals, line)
    return path


def draw(path: Path, goals: list[Goal], line: Line | None) -> None:
    """Ratios as bars on a logarithmic scale; time and memory against the work beside them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    goals = [goal for goal in goals if goal.unit == "x"]
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    ratios, times = figure.subplots(1, 2)
    places = range(len(goals))
    ratios.barh(places, [goal.reached for goal in goals], color="#4477aa")
    for place, goal in enumerate(goals):
        ratios.plot([goal.least, goal.least], [place - 0.4, place + 0.4], color="#cc3311")
        ratios.plot([goal.aim, goal.aim], [place - 0.4, place + 0.4], color="#009988")
        ratios.annotate(f" {goal.reached:,.0f}x", (goal.reached, place), va="center")
    ratios.set_yticks(places, [goal.name for goal in goals], fontsize=7)
    ratios.invert_yaxis()
    if goals:
        ratios.set_xscale("log")
    ratios.set_title("times as fast (red: at least, green: aim)", fontsize=9)
    if line is not None:
        costs = sorted(line.costs, key=lambda cost: cost.bars * cost.combinations)
        work = [cost.bars * cost.combinations for cost in costs]
        times.loglog(work, [cost.cpu_s for cost in costs], "o-", label="CPU s")
        times.loglog(work, [max(cost.peak_mib, 0.1) for cost in costs], "s--", label="MiB more")
        times.set_xlabel("bars x combinations")
        times.set_title(f"a sweep: time to the power {line.slope:.2f}", fontsize=9)
        times.legend()
    figure.savefig(path, dpi=110)
