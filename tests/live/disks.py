"""Disks that are full, small or read-only: real ones where we may mount, limits of ours if not."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.commands import PATIENCE_S, Finished, environment


@dataclass(frozen=True, slots=True)
class Disk:
    """A folder of limited size; without a mount the limit is put on the processes' files."""

    path: Path
    kilobytes: int
    mounted: bool

    def live(self, *arguments: str) -> Finished:
        """Run a session whose var folder is on this disk."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "gpt_trader", "live", "--json", "-"),
                *("--var", str(self.path / "var"), *arguments),
            ],
            cwd=self.path.parent,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            preexec_fn=None if self.mounted else self._limit,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def grown(self) -> "Disk":
        """The same disk with room for everything."""
        kilobytes = 100_000
        if self.mounted:
            options = f"remount,size={kilobytes}k"
            subprocess.run(["mount", "-o", options, str(self.path)], check=True)
        return Disk(self.path, kilobytes, self.mounted)

    def fill(self) -> None:
        """Leave no room at all."""
        if self.mounted:
            with (self.path / "filler").open("wb", buffering=0) as file:
                while _written(file.fileno()):
                    pass

    def _limit(self) -> None:
        size = self.kilobytes * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextmanager
def small(folder: Path, kilobytes: int) -> Iterator[Disk]:
    """A disk of so many kilobytes."""
    path = folder / "disk"
    path.mkdir()
    with _mounted(path, f"size={kilobytes}k") as mounted:
        yield Disk(path, kilobytes, mounted)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A folder in which nothing can be made, not even by root."""
    path = folder / "sealed"
    path.mkdir()
    with _mounted(path, "ro") as mounted:
        if mounted:
            yield path
        elif os.getuid() == 0:
            yield Path("/proc/self/fdinfo")  # rights bind root nowhere else
        else:
            path.chmod(0o500)
            yield path


@contextmanager
def _mounted(path: Path, options: str) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    mounted = _succeeds(command) if os.getuid() == 0 else False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _written(descriptor: int) -> int:
    try:
        return os.write(descriptor, bytes(4096))
    except OSError:
        return 0
