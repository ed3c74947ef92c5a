"""What a step is made of: its own code, the steps it calls, the constants it reads."""

import dis
import hashlib
import inspect
from collections.abc import Callable, Iterator, Sized
from types import CodeType, FunctionType, ModuleType
from typing import cast

import numpy as np
from numba.core.dispatcher import Dispatcher


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
    """List the functions that make up `step`, itself first, and ``name=value`` of constants."""
    functions: list[FunctionType] = []
    constants: list[str] = []
    waiting = [_python(step)]
    while waiting:
        function = waiting.pop(0)
        if function in functions:
            continue
        functions.append(function)
        for name, value in _outer_values(function):
            if isinstance(value, Dispatcher):
                waiting.append(_python(value))
            elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
                waiting.append(value)  # of a step in plain Python
            elif isinstance(value, type):
                constants.append(f"{name}={value.__module__}.{value.__qualname__}")
            elif isinstance(value, np.ndarray):
                constants.append(f"{name}={value.dtype}{value.shape}{value.tobytes().hex()}")
            elif isinstance(value, int | float | str | bytes | tuple):
                constants.append(f"{name}={value!r}")
    return functions, constants


def captured(step: Callable[..., object], most: int) -> list[tuple[str, str]]:
    """Name what `step` takes from outside that holds more than `most` values, and its type."""
    functions, _ = reached(step)
    return [
        (name, type(value).__name__)
        for function in functions
        for name, value in _outer_values(function)
        if isinstance(value, Sized)
        and not isinstance(value, str | bytes | type)
        and _size(value) > most
    ]


def _size(value: Sized) -> int:
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, tuple | list):
        return sum(_size(part) if isinstance(part, Sized) else 1 for part in value)
    return len(value)


def _python(step: Callable[..., object]) -> FunctionType:
    if isinstance(step, Dispatcher):
        return cast(FunctionType, step.py_func)
    assert isinstance(step, FunctionType), step
    return step


def _outer_values(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Globals, attributes of global modules and closed-over values that the code names."""
    attributes = sorted(set(_names(function.__code__)))
    for name in sorted(set(_global_names(function.__code__))):
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from _members(name, value, attributes)
        else:
            yield name, value
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if isinstance(cell.cell_contents, ModuleType):
            yield from _members(name, cell.cell_contents, attributes)
        else:
            yield name, cell.cell_contents


def _members(name: str, module: ModuleType, attributes: list[str]) -> Iterator[tuple[str, object]]:
    """Those attributes that the module has; `dir` also knows what it imports when first asked."""
    for attribute in sorted(set(attributes) & set(dir(module))):
        value = getattr(module, attribute)
        if not isinstance(value, ModuleType):
            yield f"{name}.{attribute}", value
            continue
        for inner in sorted(set(attributes) & vars(value).keys()):
            yield f"{name}.{attribute}.{inner}", vars(value)[inner]


def _global_names(code: CodeType) -> Iterator[str]:
    """Names read as globals: an attribute of another thing may have the name of a global."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _code_parts(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        else:
            yield repr(constant)
