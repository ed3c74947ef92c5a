"""How much a product's price moves, for sizing by volatility."""

import math

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.compile import source_hash
from gpt_trader.kernels.volatility import volatility_size, volatility_step
from gpt_trader.signals.frozen import freeze, thaw

YEAR_S = 365 * 24 * 3600


class Volatility:
    """Annualised volatility of one product over the last `span` candle returns.

    Raises
    ------
    UsageError
        `span` is below 2 or `candle_s` below 1.
    """

    def __init__(self, span: int, candle_s: int) -> None:
        if span < 2 or candle_s < 1:
            raise UsageError(
                f"volatility needs a span of at least 2 candles of at least 1 second, "
                f"not {span} of {candle_s}"
            )
        self.warmup = span + 1  # closes
        self._span = span
        self._candles_per_year = YEAR_S / candle_s
        self._state = np.zeros(volatility_size(span))
        self._value = math.nan
        self._owner = f"volatility {source_hash(volatility_step)} {span} {candle_s}"
        # Compiled now, on a copy, so that no candle waits for it.
        volatility_step(self._state.copy(), 1.0, span, self._candles_per_year)

    @property
    def value(self) -> float:
        """The volatility as a fraction, 0.6 for 60 % a year; NaN until there are enough closes."""
        return self._value

    def update(self, close: float) -> None:
        """Take the close of the next candle, in any unit: only ratios count."""
        self._value = volatility_step(self._state, close, self._span, self._candles_per_year)

    def freeze(self) -> bytes:
        """The whole state as bytes, for a snapshot."""
        return freeze(self._owner, self._state, self._value)

    def thaw(self, blob: bytes) -> None:
        """Go on from a state that `freeze` gave.

        Raises
        ------
        StoreDamaged
            The bytes are of another span or candle width, or cut short.
        """
        self._value = thaw(self._owner, blob, self._state)
