"""`sweep(...)`: one strategy with every combination of a grid, over cores, in little memory."""

import hashlib
import json
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any, NoReturn

import numpy as np
from tqdm import tqdm

from gpt_trader import __version__
from gpt_trader.backtesting.backtest import prepare
from gpt_trader.backtesting.compiling import compiling
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.leaks import refuse_leaks_in
from gpt_trader.backtesting.numbers import whole_of
from gpt_trader.backtesting.sources import COMPUTING_KEY
from gpt_trader.backtesting.sweep_figures import METRICS, known_figures
from gpt_trader.backtesting.sweep_grid import Grid, Where, chosen_of
from gpt_trader.backtesting.sweep_job import (
    CHUNK_S,
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

SHARES = 4  # chunks a thread at least, so that none waits long for the last
SHORTEST = 20  # chunks in the time of the longest: keeping one on disk takes milliseconds


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
    memory = whole_of("memory_mb", memory_mb, 0, MEMORY_MB_MAX)
    store = ChunkStore(folder, sweep_key(job))
    work = _Work(job, store, runner or _Threads(threads))
    rows = work.collect(_size(job, threads, memory), threads, progress=progress)
    _count_trials(folder, job, rows)
    store.remove()
    columns = known_figures(job.terms, rows)
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
    """Names data, code, grid, choices and metrics: the same key, the same chunks.

    Code is the strategy's and ours: a chunk from before a fix must not stand beside one of after.
    """
    chosen = hashlib.sha256()
    for name, column in sorted(job.chosen.columns.items()):
        chosen.update(name.encode() + b"\0" + column.tobytes())
    content = {
        "version": __version__,
        "code": COMPUTING_KEY,
        "data": [tape.sha256 for tape in job.course.tapes],
        "strategy": [job.setup.strategy.name, job.setup.strategy.source_hash],
        "grid": chosen.hexdigest(),
        "setup": {name: repr(value) for name, value in job.setup.choices().items()},
        "metrics": job.metrics,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Threads:
    """Chunks on the threads of this process: kernels let go of the interpreter while they run.

    Ctrl-C ends each after its combination or block of candles; what was finished is still told.
    """

    count: int

    def __call__(self, job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        if job.follows:
            job.ground  # noqa: B018  made once, before threads could make it twice
        stop = Event()
        with ThreadPoolExecutor(self.count) as pool:
            waiting = {
                pool.submit(job.run, first, end, stop.is_set): first for first, end in chunks
            }
            try:
                for done in as_completed(waiting):
                    yield waiting.pop(done), done.result()
            except KeyboardInterrupt:
                _end(pool, stop)
                for done, first in waiting.items():
                    if not done.cancelled() and done.exception() is None:
                        yield first, done.result()
                raise
            finally:
                _end(pool, stop)


def _end(pool: ThreadPoolExecutor, stop: Event) -> None:
    stop.set()
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


def _size(job: Job, threads: int, memory_mb: int) -> int:
    """How many combinations a chunk may have, so that all threads fit into the memory allowed."""
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
    return size


class _Work:
    """A sweep under way: its rows, which of them are done, and where they are kept."""

    def __init__(self, job: Job, store: ChunkStore, runner: Runner) -> None:
        self._job, self._store, self._runner = job, store, runner
        self._rows = np.zeros(len(job.chosen), job.kind)
        self._done = np.zeros(len(job.chosen), bool)

    def collect(self, size: int, threads: int, *, progress: bool) -> Rows:
        """Run what earlier calls have not finished, in chunks of at most `size`.

        Every chunk is on disk before the next is told, if there is a next.
        """
        for first, found in self._store.read(self._job.kind).items():
            self._take(first, found)
        with closing(
            tqdm(
                total=self._rows.size,
                initial=int(self._done.sum()),
                unit=" combinations",
                delay=PATIENCE_S,
                disable=not progress,
                leave=False,
            )
        ) as bar:
            if self._job.machine is None:
                size = min(size, self._measured_size(bar, threads))
            with closing(_started(self._runner, self._job, self._missing(size))) as finished:
                for first, found in finished:
                    self._keep(first, found, bar)
        return self._rows

    def _measured_size(self, bar: "tqdm[NoReturn]", threads: int) -> int:
        """Run two passes, the first of which may have to compile, and measure the second."""
        lanes, taken_s = self._job.lanes, 0.0
        for first, end in self._missing(lanes)[:2]:
            begun_s = perf_counter()
            self._keep(first, self._job.run(first, end), bar)
            taken_s = perf_counter() - begun_s
        longest = CHUNK_S / max(taken_s, 1e-6)
        share = np.count_nonzero(~self._done) / (lanes * SHARES * threads)
        return lanes * max(1, int(min(longest, max(share, longest / SHORTEST))))

    def _missing(self, size: int) -> list[tuple[int, int]]:
        """What is not done, as chunks."""
        edges = np.flatnonzero(np.diff(~self._done, prepend=False, append=False)).tolist()
        return [
            (first, min(first + size, end))
            for begin, end in zip(edges[::2], edges[1::2], strict=True)
            for first in range(begin, end, size)
        ]

    def _keep(self, first: int, found: Rows, bar: "tqdm[NoReturn]") -> None:
        self._take(first, found)
        if found.size < self._rows.size:
            self._store.write(first, found)
        bar.update(found.size)

    def _take(self, first: int, found: Rows) -> None:
        self._rows[first : first + found.size] = found
        self._done[first : first + found.size] = True


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
