"""The window of requests, at an engine in this process and an exchange that takes its time."""

import asyncio
import errno
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.broker.capabilities import Kind
from gpt_trader.broker.wish import Amount, Unit, Wish, as_mapping
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import StoreRefused, TraderError
from gpt_trader.domain.events import Event, FeedChanged, Request, SessionOpened
from gpt_trader.domain.order import OrderStatus, Side, TimeInForce
from gpt_trader.live.questions import Questions
from gpt_trader.live.window import LOOK_S, Window
from gpt_trader.store import requests
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.previews import Kept, KeptPreviews
from tests.engine.test_triggers import Desk, a_stop

WISH = Wish(
    product_id="BTC-USD",
    side=Side.BUY,
    kind=Kind.LIMIT,
    time_in_force=TimeInForce.GTC,
    amount=Amount(Decimal("0.1"), Unit.BASE),
    limit_price=Decimal(19_000),
    stop_price=None,
    end_ns=None,
    for_ns=None,
    post_only=False,
    reduce_only=False,
    asked="dip-1",
)


class SlowQuestions(Questions):
    """An exchange whose book comes when the test lets it come."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def market_of(self, wish: Wish, opened: SessionOpened) -> Book | None:
        """No book, after a while."""
        await self.gate.wait()
        return None


class Served:
    """A window, the engine behind it, and what left because of requests."""

    def __init__(self, var: Path, desk: Desk) -> None:
        self.desk, self.sent, self.questions = desk, list[Request](), SlowQuestions()
        self._var, self._number = var, 0
        self._window = Window(desk.engine, self.questions, self._take, var)

    async def _take(self, event: Event) -> None:
        self.sent += self.desk.take(event)

    def leave(self, kind: str, body: dict[str, Any]) -> str:
        """Leave a request; its id."""
        self._number += 1
        request_id, now_ns = f"r{self._number}", time.time_ns()
        request = requests.Request(request_id, kind, "me", now_ns, now_ns + 60 * 10**9, body)
        requests.leave(self._var, "dev", request)
        return request_id

    async def serve(self) -> None:
        """One look of the loop."""
        await asyncio.sleep(LOOK_S * 1.5)
        await self._window.serve()
        self._window.tell()

    def answer(self, request_id: str) -> dict[str, Any] | None:
        """What was answered."""
        return requests.take_answer(self._var, "dev", request_id)


def test_cancel_all_ends_what_was_asked_for_before_and_has_not_left(tmp_path: Path) -> None:
    async def play() -> None:
        served = Served(tmp_path, Desk())
        placing = served.leave("place", {"order": as_mapping(WISH)})
        await served.serve()
        cancelling = served.leave("cancel", {"orders": "all"})
        await served.serve()
        served.questions.gate.set()
        await served.serve()

        cancelled, placed = served.answer(cancelling), served.answer(placing)
        assert cancelled is not None and cancelled["orders"] == []
        assert placed is not None and "cancel-all came before it was sent" in placed["message"]
        assert requests.FAILURES[placed["failure"]] is TraderError and served.sent == []

    asyncio.run(play())


def test_who_ends_a_stop_is_heard_before_there_is_a_price(tmp_path: Path) -> None:
    """The first mark could fire it."""

    async def play() -> None:
        desk = Desk()
        name = desk.placed(a_stop())
        desk.take(FeedChanged(desk.engine.now_ns, False, "nothing was heard yet"))
        served = Served(tmp_path, desk)

        cancelling = served.leave("cancel", {"orders": [name]})
        await served.serve()
        answered = served.answer(cancelling)

        assert answered is not None and answered["orders"][0]["status"] == "CANCELLED"
        assert desk.status(name) is OrderStatus.CANCELLED and served.sent == []

    asyncio.run(play())


@pytest.mark.parametrize(
    ("folder", "body"), [("names", {"order": as_mapping(WISH)}), ("previews", {"token": "ab"})]
)
def test_a_disk_that_fails_refuses_the_one_request_and_the_session_goes_on(
    folder: str, body: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a name is free, or what a token stands for, is not known then."""

    async def play() -> None:
        served = Served(tmp_path, Desk())
        served.questions.gate.set()
        with monkeypatch.context() as patch:
            fails(patch, "read_text", folder)
            placing = served.leave("place", body)
            await served.serve()
            refused = served.answer(placing)
        served.leave("place", {"order": as_mapping(WISH)})
        await served.serve()
        await served.serve()

        assert refused is not None and refused["failure"] == "refused"
        assert "Input/output error; nothing was done" in refused["message"]
        assert len(served.sent) == 1, "the one that was asked for afterwards"

    asyncio.run(play())


def test_a_preview_that_cannot_be_used_up_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = KeptPreviews(tmp_path, "dev")
    profile_folder(tmp_path, "dev").mkdir(parents=True)
    kept.keep("ab", Kept({}, "", "0", "0", "", 0))

    fails(monkeypatch, "unlink", "previews")
    with pytest.raises(StoreRefused, match="preview ab stays: Input/output error"):
        kept.forget("ab")
    with pytest.raises(StoreRefused, match="cannot tidy"):
        kept.forget_before(time.time_ns() + 10**9)


def fails(patch: pytest.MonkeyPatch, step: str, folder: str) -> None:
    """Let one step on the files of one folder fail as a broken disk lets it."""
    before = getattr(Path, step)

    def broken(path: Path, *args: Any, **named: Any) -> Any:
        if path.parent.name == folder:
            raise OSError(errno.EIO, "Input/output error")
        return before(path, *args, **named)

    patch.setattr(Path, step, broken)
