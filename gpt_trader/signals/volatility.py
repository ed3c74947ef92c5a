"""How much a product moves in a year, from the closes of its candles."""

import math
import struct

import numpy as np

from gpt_trader.kernels.rolling import rolling_std_step, window_size

YEAR_S = 365 * 86_400  # a market that never closes
_HEAD = struct.Struct("<dd")


class Volatility:
    """Annualised deviation of log returns over the newest `span` candles; NaN before."""

    def __init__(self, span: int, candle_s: int) -> None:
        assert span >= 2, "a deviation needs two returns"
        self._span = span
        self._scale = math.sqrt(YEAR_S / candle_s)
        self._window = np.zeros(window_size(span), dtype=np.float64)
        self._close = math.nan
        self.value = math.nan

    def update(self, close: float) -> None:
        """Take in the close of the next candle."""
        if not math.isnan(self._close):
            deviation = rolling_std_step(self._window, self._span, math.log(close / self._close))
            self.value = deviation * self._scale
        self._close = close

    def freeze(self) -> bytes:
        """The whole state, to the bit."""
        return _HEAD.pack(self._close, self.value) + self._window.tobytes()

    def thaw(self, blob: bytes) -> None:
        """Become what `freeze` gave."""
        self._close, self.value = _HEAD.unpack_from(blob)
        self._window[:] = np.frombuffer(blob, dtype=np.float64, offset=_HEAD.size)
