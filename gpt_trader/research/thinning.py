"""Long lines made short enough to draw, with every extreme kept."""

from itertools import pairwise

import numpy as np
import pandas as pd

POINTS_MAX = 5_000
KEPT = 4  # of each stretch: its first, lowest, highest and last point


def thinned(line: "pd.Series[float]", points_max: int = POINTS_MAX) -> "pd.Series[float]":
    """The same line in at most `points_max` points: no peak, no trough and neither end is lost.

    The line is cut into equal stretches. Of each one the first, the lowest, the highest and the
    last point stay, in their order, so a plot of it cannot be told from the plot of all points.

    Raises
    ------
    ValueError
        Fewer points are asked for than one stretch needs.
    """
    if points_max < KEPT:
        raise ValueError(f"points_max is {points_max}, below {KEPT}")
    if len(line) <= points_max:
        return line
    values = line.to_numpy(dtype=np.float64)
    stretches = points_max // KEPT
    bounds = np.linspace(0, len(values), stretches + 1).astype(np.int64)
    kept = np.empty((stretches, KEPT), np.int64)
    for number, (first, end) in enumerate(pairwise(bounds)):
        part = values[first:end]
        # A NaN is no extreme, and a stretch of nothing else has none.
        low = int(np.nanargmin(part)) if not np.isnan(part).all() else 0
        high = int(np.nanargmax(part)) if not np.isnan(part).all() else 0
        kept[number] = first, first + low, first + high, end - 1
    return line.iloc[np.unique(kept)]
