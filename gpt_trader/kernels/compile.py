"""The only door to Numba: hand it a plain function, get the same function compiled."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Step = TypeVar("Step", bound=Callable[..., object])


def compile_step(function: Step) -> Step:
    """Compile a step, so that a sweep, a backtest and the live engine run the same machine code.

    Works as a decorator in a module and on a function of a notebook. Numba is imported here and
    not before. Nothing is compiled until the first call; each combination of argument types is
    compiled once and kept on disk (see `gpt_trader.kernels.cache`).

    No fastmath: it reorders sums, and recorded decisions would stop being reproducible. Dividing
    by zero raises `ZeroDivisionError` as in Python, where Numba's other model would answer zero
    for integers. The interpreter's lock is free while the step runs. Indices are not checked:
    a wrong one reads or writes foreign memory, which is why every kernel is also run with
    checks on by ``tests/kernels/test_bounds.py``.

    Constants that may ever change must be arguments: a global is frozen when the step compiles.
    """
    from gpt_trader.kernels.cache import compiled

    return compiled(function)


def compile_lean(function: Step) -> Step:
    """Compile a step that makes and returns no arrays; it is the cheapest kind to call.

    As `compile_step`, without counting who uses an array, and copied into what calls it: for a
    step over `Candles` counting and calling cost fifty times the work itself (36 ns a candle
    against 0.7 for two moving averages). Hence it must not return an array, nor call what does;
    making one is refused when it compiles.
    """
    from gpt_trader.kernels.cache import compiled_lean

    return compiled_lean(function)


def compile_aside(function: Step) -> Step:
    """Compile the rare branch of a lean step, so that it is not copied into each that calls it."""
    from gpt_trader.kernels.cache import compiled_aside

    return compiled_aside(function)


def set_cache_folder(path: Path) -> None:
    """Keep compiled kernels below `path`; call it before the first kernel runs.

    Without it they go to the folder in ``GPT_TRADER_KERNEL_CACHE``, or else to a folder of this
    user's alone among the machine's temporary files. What is compiled already stays in use.
    """
    from gpt_trader.kernels.cache import use_folder

    use_folder(path)


def source_hash(step: Callable[..., object]) -> str:
    """Name the source of a step, every step it calls and every constant it reads, by one hash.

    A session records it: two sessions with the same hash ran the same text.

    Raises
    ------
    OSError
        The source cannot be read, as for a function made by ``exec``.
    """
    from gpt_trader.kernels.closure import text_hash

    return text_hash(step)
