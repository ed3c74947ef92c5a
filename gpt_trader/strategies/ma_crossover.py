"""Hold while the fast average is above the slow one; a band between them keeps noise out."""

import math

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.rolling import mean_of_newest, push_step, window_size
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

FAST, SLOW, BAND_BPS = 0, 1, 2
HELD, WINDOW = 0, 1


@compile_step
def crossover_step(
    state: Floats,
    params: Floats,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Exposure 1 above the band, 0 below it, unchanged within; NaN until the slow average is."""
    fast, slow = int(params[FAST]), int(params[SLOW])
    window = state[WINDOW:]
    push_step(window, slow, close)
    slow_mean = mean_of_newest(window, slow, slow)
    fast_mean = mean_of_newest(window, slow, fast)
    if slow_mean != slow_mean or fast_mean != fast_mean:
        return math.nan
    band = params[BAND_BPS] * 1e-4 * slow_mean
    if fast_mean > slow_mean + band:
        state[HELD] = 1.0
    elif fast_mean < slow_mean - band:
        state[HELD] = 0.0
    return float(state[HELD])


STRATEGY = Strategy(
    name="ma_crossover",
    doc="hold while the fast average of closes is above the slow one",
    parameters=(
        Parameter("fast", 20, 1, 5_000, True, "candles of the fast average"),
        Parameter("slow", 100, 2, 10_000, True, "candles of the slow average"),
        Parameter(
            "band_bps", 2, 0, 1_000, False, "how far beyond the slow average a crossing counts"
        ),
    ),
    state_size=lambda values: WINDOW + window_size(int(values["slow"])),
    warmup=lambda values: int(values["slow"]),
    clash=lambda values: "fast must be below slow" if values["fast"] >= values["slow"] else "",
    step=crossover_step,
)
