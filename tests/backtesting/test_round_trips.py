"""Round trips against the ledger that a live session keeps, and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.round_trips import (
    Fills,
    RoundTrip,
    excursion,
    round_trips,
    trip_returns,
    trip_totals,
)
from gpt_trader.domain.errors import UsageError


def fills_of(*rows: tuple[int, int, int, int, int]) -> Fills:
    """Rows of time, sign, lots, notional, fee."""
    table = np.array(rows, np.int64).reshape(len(rows), 5)
    return Fills(*(np.ascontiguousarray(column) for column in table.T))


ONE_TRIP = fills_of(
    (10, 1, 3, 300, 2), (20, 1, 1, 104, 1), (30, -1, 2, 230, 1), (40, -1, 2, 210, 2)
)


def test_a_trip_goes_from_the_first_lot_to_the_last() -> None:
    (trip,) = round_trips(ONE_TRIP)

    assert trip == RoundTrip(
        entry_ns=10,
        exit_ns=40,
        lots_bought=4,
        lots_sold=4,
        lots_most=4,
        paid_units=404,
        received_units=440,
        fees_units=6,
        fills=4,
    )
    assert trip.closed
    assert trip.pnl_units == 30
    assert trip.return_rate == 30 / 404
    assert trip.duration_ns == 30


def test_a_trip_without_its_last_sale_is_open_and_no_part_of_the_totals() -> None:
    trips = round_trips(fills_of((1, 1, 2, 200, 1), (2, -1, 2, 190, 1), (3, 1, 5, 500, 3)))

    totals = trip_totals(trips)

    assert [trip.closed for trip in trips] == [True, False]
    assert (totals.count, totals.wins, totals.gains_units, totals.losses_units) == (1, 0, 0, 12)
    assert totals.held_ns == 1


def test_a_trip_that_only_pays_its_fees_is_no_win() -> None:
    totals = trip_totals(round_trips(fills_of((1, 1, 1, 100, 1), (2, -1, 1, 102, 1))))

    assert (totals.count, totals.wins) == (1, 0)


def test_selling_more_than_is_held_is_refused_with_its_number() -> None:
    with pytest.raises(UsageError, match="fill 2 sells 3 lots"):
        round_trips(fills_of((1, 1, 2, 200, 0), (2, -1, 3, 300, 0)))


deals = st.lists(
    st.tuples(st.booleans(), st.integers(1, 50), st.integers(1, 10**6), st.integers(0, 99)),
    max_size=60,
)


@given(deals)
def test_closed_trips_earn_what_the_account_has_more_to_the_last_unit(
    rows: list[tuple[bool, int, int, int]],
) -> None:
    """Cash after every fill, counted without any notion of a trip."""
    held, cash, booked, flat_cash = 0, 0, 0, [0]
    table: list[tuple[int, int, int, int, int]] = []
    for buys, lots, notional, fee in rows:
        sign = 1 if buys or held == 0 else -1
        lots = lots if sign > 0 else min(lots, held)
        held += sign * lots
        cash -= sign * notional + fee
        booked += fee
        table.append((len(table), sign, lots, notional, fee))
        if held == 0:
            flat_cash.append(cash)

    trips = round_trips(fills_of(*table))

    closed = [trip for trip in trips if trip.closed]
    assert [trip.pnl_units for trip in closed] == np.diff(flat_cash).tolist()
    assert sum(trip.fees_units for trip in trips) == booked
    assert sum(trip.fills for trip in trips) == len(table)
    assert sum(trip.lots_bought - trip.lots_sold for trip in trips) == held
    totals = trip_totals(trips)
    assert totals.gains_units - totals.losses_units == flat_cash[-1]


def test_returns_are_fractions_of_what_the_trips_before_had_left() -> None:
    trips = round_trips(
        fills_of((1, 1, 1, 100, 0), (2, -1, 1, 150, 0), (3, 1, 1, 150, 0), (4, -1, 1, 120, 0))
    )

    returns = trip_returns(trips, 1_000)

    assert returns.tolist() == [50 / 1_000, -30 / 1_050]


def test_a_lost_account_has_no_next_trip() -> None:
    trips = round_trips(
        fills_of((1, 1, 1, 100, 0), (2, -1, 1, 0, 0), (3, 1, 1, 5, 0), (4, -1, 1, 6, 0))
    )

    with pytest.raises(UsageError, match="nothing is left for round trip 2"):
        trip_returns(trips, 100)


def test_excursions_are_measured_between_entry_and_exit_only() -> None:
    (trip,) = round_trips(fills_of((10, 1, 2, 200, 0), (30, -1, 2, 220, 0)))
    ends = np.array([10, 20, 30, 40])
    low, high = np.array([1, 90, 95, 1]), np.array([900, 105, 120, 900])

    found = excursion(trip, ends, low, high, tick_lot=1.0)
    at_once = excursion(trip, np.array([5, 40]), low[:2], high[:2], tick_lot=1.0)

    assert found.adverse_rate == pytest.approx(0.10)
    assert found.favourable_rate == pytest.approx(0.20)
    assert (at_once.adverse_rate, at_once.favourable_rate) == (0.0, 0.0)
