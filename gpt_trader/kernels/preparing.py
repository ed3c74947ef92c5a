"""A user's step compiled for its arguments, or one sentence that says why it cannot be."""

import linecache
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import TypeVar, cast

import numba
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.closure import reached
from gpt_trader.kernels.compile import compile_lean, compile_step

Step = TypeVar("Step", bound=Callable[..., object])

_OURS = "gpt_trader."
_ADVICE = "Compiled code knows numbers, NumPy and the steps of gpt_trader"

_CANDLES = re.compile(r"Candles\((array\([^)]*\)|[^()])*\)")
_TYPES = (
    (_CANDLES, "candles"),
    (re.compile(r"Record(__\w+|)\([^()]*(\([^()]*\)[^()]*)*\)"), "the record"),
    (re.compile(r"(readonly )?array\([^()]*\)"), "an array"),
    (re.compile(r"Literal\[\w+\]\(([^()]*)\)"), r"\1"),
    (re.compile(r"unicode_type"), "text"),
    (re.compile(r"\b(float|int)64\b"), "a number"),
)
_FAULTS = (
    (r"Unknown attribute '(\w+)' of type Candles", r"candles have no column \1"),
    (r"Unknown attribute '(\w+)' of type Record", r"there is no \1 among what was declared"),
    (r"Unknown attribute '(\w+)' of type (.+)", r"\2 has no \1 in compiled code"),
    (r"NameError: name '(\w+)' is not defined", r"\1 is not defined"),
    (
        r"Untyped global name '([\w.]+)':? [^<]*<class 'function'>",
        r"\1 is a plain function: put @compile_step of gpt_trader.kernels.compile above it",
    ),
    (
        r"Untyped global name '([\w.]+)':? [^<]*<class '([\w.]+)'>",
        r"\1, a \2, cannot be used in compiled code",
    ),
    (r"Cannot unify (.+) and (.+) for '\$", r"one value is now \1 and now \2"),
    (r"Cannot unify (.+) and (.+) for '(\w+?)(?:\.\d+)?'", r"\3 is now \1 and now \2"),
    (r"Cannot bind 'args=", "a step is called with the wrong number of arguments"),
    (r">>> (.+)", r"there is no \1"),
    (r"(The '.+' construct is not supported|Use of unsupported opcode \(\w+\))", r"\1"),
)


def prepared(function: Step, name: str, arguments: tuple[object, ...]) -> Step:
    """Compile `function` for these arguments, lean where it can be, and check what it returns.

    It cannot be lean if it makes arrays, or calls compiled steps that are not ours and may
    return some.

    Raises
    ------
    UsageError
        It cannot be compiled, or does not return a number. The message names its line.
    """
    signature = tuple(
        numba.typeof(argument)  # type: ignore[no-untyped-call]
        for argument in arguments
    )
    functions, _ = reached(function)
    alone = all(other.__module__.startswith(_OURS) for other in functions[1:])
    for compile_as in (compile_lean, compile_step) if alone else (compile_step,):
        step = compile_as(function)
        try:
            cast(Dispatcher, step).compile(signature)
        except (NumbaError, UnsupportedBytecodeError) as e:
            fault = e
            continue
        _check_returned(cast(Dispatcher, step), name)
        return step
    raise UsageError(f"{name} {_explained(fault, function)}. {_ADVICE}") from fault


def _check_returned(step: Dispatcher, name: str) -> None:
    for signature in step.nopython_signatures:
        returned = signature.return_type
        if isinstance(returned, types.Optional | types.NoneType):
            raise UsageError(f"{name} returns nothing on some path: end each with return NUMBER")
        number = types.unliteral(returned)  # type: ignore[no-untyped-call]
        if not isinstance(number, types.Number | types.Boolean):
            raise UsageError(f"{name} must return a number, the target, and not {returned}")


def _explained(fault: Exception, function: Callable[..., object]) -> str:
    """The fault in the words of the person who wrote the function."""
    text = str(fault)
    said = next(line for line in [*text.splitlines(), text] if not line.startswith("Failed in"))
    for pattern, words in _FAULTS:
        found = re.search(pattern, text)
        if found is not None:
            said = found.expand(words)
            break
    for described, words in _TYPES:
        said = described.sub(words, said)
    line = _line(fault, function)
    if line is None:
        return f"cannot be compiled: {said}"
    source = linecache.getline(function.__code__.co_filename, line).strip()
    return f"cannot be compiled: line {line}, `{source}`: {said}"


def _line(fault: Exception, function: Callable[..., object]) -> int | None:
    """The line of the function that the fault is about, if it says so."""
    file = re.escape(PurePath(function.__code__.co_filename).name)
    found = re.findall(rf"{file}(?:\", line |>?\s\()(\d+)", str(fault))
    if found:
        return int(found[-1])
    loc = vars(fault).get("loc")
    return None if loc is None else int(loc.line)
