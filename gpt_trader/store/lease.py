"""One session of a profile at a time: who runs it holds a lock that ends with its process."""

import fcntl
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.store.folders import profile_folder

TRIES, PAUSE_S = 20, 0.01  # who only looks lets go within microseconds


def hold(var: Path, profile: str) -> Callable[[], None]:
    """Take the profile for this process; the function that comes back lets go of it.

    Raises
    ------
    StoreRefused
        Another session of the profile runs, or the folder cannot be written.
    """
    path = profile_folder(var, profile) / "lock"
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise _refusal(path, e) from e
    if not _locked(lock):
        holder = os.read(lock, 32).decode().strip()
        os.close(lock)
        raise StoreRefused(
            f"a session of profile {profile} runs already, process {holder}: stop it first, "
            "or give this one a folder of its own with --var"
        )
    try:
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except OSError as e:
        os.close(lock)
        raise _refusal(path, e) from e
    return partial(os.close, lock)


def _locked(lock: int) -> bool:
    """Take the lock; False if a session has it. Who looks whether one runs is waited for."""
    for _ in range(TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def _refusal(path: Path, error: OSError) -> StoreRefused:
    return StoreRefused(
        f"cannot write {path}: {error.strerror}; name a folder you can write with --var"
    )


def holder(var: Path, profile: str) -> int | None:
    """The number of the process that runs a session of the profile; None while none does."""
    if not is_held(var, profile):
        return None
    text = (profile_folder(var, profile) / "lock").read_text().strip()
    return int(text) if text.isdigit() else None


def is_held(var: Path, profile: str) -> bool:
    """Whether a session of the profile runs now; it may begin or end a moment later.

    Any number may look at once, and one that begins meanwhile is not kept from it.
    """
    path = profile_folder(var, profile) / "lock"
    try:
        lock = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError as e:
        raise _refusal(path, e) from e
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
