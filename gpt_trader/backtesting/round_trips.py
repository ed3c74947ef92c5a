"""Fills to round trips: each from the first lot bought to the last lot sold, exactly.

What a round trip earned is what its sales brought less what its buys cost, fees included: whole
cash units, without an average price that would have to be rounded. It is also what
`portfolio.ledger` has realised when the last lot is gone, by average cost, to the last unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Floats, Ints


class Fills(NamedTuple):
    """The fills of one product in the order of their booking; int64, shape (F,)."""

    ts_ns: Ints
    sign: Ints  # +1 bought, -1 sold
    lots: Ints
    notional: Ints  # cash units: up to the next whole one for a buy, down for a sale
    fee: Ints  # cash units


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One position from flat to flat; the last of a list may still be open."""

    entry_ns: int  # first fill
    exit_ns: int  # last fill so far
    lots_bought: int
    lots_sold: int
    lots_most: int  # largest position on the way
    paid_units: int  # cash units, without fees
    received_units: int
    fees_units: int
    fills: int

    @property
    def closed(self) -> bool:
        """Whether everything bought is sold again."""
        return self.lots_bought == self.lots_sold

    @property
    def pnl_units(self) -> int:
        """Earned after fees; of an open trip the cash that went out and came back so far."""
        return self.received_units - self.paid_units - self.fees_units

    @property
    def return_rate(self) -> float:
        """Earned after fees, as a fraction of what was paid."""
        return self.pnl_units / self.paid_units

    @property
    def duration_ns(self) -> int:
        """From the first fill to the last."""
        return self.exit_ns - self.entry_ns


@dataclass(frozen=True, slots=True)
class TripTotals:
    """What all closed round trips come to."""

    count: int
    wins: int  # with a profit after fees
    gains_units: int  # of the winners
    losses_units: int  # of the others, as a positive number
    held_ns: int


@dataclass(frozen=True, slots=True)
class Excursion:
    """How far the market went against and for a round trip, from its mean price of entry."""

    adverse_rate: float  # the worst low below it, as a fraction; 0 if it never went below
    favourable_rate: float


def round_trips(fills: Fills) -> tuple[RoundTrip, ...]:
    """Cut the fills of one product where the position is back at nothing.

    Raises
    ------
    UsageError
        A fill sells more than was bought; these are the books of a spot account.
    """
    count = fills.lots.size
    position = np.cumsum(fills.sign * fills.lots)
    short = np.flatnonzero(position < 0)
    if short.size:
        raise UsageError(
            f"fill {short[0] + 1} sells {fills.lots[short[0]]} lots, more than are held"
        )
    ends = np.flatnonzero(position == 0) + 1
    starts = np.concatenate(([0], ends))
    starts = starts[starts < count]
    if starts.size == 0:
        return ()
    stops = np.append(starts[1:], count)
    buys = fills.sign > 0
    columns = (
        fills.ts_ns[starts],
        fills.ts_ns[stops - 1],
        np.add.reduceat(np.where(buys, fills.lots, 0), starts),
        np.add.reduceat(np.where(buys, 0, fills.lots), starts),
        np.maximum.reduceat(position, starts),
        np.add.reduceat(np.where(buys, fills.notional, 0), starts),
        np.add.reduceat(np.where(buys, 0, fills.notional), starts),
        np.add.reduceat(fills.fee, starts),
        stops - starts,
    )
    return tuple(RoundTrip(*row) for row in zip(*(c.tolist() for c in columns), strict=True))


def trip_totals(trips: Sequence[RoundTrip]) -> TripTotals:
    """Count and add up the closed ones."""
    closed = [trip for trip in trips if trip.closed]
    earned = [trip.pnl_units for trip in closed]
    return TripTotals(
        count=len(closed),
        wins=sum(pnl > 0 for pnl in earned),
        gains_units=sum(pnl for pnl in earned if pnl > 0),
        losses_units=-sum(pnl for pnl in earned if pnl < 0),
        held_ns=sum(trip.duration_ns for trip in closed),
    )


def trip_returns(trips: Sequence[RoundTrip], start_units: int) -> Floats:
    """What each closed trip added to the equity that the ones before had left, as a fraction.

    These are what `backtesting.resampling` shuffles: a trip that lost a tenth of the account
    loses a tenth wherever it falls.

    Raises
    ------
    UsageError
        The account was lost before the last trip.
    """
    returns: list[float] = []
    equity = start_units
    for trip in trips:
        if not trip.closed:
            continue
        if equity <= 0:
            raise UsageError(f"nothing is left for round trip {len(returns) + 1}")
        returns.append(trip.pnl_units / equity)
        equity += trip.pnl_units
    return np.array(returns, dtype=np.float64)


def excursion(trip: RoundTrip, end_ns: Ints, low: Ints, high: Ints, tick_lot: float) -> Excursion:
    """How far the market went against and for one round trip while it was held.

    Parameters
    ----------
    end_ns, low, high : int64, shape (T,)
        Ends of the candles, UTC and rising, their lows and highs in price increments. Those that
        end after the entry and not after the exit count.
    tick_lot : float
        Cash units of one price increment of one base increment.

    References
    ----------
    J. Sweeney (1997), Maximum adverse excursion.
    """
    entry = trip.paid_units / (trip.lots_bought * tick_lot)
    first = int(np.searchsorted(end_ns, trip.entry_ns, side="right"))
    last = int(np.searchsorted(end_ns, trip.exit_ns, side="right"))
    if first >= last:
        return Excursion(0.0, 0.0)
    return Excursion(
        adverse_rate=max(0.0, 1.0 - float(low[first:last].min()) / entry),
        favourable_rate=max(0.0, float(high[first:last].max()) / entry - 1.0),
    )
