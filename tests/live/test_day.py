"""The loss of a day is the account's: it outlives each session, and no day outlives midnight."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.events import Event, OrderIntended
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from gpt_trader.live.day import since_midnight
from gpt_trader.live.opening import PORTFOLIO
from gpt_trader.live.options import Options, parse
from gpt_trader.ops.stored import stored_engine
from gpt_trader.portfolio.valuation import DAY_NS
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.folders import new_session, sessions
from tests.builders import START_NS, a_draft, an_opening
from tests.engine.plays import Play
from tests.live.commands import exchange
from tests.ops.hand import Hand

PARAMS = {"entry_after": 2.0, "exit_after": 3.0}
LIMITS = {"daily_loss_max": Decimal(1000)}
TODAY = START_NS // DAY_NS


def options(var: Path) -> Options:
    return parse(
        ["--var", str(var), "--profile", "prod", "--coinbase-host", "here:1"], {}, "gpt-trader live"
    )


def a_play(day_pnl: str = "0") -> Play:
    opened = an_opening("dev_life", params=PARAMS)
    return Play(replace(opened, limits=LIMITS, day_pnl=Decimal(day_pnl)))


def bought(play: Play, price: str) -> OrderIntended:
    """The play after 0.9 BTC were bought at 20,000 and the price went on to `price`."""
    play.candle("20000")
    [intent] = play.candle("20000")
    assert isinstance(intent, OrderIntended)
    play.fill(intent, Decimal("0.9"))
    play.trade(price)
    return intent


def keep(var: Path, name: str, events: list[Event], **meta: str) -> None:
    """Write a session's log, as a session of this account leaves it."""
    folder = new_session(var, "prod", name)
    log = EventLog.create(folder.log, {PORTFOLIO: "mine", "host": "here:1", **meta}, lambda: 1)
    for event in events:
        log.append(event)
    log.commit_durable()
    log.close()


def denies(engine: Engine) -> bool:
    """Whether the day's loss refuses an entry now."""
    verdicts, _ = engine.verdicts(a_draft())
    return any(verdict.rule == "daily_loss" and verdict.denies for verdict in verdicts)


def test_a_later_session_of_the_day_counts_from_the_days_start(tmp_path: Path) -> None:
    first = a_play()
    bought(first, "19500")
    lost = first.engine.valuation.equity - first.engine.valuation.equity_day_start
    keep(tmp_path, "20260101T000000.000000Z-a", first.events)

    opened = since_midnight(an_opening(), options(tmp_path), "mine")

    assert lost < 0 and opened.day_pnl.scaleb(8) == lost
    second = a_play(str(opened.day_pnl))
    keep(tmp_path, "20260101T000001.000000Z-b", second.events)
    keep(tmp_path, "20260101T000001.500000Z-killed", [])
    third = since_midnight(an_opening(), options(tmp_path), "mine")
    assert third.day_pnl == opened.day_pnl, "one that saw no price hands on what it was told"
    second.trade("20000")
    assert second.engine.valuation.equity_day_start == second.engine.valuation.equity - lost
    assert not denies(second.engine), "450 USD of the 1,000"
    bought(second, "19300")
    assert denies(second.engine), "with the 630 of its own"
    keep(tmp_path, "20260101T000002.000000Z-c", second.events)
    fourth = since_midnight(an_opening(), options(tmp_path), "mine")
    assert fourth.day_pnl < -1000


def test_a_session_is_opened_with_what_the_day_brought_before(tmp_path: Path) -> None:
    """Two sessions by hand, one after the other, of one account at an exchange that goes on."""
    hand = Hand(tmp_path / "var")
    with exchange(tmp_path, "--product", "BTC-USD") as venue:
        reach = venue.session_options(venue.host)
        hand.placed("buy", "0.3", "BTC-USD", *reach)
        assert hand.orders("close", *reach).code == 0
        hand.placed("buy", "0.1", "BTC-USD", *reach)

    engines = [stored_engine(folder)[0] for folder in sessions(hand.var, "dev")]
    first, second = (engine.opened.day_pnl for engine in engines)
    assert first == 0
    left = engines[0].valuation
    assert second.scaleb(8) == left.equity - left.equity_day_start < 0, "spread and fee"


def test_another_account_and_another_day_carry_nothing(tmp_path: Path) -> None:
    play = a_play()
    bought(play, "19500")
    keep(tmp_path, "20260101T000000.000000Z-a", play.events, host="there:1")
    keep(tmp_path, "20260101T000001.000000Z-b", play.events, **{PORTFOLIO: "yours"})
    keep(tmp_path, "20260101T000002.000000Z-c", [])

    of_others = since_midnight(an_opening(), options(tmp_path), "mine")
    tomorrow = replace(an_opening(), ts_ns=(TODAY + 1) * DAY_NS)
    before = replace(an_opening(), ts_ns=(TODAY + 1) * DAY_NS - 1)

    assert of_others.day_pnl == 0
    assert since_midnight(tomorrow, options(tmp_path / "x"), "mine").day_pnl == 0
    (tmp_path / "y").mkdir()
    keep(tmp_path / "y", "20260101T000000.000000Z-a", play.events)
    assert since_midnight(tomorrow, options(tmp_path / "y"), "mine").day_pnl == 0
    assert since_midnight(before, options(tmp_path / "y"), "mine").day_pnl < 0


@pytest.mark.parametrize("restarted", [False, True])
def test_holdings_that_fall_trip_the_limit_and_it_resets_at_midnight_only(restarted: bool) -> None:
    play = a_play()
    bought(play, "19000")
    allowed = denies(play.engine)
    play.trade("18800")
    tripped = denies(play.engine)
    if restarted:
        play = restart(play)

    play.minute = int((DAY_NS - START_NS % DAY_NS) // 60_000_000_000)
    just_before = START_NS + play.minute * 60_000_000_000
    play.trade("18800")

    assert (allowed, tripped) == (False, True)
    assert just_before // DAY_NS == TODAY + 1, "the first price of the new day"
    assert not denies(play.engine)


def test_a_minute_before_midnight_the_day_is_the_old_one() -> None:
    play = a_play()
    bought(play, "18800")

    play.minute = int((DAY_NS - START_NS % DAY_NS) // 60_000_000_000) - 1
    play.trade("18800")

    assert denies(play.engine)


def test_a_realised_loss_trips_the_limit_and_a_restart_does_not_forget_it() -> None:
    play = a_play()
    intent = bought(play, "20000")
    play.word(play.order(intent), OrderStatus.CANCELLED)
    assert not denies(play.engine)
    [sale] = play.candle("18800")
    assert isinstance(sale, OrderIntended)
    play.fill(sale, Decimal("0.9"), "2")

    assert play.engine.ledger.position("BTC-USD").lots == 0
    assert denies(play.engine)
    assert denies(restart(play).engine)


def restart(play: Play) -> Play:
    """The same session, folded from its log by a new engine."""
    fresh = Play(play.engine.opened)
    fresh.engine = Engine(play.engine.opened)
    fresh.memory = play.memory
    for event in play.events:
        fresh.engine.apply(event)
    return fresh
