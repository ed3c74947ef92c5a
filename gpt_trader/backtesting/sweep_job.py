"""What a sweep has to do, in a form that a thread or another machine can take a part of."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.families import Machine, recognise
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.backtesting.layout import lay_out
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_figures import (
    WITHOUT_COURSE,
    Terms,
    figures_of,
    record_kind,
    terms_of,
)
from gpt_trader.backtesting.sweep_following import (
    STEPPED_BLOCK,
    STEPPED_LANES,
    Ground,
    Way,
    can_follow,
    follow_chunk,
    step_chunk,
    targets_agree,
)
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.backtesting.sweep_store import Rows
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import account
from gpt_trader.kernels.following import LEFT
from gpt_trader.kernels.summaries import Stretches
from gpt_trader.kernels.sweeping import BLOCK
from gpt_trader.kernels.vectors import Table

CHUNK_S = 1.0
"""About how long a chunk may take: so much is lost when a sweep is killed, and no more."""

FOLLOWED_NS = 0.35  # a candle and combination of a recognised strategy; others are measured
SHARED_PARTS = 4  # chunks at least: fewer share more of the indicators, and take more memory
MEGABYTE = 1 << 20
FIGURED = 256  # combinations whose figures are made at once: each copies its days some times


def never() -> bool:
    """For work that nobody stops."""
    return False


@dataclass(frozen=True, eq=False)
class Job:
    """One sweep: candles, setup, combinations, and how they are run."""

    course: Course
    setup: Setup
    chosen: Chosen
    metrics: tuple[str, ...]
    machine: Machine | None  # None: the compiled step is run for each combination

    @cached_property
    def follows(self) -> bool:
        """Whether accounts are followed from change to change, and not looked at each candle."""
        return self.setup.strategy.compiled and can_follow(self.course, self.setup)

    @property
    def lanes(self) -> int:
        """How many combinations one pass over the candles takes at the price of one."""
        return STEPPED_LANES if self.follows and self.machine is None else 1

    @cached_property
    def ground(self) -> Ground:
        """What all chunks share."""
        return Ground(self.course, self.setup)

    @cached_property
    def terms(self) -> Terms:
        """What all figures share."""
        return terms_of(self.course, cash_units_held(self.setup.cash))

    @property
    def kind(self) -> "np.dtype[np.void]":
        """The record of one combination."""
        return record_kind(self.metrics)

    @property
    def with_course(self) -> bool:
        """Whether a metric needs the equity between the first candle and the last."""
        return not WITHOUT_COURSE.issuperset(self.metrics)

    def run(self, first: int, end: int, stopped: Callable[[], bool] = never) -> Rows:
        """The figures of the combinations from `first` to before `end`.

        Raises
        ------
        InterruptedError
            `stopped`, which is asked between combinations, or between blocks of candles.
        """
        sessions, days = self.books(first, end, stopped)
        rows = np.empty(end - first, self.kind)
        for begin in range(0, rows.size, FIGURED):
            some = slice(begin, begin + FIGURED)
            figures = figures_of(self.terms, sessions[some], days[some], self.metrics)
            for name, column in figures.items():
                rows[name][some] = column
        return rows

    def books(
        self, first: int, end: int, stopped: Callable[[], bool] = never
    ) -> tuple[Table, Table]:
        """The accounts after the last candle, and their equity at each day's end but the last."""
        columns = {name: column[first:end] for name, column in self.chosen.columns.items()}
        strategy, combinations = (
            self.setup.strategy,
            [self.chosen.values(place) for place in range(first, end)],
        )
        if not self.follows:
            sessions = np.zeros((end - first, account.SESSION), np.int64)
            days = np.zeros((end - first, self.course.days), np.int64)
            left = list(range(end - first))
        else:
            way = Way(self.with_course, stopped)
            if self.machine is None:
                books = step_chunk(self.ground, strategy, combinations, way)
            else:
                warmups = np.array([strategy.warmup(values) for values in combinations], np.int64)
                layout = lay_out(self.machine, columns)
                books = follow_chunk(self.ground, layout, warmups, way)
            sessions, days = books.sessions, books.days
            # Of sums that are too large, the step's own run tells which combination it was.
            left_out = (books.states == LEFT) | (sessions[:, account.TRADED] < 0)
            left = np.flatnonzero(left_out).tolist()
        arena = Arena(self.course, self.setup, with_orders=False, with_equity=False)
        for place in left:
            if stopped():
                raise InterruptedError
            run = self._stepped(arena, first + place)
            sessions[place] = run.session
            days[place, : run.days.size] = run.days
        return sessions, days

    def _stepped(self, arena: Arena, place: int) -> Run:
        """One combination by its compiled step."""
        values = self.chosen.values(place)
        try:
            return arena.run(self.setup.strategy, values)
        except UsageError as e:
            told = ", ".join(f"{name} = {value:g}" for name, value in values.items())
            raise UsageError(f"with {told}: {e}") from e


class Runner(Protocol):
    """Whoever runs chunks: threads of this process, or a cluster."""

    def __call__(self, job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        """Yield each chunk's first combination and its rows, in any order."""


def machine_of(course: Course, setup: Setup, chosen: Chosen) -> Machine | None:
    """The strategy as a machine, if it is one, the setup allows it, and it does as its step does.

    The last is tried on some combinations: a global that was changed since the step was compiled
    is known to the one and not to the other.
    """
    if not setup.strategy.compiled or not can_follow(course, setup):
        return None
    machine = recognise(setup.strategy)
    if machine is None or not targets_agree(machine, setup.strategy, chosen, course):
        return None
    return machine


def chunk_size(job: Job, memory: int) -> int:
    """How many combinations make a chunk of about a second, and fit into so many bytes.

    Of a strategy that is not recognised it is the most that fit: what one of its combinations
    takes lies between 4 and 1,000 ns a candle, so the sweep measures the first.
    """
    by_parts = math.ceil(len(job.chosen) / SHARED_PARTS)
    most = max(1, min(by_parts, memory // bytes_each(job)))
    if job.machine is None:
        return most
    by_time = CHUNK_S * 1e9 / (FOLLOWED_NS * job.course.rounds)
    return int(max(1, min(by_time, most)))


def bytes_each(job: Job) -> int:
    """What one combination takes while its chunk runs."""
    books = 8 * (account.SESSION + account.PRODUCT + job.course.days + 16)
    atoms = 0 if job.machine is None else 64 * (len(job.machine.atoms) + 2)
    return books + atoms + 16 * len(job.metrics)


def bytes_shared(job: Job, chunk: int, workers: int) -> int:
    """What a sweep takes besides: sums of the closes, the rows of a block, the results."""
    results = len(job.chosen) * (8 * (len(job.metrics) + len(job.chosen.columns)) + 16)
    if not job.follows:
        return results + workers * 8 * (1 << 17)
    sums = 8 * (len(Stretches._fields) - 2) * job.course.rounds
    if job.machine is None:
        return results + sums + workers * 32 * STEPPED_LANES * STEPPED_BLOCK
    sources = sum(2 for _ in job.machine.atoms)
    spans = sum(np.unique(column[:chunk]).size for column in job.chosen.columns.values())
    return results + sums + workers * 8 * BLOCK * (spans * max(1, sources) + 4)
