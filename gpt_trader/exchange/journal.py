"""The exchange's durable memory: a file of commands and positions that only ever grows.

Each line is a checksum, a space and a JSON array. The checksum covers all lines up to its own, so a
line that is changed, lost or moved shows. The first line says which tape and rules it belongs to.
A command is written before it takes effect and before it is answered. An unfinished last line was
never acknowledged and is cut off when the journal is opened; any other damage is refused.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpt_trader.exchange.rules import RULES_SINCE

Record = list[Any]

FILE_NAME = "journal.log"
CHECK_CHARS = 16
VERSION = 2
LOCK_WAIT_S = 2.0  # so long an exchange that was killed a moment ago may still hold the lock
LOCK_POLL_S = 0.02
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


class JournalError(Exception):
    """A journal that cannot be used, with one sentence that says why."""


class Journal:
    """An open journal. One process has it at a time.

    Attributes
    ----------
    records : list of list
        What was written before it was opened, without the first line.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any], *, sync: bool) -> None:
        """Open the journal in a folder, or begin one.

        Parameters
        ----------
        folder : Path
            Made when missing.
        header : mapping
            Stands for tape and rules; the one in the file must be equal. A rule that the file
            does not name was not there to be chosen: the version of then played as without it.
        sync : bool
            Whether commands survive a loss of power, at the price of one disk flush each. They
            survive the end of the process in any case.

        Raises
        ------
        JournalError
            Another process has it open, it is damaged, belongs to another tape or other rules, or
            the folder cannot be written.
        """
        self.path = folder / FILE_NAME
        self._sync = sync
        self._digest = hashlib.sha256()
        self._broken = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be opened: {error.strerror}") from error
        try:
            _lock(self._file)
            self.records = self._read()
            self._begin({"version": VERSION, **header})
        except BlockingIOError as error:
            os.close(self._file)
            raise JournalError(f"{self.path}: another exchange is using it") from error
        except JournalError:
            os.close(self._file)
            raise

    def write_command(self, record: Record) -> None:
        """Write a command down; when this returns, it is kept.

        Raises
        ------
        JournalError
            It could not be written. Nothing more is taken until the journal is opened anew.
        """
        self._append(record)
        if self._sync:
            self._flush()

    def write_position(self, record: Record) -> None:
        """Write down how far the tape is released; a loss of power may undo it.

        Raises
        ------
        JournalError
            It could not be written.
        """
        self._append(record)

    def close(self) -> None:
        """Flush and let another process open it."""
        if self._file >= 0:
            file, self._file = self._file, -1
            os.fsync(file)
            os.close(file)

    def _append(self, record: Record) -> None:
        if self._broken or self._file < 0:
            raise JournalError(f"{self.path}: closed, or an earlier line could not be written")
        text = ENCODER.encode(record).encode()
        self._digest.update(text)
        line = b"%s %s\n" % (self._digest.hexdigest()[:CHECK_CHARS].encode(), text)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(0, "disk full")
        except OSError as error:
            self._broken = True
            raise JournalError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _flush(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            self._broken = True
            raise JournalError(f"{self.path}: cannot be flushed: {error.strerror}") from error

    def _flush_folder(self) -> None:
        """Make the file's name survive a loss of power: its content alone would be lost with it."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            self._broken = True
            raise JournalError(f"{self.path}: cannot be flushed: {error.strerror}") from error

    def _read(self) -> list[Record]:
        text = self.path.read_bytes()
        size = text.rfind(b"\n") + 1
        if size < len(text):
            os.ftruncate(self._file, size)
        records: list[Record] = []
        for number, line in enumerate(text[:size].split(b"\n")[:-1], 1):
            check, _, payload = line.partition(b" ")
            self._digest.update(payload)
            if check != self._digest.hexdigest()[:CHECK_CHARS].encode():
                raise JournalError(f"{self.path}: line {number} is damaged")
            records.append(json.loads(payload))
        return records

    def _begin(self, header: dict[str, Any]) -> None:
        if not self.records:
            self.write_command([header])
            if self._sync:
                self._flush_folder()
            return
        written = self.records.pop(0)[0]
        for name in {**header, **written}:
            if _complete(name, written) != _complete(name, header):
                raise JournalError(
                    f"{self.path}: was written for another {name.replace('_', ' ')}; use that one, "
                    "or another state folder"
                )


def _complete(name: str, header: Mapping[str, Any]) -> Any:
    """A value of a header, with the rules that came after it."""
    value = header.get(name)
    return {**RULES_SINCE, **value} if name == "rules" and isinstance(value, dict) else value


def _lock(file: int) -> None:
    """Take the lock, or raise BlockingIOError when another process keeps it."""
    for _ in range(round(LOCK_WAIT_S / LOCK_POLL_S)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_POLL_S)
        else:
            return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
