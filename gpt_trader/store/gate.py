"""The gate between a session and whoever stops it: what is past it can be waited for.

Two gates a profile. A session passes `STEPS` with each step that may write an intent, its durable
commit included, and `SENDS` with each create and edit, from the last look at the trading state to
the exchange's answer. Whoever changes the state writes it down first and then shuts both gates for
a moment: after that every look at the state was made with the new one in place. The kernel lets go
of a lock with the process that holds it, so a killed session keeps nobody waiting.

Each gate has a turnstile, passed on the way in: without one, a session that sends without pause
would always be inside.
"""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.domain.errors import StoreRefused

STEPS, SENDS = "gate_steps", "gate_sends"
FLIGHT = "in_flight"
PAUSE_S = 0.0002
TURNSTILE_TRIES = 10_000  # some three seconds
_FLIGHT = struct.Struct("<QQQ104s")  # sent so far, 1 while one is on its way, since, its name


class Gate:
    """One gate as the session passes it: one thread at a time.

    Raises
    ------
    StoreRefused
        Its files cannot be made.
    """

    def __init__(self, folder: Path, name: str) -> None:
        try:
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._turnstile, self._gate = (
                os.open(path, os.O_RDWR | os.O_CREAT, 0o600) for path in _files(folder, name)
            )
        except OSError as e:
            raise StoreRefused(f"cannot write {folder / name}: {e.strerror}") from e

    def close(self) -> None:
        """Let go of its files."""
        os.close(self._turnstile)
        os.close(self._gate)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside; waits while somebody shuts the gate.

        Whoever shuts it and was stopped in the midst is not waited for longer than a few seconds:
        the turnstile is for their turn, the gate itself is what keeps apart.
        """
        for _ in range(TURNSTILE_TRIES):
            try:
                fcntl.flock(self._turnstile, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(PAUSE_S)
            else:
                fcntl.flock(self._turnstile, fcntl.LOCK_UN)
                break
        fcntl.flock(self._gate, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)


def shut(folder: Path, name: str, goes_on: Callable[[], bool]) -> bool:
    """Shut a gate for a moment: whoever was inside is out, or False as soon as `goes_on` says so.

    A profile whose gate was never made has nobody inside.
    """
    held: list[int] = []
    try:
        for path in _files(folder, name):
            held.append(os.open(path, os.O_RDWR))
            if not _taken(held[-1], goes_on):
                return False
    except FileNotFoundError:
        pass  # whoever makes it looks at the state after that
    except OSError as e:
        raise StoreRefused(f"cannot open {folder / name}: {e.strerror}") from e
    finally:
        for descriptor in held:
            os.close(descriptor)
    return True


def _taken(descriptor: int, goes_on: Callable[[], bool]) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not goes_on():
                return False
            time.sleep(PAUSE_S)
        else:
            return True


def _files(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.turnstile", folder / f"{name}.lock"


@dataclass(frozen=True, slots=True)
class InFlight:
    """What a session has sent, as others see it."""

    sent: int  # creates and edits, since the session began
    client_order_id: str  # of the last one
    since_ns: int  # the machine's clock
    is_on_its_way: bool  # it has no answer yet


class Flight:
    """The send that is on its way, told to other processes without a call of the system.

    Raises
    ------
    StoreRefused
        Its file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FLIGHT
        try:
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                file.write(bytes(_FLIGHT.size))  # room for it is taken now
                file.flush()
                self._map = mmap.mmap(file.fileno(), _FLIGHT.size)
        except OSError as e:
            raise StoreRefused(f"cannot write {path}: {e.strerror}") from e
        self._sent = 0

    def close(self) -> None:
        """Nothing is on its way any more."""
        self._map.close()

    @contextmanager
    def of(self, client_order_id: str, now_ns: int) -> Iterator[None]:
        """Say that this one is on its way, until the block ends."""
        self._sent += 1
        name = client_order_id.encode()[:104]
        self._map[:] = _FLIGHT.pack(self._sent, 1, now_ns, name)
        try:
            yield
        finally:
            self._map[:] = _FLIGHT.pack(self._sent, 0, now_ns, name)


def in_flight(folder: Path) -> InFlight | None:
    """What a session says is on its way; None where none has ever run."""
    try:
        data = (folder / FLIGHT).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as e:
        raise StoreRefused(f"cannot read {folder / FLIGHT}: {e.strerror}") from e
    if len(data) != _FLIGHT.size:
        return None  # it is being made
    sent, is_on_its_way, since_ns, name = _FLIGHT.unpack(data)
    text = name.rstrip(b"\0").decode(errors="replace")
    return InFlight(sent, text, since_ns, bool(is_on_its_way))
