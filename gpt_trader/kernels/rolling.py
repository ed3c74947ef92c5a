"""Statistics of the last `span` values: mean, deviation, highest, lowest.

Each is a step and a series, and the series is the fold of the step. All keep their window in a
ring at the end of the same state, so that one size holds for all: `ring_size(span)`.

A NaN in the input gives NaN as long as it is in the window, and no trace of it after.
"""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats

# Places in the state; the ring stands behind them.
NEXT = 0  # where in the ring the next value goes
FULL = 1  # 0.0 until `span` values came
MEAN_OR_SUM = 2  # rolling_std: mean; sma: sum; highest, lowest: the extreme
SQUARES = 3  # rolling_std: sum of squared deviations
SQUARES_MAX = 4  # rolling_std: the largest of them since they were last made anew
RING = 5

SHRUNK = 0.01
"""A sum of squares below this share of its largest is made anew: it is mostly rounding error."""


@compile_step
def ring_size(span: int) -> int:
    """Length of the state of one rolling step of `span` values."""
    return RING + span


@compile_step
def push_step(state: Floats, x: float, span: int) -> float:
    """Put `x` in the ring in the place of the oldest value, and return that one."""
    place = int(state[NEXT])
    leaving = state[RING + place]
    state[RING + place] = x
    if place + 1 < span:
        state[NEXT] = place + 1.0
    else:
        state[NEXT] = 0.0
        state[FULL] = 1.0
    return float(leaving)


@compile_step
def sma_step(state: Floats, x: float, span: int) -> float:
    """Mean of the last `span` values, or NaN before there are as many.

    The sum slides, one addition a value, and is made anew from the ring each time the ring comes
    round: its error never outgrows one span, however long a session runs.

    Parameters
    ----------
    state : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.
    x : float
        The newest value, in any unit; the mean has the same.
    span : int
        Values, at least 1; the same in every call.
    """
    leaving = push_step(state, x, span)
    if state[FULL] == 0.0:
        return math.nan
    total = state[MEAN_OR_SUM] + (x - leaving)
    if state[NEXT] == 0.0 or math.isnan(total):
        total = 0.0
        for place in range(RING, RING + span):
            total += state[place]
    state[MEAN_OR_SUM] = total
    return float(total / span)


@compile_step
def rolling_std_step(state: Floats, x: float, span: int) -> float:
    """Sample standard deviation of the last `span` values, or NaN before there are as many.

    Mean and sum of squared deviations slide by Welford's update for one value in and one out.
    They are made anew from the ring in two passes when the ring comes round and when the sum has
    shrunk a hundred times, as it does when a jump leaves the window: what is left would be
    rounding error, at worst below zero. A window of equal values gives exactly zero.

    Parameters
    ----------
    state : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.
    x : float
        The newest value, in any unit; the deviation has the same.
    span : int
        Values, at least 2; the same in every call.

    References
    ----------
    B. P. Welford (1962), Note on a Method for Calculating Corrected Sums of Squares and Products.
    """
    leaving = push_step(state, x, span)
    if state[FULL] == 0.0:
        return math.nan
    mean_before = state[MEAN_OR_SUM]
    mean = mean_before + (x - leaving) / span
    squares = state[SQUARES] + (x - leaving) * ((x - mean) + (leaving - mean_before))
    if state[NEXT] == 0.0 or not squares >= SHRUNK * state[SQUARES_MAX]:
        mean, squares = _mean_and_squares(state, x, span)
        state[SQUARES_MAX] = squares
    state[MEAN_OR_SUM] = mean
    state[SQUARES] = squares
    state[SQUARES_MAX] = max(state[SQUARES_MAX], squares)
    return math.sqrt(squares / (span - 1))


@compile_step
def _mean_and_squares(state: Floats, x: float, span: int) -> tuple[float, float]:
    """Two passes over a full ring, as distances from `x`, so that equal values give exact zero."""
    distance = 0.0
    for place in range(RING, RING + span):
        distance += state[place] - x
    mean = x + distance / span
    squares = 0.0
    for place in range(RING, RING + span):
        squares += (state[place] - mean) * (state[place] - mean)
    return mean, squares


@compile_step
def highest_step(state: Floats, x: float, span: int) -> float:
    """Highest of the last `span` values, or NaN before there are as many.

    The ring is searched when the highest value leaves it, and when the ring comes round.

    Parameters
    ----------
    state : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.
    x : float
        The newest value.
    span : int
        Values, at least 1; the same in every call.
    """
    leaving = push_step(state, x, span)
    if state[FULL] == 0.0:
        return math.nan
    top = state[MEAN_OR_SUM]
    if state[NEXT] == 0.0 or leaving == top or math.isnan(top) or math.isnan(x):
        top = _top(state, span)
    elif x > top:
        top = x
    state[MEAN_OR_SUM] = top
    return float(top)


@compile_step
def _top(state: Floats, span: int) -> float:
    top = state[RING]
    for place in range(RING, RING + span):
        value = state[place]
        if math.isnan(value):
            return math.nan
        if value > top:
            top = value
    return float(top)


@compile_step
def lowest_step(state: Floats, x: float, span: int) -> float:
    """Lowest of the last `span` values, or NaN before there are as many.

    The highest of the negated values, negated: exact, and no second rule to keep equal.
    Parameters as for `highest_step`.
    """
    return -highest_step(state, -x, span)


@compile_step
def sma_series(x: Floats, span: int, state: Floats) -> Floats:
    """Fold `sma_step` over `x`; `state` zeroed, or kept to go on from where it stopped.

    Examples
    --------
    >>> sma_series(np.array([1.0, 2.0, 4.0]), 2, np.zeros(ring_size(2)))
    array([nan, 1.5, 3. ])
    """
    out = np.empty(x.size)
    for t in range(x.size):
        out[t] = sma_step(state, x[t], span)
    return out


@compile_step
def rolling_std_series(x: Floats, span: int, state: Floats) -> Floats:
    """Fold `rolling_std_step` over `x`; `state` zeroed, or kept to go on.

    Examples
    --------
    >>> rolling_std_series(np.array([1.0, 3.0, 3.0]), 2, np.zeros(ring_size(2)))
    array([       nan, 1.41421356, 0.        ])
    """
    out = np.empty(x.size)
    for t in range(x.size):
        out[t] = rolling_std_step(state, x[t], span)
    return out


@compile_step
def highest_series(x: Floats, span: int, state: Floats) -> Floats:
    """Fold `highest_step` over `x`; `state` zeroed, or kept to go on.

    Examples
    --------
    >>> highest_series(np.array([3.0, 1.0, 2.0]), 2, np.zeros(ring_size(2)))
    array([nan,  3.,  2.])
    """
    out = np.empty(x.size)
    for t in range(x.size):
        out[t] = highest_step(state, x[t], span)
    return out


@compile_step
def lowest_series(x: Floats, span: int, state: Floats) -> Floats:
    """Fold `lowest_step` over `x`; `state` zeroed, or kept to go on.

    Examples
    --------
    >>> lowest_series(np.array([3.0, 1.0, 2.0]), 2, np.zeros(ring_size(2)))
    array([nan,  1.,  1.])
    """
    out = np.empty(x.size)
    for t in range(x.size):
        out[t] = lowest_step(state, x[t], span)
    return out
