"""All combinations of a grid on the same candles, and the equity of each at the end of every day.

It is what a sweep does, which keeps figures only.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np

from gpt_trader.backtesting.backtest import prepare
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.choices import strategy_of
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.leaks import refuse_leaks_in
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_figures import daily_ends, figures_of
from gpt_trader.backtesting.sweep_grid import Chosen, Grid, chosen_of
from gpt_trader.backtesting.sweep_job import MEGABYTE, Job, chunk_size, machine_of
from gpt_trader.backtesting.trial_book import record
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.kernels.vectors import Grid as Matrix
from gpt_trader.signals.strategy import Strategy, Values

SCORES = ("sharpe_daily", "sortino_daily", "calmar", "return_rate")
"""Figures by which a combination may be chosen: of each, more is better."""

OF_A_SEARCH = ("params", "where", "var")
"""Choices that say which combinations there are and where they count; others are a backtest's."""

CHUNK_MB = 256


@dataclass(frozen=True)
class Task:
    """What shall be tried, and on what."""

    tapes: tuple[CandleTape, ...]
    setup: Setup
    chosen: Chosen
    var: Path | None  # where trials count; None: below the `var` of the settings

    @property
    def strategy(self) -> Strategy:
        """What decides."""
        return self.setup.strategy

    @cached_property
    def combinations(self) -> tuple[Values, ...]:
        """A value for every parameter, of each."""
        return tuple(self.chosen.values(place) for place in range(len(self.chosen)))

    @property
    def warmup(self) -> int:
        """Candles until every combination has a target."""
        return max(self.strategy.warmup(values) for values in self.combinations)


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What came of every combination."""

    scores: dict[str, Floats]  # by the names of `SCORES`
    ends: Ints  # cash units at the end of each UTC day; shape (days, combinations)
    start_units: int

    @property
    def daily_returns(self) -> Matrix:
        """Of each day, a column a combination, as fractions."""
        start = np.full((1, self.ends.shape[1]), self.start_units, np.int64)
        before = np.concatenate([start, self.ends[:-1]])
        return np.asarray((self.ends - before) / before, np.float64)


def task_of(candles: Any, strategy: Strategy | str, grid: Grid, choices: dict[str, Any]) -> Task:
    """Check everything given, and lay it out.

    Raises
    ------
    UsageError
        Something given cannot be used; the message names it.
    """
    found = strategy_of(strategy)
    rest = {name: value for name, value in choices.items() if name not in OF_A_SEARCH}
    var = choices.get("var")
    chosen = chosen_of(found, grid, choices.get("params"), choices.get("where"))
    setup, tapes = prepare(candles, found, params=chosen.values(0), var=var, **rest)
    refuse_leaks_in(found, chosen, tapes)
    return Task(tapes, setup, chosen, None if var is None else Path(var))


def score_name(by: str) -> str:
    """The name itself, if one may choose by it.

    Raises
    ------
    UsageError
        One may not.
    """
    if by not in SCORES:
        raise UsageError(f"by = {by!r}: choose by one of {', '.join(SCORES)}")
    return by


def search(task: Task, tapes: Sequence[CandleTape]) -> Search:
    """Try every combination on these candles and write them down as trials on them."""
    found = searched(task, tapes)
    count_trials(task, tapes, found)
    return found


def count_trials(task: Task, tapes: Sequence[CandleTape], found: Search) -> None:
    """Write down what was tried on these candles."""
    record(tapes, task.setup, task.combinations, found.scores["sharpe_daily"], var=task.var)


def searched(task: Task, tapes: Sequence[CandleTape]) -> Search:
    """Try every combination, and count none: for candles that never were, or are counted."""
    job = _job(task, tapes)
    count, size = len(task.chosen), chunk_size(job, CHUNK_MB * MEGABYTE)
    chunks = [(first, min(first + size, count)) for first in range(0, count, size)]
    if len(chunks) == 1:
        books = list(starmap(job.books, chunks))
    else:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            books = list(pool.map(job.books, *zip(*chunks, strict=True)))
    sessions, days = (np.concatenate(parts) for parts in zip(*books, strict=True))
    figures = figures_of(job.terms, sessions, days, SCORES)
    return Search(
        scores={name: np.asarray(column, np.float64) for name, column in figures.items()},
        ends=np.ascontiguousarray(daily_ends(job.terms, sessions, days).T),
        start_units=cash_units_held(task.setup.cash),
    )


def _job(task: Task, tapes: Sequence[CandleTape]) -> Job:
    course = course_of(tapes, task.setup.market, task.setup.sizing)
    machine = machine_of(course, task.setup, task.chosen)
    job = Job(course, task.setup, task.chosen, SCORES, machine)
    _ = job.terms, machine is None or job.ground  # made once, before threads share them
    return job
