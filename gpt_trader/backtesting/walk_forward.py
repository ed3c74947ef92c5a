"""Choose the parameters on the past, trade the candles that follow, move on, and join the tests.

References
----------
R. Pardo (2008), The evaluation and optimization of trading strategies, chapter 11.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from gpt_trader.backtesting.equity_path import (
    EquityMetrics,
    EquityPath,
    equity_metrics,
    equity_path,
    known_metrics,
)
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Ints

Values = Mapping[str, float]
"""One combination of a strategy's parameters."""


class Tape(Protocol):
    """Candles in the order of time, of which a part can be cut: ``tape[first:stop]``."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Self: ...


AnyTape = TypeVar("AnyTape", bound=Tape)


@dataclass(frozen=True, slots=True, eq=False)
class EquityCourse:
    """What one run over a tape left: the equity at each candle's end."""

    start_units: int  # cash units before the first candle
    end_ns: Ints  # UTC ends of the candles
    equity_units: Ints
    candle_ns: int
    orders: int
    fees_units: int  # cash units

    @property
    def path(self) -> EquityPath:
        """Everything that can be said of it."""
        return equity_path(self.start_units, self.end_ns, self.equity_units, self.candle_ns)


@dataclass(frozen=True, slots=True)
class Experiment(Generic[AnyTape]):
    """How one strategy is run, how its combinations are judged, and what it must see first."""

    run: Callable[[AnyTape, Values], EquityCourse]
    judge: Callable[[AnyTape, Sequence[Values]], Sequence[float]]  # higher is better
    warmup: Callable[[Values], int]  # candles until the first target, that one included
    needs: str  # what the judge's figure must have to be one


@dataclass(frozen=True, slots=True)
class Window:
    """Candles to choose on, and the candles right after them to trade; positions in the tape."""

    train_start: int
    train_stop: int
    test_stop: int

    @property
    def test_start(self) -> int:
        """The tests join: each begins where its training ends."""
        return self.train_stop


@dataclass(frozen=True, slots=True)
class WindowOutcome:
    """One window: what was chosen, how good it was in training, and what it did then."""

    window: Window
    values: Values
    train_score: float
    test: EquityMetrics


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """All windows, and their tests joined into one course that nobody could have chosen."""

    outcomes: tuple[WindowOutcome, ...]
    course: EquityCourse  # later tests scaled to begin with the equity that the earlier ones left

    def metrics(self) -> EquityMetrics:
        """Growth and risk of the joined course."""
        return known_metrics(self.course.path)

    def table(self) -> list[dict[str, float]]:
        """One row a window: positions, parameters, score in training, figures of the test."""
        return [
            asdict(row.window)
            | dict(row.values)
            | {"train_score": row.train_score}
            | {f"test_{name}": value for name, value in asdict(row.test).items()}
            for row in self.outcomes
        ]


def rolling_windows(count: int, train: int, test: int) -> tuple[Window, ...]:
    """Windows whose training always has the same length: old candles are forgotten.

    The last window is shorter in its test if the candles do not suffice.

    Examples
    --------
    >>> [(w.train_start, w.test_start, w.test_stop) for w in rolling_windows(10, 4, 3)]
    [(0, 4, 7), (3, 7, 10)]
    """
    return tuple(
        Window(start, start + train, min(start + train + test, count))
        for start in _starts(count, train, test)
    )


def anchored_windows(count: int, train: int, test: int) -> tuple[Window, ...]:
    """Windows whose training always begins with the first candle: nothing is forgotten.

    Examples
    --------
    >>> [(w.train_start, w.test_start, w.test_stop) for w in anchored_windows(10, 4, 3)]
    [(0, 4, 7), (0, 7, 10)]
    """
    return tuple(
        Window(0, start + train, min(start + train + test, count))
        for start in _starts(count, train, test)
    )


def _starts(count: int, train: int, test: int) -> range:
    if train < 1 or test < 1 or train >= count:
        raise UsageError(
            f"{train} candles to train on and {test} to test on do not fit into {count}"
        )
    return range(0, count - train, test)


def walk_forward(
    tape: AnyTape,
    combinations: Sequence[Values],
    windows: Sequence[Window],
    experiment: Experiment[AnyTape],
) -> WalkForward:
    """Choose on each window's training, trade its test with that choice, and join the tests.

    A test begins without a position; what it holds at its end is for its run to sell. Its run is
    given the ``warmup - 1`` candles before it, so that the first target stands at the close of its
    first candle; no order falls before.

    Raises
    ------
    UsageError
        No window, no combination, none that can be judged, or a warm-up longer than what is
        before the first test.
    """
    if not windows or not combinations:
        raise UsageError("walk-forward needs at least one window and one combination")
    outcomes: list[WindowOutcome] = []
    courses: list[EquityCourse] = []
    for window in windows:
        values, score = _chosen(tape, combinations, window, experiment)
        course = _test(tape, values, window, experiment)
        courses.append(course)
        outcomes.append(WindowOutcome(window, dict(values), score, equity_metrics(course.path)))
    return WalkForward(tuple(outcomes), joined(courses))


def judged_by(
    run: Callable[[AnyTape, Values], EquityCourse], metric: str
) -> Callable[[AnyTape, Sequence[Values]], Sequence[float]]:
    """A judge that runs each combination by itself and reads one figure of `EquityMetrics`."""
    known = tuple(EquityMetrics.__dataclass_fields__)
    if metric not in known:
        raise UsageError(f"no metric {metric!r}; there are: {', '.join(known)}")

    def judge(tape: AnyTape, combinations: Sequence[Values]) -> list[float]:
        return [asdict(equity_metrics(run(tape, values).path))[metric] for values in combinations]

    return judge


def joined(courses: Sequence[EquityCourse]) -> EquityCourse:
    """One course after the other, each scaled to begin with what the one before left.

    Scaling rounds down to whole cash units: the joined course is a statistic and no book.
    """
    carried = courses[0].start_units
    equities: list[Ints] = []
    fees_units = 0
    for course in courses:
        scale = carried / course.start_units
        scaled = np.floor(course.equity_units * scale).astype(np.int64)
        equities.append(scaled)
        fees_units += math.ceil(course.fees_units * scale)
        carried = int(scaled[-1])
        if carried <= 0:
            break
    kept = courses[: len(equities)]
    return EquityCourse(
        start_units=courses[0].start_units,
        end_ns=np.concatenate([course.end_ns for course in kept]),
        equity_units=np.concatenate(equities),
        candle_ns=courses[0].candle_ns,
        orders=sum(course.orders for course in kept),
        fees_units=fees_units,
    )


def _chosen(
    tape: AnyTape,
    combinations: Sequence[Values],
    window: Window,
    experiment: Experiment[AnyTape],
) -> tuple[Values, float]:
    train = tape[window.train_start : window.train_stop]
    scores = experiment.judge(train, combinations)
    best = -1
    for number, score in enumerate(scores):
        if not math.isnan(score) and (best < 0 or score > scores[best]):
            best = number
    if best < 0:
        raise UsageError(
            f"no combination can be judged on candles {window.train_start} to "
            f"{window.train_stop - 1}: {experiment.needs}; take a longer training"
        )
    return combinations[best], scores[best]


def _test(
    tape: AnyTape, values: Values, window: Window, experiment: Experiment[AnyTape]
) -> EquityCourse:
    before = experiment.warmup(values) - 1
    if before > window.test_start:
        raise UsageError(
            f"a warm-up of {before + 1} candles does not fit before the test at candle "
            f"{window.test_start}: take a longer training"
        )
    part = tape[window.test_start - before : window.test_stop]
    course = experiment.run(part, values)
    equity = course.equity_units
    assert equity.size == window.test_stop - window.test_start + before, equity.size
    assert (equity[:before] == course.start_units).all(), "traded before the test began"
    return replace(course, end_ns=course.end_ns[before:], equity_units=equity[before:])
