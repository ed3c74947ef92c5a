"""The clock, the entropy and the planted faults of a live process: the only place that has them.

Everything below `live/` takes time and ids as values. The faults are for tests: a kill at a named
point and a delay in the readers, both set by the environment and both refused where real money is.
"""

import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.coinbase.transport import ROOT
from gpt_trader.coinbase.watch import Watch
from gpt_trader.domain.errors import UsageError

KILL = "GPT_TRADER_KILL_AT"  # POINT:COUNT[:group]
DELAY = "GPT_TRADER_READER_DELAY_SEED"
POINTS = (
    "intent_durable",
    "bytes_sent",
    "reply_unread",
    "reply_unstored",
    "partial_fill",
    "cancel_sent",
    "checkpoint",
    "snapshot",
)
CREATE, CANCEL = ("POST", f"{ROOT}/orders"), ("POST", f"{ROOT}/orders/batch_cancel")
ON_THE_WIRE = ("bytes_sent", "reply_unread", "cancel_sent")
READER_DELAY_S = 0.004


def wall_ns() -> int:
    """The machine's clock, nanoseconds UTC."""
    return time.time_ns()


def monotonic_s() -> float:
    """Seconds on a clock that never goes back."""
    return time.monotonic()


def new_token() -> str:
    """Eight hexadecimal digits nobody can foresee."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class _Kill:
    point: str
    count: int
    group: bool


class Probes:
    """Named points that the process passes; a test may have it killed at one of them."""

    def __init__(self, kill: _Kill | None) -> None:
        self._kill = kill
        self._passed = 0

    def passed(self, point: str) -> None:
        """Say that `point` is reached; with a kill planted there, nothing runs after it."""
        if self._is_due(point):
            self._strike()

    @contextmanager
    def passing(self, point: str, file: Path) -> Iterator[None]:
        """Say that `point` is the block inside, which writes to `file`.

        A kill planted there strikes in its midst: when `file` begins to change, or at the end of
        the block if that was missed.
        """
        if not self._is_due(point):
            yield
            return
        before, ended = _state_of(file), threading.Event()

        def strike_on_change() -> None:
            while _state_of(file) == before and not ended.is_set():
                pass  # any sleep would be longer than what is watched
            self._strike()

        watcher = threading.Thread(target=strike_on_change, daemon=True)
        watcher.start()
        yield
        ended.set()
        watcher.join()

    def watch(self) -> Watch | None:
        """Who must see the bytes of requests; nobody unless a kill is planted there."""
        if self._kill is None or self._kill.point not in ON_THE_WIRE:
            return None
        return Watch(sent=self._sent, answered=self._answered)

    def _sent(self, method: str, path: str) -> None:
        if (method, path) == CREATE:
            self.passed("bytes_sent")
        elif (method, path) == CANCEL:
            self.passed("cancel_sent")

    def _answered(self, method: str, path: str) -> None:
        if (method, path) == CREATE:
            self.passed("reply_unread")

    def _is_due(self, point: str) -> bool:
        assert point in POINTS, point
        if self._kill is None or self._kill.point != point:
            return False
        self._passed += 1
        return self._passed == self._kill.count

    def _strike(self) -> None:
        assert self._kill is not None
        whom = "process group" if self._kill.group else "process"
        print(
            f"kill -9 of the {whom} at {self._kill.point} number {self._passed}",
            file=sys.stderr,
            flush=True,
        )
        if self._kill.group:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _state_of(file: Path) -> tuple[int, int]:
    if not file.exists():
        return 0, 0
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def probes_from(environ: Mapping[str, str], profile: str) -> Probes:
    """The planted kill of a test run, or probes that do nothing."""
    text = environ.get(KILL)
    if text is None:
        return Probes(None)
    if profile in ("canary", "prod"):
        raise UsageError(f"{KILL} is for tests: unset it, profile {profile} does not run with it")
    point, _, rest = text.partition(":")
    count, _, group = rest.partition(":")
    is_count = count.isdigit() and int(count) > 0
    if point not in POINTS or not is_count or group not in ("", "group"):
        raise UsageError(
            f"{KILL}={text}: write POINT:COUNT[:group], points are {', '.join(POINTS)}"
        )
    return Probes(_Kill(point, int(count), group == "group"))


def reader_delays(environ: Mapping[str, str], profile: str) -> random.Random | None:
    """Seeded delays for the readers, to prove that arrival times decide nothing; None: no delay."""
    text = environ.get(DELAY)
    if text is None:
        return None
    if profile in ("canary", "prod"):
        raise UsageError(f"{DELAY} is for tests: unset it, profile {profile} does not run with it")
    return random.Random(text)
