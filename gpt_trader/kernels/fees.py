"""Fees by the volume of the last 30 days, as the embedded exchange charges them.

The rate is that of the tier at the moment of the fill. Only fills against dollars count into the
volume, at their notional. A single tier needs no volume, so none is kept then.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.money import COUNT_MAX, RATE_DEN, fee_owed
from gpt_trader.kernels.vectors import Ints, Table

WINDOW_NS = 30 * 86_400 * 1_000_000_000
CASH_DEN = 100_000_000  # cash units in one quote
DOLLARS = frozenset({"USD", "USDC", "USDT"})

# Places in the state.
VOLUME = 0  # cash units in the window
OLDEST = 1  # place in the ring
HELD = 2  # fills in the ring
FEE_STATE = 3

# Places in the row of a tier.
VOLUME_FROM = 0  # cash units
MAKER_RATE = 1  # 1e-9
TAKER_RATE = 2
TIER = 3

# What `record_step` says.
RECORDED = 0
WINDOW_FULL = -2  # more fills in 30 days than the ring has places
VOLUME_TOO_LARGE = -3


class Fees(NamedTuple):
    """The tiers, and the fills of the last 30 days in a ring."""

    state: Ints  # shape (FEE_STATE,)
    times: Ints  # ns, shape (ring,)
    notionals: Ints  # cash units, shape (ring,)
    tiers: Table  # shape (tiers, TIER)


def fees_of(tiers: Sequence[tuple[Decimal, Decimal, Decimal]], ring: int) -> Fees:
    """Begin with no volume.

    Parameters
    ----------
    tiers
        For each: the volume in quote it begins at, maker rate and taker rate as fractions. The
        first begins at 0, and the volumes rise.
    ring
        The most fills of 30 days; a single tier needs none.

    Raises
    ------
    UsageError
        Tiers that do not rise from 0, or a rate finer than 1e-9 or outside [0, 1].
    """
    rows = [
        [_whole(volume, CASH_DEN), _whole(maker, RATE_DEN), _whole(taker, RATE_DEN)]
        for volume, maker, taker in tiers
    ]
    starts = [row[VOLUME_FROM] for row in rows]
    if starts[:1] != [0] or starts != sorted(set(starts)):
        raise UsageError(f"fee tiers begin at {starts}; the first must be 0, and they must rise")
    if any(not 0 <= rate <= RATE_DEN for row in rows for rate in row[MAKER_RATE:]):
        raise UsageError("a fee rate is a fraction from 0 to 1")
    places = ring if len(rows) > 1 else 0
    return Fees(
        state=np.zeros(FEE_STATE, np.int64),
        times=np.zeros(places, np.int64),
        notionals=np.zeros(places, np.int64),
        tiers=np.array(rows, np.int64),
    )


@compile_lean
def rate_step(fees: Fees, now_ns: int, maker: int) -> int:
    """The rate in force, in 1e-9, after what is older than 30 days dropped out of the volume."""
    column = MAKER_RATE if maker == 1 else TAKER_RATE
    tiers = fees.tiers
    if tiers.shape[0] == 1:
        return int(tiers[0, column])
    state = fees.state
    ring = fees.times.shape[0]
    while state[HELD] > 0 and fees.times[state[OLDEST]] <= now_ns - WINDOW_NS:
        state[VOLUME] -= fees.notionals[state[OLDEST]]
        state[OLDEST] = (state[OLDEST] + 1) % ring
        state[HELD] -= 1
    place = 0
    while place + 1 < tiers.shape[0] and tiers[place + 1, VOLUME_FROM] <= state[VOLUME]:
        place += 1
    return int(tiers[place, column])


@compile_lean
def fee_step(fees: Fees, now_ns: int, ticks: int, lots: int, num: int, den: int, maker: int) -> int:
    """Cash units of fee of a fill now, up to the next whole unit.

    Parameters
    ----------
    num, den : int64
        Cash units in one tick of one lot, as a fraction.
    maker : int64
        1 for a fill that waited, 0 for one that took.

    Returns
    -------
    int64
        `money.UNCOUNTABLE` where an int64 cannot hold it.
    """
    return fee_owed(ticks, lots, num, den, rate_step(fees, now_ns, maker), RATE_DEN)


@compile_lean
def record_step(fees: Fees, now_ns: int, notional: int) -> int:
    """Count a fill against dollars into the volume; never earlier than the one before.

    Returns
    -------
    int64
        `RECORDED`, `WINDOW_FULL` or `VOLUME_TOO_LARGE`; nothing is counted in the last two cases.
    """
    if fees.tiers.shape[0] == 1:
        return RECORDED
    state = fees.state
    ring = fees.times.shape[0]
    if state[HELD] == ring:
        return WINDOW_FULL
    if notional > COUNT_MAX - state[VOLUME]:
        return VOLUME_TOO_LARGE
    place = (state[OLDEST] + state[HELD]) % ring
    fees.times[place] = now_ns
    fees.notionals[place] = notional
    state[HELD] += 1
    state[VOLUME] += notional
    return RECORDED


def _whole(value: Decimal, den: int) -> int:
    count = value * den
    if count != count.to_integral_value():
        raise UsageError(f"a fee tier has {value}, which is finer than {Decimal(1) / den}")
    return int(count)
