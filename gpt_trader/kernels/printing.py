"""A candle turned into the trades that make it up, as the embedded exchange prints them.

A candle with a volume of four lots or more becomes four trades: open, high and low in a seeded
order, close. One with fewer becomes a trade for each price it needs, and its volume is raised to
their number; one without volume has none. Times, the split of the volume and who was the maker are
pure functions of the key ``seed_key(seed, "trades", product_id)`` and of the candle's start.

Prices are ticks, up to `TICKS_MAX`; sizes lots, up to `LOTS_MAX`; both whole and never negative.
"""

import numpy as np

from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.seeded import mix
from gpt_trader.kernels.vectors import Table

TRADES = 4  # of a candle, at most
TICKS_MAX = 2**40
LOTS_MAX = 2**53

# Places in the row of a trade.
TIME_NS = 0
TICKS = 1
LOTS = 2
MAKER_BUYS = 3  # 1: the maker bought, so the taker sold
PRINT = 4

QUARTER_US = 250_000  # of a second
MICROSECOND_NS = 1_000
SECOND_NS = 1_000_000_000

# What a draw is for.
PATH = 0
SIZES = 1
TIMES = 2


@compile_lean
def candle_trades(
    key: int,
    start_s: int,
    candle_s: int,
    open: int,
    high: int,
    low: int,
    close: int,
    volume: int,
    out: Table,
) -> int:
    """Print the trades of a candle, oldest first, and give their number.

    Parameters
    ----------
    key, start_s : int64
        The product's key, and the candle's start in seconds UTC.
    open, high, low, close, volume : int64
        Ticks and lots.
    out : int64, shape (TRADES, PRINT)
        The rows of the trades; those beyond their number keep what they hold.
    """
    if volume <= 0:
        return 0
    path = draw(key, start_s, PATH)
    count = lay_path(path, open, high, low, close, volume, out)
    for place in range(count):
        # Neither the first trade nor one without a move says by its price who was the maker.
        move = 0 if place == 0 else out[place, TICKS] - out[place - 1, TICKS]
        out[place, MAKER_BUYS] = coin(path, place + 1) if move == 0 else int(move < 0)
    share_volume(draw(key, start_s, SIZES), max(volume, count), count, out)
    times = draw(key, start_s, TIMES)
    quarter_us = candle_s * QUARTER_US
    for place in range(count):
        part = np.int64((times >> np.uint64(16 * place)) & np.uint64(0xFFFF))
        inside_us = place * quarter_us + part * quarter_us // 0x10000
        out[place, TIME_NS] = start_s * SECOND_NS + inside_us * MICROSECOND_NS
    return count


@compile_lean
def printed(
    key: int, start_s: int, open: int, high: int, low: int, close: int, volume: int
) -> tuple[int, int]:
    """Number of a candle's trades, and 1 if the last one's maker bought: all a quote depends on.

    The last trade's price is the close. Without trades both are 0, and the quote stays.
    """
    if volume <= 0:
        return 0, 0
    path = draw(key, start_s, PATH)
    second, third = (high, low) if coin(path, 0) == 1 else (low, high)
    if volume >= TRADES:
        count = TRADES
        before = third
    else:
        count = 1
        before = open
        if second != open and second != close:
            count += 1
            before = second
        if third != open and third != close and third != second:
            count += 1
            before = third
        if count > 1 or open != close:
            count += 1
    if count == 1 or before == close:
        return count, coin(path, count)
    return count, int(close < before)


@compile_lean
def printed_volume(open: int, high: int, low: int, close: int, volume: int) -> int:
    """Lots of a candle's trades: its volume, raised where that is too small for its prices."""
    if volume <= 0:
        return 0
    if volume >= TRADES:
        return volume
    between = int(low != open and low != close)
    between += int(high != open and high != close and high != low)
    needed = 1 if between == 0 and open == close else 2 + between
    return max(volume, needed)


@compile_lean
def share_volume(noise: np.uint64, volume: int, count: int, out: Table) -> None:
    """Share a volume among the trades by seeded weights of 1 to 256, each at least one lot."""
    total = 0
    for place in range(count):
        total += weight(noise, place)
    # Quotient and rest apart: volume times weight could pass an int64.
    spare = volume - count
    quotient = spare // total
    rest = spare % total
    left = volume
    for place in range(count):
        part = weight(noise, place)
        lots = quotient * part + rest * part // total + 1
        out[place, LOTS] = lots
        left -= lots
    out[count - 1, LOTS] += left


@compile_lean
def lay_path(
    path: np.uint64, open: int, high: int, low: int, close: int, volume: int, out: Table
) -> int:
    """Write the prices of the trades, and give their number."""
    second, third = (high, low) if coin(path, 0) == 1 else (low, high)
    out[0, TICKS] = open
    if volume >= TRADES:
        out[1, TICKS] = second
        out[2, TICKS] = third
        out[3, TICKS] = close
        return TRADES
    count = 1
    if second != open and second != close:
        out[count, TICKS] = second
        count += 1
    if third != open and third != close and third != second:
        out[count, TICKS] = third
        count += 1
    if count == 1 and open == close:
        return count
    out[count, TICKS] = close
    return count + 1


@compile_lean
def draw(key: int, start_s: int, use: int) -> np.uint64:
    """64 bits for one use of one candle."""
    return mix(np.uint64(key) + (np.uint64(start_s) << np.uint64(2)) + np.uint64(use))


@compile_lean
def coin(noise: np.uint64, place: int) -> int:
    """One bit of a draw."""
    return int(np.int64((noise >> np.uint64(place)) & np.uint64(1)))


@compile_lean
def weight(noise: np.uint64, place: int) -> int:
    """The weight of one trade in the split of the volume, 1 to 256."""
    return 1 + int(np.int64((noise >> np.uint64(8 * place)) & np.uint64(255)))
