"""The same round trips, days or candles in another order: what chance alone would have made."""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.draws import draw_places, draw_stationary_blocks, seed_of, shuffle
from gpt_trader.kernels.vectors import Floats, Grid, Ints, Table

# Columns of an outcome.
GROWTH = 0  # equity at the end, as a multiple of the start
DEEPEST = 1  # fraction lost from the highest equity before
LOWEST = 2  # smallest equity, as a multiple of the start
OUTCOME = 3


@compile_step
def compound(returns: Floats, places: Ints, outcome: Floats) -> None:
    """Compound the returns in the order of `places`; an equity of nothing ends it."""
    equity = 1.0
    peak = 1.0
    outcome[DEEPEST] = 0.0
    outcome[LOWEST] = 1.0
    for place in places:
        equity = max(0.0, equity * (1.0 + returns[place]))
        peak = max(peak, equity)
        outcome[DEEPEST] = max(outcome[DEEPEST], 1.0 - equity / peak)
        outcome[LOWEST] = min(outcome[LOWEST], equity)
    outcome[GROWTH] = equity


@compile_step
def compound_shuffled(returns: Floats, outcomes: Grid, seed: int) -> None:
    """Fill each row of `outcomes`, shape (N, 3), with the same returns in a random order."""
    places = np.arange(returns.size)
    for i in range(len(outcomes)):
        shuffle(places, seed_of(seed, i))
        compound(returns, places, outcomes[i])


@compile_step
def compound_drawn(returns: Floats, outcomes: Grid, seed: int) -> None:
    """Fill each row of `outcomes` with as many returns, drawn with replacement."""
    places = np.empty(returns.size, np.int64)
    for i in range(len(outcomes)):
        draw_places(places, returns.size, seed_of(seed, i))
        compound(returns, places, outcomes[i])


@compile_step
def resample_days(returns: Floats, block_mean: float, seed: int) -> Floats:
    """The returns of days drawn in stationary blocks, as many as there were."""
    places = np.empty(returns.size, np.int64)
    draw_stationary_blocks(places, block_mean, seed)
    return returns[places]


@compile_step
def permute_candles(prices: Table, places: Ints, first: int, seed: int) -> None:
    """Permute the shapes of candles and, apart from them, the gaps between them; in place.

    A candle's shape is its high, low and close over its open; its gap, its open over the close
    before. All of each stay in the tape, in another order, so that the last close stays where it
    was but for the rounding to whole price increments, and every order in time is destroyed.

    Parameters
    ----------
    prices : int64, shape (4, T)
        Open, high, low and close in price increments, changed in place.
    places : int64, shape (T,)
        Becomes the candle whose shape stands at each place now: volumes go along.
    first : int64
        The first candle that moves, at least 1: those before are the strategy's warm-up.

    References
    ----------
    T. Masters (2018), Permutation and Randomization Tests for Trading System Development,
    "Permuting bars".
    """
    count = prices.shape[1] - first
    gaps = np.empty(count)
    shapes = np.empty((3, count))
    for i in range(count):
        t = first + i
        gaps[i] = math.log(prices[0, t] / prices[3, t - 1])
        for row in range(3):
            shapes[row, i] = math.log(prices[row + 1, t] / prices[0, t])
    of_gaps = np.arange(count)
    of_shapes = np.arange(count)
    shuffle(of_gaps, seed_of(seed, 0))
    shuffle(of_shapes, seed_of(seed, 1))
    level = math.log(prices[3, first - 1])
    for i in range(count):
        shape = of_shapes[i]
        level += gaps[of_gaps[i]]
        prices[0, first + i] = whole_price(level)
        for row in range(3):
            prices[row + 1, first + i] = whole_price(level + shapes[row, shape])
        level += shapes[2, shape]
        places[first + i] = first + shape


@compile_step
def whole_price(level: float) -> int:
    """The price increments nearest to a logarithm, at least one: a price of nothing is none."""
    return max(1, math.floor(math.exp(level) + 0.5))
