"""The others in the book of one product at one moment, as the embedded exchange draws them.

After each trade the book is drawn anew around its price: a seeded spread, levels at seeded
distances, sizes by the usual volume of a minute before the round. What our takers take from it
stays taken until the product's next trade. A taker takes from the best price on, so all that is
taken of a side is known by its sum.

All draws are counts; the products of them that pass an int64 are made of two words.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.printing import LOTS as PRINT_LOTS
from gpt_trader.kernels.printing import (
    LOTS_MAX,
    PRINT,
    SECOND_NS,
    SIZES,
    TICKS_MAX,
    TRADES,
    draw,
    printed,
    printed_volume,
    share_volume,
)
from gpt_trader.kernels.seeded import mix
from gpt_trader.kernels.vectors import Floats, Ints, Table
from gpt_trader.kernels.wide import LOW_HALF, high_word

# Places in a product's row: what its book is drawn by, and what it is.
KEY = 0  # seed_key(seed, "book", product_id)
COUNT = 1  # trades of the product so far, 0: no book yet
PRICE = 2  # of the last of them, ticks
MAKER_BUYS = 3  # 1: its maker bought
DEPTH = 4  # lots of a usual minute, as known in the round of the last trade
TAKEN_COUNT = 5  # the COUNT that the next two belong to
TAKEN_BIDS = 6  # lots our takers took
TAKEN_ASKS = 7
NUM = 8  # num / den: cash units of one tick of one lot
DEN = 9
DOLLARS = 10  # 1: fills count into the volume that decides the fee tier
LOTS_FREE = 11  # held and not offered by a waiting sale
MARKET = 12

# Places in the model.
SPREAD_NUM = 0
SPREAD_DEN = 1
GAP_NUM = 2
GAP_DEN = 3
LEVELS = 4  # a side
SHARE_NUM = 5
SHARE_DEN = 6
AT_CLOSE = 7  # 1: any size at the last price, and nothing else
MODEL = 8

# Places in the row of a level.
LEVEL_TICKS = 0
LEVEL_LOTS = 1
LEVEL = 2

ANY_SIZE = 2**62
LEVELS_MAX = 100
DEPTH_ROUNDS = 30  # the depth follows the mean volume of as many rounds before
MINUTE_S = 60
BETWEEN_LEVELS = 1 << 20  # keeps the draws for a price apart from those for the levels
PART = np.uint64(0xFFFF)  # a draw gives whole numbers up to it
BPS = 10_000

# So much of a price or a depth may be a numerator, and so many parts, before a product overflows.
NUM_MAX = 2**22
DEN_MAX = 2**27


def book_model(
    spread_bps: Decimal, level_gap_bps: Decimal, level_count: int, depth_share: Decimal
) -> Ints:
    """Describe a seeded book; the parameters are those of the embedded exchange.

    Raises
    ------
    UsageError
        A value is negative, above all there is, or has too many digits; there are too few or too
        many levels, or they could reach twice as far as the price.
    """
    if not 1 <= level_count <= LEVELS_MAX:
        raise UsageError(f"level_count is {level_count}; must be from 1 to {LEVELS_MAX}")
    if level_count * level_gap_bps > BPS:
        raise UsageError(
            f"{level_count} levels of up to {level_gap_bps} bps each pass the {BPS} bps of a price"
        )
    model = np.zeros(MODEL, np.int64)
    model[SPREAD_NUM : SPREAD_DEN + 1] = _ratio("spread_bps", spread_bps, BPS)
    model[GAP_NUM : GAP_DEN + 1] = _ratio("level_gap_bps", level_gap_bps, BPS)
    model[SHARE_NUM : SHARE_DEN + 1] = _ratio("depth_share", depth_share, 1)
    model[LEVELS] = level_count
    return model


def at_close_model() -> Ints:
    """Describe a book in which any size can be had at the last price, without a spread."""
    model = np.zeros(MODEL, np.int64)
    model[LEVELS] = 1
    model[AT_CLOSE] = 1
    return model


def depths(key: int, candles: Candles, rows: Ints, rounds: int) -> Ints:
    """Lots of a usual minute, as known before each round is over, for a product's whole tape.

    Parameters
    ----------
    key : int
        The one of the product's trades: ``seed_key(seed, "trades", product_id)``.
    candles, rows
        The product's candles with volume, and the number of the round of each, from 0.
    rounds : int
        Of the tape. A round is one time at which any product has a row, with volume or not.

    Returns
    -------
    int64, shape (rounds,)
        The mean of the 30 rounds before, but a quarter of the mean of all before at least; the
        first round has only itself. At least 1.

    Raises
    ------
    UsageError
        A price above `TICKS_MAX`, or a volume above `LOTS_MAX` a minute: no draw was made for it.
    """
    released = np.zeros(rounds + 1)
    out = np.zeros(rounds, np.int64)
    sizes = np.zeros((TRADES, PRINT), np.int64)
    depth_series(key, candles, rows, sizes, released, out)
    if candles.high.max(initial=0.0) > TICKS_MAX or out.max(initial=0) > LOTS_MAX:
        raise UsageError(
            f"a price above {TICKS_MAX} price increments, or more than {LOTS_MAX} base increments "
            "a minute: the book cannot be drawn"
        )
    return out


@compile_lean
def depth_series(
    key: int, candles: Candles, rows: Ints, sizes: Table, released: Floats, out: Ints
) -> None:
    """Fill in the lots released after each round, and the depths; same floats as the exchange."""
    total = 0.0
    candle = 0
    for place in range(out.size):
        if candle < rows.size and rows[candle] == place:
            total = released_after(key, candles, candle, total, sizes)
            candle += 1
        released[place + 1] = total
    minute = MINUTE_S / (candles.candle_ns // SECOND_NS)
    for place in range(out.size):
        depth = released[1]
        if place > 0:
            first = max(place - DEPTH_ROUNDS, 0)
            recent = (released[place] - released[first]) / (place - first)
            depth = max(recent, released[place] / place / 4)
        out[place] = int(max(depth * minute, 1.0))


@compile_lean
def released_after(key: int, candles: Candles, candle: int, total: float, sizes: Table) -> float:
    """All lots up to and with a candle, summed trade by trade where a float64 would round."""
    open, high = int(candles.open[candle]), int(candles.high[candle])
    low, close = int(candles.low[candle]), int(candles.close[candle])
    start_s = candles.start_ns[candle] // SECOND_NS
    volume = printed_volume(open, high, low, close, int(candles.volume[candle]))
    if total + float(volume) < LOTS_MAX:
        return total + float(volume)
    count, _ = printed(key, start_s, open, high, low, close, volume)
    share_volume(draw(key, start_s, SIZES), volume, count, sizes)
    for place in range(count):
        total += float(sizes[place, PRINT_LOTS])
    return total


@compile_lean
def tops(
    key: int, count: int, price: int, maker_buys: int, depth: int, model: Ints
) -> tuple[int, int, int, int]:
    """Best bid, its lots, best ask, its lots; a bid of 0 and no lots where there is none.

    Parameters
    ----------
    key, count, price, maker_buys, depth : int64
        As in the product's row.
    """
    bid, ask = best_prices(key, count, price, maker_buys, model)
    if count == 0 or model[AT_CLOSE] == 1:
        size = ANY_SIZE if count > 0 else 0
        return bid, size, ask, size
    noise = noise_of(key, count)
    ask_lots = level_lots(depth, 0, mix(noise + np.uint64(1)), model)
    if bid == 0:
        return 0, 0, ask, ask_lots
    return bid, level_lots(depth, 0, mix(noise) >> np.uint64(16), model), ask, ask_lots


@compile_lean
def best_prices(key: int, count: int, price: int, maker_buys: int, model: Ints) -> tuple[int, int]:
    """Best bid and best ask, which is much quicker than with their lots; 0 where there is none.

    The trade printed at the best bid if its maker bought, else at the best ask; the other side is
    a seeded spread of at least one tick away.
    """
    if count == 0:
        return 0, 0
    if model[AT_CLOSE] == 1:
        return price, price
    part = mix(noise_of(key, count)) & PART
    wide = np.uint64(price) * np.uint64(model[SPREAD_NUM])
    spread = 1 + fraction(wide, part * part * part, 48, model[SPREAD_DEN])
    if maker_buys == 1:
        return price, price + spread
    return max(price - spread, 0), price


@compile_lean
def walk(
    market: Ints, model: Ints, sign: int, lots: int, limit: int, own: int, levels: Table
) -> int:
    """Find what a taker would get now, best price first, without taking it.

    Parameters
    ----------
    sign : int64
        +1: buys from the asks; -1: sells to the bids.
    limit : int64
        The worst price in ticks, or `MARKET_PRICE`.
    own : int64
        Price of an order of ours that waits on the other side, 0 for none; nothing is taken at
        its price or beyond.
    levels : int64, shape (at least model[LEVELS], LEVEL)
        Filled with ticks and lots.

    Returns
    -------
    int64
        Rows filled.
    """
    price, size = best_level(market, model, sign)
    taken = taken_lots(market, sign)
    found = 0
    place = 0
    while price > 0 and lots > 0:
        hidden = min(taken, size)
        taken -= hidden
        part = min(size - hidden, lots)
        if part > 0:
            if is_beyond(sign, price, limit) or (own > 0 and sign * (price - own) >= 0):
                break
            levels[found, LEVEL_TICKS] = price
            levels[found, LEVEL_LOTS] = part
            found += 1
            lots -= part
        place += 1
        if place == model[LEVELS]:
            break
        price, size = next_level(market, model, sign, place, price)
    return found


@compile_lean
def take(market: Ints, sign: int, lots: int) -> None:
    """Remember what a taker took, until the product's next trade."""
    if market[TAKEN_COUNT] != market[COUNT]:
        market[TAKEN_COUNT] = market[COUNT]
        market[TAKEN_BIDS] = 0
        market[TAKEN_ASKS] = 0
    market[TAKEN_ASKS if sign > 0 else TAKEN_BIDS] += lots


@compile_lean
def queue_ahead(market: Ints, model: Ints, sign: int, limit: int) -> int:
    """Lots of others before a new order of ours that waits at a price."""
    if model[AT_CLOSE] == 1:
        return 0
    price, size = best_level(market, model, -sign)
    taken = taken_lots(market, -sign)
    place = 0
    seen = False
    while price > 0 and sign * (price - limit) >= 0:
        hidden = min(taken, size)
        taken -= hidden
        if size > hidden:
            seen = True
            if price == limit:
                return size - hidden
        place += 1
        if place == model[LEVELS]:
            break
        price, size = next_level(market, model, -sign, place, price)
    if not seen:
        return 0  # better than the best: nobody is there
    noise = noise_of(market[KEY], market[COUNT]) + np.uint64(BETWEEN_LEVELS) + np.uint64(limit)
    return level_lots(market[DEPTH], model[LEVELS] // 2, mix(noise), model)


@compile_lean
def best_level(market: Ints, model: Ints, sign: int) -> tuple[int, int]:
    """Ticks and lots of the best level a buyer (+1) or a seller (-1) finds; 0, 0 for none."""
    bid, bid_lots, ask, ask_lots = tops(
        market[KEY], market[COUNT], market[PRICE], market[MAKER_BUYS], market[DEPTH], model
    )
    if sign > 0:
        return ask, ask_lots
    return bid, bid_lots


@compile_lean
def next_level(market: Ints, model: Ints, sign: int, place: int, price: int) -> tuple[int, int]:
    """Ticks and lots of the level after the one at `price`; below 1 tick there is none."""
    use = 2 * place + (1 if sign > 0 else 0)
    drawn = mix(noise_of(market[KEY], market[COUNT]) + np.uint64(use))
    part = (drawn >> np.uint64(32)) & PART
    wide = np.uint64(price) * np.uint64(model[GAP_NUM])
    gap = 1 + fraction(wide, part * part, 32, model[GAP_DEN])
    return price + sign * gap, level_lots(market[DEPTH], place, drawn, model)


@compile_lean
def taken_lots(market: Ints, sign: int) -> int:
    """Lots our takers took since the last trade of what a buyer (+1) or seller (-1) finds."""
    if market[TAKEN_COUNT] != market[COUNT]:
        return 0
    return int(market[TAKEN_ASKS if sign > 0 else TAKEN_BIDS])


@compile_lean
def level_lots(depth: int, place: int, drawn: np.uint64, model: Ints) -> int:
    """From 0.2 to 2 times the share of the depth, and half as much again for each level down."""
    part = (drawn & PART) * np.uint64(18) + np.uint64(2 << 16)
    weight = np.uint64(model[SHARE_NUM] * (2 + place)) * part
    return max(1, fraction(np.uint64(depth), weight, 16, model[SHARE_DEN] * 20))


@compile_lean
def fraction(first: np.uint64, second: np.uint64, shift: int, den: int) -> int:
    """``first * second // (den << shift)`` for shifts of 1 to 63, den below 2**32.

    A product of up to 128 bits, and a quotient that fits into an int64.
    """
    upper = high_word(first, second)
    lower = ((first * second) >> np.uint64(shift)) | (upper << np.uint64(64 - shift))
    upper = upper >> np.uint64(shift)
    if upper == 0:
        return int(np.int64(lower // np.uint64(den)))
    # By hand, in halves: the rest of a division by less than 2**32 leaves room for one more.
    rest = ((upper % np.uint64(den)) << np.uint64(32)) | (lower >> np.uint64(32))
    high = rest // np.uint64(den)
    rest = ((rest % np.uint64(den)) << np.uint64(32)) | (lower & LOW_HALF)
    return int(np.int64((high << np.uint64(32)) | (rest // np.uint64(den))))


@compile_lean
def noise_of(key: int, count: int) -> np.uint64:
    """What all draws of one moment begin with."""
    return mix(np.uint64(key) + np.uint64(count))


@compile_lean
def is_beyond(sign: int, price: int, limit: int) -> bool:
    """Whether a price is worse than the limit of a buyer (+1) or a seller (-1)."""
    return limit != MARKET_PRICE and sign * (price - limit) > 0


def _ratio(name: str, value: Decimal, parts: int) -> tuple[int, int]:
    num, den = (Fraction(value) / parts).as_integer_ratio()
    if not 0 <= num <= den:
        raise UsageError(f"{name} is {value}; must be from 0 to {parts}")
    if num > NUM_MAX or den > DEN_MAX:
        raise UsageError(f"{name} is {value}, which has too many digits")
    return num, den
