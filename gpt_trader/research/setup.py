"""Plots that show without the internet: the one place that knows in which order to load them."""

import holoviews


def setup() -> None:
    """Make interactive plots show in this notebook, offline as well.

    Call it in the first cell. A second call changes nothing; outside a notebook it only chooses
    how plots are drawn.

    The order matters. Whatever loads bokeh first decides where the browser gets its scripts from,
    and hvplot, imported first, would send it to the internet: without one every plot stays blank,
    with no error in any cell. So this comes before `import hvplot.pandas`, too.
    """
    if holoviews.Store.current_backend == "bokeh" and holoviews.extension._loaded:
        return
    holoviews.extension("bokeh", inline=True, logo=False)
