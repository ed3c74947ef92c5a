"""A sweep in a process of its own: time, and how much memory more than two combinations need.

python -m benchmarks.memory BARS COMBINATIONS
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MIB = 1024.0  # kB


@dataclass(frozen=True, slots=True)
class Cost:
    """What one sweep took."""

    bars: int
    combinations: int
    cpu_s: float
    call_s: float  # of them the same sweep of two takes: checks, layout, files
    wall_s: float
    peak_mib: float  # peak resident memory less that resident after the warm-up


def cost_of(bars: int, combinations: int) -> Cost:
    """Sweep in a fresh process: a peak never goes down again, so each needs its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", str(bars), str(combinations)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return Cost(**json.loads(done.stdout.strip().splitlines()[-1]))


def main(bars: int, combinations: int) -> None:
    """Warm up on two combinations, sweep, print."""
    from benchmarks.crossover import crossover
    from benchmarks.pairs import grid, sampled, swept
    from benchmarks.tape import a_tape

    tape = a_tape(bars)
    two = grid(sampled(2))
    swept(tape, crossover, two)
    begin = time.process_time()
    swept(tape, crossover, two)
    call_s = time.process_time() - begin
    chosen = grid(sampled(combinations))
    warm = _memory_kb("VmRSS")
    cpu, wall = time.process_time(), time.perf_counter()
    swept(tape, crossover, chosen)
    cost = {
        "bars": bars,
        "combinations": combinations,
        "cpu_s": time.process_time() - cpu,
        "call_s": call_s,
        "wall_s": time.perf_counter() - wall,
        "peak_mib": (_memory_kb("VmHWM") - warm) / MIB,
    }
    print(json.dumps(cost))


def _memory_kb(field: str) -> int:
    """Of this process: VmRSS is resident now, VmHWM its highest since the process began."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise RuntimeError(f"/proc/self/status has no {field}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
