"""Exact money in int64: notional, fee, and the twins of the product's rounding.

A price is a count of price increments (*ticks*), a size a count of base increments (*lots*), money
a count of *cash units* of 1e-8 quote. `num / den` are the cash units of one tick of one lot, in
lowest terms, as `Product.cash_units_per_tick_lot` gives them.

Nothing wraps. What an int64 cannot hold (92 billion USD), and what is no count at all, comes back
as `UNCOUNTABLE`, which is negative, so a guard that compares must first ask whether it is one.
"""

import math

from gpt_trader.kernels.compile import compile_step

COUNT_MAX = 2**63 - 1
"""The largest int64; like every constant here a fact of arithmetic, so it may be compiled in."""

UNCOUNTABLE = -(2**63)
"""Stands for a number that is too large, or not a number. Never the result of a sum."""

DEN_MAX = 3_000_000_000
"""The largest denominator: its square still fits an int64. Coinbase's products need 1e6."""

RATE_DEN = 1_000_000_000
"""A rate is a count of 1e-9, so 0.25 is 250,000,000."""

FLOAT_COUNT_MAX = 2.0**53
"""Above this a float64 skips whole numbers and counts nothing any more."""


@compile_step
def notional_paid(ticks: int, lots: int, num: int, den: int) -> int:
    """Cash units a buy costs, up to the next whole unit: we pay the rest.

    Returns
    -------
    int64
        ceil(ticks * lots * num / den), or `UNCOUNTABLE`: on overflow of the result, on a negative
        count, or with ``den`` above `DEN_MAX`.
    """
    units, rest = notional_parts(ticks, lots, num, den)
    if rest > 0:
        return plus(units, 1)
    return units


@compile_step
def notional_received(ticks: int, lots: int, num: int, den: int) -> int:
    """Cash units a sale brings, down to the last whole unit; `UNCOUNTABLE` as for a buy."""
    units, _ = notional_parts(ticks, lots, num, den)
    return units


@compile_step
def fee_owed(ticks: int, lots: int, num: int, den: int, rate_num: int, rate_den: int) -> int:
    """Cash units of fee on the exact notional, up to the next whole unit: never booked too small.

    Parameters
    ----------
    rate_num, rate_den : int64
        The fee rate, from 0 to 1. ``rate_den`` at most `DEN_MAX`.

    Returns
    -------
    int64
        ceil(ticks * lots * num * rate_num / (den * rate_den)), or `UNCOUNTABLE`.
    """
    units, rest = notional_parts(ticks, lots, num, den)
    if units < 0 or rate_num < 0 or rate_num > rate_den or rate_den < 1 or rate_den > DEN_MAX:
        return UNCOUNTABLE
    # Rounding up twice, by den and then by rate_den, is rounding up once by their product.
    carried = ceiling(rest * rate_num, den)
    whole = units // rate_den * rate_num
    return plus(whole, ceiling(units % rate_den * rate_num + carried, rate_den))


@compile_step
def share_of(units: int, rate: int) -> int:
    """The part of `units` that a rate in 1e-9 allows, down to the last whole unit."""
    return notional_received(units, rate, 1, RATE_DEN)


@compile_step
def ticks_of(price: float, sign: int) -> int:
    """Whole ticks of a price in ticks: down for a buy, up for a sell, so it never gets dearer.

    Parameters
    ----------
    price : float64
        In price increments, for instance ``mark_ticks * 0.999``.
    sign : int64
        +1 for a buy, -1 for a sell.

    Returns
    -------
    int64
        `UNCOUNTABLE` for NaN, infinity and beyond `FLOAT_COUNT_MAX`.
    """
    if not abs(price) <= FLOAT_COUNT_MAX:
        return UNCOUNTABLE
    if sign > 0:
        return math.floor(price)
    return math.ceil(price)


@compile_step
def lots_of(size: float) -> int:
    """Whole lots of a signed size in lots, toward zero; `UNCOUNTABLE` as for `ticks_of`."""
    if not abs(size) <= FLOAT_COUNT_MAX:
        return UNCOUNTABLE
    return int(size)


@compile_step
def notional_parts(ticks: int, lots: int, num: int, den: int) -> tuple[int, int]:
    """Split ticks * lots * num by den into whole and rest, without a product that overflows.

    With both counts split by ``den``, every term is a summand of the result; so one that does not
    fit means that the result does not fit either. BTC-USD at 62,000 for 1e9 USD: ticks * lots is
    1e19, past an int64, while the notional is 1e17.
    """
    if ticks < 0 or lots < 0 or num < 1 or den < 1 or den > DEN_MAX or num > COUNT_MAX // den:
        return UNCOUNTABLE, 0
    ticks_rest = ticks % den
    corner = ticks_rest * (lots % den)  # below den * den
    whole = plus(times(ticks // den, lots), times(ticks_rest, lots // den))
    whole = plus(whole, corner // den)
    scaled = corner % den * num  # below den * num
    units = plus(times(whole, num), scaled // den)
    if units < 0:
        return UNCOUNTABLE, 0
    return units, scaled % den


@compile_step
def plus(first: int, second: int) -> int:
    """The sum of two counts; `UNCOUNTABLE` if it overflows, or if either is negative."""
    if first < 0 or second < 0 or first > COUNT_MAX - second:
        return UNCOUNTABLE
    return first + second


@compile_step
def times(first: int, second: int) -> int:
    """The product of two counts; `UNCOUNTABLE` if it overflows, or if either is negative."""
    if first < 0 or second < 0 or (first > 0 and second > COUNT_MAX // first):
        return UNCOUNTABLE
    return first * second


@compile_step
def ceiling(count: int, den: int) -> int:
    """A count divided by `den`, up to the next whole number; no negation, which could overflow."""
    if count % den == 0:
        return count // den
    return count // den + 1
