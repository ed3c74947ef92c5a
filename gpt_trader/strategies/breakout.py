"""Breakout: follow a close beyond the channel of past highs and lows, with a stop."""

import math
from collections.abc import Mapping

from gpt_trader.kernels.compile import compile_step, source_hash
from gpt_trader.kernels.indicators import ATR_SIZE, atr_step
from gpt_trader.kernels.rolling import highest_step, lowest_step, ring_size
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

# Places in the state. The channels are those of the candle before: a close can't break its own.
TARGET = 0
STOP = 1  # quote per base, of the position held
CANDLES = 2
ENTRY_HIGH, ENTRY_LOW, EXIT_HIGH, EXIT_LOW = 3, 4, 5, 6
TRUE_RANGES = 7
CHANNELS = TRUE_RANGES + ATR_SIZE

# Places in the parameters.
ENTRY, EXIT, ATR_SPAN, STOP_RANGES = 0, 1, 2, 3


@compile_step
def breakout_step(
    state: Floats,
    params: Floats,
    open: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Return 1 or -1 from a close beyond the entry channel until the exit channel or the stop.

    The stop stands `stop_ranges` average true ranges from the close of the entry and does not
    move. A close beyond the entry channel on the other side turns the position round at once.

    References
    ----------
    R. Donchian's four-week rule; the stop as in C. Faith (2003), The Original Turtle Trading
    Rules.
    """
    entry_high, entry_low = state[ENTRY_HIGH], state[ENTRY_LOW]
    exit_high, exit_low = state[EXIT_HIGH], state[EXIT_LOW]
    mean_range = atr_step(state[TRUE_RANGES:], high, low, close, int(params[ATR_SPAN]))
    _advance_channels(state, high, low, int(params[ENTRY]), int(params[EXIT]))
    state[CANDLES] += 1.0
    longest = max(params[ENTRY], params[EXIT], params[ATR_SPAN] - 1.0)
    if state[CANDLES] <= longest or math.isnan(mean_range + entry_high + entry_low):
        return math.nan
    if state[TARGET] > 0.0 and (close < exit_low or close <= state[STOP]):
        state[TARGET] = 0.0
    if state[TARGET] < 0.0 and (close > exit_high or close >= state[STOP]):
        state[TARGET] = 0.0
    if state[TARGET] <= 0.0 and close > entry_high:
        state[TARGET] = 1.0
        state[STOP] = close - params[STOP_RANGES] * mean_range
    elif state[TARGET] >= 0.0 and close < entry_low:
        state[TARGET] = -1.0
        state[STOP] = close + params[STOP_RANGES] * mean_range
    return float(state[TARGET])


@compile_step
def _advance_channels(state: Floats, high: float, low: float, entry: int, exit: int) -> None:
    wide, narrow = ring_size(entry), ring_size(exit)
    rings = state[CHANNELS:]
    state[ENTRY_HIGH] = highest_step(rings[:wide], high, entry)
    state[ENTRY_LOW] = lowest_step(rings[wide : 2 * wide], low, entry)
    rings = rings[2 * wide :]
    state[EXIT_HIGH] = highest_step(rings[:narrow], high, exit)
    state[EXIT_LOW] = lowest_step(rings[narrow:], low, exit)


def _check(values: Mapping[str, float]) -> tuple[str, ...]:
    if values["exit"] <= values["entry"]:
        return ()
    return (f"exit = {values['exit']:g} must not be above entry = {values['entry']:g}",)


def _state_size(values: Mapping[str, float]) -> int:
    return CHANNELS + 2 * ring_size(int(values["entry"])) + 2 * ring_size(int(values["exit"]))


def _warmup(values: Mapping[str, float]) -> int:
    return int(max(values["entry"] + 1, values["exit"] + 1, values["atr_span"]))


STRATEGY = Strategy(
    name="breakout",
    doc="Follows a close beyond the last highs or lows until it falls back or meets its stop.",
    parameters=(
        Parameter("entry", 120, 2, 20_000, True, "candles whose highs and lows open a position"),
        Parameter("exit", 60, 1, 20_000, True, "candles whose lows or highs close it"),
        Parameter("atr_span", 60, 1, 20_000, True, "Wilder's n of the average true range"),
        Parameter("stop_ranges", 4, 0.1, 1_000, False, "average true ranges to the stop"),
    ),
    check=_check,
    state_size=_state_size,
    warmup=_warmup,
    step=breakout_step,
    source_hash=source_hash(breakout_step),
)
