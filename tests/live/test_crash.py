"""kill -9 at every named point: the same command goes on, and no order is lost or doubled."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from gpt_trader.backtesting import replay_main
from gpt_trader.live.seams import KILL, POINTS
from gpt_trader.store.folders import SessionFolder, find
from gpt_trader.store.reading import LogReader
from tests.live import books, commands
from tests.tier import scaled

REPETITIONS = scaled(5)
READY_S_MAX = 5.0 if REPETITIONS == 5 else 20.0  # the quick tier shares its machine with others
ALONE, GROUP = "process", "process group"
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
BUSY = (  # changes its mind every few candles, cancels, crosses the spread, fills in parts
    *("--strategy", "ma_crossover", "--param", "fast=1", "--param", "slow=3"),
    *("--sizing", "patience_candles=1", "--sizing", "rebalance_rate=0"),
    *(word for name in PRODUCTS for word in ("--product", name)),
)
# Rounds of the tape, at which passing of the point to kill first, and how much later each time.
# A snapshot is taken, and the log checkpointed after it, once in some thousand events.
SHORT, LONG = 60, 300
PLANS = {
    "intent_durable": (SHORT, 3, 7),
    "bytes_sent": (SHORT, 2, 7),
    "reply_unread": (SHORT, 4, 7),
    "reply_unstored": (SHORT, 5, 7),
    "partial_fill": (SHORT, 2, 5),
    "cancel_sent": (SHORT, 1, 4),
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
    def options(self) -> list[str]:
        return [*BUSY, "--candles", str(self.rounds), "--seed", str(self.seed)]

    @property
    def planted(self) -> str:
        return f"{self.point}:{self.count}{':group' if self.whom == GROUP else ''}"


def crashes() -> list[Crash]:
    """Each point, of the process alone and of its whole group; in the quick tier in turns."""
    whole = [
        Crash(point, whom, repetition)
        for point in POINTS
        for whom in (ALONE, GROUP)
        for repetition in range(REPETITIONS)
    ]
    return whole if REPETITIONS > 1 else [whole[2 * i + i % 2] for i in range(len(POINTS))]


def test_every_point_is_killed_at_and_both_ways() -> None:
    assert {crash.point for crash in crashes()} == set(POINTS) == set(PLANS)
    assert {crash.whom for crash in crashes()} == {ALONE, GROUP}


@pytest.mark.parametrize("crash", crashes(), ids=str)
def test_a_killed_session_goes_on_and_its_books_are_the_exchanges(
    crash: Crash, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    var = tmp_path / "var"

    killed = play(var, crash.options, {KILL: crash.planted})
    died_with = events_in(find(var, "latest"))
    began_s = time.time()
    resumed = play(var, crash.options, {})

    firing = f"kill -9 of the {crash.whom} at {crash.point} number {crash.count}"
    assert (killed.code, killed.err.strip()) == (-9, firing)
    assert resumed.code == 0, resumed.err
    folder = find(var, resumed.document["session_id"])
    assert [found.path for found in (find(var, "latest"),)] == [folder.path], "one session"
    ready_s = ready_after(var, began_s)
    with capsys.disabled():
        print(f"\n{firing}, event {died_with} of {events_in(folder)}; ready in {ready_s:.1f} s")
    assert ready_s <= READY_S_MAX
    check_books(folder, crash)
    assert replay_main.run(["latest", "--var", str(var)]) == 0


def check_books(folder: SessionFolder, crash: Crash) -> None:
    """Ours are the exchange's to the last unit, every order has its one intent, no candle lacks."""
    venue = books.venue_of(folder, products=PRODUCTS, rounds=crash.rounds, seed=crash.seed)
    exchange, session = books.theirs(venue), books.ours(folder)
    venue.close()
    intended = books.intents(folder)

    assert session.orders == exchange.orders
    assert session.fills == exchange.fills
    assert session.balances == exchange.balances
    assert session.candles == exchange.candles
    assert len(intended) == len(set(intended))
    assert set(exchange.orders) <= set(intended)
    assert len(exchange.fills) > crash.rounds / 4, "it traded"
    books.check_snapshots(folder)


def play(var: Path, options: list[str], environ: dict[str, str]) -> commands.Finished:
    """Run a session in a process group of its own, to its end or to the kill."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "gpt_trader", "live"),
            *("--var", str(var), "--json", "-"),
            *options,
        ],
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


def events_in(folder: SessionFolder) -> int:
    """How many events are kept."""
    with LogReader(folder.log) as reader:
        return reader.last_seq()


def ready_after(var: Path, began_s: float) -> float:
    """From the start of the process to the log line that says that the feed is ready, in seconds."""
    lines = (var / "logs" / "perps_bot.log").read_text().splitlines()
    resumed = max(i for i, line in enumerate(lines) if "session resumed" in line)
    stamp = next(line.split()[0] for line in lines[resumed:] if re.search("feed ready", line))
    return datetime.fromisoformat(stamp).timestamp() - began_s
