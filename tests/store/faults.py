"""Faults of the machine for the tests of the store: a full disk, a failing sync, kill -9."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def a_writer(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run `tests.store.writer` on a log, and kill it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes, as a quota would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_disk_that_cannot_sync(path: Path) -> Iterator[None]:
    """Put /dev/null in the place of the open WAL: it takes every write and refuses every sync."""
    wal = path.with_name(path.name + "-wal").stat()
    descriptor = next(fd for fd in range(3, 1_000) if _is_file(fd, wal))
    kept = os.dup(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
    try:
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


def _is_file(descriptor: int, wanted: os.stat_result) -> bool:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)
