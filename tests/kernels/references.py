"""One row per helper step: how a strategy asks it, and its twin in pandas, TA-Lib or NumPy.

Tests and benchmarks read the same table; a helper that is missing here fails the suite. A row's
step has the shape of a strategy's, so that it can be folded like one. Its parameter is a span,
its memories are long enough for every row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
import talib
from talib import MA_Type  # type: ignore[attr-defined]

from gpt_trader.kernels import averages, channels, oscillators, rolling, volatility, wider
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.records import Memories, Params, record
from gpt_trader.kernels.vectors import Floats

MINUTES_PER_YEAR = 365.0 * 24 * 60
WIDTH = 2.5
WIDE_NS = 15 * 60 * 10**9

Step = Callable[[Candles, int, Params, Memories], float]
Twin = Callable[[Candles, int], Floats]


@dataclass(frozen=True, slots=True)
class Reference:
    """A helper, asked as a strategy asks it, and what it must equal."""

    name: str  # of the helper, and of the part of its answer
    step: Step
    twin: Twin
    span_min: int
    behind: int  # candles it looks back beyond the span


def memories(span: int) -> Memories:
    """Fresh memories for any row."""
    fields = record("own", "ring")
    return cast(Memories, fields(np.zeros(16), np.zeros(volatility.volatility_size(span))))


def parameters(span: int) -> Params:
    """The parameters of any row."""
    return cast(Params, record("span")(span))


def _row(name: str, step: Step, twin: Twin, span_min: int = 1, behind: int = 0) -> Reference:
    return Reference(name, compile_lean(step), twin, span_min, behind)


# --- twins --------------------------------------------------------------------------------------


def _series(values: Floats) -> "pd.Series[float]":
    return pd.Series(values)


def _first_nan(values: Floats, count: int) -> Floats:
    """The first `count` values are not known, whatever a library says of them."""
    out = np.array(values, dtype=np.float64)
    out[:count] = np.nan
    return out


def _ema(values: Floats, span: int) -> Floats:
    """Pandas' recursive form starts from the first value, as ours; TA-Lib's from a plain mean."""
    return _series(values).ewm(span=span, adjust=False, min_periods=span).mean().to_numpy()


def _macd(candles: Candles, span: int) -> tuple[Floats, Floats, Floats]:
    slow = 2 * span + 1
    line = _ema(candles.close, span) - _ema(candles.close, slow)
    signal = np.full(line.size, np.nan)
    signal[slow - 1 :] = _ema(line[slow - 1 :], span)
    return np.where(np.isnan(signal), np.nan, line), signal, line - signal


def _vwap(candles: Candles, span: int) -> Floats:
    typical = (candles.high + candles.low + candles.close) / 3
    notional = _series(typical * candles.volume).rolling(span).sum()
    return (notional / _series(candles.volume).rolling(span).sum()).to_numpy()


def _std(values: Floats, span: int) -> Floats:
    """NumPy's two passes over each window: pandas slides, and is off by 5e-9 on real prices."""
    out = np.full(values.size, np.nan)
    if values.size >= span:
        windows = np.lib.stride_tricks.sliding_window_view(values, span)
        out[span - 1 :] = windows.std(axis=1, ddof=1)
    return out


def _band(candles: Candles, span: int, width: float) -> Floats:
    """TA-Lib's bands have the population's deviation, which is smaller; hence pandas' mean."""
    return _mean(candles.close, span) + width * _std(candles.close, span)


def _mean(values: Floats, span: int) -> Floats:
    return _series(values).rolling(span).mean().to_numpy()


def _middle(candles: Candles, span: int) -> Floats:
    high = _series(candles.high).rolling(span).max()
    low = _series(candles.low).rolling(span).min()
    return ((high + low) / 2).shift().to_numpy()


def _zscore(candles: Candles, span: int) -> Floats:
    deviation = _std(candles.close, span)
    distance = candles.close - _mean(candles.close, span)
    return np.divide(distance, np.where(deviation > 0, deviation, np.nan))


def _rsi(candles: Candles, span: int) -> Floats:
    """TA-Lib's, which gives 0 where nothing moves and no span of 1: that we do by hand."""
    moves = np.abs(np.diff(candles.close, prepend=candles.close[:1]))
    if span == 1:
        rises = np.where(np.diff(candles.close, prepend=candles.close[:1]) > 0, 100.0, 0.0)
        return _first_nan(np.where(moves == 0, 50.0, rises), 1)
    still = np.cumsum(moves) == 0
    return _first_nan(np.where(still, 50.0, talib.RSI(candles.close, span)), span)


def _true_range(candles: Candles) -> "pd.Series[float]":
    before = np.append(np.nan, candles.close[:-1])
    distances = [candles.high - candles.low, candles.high - before, before - candles.low]
    widest: Floats = np.nanmax(distances, axis=0)
    return _series(widest)


def _atr(candles: Candles, span: int) -> Floats:
    """The plain mean of the first `span` ranges, then pandas' exponential mean from it.

    TA-Lib leaves the first candle out, which has no close before it.
    """
    ranges = _true_range(candles)
    out = np.full(ranges.size, np.nan)
    if ranges.size >= span:
        seeded = pd.concat([pd.Series([ranges[:span].mean()]), ranges[span:]])
        out[span - 1 :] = seeded.ewm(alpha=1 / span, adjust=False).mean().to_numpy()
    return out


def _supertrend(candles: Candles, span: int) -> tuple[Floats, Floats]:
    """The loop of the library pandas_ta, from the first known range on."""
    middle, mean_range = (candles.high + candles.low) / 2, _atr(candles, span)
    upper, lower = middle + WIDTH * mean_range, middle - WIDTH * mean_range
    line, directions = np.full(middle.size, np.nan), np.full(middle.size, np.nan)
    direction = 1.0
    for t in range(span - 1, middle.size):
        if t >= span and candles.close[t] > upper[t - 1]:
            direction = 1.0
        elif t >= span and candles.close[t] < lower[t - 1]:
            direction = -1.0
        elif t >= span and direction > 0:
            lower[t] = max(lower[t], lower[t - 1])
        elif t >= span:
            upper[t] = min(upper[t], upper[t - 1])
        line[t], directions[t] = lower[t] if direction > 0 else upper[t], direction
    return line, directions


def _stochastic(candles: Candles, span: int) -> Floats:
    """TA-Lib's fast %K gives 0 where the candles have no extent."""
    high = _series(candles.high).rolling(span).max().to_numpy()
    low = _series(candles.low).rolling(span).min().to_numpy()
    known, _ = talib.STOCHF(candles.high, candles.low, candles.close, span, 1, MA_Type.SMA)
    return _first_nan(np.where(high == low, 50.0, known), span - 1)


def _wide(candles: Candles) -> pd.DataFrame:
    """What is known at each candle of the last wide one that is closed, by grouping."""
    interval = candles.start_ns // WIDE_NS
    columns = {name: vars_of(candles)[name] for name in ("open", "high", "low", "close", "volume")}
    frame = pd.DataFrame({**columns, "interval": interval, "place": np.arange(interval.size)})
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    wide = frame.groupby("interval").agg({**how, "place": "last"})
    ends = candles.start_ns[wide["place"]] + candles.candle_ns
    on_time = ends >= (wide.index.to_numpy() + 1) * WIDE_NS
    known = wide["place"].to_numpy() + ~on_time  # late ones with the next candle
    for number in range(1, known.size):
        known[number] = max(known[number], known[number - 1] + 1)  # one at a time
    wide = wide.assign(count=np.arange(1.0, known.size + 1), told=1.0).set_index(known)
    seen = wide.drop(columns="place").reindex(range(interval.size))
    told = seen["told"].fillna(0.0)
    return seen.ffill().assign(told=told, count=seen["count"].ffill().fillna(0.0))


def vars_of(candles: Candles) -> dict[str, Floats]:
    """The columns of candles by name."""
    return dict(zip(candles._fields, candles, strict=True))  # type: ignore[arg-type]


def _volatility(candles: Candles, span: int) -> Floats:
    returns = np.log(candles.close[1:] / candles.close[:-1])
    return np.append(np.nan, _std(returns, span) * np.sqrt(MINUTES_PER_YEAR))


# --- the table ----------------------------------------------------------------------------------

REFERENCES = (
    _row(
        "sma",
        lambda candles, t, p, s: averages.sma(candles, t, p.span),
        lambda candles, span: _mean(candles.close, span),
    ),
    _row(
        "roc",
        lambda candles, t, p, s: averages.roc(candles, t, p.span),
        lambda candles, span: talib.ROCP(candles.close, span),
        behind=1,
    ),
    _row(
        "ema",
        lambda candles, t, p, s: averages.ema(candles.close[t], p.span, s.own),
        lambda candles, span: _ema(candles.close, span),
    ),
    _row(
        "macd line",
        lambda candles, t, p, s: averages.macd(
            candles.close[t], p.span, 2 * p.span + 1, p.span, s.own
        )[0],
        lambda candles, span: _macd(candles, span)[0],
    ),
    _row(
        "macd signal",
        lambda candles, t, p, s: averages.macd(
            candles.close[t], p.span, 2 * p.span + 1, p.span, s.own
        )[1],
        lambda candles, span: _macd(candles, span)[1],
    ),
    _row(
        "macd histogram",
        lambda candles, t, p, s: averages.macd(
            candles.close[t], p.span, 2 * p.span + 1, p.span, s.own
        )[2],
        lambda candles, span: _macd(candles, span)[2],
    ),
    _row(
        "vwap",
        lambda candles, t, p, s: averages.vwap(candles, t, p.span, s.own),
        lambda candles, span: _vwap(candles, span),
    ),
    _row(
        "highest",
        lambda candles, t, p, s: channels.highest(candles, t, p.span, s.own),
        lambda candles, span: _series(candles.high).rolling(span).max().to_numpy(),
    ),
    _row(
        "lowest",
        lambda candles, t, p, s: channels.lowest(candles, t, p.span, s.own),
        lambda candles, span: _series(candles.low).rolling(span).min().to_numpy(),
    ),
    _row(
        "donchian high",
        lambda candles, t, p, s: channels.donchian(candles, t, p.span, s.own)[0],
        lambda candles, span: _series(candles.high).rolling(span).max().shift().to_numpy(),
        behind=1,
    ),
    _row(
        "donchian low",
        lambda candles, t, p, s: channels.donchian(candles, t, p.span, s.own)[1],
        lambda candles, span: _series(candles.low).rolling(span).min().shift().to_numpy(),
        behind=1,
    ),
    _row(
        "donchian middle",
        lambda candles, t, p, s: channels.donchian(candles, t, p.span, s.own)[2],
        lambda candles, span: _middle(candles, span),
        behind=1,
    ),
    _row(
        "rolling_std",
        lambda candles, t, p, s: channels.rolling_std(candles, t, p.span, s.own),
        lambda candles, span: _std(candles.close, span),
        span_min=2,
    ),
    _row(
        "bollinger low",
        lambda candles, t, p, s: channels.bollinger(candles, t, p.span, WIDTH, s.own)[0],
        lambda candles, span: _band(candles, span, -WIDTH),
        span_min=2,
    ),
    _row(
        "bollinger middle",
        lambda candles, t, p, s: channels.bollinger(candles, t, p.span, WIDTH, s.own)[1],
        lambda candles, span: _band(candles, span, 0.0),
        span_min=2,
    ),
    _row(
        "bollinger high",
        lambda candles, t, p, s: channels.bollinger(candles, t, p.span, WIDTH, s.own)[2],
        lambda candles, span: _band(candles, span, WIDTH),
        span_min=2,
    ),
    _row(
        "zscore",
        lambda candles, t, p, s: channels.zscore(candles, t, p.span, s.own),
        lambda candles, span: _zscore(candles, span),
        span_min=2,
    ),
    _row(
        "rsi",
        lambda candles, t, p, s: oscillators.rsi(candles.close[t], p.span, s.own),
        lambda candles, span: _rsi(candles, span),
    ),
    _row(
        "atr",
        lambda candles, t, p, s: oscillators.atr(candles, t, p.span, s.own),
        lambda candles, span: _atr(candles, span),
    ),
    _row(
        "supertrend line",
        lambda candles, t, p, s: oscillators.supertrend(candles, t, p.span, WIDTH, s.own)[0],
        lambda candles, span: _supertrend(candles, span)[0],
    ),
    _row(
        "supertrend direction",
        lambda candles, t, p, s: oscillators.supertrend(candles, t, p.span, WIDTH, s.own)[1],
        lambda candles, span: _supertrend(candles, span)[1],
    ),
    _row(
        "stochastic",
        lambda candles, t, p, s: oscillators.stochastic(candles, t, p.span, s.own),
        lambda candles, span: _stochastic(candles, span),
    ),
    _row(
        "wider",
        lambda candles, t, p, s: wider.wider(candles, t, WIDE_NS, s.own) * 1.0,
        lambda candles, span: _wide(candles)["told"].to_numpy(),
    ),
    _row(
        "wide_count",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_count(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["count"].to_numpy(),
    ),
    _row(
        "wide_open",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_open(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["open"].to_numpy(),
    ),
    _row(
        "wide_high",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_high(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["high"].to_numpy(),
    ),
    _row(
        "wide_low",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_low(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["low"].to_numpy(),
    ),
    _row(
        "wide_close",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_close(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["close"].to_numpy(),
    ),
    _row(
        "wide_volume",
        lambda candles, t, p, s: (
            wider.wider(candles, t, WIDE_NS, s.own),
            wider.wide_volume(s.own) * 1.0,
        )[1],
        lambda candles, span: _wide(candles)["volume"].to_numpy(),
    ),
    _row(
        "rolling_mean",
        lambda candles, t, p, s: rolling.rolling_mean(candles.volume[t], p.span, s.ring),
        lambda candles, span: _mean(candles.volume, span),
    ),
    _row(
        "rolling_deviation",
        lambda candles, t, p, s: rolling.rolling_deviation(candles.volume[t], p.span, s.ring),
        lambda candles, span: _std(candles.volume, span),
        span_min=2,
    ),
    _row(
        "rolling_highest",
        lambda candles, t, p, s: rolling.rolling_highest(candles.volume[t], p.span, s.ring),
        lambda candles, span: _series(candles.volume).rolling(span).max().to_numpy(),
    ),
    _row(
        "rolling_lowest",
        lambda candles, t, p, s: rolling.rolling_lowest(candles.volume[t], p.span, s.ring),
        lambda candles, span: _series(candles.volume).rolling(span).min().to_numpy(),
    ),
    _row(
        "volatility_step",
        lambda candles, t, p, s: volatility.volatility_step(
            s.ring, candles.close[t], p.span, MINUTES_PER_YEAR
        ),
        lambda candles, span: _volatility(candles, span),
        span_min=2,
    ),
)
