"""Buy a new high, leave on a new low or when the price falls too far from its best close."""

import math

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.indicators import ATR_SIZE, atr_step
from gpt_trader.kernels.rolling import highest_of, lowest_of, push_step, window_size
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy, no_clash

ENTRY, EXIT, ATR_SPAN, STOP_ATR = 0, 1, 2, 3
HELD, BEST, ATR = 0, 1, 2
WINDOWS = ATR + ATR_SIZE


@compile_step
def breakout_step(
    state: Floats,
    params: Floats,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Exposure 1 from a close above the highest high of the candles before, 0 from its end.

    It ends with a close below the lowest low of the candles before, or more than `stop_atr`
    average true ranges below the best close since the entry.

    References
    ----------
    The channel is Richard Donchian's; the trailing stop Charles Le Beau's chandelier exit.
    """
    entry, leave = int(params[ENTRY]), int(params[EXIT])
    highs = state[WINDOWS : WINDOWS + 2 + entry]
    lows = state[WINDOWS + 2 + entry :]
    # The windows hold the candles before this one: a candle cannot break out of itself.
    ceiling, floor = highest_of(highs, entry), lowest_of(lows, leave)
    push_step(highs, entry, high)
    push_step(lows, leave, low)
    atr = atr_step(state[ATR:WINDOWS], int(params[ATR_SPAN]), high, low, close)
    if ceiling != ceiling or floor != floor or atr != atr:
        return math.nan
    if state[HELD] == 0.0:
        if close > ceiling:
            state[HELD], state[BEST] = 1.0, close
        return float(state[HELD])
    state[BEST] = max(state[BEST], close)
    if close < floor or close < state[BEST] - params[STOP_ATR] * atr:
        state[HELD] = 0.0
    return float(state[HELD])


STRATEGY = Strategy(
    name="breakout",
    doc="hold from a new high until a new low or a fall from the best close",
    parameters=(
        Parameter("entry", 120, 2, 10_000, True, "candles whose highest high must be exceeded"),
        Parameter("exit", 60, 2, 10_000, True, "candles whose lowest low ends it"),
        Parameter("atr_span", 60, 1, 10_000, True, "candles of the average true range"),
        Parameter("stop_atr", 6, 0.1, 1_000, False, "average true ranges below the best close"),
    ),
    state_size=lambda values: (
        WINDOWS + window_size(int(values["entry"])) + window_size(int(values["exit"]))
    ),
    warmup=lambda values: max(
        int(values["entry"]) + 1, int(values["exit"]) + 1, int(values["atr_span"])
    ),
    clash=no_clash,
    step=breakout_step,
)
