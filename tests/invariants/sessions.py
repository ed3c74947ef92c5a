"""Whole sessions in one process: the real exchange, the real session, real TLS between them.

A test sees into both. The tape's clock is the
machine's clock of the session here: what has to wait for minutes waits for tape minutes.
"""

import asyncio
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

import msgspec
import pytest

from gpt_trader.coinbase import stream
from gpt_trader.domain.events import (
    ClockTicked,
    Event,
    FeedChanged,
    FeeRevised,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    SessionOpened,
)
from gpt_trader.engine.engine import Engine
from gpt_trader.exchange.catalog import find_product
from gpt_trader.exchange.choices import MAX_SPEED
from gpt_trader.exchange.faults import Arming, Faults
from gpt_trader.exchange.faults_feed import FaultyFeed
from gpt_trader.exchange.faults_rest import FaultyRestHandler
from gpt_trader.exchange.keys import Kind, make_key
from gpt_trader.exchange.routes import Answer, Call, Route
from gpt_trader.exchange.rules import Duplicate, default_rules
from gpt_trader.exchange.server import Options, Stage
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.live import app, loop, reconciliation
from gpt_trader.live.app import Result, run_session
from gpt_trader.live.loop import Loop
from gpt_trader.live.options import Options as LiveOptions
from gpt_trader.live.options import parse
from gpt_trader.live.recovery import frozen
from gpt_trader.store.database import Change, Database, Sync
from gpt_trader.store.folders import SessionFolder, find
from gpt_trader.store.reading import LogReader
from gpt_trader.store.verify import verify
from gpt_trader.store.walk import last_seq
from tests.exchange.serving import Exchange
from tests.invariants.checker import Checker
from tests.invariants.links import NAME, Link
from tests.invariants.persons import Person
from tests.invariants.truth import OpenVenue, Truth
from tests.live.books import check_snapshots, ours, theirs

TRADES_OFTEN = (
    *("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0"),
    *("--limit", "orders_per_minute_max=60"),
)
AT_ONCE = (*TRADES_OFTEN, "--sizing", "patience_candles=0")
RESTING = (
    *(*TRADES_OFTEN, "--sizing", "patience_candles=2"),
    *("--limit", "order_notional_max=100000000"),
)
RICH = {"USD": Decimal(20_000_000)}  # its orders are too large for the market to fill at once
SYNCS_COMMITS = 2  # FULL, among SQLite's values of "synchronous"
DOUBLED = 5  # words of the exchange that come again after each event


@dataclass(frozen=True, slots=True)
class Scenario:
    """One session: what goes wrong, for how long, and what the exchange's rules are.

    ``person`` is asked at each tick of the exchange's clock what he wants done. ``bug`` is planted
    in our own code, to see that the checker finds it.
    """

    seed: int
    faults: Mapping[str, Arming]
    rounds: int = 60
    calm_rounds: int = 10  # at the end, in which everything must come right
    duplicate: Duplicate = Duplicate.EXISTING
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    speed: float = MAX_SPEED
    arguments: tuple[str, ...] = AT_ONCE
    product_ids: tuple[str, ...] = ("BTC-USD",)
    person: Person | None = None
    link: Mapping[str, float] = field(default_factory=dict)
    bug: Callable[[pytest.MonkeyPatch], None] | None = None

    @property
    def waits(self) -> bool:
        """The tape waits for its session."""
        return self.speed == MAX_SPEED


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it."""

    scenario: Scenario
    result: Result
    strikes: Counter[str]
    folder: SessionFolder
    venue: OpenVenue
    checker: Checker


class Faulty(Exchange):
    """An exchange in a thread of its own, at which things go wrong."""

    def __init__(self, folder: Path, tls: Path, scenario: Scenario) -> None:
        products = [find_product(name) for name in scenario.product_ids]
        tape = synthetic_tape(scenario.seed, products, scenario.rounds)
        usual = default_rules(scenario.seed)
        rules = replace(
            usual,
            duplicate_client_order_id=scenario.duplicate,
            balances=scenario.balances or usual.balances,
        )
        self.open_venue = OpenVenue(tape, rules, None)
        self.faults = Faults(scenario.seed, {})
        options = Options("127.0.0.1", 0, None, scenario.speed, answer_first=True, limits=None)
        super().__init__(tls, self.open_venue, tape, options)
        self._scenario = scenario
        self._var = folder / "var"

    async def stage(self) -> Stage:
        """What is served, and what goes wrong with it."""
        return Stage(self._tape, self.venue, None, self.faults)

    def watched(self, link: Link | None) -> Checker:
        """Let a checker see what arrives and what is released.

        Faults begin with the first round, and end in time for everything to come right.
        """
        checker = Checker(Truth(self.open_venue, self.server.late), self._var)
        last = self._scenario.rounds - self._scenario.calm_rounds

        def released() -> None:
            if self._scenario.waits:
                checker.released(cast(FaultyFeed, self.server.hub._feeds[-1]).missing)
            if self._scenario.waits and self.open_venue.round == 0:
                self._arm()
            if self.open_venue.round >= last:
                self.faults.heal()
                if link is not None:
                    link.heal()

        self.open_venue.released = released
        if not self._scenario.waits:
            self.call(self._arm_at_once())
        return checker

    async def _arm_at_once(self) -> None:
        self._arm()

    def _arm(self) -> None:
        for name, arming in self._scenario.faults.items():
            self.faults.arm(name, arming)


def play(folder: Path, tls: Path, scenario: Scenario) -> Played:
    """Run one session to its end, every invariant checked after every event."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Faulty(folder, tls, scenario))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        host, link = f"127.0.0.1:{exchange.server.port}", None
        if scenario.link:
            link = Link(exchange.server.port, scenario.seed, scenario.link, folder)
            host = f"{NAME}:{stack.enter_context(link).port}"
            patch.setattr(socket, "getaddrinfo", link.resolve)
        checker, venue = exchange.watched(link), exchange.open_venue
        _watch(checker, link, patch)
        _in_haste(scenario, venue, patch)
        _attend(scenario, venue, patch)
        if scenario.bug is not None:
            scenario.bug(patch)
        options = _options(folder, tls, scenario, host)
        result = asyncio.run(run_session(options, dict(os.environ), lambda *_: None))
        assert not exchange.failures, exchange.failures
        strikes = Counter(exchange.faults.strikes)
        if link is not None:
            strikes.update(link.strikes)
            assert not link.leaked, "a stranger was told something"
    log = find(folder / "var", "latest")
    return Played(scenario, result, strikes, log, venue, checker)


def _options(folder: Path, tls: Path, scenario: Scenario, host: str) -> LiveOptions:
    words = [
        *("--var", str(folder / "var"), "--coinbase-host", host),
        *("--coinbase-ca", str(tls / "ca.pem")),
        *("--coinbase-key-file", str(make_key(tls, Kind.ES256))),
        *(() if scenario.waits else _on_the_clock(scenario)),
        *scenario.arguments,
    ]
    return parse(words, dict(os.environ), "live")


def _on_the_clock(scenario: Scenario) -> tuple[str, ...]:
    speed = "real" if scenario.speed == 1.0 else str(scenario.speed)
    return "--speed", speed


def _watch(checker: Checker, link: Link | None, patch: pytest.MonkeyPatch) -> None:
    """Let the checker see every event of the session, and a link fail once it is under way."""
    apply = Engine.apply

    def checked(engine: Engine, event: Event) -> None:
        apply(engine, event)
        checker.after(event, engine)
        if link is not None and isinstance(event, FeedChanged) and event.ready:
            link.arm()

    patch.setattr(Engine, "apply", checked)
    _watch_requests(checker, patch)


def _in_haste(scenario: Scenario, venue: OpenVenue, patch: pytest.MonkeyPatch) -> None:
    """Wait shortly for what has to be waited for; in lockstep tape minutes count as minutes."""
    if scenario.waits:
        patch.setattr(loop, "monotonic_s", lambda: venue.now_ns / 1e9)
    else:
        patch.setattr(stream, "READY_S", 0.5)
        patch.setattr(app, "SILENCE_S_MAX", 0.5)
        patch.setattr(app, "REST_S_MAX", 0.5)
        # No link holds a request longer than this; nothing else delays one where nobody waits.
        patch.setattr(reconciliation, "ABSENT_AFTER_S", 0.5)
    patch.setattr(loop, "CLOSING_LOOK_S", 0.01)
    patch.setattr(stream, "BACKOFF_MIN_S", 0.0)
    patch.setattr(stream, "BACKOFF_MAX_S", 0.01)
    patch.setattr(stream, "REFUSED_S", 0.01)


def _attend(scenario: Scenario, venue: OpenVenue, patch: pytest.MonkeyPatch) -> None:
    """Let a person act in the midst of a session, at moments that every run has.

    One that nobody waits for is stopped before its tape ends, however many candles it missed.
    """
    take, person = Loop.take, scenario.person
    last = scenario.rounds - scenario.calm_rounds // 2

    async def taking(loop: Loop, event: Event) -> None:
        await take(loop, event)
        if isinstance(event, ClockTicked) and person is not None:
            for wanted in person(loop.engine):
                await take(loop, wanted)
        if isinstance(event, ClockTicked) and not scenario.waits and venue.round >= last:
            loop.stop("the test is over")

    patch.setattr(Loop, "take", taking)


def _watch_requests(checker: Checker, patch: pytest.MonkeyPatch) -> None:
    """Let the checker see each request before any fault does, and what no loss of power takes."""
    carry_out, write = FaultyRestHandler.carry_out, Database.write

    def arriving(handler: FaultyRestHandler, route: Route, call: Call) -> Answer:
        if handler.request.method == "POST":
            checker.arrives(handler.request.path, msgspec.json.decode(call.body))
        return carry_out(handler, route, call)

    def written(database: Database, sync: Sync, changes: Sequence[Change]) -> None:
        write(database, sync, changes)
        # SQLite's own word: whatever was asked of it, this is how far its last commit went.
        [(reach,)] = database.connection.execute("PRAGMA synchronous")
        if reach >= SYNCS_COMMITS:
            checker.durable_seq = last_seq(database.connection)

    patch.setattr(FaultyRestHandler, "carry_out", arriving)
    patch.setattr(Database, "write", written)


def check_the_end(played: Played) -> None:
    """I-3, I-11, I-12 and I-14: nothing is open, the books are equal, the record is whole."""
    document = played.result.document
    assert not played.checker.violations, played.checker.violations
    assert played.result.fault is None, f"I-14: {played.result.fault}"
    assert document["ledger_difference"] == "0", document
    their_books, our_books = theirs(played.venue), ours(played.folder)
    if not played.scenario.waits:  # its tape runs on while we end
        last_s = dict(sorted(our_books.candles))  # by product
        told = {k: row for k, row in their_books.candles.items() if k[1] <= last_s.get(k[0], 0)}
        their_books = replace(their_books, candles=told)
    assert their_books == our_books
    report = verify(played.folder.log)
    assert report.is_sound, report
    check_snapshots(played.folder)
    check_doubled(played.folder)


def check_doubled(folder: SessionFolder) -> None:
    """I-11: whatever the exchange says twice, and late, changes nothing."""
    with LogReader(folder.log) as reader:
        events = [event for _, event in reader.events()]
    opened = events[0]
    assert isinstance(opened, SessionOpened)
    once, twice = Engine(opened), Engine(opened)
    earlier: deque[Event] = deque(maxlen=DOUBLED)
    for event in events[1:]:
        once.apply(event)
        twice.apply(event)
        if isinstance(event, OrderAccepted | OrderChanged | OrderFilled | FeeRevised):
            earlier.append(event)
            for said in earlier:
                twice.apply(said)
    assert frozen(twice) == frozen(once), "I-11"
