"""Replay: equal for what was decided; for whatever was changed, the first decision to part."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader import __version__
from gpt_trader.backtesting.replay import Changes, Outcome
from gpt_trader.backtesting.replay import replay as replayed
from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import (
    CandleClosed,
    Decision,
    Event,
    OrderDenied,
    OrderIntended,
    QuoteSeen,
    SessionOpened,
    TradesSeen,
)
from gpt_trader.store.codec import encode
from gpt_trader.store.document import MADE_BY
from gpt_trader.store.folders import SessionFolder, find
from gpt_trader.store.reading import LogReader
from tests.builders import an_opening
from tests.engine.plays import a_random_play
from tests.live import commands, markets
from tests.store.forgery import reseal, tamper

DECISIONS = get_args(Decision)
ROUNDS = 250
AS_IT_WAS = Changes(params={}, limits={})
BUSY = (  # changes its mind every few candles, cancels, crosses the spread
    *("--param", "fast=1", "--param", "slow=3", "--param", "band_bps=0"),
    *("--sizing", "patience_candles=1", "--sizing", "rebalance_rate=0"),
)
SIZING_LINE = ("    return math.floor(lots)\n", "    return math.ceil(lots)\n")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A live session's record."""

    var: Path
    folder: SessionFolder
    events: list[Event]  # the one with seq k at k - 1

    def seq_of_first(self, *kinds: type[Event]) -> int:
        """The seq of the first event of these kinds."""
        return next(k for k, event in enumerate(self.events, 1) if isinstance(event, kinds))

    def shown(self, seq: int) -> str:
        """An event as replay shows it."""
        kind, _, body = encode(self.events[seq - 1])
        return f"{kind} {body.decode()}"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A session that orders at almost every candle, and is denied now and then."""
    folder = tmp_path_factory.mktemp("recorded")
    data = markets.minutes_of_bitcoin(folder).options()
    ended = commands.live(
        folder / "var",
        *(
            "--speed",
            "max",
            "--candles",
            str(ROUNDS),
            *data,
            "--limit",
            "daily_loss_rate_max=0.015",
        ),
        *BUSY,
    )
    assert ended.code == 0, ended.err
    session = find(folder / "var", "latest")
    with LogReader(session.log) as reader:
        events = [event for _, event in reader.events()]
    return Recorded(folder / "var", session, events)


def a_copy(recorded: Recorded, folder: Path) -> tuple[Path, Path]:
    """A var folder with room for a forged log of the same session, and where to put it."""
    var = folder / "var"
    log = var / recorded.folder.log.relative_to(recorded.var)
    log.parent.mkdir(parents=True)
    return var, log


# --- as it was ------------------------------------------------------------------------------


def test_a_record_is_equal_to_its_replay(recorded: Recorded) -> None:
    by_name = commands.replay(recorded.var, recorded.folder.session_id)

    assert by_name.code == 0, by_name.err
    assert by_name.document == {
        MADE_BY: __version__,
        "session_id": recorded.folder.session_id,
        "equal": True,
        "events": len(recorded.events),
        "decisions": sum(isinstance(event, DECISIONS) for event in recorded.events),
        "orders": sum(isinstance(event, OrderIntended) for event in recorded.events),
        "first_difference": None,
    }


def test_a_session_in_real_time_is_equal_to_its_replay(tmp_path: Path) -> None:
    data = markets.minutes_of_bitcoin(tmp_path).options()
    ended = commands.live(tmp_path / "var", *("--speed", "3000", "--candles", "150", *data, *BUSY))
    assert ended.code == 0, ended.err

    again = commands.replay(tmp_path / "var")

    assert again.code == 0, again.out
    assert again.document["orders"] == ended.document["orders"] > 10


def test_the_record_holds_enough_for_a_change_to_be_noticed(recorded: Recorded) -> None:
    kinds = [type(event) for event in recorded.events]

    assert kinds.count(OrderIntended) >= ROUNDS / 4
    assert kinds.count(OrderDenied) >= 5
    assert kinds.count(CandleClosed) >= ROUNDS * 0.9


# --- changed in the record, every hash made right again -------------------------------------


def a_trade_changed(recorded: Recorded) -> tuple[dict[int, Event], int]:
    """A price above its candle's high; the candle is the first decision to differ."""
    seqs = [k for k, event in enumerate(recorded.events, 1) if isinstance(event, TradesSeen)]
    seq = seqs[len(seqs) // 2]
    event = recorded.events[seq - 1]
    assert isinstance(event, TradesSeen)
    dearer = replace(event.trades[0], price=event.trades[0].price + 1_000)
    forged = replace(event, trades=(dearer, *event.trades[1:]))
    differs = next(
        k
        for k, later in enumerate(recorded.events, 1)
        if isinstance(later, CandleClosed)
        and later.candle.start_ns <= dearer.ts_ns
        and dearer.ts_ns < later.candle.start_ns + 60 * markets.NS
    )
    return {seq: forged}, differs


def a_quote_changed(recorded: Recorded) -> tuple[dict[int, Event], int]:
    """A bid one cent lower, the newest before the first order; that order differs."""
    differs = recorded.seq_of_first(OrderIntended, OrderDenied)
    seq = max(
        k for k, event in enumerate(recorded.events[:differs], 1) if isinstance(event, QuoteSeen)
    )
    quote = recorded.events[seq - 1]
    assert isinstance(quote, QuoteSeen)
    return {seq: replace(quote, bid_price=quote.bid_price - Decimal("0.01"))}, differs


def a_parameter_changed(recorded: Recorded) -> tuple[dict[int, Event], int]:
    """A slower average: the first order no longer follows when it did."""
    opened = recorded.events[0]
    assert isinstance(opened, SessionOpened)
    forged = replace(opened, params={**opened.params, "slow": 30.0})
    return {1: forged}, recorded.seq_of_first(OrderIntended, OrderDenied)


def a_limit_changed(recorded: Recorded) -> tuple[dict[int, Event], int]:
    """A limit that denies nothing more: it stands in the verdicts of the first order."""
    opened = recorded.events[0]
    assert isinstance(opened, SessionOpened)
    limits = {**opened.limits, "order_notional_max": Decimal("25000.01")}
    return {1: replace(opened, limits=limits)}, recorded.seq_of_first(OrderIntended, OrderDenied)


Forgery = Callable[[Recorded], tuple[dict[int, Event], int]]


@pytest.mark.parametrize(
    "forgery", [a_trade_changed, a_quote_changed, a_parameter_changed, a_limit_changed]
)
def test_one_number_changed_in_a_resealed_record_is_found_by_what_it_decides(
    forgery: Forgery, recorded: Recorded, tmp_path: Path
) -> None:
    edits, differs = forgery(recorded)
    var, log = a_copy(recorded, tmp_path)
    reseal(recorded.folder.log, edits, log)

    again = commands.replay(var)

    assert again.code == 1, again.err
    assert difference_of(again)["seq"] == differs
    assert difference_of(again)["recorded"] == recorded.shown(differs)
    assert difference_of(again)["made"] != recorded.shown(differs)


def test_a_record_that_was_not_resealed_is_damaged_and_not_merely_different(
    recorded: Recorded, tmp_path: Path
) -> None:
    var, log = a_copy(recorded, tmp_path)
    _, _, body = encode(recorded.events[1])
    tamper(recorded.folder.log, log, "UPDATE events SET body=? WHERE seq=2", (body + b" ",))

    again = commands.replay(var)

    assert again.code == 4
    assert len(again.err.splitlines()) == 1


# --- what if --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [("--param", "slow=30"), ("--limit", "order_notional_max=25000.01")],
    ids=["parameter", "limit"],
)
def test_what_if_names_the_first_decision_that_would_have_been_another(
    change: tuple[str, str], recorded: Recorded
) -> None:
    again = commands.replay(recorded.var, *change)

    assert again.code == 1, again.err
    differs = recorded.seq_of_first(OrderIntended, OrderDenied)
    assert difference_of(again)["seq"] == differs
    assert difference_of(again)["recorded"] == recorded.shown(differs)


def test_what_if_with_the_values_there_were_changes_nothing(recorded: Recorded) -> None:
    again = commands.replay(
        recorded.var, "--param", "slow=3", "--limit", "order_notional_max=25000"
    )

    assert again.code == 0, again.out


@pytest.mark.parametrize(
    "change",
    [
        ("--param", "slower=30"),
        ("--param", "slow=x"),
        ("--limit", "order_max=1"),
        ("--json", "nowhere/at/all.json"),
    ],
    ids=["no such parameter", "no number", "no such limit", "no such folder"],
)
def test_what_cannot_be_done_is_one_clear_line_and_never_exit_code_one(
    change: tuple[str, ...], recorded: Recorded
) -> None:
    again = commands.replay(recorded.var, *change)

    assert again.code == 2
    assert again.out == ""
    assert len(again.err.splitlines()) == 1


def test_one_line_of_sizing_changed_is_found_by_the_first_order(
    recorded: Recorded, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    package = tree / "gpt_trader"
    shutil.copytree(
        commands.ROOT / "gpt_trader", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    sizing = package / "kernels" / "sizing.py"
    text = sizing.read_text()
    assert text.count(SIZING_LINE[0]) == 1
    sizing.write_text(text.replace(*SIZING_LINE))

    again = commands.replay(recorded.var, PYTHONPATH=str(tree))

    assert again.code == 1, again.err
    differs = recorded.seq_of_first(OrderIntended, OrderDenied)
    assert difference_of(again)["seq"] == differs
    assert difference_of(again)["recorded"] == recorded.shown(differs)


# --- any record -----------------------------------------------------------------------------


@cache
def log_by_dice(seed: int) -> tuple[Event, ...]:
    """The log of a session without sockets."""
    opened = an_opening(
        params={"fast": 1.0, "slow": 3.0, "band_bps": 0.0},
        limits={"orders_per_minute_max": Decimal(1)},
        sizing={"patience_candles": 1.0, "rebalance_rate": 0.0},
    )
    return tuple(a_random_play(opened, seed, minutes=60).events)


def replay_of(events: tuple[Event, ...]) -> Outcome:
    def numbered() -> Iterator[tuple[int, Event]]:
        yield from enumerate(events, 1)

    return replayed(numbered(), AS_IT_WAS, lambda seq: None)


@given(st.integers(0, 5))
def test_every_session_by_dice_is_equal_to_its_replay(seed: int) -> None:
    events = log_by_dice(seed)

    outcome = replay_of(events)

    assert outcome.equal
    assert outcome.decisions == sum(isinstance(event, DECISIONS) for event in events)


@given(st.integers(0, 5), st.floats(0, 1))
def test_a_decision_that_was_changed_left_out_or_added_is_the_first_difference(
    seed: int, share: float
) -> None:
    events = log_by_dice(seed)
    places = [k for k, event in enumerate(events) if isinstance(event, DECISIONS)]
    place = places[int(share * (len(places) - 1))]
    decision = events[place]
    changed = replace(decision, ts_ns=decision.ts_ns + 1)

    outcomes = {
        "changed": replay_of((*events[:place], changed, *events[place + 1 :])),
        "left out": replay_of((*events[:place], *events[place + 1 :])),
        "added": replay_of((*events[: place + 1], decision, *events[place + 1 :])),
        "cut off": replay_of(events[:place]),
    }

    first = {how: o.difference.seq for how, o in outcomes.items() if o.difference is not None}
    assert first == {
        "changed": place + 1,
        "left out": place + 1,
        "added": place + 2,
        "cut off": place + 1,
    }


def test_a_record_without_an_opening_is_damaged() -> None:
    with pytest.raises(StoreDamaged, match="session_opened"):
        replay_of(log_by_dice(0)[1:])


def difference_of(ended: commands.Finished) -> dict[str, Any]:
    """The first difference in replay's document."""
    assert ended.document["equal"] is False
    difference: dict[str, Any] = ended.document["first_difference"]
    return difference
