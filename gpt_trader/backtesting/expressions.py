"""What a strategy's conditions compare: constants, parameters, candle columns, indicators, sums."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Scalar = int | float
Numbers = Scalar | npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""One value, or one for each combination: int64 for whole parameters, float64 for others."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that stands in the function, or in a global that it names."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the strategy; whole ones are ints, as in the compiled step."""

    name: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the candle that closed."""

    name: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """The value of a helper step, for instance `sma`, at the candle that closed."""

    helper: str  # "module:name"
    column: str  # of the values handed to it; empty where it takes the candles themselves
    numbers: "tuple[Expression, ...]"  # its span and other scalars, without a series in them
    part: int  # place in the tuple it returns; WHOLE for a helper that returns one number


WHOLE = -1


@dataclass(frozen=True, slots=True)
class Operation:
    """A sum, difference, product or quotient of two, or the opposite or absolute value of one."""

    name: str
    operands: "tuple[Expression, ...]"


Expression = Constant | Parameter | Column | Indicator | Operation


@dataclass(frozen=True, slots=True)
class Atom:
    """A condition: `greater`, `at_least` or `equal` of two expressions, or `nan` of one twice."""

    name: str
    left: Expression
    right: Expression


ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "greater": operator.gt,
    "at_least": operator.ge,
    "equal": operator.eq,
}


def is_series(expression: Expression) -> bool:
    """Whether its value changes from candle to candle."""
    match expression:
        case Column() | Indicator():
            return True
        case Operation():
            return any(is_series(operand) for operand in expression.operands)
        case _:
            return False


def is_whole(expression: Expression) -> bool:
    """Whether the compiled step holds its value as an int."""
    match expression:
        case Constant():
            return isinstance(expression.value, int)
        case Parameter():
            return expression.whole
        case Operation():
            return expression.name != "divide" and all(map(is_whole, expression.operands))
        case _:
            return False


def parameters_of(expression: Expression) -> Iterator[str]:
    """Names of the parameters that its value depends on; a name may come twice."""
    match expression:
        case Parameter():
            yield expression.name
        case Indicator():
            for number in expression.numbers:
                yield from parameters_of(number)
        case Operation():
            for operand in expression.operands:
                yield from parameters_of(operand)


def indicators_of(expression: Expression) -> Iterator[Column | Indicator]:
    """The columns and indicators that it is made of; one may come twice."""
    match expression:
        case Column() | Indicator():
            yield expression
        case Operation():
            for operand in expression.operands:
                yield from indicators_of(operand)


def number_of(expression: Expression, values: Mapping[str, Numbers]) -> Numbers:
    """The value of an expression without a series, as the compiled step computes it.

    Raises
    ------
    ZeroDivisionError
        As the step would, with single numbers; arrays have infinity or NaN there.
    """
    match expression:
        case Constant():
            return expression.value
        case Parameter():
            return values[expression.name]
        case Operation(name="negative", operands=(operand,)):
            return -number_of(operand, values)
        case Operation(name="absolute", operands=(operand,)):
            return cast(Numbers, abs(number_of(operand, values)))
        case Operation(name=name, operands=(left, right)):
            made: Numbers = ARITHMETIC[name](number_of(left, values), number_of(right, values))
            return made
    raise AssertionError(expression)


def combined(name: str, *operands: Expression) -> Expression:
    """An operation, carried out at once where all its operands are constants.

    Raises
    ------
    ZeroDivisionError
        A constant is divided by a constant zero.
    """
    operation = Operation(name, operands)
    if all(isinstance(operand, Constant) for operand in operands):
        made = number_of(operation, {})
        assert isinstance(made, int | float), made
        return Constant(made)
    return operation


def compared(name: str, left: Expression, right: Expression) -> Atom | bool:
    """A condition, decided at once where both sides are constants."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        return bool(COMPARISONS[name](left.value, right.value))
    return Atom(name, left, right)


def is_nan(expression: Expression) -> Atom | bool:
    """Whether a number is not known."""
    if isinstance(expression, Constant):
        return math.isnan(expression.value)
    if not is_series(expression):
        return False  # parameters are never NaN
    return Atom("nan", expression, expression)
