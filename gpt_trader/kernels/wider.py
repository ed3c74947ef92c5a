"""Wider candles built from those a strategy sees: a filter by the hour on candles of a minute."""

import math

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.vectors import Floats

# Places in the memory: the candle being built, the last one that is closed.
INTERVAL, OPEN, HIGH, LOW, CLOSE, VOLUME = 0, 1, 2, 3, 4, 5
BUILDING = 6  # 1.0 while there is one
CLOSED = 7
COUNT = 13  # of those closed


@compile_lean
def wider(candles: Candles, t: int, width_ns: int, memory: Floats) -> bool:
    """Build candles of `width_ns` from those seen, and say whether one of them closed just now.

    A wider candle closes with the narrow one that reaches its end. Where that one is missing, it
    closes when a candle of a later interval comes; should that one end its own interval as well,
    this is told with the next candle, so that each is told by itself. An interval without a
    candle has none. `wide_close` and the others give the last one that is closed, never the one
    being built.

    Parameters
    ----------
    width_ns : int
        Nanoseconds; intervals begin at multiples of it since 1970 UTC. The same in every call.
    memory : float64, shape (16,)
        Changed in place. Zeros before the first candle.
    """
    start_ns = candles.start_ns[t]
    interval = start_ns // width_ns
    told = memory[BUILDING] > 0.0 and memory[INTERVAL] != interval
    if told:
        _close(memory)
    _add(candles, t, float(interval), memory)
    if not told and start_ns + candles.candle_ns >= (interval + 1) * width_ns:
        _close(memory)
        return True
    return bool(told)


@compile_lean
def _add(candles: Candles, t: int, interval: float, memory: Floats) -> None:
    if memory[BUILDING] == 0.0:
        memory[BUILDING] = 1.0
        memory[INTERVAL] = interval
        memory[OPEN] = candles.open[t]
        memory[HIGH], memory[LOW] = candles.high[t], candles.low[t]
        memory[VOLUME] = 0.0
    memory[HIGH] = max(memory[HIGH], candles.high[t])
    memory[LOW] = min(memory[LOW], candles.low[t])
    memory[CLOSE] = candles.close[t]
    memory[VOLUME] += candles.volume[t]


@compile_aside
def _close(memory: Floats) -> None:
    for part in range(6):
        memory[CLOSED + part] = memory[part]
    memory[COUNT] += 1.0
    memory[BUILDING] = 0.0


@compile_lean
def wide_count(memory: Floats) -> int:
    """How many wider candles have closed."""
    return int(memory[COUNT])


@compile_lean
def wide_open(memory: Floats) -> float:
    """Open of the last wider candle that is closed, in price increments; NaN before the first."""
    return _part(memory, OPEN)


@compile_lean
def wide_high(memory: Floats) -> float:
    """High of the last wider candle that is closed, in price increments; NaN before the first."""
    return _part(memory, HIGH)


@compile_lean
def wide_low(memory: Floats) -> float:
    """Low of the last wider candle that is closed, in price increments; NaN before the first."""
    return _part(memory, LOW)


@compile_lean
def wide_close(memory: Floats) -> float:
    """Close of the last wider candle that is closed, in price increments; NaN before the first."""
    return _part(memory, CLOSE)


@compile_lean
def wide_volume(memory: Floats) -> float:
    """Volume of the last wider candle that is closed, in base increments; NaN before the first."""
    return _part(memory, VOLUME)


@compile_lean
def _part(memory: Floats, part: int) -> float:
    if memory[COUNT] == 0.0:
        return math.nan
    return float(memory[CLOSED + part])
