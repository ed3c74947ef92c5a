"""What a stretch of closes was: its highest, its lowest, and the lowest since its highest.

Closes are summed up by blocks of 64 and, within a block, from its begin to each candle and from
each candle to its end. A stretch of any length is then a few numbers, and not its candles.
"""

from typing import NamedTuple

import numpy as np

from gpt_trader.kernels.account import DAY_NS
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.ends import Ends, end_at
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
    day_first: Ints  # the first candle of each UTC day; one that ends at midnight is of the old
    midnights: Ints  # of each such day the first candle that ends at its midnight or later


def stretches_of(close: Floats, ends: Ends, day_first: Ints) -> Stretches:
    """Sum up a tape's closes; seven numbers a candle."""
    count = close.size
    sums = [np.empty(count) for _ in range(6)]
    blocks = -(-count // REACH)
    tops, lows = np.full(blocks, -np.inf), np.full(blocks, np.inf)
    top, low, dip, top_to, low_to, dip_to = sums
    if end_at(ends, count - 1) % DAY_NS == 0:  # the last candle begins a day for limits alone
        day_first = np.append(day_first, count)
    before = np.maximum(day_first - 1, 0)
    at_midnight = np.array([end_at(ends, int(t)) % DAY_NS == 0 for t in before])
    midnights = np.where(at_midnight, before, day_first)
    made = Stretches(
        close, top, low, dip, top_to, low_to, dip_to, tops, lows, ends, day_first, midnights
    )
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
