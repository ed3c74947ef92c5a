"""A strategy out of a file of the trader's: ``crossover.py:crossover``."""

import importlib.util
import sys

from gpt_trader.domain.errors import UsageError
from gpt_trader.signals.strategy import Strategy, near


def strategy_in_file(text: str) -> Strategy:
    """Run the file and give its strategy of that name.

    Parameters
    ----------
    text : str
        ``FILE.py:NAME``; without ``:NAME`` the file must hold one strategy only.

    Raises
    ------
    UsageError
        There is no such file or strategy, or the file cannot be run; the message says where.
    """
    file_name, _, name = text.partition(":")
    names = _run(file_name)
    found = {key: value for key, value in names.items() if isinstance(value, Strategy)}
    if not found:
        raise UsageError(f"{file_name} holds no strategy: put @gt.strategy(...) above a function")
    if name:
        if name not in found:
            raise UsageError(f"{file_name} holds no strategy {name}: {near(name, list(found))}")
        return found[name]
    if len(found) > 1:
        raise UsageError(f"{file_name} holds {', '.join(found)}: write {file_name}:NAME")
    return next(iter(found.values()))


def _run(file_name: str) -> dict[str, object]:
    """The names of the file, after it ran as a module of its own."""
    stem = file_name.rpartition("/")[2].removesuffix(".py")
    module_name = f"gpt_trader_strategy_{stem}"
    spec = importlib.util.spec_from_file_location(module_name, file_name)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file_name} is no Python file: write FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # where its functions look for their source
    try:
        spec.loader.exec_module(module)
    except OSError as e:
        raise UsageError(f"--strategy {file_name}: {e.strerror}") from e
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError) as e:
        raise UsageError(f"{file_name}: {type(e).__name__}: {e}") from e
    return vars(module)
