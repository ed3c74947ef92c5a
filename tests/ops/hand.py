"""The order desk as a person uses it: commands in this process, a session by hand beside it."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_trader import cli
from gpt_trader.store.folders import profile_folder
from tests.live.commands import Finished, begun, here, wait_until


@dataclass(frozen=True, slots=True)
class Hand:
    """A person at one data folder."""

    var: Path

    def orders(self, *words: str) -> Finished:
        """Run `gpt-trader orders WORDS --json -`."""
        return here(cli.main, ["orders", *words, "--var", str(self.var), "--json", "-"])

    def snapshot(self, *words: str) -> Finished:
        """Run `gpt-trader snapshot WORDS --json -`."""
        return here(cli.main, ["snapshot", *words, "--var", str(self.var), "--json", "-"])

    def perps_bot(self, *words: str) -> Finished:
        """Run `perps-bot WORDS`, as the runbook writes them."""
        return here(cli.perps_bot, [*words, "--var", str(self.var)])

    def placed(self, *words: str) -> dict[str, Any]:
        """Place an order and give its document."""
        order: dict[str, Any] = self.orders("place", *words).document["placed"]
        return order


def session_by_hand(var: Path, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A session that serves requests until the block ends; its orders wait on."""
    return session(var, "--by-hand", *more)


@contextmanager
def session(var: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A session that runs until the block ends."""
    with begun(["live", "--var", str(var), *more], var.parent) as process:
        health = profile_folder(var, "dev") / "health.json"
        try:
            wait_until(lambda: health.exists() and _is_ready(health, process.pid), process)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _is_ready(health: Path, pid: int) -> bool:
    said = json.loads(health.read_text())
    return bool(said["pid"] == pid and said["ready"]["ok"])
