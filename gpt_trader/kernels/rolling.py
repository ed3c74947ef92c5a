"""Statistics of the last `span` values of anything that is no column of candles.

For a mean of a strength, a highest deviation: the values are kept in a ring, ``ring_size(span)``
long, which a strategy asks for with ``state={"ring": lambda p: ring_size(p.span)}``. Of closes,
highs and lows the window stands in the candles, and `averages` and `channels` need no ring.

A NaN in the input gives NaN as long as it is in the window, and no trace of it after.
"""

import math

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.compile import compile_aside, compile_lean
from gpt_trader.kernels.vectors import Floats

# Places in a ring; the values stand behind them.
NEXT = 0  # where in the ring the next value goes; below zero: a size that it does not have
FULL = 1  # 0.0 until `span` values came
MEAN_OR_SUM = 2  # deviation: mean; mean: sum; highest, lowest: the extreme
SQUARES = 3  # deviation: sum of squared deviations
SQUARES_MAX = 4  # deviation: the largest of them since they were last made anew
RING = 5

SHRUNK = 0.01
"""A sum of squares below this share of its largest is made anew: it is mostly rounding error."""


class RingTooSmall(UsageError):
    """A ring holds fewer values than the span that it was handed with; nothing was overwritten."""


@compile_lean
def ring_size(span: int) -> int:
    """Length of the ring of a rolling step of `span` values."""
    return RING + span


@compile_lean
def _push(x: float, span: int, ring: Floats) -> float:
    """Put `x` in the ring in the place of the oldest value, and return that one."""
    if ring.size < RING + span:
        ring[NEXT] = -float(RING + span)
        raise RingTooSmall("a memory is too small for its span: it needs gt.ring_size(span) values")
    place = int(ring[NEXT])
    leaving = ring[RING + place]
    ring[RING + place] = x
    if place + 1 < span:
        ring[NEXT] = place + 1.0
    else:
        ring[NEXT] = 0.0
        ring[FULL] = 1.0
    return float(leaving)


@compile_lean
def rolling_mean(x: float, span: int, ring: Floats) -> float:
    """Mean of the last `span` values, or NaN before there are as many.

    The sum slides, one addition a value, and is made anew from the ring each time the ring comes
    round: its error never outgrows one span, however long a session runs.

    Parameters
    ----------
    x : float
        The newest value, in any unit; the mean has the same.
    span : int
        Values, at least 1; the same in every call.
    ring : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.
    """
    leaving = _push(x, span, ring)
    if ring[FULL] == 0.0:
        return math.nan
    total = ring[MEAN_OR_SUM] + (x - leaving)
    if ring[NEXT] == 0.0 or math.isnan(total):
        total = 0.0
        for place in range(RING, RING + span):
            total += ring[place]
    ring[MEAN_OR_SUM] = total
    return float(total / span)


@compile_lean
def rolling_deviation(x: float, span: int, ring: Floats) -> float:
    """Sample standard deviation of the last `span` values, or NaN before there are as many.

    Mean and sum of squared deviations slide by Welford's update for one value in and one out.
    They are made anew from the ring in two passes when the ring comes round and when the sum has
    shrunk a hundred times, as it does when a jump leaves the window: what is left would be
    rounding error, at worst below zero. A window of equal values gives exactly zero.

    Parameters
    ----------
    x : float
        The newest value, in any unit; the deviation has the same.
    span : int
        Values, at least 2; the same in every call.
    ring : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.

    References
    ----------
    B. P. Welford (1962), Note on a Method for Calculating Corrected Sums of Squares and Products.
    """
    leaving = _push(x, span, ring)
    if ring[FULL] == 0.0:
        return math.nan
    mean_before = ring[MEAN_OR_SUM]
    mean = mean_before + (x - leaving) / span
    squares = ring[SQUARES] + (x - leaving) * ((x - mean) + (leaving - mean_before))
    if ring[NEXT] == 0.0 or not squares >= SHRUNK * ring[SQUARES_MAX]:
        mean, squares = _mean_and_squares(x, span, ring)
        ring[SQUARES_MAX] = squares
    ring[MEAN_OR_SUM] = mean
    ring[SQUARES] = squares
    ring[SQUARES_MAX] = max(ring[SQUARES_MAX], squares)
    return math.sqrt(squares / (span - 1))


@compile_aside
def _mean_and_squares(x: float, span: int, ring: Floats) -> tuple[float, float]:
    """Two passes over a full ring, as distances from `x`, so that equal values give exact zero."""
    distance = 0.0
    for place in range(RING, RING + span):
        distance += ring[place] - x
    mean = x + distance / span
    squares = 0.0
    for place in range(RING, RING + span):
        squares += (ring[place] - mean) * (ring[place] - mean)
    return mean, squares


@compile_lean
def rolling_highest(x: float, span: int, ring: Floats) -> float:
    """Highest of the last `span` values, or NaN before there are as many.

    The ring is searched when the highest value leaves it, and when the ring comes round.

    Parameters
    ----------
    x : float
        The newest value.
    span : int
        Values, at least 1; the same in every call.
    ring : float64, shape (ring_size(span),)
        Changed in place. Zeros before the first value.
    """
    leaving = _push(x, span, ring)
    if ring[FULL] == 0.0:
        return math.nan
    top = ring[MEAN_OR_SUM]
    if ring[NEXT] == 0.0 or leaving == top or math.isnan(top) or math.isnan(x):
        top = _top(span, ring)
    elif x > top:
        top = x
    ring[MEAN_OR_SUM] = top
    return float(top)


@compile_aside
def _top(span: int, ring: Floats) -> float:
    top = ring[RING]
    for place in range(RING, RING + span):
        value = ring[place]
        if math.isnan(value):
            return math.nan
        if value > top:
            top = value
    return float(top)


@compile_lean
def rolling_lowest(x: float, span: int, ring: Floats) -> float:
    """Lowest of the last `span` values, or NaN before there are as many.

    The highest of the negated values, negated: exact, and no second rule to keep equal.
    Parameters as for `rolling_highest`.
    """
    return -rolling_highest(-x, span, ring)
