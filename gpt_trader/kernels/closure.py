"""What a step is made of: its own code, the steps it calls, the constants it reads."""

import builtins
import dis
import hashlib
import inspect
import math
import sys
import sysconfig
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from numbers import Number
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType, NoneType
from typing import NamedTuple, cast

import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

from gpt_trader.domain.errors import UsageError

_LIBRARIES = tuple(
    sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_LETTERS = 8  # of a text count as one value
_OURS = __name__.partition(".")[0]


class Outer(NamedTuple):
    """Something that a function takes from outside of it."""

    name: str  # as it stands in the code: ``np.pi``
    value: object
    installed: bool  # found in a module of Python or of an installed package


def text_hash(step: Callable[..., object]) -> str:
    """SHA-256 of the source text of `step` and of all it reaches."""
    functions, constants = reached(step)
    texts = [inspect.getsource(function) for function in functions]
    return hashlib.sha256("\0".join([*texts, *constants]).encode()).hexdigest()


def code_hash(step: Callable[..., object]) -> str:
    """SHA-256 of the bytecode of `step` and of all it reaches, and of the modules they are in.

    Bytecode and not text: a file edited after it was imported no longer says what is in memory,
    and its machine code would be kept under the name of the new text.
    """
    functions, constants = reached(step)
    # Machine code looks its module up by name: that of a script would not be found in a session.
    codes = [str(function.__module__) for function in functions]
    codes += [part for function in functions for part in _code_parts(function.__code__)]
    return hashlib.sha256("\0".join([*codes, *constants]).encode()).hexdigest()


def reached(step: Callable[..., object]) -> tuple[list[FunctionType], list[str]]:
    """List the functions that make up `step`, itself first, and ``name=value`` of constants.

    Raises
    ------
    UsageError
        One of them takes something from outside whose content has no name: a list or an object
        may change while the step keeps its name, and old machine code would answer for it.
    """
    functions: list[FunctionType] = []
    constants: list[str] = []
    waiting = [_python(step)]
    while waiting:
        function = waiting.pop(0)
        if function in functions:
            continue
        functions.append(function)
        for outer in outer_values(function):
            if isinstance(outer.value, Dispatcher):
                waiting.append(_python(outer.value))
            elif isinstance(outer.value, FunctionType) and not _is_installed(
                outer.value.__module__
            ):
                waiting.append(outer.value)  # of a step in plain Python
            else:
                constants.append(f"{outer.name}={_named(function, outer)}")
    return functions, constants


def captured(step: Callable[..., object], most: int) -> list[tuple[str, str]]:
    """Name what `step` takes from outside that may hold a tape, and what it is.

    An array, which may also change later, and more than `most` values in one tuple or text.
    """
    functions, _ = reached(step)
    return [
        (outer.name, type(outer.value).__name__)
        for function in functions
        for outer in outer_values(function)
        if _size(outer.value) > most
    ]


def _size(value: object) -> float:
    if isinstance(value, np.ndarray):
        return math.inf
    if isinstance(value, tuple):
        return sum(_size(part) for part in value)
    return len(value) // _LETTERS if isinstance(value, str | bytes) else 1


def outer_values(function: FunctionType) -> Iterator[Outer]:
    """Globals, members of global modules, closed-over values and defaults that the code has."""
    outside = function.__globals__
    for name, *members in _chains(function.__code__, "LOAD_GLOBAL", "LOAD_NAME"):
        if name in outside:
            yield _followed(name, outside[name], members)
        elif not hasattr(builtins, name):
            yield Outer(name, None, False)  # not there yet: it is named anew when it compiles
    closed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name, *members in _chains(function.__code__, "LOAD_DEREF", "LOAD_CLASSDEREF"):
        if name not in closed:
            continue  # a local, read from a function inside
        try:
            value = closed[name].cell_contents
        except ValueError:  # not there yet
            yield Outer(name, None, False)
            continue
        yield _followed(name, value, members)
    for place, default in enumerate(function.__defaults__ or ()):
        yield Outer(f"default {place} of {function.__name__}", default, False)
    for name, default in sorted((function.__kwdefaults__ or {}).items()):
        yield Outer(f"default {name} of {function.__name__}", default, False)


def _followed(name: str, value: object, members: list[str]) -> Outer:
    """What ``name.member.member`` is, as far as these are modules."""
    installed = False
    for member in members:
        if not isinstance(value, ModuleType):
            break
        installed = _is_installed(value.__name__)
        name, value = f"{name}.{member}", getattr(value, member, None)  # None: it will not compile
    return Outer(name, value, installed)


def _named(function: FunctionType, outer: Outer) -> str:
    content = _content(outer.value)
    if content is not None:
        return content
    if isinstance(outer.value, ModuleType):
        advice = f"write {outer.name}.NAME where it is needed"
    elif outer.installed:
        return outer.name
    else:
        advice = "make it a parameter, a number or a tuple of numbers"
    raise UsageError(
        f"{function.__name__} brings {outer.name} along, a {type(outer.value).__name__}, which may "
        f"change or hold candles that are still to come: {advice}"
    )


def _content(value: object) -> str | None:
    """What tells this value from every other one; None for what is not known to stay as it is."""
    if isinstance(value, np.generic):
        return f"{value.dtype.str}{value.tobytes().hex()}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"{value.dtype.str}{value.shape}{value.strides}{value.tobytes().hex()}"
    if isinstance(value, tuple):
        parts = [_content(part) for part in value]
        return None if None in parts else f"{_type(type(value))}{parts}"
    if isinstance(value, Enum | Number | str | bytes | NoneType | np.dtype):
        return f"{_type(type(value))}{value!r}"
    if isinstance(value, type):
        return _class(value)
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__}"  # of a library
    if isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, ModuleType | NoneType):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, _Intrinsic) and _is_installed(value._defn.__module__):
        return f"{value._defn.__module__}.{value._name}"
    return None


def _class(kind: type) -> str | None:
    """A class by its name, where nothing but numbers can hang on it."""
    if issubclass(kind, Enum):
        return f"{_type(kind)}{list(kind)!r}"
    if issubclass(kind, tuple):
        return f"{_type(kind)}{vars(kind).get('_fields')}"
    if _is_installed(kind.__module__) or issubclass(kind, BaseException):
        return _type(kind)
    return None


def _type(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


@cache
def _is_installed(module: str) -> bool:
    """Whether a module is Python's, ours, or of an installed package, by its name."""
    top = module.partition(".")[0]
    if top == _OURS or top in sys.builtin_module_names or top in sys.stdlib_module_names:
        return True
    found = vars(sys.modules[module]).get("__file__") if module in sys.modules else None
    return found is not None and found.startswith(_LIBRARIES)


def _python(step: Callable[..., object]) -> FunctionType:
    if isinstance(step, Dispatcher):
        return cast(FunctionType, step.py_func)
    assert isinstance(step, FunctionType), step
    return step


@cache
def _chains(code: CodeType, *reads: str) -> tuple[tuple[str, ...], ...]:
    """Names that are read from outside, each with the attributes that are read from it at once."""
    found: set[tuple[str, ...]] = set()
    chain: tuple[str, ...] = ()
    for instruction in dis.get_instructions(code):
        if chain and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            chain += (instruction.argval,)
            continue
        if chain:
            found.add(chain)
        chain = (instruction.argval,) if instruction.opname in reads else ()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(_chains(constant, *reads))
    return tuple(sorted(found))


def _code_parts(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)
