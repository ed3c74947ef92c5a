"""`sweep(...)`: one strategy with every combination of a grid, over cores, in little memory."""

import hashlib
import json
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gpt_trader import __version__
from gpt_trader.backtesting.backtest import prepare
from gpt_trader.backtesting.compiling import compiling
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.leaks import refuse_leaks_in
from gpt_trader.backtesting.numbers import whole_of
from gpt_trader.backtesting.sweep_figures import METRICS
from gpt_trader.backtesting.sweep_grid import Grid, Where, chosen_of
from gpt_trader.backtesting.sweep_job import (
    MEGABYTE,
    Job,
    Runner,
    bytes_each,
    bytes_shared,
    chunk_size,
    machine_of,
)
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.backtesting.sweep_store import ChunkStore, Rows
from gpt_trader.backtesting.trial_book import record
from gpt_trader.domain.errors import UsageError
from gpt_trader.settings import load_settings
from gpt_trader.signals.strategy import Strategy, near

WORKERS_MAX = 1_024
MEMORY_MB_MAX = 1 << 30
PATIENCE_S = 2.0
"""A sweep that takes longer shows how far it is."""


def sweep(
    candles: Any,
    strategy: Strategy | str,
    grid: Grid,
    *,
    where: Where = None,
    metrics: Sequence[str] = METRICS,
    runner: Runner | None = None,
    workers: int | None = None,
    memory_mb: int = 512,
    var: Path | str | None = None,
    progress: bool = True,
    **choices: Any,
) -> SweepResult:
    """Trade a strategy with every combination of parameters, and table what came of each.

    Each combination is what `backtest` does with the same choices, to the last unit. A strategy
    whose function is a comparison of averages, channels, oscillators and thresholds is recognised
    by its form and takes a faster way to the same figures. A sweep that is killed goes on where
    it was when it is called again: finished chunks are kept below ``var/sweeps`` until it is
    complete. Every combination counts as a trial on these candles (see `Trials`).

    Parameters
    ----------
    candles, strategy
        As for `backtest`.
    grid
        Values for each parameter, ``{"fast": range(5, 50, 5), "slow": [60, 120]}``, or a list of
        combinations.
    where
        Keeps those for which it is true: "fast < slow", or a function of the parameters, which
        stand in it as ``p.fast`` and ``p["fast"]``.
    metrics
        Columns of the table; without those of the course of equity some sweeps are faster.
    runner
        Whoever runs chunks; threads of this process without it.
    workers, memory_mb : int
        Threads, one for each core; the most memory beyond the candles, checked at the start.
    var
        Where stored candles are, and unfinished chunks and trials are kept; else as settings say.
    **choices
        As for `backtest`: market, slippage, sizing, limits, fees, cash, params for those not in the
        grid.

    Raises
    ------
    UsageError
        Something given cannot be used, or a value of the grid makes the strategy look ahead; the
        message names the parameter.
    """
    folder, wanted, threads = _folder(var), _metrics(metrics), _threads(workers)
    job = _job(candles, strategy, (grid, where), wanted, {**choices, "var": var})
    plan = _plan(job, threads, whole_of("memory_mb", memory_mb, 0, MEMORY_MB_MAX))
    store = ChunkStore(folder, sweep_key(job))
    rows = _collected(job, store, plan, runner or _Threads(threads), progress=progress)
    _count_trials(folder, job, rows)
    store.remove()
    columns = {name: np.ascontiguousarray(rows[name]) for name in wanted}
    return SweepResult(job.setup, job.course.tapes, job.chosen, columns, job.machine is not None)


def _job(
    candles: Any,
    strategy: Strategy | str,
    wish: tuple[Grid, Where],
    wanted: tuple[str, ...],
    choices: dict[str, Any],
) -> Job:
    """Check everything given, and lay it out for whoever runs it."""
    rest = {name: value for name, value in choices.items() if name != "params"}
    setup, tapes = prepare(candles, strategy, **rest)
    chosen = chosen_of(setup.strategy, wish[0], choices.get("params"), wish[1])
    refuse_leaks_in(setup.strategy, chosen, tapes)
    course = course_of(tapes, setup.market, setup.sizing)
    with compiling():
        machine = machine_of(course, setup, chosen)
    return Job(course, setup, chosen, wanted, machine)


def sweep_key(job: Job) -> str:
    """Names data, code, grid, choices and metrics: the same key, the same chunks."""
    chosen = hashlib.sha256()
    for name, column in sorted(job.chosen.columns.items()):
        chosen.update(name.encode() + b"\0" + column.tobytes())
    content = {
        "version": __version__,
        "data": [tape.sha256 for tape in job.course.tapes],
        "strategy": [job.setup.strategy.name, job.setup.strategy.source_hash],
        "grid": chosen.hexdigest(),
        "setup": {name: repr(value) for name, value in job.setup.choices().items()},
        "metrics": job.metrics,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Threads:
    """Chunks on the threads of this process: kernels let go of the interpreter while they run."""

    count: int

    def __call__(self, job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        if job.follows:
            job.ground  # noqa: B018  made once, before threads could make it twice
        with ThreadPoolExecutor(self.count) as pool:
            waiting = {pool.submit(job.run, first, end): first for first, end in chunks}
            try:
                for done in as_completed(waiting):
                    yield waiting.pop(done), done.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _folder(var: Path | str | None) -> Path:
    if var is not None:
        return Path(var)
    return load_settings({}, os.environ, Path.cwd()).var


def _threads(workers: int | None) -> int:
    if workers is None:
        return len(os.sched_getaffinity(0))
    return whole_of("workers", workers, 1, WORKERS_MAX)


def _metrics(given: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, list | tuple):
        raise UsageError(f"metrics = {given!r}: give a list of {', '.join(METRICS)}")
    for name in given:
        if name not in METRICS:
            raise UsageError(f"there is no metric {name}: {near(str(name), list(METRICS))}")
    if not given:
        raise UsageError(f"metrics is empty: choose of {', '.join(METRICS)}")
    return tuple(name for name in METRICS if name in given)


def _plan(job: Job, threads: int, memory_mb: int) -> list[tuple[int, int]]:
    """Chunks that fit into the memory allowed, all threads together."""
    ceiling = memory_mb * MEGABYTE
    size = chunk_size(job, ceiling // (2 * threads))
    needed = bytes_shared(job, size, threads) + threads * size * bytes_each(job)
    while needed > ceiling and size > 1:
        size = size // 2
        needed = bytes_shared(job, size, threads) + threads * size * bytes_each(job)
    if needed > ceiling:
        raise UsageError(
            f"memory_mb = {memory_mb}: this sweep needs {-(-needed // MEGABYTE)} at least, with "
            f"{threads} workers; give more, or fewer workers"
        )
    count = len(job.chosen)
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def _collected(
    job: Job, store: ChunkStore, plan: list[tuple[int, int]], runner: Runner, *, progress: bool
) -> Rows:
    """Run what earlier calls have not finished; every chunk is on disk before the next is told."""
    rows = np.zeros(len(job.chosen), job.kind)
    done = np.zeros(len(job.chosen), bool)
    for first, found in store.read(job.kind).items():
        rows[first : first + found.size] = found
        done[first : first + found.size] = True
    missing = [(first, end) for first, end in plan if not done[first:end].all()]
    bar = tqdm(
        total=rows.size,
        initial=int(done.sum()),
        unit=" combinations",
        delay=PATIENCE_S,
        disable=not progress,
        leave=False,
    )
    with closing(bar), closing(_started(runner, job, missing)) as finished:
        for first, found in finished:
            rows[first : first + found.size] = found
            if len(plan) > 1:
                store.write(first, found)
            bar.update(found.size)
    return rows


def _started(
    runner: Runner, job: Job, chunks: list[tuple[int, int]]
) -> Generator[tuple[int, Rows], None, None]:
    yield from runner(job, chunks)


def _count_trials(folder: Path, job: Job, rows: Rows) -> None:
    """Record every combination as a trial on these candles, before anyone sees the results."""
    combinations = [job.chosen.values(place) for place in range(len(job.chosen))]
    sharpes = np.full(len(rows), np.nan)  # those that nobody asked for count, too
    if "sharpe_daily" in job.metrics:
        sharpes[:] = rows["sharpe_daily"]
    record(job.course.tapes, job.setup, combinations, sharpes, var=folder)
