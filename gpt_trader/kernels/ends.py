"""When rounds end: counted where candles follow each other without a hole, else looked up.

Half a million times in a row are four megabytes, and each look at one would wait for memory.
"""

from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.vectors import Ints


class Ends(NamedTuple):
    """The UTC ends of rounds, in nanoseconds."""

    first_ns: int
    step_ns: int  # from one round to the next; 0: they have holes
    each_ns: Ints  # shape (R,) where they have holes, else (0,)


def ends_of(starts_ns: Ints, candle_ns: int) -> Ends:
    """The ends of rounds that start at rising times along the grid of `candle_ns`."""
    first = int(starts_ns[0]) + candle_ns
    if int(starts_ns[-1]) - int(starts_ns[0]) == (starts_ns.size - 1) * candle_ns:
        return Ends(first, candle_ns, np.zeros(0, np.int64))
    return Ends(first, 0, starts_ns + candle_ns)


@compile_lean
def end_at(ends: Ends, now: int) -> int:
    """When a round ends."""
    if ends.step_ns > 0:
        return ends.first_ns + now * ends.step_ns
    return int(ends.each_ns[now])


@compile_lean
def first_from(ends: Ends, first: int, last: int, time_ns: int) -> int:
    """The first round, from `first` to before `last`, that ends at a time or later; else `last`."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if end_at(ends, middle) < time_ns:
            low = middle + 1
        else:
            high = middle
    return low
