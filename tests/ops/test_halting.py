"""Halted from a second process while orders flow: nothing is written and nothing leaves after it.

One session, at the pace of its tape: the exchange, in this process, plays as fast as it is taken
in, and the strategy wants another position at each candle, so a create follows the other. What the
session wrote and when, and what arrived at the exchange and when, is held beside the moments
at which `gpt-trader halt` was called and had returned, all by the machine's clock.
"""

import json
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpt_trader import cli
from gpt_trader.domain.events import OrderAccepted
from gpt_trader.domain.order import TradingState
from gpt_trader.exchange.rest import RestHandler
from gpt_trader.exchange.routes import Answer, Call, Route
from gpt_trader.exchange.venue import Venue
from gpt_trader.store.database import connect_to_read
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from gpt_trader.store.trading_state import read_standing, record_path
from tests.exchange.serving import Exchange, a_tape, lockstep_options, some_rules
from tests.live import commands
from tests.tier import by_tier

ROUNDS = by_tier(quick=20, ci=100, soak=1_000)
P99_MS_MAX = by_tier(quick=500, ci=500, soak=10)  # a busy machine measures itself
WAY_S = 0.001  # of a create to the exchange: on one machine it would take a tenth of that
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
FLIPS = """
import gpt_trader as gt

@gt.strategy(first=gt.whole(1, 1, 2))
def flips(candles, t, p):
    return float(t % 2)
"""
HALTS = """
import contextlib, io, json, random, sys, time
from pathlib import Path
from gpt_trader import cli
from gpt_trader.ops import control_main  # its import is no part of a round
from gpt_trader.store.gate import in_flight

var, rounds = sys.argv[1], int(sys.argv[2])
folder, dice = Path(var) / "data" / "perps_bot" / "dev", random.Random(1)

def run(*words):
    said, begun_ns = io.StringIO(), time.time_ns()
    with contextlib.redirect_stdout(said):
        code = cli.main([*words, "--var", var, "--json", "-"])
    assert code == 0, (words, code)
    return json.loads(said.getvalue()), begun_ns, time.time_ns()

def sent():
    flight = in_flight(folder)
    return 0 if flight is None else flight.sent

"""
PLAYS = """
for _ in range(rounds):
    before = sent()
    while sent() < before + 2:
        time.sleep(0.0005)
    time.sleep(dice.random() * 0.005)
    said, begun_ns, ended_ns = run("halt", "--reason", "a round")
    time.sleep(0.01)
    code, resumed_ns, _ = run("resume")
    run("resume", "--confirm", code["code"], "--reason", "the next round")
    print(json.dumps([begun_ns, ended_ns, resumed_ns, said["in_flight"]]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Round:
    """One halt: when it was asked for, when it had returned, when it ended."""

    asked_ns: int
    returned_ns: int
    resumed_ns: int
    in_flight: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rounds:
    """What the rounds of one session came to."""

    rounds: list[Round]
    intents_ns: list[int]  # when each was written
    creates_ns: list[int]  # when each arrived at the exchange

    def late(self, times_ns: list[int]) -> int:
        """How many happened while a halt was in force."""
        return sum(
            bisect_right(times_ns, one.resumed_ns) - bisect_right(times_ns, one.returned_ns)
            for one in self.rounds
        )

    def lasts_ms(self) -> list[float]:
        """Per round, from the call of `halt` to the last create's arrival, ascending."""
        found = []
        for one in self.rounds:
            first = bisect_right(self.creates_ns, one.asked_ns)
            last = bisect_right(self.creates_ns, one.resumed_ns)
            if last > first:
                found.append((self.creates_ns[last - 1] - one.asked_ns) / 1e6)
        return sorted([0.0] * (len(self.rounds) - len(found)) + found)


@dataclass(frozen=True, slots=True)
class Flow:
    """A session that sends without pause, and what arrives at its exchange."""

    var: Path
    process: subprocess.Popen[str]
    creates_ns: list[int]  # when each arrived
    way: list[float]  # seconds of the next create to the exchange; the last one is for all others


@contextmanager
def flowing(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Flow]:
    """Run it until the block ends, then stop it in good order."""
    creates_ns, way = list[int](), [WAY_S]
    carry_out = RestHandler.carry_out

    def arriving(handler: RestHandler, route: Route, call: Call) -> Answer:
        if handler.request.method == "POST" and handler.request.path.endswith("/orders"):
            time.sleep(way.pop(0) if len(way) > 1 else way[0])
            creates_ns.append(time.time_ns())
        return carry_out(handler, route, call)

    patch.setattr(RestHandler, "carry_out", arriving)
    tape = a_tape(rounds=300_000, product_ids=PRODUCTS)
    (folder / "flips.py").write_text(FLIPS)
    with Exchange(folder, Venue(tape, some_rules(), None), tape, lockstep_options()) as exchange:
        words = [
            *("live", "--var", str(folder / "var"), "--strategy", "flips.py:flips"),
            *("--coinbase-host", f"127.0.0.1:{exchange.server.port}"),
            *("--coinbase-ca", str(folder / "ca.pem")),
            *("--coinbase-key-file", str(exchange.key_file)),
            *("--sizing", "patience_candles=0", "--limit", "orders_per_minute_max=1000"),
            *("--limit", "daily_loss_rate_max=1", "--limit", "drawdown_rate_max=1"),
        ]
        with commands.begun(words, folder) as session:
            yield Flow(folder / "var", session, creates_ns, way)
            session.terminate()
            done = commands.ended(session)
            assert done.code == 130, done.err


def halted_in_rounds(folder: Path, rounds: int, patch: pytest.MonkeyPatch, bug: str = "") -> Rounds:
    """Halt a session that sends without pause again and again."""
    with flowing(folder, patch) as flow:
        said = subprocess.run(
            [sys.executable, "-c", HALTS + bug + PLAYS, str(flow.var), str(rounds)],
            env=commands.environment(),
            capture_output=True,
            text=True,
            timeout=commands.PATIENCE_S,
        )
        assert said.returncode == 0, said.stderr
    found = [json.loads(line) for line in said.stdout.splitlines()]
    kept = [Round(one[0], one[1], one[2], tuple(one[3])) for one in found]
    return Rounds(kept, intents_ns(flow.var), flow.creates_ns)


def intents_ns(var: Path) -> list[int]:
    """When each intent was written, by the machine's clock."""
    connection = connect_to_read(find(var, "latest").log)
    rows = connection.execute("SELECT wall_ns FROM events WHERE kind = 'order_intended'")
    times_ns = sorted(int(row[0]) for row in rows)
    connection.close()
    return times_ns


def test_nothing_is_written_and_nothing_arrives_once_halt_has_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = halted_in_rounds(tmp_path, ROUNDS, monkeypatch)

    lasts_ms = seen.lasts_ms()
    p99_ms = lasts_ms[(len(lasts_ms) - 1) * 99 // 100]
    flying = sum(len(one.in_flight) for one in seen.rounds)
    waits_ms = sorted((one.returned_ns - one.asked_ns) / 1e6 for one in seen.rounds)
    print(
        f"{len(seen.rounds)} halts, {len(seen.creates_ns)} creates, {flying} in flight; to the last"
        f" create p50 {lasts_ms[len(lasts_ms) // 2]:.2f} ms, p99 {p99_ms:.2f} ms; halt returned"
        f" after p50 {waits_ms[len(waits_ms) // 2]:.2f} ms, at most {waits_ms[-1]:.2f} ms"
    )
    assert len(seen.rounds) == ROUNDS
    assert len(seen.creates_ns) >= 2 * ROUNDS
    assert seen.late(seen.intents_ns) == 0
    assert seen.late(seen.creates_ns) == 0
    assert flying >= ROUNDS // 10, "the engine was not sending when it was halted"
    assert p99_ms <= P99_MS_MAX


def test_a_halt_that_does_not_wait_at_the_gate_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at the state without the lock: what has looked may leave after the halt."""
    bug = "from gpt_trader.ops import halting; halting.shut = lambda *_: True\n"

    seen = halted_in_rounds(tmp_path, 20, monkeypatch, bug)

    assert seen.late(seen.creates_ns) > 0


def test_with_an_exchange_or_a_session_that_hangs_halt_says_what_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with flowing(tmp_path, monkeypatch) as flow:
        words = ["halt", "--var", str(flow.var), "--reason", "it hangs"]
        commands.wait_until(lambda: len(flow.creates_ns) > 3, flow.process)
        flow.way.insert(0, 4.0)
        commands.wait_until(lambda: len(flow.way) == 1, flow.process)
        begun_s = time.monotonic()
        hung = commands.here(cli.main, words)
        took_s = time.monotonic() - begun_s
        arrived = len(flow.creates_ns)
        commands.wait_until(lambda: len(flow.creates_ns) > arrived, flow.process)
        after = commands.here(cli.main, words)
        flow.process.send_signal(signal.SIGSTOP)
        stopped = commands.here(cli.main, words)
        flow.process.send_signal(signal.SIGCONT)
    last = last_accepted(flow.var)

    assert hung.code == 3
    assert f"{last} is on its way to the exchange since" in hung.err
    assert took_s < 3.0
    assert after.code == 0 and "it was held back so far already" in after.out
    inside = stopped.code == 3 and "did not answer within 2 s" in stopped.err
    assert stopped.code == 0 or inside, "where it was stopped is a matter of chance"
    assert len(flow.creates_ns) == arrived + 1, "only the one that was on its way"


def last_accepted(var: Path) -> str:
    """The name of the last order that arrived."""
    with LogReader(find(var, "latest").log) as reader:
        names = [e.client_order_id for _, e in reader.events() if isinstance(e, OrderAccepted)]
    return names[-1]


def test_a_halt_is_not_kept_back_by_a_setting_that_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("RISK_MAX_EXPOSURE=0.5\n")

    done = commands.here(cli.main, ["halt", "--reason", "odd"])
    (tmp_path / ".env").write_text("RISK_MAX_EXPOSURE=0.5\nGPT_TRADER_VAR=elsewhere\n")
    asked = commands.here(cli.main, ["halt"])
    named = commands.here(cli.main, ["halt", "--var", str(tmp_path / "elsewhere")])

    for each, var in ((done, tmp_path / "var"), (named, tmp_path / "elsewhere")):
        standing = read_standing(record_path(var, "dev"))
        assert each.code == 2 and "held back all the same" in each.err
        assert standing is not None and standing.everything.state is TradingState.HALTED
        assert "no session of profile dev runs" in each.out
    assert asked.code == 2 and "nothing is held back" in asked.err and asked.out == ""
