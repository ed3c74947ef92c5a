"""What happens to contracts that are held: funding, liquidation, sweeps, and restarts."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange.contracts import BITCOIN, HOUR_NS
from gpt_trader.exchange.futures import SettingBody, SweepBody
from gpt_trader.exchange.journal import JournalError, Record
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue
from tests.exchange.contracts import (
    FLAT,
    LONG_RATE,
    SHORT_RATE,
    TAKER_FEE,
    a_deep_venue,
    position,
    refused,
    shown,
    summary,
)
from tests.exchange.markets import (
    BIP,
    BIP_ID,
    BTC,
    a_body,
    a_contract_order,
    a_contract_tape,
    a_contract_venue,
    a_kept_venue,
    a_limit,
    everything,
    place,
)
from tests.exchange.serving import some_rules


def a_day(seed: int = 7) -> Tape:
    return synthetic_tape(seed, [BTC, BIP], 1500)


def test_what_longs_pay_is_what_shorts_receive_every_hour() -> None:
    """Two accounts hold the opposite through a day; only fees and the spread tell them apart."""
    rules = some_rules(futures_balance=Decimal(10_000))
    sides = [Venue(a_day(), rules, None) for _ in range(2)]
    for venue, side in zip(sides, ("BUY", "SELL"), strict=True):
        venue.advance()
        place(venue, a_limit("c", side, "62000", "7", product_id=BIP_ID))
    paid = []
    for number in range(1440 - 180):
        for venue in sides:
            venue.advance()
        if number % 60 == 59:
            paid.append([summary(venue)["funding_pnl"] for venue in sides])

    assert [position(venue)[0] for venue in sides] == [7, -7]
    assert all(there == -here for here, there in paid)
    assert len({here for here, _ in paid}) > 10


def test_funding_is_the_rate_times_the_notional_at_the_mark() -> None:
    tape = a_day()
    venue = Venue(tape, some_rules(futures_balance=Decimal(10_000)), None)
    venue.advance()
    place(venue, a_contract_order("BUY", "3"))
    for hour in range(1, 6):
        before = summary(venue)["funding_pnl"]
        while venue.now_ns < tape.begin_ns + hour * 3600 * SECOND_NS:
            mark = venue.futures.positions(venue.now_ns)["positions"][0]["current_price"]["value"]
            venue.advance_item()
        rate = Decimal(venue.product(BIP_ID)["future_product_details"]["funding_rate"])
        cost = 3 * Decimal(mark) * Decimal("0.01") * rate
        assert before - summary(venue)["funding_pnl"] == cost, hour


def test_too_little_equity_is_liquidated_at_the_very_trade() -> None:
    """Equity of 1,000 less a fee; at 0.123 of the notional of 5 contracts it is over."""
    prices = [62_000, 62_000, 50_000, 47_910, 47_905, 47_900]
    venue = a_deep_venue(prices, "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    resting = place(venue, a_limit("b", "BUY", "40000", "1", product_id=BIP_ID))
    over = []
    while venue.due_ns() is not None:
        venue.advance_item()
        account = summary(venue)
        spare = account["liquidation_buffer_amount"] + account["total_open_orders_hold_amount"]
        over.append((spare, position(venue)[0]))

    assert venue.fills({})["fills"][0]["trade_time"] == "2026-01-05T00:05:00Z"
    alive = [spare for spare, held in over if held]
    assert min(alive) >= 0
    assert position(venue)[0] == 0
    assert shown(venue, resting)["cancel_message"] == "Liquidation of the futures account"
    ended = venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert [(one["is_liquidation"], one["status"], one["side"]) for one in ended] == [
        (True, "FILLED", "SELL")
    ]
    assert Decimal(ended[0]["total_fees"]) == 5 * (TAKER_FEE + Decimal("0.8"))


def test_a_loss_beyond_the_balance_is_owed() -> None:
    venue = a_deep_venue([62_000, 62_000, 30_000, 30_000], "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    for _ in range(3):
        venue.advance()

    account = summary(venue)
    assert account["cfm_usd_balance"] < 0
    assert account["futures_buying_power"] == 0
    assert refused(venue, a_contract_order("BUY", "1", "b")) == "INSUFFICIENT_FUNDS"
    with pytest.raises(BadRequest, match="of the futures wallet 0 USD are free"):
        venue.futures.schedule(SweepBody("1"), venue.now_ns)


@pytest.mark.parametrize(("side", "rate"), [("BUY", LONG_RATE), ("SELL", SHORT_RATE)])
def test_at_its_liquidation_price_the_equity_is_the_maintenance_margin(
    side: str, rate: Decimal
) -> None:
    venue = a_deep_venue(FLAT, "1000")
    place(venue, a_contract_order(side, "4"))

    held = venue.futures.positions(venue.now_ns)["positions"][0]

    size, sign = 4 * Decimal("0.01"), 1 if side == "BUY" else -1
    mark, price = (Decimal(held[name]["value"]) for name in ("current_price", "liquidation_price"))
    account = summary(venue)
    equity = account["cfm_usd_balance"] + account["unrealized_pnl"]
    assert (mark - price) * sign > 0
    left = equity - sign * size * (mark - price) - size * price * rate / 2
    assert abs(left) < Decimal("0.000001")
    assert Decimal(held["mm_contribution"]["value"]) == size * mark * rate / 2
    assert [one["side"] for one in venue.user_positions()] == ["Long" if sign > 0 else "Short"]


def test_a_positions_fees_are_those_since_it_was_turned_over() -> None:
    venue = a_deep_venue(FLAT)
    fees = []
    for name, side, size in (("a", "BUY", "3"), ("b", "BUY", "1"), ("c", "SELL", "6")):
        place(venue, a_contract_order(side, size, name))
        shown_fees = venue.futures.positions(venue.now_ns)["positions"][0]["total_fees"]
        fees.append(Decimal(shown_fees["value"]))

    assert fees == [3 * TAKER_FEE, 4 * TAKER_FEE, 6 * TAKER_FEE]


def test_the_margin_level_warns_before_it_liquidates() -> None:
    venue = a_deep_venue([62_000, 62_000, 55_000, 55_000], "1000")
    levels = []
    place(venue, a_contract_order("BUY", "5", "a"))
    for _ in range(3):
        summary_now = venue.futures.channel_summary(venue.now_ns)
        levels.append(summary_now["overnight_margin_window_measure"]["margin_level"])
        venue.advance()

    assert levels == ["MARGIN_LEVEL_TYPE_BASE"] * 2 + ["MARGIN_LEVEL_TYPE_WARNING"]
    assert position(venue)[0] == 5


def test_a_sweep_of_everything_leaves_what_contracts_need() -> None:
    venue = Venue(synthetic_tape(7, [BTC, BIP], 1330), RULES, None)
    venue.advance()
    place(venue, a_contract_order("BUY", "5", "a"))
    venue.futures.schedule(SweepBody(), venue.now_ns)
    while venue.round < 1320:
        venue.advance()

    account = summary(venue)
    assert position(venue)[0] == 5
    assert 0 < account["cfm_usd_balance"] < 1000
    assert account["liquidation_buffer_amount"] > 0


def test_a_sweep_takes_no_margin() -> None:
    venue = a_deep_venue(FLAT, "1000")
    place(venue, a_contract_order("BUY", "5", "a"))
    free = summary(venue)["futures_buying_power"]

    with pytest.raises(BadRequest, match="are free"):
        venue.futures.schedule(SweepBody(str(free + Decimal("0.01"))), venue.now_ns)
    venue.futures.schedule(SweepBody(str(free)), venue.now_ns)


def play(venue: Venue, rounds: int, *, by_items: bool) -> None:
    """Trade through some rounds, from all sides of a position."""
    orders = {
        3: a_contract_order("BUY", "6", "a"),
        5: a_limit("b", "SELL", "62100", "9", product_id=BIP_ID),
        70: a_contract_order("SELL", "4", "c"),
        130: a_limit("d", "BUY", "61500", "8", product_id=BIP_ID, reduce_only=False),
        131: a_body(
            "e", "BUY", "stop_limit_stop_limit_gtc", BIP_ID, base_size="3",
            stop_price="64000", limit_price="64500", stop_direction="STOP_DIRECTION_STOP_UP",
        ),
    }  # fmt: skip
    for number in range(rounds):
        if number in orders:
            place(venue, orders[number])
        while by_items and venue.round == number:
            venue.advance_item()
        if venue.round == number:
            venue.advance()


def futures_of(venue: Venue) -> list[object]:
    return [
        *everything(venue),
        venue.futures.balance_summary(venue.now_ns),
        venue.futures.positions(venue.now_ns),
        venue.user_positions(),
    ]


def two_hours() -> Tape:
    return synthetic_tape(7, [BTC, BIP], 250)


RULES = some_rules(futures_balance=Decimal(2500))


def test_item_by_item_is_the_same_as_round_by_round() -> None:
    venues = [Venue(two_hours(), RULES, None) for _ in range(2)]
    for venue, by_items in zip(venues, (False, True), strict=True):
        play(venue, 240, by_items=by_items)

    assert position(venues[0])[0] != 0
    assert summary(venues[0])["funding_pnl"] != 0
    assert futures_of(venues[0]) == futures_of(venues[1])


@pytest.mark.parametrize("rounds", [4, 59, 60, 180])
def test_a_restart_gives_the_same_account_and_pays_no_funding_twice(
    tmp_path: Path, rounds: int
) -> None:
    venue, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    play(venue, rounds, by_items=False)
    now = futures_of(venue)
    journal.close()

    again, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    told = futures_of(again)
    for _ in range(60):
        again.advance()
    later = futures_of(again)
    journal.close()
    alone = Venue(two_hours(), RULES, None)
    play(alone, rounds, by_items=True)
    for _ in range(60):
        alone.advance()

    assert position(venue)[0] != 0
    assert told == now
    assert later == futures_of(alone)


def test_funding_that_a_restart_pays_again_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted bug: the test above must not pass with it."""
    right = Venue._repeat

    def pays_again(venue: Venue, record: Record) -> None:
        right(venue, record)
        if record[0] == "round" and venue.now_ns % HOUR_NS == 0:
            venue._entry.begin_hour(venue.now_ns)

    monkeypatch.setattr(Venue, "_repeat", pays_again)

    with pytest.raises(AssertionError):
        test_a_restart_gives_the_same_account_and_pays_no_funding_twice(tmp_path, 60)


def test_at_real_speed_the_hour_is_written_down(tmp_path: Path) -> None:
    """No trade of the tape tells a restart that funding was paid."""
    tape = two_hours()
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    play(venue, 59, by_items=False)
    hour_ns = tape.begin_ns + 3600 * SECOND_NS
    while (venue.due_ns() or 0) < hour_ns:
        venue.advance_item()
    before = summary(venue)["funding_pnl"]
    venue.advance_clock(hour_ns)
    paid = summary(venue)["funding_pnl"]
    journal.close()

    again, journal = a_kept_venue(two_hours(), RULES, tmp_path)
    told = summary(again)["funding_pnl"]
    again.advance()
    journal.close()

    assert before == 0 != paid
    assert told == paid == summary(again)["funding_pnl"]


def test_a_restart_knows_a_liquidation(tmp_path: Path) -> None:
    tape = a_contract_tape([62_000, 62_000, 62_000, 30_000, 30_000])
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    place(venue, a_limit("a", "BUY", "62000", "12", product_id=BIP_ID))
    for _ in range(3):
        venue.advance()
    journal.close()

    again, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()

    assert venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert futures_of(again) == futures_of(venue)


def test_a_setting_is_watched_at_once(tmp_path: Path) -> None:
    tape = a_contract_tape(FLAT)
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    venue.choose_margin_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"))
    place(venue, a_limit("a", "BUY", "62000", "39", product_id=BIP_ID))
    venue.advance()
    waits = place(venue, a_limit("b", "SELL", "90000", "1", product_id=BIP_ID))
    held = position(venue)[0]

    _, updates = venue.choose_margin_setting(SettingBody("INTRADAY_MARGIN_SETTING_STANDARD"))
    journal.close()
    again, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()

    assert held == 39
    assert shown(venue, waits)["cancel_message"] == "Liquidation of the futures account"
    assert venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert summary(venue)["liquidation_buffer_amount"] >= 0
    assert [one.order["order_type"] for one in updates][-1] == "Liquidation"
    assert futures_of(again) == futures_of(venue)


def test_while_it_is_liquidated_an_account_may_only_reduce() -> None:
    """The book could not take all of its position."""
    venue = a_contract_venue([62_000, 62_000, 50_000, 50_000], "7600", level_count=1)
    place(venue, a_limit("a", "BUY", "62000", "45", product_id=BIP_ID))
    for _ in range(2):
        venue.advance()
    held = position(venue)[0]
    closed, _ = venue.close_position({"client_order_id": "c", "product_id": BIP_ID})
    exit_body = a_limit("e", "SELL", "53000", "1", product_id=BIP_ID, reduce_only=True)
    leaves = shown(venue, place(venue, exit_body))

    assert 0 < held < 45
    assert refused(venue, a_limit("b", "SELL", "53000", "1", product_id=BIP_ID)) == "IN_LIQUIDATION"
    assert closed["error_response"]["error"] == "INVALID_NO_LIQUIDITY"
    assert leaves["cancel_message"] == "Liquidation of the futures account"


@pytest.mark.parametrize(
    "changed",
    [
        {"taker_fee": BITCOIN.taker_fee + 1},
        {"maker_fee": 0},
        {"liquidation_fee": 0},
        {"overnight": BITCOIN.intraday},
        {"intraday": BITCOIN.overnight},
        {"expiry_ns": BITCOIN.expiry_ns + 1},
    ],
)
def test_a_journal_is_for_the_terms_it_was_written_with(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    """Other rates or fees would make another past of the same orders."""
    tape = a_contract_tape(FLAT)
    _, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()
    part = tape.parts[BIP_ID]
    part.product = replace(BIP, contract=replace(BITCOIN, **changed))

    with pytest.raises(JournalError, match="another margin rate, fee or expiry of a contract"):
        a_kept_venue(tape, RULES, tmp_path)


def test_the_evening_liquidates_what_only_intraday_margin_carried(tmp_path: Path) -> None:
    """At real speed no trade tells a restart of it; the clock's line in the journal does."""
    tape = synthetic_tape(7, [BTC, BIP], 1330)
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    venue.futures.choose_setting(SettingBody("INTRADAY_MARGIN_SETTING_INTRADAY"), venue.now_ns)
    place(venue, a_limit("a", "BUY", "62500", "39", product_id=BIP_ID))
    evening_ns = tape.begin_ns + 22 * 3600 * SECOND_NS
    while venue.round < 1319:
        venue.advance()
    while (venue.due_ns() or 0) < evening_ns:
        venue.advance_item()
    held = position(venue)[0]
    venue.advance_clock(evening_ns)
    journal.close()

    again, journal = a_kept_venue(tape, RULES, tmp_path)
    journal.close()

    ended = venue.orders({"order_types": ["LIQUIDATION"]})["orders"]
    assert held == 39
    assert [one["created_time"] for one in ended] == ["2026-01-05T22:00:00Z"]
    assert futures_of(again) == futures_of(venue)
