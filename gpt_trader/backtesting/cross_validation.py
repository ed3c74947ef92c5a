"""Every choice of test groups once, with the days beside them left out of the training.

References
----------
M. López de Prado (2018), Advances in financial machine learning: chapter 7 (purging, embargo),
chapter 12 (combinatorial purged cross-validation).
"""

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.selection import sharpes_of_rows
from gpt_trader.kernels.vectors import Floats, Grid, Ints

Range = tuple[int, int]
"""First row and the row after the last."""

SPLITS_MAX = 200_000


@dataclass(frozen=True, slots=True)
class Scheme:
    """How to cut the rows of a sample, oldest first."""

    groups: int  # N, as equal as may be
    test_groups: int  # k of them are the test, in every combination
    purge: int  # rows a result reaches into the future: left out on both sides of a test
    embargo: int  # rows more that are left out after a test, for what still echoes

    def __post_init__(self) -> None:
        if not 1 <= self.test_groups < self.groups:
            raise UsageError(
                f"{self.test_groups} of {self.groups} groups to test on: "
                "it must be at least one, and leave one to train on"
            )
        if self.purge < 0 or self.embargo < 0:
            raise UsageError(f"purge {self.purge} and embargo {self.embargo} cannot be negative")


@dataclass(frozen=True, slots=True)
class Split:
    """One choice: the groups under test, and the rows that may be trained on."""

    tested: tuple[int, ...]  # numbers of the groups
    test: tuple[Range, ...]  # one a group
    train: tuple[Range, ...]

    @property
    def train_rows(self) -> Ints:
        """The rows to train on, rising."""
        return _rows(self.train)


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """The picks of each split, and what they did on the paths that their tests make up."""

    chosen: Ints  # column picked on each split's training rows
    path_returns: Grid  # one row a path, one column a day: out of sample throughout
    path_sharpes: Floats  # per day, 0 if flat


def group_ranges(count: int, groups: int) -> tuple[Range, ...]:
    """Cut `count` rows into groups whose sizes differ by one at most."""
    if groups > count:
        raise UsageError(f"{count} rows are too few for {groups} groups")
    edges = [count * group // groups for group in range(groups + 1)]
    return tuple(pairwise(edges))


def splits(count: int, scheme: Scheme) -> tuple[Split, ...]:
    """All ``C(N, k)`` splits of `count` rows, in the order of `itertools.combinations`.

    Raises
    ------
    UsageError
        Too few rows, too many splits, or purge and embargo leave nothing to train on.
    """
    if comb(scheme.groups, scheme.test_groups) > SPLITS_MAX:
        raise UsageError(f"more than {SPLITS_MAX} splits: take fewer groups")
    groups = group_ranges(count, scheme.groups)
    made: list[Split] = []
    for tested in combinations(range(scheme.groups), scheme.test_groups):
        test = tuple(groups[group] for group in tested)
        train = _left_over(count, test, scheme)
        if not train:
            raise UsageError(f"purge and embargo leave nothing to train on beside groups {tested}")
        made.append(Split(tested, test, train))
    return tuple(made)


def _left_over(count: int, test: tuple[Range, ...], scheme: Scheme) -> tuple[Range, ...]:
    train: list[Range] = []
    begin = 0
    for start, stop in test:
        if start - scheme.purge > begin:
            train.append((begin, start - scheme.purge))
        begin = max(begin, stop + scheme.purge + scheme.embargo)
    if count > begin:
        train.append((begin, count))
    return tuple(train)


def paths(made: tuple[Split, ...], scheme: Scheme) -> tuple[tuple[int, ...], ...]:
    """The ``C(N, k) * k / N`` paths: for each, the number of the split that tests each group.

    Each test of each split is used once, so the paths together are all tests there are.
    """
    testers: list[list[int]] = [[] for _ in range(scheme.groups)]
    for number, split in enumerate(made):
        for group in split.tested:
            testers[group].append(number)
    return tuple(zip(*testers, strict=True))


def cross_validate(returns: Grid, scheme: Scheme) -> CrossValidation:
    """On each split pick the column with the best Sharpe ratio in training, then follow the tests.

    Parameters
    ----------
    returns : float64, shape (T, P)
        Daily returns of one run over the whole tape, one column for each combination. A strategy
        that only looks back may be run once and cut afterwards: no test day has changed a
        training day, but for positions held across the edge, which purge and embargo leave out.

    Raises
    ------
    UsageError
        As `splits`; or a return is not a number.
    """
    if returns.ndim != 2 or returns.shape[1] == 0:
        raise UsageError("cross-validation needs one column of daily returns a combination")
    if not np.isfinite(returns).all():
        day, column = np.argwhere(~np.isfinite(returns))[0].tolist()
        raise UsageError(f"the return of day {day} in column {column} is {returns[day, column]}")
    made = splits(len(returns), scheme)
    table = np.ascontiguousarray(returns)
    chosen = np.array([_best(table, split.train_rows) for split in made], dtype=np.int64)
    groups = group_ranges(len(returns), scheme.groups)
    followed = np.array(
        [
            np.concatenate(
                [table[slice(*groups[g]), chosen[split]] for g, split in enumerate(path)]
            )
            for path in paths(made, scheme)
        ]
    )
    sharpes = np.empty(len(followed))
    columns = np.ascontiguousarray(followed.T)
    sharpes_of_rows(columns, np.arange(len(returns)), sharpes)
    return CrossValidation(chosen, followed, sharpes)


def _best(returns: Grid, rows: Ints) -> int:
    sharpes = np.empty(returns.shape[1])
    sharpes_of_rows(returns, rows, sharpes)
    return int(np.argmax(sharpes))


def _rows(ranges: tuple[Range, ...]) -> Ints:
    return np.concatenate([np.arange(start, stop) for start, stop in ranges])
