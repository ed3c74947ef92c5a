"""Moving-average crossover: hold with the short mean above the long one, against it below."""

import math

from gpt_trader.kernels.averages import sma
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import Parameter, Strategy, Values


def ma_crossover(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Return 1 once the fast mean is above the slow one by the band, -1 once it is below by it.

    Between the two the target stays what it was, so that a market without direction does not
    pay fees at every touch; it is 0 until the band has been left for the first time.
    """
    fast, slow = sma(candles, t, p.fast), sma(candles, t, p.slow)
    if math.isnan(fast) or math.isnan(slow):
        return math.nan
    lead = fast - slow
    band = slow * p.band_bps * 1e-4
    if lead > band:
        s.target[0] = 1.0
    elif lead < -band:
        s.target[0] = -1.0
    return float(s.target[0])


def _check(values: Values) -> tuple[str, ...]:
    if values["fast"] < values["slow"]:
        return ()
    return (f"fast = {values['fast']:g} must be below slow = {values['slow']:g}",)


def _memory(values: Values) -> dict[str, int]:
    return {"target": 1}


def _warmup(values: Values) -> int:
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
    memory=_memory,
    warmup=_warmup,
    step=compile_lean(ma_crossover),
    plain=ma_crossover,
    compiled=True,
    source_hash=source_hash(ma_crossover),
)
