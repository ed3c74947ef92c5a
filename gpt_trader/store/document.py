"""JSON documents: what a command reports to programs, and small files of ours that must last."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from gpt_trader import __version__
from gpt_trader.domain.errors import StoreRefused, UsageError

MADE_BY = "gpt_trader"
"""The first name in each document, with our version: what may be written over."""


def check_target(to: str | None) -> None:
    """Refuse to lose a file of the user's to `--json`; a command asks before it begins its work.

    A document's name ends in .json, and a file that is there already is empty or a document from
    us. What is no file, such as a pipe, may have any name.

    Raises
    ------
    UsageError
        The document cannot go there; the message says why and what to write instead.
    """
    if to is None or to == "-":
        return
    path = Path(to)
    if not path.parent.is_dir():
        raise UsageError(f"--json {to}: there is no such folder")
    if path.is_dir():
        raise UsageError(f"--json {to}: is a folder; name a file in it, ending in .json")
    if path.exists() and not path.is_file():
        return
    if path.suffix.lower() != ".json":
        raise UsageError(
            f"--json {to}: a document's name ends in .json, and nothing else is written to; "
            "to print it, give --json - or put --json last"
        )
    if path.exists() and not _is_ours(path):
        raise UsageError(
            f"--json {to}: that file is there and is no document of gpt-trader; give another name"
        )


def write_document(document: Mapping[str, object], to: str) -> None:
    """Write one JSON document to standard output (`-`) or to a file.

    Raises
    ------
    UsageError
        The file cannot be written, or may not be: see `check_target`.
    """
    check_target(to)
    line = json.dumps({MADE_BY: __version__, **document})
    if to == "-":
        print(line)
        return
    try:
        Path(to).write_text(line + "\n")
    except OSError as e:
        raise UsageError(f"--json {to}: {e.strerror}") from e


def write_durably(path: Path, document: Mapping[str, object]) -> None:
    """Write one of our own files whole or not at all, and wait for the disk.

    Raises
    ------
    StoreRefused
        It cannot be written; what was there before is there still.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        with fresh.open("w") as file:
            file.write(json.dumps(document) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as e:
        raise StoreRefused(f"cannot write {path}: {e.strerror}") from e


def _is_ours(path: Path) -> bool:
    begin = json.dumps({MADE_BY: __version__}).partition(":")[0].encode()
    try:
        with path.open("rb") as file:
            found = file.read(len(begin))
    except OSError as e:
        raise UsageError(f"--json {path}: {e.strerror}") from e
    return found in (b"", begin)
