"""Every fault of the exchange, in whole sessions: no invariant breaks, and the books are equal."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader.exchange.faults import Arming
from gpt_trader.exchange.faults_plan import drawn_plan
from gpt_trader.exchange.faults_table import FAULTS, Place
from gpt_trader.exchange.rules import Duplicate
from tests.invariants.persons import edits
from tests.invariants.sessions import (
    AT_ONCE,
    RESTING,
    RICH,
    Scenario,
    check_the_end,
    play,
)
from tests.printing import Said
from tests.tier import by_tier

STRIKES = by_tier(quick=3, ci=10, soak=100)
SEEDS = by_tier(quick=4, ci=24, soak=2_000)
SESSIONS_MAX = 200  # before a fault that strikes too rarely counts as one that never does
OFTEN, NOW_AND_THEN = 0.3, 0.05
PACED = {name for name, fault in FAULTS.items() if fault.needs_pace}
EDITED = {name for name, fault in FAULTS.items() if fault.place is Place.EDIT}
"""A strategy edits no order: a person does where such a fault is to strike."""
COMPANIONS = {
    "listing_lags": {"answer_lost": 0.5},
    "not_subscribed": {"cut": 0.2},
    "snapshot_misses": {"cut": 0.3},
}
"""What must go wrong besides, for a fault to have an occasion."""
RATES = {"listing_lags": 1.0, "snapshot_misses": 1.0}
AT_MOST = {"unauthorized": 1}  # times a session: a key that is refused ends its entries for good


def scenario_of(name: str, seed: int) -> Scenario:
    """A session in which one fault strikes, and orders rest if it takes orders that rest."""
    rate = RATES.get(name, NOW_AND_THEN if FAULTS[name].place is Place.FRAME else OFTEN)
    faults = {name: Arming(rate, 0, AT_MOST.get(name))}
    faults |= {other: Arming(often, 0, None) for other, often in COMPANIONS.get(name, {}).items()}
    return with_orders(Scenario(seed, faults), rest=name not in ("unauthorized", "burst"))


def with_orders(scenario: Scenario, *, rest: bool) -> Scenario:
    if rest:
        person = edits if scenario.faults.keys() & EDITED else None
        return replace(scenario, arguments=RESTING, balances=RICH, person=person)
    return replace(scenario, arguments=AT_ONCE)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in PACED])
def test_every_invariant_holds_while_a_fault_strikes(
    name: str, tmp_path: Path, tls: Path, say: Said
) -> None:
    strikes = sessions = fills = 0
    while strikes < STRIKES:
        assert sessions < SESSIONS_MAX, f"{name} strikes too rarely: {strikes}"
        sessions += 1
        played = play(tmp_path / str(sessions), tls, scenario_of(name, sessions))
        check_the_end(played)
        strikes += played.faults.strikes[name]
        fills += int(str(played.result.document["fills"]))

    say(f"{name}: {strikes} strikes in {sessions} sessions, {fills} fills")
    assert fills > 0, "a session that does not trade proves nothing"


def test_any_faults_together_break_no_invariant_and_decide_the_same_again(
    tmp_path: Path, tls: Path, say: Said
) -> None:
    """Each seed draws its faults; a fifth of the seeds draws none, and must trade."""
    strikes, traded = Counter[str](), 0
    for seed in range(1, SEEDS + 1):
        plan = drawn_plan(seed, waits=True)
        duplicate = list(Duplicate)[seed % 2]  # at an exchange that takes an id twice see below
        scenario = with_orders(Scenario(seed, plan.armed, duplicate=duplicate), rest=seed % 2 == 1)
        first = play(tmp_path / f"{seed}a", tls, scenario)
        check_the_end(first)
        strikes.update(first.faults.strikes)
        traded += first.result.document["fills"] != 0
        if seed % 4 == 1:
            again = play(tmp_path / f"{seed}b", tls, scenario)
            assert again.result.document["log_hash"] == first.result.document["log_hash"], seed
            assert again.faults.strikes == first.faults.strikes

    say(f"{strikes.total()} strikes in {SEEDS} sessions, of which {traded} traded")
    assert traded >= 0.9 * SEEDS
