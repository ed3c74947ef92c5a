"""Accounts of a strategy that only its own step knows: its targets are searched for changes.

The step gives a target for each candle, 64 of which are compared with the one before at a time.
What follows from a change is what `following` does.
"""

import numpy as np

from gpt_trader.kernels.account import DAY
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.following import LEFT, Accounts, Place, advance, glide_together
from gpt_trader.kernels.vectors import Floats, Grid, Table
from gpt_trader.kernels.words import WORD, equal_word, lowest_bit, nan_word

NO_BITS = np.uint64(0)
ONE_BIT = np.uint64(1)
ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)

NOTHING = 0.0  # in place of a level: no change is to a position
SEVERAL = -1.0  # changes are to more than one


@compile_lean
def changed_word(targets: Floats, place: int) -> np.uint64:
    """The bits of 64 targets that are others than the ones before them; NaN is equal to NaN."""
    bits = ~equal_word(targets, place, targets, place - 1)
    if bits != NO_BITS:
        before = place - 1
        unknown = nan_word(targets, place, targets, place)
        bits &= ~(unknown & nan_word(targets, before, targets, before))
    return bits


@compile_lean
def find_changes(
    targets: Floats, bounds: tuple[int, int, int], events: Table, levels: Floats
) -> tuple[int, float]:
    """Write down where targets change, and to what.

    Parameters
    ----------
    targets : float64
        The one before the first candle, those of the candles, and room for `WORD` more.
    bounds : tuple of int
        The first candle, how many there are, and the place of the first level.
    events : int64, shape (candles + 1, 2)
        Written: the candle, and the place of its target among the levels.
    levels : float64
        Written: the new targets.

    Returns
    -------
    tuple
        How many changes there are, and the only level above zero; else `NOTHING` or `SEVERAL`.
    """
    first, count, place = bounds
    found, level = 0, NOTHING
    for begin in range(0, count, WORD):
        bits = changed_word(targets, begin + 1)
        if count - begin < WORD:
            bits &= ~(ALL_BITS << np.uint64(count - begin))
        while bits != NO_BITS:
            t = begin + lowest_bit(bits)
            bits &= bits - ONE_BIT
            target = targets[t + 1]
            events[found, 0], events[found, 1] = first + t, place + found
            levels[place + found] = target
            found += 1
            if target > 0.0:
                level = joined_level(level, target)
    return found, level


@compile_lean
def joined_level(level: float, other: float) -> float:
    """One level of two, where one is nothing or they are the same."""
    if level in (NOTHING, other):
        return other
    return level if other == NOTHING else SEVERAL


@compile_aside
def follow_targets(
    targets: Grid, levels: Floats, accounts: Accounts, place: Place, bounds: tuple[int, int, int]
) -> float:
    """Take several accounts through a block of their targets.

    Parameters
    ----------
    targets : float64, shape (lanes, any)
        A row as for `find_changes`.
    levels : float64, shape (lanes * most candles,)
        Scratch.
    place : Place
        Its rules are those of one level.
    bounds : tuple of int
        The first combination, the block's first candle, and how many it has.

    Returns
    -------
    float64
        The level of all of them, see `find_changes`.
    """
    combination, first, count = bounds
    lanes = min(targets.shape[0], accounts.states.size - combination)
    level = NOTHING
    for lane in range(lanes):
        whose = (combination + lane, lane)
        spot = (first, count, lane * (levels.size // targets.shape[0]))
        found, own = find_changes(targets[lane], spot, place.events[lane], levels)
        level = joined_level(level, own)
        place.taken[lane] = 0
        if accounts.states[whose[0]] == LEFT:
            found = 0
        if found > 0 and accounts.sessions[whose[0], DAY] < 0:
            place.counts[lane] = 1  # nobody glides over the first candle of all
            advance(levels, accounts, place, whose, 0)
        place.counts[lane] = found
    if level in (NOTHING, place.rules.level):
        glide_together(levels, accounts, place, combination, combination + lanes)
    for lane in range(lanes):
        if place.taken[lane] < place.counts[lane]:
            advance(levels, accounts, place, (combination + lane, lane), 0)
    return level
