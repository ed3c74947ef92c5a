"""The smoke command `perps-bot --profile dev --dev-fast`: five steps, each broken once."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpt_trader.live.dev_fast import STEPS
from tests.live import commands
from tests.live.commands import Finished
from tests.live.proxy import CountingProxy, Rule, json_answer

SECONDS_MAX = 10.0  # the issue's
WAITING = ("--param", "entry_after=1000", "--param", "exit_after=2000")
REFUSAL = json_answer(
    "200 OK",
    {
        "success": False,
        "error_response": {
            "error": "INSUFFICIENT_FUND",
            "message": "Insufficient balance in source account",
            "preview_failure_reason": "PREVIEW_INSUFFICIENT_FUND",
        },
    },
)


def refuse_creates(method: str, path: str, body: bytes) -> bytes | None:
    return REFUSAL if method == "POST" and path.endswith("/orders") else None


def refuse_sells(method: str, path: str, body: bytes) -> bytes | None:
    return refuse_creates(method, path, body) if b'"SELL"' in body else None


def hide_fills(method: str, path: str, body: bytes) -> bytes | None:
    listing = path.endswith("/orders/historical/fills")
    return json_answer("200 OK", {"fills": [], "cursor": ""}) if listing else None


def dev_fast(folder: Path, *arguments: str) -> Finished:
    return commands.live(folder / "var", "--profile", "dev", "--dev-fast", *arguments)


def behind(rule: Rule) -> Callable[[Path], Finished]:
    """Run the smoke command against an exchange that misbehaves by `rule`."""

    def run(folder: Path) -> Finished:
        options = ["--speed", "max", "--product", "BTC-USD", "--candles", "40"]
        with (
            commands.exchange(folder, *options) as exchange,
            CountingProxy(exchange.host, exchange.tls, rule) as proxy,
        ):
            return dev_fast(folder, *exchange.session_options(proxy.host))

    return run


FAULTS: dict[str, Callable[[Path], Finished]] = {
    "signal": lambda folder: dev_fast(folder, *WAITING),
    "risk": lambda folder: dev_fast(folder, "--limit", "order_notional_max=1"),
    "order": behind(refuse_creates),
    "fill": behind(hide_fills),
    "exit": behind(refuse_sells),
}


def test_all_five_steps_pass_within_ten_seconds(tmp_path: Path) -> None:
    dev_fast(tmp_path)  # compiles, on a machine that has not done so yet
    began_s = time.monotonic()

    done = dev_fast(tmp_path)

    took_s = time.monotonic() - began_s
    assert done.code == 0, done.err
    assert done.err == ""
    assert [step["name"] for step in done.document["steps"]] == list(STEPS)
    assert all(step["ok"] for step in done.document["steps"])
    assert took_s <= SECONDS_MAX


def test_without_json_a_person_reads_one_line_a_step(tmp_path: Path) -> None:
    done = commands.run(["live", "--dev-fast", "--var", str(tmp_path / "var")], tmp_path)

    assert done.code == 0, done.err
    assert [line.split()[:2] for line in done.out.splitlines()] == [["ok", s] for s in STEPS]


@pytest.mark.parametrize("broken", STEPS)
def test_a_broken_step_is_named_and_the_command_fails(broken: str, tmp_path: Path) -> None:
    done = FAULTS[broken](tmp_path)

    place = STEPS.index(broken)
    steps = {step["name"]: step["ok"] for step in done.document["steps"]}
    assert done.code == 1, done.err
    assert steps == {name: STEPS.index(name) < place for name in STEPS}
    assert done.err.startswith(f"gpt-trader live: step {broken} failed: ")
    assert done.err.count("\n") == 1
    assert sys.executable not in done.err  # no path of a traceback
