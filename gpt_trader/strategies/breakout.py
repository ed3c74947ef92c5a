"""Breakout: follow a close beyond the channel of past highs and lows, with a stop."""

import math

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.channels import donchian
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.oscillators import atr
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import MEMORY_SIZE, Parameter, Strategy, Values


def breakout(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Return 1 or -1 from a close beyond the entry channel until the exit channel or the stop.

    The stop stands `stop_ranges` average true ranges from the close of the entry and does not
    move. A close beyond the entry channel on the other side turns the position round at once.

    References
    ----------
    R. Donchian's four-week rule; the stop as in C. Faith (2003), The Original Turtle Trading
    Rules.
    """
    entry_high, entry_low, _ = donchian(candles, t, p.entry, s.entry)
    exit_high, exit_low, _ = donchian(candles, t, p.exit, s.exit)
    mean_range = atr(candles, t, p.atr_span, s.ranges)
    if math.isnan(mean_range + entry_high + exit_high):
        return math.nan
    close = candles.close[t]
    if s.target[0] > 0.0 and (close < exit_low or close <= s.stop[0]):
        s.target[0] = 0.0
    if s.target[0] < 0.0 and (close > exit_high or close >= s.stop[0]):
        s.target[0] = 0.0
    if s.target[0] <= 0.0 and close > entry_high:
        s.target[0] = 1.0
        s.stop[0] = close - p.stop_ranges * mean_range
    elif s.target[0] >= 0.0 and close < entry_low:
        s.target[0] = -1.0
        s.stop[0] = close + p.stop_ranges * mean_range
    return float(s.target[0])


def _check(values: Values) -> tuple[str, ...]:
    if values["exit"] <= values["entry"]:
        return ()
    return (f"exit = {values['exit']:g} must not be above entry = {values['entry']:g}",)


def _memory(values: Values) -> dict[str, int]:
    return {"target": 1, "stop": 1, **dict.fromkeys(("entry", "exit", "ranges"), MEMORY_SIZE)}


def _warmup(values: Values) -> int:
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
    memory=_memory,
    warmup=_warmup,
    step=compile_lean(breakout),
    plain=breakout,
    compiled=True,
    source_hash=source_hash(breakout),
)
