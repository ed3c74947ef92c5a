"""Ctrl-C and SIGTERM end a session in good order; two sessions of a profile never run at once."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gpt_trader.domain.events import CancelIntended, OrderAccepted, OrderChanged, SessionClosed
from gpt_trader.domain.order import WORKING
from gpt_trader.store.folders import find, profile_folder
from gpt_trader.store.reading import LogReader
from tests.live import commands
from tests.live.test_bad_input import left_behind

STOP_S_MAX = 10.0  # it takes a fraction of a second; on a busy machine, more
RESTING = (  # an order that waits at our side of the book, too large for the market to fill
    *("--profile", "dev", "--speed", "60", "--json", "-"),
    *("--strategy", "dev_life", "--param", "entry_after=1", "--sizing", "patience_candles=1000"),
    *("--balance", "USD=100000000", "--limit", "order_notional_max=100000000"),
)


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a session has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True
    ).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid for pid, parent in pairs if parent == process.pid]


def runs(pid: int) -> bool:
    """Whether there is a process of this number; a zombie is none."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.strip().startswith("Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_session_at_once_with_its_orders_cancelled(
    number: signal.Signals, tmp_path: Path
) -> None:
    var = tmp_path / "var"
    with commands.begun(["live", "--var", str(var), *RESTING], tmp_path) as process:
        commands.wait_until(lambda: " accepted as " in commands.log_text(var), process)
        [exchange] = children(process)
        stopped_s = time.monotonic()

        process.send_signal(number)
        done = commands.ended(process)

        took_s = time.monotonic() - stopped_s
    with LogReader(find(var, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    accepted = [e.client_order_id for e in events if isinstance(e, OrderAccepted)]
    last = {e.client_order_id: e.status for e in events if isinstance(e, OrderChanged)}
    assert done.code == 130, done.err
    assert done.err == ""
    assert done.document["reason"] == "stopped by a person"
    assert done.document["ledger_difference"] == "0"
    assert any(isinstance(event, CancelIntended) for event in events)
    assert accepted and all(last[name] not in WORKING for name in accepted)
    assert isinstance(events[-1], SessionClosed)
    assert not runs(exchange)
    assert took_s <= STOP_S_MAX


def test_after_a_clean_stop_the_next_command_begins_a_new_session(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with commands.begun(["live", "--var", str(var), *RESTING], tmp_path) as process:
        commands.wait_until(lambda: " feed ready" in commands.log_text(var), process)
        second = commands.live(var, "--candles", "5")
        process.send_signal(signal.SIGINT)
        first = commands.ended(process)

    third = commands.live(var, "--candles", "5")

    assert first.code == 130, first.err
    assert second.code == 1
    assert second.out == ""
    assert f"a session of profile dev runs already, process {process.pid}: " in second.err
    assert second.err.count("\n") == 1
    assert third.code == 0, third.err
    assert third.document["session_id"] != first.document["session_id"]


def test_a_signal_during_the_start_leaves_no_session_behind(tmp_path: Path) -> None:
    var = tmp_path / "var"
    folder = profile_folder(var, "dev")
    with commands.begun(["live", "--var", str(var), *RESTING], tmp_path) as process:
        commands.wait_until(lambda: any(folder.glob("*/exchange.log")), process)
        process.send_signal(signal.SIGTERM)
        done = commands.ended(process)

    assert done.code == 130
    assert done.err == ""
    assert left_behind(var) == []


def test_a_second_signal_does_not_wait_for_an_exchange_that_gives_no_answer(
    tmp_path: Path,
) -> None:
    """The exchange stands still: the first signal cannot be carried out, the second need not."""
    var = tmp_path / "var"
    with commands.begun(["live", "--var", str(var), *RESTING], tmp_path) as process:
        commands.wait_until(lambda: " accepted as " in commands.log_text(var), process)
        [exchange] = children(process)
        os.kill(exchange, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        commands.wait_until(lambda: " stop requested" in commands.log_text(var), process)

        process.send_signal(signal.SIGINT)
        killed = commands.ended(process)
    os.kill(exchange, signal.SIGCONT)  # now it sees that its session is gone
    while runs(exchange):
        time.sleep(0.02)

    with commands.begun(["live", "--var", str(var), *RESTING], tmp_path) as process:
        commands.wait_until(lambda: commands.log_text(var).count("feed ready") == 2, process)
        process.send_signal(signal.SIGINT)
        resumed = commands.ended(process)
    assert killed.code == -signal.SIGINT
    assert killed.err == ""
    assert resumed.code == 130, resumed.err
    assert resumed.document["ledger_difference"] == "0"
