"""Everything random in the exchange: a pure function of the seed and of what it is for."""

import hashlib
import uuid

import numpy as np
from numpy.typing import NDArray

MASK = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
FIRST = 0xBF58476D1CE4E5B9
SECOND = 0x94D049BB133111EB


def seed_key(seed: int, *words: str) -> int:
    """Give 64 bits that stand for one use of the seed."""
    return int.from_bytes(_digest(seed, words)[:8], "big")


def seeded_uuid(seed: int, *words: str) -> str:
    """Give an id that looks like a random UUID and is the same for the same seed and use."""
    return str(uuid.UUID(bytes=_digest(seed, words)[:16], version=4))


def mix(value: int) -> int:
    """Scatter 64 bits (splitmix64; Steele, Lea and Flood, 2014)."""
    value = (value + STEP) & MASK
    value = ((value ^ (value >> 30)) * FIRST) & MASK
    value = ((value ^ (value >> 27)) * SECOND) & MASK
    return value ^ (value >> 31)


def mix_array(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter each element of an array as ``mix`` does."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(STEP)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(FIRST)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(SECOND)
    return values ^ (values >> np.uint64(31))


def _digest(seed: int, words: tuple[str, ...]) -> bytes:
    return hashlib.sha256("/".join((str(seed), *words)).encode()).digest()
