"""`health.json`: what it claims while a session runs, after its end, and after its death."""

import json
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import (
    BooksCompared,
    ClockTicked,
    Event,
    FeedChanged,
    OrderLost,
    QuoteSeen,
    StopRequested,
    TradesSeen,
)
from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.live.health import LOOP_AGE_S_MAX, MESSAGE_AGE_S_MAX, Health, Pulse
from gpt_trader.risk.limits import DEFAULTS
from gpt_trader.store.folders import profile_folder
from tests.builders import (
    START_NS,
    a_change,
    a_draft,
    a_fill,
    a_trade,
    an_intent,
    an_opening,
)
from tests.live import commands

MARK_AGE_NS_MAX = int(DEFAULTS["mark_age_s_max"]) * 10**9
PULSE = Pulse(
    session_id="s-1",
    profile="dev",
    now_s=100.0,
    loop_s=99.5,
    message_s=99.0,
    recovered=True,
    lockstep=False,
    ended=None,
    log_seq=0,
    requests=0,
)


def an_engine() -> Engine:
    engine = Engine(an_opening())
    engine.apply(FeedChanged(START_NS, True, "ready"))
    engine.apply(a_quote())
    return engine


def a_quote(ts_ns: int = START_NS) -> QuoteSeen:
    price = Decimal("20000.00")
    return QuoteSeen(ts_ns, "BTC-USD", price, price, price)


def answers(engine: Engine, pulse: Pulse = PULSE) -> dict[str, Any]:
    return Health(Path("nowhere")).answers(engine, pulse, START_NS)


def verdicts(health: dict[str, Any]) -> tuple[bool, bool, bool]:
    return health["alive"]["ok"], health["ready"]["ok"], health["trading_allowed"]["ok"]


def test_all_is_well_when_nothing_is_amiss() -> None:
    health = answers(an_engine())

    assert verdicts(health) == (True, True, True)
    assert health["trading_allowed"]["reasons"] == []


def test_a_loop_that_stands_still_is_not_alive() -> None:
    at_limit = replace(PULSE, loop_s=PULSE.now_s - LOOP_AGE_S_MAX)
    beyond = replace(PULSE, loop_s=PULSE.now_s - LOOP_AGE_S_MAX - 0.001)

    assert verdicts(answers(an_engine(), at_limit)) == (True, True, True)
    health = answers(an_engine(), beyond)
    assert verdicts(health) == (False, False, False)
    assert health["alive"]["reasons"] == ["loop_turns"]


def test_a_silent_exchange_makes_the_session_unready_but_not_in_lockstep() -> None:
    silent = replace(PULSE, message_s=PULSE.now_s - MESSAGE_AGE_S_MAX - 0.001)

    health = answers(an_engine(), silent)

    assert verdicts(health) == (True, False, False)
    assert health["ready"]["reasons"] == ["messages_arrive"]
    assert verdicts(answers(an_engine(), replace(silent, lockstep=True))) == (True, True, True)


def test_each_condition_of_the_engine_is_named_when_it_fails() -> None:
    faults: dict[str, Event] = {
        "feed_ready": FeedChanged(START_NS, False, "gone"),
        "books_agree": BooksCompared(START_NS, {"USD": Decimal(1)}),
        "trading_active": TradingStateChanged(START_NS, TradingState.HALTED, "a", "b"),
        "not_stopping": StopRequested(START_NS, "c"),
        "candles_whole": TradesSeen(START_NS, "BTC-USD", (a_trade(7, "20000.00"),)),
        "marks_fresh": ClockTicked(START_NS + MARK_AGE_NS_MAX + 1),
        "fills_booked": a_change(filled="0.1", fills=1),
        "outcomes_known": OrderLost(START_NS, "gt-1", "no answer"),
    }

    for name, event in faults.items():
        engine = an_engine()
        engine.apply(an_intent())
        engine.apply(event)
        assert answers(engine)["trading_allowed"]["reasons"] == [name]


def test_a_mark_of_the_very_limit_is_fresh_and_none_at_all_is_not() -> None:
    at_limit, markless = an_engine(), Engine(an_opening())
    at_limit.apply(ClockTicked(START_NS + MARK_AGE_NS_MAX))
    markless.apply(FeedChanged(START_NS, True, "ready"))

    assert verdicts(answers(at_limit)) == (True, True, True)
    assert "marks_fresh" in answers(markless)["trading_allowed"]["reasons"]


def test_losses_beyond_a_limit_do_not_allow_trading() -> None:
    """The day's limit is 0.02 of the 100,000 at its start: a loss of 2,000 is allowed, no more."""
    for price, allowed in (("10000.00", True), ("9999.99", False)):
        engine = Engine(an_opening(limits={"daily_loss_rate_max": Decimal("0.02")}))
        engine.apply(FeedChanged(START_NS, True, "ready"))
        engine.apply(a_quote())
        engine.apply(an_intent(draft=a_draft(base_size="0.2")))
        engine.apply(replace(a_fill(base_size="0.2"), fee=Decimal(0)))
        for mark in (Decimal(15_000), Decimal(price)):  # a leap would not be believed
            engine.apply(QuoteSeen(START_NS, "BTC-USD", mark, mark, mark))

        health = answers(engine)

        assert verdicts(health) == (True, True, allowed)
        assert health["trading_allowed"]["reasons"] == [] if allowed else ["losses_within_limits"]


def test_an_ended_session_claims_nothing() -> None:
    health = answers(an_engine(), replace(PULSE, ended="the tape ended"))

    assert verdicts(health) == (False, False, False)
    assert health["ended"] == "the tape ended"


def test_a_condition_tells_since_when_it_is_so(tmp_path: Path) -> None:
    health, engine = Health(tmp_path), an_engine()
    health.answers(engine, PULSE, START_NS)
    engine.apply(FeedChanged(START_NS, False, "gone"))
    health.answers(engine, replace(PULSE, now_s=103.0, loop_s=103.0, message_s=103.0), START_NS)

    later: Any = health.answers(
        engine, replace(PULSE, now_s=107.0, loop_s=107.0, message_s=106.0), START_NS
    )

    by_name = {c["condition"]: c for c in later["ready"]["conditions"]}
    assert by_name["feed_ready"]["since_s"] == 4.0
    assert by_name["recovered"]["since_s"] == 7.0
    assert by_name["messages_arrive"]["age_s"] == 1.0
    assert by_name["messages_arrive"]["age_s_max"] == MESSAGE_AGE_S_MAX


def test_the_file_is_replaced_whole_and_a_missing_folder_is_survived(tmp_path: Path) -> None:
    Health(tmp_path).write(an_engine(), PULSE, START_NS)
    Health(tmp_path / "missing").write(an_engine(), PULSE, START_NS)

    assert [path.name for path in tmp_path.iterdir()] == ["health.json"]
    health = json.loads((tmp_path / "health.json").read_text())
    assert health["written"] == "2023-11-14T22:14:00.000+00:00"
    assert health["stale_after_s"] == 5.0


def test_a_running_session_is_well_a_killed_one_grows_stale_and_an_ended_one_says_so(
    tmp_path: Path,
) -> None:
    var = tmp_path / "var"
    path = profile_folder(var, "dev") / "health.json"
    options = ["live", "--var", str(var), "--speed", "300"]

    def well() -> bool:
        if not path.exists():
            return False
        read = json.loads(path.read_text())  # at any moment a whole document
        return read["pid"] == process.pid and all(verdicts(read))

    with commands.begun(options, tmp_path) as process:
        commands.wait_until(well, process)
        process.kill()
        commands.ended(process)
        written = path.read_text()
    killed = json.loads(written)

    with commands.begun(options, tmp_path) as process:
        commands.wait_until(well, process)
        process.send_signal(signal.SIGINT)
        commands.ended(process)
    ended = json.loads(path.read_text())

    assert killed["ended"] is None
    assert killed["stale_after_s"] > 0
    assert ended["written"] > killed["written"]
    assert verdicts(ended) == (False, False, False)
    assert ended["ended"] == "stopped by a person"
