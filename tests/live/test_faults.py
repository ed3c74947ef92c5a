"""Faults of a live session, over real sockets: it goes on, or it ends with its orders cancelled."""

import asyncio
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.coinbase.readiness import Subscription
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.coinbase.tls import trust
from gpt_trader.coinbase.wire_fills import FillWord
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import (
    CancelAnswered,
    Event,
    FeedChanged,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    SessionClosed,
)
from gpt_trader.domain.order import WITHHELD, Liquidity, OrderStatus, Side, TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.live.feed import Feed, Part
from gpt_trader.live.history import History
from gpt_trader.live.links import Links
from gpt_trader.live.loop import Loop
from gpt_trader.live.opening import PORTFOLIO, resume
from gpt_trader.live.record import Record
from gpt_trader.live.report import Reporter
from gpt_trader.live.seams import Probes, wall_ns
from gpt_trader.live.upkeep import OWED_S, RESTING_S, Pace, Upkeep
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import SessionFolder, find, profile_folder
from gpt_trader.store.reading import LogReader
from tests.builders import an_opening
from tests.live import commands
from tests.live.proxy import Answer, CountingProxy, json_answer
from tests.live.test_reconciliation import Scene, with_a_lost_answer
from tests.live.test_stop import children

ROOT = "/api/v3/brokerage/orders"
BUSY = json_answer("503 Service Unavailable", {})
LIFE = ("--strategy", "dev_life", "--param", "entry_after=1", "--param", "exit_after=4")
RESTING = (
    *LIFE[:4],
    *("--sizing", "patience_candles=1000", "--limit", "order_notional_max=100000000"),
)
RICH = ("--balance", "USD=100000000")  # its order is too large for the market to fill


class Faults:
    """Answers chosen requests in the exchange's place, each as often as it is told."""

    def __init__(self, **times: int) -> None:
        self.left = times
        self.passed: list[str] = []

    def __call__(self, method: str, path: str, body: bytes) -> Answer:
        name = path.removeprefix(ROOT).strip("/").replace("/", "_") or "create"
        self.passed.append(name)
        if self.left.get(name, 0) <= 0:
            return None
        self.left[name] -= 1
        return self.answer(name)

    def answer(self, name: str) -> bytes:
        return BUSY


@contextmanager
def through_a_proxy(
    folder: Path, faults: Faults, *arguments: str, account: tuple[str, ...] = ()
) -> Iterator[list[str]]:
    """Arguments of a real-time session at an exchange of its own, through `faults`."""
    with (
        commands.exchange(folder, "--speed", "60", "--product", "BTC-USD", *account) as exchange,
        CountingProxy(exchange.host, exchange.tls, faults) as proxy,
    ):
        options = exchange.session_options(proxy.host)
        yield ["--profile", "dev", "--speed", "60", *options, *arguments]


def stopped_while_an_order_rests(folder: Path, arguments: list[str]) -> commands.Finished:
    """Run a session until its first order is at the exchange, and stop it."""
    var = folder / "var"
    with commands.begun(["live", "--var", str(var), "--json", "-", *arguments], folder) as process:
        commands.wait_until(lambda: " accepted as " in commands.log_text(var), process)
        process.send_signal(signal.SIGINT)
        return commands.ended(process)


def events_of(var: Path) -> list[Event]:
    with LogReader(find(var, "latest").log) as reader:
        return [event for _, event in reader.events()]


def test_a_question_that_gets_no_answer_stops_entries_and_is_asked_again(tmp_path: Path) -> None:
    """Before: one 503 while fills were fetched ended the session."""
    faults = Faults(historical_fills=2, historical_batch=1)
    # The exit is far away: a start of some seconds must not use up the candles of the entry.
    life = (*LIFE[:4], "--param", "exit_after=60", "--sizing", "patience_candles=0")
    with through_a_proxy(tmp_path, faults, *life, "--candles", "8") as arguments:
        done = commands.live(tmp_path / "var", *arguments)

    assert done.code == 0, done.err
    assert done.document["fills"] > 0
    assert done.document["ledger_difference"] == "0"
    assert sum(faults.left.values()) <= 0
    changes = [e.ready for e in events_of(tmp_path / "var") if isinstance(e, FeedChanged)]
    assert changes[:3] == [True, False, True], "a fault in mid-session stops entries for a while"


def test_a_cancel_without_an_answer_is_asked_for_again_at_the_stop(tmp_path: Path) -> None:
    faults = Faults(batch_cancel=1)
    with (
        commands.exchange(tmp_path, "--speed", "max", "--product", "BTC-USD") as exchange,
        CountingProxy(exchange.host, exchange.tls, faults) as proxy,
    ):
        asyncio.run(_order_and_close(exchange, proxy.host, tmp_path / "log"))

    with LogReader(tmp_path / "log") as reader:
        events = [event for _, event in reader.events()]
    answers = [event.accepted for event in events if isinstance(event, CancelAnswered)]
    assert faults.passed.count("batch_cancel") == 2
    assert answers[0] is False and answers[-1] is True
    assert isinstance(events[-1], SessionClosed)


async def _order_and_close(exchange: commands.RunningExchange, host: str, file: Path) -> None:
    """One order that rests far below the market, and the end of its session."""
    scene = Scene(exchange)
    key = Signer.from_key_file(Path(exchange.ready["key_file"]), wall_ns)
    ca = Path(exchange.ready["ca"])
    clock = scene.engine
    rest = RestClient(host, key, ca_file=ca, timeout_s=10.0, now_ns=lambda: clock.now_ns)
    stream = Stream(
        f"wss://{host}/",
        trust(ca),
        key,
        (Subscription("heartbeats", ()),),
        dice=random.Random(1),
        patience=Patience(None, 1),
    )
    log = EventLog.create(file, {}, wall_ns)
    record = Record(log, file, scene.engine, Reporter(scene.engine), Probes(None))
    links = Links(rest, rest, stream, scene.control, None, False, None, False)
    loop = Loop(scene.engine, record, links, Probes(None), None)
    await loop.books.opening_balances()
    await loop.take(scene.intent)

    await loop.close("a test ends it")

    loop.desk.close()
    log.close()
    rest.close()
    scene.rest.close()


class Nonsense(Faults):
    """A listing that no one can read, once the first cancel was not carried out."""

    def answer(self, name: str) -> bytes:
        self.left["historical_batch"] = 1
        return BUSY if name == "batch_cancel" else json_answer("200 OK", {"orders": 7})


def test_a_session_that_breaks_down_cancels_its_orders_on_the_way_out(tmp_path: Path) -> None:
    faults = Nonsense(batch_cancel=1)
    with through_a_proxy(tmp_path, faults, *RESTING, account=RICH) as arguments:
        done = stopped_while_an_order_rests(tmp_path, arguments)

    assert done.code == 1, done.err
    assert "cannot be read" in done.err
    assert faults.passed.count("batch_cancel") >= 2
    assert faults.passed[-1] == "batch_cancel", "the last thing that leaves"


class NoRight(Faults):
    """A key that lost its right to trade."""

    def answer(self, name: str) -> bytes:
        return json_answer("403 Forbidden", {"error": "PERMISSION_DENIED", "message": "no trade"})


def test_a_key_that_may_not_trade_holds_trading_back_once(tmp_path: Path) -> None:
    with through_a_proxy(
        tmp_path,
        NoRight(create=9),
        *("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0"),
        *("--sizing", "patience_candles=0", "--candles", "7"),
    ) as arguments:
        done = commands.live(tmp_path / "var", *arguments)

    events = events_of(tmp_path / "var")
    states = [event for event in events if isinstance(event, TradingStateChanged)]
    assert done.code == 0, done.err
    assert [event.reason for event in events if isinstance(event, OrderRejected)] == [
        "NOT_AUTHORIZED"
    ]
    assert [(state.state, state.who) for state in states] == [
        (TradingState.REDUCE_ONLY, "the exchange")
    ]
    assert "CRITICAL trading reduce_only by the exchange" in commands.log_text(tmp_path / "var")


def test_a_silent_exchange_leaves_the_loop_turning_and_env_tightens_it(tmp_path: Path) -> None:
    var = tmp_path / "var"
    health = profile_folder(var, "dev") / "health.json"
    options = ["live", "--var", str(var), "--speed", "120", "--candles", "600"]
    with commands.begun(options, tmp_path) as process:
        commands.wait_until(lambda: " feed ready" in commands.log_text(var), process)
        [exchange] = children(process)
        os.kill(exchange, signal.SIGSTOP)
        time.sleep(3.5)  # no frame comes: only the machine's clock goes on
        silent = json.loads(health.read_text())
        (tmp_path / ".env").write_text("RISK_REDUCE_ONLY_MODE=1\n")
        commands.wait_until(lambda: "trading reduce_only" in commands.log_text(var), process)
        os.kill(exchange, signal.SIGCONT)
        process.send_signal(signal.SIGINT)
        done = commands.ended(process)

    assert done.code == 130, done.err
    assert silent["alive"]["ok"] is True
    assert silent["ready"]["conditions"][4]["age_s"] > 2.0, "while nothing was heard"


# --- one class at a time, at a real exchange or at none --------------------------------------


def upkeep_of(scene: Scene) -> Upkeep:
    desk = scene.desk()
    history = History(scene.engine, scene.rest, desk, scene.take)
    pace = Pace(lambda: scene.machine_s, RESTING_S)
    return Upkeep(scene.engine, scene.books, history, Feed(scene.engine, scene.take), pace)


def test_a_last_word_that_was_missed_is_asked_for(tmp_path: Path) -> None:
    """Cancelled by somebody else, and no frame told us: the order must not rest here for ever."""

    async def check(scene: Scene) -> None:
        accepted = scene.rest.create(scene.intent)
        assert isinstance(accepted, OrderAccepted)
        await scene.books.orders()
        upkeep = upkeep_of(scene)
        scene.rest.cancel([accepted.order_id])

        scene.machine_s += RESTING_S - 0.1
        await upkeep.look()
        early = scene.order.status
        scene.machine_s += 0.2
        await upkeep.look()

        assert early is OrderStatus.OPEN
        assert scene.order.status is OrderStatus.CANCELLED

    with_a_lost_answer(tmp_path, check)


def test_an_owed_answer_is_asked_for_soon(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        upkeep = upkeep_of(scene)
        await upkeep.look()
        scene.rest.create(scene.intent)

        scene.machine_s += OWED_S
        await upkeep.look()

        assert scene.order.status is OrderStatus.OPEN

    with_a_lost_answer(tmp_path, check)


def test_the_feed_is_ready_once_nothing_fails() -> None:
    engine, taken = Engine(an_opening()), list[Event]()

    async def take(event: Event) -> None:
        taken.append(event)
        engine.apply(event)

    async def play() -> None:
        feed = Feed(engine, take)
        await feed.lose(Part.READS, "503")
        await feed.lose(Part.READS, "503 again")
        assert not engine.prices_come
        await feed.mend(Part.CONNECTION, "connected")
        assert engine.prices_come and not engine.feed_ready
        await feed.mend(Part.READS, "answered")
        assert engine.feed_ready
        await feed.mend(Part.PACE, "was well all along")
        await feed.lose(Part.PACE, "behind by 2.1 s")
        assert not engine.feed_ready

    asyncio.run(play())

    said = [event.reason for event in taken if isinstance(event, FeedChanged)]
    assert said == ["503", "connected", "answered", "behind by 2.1 s"]


def test_nothing_leaves_a_closed_desk_nor_one_that_waited_too_long(tmp_path: Path) -> None:
    async def check(scene: Scene) -> None:
        late = scene.desk(0.05)
        busy = threading.Event()
        holding = asyncio.create_task(late.call(lambda: busy.wait(10)))
        sending = asyncio.create_task(late.send([scene.intent]))
        await asyncio.sleep(0.1)
        busy.set()
        await holding
        [waited] = await sending
        late.close()

        closed = scene.desk()
        closed.stop_creating()
        [shut] = await closed.send([scene.intent])
        closed.close()

        for answer in (waited, shut):
            assert isinstance(answer, OrderRejected) and answer.reason == WITHHELD
        assert scene.rest.orders(None, ["BTC-USD"]) == ()

    with_a_lost_answer(tmp_path, check)


@pytest.mark.parametrize(
    "strange",
    [
        {"kind": "REVERSAL"},
        {"trade_id": "8", "price": Decimal("1000.001")},
        {"trade_id": "8", "base_size": Decimal("0.0010000001")},
    ],
    ids=["a correction", "between two prices", "a part of a lot"],
)
def test_one_trade_is_booked_once_and_what_no_books_can_count_never(
    tmp_path: Path, strange: dict[str, Any]
) -> None:
    async def check(scene: Scene) -> None:
        scene.rest.create(scene.intent)
        await scene.books.orders()
        row = FillWord(
            ts_ns=scene.engine.now_ns,
            entry_id="e-1",
            kind="FILL",
            order_id=scene.order.order_id,
            trade_id="7",
            product_id="BTC-USD",
            side=Side.BUY,
            price=Decimal(1000),
            base_size=Decimal("0.001"),
            fee=Decimal(0),
            liquidity=Liquidity.MAKER,
        )
        rows = (row, replace(row, entry_id="e-2"), replace(row, entry_id="e-3", **strange))
        desk = scene.desk()

        events = desk.unbooked(rows, scene.order)
        again = desk.unbooked(rows[2:], scene.order)
        desk.close()

        assert [type(event) for event in events] == [OrderFilled, TradingStateChanged]
        assert isinstance(events[1], TradingStateChanged)
        assert events[1].state is TradingState.REDUCE_ONLY
        assert "e-3" in events[1].why
        assert all(str(strange[k]) in events[1].why for k in strange.keys() - {"trade_id"})
        assert again == ()

    with_a_lost_answer(tmp_path, check)


@pytest.mark.parametrize("host", ["api.coinbase.com", "127.0.0.1.example.com", "10.0.0.1:443"])
def test_dev_talks_to_no_machine_but_this_one(host: str, tmp_path: Path) -> None:
    done = commands.live(
        tmp_path / "var",
        *("--coinbase-host", host, "--coinbase-ca", __file__, "--coinbase-key-file", __file__),
    )

    assert done.code == 2
    assert "profile dev trades at an exchange of this machine only" in done.err


def test_a_session_is_not_resumed_in_another_portfolio(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path, "s-1")
    log = EventLog.create(folder.log, {PORTFOLIO: "one"}, lambda: 0)
    log.append(an_opening())
    log.commit_durable()
    log.close()

    with pytest.raises(UsageError, match="another portfolio"):
        resume(folder, "two", {})

    log, _, _ = resume(folder, "one", {})
    log.close()


def test_an_unfinished_session_takes_no_other_limit(tmp_path: Path) -> None:
    """A tighter one would be ignored, and nobody would know."""
    folder = SessionFolder(tmp_path, "s-1")
    log = EventLog.create(folder.log, {PORTFOLIO: "one"}, lambda: 0)
    log.append(an_opening(limits={"order_notional_max": Decimal(900)}))
    log.commit_durable()
    log.close()

    with pytest.raises(UsageError, match="order_notional_max 900, not 100: a limit holds"):
        resume(folder, "one", {"order_notional_max": Decimal(100)})

    log, _, _ = resume(folder, "one", {"order_notional_max": Decimal(900)})
    log.close()


def test_a_key_that_can_take_money_out_is_refused_where_money_is_real(tmp_path: Path) -> None:
    with commands.exchange(tmp_path, "--speed", "real", "--product", "BTC-USD") as exchange:
        done = commands.live(
            tmp_path / "var", "--profile", "canary", *exchange.session_options(exchange.host)
        )

    assert done.code == 2
    assert "can transfer money out" in done.err
