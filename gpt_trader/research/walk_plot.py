"""A walk forward in pictures: what the joined tests earned, and how training and test compare."""

from typing import Any, NamedTuple

import holoviews
import pandas as pd

from gpt_trader.research.picture import Picture
from gpt_trader.research.plots import HEIGHT, HOLDING, OURS, WIDTH, line_of
from gpt_trader.research.setup import setup

EDGE = "#dddddd"
SIDES = {"train": HOLDING, "test": OURS}


class Texts(NamedTuple):
    """What stands beside the lines."""

    title: str
    by: str  # the figure that was chosen by
    quote: str


def walk_plot(
    equity: "pd.Series[float]", held: "pd.Series[float]", table: pd.DataFrame, texts: Texts
) -> Picture:
    """Joined equity beside holding, with the windows' edges; below, training beside test."""
    parts = holoviews.Layout([_equity(equity, held, table, texts), _scores(table, texts.by)])
    return Picture(parts.cols(1).opts(shared_axes=False, toolbar="right"), texts.title)


def _equity(
    equity: "pd.Series[float]", held: "pd.Series[float]", table: pd.DataFrame, texts: Texts
) -> Any:
    axis = f"equity [{texts.quote}]"
    layers = [
        line_of(held, axis, HOLDING, "buy and hold", HEIGHT),
        line_of(equity, axis, OURS, "chosen in time", HEIGHT),
    ]
    edges = [
        holoviews.VLine(time.tz_localize(None)).opts(color=EDGE, line_width=1)
        for time in table["test_from"]
    ]
    return holoviews.Overlay([*layers, *edges]).opts(legend_position="top_left", title=texts.title)


def _scores(table: pd.DataFrame, by: str) -> Any:
    """A dot a window and side, at the middle of the window's test."""
    setup()
    from hvplot import hvPlot

    middle = table["test_from"] + (table["test_to"] - table["test_from"]) / 2
    layers = []
    for side, colour in SIDES.items():
        scores = hvPlot(pd.DataFrame({"time": middle, by: table[f"{side}_{by}"]}))
        size = {"width": WIDTH, "height": HEIGHT}
        layers.append(scores.line(x="time", y=by, color=colour, label=side, **size))
        layers.append(scores.scatter(x="time", y=by, color=colour, size=30, **size))
    return holoviews.Overlay(layers).opts(
        legend_position="top_left", title=f"{by} in training and in the test after it"
    )
