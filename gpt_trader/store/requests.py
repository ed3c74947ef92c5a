"""What people ask a session for, as files: durable before it is read, answered in another file.

A request is `requests/ID.json` in the profile's folder, its answer `answers/ID.json`. Whoever asks
writes the first and may take it back until the session takes it, which renames it to `ID.taken`
before anything is done. The session writes the answer and then removes what it took. What a killed
session had taken is never carried out again: whoever asked was told that the outcome is unknown,
and the log knows it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpt_trader.domain.errors import (
    BooksDisagree,
    ExchangeUnreachable,
    OutcomeUnknown,
    TraderError,
    UsageError,
)
from gpt_trader.store.document import write_durably
from gpt_trader.store.folders import profile_folder

REQUESTS, ANSWERS = "requests", "answers"
TAKEN = ".taken"
BYTES_MAX = 100_000
OLD_S = 86_400
_ID = re.compile(r"[A-Za-z0-9]{1,64}")  # it becomes part of an order's name

FAILURES: dict[str, type[TraderError]] = {
    "usage": UsageError,
    "unreachable": ExchangeUnreachable,
    "unknown": OutcomeUnknown,
    "review": BooksDisagree,
    "refused": TraderError,
}
"""How an answer names an error, the particular ones first; whoever asked raises it again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One wish of a person, left for the session that runs or starts next."""

    request_id: str
    kind: str  # "preview", "place", "cancel", "snapshot", ...
    who: str
    left_ns: int  # the machine's clock
    until_ns: int  # later nobody waits for it any more: it is not carried out
    body: dict[str, Any]


def leave(var: Path, profile: str, request: Request) -> None:
    """Write a request down, so that a loss of power cannot take it back.

    Raises
    ------
    StoreRefused
        The folder cannot be written; nothing was left.
    """
    folder = profile_folder(var, profile)
    _forget_old(folder / ANSWERS, request.left_ns // 1_000_000_000 - OLD_S)
    write_durably(folder / REQUESTS / f"{request.request_id}.json", asdict(request))


def waiting(var: Path, profile: str) -> tuple[Request, ...]:
    """Requests that are not answered yet, oldest first. A file that is none is left alone."""
    folder = profile_folder(var, profile) / REQUESTS
    if not folder.is_dir():
        return ()
    found = (_request_in(path) for path in folder.glob("*.json"))
    known = [request for request in found if request is not None]
    return tuple(sorted(known, key=lambda request: (request.left_ns, request.request_id)))


def is_left(var: Path, profile: str, request_id: str) -> bool:
    """Whether a request still waits for a session to take it."""
    return (profile_folder(var, profile) / REQUESTS / f"{request_id}.json").exists()


def take_back(var: Path, profile: str, request_id: str) -> bool:
    """Remove a request nobody has answered; False if it is gone already."""
    try:
        (profile_folder(var, profile) / REQUESTS / f"{request_id}.json").unlink()
    except FileNotFoundError:
        return False
    return True


def failure(error: TraderError) -> dict[str, object]:
    """The answer to a request that came to nothing."""
    kind = next(name for name, known in FAILURES.items() if isinstance(error, known))
    return {"failure": kind, "message": str(error)}


def take(var: Path, profile: str, request_id: str) -> bool:
    """Make a request the session's, so that nobody can take it back; False if somebody did."""
    path = profile_folder(var, profile) / REQUESTS / f"{request_id}.json"
    try:
        path.rename(path.with_suffix(TAKEN))
    except FileNotFoundError:
        return False
    return True


def forget_taken(var: Path, profile: str) -> None:
    """Let go of what an earlier session took and never answered."""
    folder = profile_folder(var, profile) / REQUESTS
    for path in folder.glob(f"*{TAKEN}") if folder.is_dir() else ():
        path.unlink()


def answer(var: Path, profile: str, request_id: str, document: Mapping[str, object]) -> None:
    """Write the answer to a request that was taken, then remove the request.

    Raises
    ------
    StoreRefused
        The folder cannot be written.
    """
    write_durably(profile_folder(var, profile) / ANSWERS / f"{request_id}.json", document)
    taken = profile_folder(var, profile) / REQUESTS / f"{request_id}{TAKEN}"
    taken.unlink(missing_ok=True)


def take_answer(var: Path, profile: str, request_id: str) -> dict[str, Any] | None:
    """The answer to a request, once; None while there is none."""
    path = profile_folder(var, profile) / ANSWERS / f"{request_id}.json"
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    path.unlink()
    return document


def _request_in(path: Path) -> Request | None:
    try:
        text = path.read_bytes()[:BYTES_MAX]
        given = json.loads(text)
        request = Request(**given)
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # taken back meanwhile, or somebody else's file
    fits = (
        request.request_id == path.stem
        and _ID.fullmatch(path.stem) is not None
        and isinstance(request.kind, str)
        and isinstance(request.who, str)
        and request.who.isprintable()  # it is written into the log
        and isinstance(request.left_ns, int)
        and isinstance(request.until_ns, int)
        and isinstance(request.body, dict)
    )
    return request if fits else None


def _forget_old(folder: Path, before_s: int) -> None:
    """Answers that nobody fetched would pile up."""
    for path in folder.glob("*.json") if folder.is_dir() else ():
        try:
            if path.stat().st_mtime < before_s:
                path.unlink()
        except FileNotFoundError:
            continue  # fetched meanwhile
