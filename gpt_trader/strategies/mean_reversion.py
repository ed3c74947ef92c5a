"""Buy what has fallen far below its average, leave when it is back."""

import math

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.rolling import deviation_of, mean_of_newest, push_step, window_size
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy, no_clash

SPAN, ENTRY_Z, EXIT_Z = 0, 1, 2
HELD, WINDOW = 0, 1


@compile_step
def reversion_step(
    state: Floats,
    params: Floats,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Exposure 1 from `entry_z` deviations below the mean until `exit_z` deviations from it."""
    span = int(params[SPAN])
    window = state[WINDOW:]
    push_step(window, span, close)
    mean, deviation = mean_of_newest(window, span, span), deviation_of(window, span)
    if mean != mean or deviation != deviation:
        return math.nan
    if deviation == 0.0:
        return float(state[HELD])  # nothing has moved: there is no distance to measure
    z = (close - mean) / deviation
    if z <= -params[ENTRY_Z]:
        state[HELD] = 1.0
    elif z >= params[EXIT_Z]:
        state[HELD] = 0.0
    return float(state[HELD])


STRATEGY = Strategy(
    name="mean_reversion",
    doc="hold from far below the average until the price is back at it",
    parameters=(
        Parameter("span", 120, 2, 10_000, True, "candles of the average and of the deviation"),
        Parameter("entry_z", 2.5, 0, 20, False, "deviations below the average at which it buys"),
        Parameter("exit_z", 0, -20, 20, False, "deviations from the average at which it leaves"),
    ),
    state_size=lambda values: WINDOW + window_size(int(values["span"])),
    warmup=lambda values: int(values["span"]),
    clash=no_clash,
    step=reversion_step,
)
