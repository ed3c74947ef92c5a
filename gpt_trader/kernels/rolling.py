"""Windows over the newest values: mean, deviation, highest, lowest.

A window's state is a flat float64 vector: how many values came, where the next one goes, and the
values themselves in a ring. Every answer is computed from the ring anew, never from a running
sum: a running sum drifts away from its window, and after a restart it would drift differently.
"""

import math

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats

COUNT, NEXT, RING = 0, 1, 2


def window_size(span: int) -> int:
    """How long the state of a window of `span` values is."""
    return RING + span


@compile_step
def push_step(state: Floats, span: int, x: float) -> int:
    """Take `x` into a window and return how many values it holds.

    Parameters
    ----------
    state : float64, shape (window_size(span),)
        Changed in place. Zeros before the first value.
    span : int
        Values kept, at least 1.
    """
    slot = int(state[NEXT])
    state[RING + slot] = x
    state[NEXT] = (slot + 1) % span
    if state[COUNT] < span:
        state[COUNT] += 1.0
    return int(state[COUNT])


@compile_step
def mean_of_newest(state: Floats, span: int, newest: int) -> float:
    """Mean of the `newest` values of a window, added from the oldest to the newest.

    NaN while the window holds fewer, or while one of them is NaN.
    """
    if state[COUNT] < newest:
        return math.nan
    slot = int(state[NEXT]) - newest
    if slot < 0:
        slot += span
    total = 0.0
    for _ in range(newest):
        total += state[RING + slot]
        slot += 1
        if slot == span:
            slot = 0
    return total / newest


@compile_step
def sma_step(state: Floats, span: int, x: float) -> float:
    """Simple moving average of the newest `span` values, quote per base.

    NaN for the first ``span - 1`` values, and while a NaN is in the window.

    Examples
    --------
    >>> state = np.zeros(window_size(2))
    >>> [sma_step(state, 2, x) for x in (1.0, 2.0, 4.0)]
    [nan, 1.5, 3.0]
    """
    push_step(state, span, x)
    return mean_of_newest(state, span, span)


@compile_step
def deviation_of(state: Floats, span: int) -> float:
    """Sample standard deviation (n - 1) of a full window, in two passes; NaN before it is full."""
    if state[COUNT] < span or span < 2:
        return math.nan
    mean = mean_of_newest(state, span, span)
    total = 0.0
    for i in range(span):
        gap = state[RING + i] - mean
        total += gap * gap
    return math.sqrt(total / (span - 1))


@compile_step
def rolling_std_step(state: Floats, span: int, x: float) -> float:
    """Sample standard deviation of the newest `span` values; NaN before there are so many."""
    push_step(state, span, x)
    return deviation_of(state, span)


@compile_step
def highest_of(state: Floats, span: int) -> float:
    """Highest value of a full window; NaN before it is full, and while it holds a NaN."""
    if state[COUNT] < span:
        return math.nan
    best = state[RING]
    for i in range(1, span):
        x = state[RING + i]
        # `max` would let a NaN pass unseen: every comparison with one is false.
        if x > best or x != x:
            best = x
    return best


@compile_step
def lowest_of(state: Floats, span: int) -> float:
    """Lowest value of a full window; NaN before it is full, and while it holds a NaN."""
    if state[COUNT] < span:
        return math.nan
    best = state[RING]
    for i in range(1, span):
        x = state[RING + i]
        if x < best or x != x:
            best = x
    return best


@compile_step
def highest_step(state: Floats, span: int, x: float) -> float:
    """Highest of the newest `span` values; NaN before there are so many."""
    push_step(state, span, x)
    return highest_of(state, span)


@compile_step
def lowest_step(state: Floats, span: int, x: float) -> float:
    """Lowest of the newest `span` values; NaN before there are so many."""
    push_step(state, span, x)
    return lowest_of(state, span)


def series_of(step: object, span: int, xs: Floats) -> Floats:
    """A whole series through a window's step: the fold of the step, and nothing else.

    Parameters
    ----------
    step : one of the steps above
    xs : float64, shape (T,)
        Oldest first.

    Returns
    -------
    float64, shape (T,)
    """
    assert callable(step)
    state = np.zeros(window_size(span))
    return np.array([step(state, span, x) for x in xs], dtype=np.float64)
