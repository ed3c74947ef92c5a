"""Strategies of many forms, written as a trader would: of each family, near misses, and others."""

import math
from collections.abc import Callable
from functools import cache
from inspect import signature

import gpt_trader.kernels.averages as means
from gpt_trader.kernels.averages import ema, sma
from gpt_trader.kernels.averages import sma as average
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.channels import bollinger, donchian, highest, lowest, rolling_std, zscore
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.oscillators import rsi
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import Parameter, Strategy, Values

LEVEL = 0.25


def cross(candles: Candles, t: int, p: Params) -> float:
    return 1.0 if sma(candles, t, p.fast) > sma(candles, t, p.slow) else 0.0


def cross_at_least(candles: Candles, t: int, p: Params) -> float:
    """One helper by its module, one by another name; a whole answer."""
    if means.sma(candles, t, p.fast) >= average(candles, t, span=p.slow):
        return 1
    return 0


def cross_below(candles: Candles, t: int, p: Params) -> float:
    fast, slow = sma(candles, t, p.fast), sma(candles, t, p.slow)
    return 0.5 if not fast < slow and fast == fast else -1.0


def cross_with_band(candles: Candles, t: int, p: Params, s: Memories) -> float:
    fast = sma(candles, t, p.fast)
    slow = sma(candles, t, p.slow)
    if math.isnan(fast) or math.isnan(slow):
        return math.nan
    lead = fast - slow
    edge = slow * p.band_bps * 1e-4
    if lead > edge:
        s.held[0] = 1.0
    elif lead < -edge:
        s.held[0] = -1.0
    return s.held[0]


def cross_of_emas(candles: Candles, t: int, p: Params, s: Memories) -> float:
    return (
        1.0 if ema(candles.close[t], p.fast, s.a) > ema(candles.close[t], p.slow, s.b) else -LEVEL
    )


def cross_in_an_uptrend(candles: Candles, t: int, p: Params) -> float:
    slow = sma(candles, t, p.slow)
    if sma(candles, t, p.fast) > slow and candles.close[t] > slow and candles.low[t] != slow:
        return 1.0
    return 0.0


def rsi_levels(candles: Candles, t: int, p: Params, s: Memories) -> float:
    strength = rsi(candles.close[t], p.span, s.strength)
    if strength < p.low:
        s.held[0] = 1.0
    elif strength > p.high:
        s.held[0] = 0.0
    return s.held[0]


def band_until_mean(candles: Candles, t: int, p: Params, s: Memories) -> float:
    low, mean, high = bollinger(candles, t, p.span, p.width, s.band)
    close = candles.close[t]
    if close < low:
        s.held[0] = 1.0
    if (s.held[0] == 1.0 and close >= mean) or close > high:
        s.held[0] = 0.0
    return s.held[0]


def band_of_deviations(candles: Candles, t: int, p: Params, s: Memories) -> float:
    mean, deviation = sma(candles, t, p.span), rolling_std(candles, t, p.span, s.deviation)
    return 1.0 if mean - p.width * deviation > candles.close[t] else 0.0


def reversion(candles: Candles, t: int, p: Params, s: Memories) -> float:
    mean = sma(candles, t, p.span)
    deviation = rolling_std(candles, t, p.span, s.deviation)
    if math.isnan(mean) or math.isnan(deviation):
        return math.nan
    target = s.held[0]
    if deviation == 0.0:
        return target
    far = (candles.close[t] - mean) / deviation
    if target > 0.0 and far >= -p.exit:
        target = 0.0
    if far <= -p.entry:
        target = 1.0
    s.held[0] = target
    return target


def channel(candles: Candles, t: int, p: Params, s: Memories) -> float:
    top = donchian(candles, t, p.span, s.a)[0]
    bottom = donchian(candles, t, p.exit, s.b)[1]
    if candles.close[t] > top:
        s.held[0] = 1.0
    elif candles.close[t] < bottom:
        s.held[0] = 0.0
    return s.held[0]


def new_highs(candles: Candles, t: int, p: Params, s: Memories) -> float:
    top, bottom = highest(candles, t, p.span, s.a), lowest(candles, t, p.exit, s.b)
    if candles.high[t] >= top > bottom:
        s.held[0] = 1.0
    elif candles.low[t] <= bottom:
        s.held[0] -= s.held[0]
    return s.held[0]


def distance(candles: Candles, t: int, p: Params, s: Memories) -> float:
    return 1.0 if abs(zscore(candles, t, p.span, s.z)) > p.width else 0.0


FAST = Parameter("fast", 5, 1, 60, True, "")
SLOW = Parameter("slow", 20, 2, 150, True, "")
BAND = Parameter("band_bps", 2, 0, 60, False, "")
SPAN = Parameter("span", 14, 2, 80, True, "")
EXIT_SPAN = Parameter("exit", 14, 1, 80, True, "")
WIDTH = Parameter("width", 2, 0.1, 3, False, "")
LOW = Parameter("low", 30, 5, 50, False, "")
HIGH = Parameter("high", 70, 50, 95, False, "")
ENTRY = Parameter("entry", 2, 0.5, 3, False, "")
EXIT = Parameter("exit", 0.5, 0, 0.5, False, "")


def made(
    function: Callable[..., float], parameters: tuple[Parameter, ...], *memories: str
) -> Strategy:
    """A strategy of one of these functions, without the decorator's trial."""
    compiled = compile_lean(function)
    step = compiled if len(signature(function).parameters) == 4 else with_memory(compiled)

    def memory(values: Values) -> dict[str, int]:
        return dict.fromkeys(memories, 16)

    def warmup(values: Values) -> int:
        return int(max(values[parameter.name] for parameter in parameters if parameter.whole))

    return Strategy(
        name=function.__name__,
        doc="",
        parameters=parameters,
        check=lambda values: (),
        memory=memory,
        warmup=warmup,
        step=step,
        plain=function,
        compiled=True,
        source_hash=function.__name__,
    )


def with_memory(step: Callable[..., float]) -> Callable[..., float]:
    """Of three arguments make four."""

    @compile_lean
    def remembering(candles: Candles, t: int, p: Params, s: Memories) -> float:
        return step(candles, t, p)

    return remembering


@cache
def families() -> tuple[Strategy, ...]:
    """What is recognised."""
    return (
        made(cross, (FAST, SLOW)),
        made(cross_at_least, (FAST, SLOW)),
        made(cross_below, (FAST, SLOW)),
        made(cross_with_band, (FAST, SLOW, BAND), "held"),
        made(cross_of_emas, (FAST, SLOW), "a", "b"),
        made(cross_in_an_uptrend, (FAST, SLOW)),
        made(rsi_levels, (SPAN, LOW, HIGH), "strength", "held"),
        made(band_until_mean, (SPAN, WIDTH), "band", "held"),
        made(band_of_deviations, (SPAN, WIDTH), "deviation"),
        made(reversion, (SPAN, ENTRY, EXIT), "deviation", "held"),
        made(channel, (SPAN, EXIT_SPAN), "a", "b", "held"),
        made(new_highs, (SPAN, EXIT_SPAN), "a", "b", "held"),
        made(distance, (SPAN, WIDTH), "z"),
    )


# --- what no machine can be --------------------------------------------------------------------


def counts_candles(candles: Candles, t: int, p: Params, s: Memories) -> float:
    s.seen[0] += 1.0
    return 1.0 if s.seen[0] > p.span else 0.0


def remembers_a_price(candles: Candles, t: int, p: Params, s: Memories) -> float:
    if sma(candles, t, p.span) > candles.close[t]:
        s.stop[0] = candles.close[t]
    return 1.0 if candles.close[t] > s.stop[0] else 0.0


def answers_a_series(candles: Candles, t: int, p: Params) -> float:
    return candles.close[t] / candles.high[t]


def any_level(candles: Candles, t: int, p: Params) -> float:
    return p.level if sma(candles, t, p.fast) > candles.close[t] else 0.0


def looks_back(candles: Candles, t: int, p: Params) -> float:
    return 1.0 if t > 0 and candles.close[t - 1] < candles.close[t] else 0.0


def loops(candles: Candles, t: int, p: Params) -> float:
    held = 0.0
    for _ in range(2):
        held = 1.0 - held
    return held


def calls_a_helper_now_and_then(candles: Candles, t: int, p: Params, s: Memories) -> float:
    if candles.close[t] > candles.open[t]:
        return 1.0 if ema(candles.close[t], p.span, s.a) > candles.close[t] else 0.0
    return 0.0


def shares_a_memory(candles: Candles, t: int, p: Params, s: Memories) -> float:
    first = ema(candles.close[t], p.span, s.a)
    return 1.0 if ema(candles.close[t], p.span, s.a) > first else 0.0


def looks_into_a_memory(candles: Candles, t: int, p: Params, s: Memories) -> float:
    mean = ema(candles.close[t], p.span, s.a)
    return 1.0 if s.a[0] > 0.0 and mean > 1.0 else 0.0


def means_of_means(candles: Candles, t: int, p: Params, s: Memories) -> float:
    mean = sma(candles, t, p.span)
    return 1.0 if ema(mean, p.span, s.a) > mean else 0.0


def own_helper(candles: Candles, t: int) -> float:
    return float(candles.close[t] - candles.open[t])


def calls_its_own(candles: Candles, t: int, p: Params) -> float:
    return 1.0 if own_helper(candles, t) > 0.0 else 0.0


def asks_for_the_time(candles: Candles, t: int, p: Params) -> float:
    return 1.0 if t > p.span else 0.0


def changes_its_level(candles: Candles, t: int, p: Params) -> float:
    """Nothing or all; then two levels by turns with nothing; then from any level to any other."""
    phase = t // 300 % 4
    seen = candles.close_sum[t] / 1e9 if phase == 0 else candles.close[t]
    place = int(seen) % 7
    if phase < 2:
        return float(place % 2)
    if phase == 2:
        return 0.0 if t % 2 == 0 else (0.4 if place < 3 else 1.0)
    return math.nan if place == 6 else (0.0, 1.0, 0.0, 0.4, -1.0, 1.0)[place]


OTHERS = (
    (counts_candles, ("seen",)),
    (remembers_a_price, ("stop",)),
    (answers_a_series, ()),
    (looks_back, ()),
    (loops, ()),
    (calls_a_helper_now_and_then, ("a",)),
    (shares_a_memory, ("a",)),
    (looks_into_a_memory, ("a",)),
    (means_of_means, ("a",)),
    (calls_its_own, ()),
    (asks_for_the_time, ()),
)
"""Functions with the names of their memories; they are never compiled."""


def unmade(function: Callable[..., float], *memories: str) -> Strategy:
    """A strategy to be looked at only."""
    return Strategy(
        name=function.__name__,
        doc="",
        parameters=(SPAN,),
        check=lambda values: (),
        memory=lambda values: dict.fromkeys(memories, 16),
        warmup=lambda values: 1,
        step=function,
        plain=function,
        compiled=True,
        source_hash=function.__name__,
    )
