"""Mean reversion: hold against a close that has gone far from its mean, until it comes back."""

import math

from gpt_trader.kernels.averages import sma
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.channels import rolling_std
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import MEMORY_SIZE, Parameter, Strategy, Values


def mean_reversion(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Return 1 from `entry` deviations below the mean until `exit` below it; -1 above, likewise.

    While price stands still there is no deviation to count in, and the target stays what it was.
    """
    mean = sma(candles, t, p.span)
    deviation = rolling_std(candles, t, p.span, s.deviation)
    if math.isnan(mean) or math.isnan(deviation):
        return math.nan
    if deviation == 0.0:
        return float(s.target[0])
    distance = (candles.close[t] - mean) / deviation
    if s.target[0] > 0.0 and distance >= -p.exit:
        s.target[0] = 0.0
    if s.target[0] < 0.0 and distance <= p.exit:
        s.target[0] = 0.0
    if distance <= -p.entry:
        s.target[0] = 1.0
    elif distance >= p.entry:
        s.target[0] = -1.0
    return float(s.target[0])


def _check(values: Values) -> tuple[str, ...]:
    if values["exit"] < values["entry"]:
        return ()
    return (f"exit = {values['exit']:g} must be below entry = {values['entry']:g}",)


def _memory(values: Values) -> dict[str, int]:
    return {"target": 1, "deviation": MEMORY_SIZE}


def _warmup(values: Values) -> int:
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
    memory=_memory,
    warmup=_warmup,
    step=compile_lean(mean_reversion),
    plain=mean_reversion,
    compiled=True,
    source_hash=source_hash(mean_reversion),
)
