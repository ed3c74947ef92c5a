"""A part of the owner's holdings becomes the session's once, and only if it is there."""

import asyncio
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import BalancesSeen, Event, HoldingAdopted
from gpt_trader.engine.engine import Engine
from gpt_trader.live.adoptions import adoption
from gpt_trader.live.app import run_session
from gpt_trader.live.loop import Loop
from gpt_trader.live.options import parse
from gpt_trader.store.folders import sessions
from gpt_trader.store.reading import LogReader
from gpt_trader.store.requests import Request
from gpt_trader.strategies.registry import BY_HAND
from tests.builders import an_opening
from tests.engine.plays import Play


def a_play() -> Play:
    play = Play(an_opening(strategy=BY_HAND))
    assert play.engine.allocation is not None
    opening = {"USD": Decimal(100_000), "BTC": Decimal(1)}
    play.engine.allocation = replace(play.engine.allocation, opening=opening)
    return play


def asked(play: Play, held: str, **body: Any) -> HoldingAdopted:
    whole = {"product_id": "BTC-USD", "base_size": "0.5", "cost": "9000", **body}
    request = Request("r", "adopt", "a person", 0, 0, whole)
    return adoption(play.engine, request, {"BTC": Decimal(held)}, play.engine.ledger.positions())


def test_what_the_owner_has_sold_since_the_opening_is_not_adopted() -> None:
    play = a_play()
    play.trade("20000")

    play.take(asked(play, "1"))

    with pytest.raises(UsageError, match=r"the account holds 0\.4 now that is not the session's"):
        asked(play, "0.9", name="again")


def test_what_was_sold_while_the_account_was_asked_is_not_the_owners() -> None:
    play = a_play()
    play.trade("20000")
    play.take(asked(play, "1"))
    before, after = play.engine.ledger.positions(), a_play()
    after.trade("20000")
    body = {"product_id": "BTC-USD", "base_size": "0.6", "cost": "9000"}

    with pytest.raises(UsageError, match=r"the account holds 0\.5 now"):
        adoption(
            after.engine,
            Request("r", "adopt", "a person", 0, 0, body),
            {"BTC": Decimal(1)},
            before,
        )


def test_the_same_words_are_the_same_adoption_and_a_name_makes_another() -> None:
    play = a_play()
    play.trade("20000")

    play.take(asked(play, "1"))
    thawed = Engine(play.engine.opened)
    thawed.thaw(play.engine.freeze())

    assert asked(play, "1").name in thawed.adopted
    assert asked(play, "1", name="again").name not in thawed.adopted
    with pytest.raises(AssertionError, match="adopted once"):
        play.take(asked(play, "1"))


@pytest.mark.parametrize(
    "body", [{"product_id": "ETH-USD"}, {"base_size": "0.000000001"}, {"base_size": "1.5"}]
)
def test_what_cannot_be_adopted_is_refused(body: dict[str, str]) -> None:
    play = a_play()
    play.trade("20000")

    with pytest.raises(UsageError):
        asked(play, "2", **body)


def test_without_a_mark_nothing_is_adopted() -> None:
    """Its value would count as a profit since the morning, and loosen the limits on losses."""
    with pytest.raises(TraderError, match="ask again"):
        asked(a_play(), "1")


def test_a_session_that_ends_between_its_balances_and_its_gift_gets_it_when_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var, take = tmp_path / "var", Loop.take
    options = parse(["--by-hand", "--once", "--var", str(var)], dict(os.environ), "live")

    async def dies(loop: Loop, event: Event) -> None:
        if isinstance(event, HoldingAdopted):
            loop.record.commit_durable()
            raise TraderError("a kill at the worst moment")
        await take(loop, event)

    def run() -> None:
        asyncio.run(run_session(options, dict(os.environ), lambda *_: None))

    with monkeypatch.context() as patch, pytest.raises(TraderError, match="worst moment"):
        patch.setattr(Loop, "take", dies)
        run()
    run()
    run()

    [folder] = sessions(var, "dev")
    with LogReader(folder.log) as reader:
        told = [e for _, e in reader.events() if isinstance(e, BalancesSeen | HoldingAdopted)]
    assert [type(event) for event in told] == [BalancesSeen, HoldingAdopted]
