"""A question to a session: left as a file, answered by the one that runs or by one started for it.

The session that is started is the same engine with no strategy; it serves what was left, and ends.
So there is one way for an order, whoever asks and whether or not a session runs.
"""

import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_trader.domain.errors import (
    ExchangeUnreachable,
    OutcomeUnknown,
    StoreDamaged,
    TraderError,
    UsageError,
)
from gpt_trader.domain.order import TradingState
from gpt_trader.settings import WHY_GUARDED, Settings, guarded
from gpt_trader.store import requests
from gpt_trader.store.lease import is_held
from gpt_trader.store.requests import Request
from gpt_trader.store.trading_state import Held, begin, record_path, start_of, tighten

PATIENCE_S = 45.0  # for an answer: longer than the session itself waits for an outcome
START_S = 120.0  # for a session that has to compile its rules first
LOOK_S = 0.02
TELLS = "`gpt-trader orders list` tells what became of it"
CODES: dict[int, type[TraderError]] = {2: UsageError, 3: ExchangeUnreachable, 4: StoreDamaged}


def obey_guards(settings: Settings, profile: str) -> None:
    """Write down what the environment's guards of this command hold back, for every session.

    Raises
    ------
    StoreRefused
        The record cannot be written.
    """
    wanted = guarded(settings.kill_switch, settings.reduce_only)
    if wanted is TradingState.ACTIVE:
        return
    path, now_ns = record_path(settings.var, profile), time.time_ns()
    begin(path, start_of(profile, now_ns))
    tighten(path, "", Held(wanted, "a guard of a command", now_ns, WHY_GUARDED))


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask: the folder, the profile, and how a session of it is started."""

    var: Path
    profile: str
    flags: tuple[str, ...]  # of `gpt-trader live`, besides the two above
    where: str = "at the command line"  # the person sits who asks


def ask(place: Place, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Leave one request, see that a session serves it, and give its answer.

    Raises
    ------
    UsageError, TraderError, ExchangeUnreachable, OutcomeUnknown, BooksDisagree
        As the session answers, or as the one that had to be started ended.
    """
    now_ns = time.time_ns()
    until_ns = now_ns + int((START_S + PATIENCE_S) * 1e9)
    request = Request(secrets.token_hex(8), kind, who_asks(place.where), now_ns, until_ns, body)
    requests.leave(place.var, place.profile, request)
    try:
        document = _answered(place, request.request_id)
    except KeyboardInterrupt as e:
        if requests.take_back(place.var, place.profile, request.request_id):
            raise
        raise OutcomeUnknown(f"interrupted after the session took the request: {TELLS}") from e
    if "failure" in document:
        raise requests.FAILURES[document["failure"]](document["message"])
    return document


def who_asks(where: str) -> str:
    """Who sits here, as the log names a person."""
    user = os.environ.get("USER", "")
    return f"{user if user.isprintable() and user else 'a person'} {where}"


def _answered(place: Place, request_id: str) -> dict[str, Any]:
    while True:
        if is_held(place.var, place.profile):
            document = _by_running_session(place, request_id)
        else:
            document = _by_new_session(place, request_id)
        if document is not None:
            return document


def _by_running_session(place: Place, request_id: str) -> dict[str, Any] | None:
    """Wait for the answer; None if the session has ended without a look at the request."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        runs = is_held(place.var, place.profile)  # a session answers before it lets go
        document = requests.take_answer(place.var, place.profile, request_id)
        if document is not None:
            return document
        if not runs and requests.is_left(place.var, place.profile, request_id):
            return None
        if not runs:
            raise OutcomeUnknown(f"the session took the request and ended: {TELLS}")
        time.sleep(LOOK_S)
    if requests.take_back(place.var, place.profile, request_id):
        raise ExchangeUnreachable(
            f"the session of profile {place.profile} gave no answer in {PATIENCE_S:g} s, and "
            "nothing was done: one at --speed max hears nobody"
        )
    raise OutcomeUnknown(f"the session took the request and gave no answer: {TELLS}")


def _by_new_session(place: Place, request_id: str) -> dict[str, Any] | None:
    """Start a session and wait for its end; None if another one was faster."""
    command = [sys.executable, "-m", "gpt_trader", "live", "--by-hand", "--once"]
    command += ["--profile", place.profile, "--var", str(place.var), *place.flags]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    lines = done.stderr.strip().splitlines()
    said = (
        lines[-1].removeprefix("gpt-trader live: ") if lines else f"it ended with {done.returncode}"
    )
    document = requests.take_answer(place.var, place.profile, request_id)
    if document is not None:
        if done.returncode and "failure" not in document:
            print(f"gpt-trader: answered, and then the session ended: {said}", file=sys.stderr)
        return document
    if is_held(place.var, place.profile):
        return None
    if not requests.take_back(place.var, place.profile, request_id):
        raise OutcomeUnknown(f"the session took the request and ended ({said}): {TELLS}")
    raise CODES.get(done.returncode, TraderError)(said)
