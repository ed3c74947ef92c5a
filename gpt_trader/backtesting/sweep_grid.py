"""Which combinations of parameters a sweep runs, from what a person wrote."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import CodeType
from typing import Any

import numpy as np

from gpt_trader.backtesting.layout import Combinations
from gpt_trader.backtesting.numbers import number_of, numbers_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.signals.strategy import Parameter, Strategy, Values, near

Grid = Mapping[str, Iterable[float]] | Sequence[Mapping[str, float]]
"""Values to combine for each parameter, or the combinations one by one."""

Where = Callable[[Any], bool] | str | None
"""Keeps the combinations for which it is true: words like "fast < slow", or a function that is
handed a `Combination`."""

COMBINATIONS_MAX = 50_000_000


@dataclass(frozen=True, eq=False)
class Chosen:
    """The combinations of a sweep: for every parameter of the strategy a value each."""

    columns: Combinations
    varied: tuple[str, ...]  # the parameters that the grid names, in its order
    skipped: int  # combinations that the strategy's own check refuses

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def values(self, place: int) -> dict[str, float]:
        """The parameters of one combination."""
        return {name: float(column[place]) for name, column in self.columns.items()}


class Combination(dict[str, float]):
    """The parameters of one combination, as a `where` is handed them: ``p.fast``, ``p["fast"]``."""

    def __getattr__(self, name: str) -> float:
        try:
            return self[name]
        except KeyError as e:
            raise AttributeError(f"there is no parameter {name}") from e


def chosen_of(strategy: Strategy, grid: Grid, params: Values | None, where: Where) -> Chosen:
    """Check a grid and spread it out; `params` fixes parameters for all combinations.

    Raises
    ------
    UsageError
        A name is unknown, a value out of its bounds, or nothing is left to run; the message
        names the parameter.
    """
    names, rows = _spread(grid)
    fixed = numbers_of("params", params)
    parameters = {p.name: p for p in strategy.parameters}
    for name in [*names, *fixed]:
        if name not in parameters:
            raise UsageError(
                f"{strategy.name} has no parameter {name}: {near(str(name), list(parameters))}"
            )
    doubled = [name for name in names if name in fixed]
    if doubled:
        raise UsageError(f"{doubled[0]} stands in the grid and in params: which one?")
    base = {p.name: float(fixed.get(p.name, p.default)) for p in strategy.parameters}
    for place, name in enumerate(names):
        _check_values(parameters[name], {row[place] for row in rows})
    for name in fixed:
        _check_values(parameters[name], {base[name]})
    wanted = _where(where, list(parameters))
    kept, skipped = [], 0
    for row in rows:
        values = Combination({**base, **dict(zip(names, row, strict=True))})
        if not wanted(values):
            continue
        if strategy.check(values):
            skipped += 1
            continue
        kept.append(tuple(values.values()))
    if not kept:
        raise UsageError(_nothing_left(strategy, len(rows), skipped, base, names, rows))
    columns = {
        name: np.array([row[place] for row in kept], np.int64 if parameters[name].whole else float)
        for place, name in enumerate(base)
    }
    return Chosen(columns, tuple(names), skipped)


def _spread(grid: Grid) -> tuple[list[str], list[tuple[float, ...]]]:
    if isinstance(grid, Mapping):
        axes = {name: [number_of(name, value) for value in _listed(name, values)]
                for name, values in grid.items()}  # fmt: skip
        empty = [name for name, axis in axes.items() if not axis]
        if not axes or empty:
            raise UsageError(f"the grid is empty: {empty[0] if empty else 'no parameter'}")
        count = int(np.prod([len(axis) for axis in axes.values()], dtype=object))
        if count > COMBINATIONS_MAX:
            raise UsageError(f"{count:,} combinations are more than {COMBINATIONS_MAX:,}")
        return list(axes), list(product(*axes.values()))
    if (
        not isinstance(grid, Sequence)
        or not grid
        or isinstance(grid, str)
        or not all(isinstance(row, Mapping) for row in grid)
    ):
        raise UsageError("the grid is empty, or neither a mapping of values nor a list of them")
    names = list(grid[0])
    for place, row in enumerate(grid):
        if set(row) != set(names):
            raise UsageError(f"combination {place} of the grid names {list(row)}, not {names}")
    return names, [tuple(number_of(name, row[name]) for name in names) for row in grid]


def _listed(name: str, values: Iterable[float]) -> list[float]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def _check_values(parameter: Parameter, values: set[float]) -> None:
    for value in sorted(values):
        problem = parameter.problem(value)
        if problem is not None:
            raise UsageError(problem)


def _where(where: Where, names: list[str]) -> Callable[[Combination], bool]:
    if where is None:
        return lambda values: True
    rule = _rule(where, names)

    def wanted(values: Combination) -> bool:
        try:
            return bool(rule(values))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
            shown = ", ".join(f"{name} = {value:g}" for name, value in values.items())
            raise UsageError(f"where fails at {shown}: {type(e).__name__}: {e}") from e

    return wanted


def _rule(where: Callable[[Any], bool] | str, names: list[str]) -> Callable[[Combination], bool]:
    if not isinstance(where, str):
        if not callable(where):
            raise UsageError(f'where = {where!r}: give "fast < slow", or a function of p')
        return where
    try:
        code: CodeType = compile(where, "<where>", "eval")
    except SyntaxError as e:
        raise UsageError(f"where = {where!r}: {e.msg}") from e
    unknown = [name for name in code.co_names if name not in names]
    if unknown:
        raise UsageError(
            f"where = {where!r}: {unknown[0]} is no parameter; {near(unknown[0], names)}"
        )
    return lambda values: eval(code, {"__builtins__": {}}, values)


def _nothing_left(
    strategy: Strategy,
    count: int,
    skipped: int,
    base: dict[str, float],
    names: list[str],
    rows: list[tuple[float, ...]],
) -> str:
    if skipped == 0:
        return f"where refuses all {count:,} combinations of the grid"
    reasons = strategy.check({**base, **dict(zip(names, rows[0], strict=True))})
    return f"{strategy.name} refuses every combination of the grid: {'; '.join(reasons)}"
