"""A trader's own function, in a notebook or a file, as a strategy like the ready ones."""

import hashlib
import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.preparing import prepared
from gpt_trader.kernels.records import Memories, Params, record
from gpt_trader.signals.leaks import check_on_trial, trial_candles
from gpt_trader.signals.strategy import MEMORY_SIZE, Parameter, Step, Strategy, Values
from gpt_trader.strategies.twins import check_twin

Rule = Callable[[Params], object]
"""Handed the parameters' values by name, as the step is: ``lambda p: p.span + 1``."""


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter as it stands in the decorator, where its name stands before it."""

    default: float
    low: float
    high: float
    doc: str
    whole: bool

    def named(self, name: str) -> Parameter:
        """The parameter under its name."""
        return Parameter(name, self.default, self.low, self.high, self.whole, self.doc)


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a strategy adds to its step."""

    state: str | Mapping[str, int | Rule]
    warmup: int | Rule | None
    check: Rule | None
    compiled: bool


def whole(default: int, low: int, high: int, doc: str = "") -> Number:
    """A parameter that counts: whole, from `low` to `high`, `default` where nobody chooses."""
    return Number(default, low, high, doc, True)


def real(default: float, low: float, high: float, doc: str = "") -> Number:
    """A parameter that measures: any number from `low` to `high`, or `default`."""
    return Number(default, low, high, doc, False)


def strategy(
    *misplaced: object,
    state: str | Mapping[str, int | Rule] = "",
    warmup: int | Rule | None = None,
    check: Rule | None = None,
    compiled: bool = True,
    **parameters: Number | float,
) -> Callable[[Callable[..., float]], Strategy]:
    """Make the function below a strategy, which every door takes where it takes a name.

    The function gives the target exposure, -1 to 1, at the close of candle `t`; prices are counts
    of the product's price increment, volumes of its base increment. It is compiled and tried on a
    few thousand generated candles at once, with its defaults, so that a fault shows where it is
    written. A backtest tries it again on its own candles.

    Parameters
    ----------
    state : str or mapping
        Names of memories, ``"held channel"``: vectors of 16 zeros that the function changes and
        hands to the helpers that remember. Or ``{"ring": size}`` with a size, or a function of
        the parameters, for each. With it the function takes a fourth argument, `s`.
    warmup : int or function of the parameters
        Candles up to and with the first target: as far as the function looks back. Without it,
        the largest whole parameter.
    check : function of the parameters
        Gives the reasons against a combination, as a text or several; none when it is fine.
    compiled : bool
        False for plain Python: slower, and the same everywhere else.
    parameters
        ``fast=whole(20, 2, 500)``, ``width=real(2.0, 0.1, 10)``, or a number for its default.

    Raises
    ------
    UsageError
        Something above is not as it should be, the function cannot be compiled, or it looks into
        the future.

    Examples
    --------
    >>> from gpt_trader.kernels.averages import sma
    >>> @strategy(fast=whole(20, 2, 500), slow=whole(100, 3, 2000))
    ... def crossover(candles, t, p):
    ...     return 1.0 if sma(candles, t, p.fast) > sma(candles, t, p.slow) else 0.0
    >>> crossover.name, crossover.warmup({"fast": 20, "slow": 100})
    ('crossover', 100)
    """
    if misplaced:
        raise UsageError(
            "strategy takes nothing without a name: write @gt.strategy() with its parentheses "
            "above the function, and each parameter by name, fast=gt.whole(20, 2, 500)"
        )
    rules = _Rules(state, warmup, check, compiled)

    def made(function: Callable[..., float]) -> Strategy:
        return _made(function, rules, parameters)

    return made


def _made(
    function: Callable[..., float], rules: _Rules, given: Mapping[str, Number | float]
) -> Strategy:
    name = _name_of(function)
    parameters = tuple(_parameter(name, each, number) for each, number in given.items())
    memories = _memories(name, rules.state)
    _check_arguments(function, name, bool(memories))
    plain = _plain_step(function, name, bool(memories))
    strategy = Strategy(
        name=name,
        doc=(inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " "),
        parameters=parameters,
        check=_check_of(name, rules.check, parameters),
        memory=_memory_of(name, memories, parameters),
        warmup=_warmup_of(name, rules.warmup, parameters),
        step=plain,
        plain=function,
        compiled=rules.compiled,
        source_hash=_hash(function, name, rules, parameters),
    )
    values = strategy.values({})
    if rules.compiled:
        shown = (trial_candles(256), 0, strategy.record(values), strategy.state(values))
        step = prepared(function, name, shown if memories else shown[:3])
        step = step if memories else _with_memories(step)
        strategy = replace(strategy, step=step)
    check_on_trial(strategy)
    if rules.compiled:
        check_twin(strategy, plain, trial_candles(256 + strategy.warmup(values)))
    return strategy


def _with_memories(step: Callable[..., float]) -> Step:
    """The same step with a fourth argument that it does not look at."""

    def with_memories(candles: Candles, t: int, p: Params, s: Memories) -> float:
        return step(candles, t, p)

    return compile_lean(with_memories)


def _plain_step(function: Callable[..., float], name: str, remembers: bool) -> Step:
    """The function as it is, but what it returns must be a number."""

    def step(candles: Candles, t: int, p: Params, s: Memories) -> float:
        target = function(candles, t, p, s) if remembers else function(candles, t, p)
        if not isinstance(target, numbers.Real | np.bool_):
            raise UsageError(f"{name} must return a number, the target, and not {target!r}")
        return float(target)

    return step


def _name_of(function: Callable[..., float]) -> str:
    if not inspect.isfunction(function):
        raise UsageError(
            f"strategy(...) stands above a function, not above {function!r}: write "
            "@strategy(...) and below it def NAME(candles, t, p):"
        )
    if not function.__name__.isidentifier():
        raise UsageError("a strategy needs a name: write def NAME(candles, t, p), not a lambda")
    return function.__name__


def _check_arguments(function: Callable[..., float], name: str, remembers: bool) -> None:
    wanted = "candles, t, p, s" if remembers else "candles, t, p"
    arguments = inspect.signature(function).parameters.values()
    plain = all(a.kind is a.POSITIONAL_OR_KEYWORD and a.default is a.empty for a in arguments)
    if plain and len(arguments) == len(wanted.split()):
        return
    hint = ""
    if plain and len(arguments) == 4:
        hint = ', or name its memories: @strategy(..., state="held")'
    raise UsageError(f"{name} must take ({wanted}): write def {name}({wanted}){hint}")


def _parameter(name: str, parameter: str, given: Number | float) -> Parameter:
    _check_field(name, parameter, "parameter")
    if isinstance(given, Number):
        number = given
    elif isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise UsageError(
            f"{name}: {parameter} = {given!r} is no parameter: write {parameter}=whole(DEFAULT, "
            f"LOW, HIGH) or {parameter}=real(DEFAULT, LOW, HIGH)"
        )
    else:
        number = _shorthand(given)
    problem = number.named(parameter).problem(number.default)
    if problem is not None:
        raise UsageError(f"{name}: the default {problem}")
    return number.named(parameter)


def _shorthand(default: float) -> Number:
    """A bare number: whole and at least 1 if it is, with room for a hundred times as much."""
    if isinstance(default, int) and default >= 1:
        return whole(default, 1, max(20_000, 100 * default))
    most = max(1_000.0, 100.0 * abs(default))
    least = 0.0 if default > 0 else -most
    return Number(default, least, most, "", isinstance(default, int))


def _memories(name: str, state: str | Mapping[str, int | Rule]) -> dict[str, int | Rule]:
    if isinstance(state, str):
        memories: dict[str, int | Rule] = dict.fromkeys(state.split(), MEMORY_SIZE)
    else:
        memories = dict(state)
    for memory in memories:
        _check_field(name, memory, "memory")
    return memories


def _check_field(name: str, field: str, kind: str) -> None:
    try:
        record(field)
    except ValueError as e:
        raise UsageError(f"{name}: a {kind} cannot have the name {field!r}: {e}") from e


def _asked(
    name: str, what: str, rule: Rule, parameters: tuple[Parameter, ...], values: Values
) -> object:
    """What a user's rule answers for these values."""
    numbers = (int(values[p.name]) if p.whole else values[p.name] for p in parameters)
    try:
        return rule(cast(Params, record(*(p.name for p in parameters))(*numbers)))
    except AttributeError as e:
        raise UsageError(f"{name}: {what} asks for a parameter there is not: {e.name}") from e


def _check_of(
    name: str, check: Rule | None, parameters: tuple[Parameter, ...]
) -> Callable[[Values], tuple[str, ...]]:
    def checked(values: Values) -> tuple[str, ...]:
        reasons = () if check is None else _asked(name, "check", check, parameters, values)
        if isinstance(reasons, str):
            reasons = (reasons,) if reasons else ()
        if not isinstance(reasons, tuple | list) or not all(isinstance(r, str) for r in reasons):
            raise UsageError(
                f"{name}: check must give the reasons against a combination as texts, and none "
                f"when it is fine, not {reasons!r}"
            )
        return tuple(reasons)

    return checked


def _counted(name: str, what: str, given: object) -> int:
    if isinstance(given, int | float | np.integer) and given == int(given) and given >= 1:
        return int(given)
    raise UsageError(f"{name}: {what} must be a count of at least 1, not {given!r}")


def _warmup_of(
    name: str, warmup: int | Rule | None, parameters: tuple[Parameter, ...]
) -> Callable[[Values], int]:
    def candles(values: Values) -> int:
        if warmup is None:
            return max([1, *(int(values[p.name]) for p in parameters if p.whole)])
        if not callable(warmup):
            return _counted(name, "warmup", warmup)
        return _counted(name, "warmup", _asked(name, "warmup", warmup, parameters, values))

    return candles


def _memory_of(
    name: str, memories: Mapping[str, int | Rule], parameters: tuple[Parameter, ...]
) -> Callable[[Values], dict[str, int]]:
    def sizes(values: Values) -> dict[str, int]:
        return {
            memory: _counted(
                name,
                f"the size of {memory}",
                _asked(name, memory, size, parameters, values) if callable(size) else size,
            )
            for memory, size in memories.items()
        }

    return sizes


def _hash(
    function: Callable[..., float], name: str, rules: _Rules, parameters: tuple[Parameter, ...]
) -> str:
    """Name the text of all of it: the function, what it calls, its rules and its parameters."""
    sizes = () if isinstance(rules.state, str) else rules.state.values()
    functions = [function, *(r for r in (rules.warmup, rules.check, *sizes) if callable(r))]
    try:
        texts = [source_hash(each) for each in functions]
    except OSError as e:
        raise UsageError(
            f"the source of {name} cannot be read, as it was typed into a prompt or made by exec: "
            "put it into a file or into a cell of a notebook"
        ) from e
    plain_state = rules.state if isinstance(rules.state, str) else sorted(rules.state)
    told = (texts, parameters, plain_state, rules.compiled)
    return hashlib.sha256(repr(told).encode()).hexdigest()
