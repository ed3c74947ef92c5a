"""Orders whose answers were lost: each is found again by the exchange's word, none is doubled."""

from pathlib import Path

import pytest

from gpt_trader.domain.events import (
    Event,
    OrderAbsent,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    OrderLost,
)
from gpt_trader.exchange.faults import Arming
from gpt_trader.exchange.rules import Duplicate
from gpt_trader.store.folders import SessionFolder
from gpt_trader.store.reading import LogReader
from tests.invariants.sessions import Played, Scenario, check_the_end, play
from tests.printing import Said
from tests.tier import by_tier

ALWAYS = Arming(1.0, 0, None)
LOST = by_tier(quick=10, ci=100, soak=1_000)
ROUNDS = by_tier(quick=40, ci=150, soak=300)


def events_of(folder: SessionFolder) -> list[Event]:
    with LogReader(folder.log) as reader:
        return [event for _, event in reader.events()]


def settled_by(played: Played) -> dict[str, type[Event]]:
    """What first said what became of each order of unknown outcome."""
    settled: dict[str, type[Event]] = {}
    unknown: set[str] = set()
    for event in events_of(played.folder):
        match event:
            case OrderLost(client_order_id=name):
                unknown.add(name)
            case (
                OrderAccepted(client_order_id=name)
                | OrderChanged(client_order_id=name)
                | OrderFilled(client_order_id=name)
                | OrderAbsent(client_order_id=name)
            ) if name in unknown:
                settled.setdefault(name, type(event))
            case _:
                pass
    assert settled.keys() == unknown, "some are unknown to the end"
    return settled


@pytest.mark.parametrize("duplicate", list(Duplicate))
def test_no_lost_answer_doubles_or_orphans_an_order(
    duplicate: Duplicate, tmp_path: Path, tls: Path, say: Said
) -> None:
    """Whatever the exchange does with an id it has seen: nothing is ever sent twice."""
    lost = sessions = 0
    while lost < LOST:
        sessions += 1
        # Half of them show on the user channel; the others only where orders are listed.
        faults = {"answer_lost": ALWAYS, "update_lost": Arming(0.5, 0, None)}
        scenario = Scenario(sessions, faults, rounds=ROUNDS, duplicate=duplicate)
        played = play(tmp_path / str(sessions), tls, scenario)
        check_the_end(played)
        settled = settled_by(played)
        names = [order.request.client_order_id for order in played.venue.all_orders.values()]
        intents = [e.client_order_id for e in events_of(played.folder) if type(e) is OrderIntended]

        assert len(settled) == played.strikes["answer_lost"]
        assert OrderAbsent not in settled.values(), "all of them were there"
        assert names == intents, "an order that nobody wanted, or one that nobody placed"
        lost += len(settled)

    say(f"{lost} lost answers at an exchange that {duplicate}: 0 doubled, 0 orphaned")


def test_an_order_that_never_arrived_is_called_absent_and_one_that_is_late_is_not(
    tmp_path: Path, tls: Path, say: Said
) -> None:
    never, late = Arming(0.3, 0, None), Arming(0.4, 0, None)
    lost = played_s = absent = 0
    while lost < LOST / 2:
        played_s += 1
        faults = {"request_lost": never, "request_late": late}
        played = play(tmp_path / str(played_s), tls, Scenario(played_s, faults, rounds=ROUNDS))
        check_the_end(played)
        settled = settled_by(played)
        strikes = played.strikes
        absent += list(settled.values()).count(OrderAbsent)

        assert len(settled) == strikes["request_lost"] + strikes["request_late"]
        assert list(settled.values()).count(OrderAbsent) == strikes["request_lost"]
        lost += len(settled)

    say(f"{lost} requests lost or late, {absent} of them called absent, all of those rightly")
