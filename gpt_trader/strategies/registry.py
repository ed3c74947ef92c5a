"""The strategies there are, by name; one is loaded, and Numba with it, when it is asked for."""

import difflib
import importlib

from gpt_trader.domain.errors import UsageError
from gpt_trader.signals.strategy import Strategy

MODULES = {
    "ma_crossover": "gpt_trader.strategies.ma_crossover",
    "breakout": "gpt_trader.strategies.breakout",
    "mean_reversion": "gpt_trader.strategies.mean_reversion",
    "dev_life": "gpt_trader.strategies.dev_life",
}


def strategy_names() -> tuple[str, ...]:
    """Every name that may be asked for, the default first."""
    return tuple(MODULES)


def strategy_named(name: str) -> Strategy:
    """The strategy called `name`.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if name not in MODULES:
        near = difflib.get_close_matches(name, MODULES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(MODULES)}"
        raise UsageError(f"no strategy {name!r}; {hint}")
    strategy: Strategy = importlib.import_module(MODULES[name]).STRATEGY
    assert strategy.name == name
    return strategy
