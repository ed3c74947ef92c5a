"""One strategy running on one product: candles in, target exposure out.

This is the one door where `Decimal` prices become floats for signals; nothing comes back but the
target, a fraction that sizing turns into whole increments.
"""

import math
from collections.abc import Mapping

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.signals.frozen import freeze, thaw
from gpt_trader.signals.strategy import Strategy


class Signal:
    """The state of a strategy on one product, advanced by each closed candle.

    Raises
    ------
    UsageError
        The parameters are not what the strategy takes.
    """

    def __init__(self, strategy: Strategy, params: Mapping[str, float]) -> None:
        values = strategy.values(params)
        self.warmup = strategy.warmup(values)
        self._name = strategy.name
        self._step = strategy.step
        self._params = strategy.vector(values)
        self._state = np.zeros(strategy.state_size(values))
        self._target = math.nan
        self._owner = f"{strategy.name} {strategy.source_hash} {sorted(values.items())!r}"
        # Compiled now, on a copy, so that no candle waits for it.
        strategy.step(self._state.copy(), self._params, 1.0, 1.0, 1.0, 1.0, 0.0)

    @property
    def target(self) -> float:
        """The exposure wanted, in [-1, 1]; NaN until the strategy is warm."""
        return self._target

    @property
    def warm(self) -> bool:
        """Whether the strategy has seen enough to want anything."""
        return not math.isnan(self._target)

    def update(self, candle: Candle) -> None:
        """Take the next closed candle.

        Raises
        ------
        UsageError
            The step answered with something that is no exposure: a fault in the strategy.
        """
        target = self._step(
            self._state,
            self._params,
            float(candle.open),
            float(candle.high),
            float(candle.low),
            float(candle.close),
            float(candle.volume),
        )
        if target < -1.0 or target > 1.0:
            raise UsageError(f"{self._name} gave the target {target}, outside -1 to 1")
        self._target = target

    def freeze(self) -> bytes:
        """The whole state as bytes, for a snapshot."""
        return freeze(self._owner, self._state, self._target)

    def thaw(self, blob: bytes) -> None:
        """Go on from a state that `freeze` gave.

        Raises
        ------
        StoreDamaged
            The bytes belong to another strategy, another version of its source or other
            parameters, or are cut short.
        """
        self._target = thaw(self._owner, blob, self._state)
