"""Measures calls side by side: processor time, interleaved, so that all meet the same noise."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of processor time, all threads together, and of the clock on the wall."""

    cpu_s: float  # median
    cpu_s_min: float
    wall_s: float  # median
    repeats: int


def interleaved(
    calls: Mapping[str, Callable[[], object]], repeats: int, budget_s: float
) -> dict[str, Timing]:
    """Time each call once a round, in turn, for `repeats` rounds or until the budget is used.

    Every call is made once before, unmeasured. What the round before left behind is collected
    outside the measured span.
    """
    for call in calls.values():
        call()
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    begin = time.perf_counter()
    for _ in range(repeats):
        for name, call in calls.items():
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            call()
            spans[name].append((time.process_time() - cpu, time.perf_counter() - wall))
        if time.perf_counter() - begin > budget_s:
            break
    return {name: _timing(measured) for name, measured in spans.items()}


def _timing(measured: list[tuple[float, float]]) -> Timing:
    cpu = [span[0] for span in measured]
    return Timing(
        cpu_s=statistics.median(cpu),
        cpu_s_min=min(cpu),
        wall_s=statistics.median(span[1] for span in measured),
        repeats=len(measured),
    )
