"""A picture that shows itself at the end of a cell, complete, without asking the internet."""

from typing import Any

import holoviews
from bokeh.embed import components

from gpt_trader.research.setup import setup


class Picture:
    """An interactive plot: drag to move, scroll to zoom, hover to read.

    HoloViews would show itself through Panel, whose style sheets come from the internet. Here
    bokeh draws alone, with what `setup` has put into the page.

    Attributes
    ----------
    view
        The HoloViews object, to be changed or combined with others.
    """

    def __init__(self, view: Any, text: str) -> None:
        self.view = view
        self._text = text

    def __repr__(self) -> str:
        return f"<plot: {self._text}>"

    def embedded(self) -> str:
        """Script and place of the plot, for a page that has bokeh's scripts already."""
        script, place = components(holoviews.render(self.view, backend="bokeh"))
        return f"{place}{script}"

    def _repr_html_(self) -> str:
        setup()
        return self.embedded()
