# mypy: disable-error-code="no-untyped-def,no-untyped-call"
"""Strategies with a fault each, written without types as in a notebook; and some without one."""

import numpy as np

from gpt_trader.kernels.averages import sma
from gpt_trader.kernels.compile import compile_step

CLOSES = np.linspace(100.0, 200.0, 5_000)
close = np.linspace(100.0, 200.0, 5_000)
WEIGHTS = (0.1, 0.2, 0.3, 0.2, 0.2)
LEVELS = np.array([0.1, 0.2])
ONE_CANDLE = 77_777


def clean(candles, t, p, s):
    return 1.0 if candles.close[t] > sma(candles, t, 50) else 0.0


def spanned(candles, t, p, s):
    return 1.0 if candles.close[t] > sma(candles, t, p.span) else 0.0


def next_close(candles, t, p, s):
    return 1.0 if candles.close[t + 1] > candles.close[t] else 0.0


def centred_window(candles, t, p, s):
    return 1.0 if candles.close[t] > sma(candles, t + 5, 11) else 0.0


def normalised(candles, t, p, s):
    return 1.0 if candles.close[t] > candles.close.mean() else 0.0


def open_hour(candles, t, p, s):
    """The middle of the hour that the candle lies in, of which most is still to come."""
    first = t - t % 60
    high = candles.high[first : first + 60].max()
    low = candles.low[first : first + 60].min()
    return 1.0 if candles.close[t] > (high + low) / 2.0 else 0.0


def one_candle(candles, t, p, s):
    if t == ONE_CANDLE and candles.close[t + 1] > candles.close[t]:
        return 1.0
    return 0.0


def wrapped(candles, t, p, s):
    """Before candle 500 the index is negative and means the end of the tape."""
    return 1.0 if candles.close[t] > candles.close[t - 500] else 0.0


def last_close(candles, t, p, s):
    return 1.0 if candles.close[t] < candles.close[-1] else 0.0


def clairvoyant_stop(candles, t, p, s):
    if candles.high[t + 1] < candles.close[t]:
        return 0.0
    return 1.0


def next_volume(candles, t, p, s):
    return 1.0 if candles.volume[t + 1] > 2.0 * candles.volume[t] else 0.0


def highest_of_all(candles, t, p, s):
    top = 0.0
    for place in range(len(candles.close)):
        top = max(top, candles.high[place])
        if place > t and top > candles.high[t] + 50.0:
            return 1.0
    return 0.0


def next_time(candles, t, p, s):
    """Out before a gap."""
    return 0.0 if candles.start_ns[t + 1] - candles.start_ns[t] > candles.candle_ns else 1.0


def remembered(candles, t, p, s):
    if t % 97 == 0:
        s.held[0] = candles.open[t + 3]
    return 1.0 if s.held[0] > candles.open[t] else 0.0


def captured(candles, t, p):
    return 1.0 if CLOSES[t + 1] > candles.close[t] else 0.0


@compile_step
def _tomorrow(t):
    return CLOSES[t + 1]


def captured_by_a_helper(candles, t, p):
    return 1.0 if _tomorrow(t) > candles.close[t] else 0.0


def weighted(candles, t, p):
    mean = 0.0
    for place in range(5):
        mean += WEIGHTS[place] * candles.close[t - place]
    return 1.0 if candles.close[t] > mean else 0.0


def with_levels(candles, t, p):
    return LEVELS[0]


def column_of_the_same_name(candles, t, p):
    return 1.0 if candles.close[t] > candles.open[t] else 0.0


def far_back(candles, t, p, s):
    return 1.0 if t >= 60 and candles.close[t] > candles.close[t - 60] else 0.0


def place_as_number(candles, t, p, s):
    return 1.0 if t % 100 < 50 else 0.0


def length_as_number(candles, t, p, s):
    return 1.0 if t > len(candles.close) // 2 else 0.0


def twice_everything(candles, t, p, s):
    return 2.0
