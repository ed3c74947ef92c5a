"""Moving-average crossover: hold with the short mean above the long one, against it below."""

import math
from collections.abc import Mapping

from gpt_trader.kernels.compile import compile_step, source_hash
from gpt_trader.kernels.rolling import ring_size, sma_step
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

# Places in the state; the rings of the fast and of the slow mean stand behind.
TARGET = 0
MEANS = 1

# Places in the parameters.
FAST, SLOW, BAND_BPS = 0, 1, 2


@compile_step
def ma_crossover_step(
    state: Floats,
    params: Floats,
    open: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Return 1 once the fast mean is above the slow one by the band, -1 once it is below by it.

    Between the two the target stays what it was, so that a market without direction does not
    pay fees at every touch; it is 0 until the band has been left for the first time.
    """
    fast, slow = int(params[FAST]), int(params[SLOW])
    fast_mean = sma_step(state[MEANS : MEANS + ring_size(fast)], close, fast)
    slow_mean = sma_step(state[MEANS + ring_size(fast) :], close, slow)
    if math.isnan(fast_mean) or math.isnan(slow_mean):
        return math.nan
    lead = fast_mean - slow_mean
    band = slow_mean * params[BAND_BPS] * 1e-4
    if lead > band:
        state[TARGET] = 1.0
    elif lead < -band:
        state[TARGET] = -1.0
    return float(state[TARGET])


def _check(values: Mapping[str, float]) -> tuple[str, ...]:
    if values["fast"] < values["slow"]:
        return ()
    return (f"fast = {values['fast']:g} must be below slow = {values['slow']:g}",)


def _state_size(values: Mapping[str, float]) -> int:
    return MEANS + ring_size(int(values["fast"])) + ring_size(int(values["slow"]))


def _warmup(values: Mapping[str, float]) -> int:
    return int(values["slow"])


STRATEGY = Strategy(
    name="ma_crossover",
    doc="Long while the fast moving average leads the slow one by a band, short while it trails.",
    parameters=(
        Parameter("fast", 20, 1, 5_000, True, "candles in the short mean"),
        Parameter("slow", 100, 2, 20_000, True, "candles in the long mean"),
        Parameter("band_bps", 2, 0, 1_000, False, "lead that counts, in 1e-4 of the long mean"),
    ),
    check=_check,
    state_size=_state_size,
    warmup=_warmup,
    step=ma_crossover_step,
    source_hash=source_hash(ma_crossover_step),
)
