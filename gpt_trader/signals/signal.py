"""One strategy running on one product: candles in, target exposure out.

This is the one door where `Decimal` prices become floats for signals: whole counts of the
product's increments, as a backtest has them. Nothing comes back but the target, a fraction that
sizing turns into whole increments.
"""

import math
from collections.abc import Mapping

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import Candle
from gpt_trader.domain.product import Product
from gpt_trader.kernels.candles import append_step, kept, sliding
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.frozen import freeze, thaw
from gpt_trader.signals.memories import watched
from gpt_trader.signals.strategy import Strategy

NS = 1_000_000_000
_COLUMNS = 6  # of a candle that is frozen


class Signal:
    """The state of a strategy on one product, advanced by each closed candle.

    Raises
    ------
    UsageError
        The parameters are not what the strategy takes, or a memory is too small for them.
    """

    def __init__(
        self, strategy: Strategy, params: Mapping[str, float], product: Product, candle_s: int
    ) -> None:
        values = strategy.values(params)
        self.warmup = strategy.warmup(values)
        self._name = strategy.name
        self._step = strategy.step
        self._product = product
        self._params = strategy.record(values)
        self._memories = strategy.state(values)
        self._vectors = tuple(self._memories)
        self._buffer = sliding(self.warmup, float(product.price_increment), candle_s * NS)
        self._newest = -1  # its place in the buffer
        self._seen = 0  # candles, counted up to those a buffer keeps
        self._target = math.nan
        self._owner = (
            f"{strategy.name} {strategy.source_hash} {sorted(values.items())!r} "
            f"{product.price_increment} {product.base_increment} {candle_s}"
        )
        # Compiled now, on copies, so that no candle waits for it.
        trial = sliding(self.warmup, 1.0, candle_s * NS)
        newest = append_step(trial, -1, self.warmup, 0, (1.0, 1.0, 1.0, 1.0), 1.0)
        memories = strategy.state(values)
        with watched(strategy.name, memories):
            self._step(trial, newest, self._params, memories)

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
            The step answered with something that is no exposure, or needs a larger memory: a
            fault in the strategy.
        """
        ticks = self._product.ticks_below
        self._newest = append_step(
            self._buffer,
            self._newest,
            self.warmup,
            candle.start_ns,
            (
                float(ticks(candle.open)),
                float(ticks(candle.high)),
                float(ticks(candle.low)),
                float(ticks(candle.close)),
            ),
            float(self._product.lots_below(candle.volume)),
        )
        self._seen = min(self._seen + 1, kept(self.warmup))
        with watched(self._name, self._memories):
            target = self._step(self._buffer, self._newest, self._params, self._memories)
        if self._seen < self.warmup:
            return
        if target < -1.0 or target > 1.0:
            raise UsageError(f"{self._name} gave the target {target}, outside -1 to 1")
        self._target = target

    def freeze(self) -> bytes:
        """The whole state as bytes, for a snapshot."""
        return freeze(self._owner, self._state(), self._target)

    def thaw(self, blob: bytes) -> None:
        """Go on from a state that `freeze` gave.

        Raises
        ------
        StoreDamaged
            The bytes belong to another strategy, another version of its source or other
            parameters, or are cut short.
        """
        state = self._state()
        self._target = thaw(self._owner, blob, state)
        self._seen = int(state[0])
        rows = state[1 : 1 + kept(self.warmup) * _COLUMNS].reshape(-1, _COLUMNS)
        self._newest = -1
        for row in rows[: self._seen]:
            start_ns = int(row[:1].view(np.int64)[0])
            open, high, low, close, volume = row[1:].tolist()
            self._newest = append_step(
                self._buffer,
                self._newest,
                self.warmup,
                start_ns,
                (open, high, low, close),
                volume,
            )
        rest = state[1 + rows.size :]
        for vector in self._vectors:
            vector[:] = rest[: vector.size]
            rest = rest[vector.size :]

    def _state(self) -> Floats:
        """How many candles are kept, those candles (their times as bits), and the memories."""
        rows = np.zeros((kept(self.warmup), _COLUMNS))
        held = slice(self._newest + 1 - self._seen, self._newest + 1)
        buffer = self._buffer
        columns = (buffer.open, buffer.high, buffer.low, buffer.close, buffer.volume)
        rows[: self._seen, 0] = buffer.start_ns[held].view(np.float64)
        for place, column in enumerate(columns, 1):
            rows[: self._seen, place] = column[held]
        return np.concatenate([[self._seen], rows.ravel(), *self._vectors])
