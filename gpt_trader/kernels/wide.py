"""Products of two int64 that need 128 bits: compared, and divided by a third number."""

import numpy as np

from gpt_trader.kernels.compile import compile_lean

LOW_HALF = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


@compile_lean
def high_word(first: np.uint64, second: np.uint64) -> np.uint64:
    """The upper 64 bits of the product of two unsigned words."""
    low_low = (first & LOW_HALF) * (second & LOW_HALF)
    high_low = (first >> HALF) * (second & LOW_HALF)
    low_high = (first & LOW_HALF) * (second >> HALF)
    carried = (low_low >> HALF) + (high_low & LOW_HALF) + (low_high & LOW_HALF)
    upper = (high_low >> HALF) + (low_high >> HALF) + (carried >> HALF)
    return np.uint64((first >> HALF) * (second >> HALF) + upper)


@compile_lean
def product_is_greater(a: int, b: int, c: int, d: int) -> bool:
    """Whether ``a * b > c * d``, exactly; none of the four is negative.

    Examples
    --------
    >>> product_is_greater(2**62, 2**62, 2**62 - 1, 2**62), product_is_greater(3, 5, 15, 1)
    (True, False)
    """
    left_high = high_word(np.uint64(a), np.uint64(b))
    right_high = high_word(np.uint64(c), np.uint64(d))
    if left_high != right_high:
        return bool(left_high > right_high)
    return bool(np.uint64(a) * np.uint64(b) > np.uint64(c) * np.uint64(d))


@compile_lean
def part_of(whole: int, share: int, of: int) -> int:
    """``whole * share // of`` for 0 <= share <= of and 1 <= of < 2**61, exactly.

    The float quotient is off by some units at most; what it leaves over is small, so it survives
    in the lower 64 bits of the products and says by how many.

    Examples
    --------
    >>> part_of(10**16 + 1, 2 * 10**12 + 1, 3 * 10**12)
    6666666666670000
    """
    if share == of:
        return whole
    quotient = int(float(whole) * (float(share) / float(of)))
    rest = np.int64(np.uint64(whole) * np.uint64(share) - np.uint64(quotient) * np.uint64(of))
    while rest < 0:
        quotient -= 1
        rest += of
    while rest >= of:
        quotient += 1
        rest -= of
    return quotient
