"""Finished chunks of a sweep on disk, so that a killed one goes on where it was."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpt_trader.domain.errors import StoreRefused

_NAME = re.compile(r"(\d+)-(\d+)\.npy")

Rows = npt.NDArray[np.void]
"""One record a combination, a field a metric."""


class ChunkStore:
    """The folder of one sweep. A chunk is there whole or not at all."""

    def __init__(self, var: Path, key: str) -> None:
        self.folder = var / "sweeps" / key

    def write(self, first: int, rows: Rows) -> None:
        """Keep the results of combinations from `first` on, durably.

        Raises
        ------
        StoreRefused
            The folder cannot be written.
        """
        name = f"{first:09d}-{first + rows.size:09d}.npy"
        try:
            while not self._written(name, rows):
                continue
        except OSError as e:
            raise StoreRefused(f"{self.folder} cannot be written: {e.strerror}") from e

    def _written(self, name: str, rows: Rows) -> bool:
        """Whether it was; not if the same sweep in another process ended and took the folder."""
        draft = self.folder / f"{name}.{os.getpid()}.part"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                np.save(file, rows, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.folder / name)
            _sync(self.folder)
        except FileNotFoundError:
            return False
        return True

    def read(self, kind: "np.dtype[np.void]") -> dict[int, Rows]:
        """What earlier runs of the same sweep finished, by its first combination.

        A file that is not whole, as after a power loss, counts as not there.
        """
        found: dict[int, Rows] = {}
        if not self.folder.is_dir():
            return found
        for path in sorted(self.folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            first, end = (int(number) for number in match.groups())
            rows = _loaded(path)
            if rows is not None and rows.dtype == kind and rows.size == end - first:
                found[first] = rows
        return found

    def remove(self) -> None:
        """Forget the chunks of a sweep that is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _loaded(path: Path) -> Rows | None:
    try:
        rows: Rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows


def _sync(folder: Path) -> None:
    """A new name is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
