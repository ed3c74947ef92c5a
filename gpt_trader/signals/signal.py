"""One strategy running on one product: candles in, the target exposure out."""

import math
import struct
from collections.abc import Mapping

import numpy as np

from gpt_trader.domain.events import Candle
from gpt_trader.signals.strategy import Strategy

_HEAD = struct.Struct("<qd")


class Signal:
    """The state of a strategy on one product. A candle's decimals become floats here."""

    def __init__(self, strategy: Strategy, params: Mapping[str, float]) -> None:
        values = strategy.values(params)
        self._step = strategy.step
        self._params = np.array([values[p.name] for p in strategy.parameters], dtype=np.float64)
        self._state = np.zeros(strategy.state_size(values), dtype=np.float64)
        self._warmup = strategy.warmup(values)
        self._candles = 0
        self.target = math.nan  # exposure from -1 to 1; NaN is not known

    @property
    def warm(self) -> bool:
        """It has seen as many candles as it needs."""
        return self._candles >= self._warmup

    def update(self, candle: Candle) -> None:
        """Show the strategy one complete candle, the next one after the last."""
        self._candles += 1
        self.target = float(
            self._step(
                self._state,
                self._params,
                float(candle.open),
                float(candle.high),
                float(candle.low),
                float(candle.close),
                float(candle.volume),
            )
        )

    def freeze(self) -> bytes:
        """The whole state, to the bit."""
        return _HEAD.pack(self._candles, self.target) + self._state.tobytes()

    def thaw(self, blob: bytes) -> None:
        """Become what `freeze` gave."""
        self._candles, self.target = _HEAD.unpack_from(blob)
        state = np.frombuffer(blob, dtype=np.float64, offset=_HEAD.size)
        assert state.shape == self._state.shape, "a state of the same strategy and parameters"
        self._state[:] = state
