"""Mean reversion: hold against a close that has gone far from its mean, until it comes back."""

import math
from collections.abc import Mapping

from gpt_trader.kernels.compile import compile_step, source_hash
from gpt_trader.kernels.rolling import ring_size, rolling_std_step, sma_step
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

# Places in the state; the rings of the mean and of the deviation stand behind.
TARGET = 0
RINGS = 1

# Places in the parameters.
SPAN, ENTRY, EXIT = 0, 1, 2


@compile_step
def mean_reversion_step(
    state: Floats,
    params: Floats,
    open: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Return 1 from `entry` deviations below the mean until `exit` below it; -1 above, likewise.

    While price stands still there is no deviation to count in, and the target stays what it was.
    """
    span = int(params[SPAN])
    mean = sma_step(state[RINGS : RINGS + ring_size(span)], close, span)
    deviation = rolling_std_step(state[RINGS + ring_size(span) :], close, span)
    if math.isnan(mean) or math.isnan(deviation):
        return math.nan
    if deviation == 0.0:
        return float(state[TARGET])
    distance = (close - mean) / deviation
    if state[TARGET] > 0.0 and distance >= -params[EXIT]:
        state[TARGET] = 0.0
    if state[TARGET] < 0.0 and distance <= params[EXIT]:
        state[TARGET] = 0.0
    if distance <= -params[ENTRY]:
        state[TARGET] = 1.0
    elif distance >= params[ENTRY]:
        state[TARGET] = -1.0
    return float(state[TARGET])


def _check(values: Mapping[str, float]) -> tuple[str, ...]:
    if values["exit"] < values["entry"]:
        return ()
    return (f"exit = {values['exit']:g} must be below entry = {values['entry']:g}",)


def _state_size(values: Mapping[str, float]) -> int:
    return RINGS + 2 * ring_size(int(values["span"]))


def _warmup(values: Mapping[str, float]) -> int:
    return int(values["span"])


STRATEGY = Strategy(
    name="mean_reversion",
    doc="Buys far below the moving average and sells far above it, until price is near again.",
    parameters=(
        Parameter("span", 120, 2, 20_000, True, "candles in mean and deviation"),
        Parameter("entry", 2.5, 0.1, 100, False, "deviations from the mean that open"),
        Parameter("exit", 0.5, 0, 100, False, "deviations from the mean that close"),
    ),
    check=_check,
    state_size=_state_size,
    warmup=_warmup,
    step=mean_reversion_step,
    source_hash=source_hash(mean_reversion_step),
)
