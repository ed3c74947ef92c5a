"""What a stretch of closes was: its highest, its lowest, and the lowest since its highest.

Closes are summed up by blocks of 64 and, within a block, from its begin to each candle and from
each candle to its end. A stretch of any length is then a few numbers, and not its candles.
"""

from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.ends import Ends
from gpt_trader.kernels.vectors import Floats, Ints

SPAN = 64
REACH = 4096


class Stretches(NamedTuple):
    """Closes in ticks with their sums, all of one length, and the UTC days they fall on."""

    close: Floats
    top_from: Floats  # highest from the block's begin to this candle, as the next two
    low_from: Floats
    dip_from: Floats  # lowest at or after the first candle that was the highest
    top_to: Floats  # highest from this candle to the block's end, as the next two
    low_to: Floats
    dip_to: Floats
    tops: Floats  # highest and lowest of each block of REACH candles
    lows: Floats
    ends: Ends  # of each candle
    day_first: Ints  # the first candle of each UTC day that has one


def stretches_of(close: Floats, ends: Ends, day_first: Ints) -> Stretches:
    """Sum up a tape's closes; seven numbers a candle."""
    sums = [np.empty(close.size) for _ in range(6)]
    blocks = -(-close.size // REACH)
    tops, lows = np.full(blocks, -np.inf), np.full(blocks, np.inf)
    top, low, dip, top_to, low_to, dip_to = sums
    made = Stretches(close, top, low, dip, top_to, low_to, dip_to, tops, lows, ends, day_first)
    sum_up(made)
    return made


@compile_lean
def sum_up(made: Stretches) -> None:
    """Fill the sums, forwards and backwards."""
    close = made.close
    for first in range(0, close.size, SPAN):
        last = min(first + SPAN, close.size)
        top, low, dip = close[first], close[first], close[first]
        for t in range(first, last):
            mark = close[t]
            low = min(low, mark)
            dip = min(dip, mark)
            if mark > top:
                top, dip = mark, mark
            made.top_from[t], made.low_from[t], made.dip_from[t] = top, low, dip
        block = first // REACH
        made.tops[block], made.lows[block] = max(made.tops[block], top), min(made.lows[block], low)
        top, low, dip = close[last - 1], close[last - 1], close[last - 1]
        for t in range(last - 1, first - 1, -1):
            mark = close[t]
            low = min(low, mark)
            if mark >= top:
                top, dip = mark, low
            made.top_to[t], made.low_to[t], made.dip_to[t] = top, low, dip
