"""Candles as they come, floats and times, checked and counted in one pass over each column."""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats, Ints

COUNT_MAX = 2.0**53
"""From here on a float64 skips whole numbers and counts nothing any more."""

# What a pass found, as bits; 0 is a clean column.
REFUSED = 1  # not a number, infinite, negative, for a price too small, or too large
DOUBTFUL = 2  # next to a half: only the shortest decimals tell where it is rounded to
FALLING = 4  # a time that is not after the one before
OFF_GRID = 8

BLOCK = 1024  # rows: two columns of a block stay in the first cache


@compile_step
def round_half_even(value: float) -> float:
    """The nearest whole number, the even one of two; Numba's `round` gives an int, slowly."""
    return float(np.rint(value))


@compile_step
def price_counts(values: Floats, scale: float, counts: Floats) -> int:
    """Count the price increments in each value, half to even; say what is wrong.

    A price below half an increment is refused: as one increment it would be another price, and it
    is likely that of another product. Half an increment counts as one.

    Parameters
    ----------
    values : float64, shape (T,)
        Quote per base.
    scale : float
        Increments in one quote, a power of ten.
    counts : float64, shape (T,)
        Written: whole numbers, to be used only when the answer is 0, but for the rows in doubt
        when it is `DOUBTFUL`.
    """
    clean = True
    certain = True
    for t in range(values.size):
        scaled = values[t] * scale
        count = round_half_even(scaled)
        clean = clean & (scaled >= 0.5) & (scaled < COUNT_MAX)
        certain = certain & (abs(scaled - count) < 0.5 - 1e-9 - scaled * 1e-15)
        counts[t] = max(count, 1.0)
    return (0 if clean else REFUSED) | (0 if certain else DOUBTFUL)


@compile_step
def size_counts(values: Floats, scale: float, counts: Floats) -> int:
    """Count the base increments in each value, half to even; as `price_counts`, but for zero."""
    clean = True
    certain = True
    for t in range(values.size):
        scaled = values[t] * scale
        count = round_half_even(scaled)
        clean = clean & (values[t] >= 0.0) & (scaled < COUNT_MAX)
        certain = certain & (abs(scaled - count) < 0.5 - 1e-9 - scaled * 1e-15)
        counts[t] = count
    return (0 if clean else REFUSED) | (0 if certain else DOUBTFUL)


@compile_step
def size_check(values: Floats, least: float) -> int:
    """Look at sizes without counting them: REFUSED, or DOUBTFUL when one is below `least`."""
    clean = True
    certain = True
    for t in range(values.size):
        clean = clean & (values[t] >= 0.0) & (values[t] < math.inf)
        certain = certain & (values[t] >= least)
    return (0 if clean else REFUSED) | (0 if certain else DOUBTFUL)


@compile_step
def range_check(opened: Floats, high: Floats, low: Floats, close: Floats) -> int:
    """REFUSED when a high is not the highest, or a low not the lowest, of its candle."""
    clean = True
    for t in range(close.size):
        top = max(opened[t], close[t])
        bottom = min(opened[t], close[t])
        clean = clean & (low[t] <= bottom) & (high[t] >= top)
    return 0 if clean else REFUSED


@compile_step
def running_sum(counts: Floats, total: float, sums: Floats) -> float:
    """Write the sums ``total + counts[0]``, ``total + counts[0] + counts[1]``, …; give the last.

    Whole numbers below `COUNT_MAX` have exact sums in any order. Four are added up at a time,
    because a chain of single additions waits four cycles for each.
    """
    whole = counts.size - counts.size % 4
    for t in range(0, whole, 4):
        first = counts[t]
        second = first + counts[t + 1]
        third = second + counts[t + 2]
        sums[t] = total + first
        sums[t + 1] = total + second
        sums[t + 2] = total + third
        total += third + counts[t + 3]
        sums[t + 3] = total
    for t in range(whole, counts.size):
        total += counts[t]
        sums[t] = total
    return total


@compile_step
def close_counts(values: Floats, scale: float, counts: Floats, sums: Floats) -> int:
    """Count closes as `price_counts` does, and write ``sums[k]``, the sum of the first k counts.

    A block at a time, so that the counts are read from the first cache.
    """
    found = 0
    total = 0.0
    sums[0] = total
    for first in range(0, values.size, BLOCK):
        last = min(first + BLOCK, values.size)
        found |= price_counts(values[first:last], scale, counts[first:last])
        total = running_sum(counts[first:last], total, sums[first + 1 : last + 1])
    return found | (0 if total < COUNT_MAX else REFUSED)


@compile_step
def time_check(times: Ints, step: int) -> int:
    """FALLING, OFF_GRID, or 0 for times that rise along the grid of `step`, with holes or not."""
    regular = True
    for t in range(1, times.size):
        regular = regular & (times[t] - times[t - 1] == step)
    found = OFF_GRID if times[0] % step else 0
    if not regular:
        for t in range(1, times.size):
            gap = times[t] - times[t - 1]
            if gap <= 0:
                found |= FALLING
            elif gap != step and gap % step:
                found |= OFF_GRID
    return found


@compile_step
def least_gap(times: Ints) -> int:
    """The smallest distance of two neighbours; zero or below when times do not rise."""
    least = int(times[1] - times[0])
    for t in range(2, times.size):
        least = min(least, int(times[t] - times[t - 1]))
    return least


@compile_step
def nanoseconds(times: Ints, unit_ns: int, starts_ns: Ints) -> None:
    """Write times of another unit in nanoseconds."""
    for t in range(times.size):
        starts_ns[t] = times[t] * unit_ns
