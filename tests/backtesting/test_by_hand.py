"""Orders by hand outside of the tape are refused, at both speeds, before anything is played."""

from collections.abc import Sequence
from typing import Any

import pytest

from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.fused import Arena
from gpt_trader.backtesting.setup import HandOrder
from gpt_trader.backtesting.simulation import simulate
from gpt_trader.domain.errors import UsageError
from tests.backtesting.plays import a_tape, by_hand, never

DAY_NS = 86_400 * 10**9
ROWS = 60
REFUSED: list[tuple[list[dict[str, Any]], str]] = [
    ([{"wait_ns": 3 * DAY_NS}], r"by_hand\[0\]\.wait_ns = 259200000000000: the next round ends"),
    ([{"wait_ns": -1}], r"by_hand\[0\]\.wait_ns = -1: give a whole number from 0"),
    ([{}, {"wait_ns": 6 * 10**10}, {"wait_ns": 1}], r"by_hand\[2\]\.wait_ns = 1: the next round"),
    ([{"number": -1}], r"by_hand\[0\]\.round = -1: give a whole number from 0 to 59"),
    ([{"number": ROWS}], r"by_hand\[0\]\.round = 60"),
    ([{"number": 1.5}], r"by_hand\[0\]\.round = 1\.5"),
    ([{"lots": -1}], r"by_hand\[0\]\.lots = -1"),
    ([{"limit_ticks": -1}], r"by_hand\[0\]\.limit_ticks = -1"),
    ([{}, {"product_id": "SOL-USD"}], r"by_hand\[1\]: an order by hand of SOL-USD: there is no"),
]


def fused(orders: Sequence[HandOrder]) -> None:
    setup, tape = never(by_hand=tuple(orders)), a_tape(rows=ROWS)
    course = course_of([tape], setup.market, setup.sizing)
    Arena(course, setup, with_orders=True, with_equity=False).run_setup()


def replayed(orders: Sequence[HandOrder]) -> None:
    simulate(never(by_hand=tuple(orders)), [a_tape(rows=ROWS)])


@pytest.mark.parametrize("played", [fused, replayed])
@pytest.mark.parametrize(("changes", "says"), REFUSED, ids=str)
def test_what_lies_outside_of_the_tape_is_refused(
    changes: list[dict[str, Any]], says: str, played: Any
) -> None:
    """Waits over days wrote past the table of days; a round of -1 dropped every order after it."""
    orders = [by_hand(**{"number": 4, **each}) for each in changes]

    with pytest.raises(UsageError, match=says):
        played(orders)


@pytest.mark.parametrize("played", [fused, replayed])
def test_waiting_up_to_the_next_round_is_allowed(played: Any) -> None:
    tape = a_tape(rows=ROWS)
    gap = int(tape.every_row_ns[5] - tape.every_row_ns[4])

    played(
        [
            by_hand(4, wait_ns=gap - 1),
            by_hand(4, wait_ns=1),
            by_hand(ROWS - 1, wait_ns=DAY_NS // 1440),
        ]
    )
