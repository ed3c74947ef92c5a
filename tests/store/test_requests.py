"""What people leave for a session: whole or not at all, read once, answered once."""

import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gpt_trader.domain.errors import OutcomeUnknown, StoreRefused, TraderError, UsageError
from gpt_trader.store import requests
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.lease import hold, is_held
from gpt_trader.store.requests import FAILURES, Request
from tests.tier import scaled

FIRST = Request("aa", "place", "a person", 10, 20, {"order": {"side": "BUY"}})


def test_requests_wait_oldest_first_and_are_gone_once_answered(tmp_path: Path) -> None:
    later = replace(FIRST, request_id="bb", left_ns=11)
    requests.leave(tmp_path, "dev", later)
    requests.leave(tmp_path, "dev", FIRST)

    assert requests.waiting(tmp_path, "dev") == (FIRST, later)
    assert requests.waiting(tmp_path, "paper") == ()
    assert requests.take(tmp_path, "dev", "aa")
    requests.answer(tmp_path, "dev", "aa", {"placed": 1})
    assert requests.waiting(tmp_path, "dev") == (later,)
    assert requests.take_answer(tmp_path, "dev", "aa") == {"placed": 1}
    assert requests.take_answer(tmp_path, "dev", "aa") is None


def test_a_request_belongs_to_whoever_takes_it_first(tmp_path: Path) -> None:
    requests.leave(tmp_path, "dev", FIRST)
    requests.leave(tmp_path, "dev", replace(FIRST, request_id="bb"))

    assert requests.take_back(tmp_path, "dev", "aa")
    assert not requests.take(tmp_path, "dev", "aa")
    assert requests.take(tmp_path, "dev", "bb")
    assert not requests.take_back(tmp_path, "dev", "bb")
    assert requests.waiting(tmp_path, "dev") == (), "never carried out a second time"
    requests.forget_taken(tmp_path, "dev")
    folder = profile_folder(tmp_path, "dev") / requests.REQUESTS
    assert list(folder.iterdir()) == []


NO_REQUESTS = (
    *(b"", b"{", b"[]", b"null", b"{}", b'{"request_id": "cc"}', b'{"more": 1}', b"\xff\xfe"),
    json.dumps(dict.fromkeys(Request.__dataclass_fields__, "x")).encode(),
)


@pytest.mark.parametrize("text", NO_REQUESTS)
def test_a_file_that_is_no_request_is_left_alone(tmp_path: Path, text: bytes) -> None:
    folder = profile_folder(tmp_path, "dev") / requests.REQUESTS
    requests.leave(tmp_path, "dev", FIRST)
    (folder / "cc.json").write_bytes(text)

    assert requests.waiting(tmp_path, "dev") == (FIRST,)


def test_a_request_under_another_name_is_none(tmp_path: Path) -> None:
    requests.leave(tmp_path, "dev", FIRST)
    folder = profile_folder(tmp_path, "dev") / requests.REQUESTS
    (folder / "aa.json").rename(folder / "dd.json")

    assert requests.waiting(tmp_path, "dev") == ()


def test_an_answer_nobody_fetched_is_forgotten_after_a_day(tmp_path: Path) -> None:
    requests.answer(tmp_path, "dev", "old", {})
    requests.answer(tmp_path, "dev", "new", {})
    folder = profile_folder(tmp_path, "dev") / requests.ANSWERS
    os.utime(folder / "old.json", (0, 0))
    os.utime(folder / "new.json", (200_000, 200_000))

    requests.leave(tmp_path, "dev", replace(FIRST, left_ns=200_000 * 10**9))

    assert [path.name for path in folder.iterdir()] == ["new.json"]


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(StoreRefused, match="cannot write"):
        requests.leave(tmp_path, "dev", FIRST)


@pytest.mark.parametrize("error", [UsageError, OutcomeUnknown, TraderError, StoreRefused])
def test_an_error_comes_back_as_its_kind(error: type[TraderError]) -> None:
    document = requests.failure(error("why"))

    raised = FAILURES[str(document["failure"])]
    assert issubclass(error, raised)
    assert raised is error or raised is TraderError
    assert document["message"] == "why"


def test_whether_a_session_runs_is_told_without_disturbing_it(tmp_path: Path) -> None:
    assert not is_held(tmp_path, "dev")
    release = hold(tmp_path, "dev")
    assert is_held(tmp_path, "dev")
    release()
    assert not is_held(tmp_path, "dev")
    hold(tmp_path, "dev")()


def test_a_session_begins_while_others_look_whether_one_runs(tmp_path: Path) -> None:
    """Commands that wait for an answer look fifty times a second; these look more often."""
    hold(tmp_path, "dev")()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            is_held(tmp_path, "dev")
            time.sleep(0.0005)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(scaled(2_000)):
            hold(tmp_path, "dev")()
    finally:
        over.set()
        for looker in lookers:
            looker.join()
