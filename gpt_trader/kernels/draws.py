"""Random numbers that are a function of a seed and a position, and nothing else.

A generator with a state gives other numbers when the work is cut in other pieces; one that counts
gives draw 17 of seed 3 on any core, in any order. `draw_bits` is SplitMix64, whose state is just
a counter times a constant: Steele, Lea and Flood (2014), Fast splittable pseudorandom number
generators, OOPSLA, figure 16. No entropy, no clock: the same call gives the same numbers for ever.
"""

import numpy as np

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.seeded import STEP, mix
from gpt_trader.kernels.vectors import Ints

SHIFT_MANTISSA = np.uint64(11)

UNIT = 2.0**-53
"""The step between two neighbouring draws from [0, 1)."""


@compile_step
def draw_bits(seed: int, position: int) -> np.uint64:
    """Draw `position` of the sequence that `seed` names: 64 bits, positions from 0.

    Examples
    --------
    >>> int(draw_bits(1234567, 0)), int(draw_bits(1234567, 1))
    (6457827717110365317, 3203168211198807973)
    """
    return mix(np.uint64(seed) + np.uint64(position) * STEP)


@compile_step
def seed_of(seed: int, number: int) -> int:
    """The seed of repetition `number` of an experiment, so that each has a sequence of its own."""
    return int(np.int64(draw_bits(seed, number)))


@compile_step
def draw_unit(seed: int, position: int) -> float:
    """A number from [0, 1), every multiple of 2**-53 equally likely."""
    return float(np.float64(draw_bits(seed, position) >> SHIFT_MANTISSA) * UNIT)


@compile_step
def draw_below(bound: int, seed: int, position: int) -> int:
    """A whole number from 0 to ``bound - 1``; `bound` from 1 to 2**31, so none is favoured."""
    return int(draw_unit(seed, position) * bound)


@compile_step
def shuffle(places: Ints, seed: int) -> None:
    """Bring `places` into a random order, in place; all orders are equally likely.

    References
    ----------
    R. Durstenfeld (1964), Algorithm 235: Random permutation, Communications of the ACM 7.
    """
    for last in range(places.size - 1, 0, -1):
        other = draw_below(last + 1, seed, last)
        kept = places[last]
        places[last] = places[other]
        places[other] = kept


@compile_step
def draw_places(places: Ints, bound: int, seed: int) -> None:
    """Fill `places` with positions below `bound`, each independent of the others.

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife, Annals of Statistics 7.
    """
    for i in range(places.size):
        places[i] = draw_below(bound, seed, i)


@compile_step
def draw_stationary_blocks(places: Ints, block_mean: float, seed: int) -> None:
    """Fill `places` with runs of neighbours whose lengths are geometric with mean `block_mean`.

    Runs of one fixed length make a series whose statistics depend on the position; these do not.

    Parameters
    ----------
    places : int64, shape (T,)
        Changed in place.
    block_mean : float64
        At least 1, which makes every place independent.

    References
    ----------
    Politis and Romano (1994), The stationary bootstrap, J. American Statistical Association 89.
    """
    for i in range(places.size):
        if i == 0 or draw_unit(seed, 2 * i) * block_mean < 1.0:
            places[i] = draw_below(places.size, seed, 2 * i + 1)
        else:
            places[i] = (places[i - 1] + 1) % places.size
