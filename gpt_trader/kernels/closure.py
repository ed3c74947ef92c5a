"""What a step is made of: its own code, the steps it calls, the constants it reads."""

import hashlib
import inspect
from collections.abc import Callable, Iterator
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
    """SHA-256 of the bytecode of `step` and of all it reaches.

    Bytecode and not text: a file edited after it was imported no longer says what is in memory,
    and its machine code would be kept under the name of the new text.
    """
    functions, constants = reached(step)
    codes = [part for function in functions for part in _code_parts(function.__code__)]
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
            elif isinstance(value, np.ndarray):
                constants.append(f"{name}={value.dtype}{value.shape}{value.tobytes().hex()}")
            elif isinstance(value, int | float | str | bytes | tuple):
                constants.append(f"{name}={value!r}")
    return functions, constants


def _python(step: Callable[..., object]) -> FunctionType:
    if isinstance(step, Dispatcher):
        return cast(FunctionType, step.py_func)
    assert isinstance(step, FunctionType), step
    return step


def _outer_values(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Globals, attributes of global modules and closed-over values that the code names."""
    names = sorted(set(_names(function.__code__)))
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            members = vars(value)
            yield from ((f"{name}.{member}", members.get(member)) for member in names)
        else:
            yield name, value
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


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
