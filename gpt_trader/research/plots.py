"""A backtest in pictures: equity beside holding, price with our fills, drawdown, on one time axis.

Everything is drawn with hvplot on bokeh. Long lines are thinned to 5,000 points with every extreme
kept, so a year of minutes opens at once.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import holoviews
import pandas as pd

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.figures import products_text, values_text
from gpt_trader.research.picture import Picture
from gpt_trader.research.setup import setup
from gpt_trader.research.thinning import POINTS_MAX, thinned

WIDTH, HEIGHT, LOW_HEIGHT = 900, 260, 160
OURS, HOLDING, PRICE, LOSS = "#1f77b4", "#9a9a9a", "#555555", "#d62728"
PLAIN_FROM = 1_000  # such numbers are written out, never as 1.000e+5
MARKS = {"BUY": ("triangle", "#2ca02c"), "SELL": ("inverted_triangle", "#d62728")}


def result_plot(result: BacktestResult) -> Picture:
    """Equity, price with fills, and drawdown, one below the other; zooming one zooms all."""
    prices = [_price(result, tape) for tape in result.tapes]
    parts = holoviews.Layout([_equity(result), *prices, _drawdown(result)])
    return Picture(parts.cols(1).opts(shared_axes=True, toolbar="right"), _title(result))


def heat_map(table: pd.DataFrame, x: str, y: str, metric: str = "sharpe_daily") -> Picture:
    """The metric over two parameters of a sweep; of all other parameters the median counts.

    Raises
    ------
    UsageError
        The table has no such column; the message lists those it has.
    """
    setup()
    from hvplot import hvPlot

    _require(table, x, y, metric)
    cells = table.groupby([x, y], as_index=False)[metric].median()
    picture = hvPlot(cells).heatmap(
        x=x, y=y, C=metric, cmap="RdYlGn", width=WIDTH // 2 + 150, height=HEIGHT + 140,
        title=f"{metric}: median over the other parameters", colorbar=True,
    )  # fmt: skip
    return Picture(picture, f"{metric} over {x} and {y}")


def stability_plot(table: pd.DataFrame, parameter: str, metric: str = "sharpe_daily") -> Picture:
    """How much of the metric hangs on the exact value of one parameter of a sweep.

    The line is the median over all combinations with that value, the band holds the middle 80 %
    of them. A lone spike is luck; a plateau may be more.

    Raises
    ------
    UsageError
        The table has no such column; the message lists those it has.
    """
    setup()
    from hvplot import hvPlot

    _require(table, parameter, metric)
    groups = table.groupby(parameter)[metric]
    spread = pd.DataFrame(
        {"low": groups.quantile(0.1), metric: groups.median(), "high": groups.quantile(0.9)}
    ).reset_index()
    band = hvPlot(spread).area(
        x=parameter, y="low", y2="high", alpha=0.2, color=OURS, ylabel=metric
    )
    line = hvPlot(spread).line(x=parameter, y=metric, color=OURS)
    dots = hvPlot(spread).scatter(x=parameter, y=metric, color=OURS, size=25)
    size = {"width": WIDTH // 2 + 150, "height": HEIGHT}
    picture = (band * line * dots).opts(title=f"{metric} by {parameter}", **size)
    return Picture(picture, f"{metric} by {parameter}")


def _equity(result: BacktestResult) -> Any:
    axis = f"equity [{result.tapes[0].product.quote}]"
    ours = line_of(result.equity, axis, OURS, "strategy", HEIGHT)
    holding = held_line(result.tapes, result.equity.index, result.setup.cash)
    held = line_of(holding, axis, HOLDING, "buy and hold", HEIGHT)
    return (held * ours).opts(legend_position="top_left", title=_title(result))


def held_line(tapes: Sequence[CandleTape], times: pd.Index, cash: Decimal) -> "pd.Series[float]":
    """What the cash would be worth in equal shares of all products, from their first opens on."""
    grown = [
        _close(tape).reindex(times).ffill().fillna(1.0 * first) / first
        for tape in tapes
        for first in [float(tape.candles.open[0] * tape.candles.increment)]
    ]
    return sum(grown[1:], grown[0]) / len(grown) * float(cash)


def _price(result: BacktestResult, tape: CandleTape) -> Any:
    product = tape.product
    axis = f"price [{product.quote}/{product.base}]"
    layers = [line_of(_close(tape), axis, PRICE, "close", HEIGHT)]
    fills = result.fills[result.fills["product_id"] == product.product_id]
    shown = fills.iloc[:: -(-max(len(fills), 1) // POINTS_MAX)]
    for side, (marker, colour) in MARKS.items():
        own = shown[shown["side"] == side]
        if len(own):
            layers.append(_marks(own, axis, marker, colour, side.lower()))
    said = "" if len(shown) == len(fills) else f", {len(shown):,} of them shown"
    title = f"{product.product_id}: {len(fills):,} fills{said}"
    return holoviews.Overlay(layers).opts(title=title)


def _drawdown(result: BacktestResult) -> Any:
    below = -result.drawdown.abs()
    return line_of(below, "drawdown", LOSS, "drawdown", LOW_HEIGHT).opts(title="drawdown")


def line_of(line: "pd.Series[float]", axis: str, colour: str, name: str, height: int) -> Any:
    """One line of a picture; pictures with the same time axis move together."""
    setup()
    from hvplot import hvPlot

    short = thinned(line).rename(axis).rename_axis("time")
    return hvPlot(short.reset_index()).line(
        x="time", y=axis, color=colour, label=name, width=WIDTH, height=height, line_width=1.2,
        yformatter="%.0f" if line.abs().max() >= PLAIN_FROM else "%g",
    )  # fmt: skip


def _marks(fills: pd.DataFrame, axis: str, marker: str, colour: str, name: str) -> Any:
    from hvplot import hvPlot

    points = pd.DataFrame(
        {
            "time": fills["time"],
            axis: fills["price"].astype(float),
            "base_size": fills["base_size"].astype(str),
            "fee": fills["fee"].astype(str),
            "liquidity": fills["liquidity"].astype(str),
        }
    )
    return hvPlot(points).scatter(
        x="time", y=axis, marker=marker, color=colour, size=45, label=name,
        hover_cols=["base_size", "fee", "liquidity"], width=WIDTH, height=HEIGHT,
    )  # fmt: skip


def _close(tape: CandleTape) -> "pd.Series[float]":
    """The closes in quote, at the time they were known: the end of their candle."""
    candles = tape.candles
    ends = pd.DatetimeIndex(candles.start_ns + candles.candle_ns, tz="UTC")
    return pd.Series(candles.close * candles.increment, index=ends)


def _title(result: BacktestResult) -> str:
    return f"{result.strategy.name}({values_text(result)}) on {products_text(result)}"


def _require(table: pd.DataFrame, *columns: str) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        known = ", ".join(str(column) for column in table.columns)
        raise UsageError(
            f"no column {', '.join(map(str, missing))} in this sweep; there are {known}"
        )
