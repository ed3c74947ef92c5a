"""Runs a strategy's own function on expressions in place of numbers, one path at a time."""

import ast
import builtins
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import CodeType, ModuleType

import numpy as np

from gpt_trader.backtesting.expressions import (
    WHOLE,
    Atom,
    Column,
    Constant,
    Expression,
    Indicator,
    Operation,
    Parameter,
    combined,
    compared,
    is_nan,
    is_series,
    is_whole,
)
from gpt_trader.signals.strategy import Strategy

Cells = Mapping[tuple[str, int], float]
"""Remembered values by the name of their vector and their place; all others are 0."""

COLUMNS = ("open", "high", "low", "close", "volume")
CELLS_MAX = 16
HELPERS = "gpt_trader.kernels."


class Foreign(Exception):
    """The function does something that cannot be told in conditions and states; says what."""


class Undecided(Exception):
    """The path needs to know whether a condition holds."""

    def __init__(self, atom: Atom) -> None:
        super().__init__(atom)
        self.atom = atom


@dataclass(frozen=True, slots=True)
class Ending:
    """What a path leaves behind: the remembered values, and the target it returned."""

    cells: Cells
    target: float


@dataclass(frozen=True, slots=True)
class _Candles:
    """The first argument."""


@dataclass(frozen=True, slots=True)
class _Now:
    """The second argument: the number of the candle that closed."""


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The third argument."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """The fourth argument."""


@dataclass(frozen=True, slots=True)
class _Values:
    """A column as an array."""

    column: str


@dataclass(frozen=True, slots=True)
class _Vector:
    """One vector of the memory."""

    name: str


@dataclass(frozen=True, slots=True)
class _Thing:
    """A module or function that the code names."""

    value: object


_Value = (
    Expression | bool | tuple["_Value", ...]
    | _Candles | _Now | _Parameters | _Memory | _Values | _Vector | _Thing
)  # fmt: skip
_ARGUMENTS: tuple[_Value, ...] = (_Candles(), _Now(), _Parameters(), _Memory())


@dataclass(frozen=True, slots=True)
class Function:
    """A strategy's function as text that can be followed."""

    tree: ast.FunctionDef
    outer: Mapping[str, object]  # closed-over values over globals over builtins
    whole: Mapping[str, bool]  # of each parameter

    def run(
        self, cells: Cells, assumed: Mapping[Atom, bool]
    ) -> tuple[Ending, tuple[Indicator, ...]]:
        """Follow one path; also list the helpers with a memory that it called.

        Raises
        ------
        Undecided
            A condition is reached that is not among those `assumed`.
        ZeroDivisionError
            As the step would.
        Foreign
        """
        walk = _Walk(self, dict(cells), assumed)
        target = walk.block(self.tree.body)
        if target is None:
            raise Foreign("it ends without a return")
        taken = {name for name, _ in walk.calls}
        if len(taken) < len(walk.calls) or taken & walk.touched:
            raise Foreign("a memory is used twice")
        return Ending(walk.cells, target), tuple(call for _, call in walk.calls)


def function_of(strategy: Strategy) -> Function:
    """Read the source of the function a user wrote.

    Raises
    ------
    Foreign
        It cannot be read, is no plain function, or is not what was compiled.
    """
    plain = strategy.plain
    if not inspect.isfunction(plain):
        raise Foreign("it is no plain function")
    try:
        text = textwrap.dedent(inspect.getsource(plain))
        file = "".join(inspect.findsource(plain)[0])
        definition = ast.parse(text).body[0]
    except (OSError, SyntaxError) as e:
        raise Foreign("its source cannot be read") from e
    if not isinstance(definition, ast.FunctionDef):
        raise Foreign("it is not one plain function")
    if not _says(text, plain.__code__) and not _says(file, plain.__code__):
        raise Foreign("its file was changed since it was read")
    outer = {**vars(builtins), **plain.__globals__, **inspect.getclosurevars(plain).nonlocals}
    return Function(definition, outer, {p.name: p.whole for p in strategy.parameters})


def _says(text: str, code: CodeType) -> bool:
    """Whether a text still compiles to what is in memory: a file may have been edited since."""
    try:
        waiting = [compile(text, "<strategy>", "exec")]
    except SyntaxError:
        return False
    while waiting:
        here = waiting.pop()
        if here.co_name == code.co_name and _shape(here) == _shape(code):
            return True
        waiting += [part for part in here.co_consts if isinstance(part, CodeType)]
    return False


def _shape(code: CodeType) -> tuple[object, ...]:
    return code.co_code, code.co_names, code.co_varnames, repr(code.co_consts)


class _Walk:
    """One path through a function."""

    def __init__(
        self, function: Function, cells: dict[tuple[str, int], float], assumed: Mapping[Atom, bool]
    ) -> None:
        self.cells = cells
        self.calls: list[tuple[str, Indicator]] = []  # name of the memory, what was computed
        self.touched: set[str] = set()  # memories that were read or written directly
        self._whole = function.whole
        self._outer = function.outer
        self._assumed = assumed
        names = [argument.arg for argument in function.tree.args.args]
        self._local: dict[str, _Value] = dict(zip(names, _ARGUMENTS, strict=False))
        if not 3 <= len(names) <= 4 or function.tree.args.vararg or function.tree.args.kwarg:
            raise Foreign("it does not take (candles, t, p) or (candles, t, p, s)")

    # --- statements -------------------------------------------------------------------------

    def block(self, body: list[ast.stmt]) -> float | None:
        """Follow statements until one returns; None where none does."""
        for statement in body:
            match statement:
                case ast.Return(value=ast.expr() as value):
                    return self._target(value)
                case ast.If(test=test, body=then, orelse=otherwise):
                    target = self.block(then if self._truth(test) else otherwise)
                    if target is not None:
                        return target
                case ast.Assign(targets=[target_of], value=value):
                    self._assign(target_of, self._value(value))
                case ast.AnnAssign(target=target_of, value=ast.expr() as value):
                    self._assign(target_of, self._value(value))
                case ast.AugAssign(target=target_of, op=op, value=value):
                    before = self._value(_as_loaded(target_of))
                    self._assign(target_of, self._arithmetic(op, before, self._value(value)))
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    continue
                case _:
                    raise Foreign(f"a {type(statement).__name__} statement")
        return None

    def _target(self, node: ast.expr) -> float:
        value = self._value(node)
        if not isinstance(value, Constant):
            raise Foreign("a target that is no constant")
        target = float(value.value)
        if not (math.isnan(target) or -1.0 <= target <= 1.0):
            raise Foreign("a target beyond 1")
        return target

    def _assign(self, place: ast.expr, value: _Value) -> None:
        match place:
            case ast.Name(id=name):
                self._local[name] = value
            case ast.Tuple(elts=parts):
                for number, part in enumerate(parts):
                    self._assign(part, _part(value, number, len(parts)))
            case ast.Subscript():
                vector = self._value(place.value)
                stored = _number(value)
                if not isinstance(vector, _Vector) or not isinstance(stored, Constant):
                    raise Foreign("it remembers what is no constant")
                self.touched.add(vector.name)
                self.cells[vector.name, self._place(place.slice)] = float(stored.value)
            case _:
                raise Foreign(f"an assignment to a {type(place).__name__}")

    # --- conditions -------------------------------------------------------------------------

    def _truth(self, node: ast.expr) -> bool:
        value = self._value(node)
        if not isinstance(value, bool):
            raise Foreign("a condition that is no comparison")
        return value

    def _decided(self, condition: Atom | bool) -> bool:
        if isinstance(condition, bool):
            return condition
        if condition not in self._assumed:
            raise Undecided(condition)
        return self._assumed[condition]

    def _compare(self, op: ast.cmpop, left: _Value, right: _Value) -> bool:
        first, second = _number(left), _number(right)
        match op:
            case ast.Gt():
                return self._decided(compared("greater", first, second))
            case ast.Lt():
                return self._decided(compared("greater", second, first))
            case ast.GtE():
                return self._decided(compared("at_least", first, second))
            case ast.LtE():
                return self._decided(compared("at_least", second, first))
            case ast.Eq():
                return self._decided(compared("equal", first, second))
            case ast.NotEq():
                return not self._decided(compared("equal", first, second))
        raise Foreign(f"the comparison {type(op).__name__}")

    # --- values -----------------------------------------------------------------------------

    def _value(self, node: ast.expr) -> _Value:
        match node:
            case ast.Constant(value=bool() as known):
                return known
            case ast.Constant(value=int() | float() as known):
                return Constant(known)
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=of, attr=name):
                return self._attribute(self._value(of), name)
            case ast.Subscript(value=of, slice=place):
                return self._item(self._value(of), place)
            case ast.Call(func=callee, args=args, keywords=keywords):
                named = {str(word.arg): self._value(word.value) for word in keywords}
                return self._call(self._value(callee), [self._value(a) for a in args], named)
            case ast.Tuple(elts=parts):
                return tuple(self._value(part) for part in parts)
            case _:
                return self._operation(node)

    def _operation(self, node: ast.expr) -> _Value:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(op, self._value(left), self._value(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._truth(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return combined("negative", _number(self._value(operand)))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return _number(self._value(operand))
            case ast.BoolOp(op=op, values=values):
                if isinstance(op, ast.And):
                    return all(self._truth(value) for value in values)
                return any(self._truth(value) for value in values)
            case ast.Compare(left=first, ops=comparisons, comparators=others):
                before = self._value(first)
                for comparison, other in zip(comparisons, others, strict=True):
                    after = self._value(other)
                    if not self._compare(comparison, before, after):
                        return False
                    before = after
                return True
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                return self._value(then if self._truth(test) else otherwise)
        raise Foreign(f"a {type(node).__name__}")

    def _arithmetic(self, op: ast.operator, left: _Value, right: _Value) -> Expression:
        first, second = _number(left), _number(right)
        match op:
            case ast.Add():
                return combined("add", first, second)
            case ast.Sub():
                return combined("subtract", first, second)
            case ast.Mult():
                return combined("multiply", first, second)
            case ast.Div():
                if self._decided(compared("equal", second, Constant(0.0))):
                    raise ZeroDivisionError
                return combined("divide", first, second)
        raise Foreign(f"the operator {type(op).__name__}")

    def _named(self, name: str) -> _Value:
        if name in self._local:
            return self._local[name]
        if name not in self._outer:
            raise Foreign(f"{name}, which is nowhere")
        return _known(self._outer[name])

    def _attribute(self, of: _Value, name: str) -> _Value:
        match of:
            case _Candles() if name in COLUMNS:
                return _Values(name)
            case _Parameters() if name in self._whole:
                return Parameter(name, self._whole[name])
            case _Memory():
                return _Vector(name)
            case _Thing(value=ModuleType() as module):
                return _known(getattr(module, name))
        raise Foreign(f"the attribute {name}")

    def _item(self, of: _Value, place: ast.expr) -> _Value:
        match of:
            case _Values(column=column) if isinstance(self._value(place), _Now):
                return Column(column)
            case _Vector(name=name):
                self.touched.add(name)
                return Constant(self.cells.get((name, self._place(place)), 0.0))
            case Indicator() | tuple():
                return _part(of, self._place(place), None)
        raise Foreign("an item of something else")

    def _place(self, node: ast.expr) -> int:
        value = self._value(node)
        match value:
            case Constant(value=int() as place) if 0 <= place < CELLS_MAX:
                return place
        raise Foreign("a place that is no constant")

    # --- calls ------------------------------------------------------------------------------

    def _call(self, callee: _Value, args: list[_Value], named: dict[str, _Value]) -> _Value:
        if not isinstance(callee, _Thing):
            raise Foreign("a call of something that is no function")
        function = callee.value
        if function in (math.isnan, np.isnan) and len(args) == 1:
            return self._decided(is_nan(_number(args[0])))
        if function in (float, int) and len(args) == 1 and not named:
            return _cast(function is float, _number(args[0]))
        if function is abs and len(args) == 1:
            return combined("absolute", _number(args[0]))
        return self._helper(function, args, named)

    def _helper(self, function: object, args: list[_Value], named: dict[str, _Value]) -> _Value:
        plain = _plain_helper(function)
        signature = inspect.signature(plain)
        try:
            given = signature.bind(*args, **named).arguments
        except TypeError as e:
            raise Foreign("a helper called otherwise than it is made") from e
        column, memory = "", ""
        numbers: list[Expression] = []
        for name, value in given.items():
            kind = signature.parameters[name].annotation
            match value:
                case _Candles() | _Now():
                    continue
                case Column(name=values) if not column and not numbers:
                    column = values
                case _Vector(name=vector) if not memory:
                    memory = vector
                case Constant() | Parameter() | Operation() if not is_series(value):
                    if kind is int and not is_whole(value):
                        raise Foreign("a span that is not whole")
                    numbers.append(value)
                case _:
                    raise Foreign("a helper of something that is no column")
        found = Indicator(f"{plain.__module__}:{plain.__name__}", column, tuple(numbers), WHOLE)
        if memory:
            self.calls.append((memory, found))
        return found


def _plain_helper(function: object) -> Callable[..., object]:
    """The Python form of a helper step of ours."""
    plain = inspect.unwrap(function) if callable(function) else None
    if not inspect.isfunction(plain) or not plain.__module__.startswith(HELPERS):
        raise Foreign("a call of a function that is no helper")
    if vars(sys.modules[plain.__module__]).get(plain.__name__) is not function:
        raise Foreign("a helper that was replaced")
    return plain


def _known(value: object) -> _Value:
    match value:
        case bool():
            return value
        case int() | float():
            return Constant(value)
        case _:
            return _Thing(value)


def _number(value: _Value) -> Expression:
    match value:
        case bool():
            return Constant(int(value))
        case Constant() | Parameter() | Column() | Indicator() | Operation():
            return value
    raise Foreign(f"a number made of a {type(value).__name__}")


def _cast(to_float: bool, value: Expression) -> Expression:
    match value:
        case Constant(value=known):
            return Constant(float(known) if to_float else int(known))
        case Parameter(whole=whole) if whole is not to_float:
            return value
        case Column() | Indicator() if to_float:
            return value
    raise Foreign("a change of type")


def _part(value: _Value, place: int, of: int | None) -> _Value:
    match value:
        case Indicator(part=-1):
            return replace(value, part=place)
        case tuple() if place < len(value) and of in (None, len(value)):
            return value[place]
    raise Foreign("a part of something that has none")


def _as_loaded(node: ast.expr) -> ast.expr:
    match node:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Subscript(value=value, slice=place):
            return ast.Subscript(value, place, ast.Load())
    raise Foreign("an assignment to something else")
