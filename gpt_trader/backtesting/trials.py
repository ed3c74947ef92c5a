"""Every trial ever run on one set of data, on disk: a search forgotten is a Sharpe ratio inflated.

One file a data hash, only ever appended to: each record is a header with the count of its trials
and a checksum, then 16 bytes a trial: the hash of what was tried and its Sharpe ratio. A sweep of
10,000 combinations is one record of 160 kB, one write, one fsync. The same strategy source with
the same parameters and settings counts once, in whichever sweep it was.
"""

import fcntl
import hashlib
import json
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpt_trader.backtesting.equity_path import EquityPath
from gpt_trader.backtesting.overfitting import DeflatedSharpe, deflated_sharpe, track_record
from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.kernels.vectors import Floats

MAGIC = b"GTT1"
HEAD = struct.Struct("<4sII")  # magic, trials, checksum of the trials
SEAL = struct.Struct("<I")  # checksum of the head
HEADER_BYTES = HEAD.size + SEAL.size
TRIAL = np.dtype([("key", "<u8"), ("sharpe", "<f8")])

Setting = str | int | float | None


class Trials:
    """The trials of one data hash, from every process that ever wrote below the same `var`."""

    def __init__(self, var: Path, data_sha256: str) -> None:
        """Name the file; it is made by the first `record`.

        Raises
        ------
        UsageError
            `data_sha256` is not 64 hexadecimal digits.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", data_sha256):
            raise UsageError(f"{data_sha256!r} is no sha256 of a tape: 64 hexadecimal digits")
        self.path = var / "trials" / f"{data_sha256}.trials"
        self._known = np.empty(0, TRIAL)
        self._read = 0  # bytes of the file that `_known` holds

    def record(
        self,
        source_hash: str,
        settings: Mapping[str, Setting],
        combinations: Sequence[Mapping[str, float]],
        sharpes_daily: Floats,
    ) -> int:
        """Write trials durably, before anyone sees their results; return how many were new.

        Parameters
        ----------
        source_hash : str
            Of the strategy's source.
        settings : mapping
            Whatever else changes the result: market model, fees, sizing, limits.
        combinations : sequence of mappings
            Parameters by name.
        sharpes_daily : float64, shape (P,)
            As in `EquityMetrics`; NaN for a combination that never traded: it counts, and takes
            no part in the variance.

        Raises
        ------
        StoreRefused
            The file cannot be written; nothing was kept.
        StoreDamaged
            What is in it is not what was written.
        """
        if len(combinations) != sharpes_daily.size:
            raise UsageError(f"{len(combinations)} combinations, {sharpes_daily.size} ratios")
        rows = np.empty(len(combinations), TRIAL)
        rows["key"] = _keys(source_hash, settings, combinations)
        rows["sharpe"] = sharpes_daily
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.path, os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as file:
                self._refresh(file)
                known = self._known.size
                fresh = _first_of_each(rows)
                fresh = fresh[~np.isin(fresh["key"], self._known["key"])]
                if fresh.size:
                    _append(file, self._read, fresh)
                    _sync_folder(self.path.parent)
                    self._refresh(file)
        except OSError as error:
            raise StoreRefused(
                f"{self.path} cannot be written: {error.strerror}; trials are counted there, and "
                "GPT_TRADER_VAR names a folder for them"
            ) from error
        return self._known.size - known

    @property
    def count(self) -> int:
        """How many different trials were ever run on these data."""
        return int(self._current().size)

    @property
    def variance(self) -> float:
        """Of the Sharpe ratios of all trials that have one, per year; 0 below two of them."""
        sharpes = self._current()["sharpe"]
        finite = sharpes[np.isfinite(sharpes)]
        return float(np.var(finite, ddof=1)) if finite.size > 1 else 0.0

    def deflated_sharpe(self, path: EquityPath) -> DeflatedSharpe:
        """Hold the Sharpe ratio of one result against all trials on the same data.

        See Also
        --------
        gpt_trader.backtesting.overfitting.deflated_sharpe
        """
        trials = max(1, self.count)
        record = track_record(path.moments)
        return deflated_sharpe(record, path.periods_per_year, trials, self.variance)

    def _current(self) -> npt.NDArray[np.void]:
        if self.path.exists():
            with _locked(self.path, os.O_RDONLY, fcntl.LOCK_SH) as file:
                self._refresh(file)
        return self._known

    def _refresh(self, file: int) -> None:
        """Take in the whole records that were appended since, under the lock."""
        size = os.fstat(file).st_size
        content = os.pread(file, size - self._read, self._read)
        records = _records(content, self.path)
        self._known = _first_of_each(np.concatenate([self._known, *records]))
        self._read += sum(HEADER_BYTES + rows.nbytes for rows in records)


def _keys(
    source_hash: str,
    settings: Mapping[str, Setting],
    combinations: Sequence[Mapping[str, float]],
) -> npt.NDArray[np.uint64]:
    """The first 64 bits of each trial's sha256: one chance in 30 million that of a million trials
    two share theirs."""
    what = [source_hash, sorted(settings.items())]
    heads: dict[tuple[str, ...], hashlib._Hash] = {}
    digests = bytearray()
    for values in combinations:
        names = tuple(sorted(values))
        if names not in heads:
            heads[names] = hashlib.sha256(json.dumps([*what, names]).encode())
        digest = heads[names].copy()
        digest.update(struct.pack(f"<{len(names)}d", *[values[name] for name in names]))
        digests += digest.digest()[:8]
    return np.frombuffer(digests, "<u8")


def _first_of_each(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    _, places = np.unique(rows["key"], return_index=True)
    return rows[np.sort(places)]


def _append(file: int, end: int, rows: npt.NDArray[np.void]) -> None:
    """Write one record after the last whole one; what a crash left of another is cut off."""
    body = rows.tobytes()
    head = HEAD.pack(MAGIC, rows.size, zlib.crc32(body))
    record = head + SEAL.pack(zlib.crc32(head)) + body
    os.ftruncate(file, end)
    written = 0
    try:
        while written < len(record):
            written += os.pwrite(file, record[written:], end + written)
    except OSError:
        os.ftruncate(file, end)
        raise
    os.fsync(file)


def _records(content: bytes, path: Path) -> list[npt.NDArray[np.void]]:
    """All whole records; what a crash cut short may only stand at the end."""
    records: list[npt.NDArray[np.void]] = []
    place = 0
    while place + HEADER_BYTES <= len(content):
        head = content[place : place + HEAD.size]
        magic, count, checksum = HEAD.unpack(head)
        (seal,) = SEAL.unpack_from(content, place + HEAD.size)
        stop = place + HEADER_BYTES + count * TRIAL.itemsize
        body = content[place + HEADER_BYTES : stop]
        if magic != MAGIC or seal != zlib.crc32(head):
            if any(content[place:]):
                raise _damaged(path, place)
            break  # room that was given to the file, and no content before the power went
        if zlib.crc32(body) != checksum:
            if stop < len(content):
                raise _damaged(path, place)
            break
        records.append(np.frombuffer(body, TRIAL))
        place = stop
    return records


def _damaged(path: Path, place: int) -> StoreDamaged:
    return StoreDamaged(
        f"{path}: the record {place} bytes after the last good one is not what was written; "
        "move the file away to begin anew, and remember that its trials do not count any more"
    )


@contextmanager
def _locked(path: Path, flags: int, how: int) -> Iterator[int]:
    file = os.open(path, flags, 0o600)
    try:
        fcntl.flock(file, how)
        yield file
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    """A new name is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
