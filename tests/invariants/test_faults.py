"""Every fault of the exchange, in whole sessions: no invariant breaks, and the books are equal."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader.exchange.catalog import default_market
from gpt_trader.exchange.faults import Arming
from gpt_trader.exchange.faults_plan import drawn_plan
from gpt_trader.exchange.faults_table import FAULTS, Place
from gpt_trader.exchange.rules import Duplicate
from tests.invariants.links import LINKS
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

STRIKES = by_tier(quick=3, ci=5, soak=100)
STRIKES_ON_THE_CLOCK = by_tier(quick=1, ci=2, soak=100)
STRIKES_OF_LINKS = by_tier(quick=0, ci=1, soak=100)
SEEDS = by_tier(quick=4, ci=24, soak=2_000)
SESSIONS_MAX = 200  # before a fault that strikes too rarely counts as one that never does
OFTEN, NOW_AND_THEN = 0.3, 0.05
PACED = {name for name, fault in FAULTS.items() if fault.needs_pace}
ON_THE_CLOCK = ("all_silent", "unanswered", "frames_late")[: by_tier(quick=2, ci=2, soak=3)]
"""The last one takes real minutes: short of the soak `test_commands.py` lets it strike once."""
EDITED = {name for name, fault in FAULTS.items() if fault.place is Place.EDIT}
"""A strategy edits no order: a person does where such a fault is to strike."""
COMPANIONS = {
    "listing_lags": {"answer_lost": 0.5},
    "not_subscribed": {"cut": 0.2},
    "snapshot_misses": {"cut": 0.3},
}
"""What must go wrong besides, for a fault to have an occasion."""
RATES = {"listing_lags": 1.0, "snapshot_misses": 1.0, "book_crossed": 0.3, "price_absurd": 0.3}
RATES_OF_LINKS = {
    "link_refused": 0.3,
    "link_reset": 0.03,
    "link_hole": 0.03,
    "link_slow": 0.03,
    "dns_unknown": 0.25,
    "dns_timeout": 0.25,
    "dns_wrong": 0.25,
}
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


def on_the_clock(name: str, seed: int) -> Scenario:
    """A session that nobody waits for, since the fault is silence or delay."""
    if name == "frames_late":  # told by the clock alone: at real speed, with many products
        products = tuple(product.product_id for product in default_market())
        late = Scenario(seed, {name: Arming(1.0, 0, None)}, product_ids=products, speed=1.0)
        return replace(late, rounds=3, calm_rounds=2)
    cuts = {"cut": Arming(0.05, 0, None)} if name == "unanswered" else {}
    rate = 0.5 if name == "unanswered" else 0.03
    scenario = Scenario(seed, {name: Arming(rate, 0, None), **cuts}, rounds=40, speed=600.0)
    return with_orders(scenario, rest=True)


def strike(
    name: str,
    strikes_min: int,
    scenario_of: Callable[[str, int], Scenario],
    folder: Path,
    tls: Path,
) -> Counter[str]:
    """Play sessions until a fault has struck so often; count strikes, sessions and fills."""
    count = Counter[str]()
    while count["strikes"] < strikes_min:
        assert count["sessions"] < SESSIONS_MAX, f"{name} strikes too rarely: {count}"
        count["sessions"] += 1
        seed = count["sessions"]
        played = play(folder / str(seed), tls, scenario_of(name, seed))
        check_the_end(played)
        count["strikes"] += played.strikes[name]
        count["fills"] += int(str(played.result.document["fills"]))
    return count


def in_words(count: Counter[str]) -> str:
    return ", ".join(f"{count[what]} {what}" for what in ("strikes", "sessions", "fills"))


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in PACED])
def test_every_invariant_holds_while_a_fault_strikes(
    name: str, tmp_path: Path, tls: Path, say: Said
) -> None:
    count = strike(name, STRIKES, scenario_of, tmp_path, tls)

    say(f"{name}: {in_words(count)}")
    assert count["fills"] > 0, "a session that does not trade proves nothing"


@pytest.mark.parametrize("name", ON_THE_CLOCK)
def test_every_invariant_holds_in_silence_and_delay(
    name: str, tmp_path: Path, tls: Path, say: Said
) -> None:
    count = strike(name, STRIKES_ON_THE_CLOCK, on_the_clock, tmp_path, tls)

    say(f"{name}: {in_words(count)}")


# A socket whose handshake is reset is left to the garbage collector by ssl itself.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
def test_every_invariant_holds_while_links_and_names_fail(
    tmp_path: Path, tls: Path, say: Said
) -> None:
    """Case A17, beneath the exchange: no failure of the transport is a word on an order."""
    count = Counter[str]()
    while not count or min(count[name] for name in LINKS) < STRIKES_OF_LINKS:
        assert count["sessions"] < SESSIONS_MAX, f"some strike too rarely: {count}"
        count["sessions"] += 1
        scenario = Scenario(count["sessions"], {}, rounds=50, speed=600.0, link=RATES_OF_LINKS)
        folder = tmp_path / str(scenario.seed)
        played = play(folder, tls, with_orders(scenario, rest=True))
        check_the_end(played)
        count.update({name: played.strikes[name] for name in LINKS})
        count["fills"] += int(str(played.result.document["fills"]))

    say(f"links: {dict(count)}")
    assert count["fills"] > 0, "a session that does not trade proves nothing"


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
        strikes.update(first.strikes)
        traded += first.result.document["fills"] != 0
        if seed % 4 == 1:
            again = play(tmp_path / f"{seed}b", tls, scenario)
            assert again.result.document["log_hash"] == first.result.document["log_hash"], seed
            assert again.strikes == first.strikes

    say(f"{strikes.total()} strikes in {SEEDS} sessions, of which {traded} traded")
    assert traded >= 0.9 * SEEDS
