"""Draws that are pure functions of a seed and of what they are for; equal to the exchange's."""

import hashlib

import numpy as np

from gpt_trader.kernels.compile import compile_lean

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


def seed_key(seed: int, *words: str) -> int:
    """Stand for one use of the seed by 64 bits, as an int64: ``seed_key(1, "book", "BTC-USD")``.

    The words the exchange's market is drawn by are "trades" and "book", each with the product.
    """
    digest = hashlib.sha256("/".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@compile_lean
def mix(value: np.uint64) -> np.uint64:
    """Scatter 64 bits.

    References
    ----------
    Steele, Lea and Flood (2014), Fast Splittable Pseudorandom Number Generators: splitmix64.
    """
    value = value + STEP
    value = (value ^ (value >> np.uint64(30))) * FIRST
    value = (value ^ (value >> np.uint64(27))) * SECOND
    return value ^ (value >> np.uint64(31))
