"""The project's commands as a person runs them: processes of their own, and what they answer."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from coinbase.rest import RESTClient

PATIENCE_S = 600.0  # for the longest session on the slowest machine; a hang, no measurement
ROOT = Path(__file__).parents[2]
KERNELS = Path(tempfile.gettempdir()) / f"gpt-trader-kernels-{os.getuid()}"


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What it said with `--json -`."""
        assert self.out, self.err
        document: dict[str, Any] = json.loads(self.out)
        return document


def environment(**more: str) -> dict[str, str]:
    """What a command of ours is started with: this tree, compiled code kept between starts."""
    always = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    return {"GPT_TRADER_KERNEL_CACHE": str(KERNELS), **os.environ, **always, **more}


def run(arguments: list[str], folder: Path, **environ: str) -> Finished:
    """Run `gpt-trader ARGUMENTS` to its end, in a folder where no settings lie about."""
    done = subprocess.run(
        [sys.executable, "-m", "gpt_trader", *arguments],
        cwd=folder,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def here(command: Callable[[list[str]], int], words: list[str]) -> Finished:
    """Run a command in this process: what ends before it begins needs none of its own."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = command(words)
    return Finished(int(code), out.getvalue(), err.getvalue())


@contextmanager
def begun(arguments: list[str], folder: Path, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Start `gpt-trader ARGUMENTS` and go on beside it; what still runs at the end is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "gpt_trader", *arguments],
        cwd=folder,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> Finished:
    """Wait for the end of a command that was begun."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return Finished(process.returncode, out, err)


def wait_until(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Look again and again until something is so; a process that ends before it fails."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not what():
        assert process.poll() is None, ended(process)
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def log_text(var: Path) -> str:
    """The session's log file, nothing while there is none."""
    path = var / "logs" / "perps_bot.log"
    return path.read_text() if path.exists() else ""


def live(var: Path, *arguments: str, **environ: str) -> Finished:
    """Run a whole session in `var`, its document on standard output."""
    return run(["live", "--var", str(var), "--json", "-", *arguments], var.parent, **environ)


def replay(var: Path, *arguments: str, **environ: str) -> Finished:
    """Replay a session of `var`, the newest unless `arguments` name one."""
    return run(["replay", "--var", str(var), "--json", "-", *arguments], var.parent, **environ)


@dataclass(frozen=True, slots=True)
class RunningExchange:
    """An exchange of its own process, as its ready line describes it."""

    ready: dict[str, Any]

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.ready['port']}"

    @property
    def tls(self) -> Path:
        """The folder of its authority and keys."""
        return Path(self.ready["ca"]).parent

    def client(self) -> RESTClient:
        """The official SDK's client, unmodified; close its session after use."""
        client = RESTClient(key_file=self.ready["key_file"], base_url=self.host, timeout=10)
        client.session.verify = self.ready["ca"]
        client.session.trust_env = False
        return client

    def session_options(self, host: str) -> list[str]:
        """What `live` must be told to trade there, through `host`."""
        return [
            *("--coinbase-host", host),
            *("--coinbase-ca", self.ready["ca"]),
            *("--coinbase-key-file", self.ready["key_file"]),
        ]


@contextmanager
def exchange(folder: Path, *arguments: str) -> Iterator[RunningExchange]:
    """Run `gpt-trader exchange` until the block ends, its ledger in `folder`/state."""
    command = [
        *(sys.executable, "-m", "gpt_trader", "exchange", "--port", "0", "--parent"),
        *("--state", str(folder / "state"), "--tls", str(folder / "tls"), *arguments),
    ]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the exchange ended with {process.wait()}"
        try:
            yield RunningExchange(json.loads(line))
        finally:
            process.stdin.close()
            assert process.wait(10) == 0
