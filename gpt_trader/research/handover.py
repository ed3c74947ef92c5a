"""The text of a notebook's strategy, with all that it uses, for a process that never saw it."""

import ast
import builtins
import inspect
import math
import symtable
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType

import numpy as np

from gpt_trader.domain.errors import UsageError

PACKAGE = "gpt_trader"
HEAD = '"""A strategy from a notebook, as its session ran it."""\n'


def strategy_text(function: Callable[..., float]) -> str:
    """A module that defines a strategy as its notebook did: imports, numbers, helpers, itself.

    Numbers are written with the values they have now.

    Raises
    ------
    UsageError
        The strategy uses something that is neither a number, a text, a module, nor a function of
        the trader's own; the message names it.
    """
    script = _Script(function.__name__)
    script.take(function)
    if not script.decorated:
        raise UsageError(
            f"{function.__name__}: a session needs @gt.strategy(...) on the line above its def"
        )
    imports = "".join(f"{line}\n" for line in sorted(script.imports))
    numbers = "".join(f"{line}\n" for line in script.numbers)
    parts = [HEAD, imports, numbers, *(f"\n{text}" for text in script.functions)]
    return "\n".join(part for part in parts if part)


class _Script:
    """What was found so far, each name once."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        self.imports: set[str] = set()
        self.numbers: list[str] = []
        self.functions: list[str] = []  # each below those it calls
        self.decorated = False
        self._taken: dict[str, object] = {}

    def take(self, function: Callable[..., object]) -> None:
        """Add a function's text, after all that it uses."""
        text = textwrap.dedent(_source_of(function))
        known = _names_around(function)
        for name in sorted(_free_names(text)):
            if name in known:
                self._use(name, known[name])
            elif not hasattr(builtins, name):
                raise UsageError(
                    f"{self.strategy} uses {name}, which is not known outside of the function "
                    "that it is defined in: write its value, or set it in a cell of its own"
                )
        [definition] = ast.parse(text).body
        self.decorated = isinstance(definition, ast.FunctionDef) and bool(definition.decorator_list)
        self.functions.append(text)

    def _use(self, name: str, value: object) -> None:
        if name in self._taken:
            if self._taken[name] is not value:
                raise UsageError(
                    f"{self.strategy}: two things of different modules have the name {name}, and "
                    "a session keeps them in one file: give one of them another name"
                )
            return
        self._taken[name] = value
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__} as {name}")
            return
        plain = _uncompiled(value)
        home = getattr(plain, "__module__", None)
        own_name = getattr(plain, "__name__", name)
        if isinstance(plain, FunctionType) and str(home).partition(".")[0] != PACKAGE:
            self.take(plain)
            if own_name != name:
                self.functions.append(f"{name} = {own_name}\n")
        elif home in sys.modules and vars(sys.modules[home]).get(own_name) is value:
            self.imports.add(f"from {home} import {own_name} as {name}")
        else:
            self.numbers.append(f"{name} = {self._written(name, value)}")

    def _written(self, name: str, value: object) -> str:
        """A value as Python reads it back, to the last bit."""
        if isinstance(value, bool | int | str | bytes | None):
            return repr(value)
        if isinstance(value, float) and not isinstance(value, np.generic):
            return _plain_text(value)
        if isinstance(value, tuple):
            parts = [self._written(name, part) for part in value]
            return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            self.imports.add("import numpy")
            return f"numpy.{value.dtype.name}({_plain_text(value.item())})"
        raise UsageError(
            f"{self.strategy} uses {name}, a {type(value).__name__}: a session can take numbers, "
            "texts, modules and functions of yours along, and nothing else"
        )


def _plain_text(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _uncompiled(value: object) -> object:
    """The function as it was written, of a compiled one."""
    return getattr(value, "py_func", value)


def _source_of(function: Callable[..., object]) -> str:
    try:
        return inspect.getsource(function)
    except OSError as e:
        raise UsageError(f"the source of {function.__name__} cannot be read") from e


def _names_around(function: Callable[..., object]) -> Mapping[str, object]:
    """What the function's names mean where it was defined."""
    assert isinstance(function, FunctionType)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}


def _free_names(text: str) -> set[str]:
    """Names that a definition uses and does not make itself, its decorators' included."""
    top = symtable.symtable(text, "<strategy>", "exec")
    made = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    return {name for table in _tables(top) for name in _globals_of(table)} - made


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and symbol.is_global():
            yield symbol.get_name()
