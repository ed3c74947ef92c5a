"""nautilus_trader's side: it needs a newer Python, so it runs in an interpreter of its own."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.crossover import CASH, FAST, FEE_RATE, SIZE_FRACTION, SLOW
from benchmarks.tape import Tape

VARIABLE = "NAUTILUS_PYTHON"
SCRIPT = Path(__file__).with_name("nautilus_script.py")
TIMEOUT_S = 240


@dataclass(frozen=True, slots=True)
class NotRun:
    """Why there is no figure."""

    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """Processor seconds of its `BacktestEngine.run` alone, and the orders it made."""

    version: str
    cpu_s: float
    orders: int


def timed(tape: Tape) -> Run | NotRun:
    """Play `tape`, or say why not."""
    interpreter = os.environ.get(VARIABLE)
    if not interpreter:
        return NotRun(f"{VARIABLE} names no interpreter that has nautilus_trader")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "closes.npy"
        np.save(path, tape.ticks)
        words = [path, FAST, SLOW, SIZE_FRACTION, FEE_RATE, CASH]
        try:
            done = subprocess.run(
                [interpreter, str(SCRIPT), *map(str, words)],
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as e:
            return NotRun(f"{VARIABLE}: {e}")
    if done.returncode != 0 or not done.stdout.strip():
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return NotRun(f"its run failed: {last[0]}")
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return Run(str(answer["version"]), float(answer["cpu_s"]), int(answer["orders"]))
