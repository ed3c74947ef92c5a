"""The ready strategies by name. Names alone load no strategy, no NumPy and no Numba."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from gpt_trader.domain.errors import UsageError

if TYPE_CHECKING:
    from gpt_trader.signals.strategy import Strategy


BY_HAND = "by_hand"
"""The session without a strategy: only a person's orders are sent."""


def strategy_names() -> tuple[str, ...]:
    """Names that `strategy_named` knows, the default first."""
    return tuple(_STRATEGIES)


def strategy_named(name: str) -> "Strategy":
    """Find a ready strategy, or that of a trader's file: ``crossover.py:crossover``.

    Raises
    ------
    UsageError
        There is none of that name; the message says which may have been meant.
    """
    if ".py" in name:
        from gpt_trader.strategies.files import strategy_in_file

        return strategy_in_file(name)
    load = _by_hand if name == BY_HAND else _STRATEGIES.get(name)
    if load is None:
        from gpt_trader.signals.strategy import near

        raise UsageError(f"there is no strategy {name}: {near(name, list(_STRATEGIES))}")
    return load()


def _by_hand() -> "Strategy":
    from gpt_trader.strategies.by_hand import STRATEGY

    return STRATEGY


def _ma_crossover() -> "Strategy":
    from gpt_trader.strategies.ma_crossover import STRATEGY

    return STRATEGY


def _breakout() -> "Strategy":
    from gpt_trader.strategies.breakout import STRATEGY

    return STRATEGY


def _mean_reversion() -> "Strategy":
    from gpt_trader.strategies.mean_reversion import STRATEGY

    return STRATEGY


def _dev_life() -> "Strategy":
    from gpt_trader.strategies.dev_life import STRATEGY

    return STRATEGY


_STRATEGIES: dict[str, Callable[[], "Strategy"]] = {
    "ma_crossover": _ma_crossover,
    "breakout": _breakout,
    "mean_reversion": _mean_reversion,
    "dev_life": _dev_life,
}
