"""The lines of the log file: exactly one for each fill, and one for each record."""

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.domain.events import (
    BooksCompared,
    ClockTicked,
    Event,
    FeedChanged,
    FeeRevised,
    OrderAsked,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    StopReached,
)
from gpt_trader.domain.order import OrderStatus, TimeInForce
from gpt_trader.engine.engine import Engine
from gpt_trader.live.report import Reporter, close_log, open_log
from tests.builders import (
    MINUTE_NS,
    START_NS,
    a_change,
    a_draft,
    a_fill,
    a_product,
    an_intent,
    an_opening,
)

PROSE = "order was not filled\nERROR\x85forged\u2028 line"


@contextmanager
def logging_to(path: Path, bytes_max: int = 10**6) -> Iterator[None]:
    handler = open_log(path, bytes_max, 3)
    try:
        yield
    finally:
        close_log(handler)


def lines_of(folder: Path, *events: Event) -> list[str]:
    path = folder / "logs" / "perps_bot.log"
    with logging_to(path):
        reporter = Reporter(Engine(an_opening()))
        for event in events:
            reporter.report(event)
    return path.read_text().splitlines()


def test_only_a_fill_says_filled_whatever_the_exchange_writes(tmp_path: Path) -> None:
    lines = lines_of(
        tmp_path,
        an_intent(),
        replace(a_change(status=OrderStatus.FILLED), reason="filled"),
        OrderRejected(START_NS, "gt-1", "filled", PROSE),
        OrderLost(START_NS, "gt-1", PROSE),
        FeedChanged(START_NS, False, f"order {PROSE}"),
        a_fill(),
    )

    assert [line.split()[2:5] for line in lines if re.search("order.*filled", line)] == [
        ["order", "gt-1", "filled"]
    ]


def test_text_from_outside_cannot_forge_a_record(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, OrderRejected(START_NS, "gt-1", "x", PROSE))

    assert len(lines) == 1


def test_levels_say_what_a_person_must_look_at(tmp_path: Path) -> None:
    lines = lines_of(
        tmp_path,
        FeedChanged(START_NS, True, "ready"),
        FeedChanged(START_NS, False, "gone"),
        OrderLost(START_NS, "gt-1", "no answer"),
        BooksCompared(START_NS, {}),
        BooksCompared(START_NS, {"USD": Decimal("-1.5")}),
    )

    assert [line.split()[1] for line in lines] == ["INFO", "ERROR", "ERROR", "INFO", "CRITICAL"]
    assert lines[-1].endswith("(theirs minus ours): USD -1.5")


def test_a_fee_that_changes_later_says_both(tmp_path: Path) -> None:
    names = "gt-1", "o-1", "77", "BTC-USD"

    [line] = lines_of(tmp_path, FeeRevised(START_NS, *names, Decimal("1.25000000"), Decimal("1.2")))

    assert line.split()[1] == "WARNING"
    assert line.endswith("order gt-1 fee of trade 77 is now 1.25000000, it was booked as 1.2")


def test_a_stop_and_an_order_by_hand_are_told_in_quote_and_base(tmp_path: Path) -> None:
    worth, paid, allowed = Decimal("900"), Decimal("1000"), Decimal("50")
    now = replace(a_draft(limit_price=None), time_in_force=TimeInForce.IOC)

    stop, asked = lines_of(
        tmp_path,
        StopReached(START_NS, "BTC-USD", worth, paid, allowed),
        OrderAsked(START_NS, "a person", now),
    )

    assert stop.endswith("stop of BTC-USD reached: worth 900 of 1000 paid, a loss above 50")
    assert stop.split()[1] == "WARNING"
    assert asked.endswith("a person asks to buy 0.1 BTC-USD")


def test_frames_of_the_market_are_no_lines(tmp_path: Path) -> None:
    one = Decimal(1)

    assert lines_of(tmp_path, ClockTicked(START_NS), QuoteSeen(START_NS, "A", one, one, one)) == []


def test_telemetry_is_a_line_a_product_and_minute_of_event_time(tmp_path: Path) -> None:
    products = (a_product("BTC-USD"), a_product("ETH-USD"))
    engine = Engine(an_opening(products=products))
    path = tmp_path / "perps_bot.log"
    with logging_to(path):
        reporter = Reporter(engine)
        for second in range(0, 180, 20):
            engine.apply(ClockTicked(START_NS + second * 10**9))
            reporter.telemetry()

    lines = path.read_text().splitlines()
    assert MINUTE_NS == 60 * 10**9
    assert [re.findall(r"product=(\S+)", line) for line in lines] == [["BTC-USD"], ["ETH-USD"]] * 2


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")

    with pytest.raises(StoreRefused, match="--var"):
        open_log(tmp_path / "logs" / "perps_bot.log", 1000, 3)


def test_a_log_that_cannot_be_written_any_more_stops_the_session(tmp_path: Path) -> None:
    """The folder is gone when the file is to be rotated."""
    path = tmp_path / "logs" / "perps_bot.log"
    with logging_to(path, bytes_max=10):
        logger = logging.getLogger("gpt_trader")
        logger.info("longer than ten bytes")
        shutil.rmtree(path.parent)

        with pytest.raises(StoreRefused, match="cannot write"):
            logger.info("another one")
