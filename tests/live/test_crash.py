"""kill -9 at every named point: the same command goes on, and no order is lost or doubled."""

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.backtesting import replay_main
from gpt_trader.domain.events import (
    CancelIntended,
    Event,
    OrderAbsent,
    OrderIntended,
    Request,
    SessionClosed,
)
from gpt_trader.exchange.rules import Duplicate, VenueRules, default_rules
from gpt_trader.live.seams import KILL, POINTS
from gpt_trader.live.venues import NEW_ACCOUNT
from gpt_trader.store.folders import SessionFolder, find
from gpt_trader.store.reading import LogReader
from tests.live import books, commands
from tests.tier import scaled

REPETITIONS = scaled(5)
READY_S_MAX = 5.0 if REPETITIONS == 5 else 20.0  # the quick tier shares its machine with others
ALONE, GROUP = "process", "process group"
PRODUCTS = ("LTC-USD", "DOT-USD", "UNI-USD")  # so thin that orders fill in many parts
MARKET = tuple(word for name in PRODUCTS for word in ("--product", name))
BUSY = (  # changes its mind every few candles, cancels, crosses the spread, fills in parts
    *("--strategy", "ma_crossover", "--param", "fast=1", "--param", "slow=3"),
    *("--sizing", "patience_candles=1", "--sizing", "rebalance_rate=0"),
)
SHORT, LONG = 50, 230
BRIEF_ROUNDS = 9  # the first order leaves at the last but one, its cancel at the last
BRIEF = (*MARKET, "--candles", str(BRIEF_ROUNDS), "--seed", "1")
# Rounds of the tape, at which passing of the point to kill first, and how much later each time.
# A snapshot is taken, and the log checkpointed after it, once in some thousand events.
PLANS = {
    "intent_durable": (SHORT, 3, 9),
    "bytes_sent": (SHORT, 2, 9),
    "reply_unread": (SHORT, 4, 9),
    "reply_unstored": (SHORT, 5, 9),
    "partial_fill": (SHORT, 2, 25),
    "cancel_sent": (SHORT, 1, 5),
    "checkpoint": (LONG, 1, 0),
    "snapshot": (LONG, 1, 0),
}


@dataclass(frozen=True, slots=True)
class Crash:
    """One kill: where, whom, and in which repetition, each of another market."""

    point: str
    whom: str
    repetition: int

    def __str__(self) -> str:
        return f"{self.point}-{self.whom.replace(' ', '-')}-{self.repetition}"

    @property
    def rounds(self) -> int:
        return PLANS[self.point][0]

    @property
    def count(self) -> int:
        _, first, later = PLANS[self.point]
        return first + self.repetition * later

    @property
    def seed(self) -> int:
        return 1 + self.repetition

    @property
    def planted(self) -> str:
        return f"{self.point}:{self.count}{':group' if self.whom == GROUP else ''}"

    @property
    def firing(self) -> str:
        return f"kill -9 of the {self.whom} at {self.point} number {self.count}"


def crashes() -> list[Crash]:
    """Each point, of the process alone and of its whole group; in the quick tier in turns."""
    every = [
        Crash(point, whom, repetition)
        for point in POINTS
        for whom in (ALONE, GROUP)
        for repetition in range(REPETITIONS)
    ]
    return every if REPETITIONS > 1 else [every[2 * i + i % 2] for i in range(len(POINTS))]


def test_every_point_is_killed_at_and_both_ways() -> None:
    assert {crash.point for crash in crashes()} == set(POINTS) == set(PLANS)
    assert {crash.whom for crash in crashes()} == {ALONE, GROUP}


@pytest.mark.parametrize("crash", crashes(), ids=str)
def test_a_killed_session_goes_on_and_its_books_are_the_exchanges(
    crash: Crash, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    var = tmp_path / "var"
    options = [*BUSY, *MARKET, "--candles", str(crash.rounds), "--seed", str(crash.seed)]

    killed = play(var, options, {KILL: crash.planted})
    folder = find(var, "latest")
    died_at = last_seq(folder)
    began_s = time.time()
    resumed = play(var, options, {})

    assert (killed.code, killed.err.strip()) == (-9, crash.firing)
    assert resumed.code == 0, resumed.err
    assert resumed.document["session_id"] == folder.session_id
    ready_s = ready_at_s(var) - began_s
    with capsys.disabled():
        print(f"\n{crash.firing}, event {died_at} of {last_seq(folder)}; ready in {ready_s:.1f} s")
    assert ready_s <= READY_S_MAX
    check_books(folder, folder.exchange, crash.rounds, rules_of_a_session(crash.seed))
    assert replay_main.run(["latest", "--var", str(var)]) == 0


# An exchange that lives on: only time and two listings prove that an order never came.
MODES = (
    (Duplicate.EXISTING, Crash("bytes_sent", ALONE, 1)),
    (Duplicate.REJECT, Crash("intent_durable", ALONE, 1)),
    (Duplicate.ACCEPT, Crash("reply_unread", ALONE, 1)),
)


@pytest.mark.parametrize(("mode", "crash"), MODES, ids=str)
def test_no_order_is_doubled_whatever_the_exchange_does_with_a_repeated_id(
    mode: Duplicate, crash: Crash, tmp_path: Path
) -> None:
    var = tmp_path / "var"
    tape = [*MARKET, "--candles", str(crash.rounds), "--seed", str(crash.seed)]

    with commands.exchange(
        tmp_path, "--speed", "max", "--duplicate", mode.value, *tape
    ) as exchange:
        options = [*BUSY, *exchange.session_options(exchange.host)]
        killed = play(var, options, {KILL: crash.planted})
        resumed = play(var, options, {})

    assert (killed.code, killed.err.strip()) == (-9, crash.firing)
    rules = replace(default_rules(crash.seed), duplicate_client_order_id=mode)
    folder = find(var, "latest")
    exchange_books = books.theirs(books.venue_of(tmp_path / "state", PRODUCTS, crash.rounds, rules))
    session = books.ours(folder)
    never_sent = {name for name, order in session.orders.items() if order[1] == "UNKNOWN"}
    # Intents of the same step that had not left: the exchange lives on, so they stay unknown for
    # 150 s of the machine's clock, and the session says so.
    assert resumed.code == (3 if never_sent else 0), resumed.err
    assert never_sent.isdisjoint(exchange_books.orders)
    assert {n: o for n, o in session.orders.items() if n not in never_sent} == exchange_books.orders
    assert session.fills == exchange_books.fills
    assert session.balances == exchange_books.balances
    assert replay_main.run(["latest", "--var", str(var)]) == 0


def test_an_order_of_unknown_outcome_keeps_the_session_open(tmp_path: Path) -> None:
    var = tmp_path / "var"

    with commands.exchange(tmp_path, "--speed", "max", *BRIEF) as exchange:
        options = [*BUSY, *exchange.session_options(exchange.host)]
        play(var, options, {KILL: "intent_durable:1"})
        asked = [event for event in events_of(var) if isinstance(event, Request)]
        resumed = play(var, options, {})

    assert len(asked) == 1 and isinstance(asked[0], OrderIntended)
    assert (resumed.code, resumed.err.count("stays unfinished")) == (3, 1)
    ends = OrderAbsent | SessionClosed
    assert not [event for event in events_of(var) if isinstance(event, ends)]


def test_a_cancel_that_never_left_is_asked_for_again(tmp_path: Path) -> None:
    var = tmp_path / "var"

    play(var, [*BUSY, *BRIEF], {KILL: "intent_durable:2"})
    [cancel] = [event for event in events_of(var) if isinstance(event, CancelIntended)]
    resumed = play(var, [*BUSY, *BRIEF], {})

    assert resumed.code == 0, resumed.err
    cancels = [event for event in events_of(var) if isinstance(event, CancelIntended)]
    assert [event.client_order_id for event in cancels] == [cancel.client_order_id] * 2
    folder = find(var, "latest")
    venue = books.venue_of(folder.exchange, PRODUCTS, BRIEF_ROUNDS, rules_of_a_session(1))
    assert books.theirs(venue).orders == books.ours(folder).orders
    assert books.ours(folder).orders[cancel.client_order_id][1] == "CANCELLED"


def rules_of_a_session(seed: int) -> VenueRules:
    """Those of the exchange that a session starts for itself: its account is a new dev account."""
    amounts = (balance.partition("=") for balance in NEW_ACCOUNT)
    balances = {currency: Decimal(amount) for currency, _, amount in amounts}
    return replace(default_rules(seed), balances=balances)


def check_books(folder: SessionFolder, state: Path, rounds: int, rules: VenueRules) -> None:
    """Ours are the exchange's to the last unit, each order has one intent, no candle lacks."""
    exchange = books.theirs(books.venue_of(state, PRODUCTS, rounds, rules))
    session, intended = books.ours(folder), books.intents(folder)

    assert session.orders == exchange.orders
    assert session.fills == exchange.fills
    assert session.balances == exchange.balances
    assert session.candles == exchange.candles
    assert len(intended) == len(set(intended))
    assert set(exchange.orders) <= set(intended)
    assert len(exchange.fills) > rounds / 4, "it traded"
    books.check_snapshots(folder)


def play(var: Path, options: list[str], environ: dict[str, str]) -> commands.Finished:
    """Run a session in a process group of its own, to its end or to the kill."""
    words = ["live", "--speed", "max", "--var", str(var), "--json", "-", *options]
    with subprocess.Popen(
        [sys.executable, "-m", "gpt_trader", *words],
        cwd=var.parent,
        env=commands.environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        out, err = process.communicate(timeout=commands.PATIENCE_S)
    return commands.Finished(process.returncode, out, err)


def events_of(var: Path) -> list[Event]:
    with LogReader(find(var, "latest").log) as reader:
        return [event for _, event in reader.events()]


def last_seq(folder: SessionFolder) -> int:
    with LogReader(folder.log) as reader:
        return reader.last_seq()


def ready_at_s(var: Path) -> float:
    """When the resumed session had recovered and its feed was ready, by its own log."""
    lines = (var / "logs" / "perps_bot.log").read_text().splitlines()
    resumed = max(i for i, line in enumerate(lines) if "session resumed" in line)
    ready = next(line for line in lines[resumed:] if "feed ready" in line)
    return datetime.fromisoformat(ready.split()[0]).timestamp()
