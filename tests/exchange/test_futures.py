"""The futures wallet: what it shows with and without money, sweeps, and what a restart knows."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.futures import SettingBody, SweepBody, margin_window
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.refusals import BadRequest, NotFound
from gpt_trader.exchange.timestamps import SECOND_NS, parse_time, time_text
from gpt_trader.exchange.venue import Venue
from tests.conformance.frames import Frames
from tests.exchange.contracts import summary
from tests.exchange.markets import (
    BIP_ID,
    a_body,
    a_contract_tape,
    a_contract_venue,
    a_kept_venue,
    amounts,
    balance,
    place,
)
from tests.exchange.serving import Exchange, a_tape, a_venue, lockstep_options, some_rules

FUNDED = Decimal(5000)
EVENING = "2026-01-05T22:00:00Z"


@pytest.fixture
def venue() -> Venue:
    """A day of minutes; sweeps are carried out in the evening."""
    return a_venue(rounds=1440, futures_balance=FUNDED)


def pass_to(venue: Venue, text: str) -> None:
    end_ns = parse_time(text)
    assert end_ns is not None
    while venue.now_ns < end_ns:
        venue.advance()


def wallet(venue: Venue) -> tuple[str, str, str]:
    summary = venue.futures.balance_summary(venue.now_ns)["balance_summary"]
    names = ("cfm_usd_balance", "cbi_usd_balance", "total_usd_balance")
    cfm, cbi, total = (summary[name]["value"] for name in names)
    return cfm, cbi, total


def test_a_funded_wallet_is_all_free_and_stands_beside_the_spot_wallet(venue: Venue) -> None:
    summary = venue.futures.balance_summary(venue.now_ns)["balance_summary"]

    assert wallet(venue) == ("5000", "100000", "105000")
    assert summary["available_margin"] == summary["futures_buying_power"]
    assert summary["initial_margin"] == {"value": "0", "currency": "USD"}
    assert balance(venue, "USD") == amounts("100000", "0")


def test_an_account_without_futures_shows_zeros_and_can_change_nothing() -> None:
    venue = a_venue(rounds=5)

    assert wallet(venue) == ("0", "0", "0")
    assert venue.futures.sweeps() == {"sweeps": []}
    with pytest.raises(BadRequest, match="no futures wallet"):
        venue.futures.schedule(SweepBody(), venue.now_ns)
    with pytest.raises(BadRequest, match="no futures wallet"):
        venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"), venue.now_ns)
    with pytest.raises(NotFound, match="no position in 'BIP-20DEC30-CDE'"):
        venue.futures.position("BIP-20DEC30-CDE", venue.now_ns)


@pytest.mark.parametrize(("amount", "left"), [("1200.5", "3799.5"), ("", "0"), ("5000", "0")])
def test_a_sweep_waits_for_the_evening_and_then_moves_the_money(
    venue: Venue, amount: str, left: str
) -> None:
    venue.advance()
    venue.futures.schedule(SweepBody(amount), venue.now_ns)
    pass_to(venue, "2026-01-05T21:59:00Z")
    early, pending = wallet(venue), venue.futures.sweeps()["sweeps"]
    pass_to(venue, EVENING)

    assert early == ("5000", "100000", "105000")
    assert [(one["status"], one["scheduled_time"]) for one in pending] == [("PENDING", EVENING)]
    assert pending[0]["should_sweep_all"] is (not amount)
    assert wallet(venue) == (left, str(105_000 - Decimal(left)), "105000")
    assert venue.futures.sweeps() == {"sweeps": []}


def test_a_cancelled_sweep_moves_nothing(venue: Venue) -> None:
    assert venue.futures.cancel() == {"success": False}
    venue.futures.schedule(SweepBody("10"), venue.now_ns)

    assert venue.futures.cancel() == {"success": True}
    pass_to(venue, EVENING)
    assert wallet(venue) == ("5000", "100000", "105000")


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [("5000.01", "5000 USD are free"), ("0", "no amount"), ("-1", "no amount"), ("x", "no amount")],
)
def test_a_sweep_of_what_is_not_there_is_refused(venue: Venue, amount: str, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        venue.futures.schedule(SweepBody(amount), venue.now_ns)

    assert venue.futures.sweeps() == {"sweeps": []}


def test_one_sweep_at_a_time(venue: Venue) -> None:
    venue.futures.schedule(SweepBody("10"), venue.now_ns)

    with pytest.raises(BadRequest, match="a sweep is pending"):
        venue.futures.schedule(SweepBody("10"), venue.now_ns)


@pytest.mark.parametrize("rounds", [1, 1439])
def test_a_restart_knows_wallet_sweep_and_setting(tmp_path: Path, rounds: int) -> None:
    """Before the sweep is carried out, and after."""
    rules = some_rules(futures_balance=FUNDED)
    venue, journal = a_kept_venue(a_tape(rounds=1440), rules, tmp_path)
    venue.futures.schedule(SweepBody("10"), venue.now_ns)
    venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"), venue.now_ns)
    for _ in range(rounds):
        venue.advance()
    journal.close()

    again, journal = a_kept_venue(a_tape(rounds=1440), rules, tmp_path)
    journal.close()

    assert wallet(again) == wallet(venue)
    assert wallet(venue)[0] == ("5000" if rounds == 1 else "4990")
    assert again.futures.sweeps() == venue.futures.sweeps()
    assert again.futures.margin_setting() == {"setting": "INTRADAY_MARGIN_SETTING_INTRADAY"}


def test_at_real_speed_the_evening_is_written_down(tmp_path: Path) -> None:
    """No trade of the tape tells a restart that the sweep was carried out."""
    rules = some_rules(futures_balance=FUNDED)
    venue, journal = a_kept_venue(a_tape(rounds=1440), rules, tmp_path)
    venue.futures.schedule(SweepBody("10"), venue.now_ns)
    pass_to(venue, "2026-01-05T21:59:00Z")
    while (due_ns := venue.due_ns() or 0) <= venue.now_ns:
        venue.advance_item()
    evening_ns = parse_time(EVENING) or 0
    while due_ns < evening_ns:
        venue.advance_item()
        due_ns = venue.due_ns() or 0

    venue.advance_clock(evening_ns + SECOND_NS)
    journal.close()
    again, journal = a_kept_venue(a_tape(rounds=1440), rules, tmp_path)
    journal.close()

    assert wallet(venue)[0] == wallet(again)[0] == "4990"


@pytest.mark.parametrize("steps_s", [(0, 60), (60,)])
def test_what_is_swept_does_not_depend_on_the_clocks_step(steps_s: tuple[int, ...]) -> None:
    """An order that ends after the sweep is due still reserves its margin then."""
    venue = a_contract_venue([62_000] * 2)
    while venue.due_ns() is not None:
        venue.advance()
    evening_ns = parse_time(EVENING) or 0
    end = time_text(evening_ns + 30 * SECOND_NS)
    limits = {"base_size": "3", "limit_price": "50000", "end_time": end}
    place(venue, a_body("g", "BUY", "limit_limit_gtd", BIP_ID, **limits))
    reserved = summary(venue)["total_open_orders_hold_amount"]
    venue.futures.schedule(SweepBody(), venue.now_ns)
    for step_s in steps_s:
        venue.advance_clock(evening_ns + step_s * SECOND_NS)

    assert summary(venue)["cfm_usd_balance"] == reserved > 0
    assert summary(venue)["total_open_orders_hold_amount"] == 0


def test_the_margin_window_is_the_days_until_the_evening() -> None:
    noon, night = (parse_time(f"2026-01-05T{hour}:00:00Z") or 0 for hour in (12, 23))

    windows = [margin_window(now_ns)["margin_window"] for now_ns in (noon, night)]

    assert [one["end_time"] for one in windows] == [EVENING, "2026-01-06T00:00:00Z"]


def test_the_channel_needs_a_key_and_tells_when_the_wallet_changes(tmp_path: Path) -> None:
    tape = a_tape(rounds=1440)
    venue = Venue(tape, some_rules(futures_balance=FUNDED), None)
    with Exchange(tmp_path, venue, tape, lockstep_options()) as exchange:
        socket, frames = exchange.socket(), Frames()
        socket.subscribe("futures_balance_summary", [])
        refused = socket.read()
        socket.subscribe("futures_balance_summary", [], exchange.jwt())
        first, ack = socket.read(), socket.read()
        exchange.advance()
        client = exchange.rest()
        client.market_order_buy("a", "BTC-USD", quote_size="100")
        spot = next(one for one in client.get_accounts().accounts if one.currency == "USD")
        spot = spot.available_balance
        exchange.advance()
        second = socket.read()
        for message in (refused, first, ack, second):
            frames.check(message)

    assert refused == {"type": "error", "message": "authentication failure"}
    told = [one["events"][0]["fcm_balance_summary"]["cbi_usd_balance"] for one in (first, second)]
    assert told == ["100000", spot["value"]]
    assert Decimal(spot["value"]) < 100_000
    assert ack["events"][0]["subscriptions"] == {"futures_balance_summary": [venue.user_id]}


def test_the_user_channel_shows_positions_and_the_liquidation(tmp_path: Path) -> None:
    tape = a_contract_tape([62_000, 62_000, 60_000, 40_000])
    rules = some_rules(futures_balance=FUNDED, depth_share=Decimal(10))
    venue = Venue(tape, rules, None)
    with Exchange(tmp_path, venue, tape, lockstep_options()) as exchange:
        exchange.advance()
        socket, frames = exchange.socket(), Frames()
        for channel in ("user", "futures_balance_summary"):
            socket.subscribe(channel, [], exchange.jwt())
        exchange.rest().market_order_buy("a", BIP_ID, base_size="30")
        late = exchange.socket()
        late.subscribe("user", [], exchange.jwt())
        snapshot = late.read()["events"][0]
        for _ in range(3):
            exchange.advance()
        messages = [socket.read()]
        while messages[-1]["channel"] != "user" or not is_liquidated(messages[-1]):
            messages.append(socket.read())
        messages.append(socket.read())
        for message in messages:
            frames.check(message)

    shown = snapshot["positions"]["expiring_futures_positions"]
    assert [one["entry_price"] for one in shown] == ["62000"]
    told = [one["events"][0] for one in messages]
    held = [one["positions"]["expiring_futures_positions"] for one in told if "positions" in one]
    summaries = [one["fcm_balance_summary"] for one in told if "fcm_balance_summary" in one]
    sizes = [[(one["side"], one["number_of_contracts"]) for one in some] for some in held]
    assert (sizes[0], sizes[2], sizes[-1]) == ([], [("Long", "30")], [])
    assert Decimal(summaries[0]["initial_margin"]) == 0 == Decimal(summaries[-1]["initial_margin"])
    assert any(Decimal(one["initial_margin"]) > 0 for one in summaries)
    assert Decimal(summaries[-1]["cfm_usd_balance"]) < FUNDED


def is_liquidated(message: dict[str, Any]) -> bool:
    orders = message["events"][0]["orders"]
    return any(one["order_type"] == "Liquidation" and one["status"] == "FILLED" for one in orders)


def test_the_channel_ends_without_products() -> None:
    venue = a_venue(rounds=5, futures_balance=FUNDED)
    hub, feed = Hub(venue), Feed("", lambda frames: None)
    hub.add(feed)

    hub.subscribe(feed, "futures_balance_summary", ["BTC-USD"])
    held = feed.subscription("futures_balance_summary")
    hub.unsubscribe(feed, "futures_balance_summary", [])

    assert held == frozenset()
    assert feed.subscription("futures_balance_summary") is None
