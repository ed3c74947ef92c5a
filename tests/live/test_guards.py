"""The two variables in every profile, and a halt that outlives kill -9 and a full disk."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpt_trader import cli
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import OrderIntended, SessionResumed
from gpt_trader.domain.order import TradingState
from gpt_trader.exchange.keys import Kind, Scope, make_key
from gpt_trader.store.folders import PROFILES, find
from gpt_trader.store.reading import LogReader
from gpt_trader.store.trading_state import read_standing, record_path
from tests.live import commands, disks

KILL, REDUCE = "RISK_KILL_SWITCH_ENABLED", "RISK_REDUCE_ONLY_MODE"
OFTEN = ("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0")
START = {
    "dev": TradingState.ACTIVE,
    "paper": TradingState.ACTIVE,
    "canary": TradingState.HALTED,
    "prod": TradingState.HALTED,
}


def state_of(var: Path, profile: str) -> TradingState:
    standing = read_standing(record_path(var, profile))
    return START[profile] if standing is None else standing.everything.state


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("where", ["shell", ".env"])
@pytest.mark.parametrize("command", [("orders", "list"), ("reduce-only", "on")])
def test_every_command_under_a_variable_writes_it_down_and_none_takes_it_back(
    profile: str,
    where: str,
    command: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    var, seen = tmp_path / "var", []
    monkeypatch.chdir(tmp_path)
    # An exchange that is not there: whatever the command is for, it obeys first.
    monkeypatch.setenv("GPT_TRADER_COINBASE_HOST", "127.0.0.1:9")

    for variable in (REDUCE, KILL):
        if where == "shell":
            monkeypatch.setenv(variable, "1")
        else:
            (tmp_path / ".env").write_text(f"{variable}=1\n")
        commands.here(cli.main, [*command, "--var", str(var), "--profile", profile])
        seen.append(state_of(var, profile))
    monkeypatch.delenv(REDUCE, raising=False)
    monkeypatch.delenv(KILL, raising=False)
    (tmp_path / ".env").unlink(missing_ok=True)
    commands.here(cli.main, [*command, "--var", str(var), "--profile", profile])

    reduced = max(START[profile], TradingState.REDUCE_ONLY, key=lambda state: state.tightness)
    assert seen == [reduced, TradingState.HALTED]
    assert state_of(var, profile) is TradingState.HALTED


@contextmanager
def exchange_for(profile: str, folder: Path) -> Iterator[list[str]]:
    """What a session of the profile is told: its own exchange, or one that stands for Coinbase."""
    words = ["--profile", profile, *OFTEN, "--sizing", "patience_candles=0"]
    if profile == "dev":
        yield [*words, "--speed", "120"]
        return
    key = make_key(folder / "tls", Kind.ES256, (Scope.VIEW, Scope.TRADE), "trader")
    with commands.exchange(folder, "--speed", "300", "--product", "BTC-USD") as exchange:
        yield [*words, *exchange.session_options(exchange.host), "--coinbase-key-file", str(key)]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_variable_in_env_while_running_holds_after_its_removal_kill_9_and_a_restart(
    profile: str, tmp_path: Path
) -> None:
    var, env = tmp_path / "var", tmp_path / ".env"
    with exchange_for(profile, tmp_path) as options:
        words = ["live", "--var", str(var), *options]
        with commands.begun(words, tmp_path) as process:
            commands.wait_until(lambda: "feed ready" in commands.log_text(var), process)
            started = state_of(var, profile)
            env.write_text(f"{REDUCE}=1\n")
            reduced = max(started, TradingState.REDUCE_ONLY, key=lambda one: one.tightness)
            commands.wait_until(lambda: state_of(var, profile) is reduced, process)
            env.write_text(f"{KILL}=1\n")
            commands.wait_until(lambda: state_of(var, profile) is TradingState.HALTED, process)
            commands.wait_until(lambda: "trading halted" in commands.log_text(var), process)
            env.unlink()
            process.send_signal(signal.SIGKILL)
            process.wait()
        with commands.begun(words, tmp_path) as process:
            commands.wait_until(lambda: commands.log_text(var).count("feed ready") == 2, process)
            process.send_signal(signal.SIGINT)
            done = commands.ended(process)

    with LogReader(find(var, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    resumed = next(at for at, event in enumerate(events) if isinstance(event, SessionResumed))
    assert done.code == 130, done.err
    assert started is START[profile]
    assert state_of(var, profile) is TradingState.HALTED
    assert not any(isinstance(event, OrderIntended) for event in events[resumed:])
    assert not any(isinstance(event, TradingStateChanged) for event in events[resumed:])


def test_a_halt_on_a_full_disk_holds_for_the_session_after_it(tmp_path: Path) -> None:
    with disks.small(tmp_path, 3_000) as disk:
        var = disk.path / "var"
        first = disk.live("--candles", "20", *OFTEN)
        disk.fill()
        halted = commands.here(cli.main, ["halt", "--var", str(var), "--reason", "the disk"])
        (disk.path / "filler").unlink(missing_ok=True)
        second = disk.live("--candles", "20", *OFTEN)

    assert first.code == 0 and first.document["orders"] > 0, first.err
    assert halted.code == 0, halted.err
    assert second.code == 0, second.err
    assert second.document["orders"] == 0
    assert second.document["denials_by_rule"]["trading_state"] > 0
