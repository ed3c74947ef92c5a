"""Random sessions: money adds up to the last unit, and a restart at any point changes nothing."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import product as pairs
from pathlib import Path

import pytest

from gpt_trader.exchange.journal import FILE_NAME, Journal, JournalError
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.rules import Duplicate, FeeRounding, VenueRules, default_rules
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    BTC,
    ETH_BTC,
    START_S,
    Wire,
    a_body,
    a_candle_tape,
    a_kept_venue,
    a_limit,
    a_print_tape,
    balance,
    everything,
    place,
)
from tests.tier import scaled

RULES = default_rules(1)
UNIT = Decimal("1e-8")


def random_body(draw: random.Random, venue: Venue, number: int) -> Wire:
    """An order near the market, of any kind, sometimes too large or a repetition."""
    product = draw.choice((BTC, ETH_BTC))
    best = venue.best_bid_ask({"product_ids": [product.product_id]})["pricebooks"][0]
    levels = best["bids"] or [{"price": "1"}]
    step = Decimal(product.price_text(1))
    shift = draw.choice((0, 1, -1, -5, 5, -20, 20, -60, 60)) * max(1, draw.randint(0, 40))
    price = max(step, Decimal(levels[0]["price"]) + step * shift)
    size = draw.choice((1, 3, 10**3, 10**6, 10**7, 4 * 10**7)) * draw.randint(1, 9)
    limit = {"base_size": product.base_text(size), "limit_price": format(price.normalize(), "f")}
    name = f"order-{number if draw.random() < 0.95 else draw.randint(0, number)}"
    side = draw.choice(("BUY", "SELL"))
    kind = draw.randrange(10)
    if kind == 0:
        fields: Wire = {"base_size": limit["base_size"]}
        return a_body(name, side, "market_market_ioc", product.product_id, **fields)
    if kind == 1:
        money = "0.02" if product is ETH_BTC else str(draw.choice((1, 17, 950, 40_000)))
        return a_body(name, "BUY", "market_market_ioc", product.product_id, quote_size=money)
    minute = min(59, (venue.now_ns // 10**9 - START_S) // 60 + draw.randint(0, 20))
    end = {"end_time": f"2026-01-05T00:{minute:02}:30Z"}
    if kind == 2:
        return a_body(name, side, "limit_limit_gtd", product.product_id, **end, **limit)
    if kind in (3, 4):
        configuration = ("limit_limit_fok", "sor_limit_ioc")[kind - 3]
        return a_body(name, side, configuration, product.product_id, **limit)
    if kind > 6:
        return random_trigger(draw, name, price, step, {"base_size": limit["base_size"]} | end)
    post_only = kind == 5
    body = a_body(name, side, "limit_limit_gtc", product.product_id, post_only=post_only, **limit)
    if side == "SELL" or draw.random() < 0.6:
        return body
    gain, loss = (format((price + step * wide).normalize(), "f") for wide in (900, -900))
    exits = {"limit_price": gain, "stop_trigger_price": loss}
    return body | {"attached_order_configuration": {"trigger_bracket_gtc": exits}}


def random_trigger(
    draw: random.Random, name: str, price: Decimal, step: Decimal, fields: Wire
) -> Wire:
    """A stop or a bracket around a price; most of them stand on the right side of the market."""
    product = BTC if step == Decimal(BTC.price_text(1)) else ETH_BTC
    wide = step * (1500 if product is BTC else 6)
    buys, rises = draw.random() < 0.4, draw.random() < 0.5
    above, below = (
        format(max(step, price + wide * draw.randint(0, 9) * sign).normalize(), "f")
        for sign in (1, -1)
    )
    side = "BUY" if buys else "SELL"
    if draw.random() < 0.5:
        gain, loss = (below, above) if buys else (above, below)
        fields |= {"limit_price": gain, "stop_trigger_price": loss}
        return a_body(name, side, "trigger_bracket_gtd", product.product_id, **fields)
    stop = Decimal(above if rises else below)
    limit = max(step, stop + (wide if buys else -wide) * draw.randint(0, 2))
    fields |= {"stop_price": format(stop, "f"), "limit_price": format(limit.normalize(), "f")}
    fields["stop_direction"] = f"STOP_DIRECTION_STOP_{'UP' if rises else 'DOWN'}"
    return a_body(name, side, "stop_limit_stop_limit_gtd", product.product_id, **fields)


def random_edit(draw: random.Random, venue: Venue) -> Wire:
    """An edit of an order that waits, if one does: another price, another size or both."""
    waiting = [order for order in venue.user_snapshot()[0] if order["status"] == "OPEN"]
    if not waiting:
        return {"order_id": "nobodys", "price": "1", "size": "1"}
    order = draw.choice(waiting)
    step = Decimal(BTC.price_text(1) if order["product_id"] == "BTC-USD" else ETH_BTC.price_text(1))
    price = Decimal(order["limit_price"]) + step * draw.choice((0, 0, -700, 700, -3, 3))
    size = (
        Decimal(order["cumulative_quantity"]) + Decimal(order["leaves_quantity"])
    ) * draw.choice((1, 2, Decimal("0.5")))
    exact = size.quantize(Decimal("1e-8"))
    stop = {} if order["order_type"] == "Limit" else {"stop_price": order["stop_price"]}
    return {
        "order_id": order["order_id"],
        "price": format(max(step, price), "f"),
        "size": format(exact, "f"),
        **stop,
    }


def random_session(venue: Venue, seed: int) -> Iterator[None]:
    """Plays a tape with random commands; yields after each step."""
    draw = random.Random(seed)
    number = 0
    while venue.due_ns() is not None:
        if draw.random() < 0.7:
            venue.advance()
        else:
            venue.advance_item()
        yield
        for _ in range(draw.choice((0, 0, 1, 2, 3))):
            if draw.random() < 0.2:
                waiting = [order["order_id"] for order in venue.user_snapshot()[0]]
                venue.cancel_orders(draw.sample(waiting, min(2, len(waiting))))
            elif draw.random() < 0.25:
                venue.edit_order(random_edit(draw, venue))
            else:
                number += 1
                venue.create_order(random_body(draw, venue, number))
            yield


def a_random_tape(seed: int) -> Tape:
    return a_candle_tape(45, seed, (BTC, ETH_BTC))


def random_rules(seed: int) -> VenueRules:
    draw = random.Random(seed)
    dust = {"USD": Decimal("1000.00000001"), "BTC": Decimal("0.01234567"), "ETH": Decimal("0.3")}
    return replace(
        default_rules(seed),
        balances=draw.choice((default_rules(1).balances, dust)),
        fee_rounding=draw.choice(list(FeeRounding)),
        max_open_orders=draw.choice((3, 500)),
        duplicate_client_order_id=draw.choice(list(Duplicate)),
    )


def check_money(venue: Venue, rules: VenueRules) -> None:
    """Recompute all balances and holds from what the exchange shows of fills and orders."""
    totals: dict[str, Decimal] = defaultdict(Decimal, rules.balances)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    fills = venue.fills({"limit": ["1000"]})
    assert not fills["cursor"]
    for fill in fills["fills"]:
        base, quote = fill["product_id"].split("-")
        size, fee = Decimal(fill["size"]), Decimal(fill["commission"])
        exact = Decimal(fill["price"]) * size
        filled[fill["order_id"]] += size
        if fill["side"] == "BUY":
            paid = (exact / UNIT).to_integral_value(ROUND_CEILING) * UNIT
            totals[base] += size
            totals[quote] -= paid + fee
        else:
            got = (exact / UNIT).to_integral_value(ROUND_FLOOR) * UNIT
            totals[base] -= size
            totals[quote] += got - fee
    held: dict[str, Decimal] = defaultdict(Decimal)
    for order in venue.orders({})["orders"]:
        base, quote = order["product_id"].split("-")
        held[quote if order["side"] == "BUY" else base] += Decimal(order["outstanding_hold_amount"])
        assert Decimal(order["filled_size"]) == filled[order["order_id"]]
        if order["status"] != "OPEN":
            assert order["outstanding_hold_amount"] == "0"
    for wallet in venue.accounts({"limit": ["250"]})["accounts"]:
        name = wallet["currency"]
        free, hold = Decimal(wallet["available_balance"]["value"]), Decimal(wallet["hold"]["value"])
        assert min(free, hold) >= 0
        assert (free + hold, hold) == (totals[name], held[name]), name


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_money_adds_up_to_the_last_unit_in_any_session(seed: int) -> None:
    rules = random_rules(seed)
    venue = Venue(a_random_tape(seed), rules, None)

    for _ in random_session(venue, seed):
        check_money(venue, rules)


def test_the_random_sessions_meet_every_kind_of_end() -> None:
    """Else the tests around this one would prove little."""
    states, kinds, rejected, fired, started = set(), set(), set(), set(), set()
    partial, edited = 0, 0

    for seed in range(12):
        venue = Venue(a_random_tape(seed), random_rules(seed), None)
        for _ in random_session(venue, seed):
            pass
        orders = venue.orders({})["orders"]
        states |= {order["status"] for order in orders}
        kinds |= {fill["liquidity_indicator"] for fill in venue.fills({"limit": ["1000"]})["fills"]}
        fired |= {(order["order_type"], order["trigger_status"]) for order in orders}
        started |= {one["status"] for one in orders if one["originating_order_id"]}
        edited += sum(bool(order["edit_history"]) for order in orders)
        partial += sum(int(order["number_of_fills"]) > 1 for order in orders)
        draw = random.Random(seed)
        for number in range(20):
            answer, _ = venue.create_order(random_body(draw, venue, 1000 + number))
            rejected.add(answer.get("error_response", {}).get("error"))

    assert states - {"PENDING"} == {"OPEN", "FILLED", "CANCELLED", "EXPIRED", "FAILED"}
    assert kinds == {"MAKER", "TAKER"}
    assert fired >= set(pairs(("STOP_LIMIT", "BRACKET"), ("STOP_PENDING", "STOP_TRIGGERED")))
    assert partial > 50
    assert edited > 5
    assert started >= {"FILLED", "CANCELLED"}
    assert rejected >= {None, "INSUFFICIENT_FUND", "INVALID_LIMIT_PRICE_POST_ONLY"}


@pytest.mark.parametrize("seed", range(scaled(200)))
def test_a_restart_at_any_point_gives_the_same_exchange(seed: int, tmp_path: Path) -> None:
    rules = random_rules(seed)
    venue, journal = a_kept_venue(a_random_tape(seed), rules, tmp_path)
    stop = random.Random(seed).randint(1, 100)

    for step, _ in enumerate(random_session(venue, seed)):
        if step == stop:
            break
    journal.close()
    again, kept = a_kept_venue(a_random_tape(seed), rules, tmp_path)

    assert everything(again) == everything(venue)
    kept.close()


@pytest.mark.parametrize("seed", range(scaled(50)))
def test_a_restart_does_not_change_what_follows(seed: int, tmp_path: Path) -> None:
    rules = random_rules(seed)
    whole = Venue(a_random_tape(seed), rules, None)
    venue, journal = a_kept_venue(a_random_tape(seed), rules, tmp_path)
    draw = random.Random(seed)

    for number in range(whole.rounds):
        body = random_body(draw, whole, number)
        assert venue.create_order(body) == whole.create_order(body)
        edit = random_edit(draw, whole)
        assert venue.edit_order(edit) == whole.edit_order(edit)
        if number % 7 == 3:
            journal.close()
            venue, journal = a_kept_venue(a_random_tape(seed), rules, tmp_path)
        ours, theirs = venue.advance(), whole.advance()
        assert (ours.user, ours.trades, ours.tickers) == (
            theirs.user,
            theirs.trades,
            theirs.tickers,
        )

    assert everything(venue) == everything(whole)
    journal.close()


@pytest.mark.parametrize("seed", range(scaled(50)))
def test_item_by_item_is_the_same_as_round_by_round(seed: int) -> None:
    rules = random_rules(seed)
    venues = [Venue(a_random_tape(seed), rules, None) for _ in range(2)]
    draws = [random.Random(seed) for _ in venues]

    for number in range(venues[0].rounds):
        venues[0].advance()
        while venues[1].round < venues[0].round:
            venues[1].advance_item()
        for venue, draw in zip(venues, draws, strict=True):
            venue.create_order(random_body(draw, venue, number))
            venue.edit_order(random_edit(draw, venue))
        assert everything(venues[0]) == everything(venues[1])


@pytest.mark.parametrize("seed", range(scaled(50)))
def test_the_user_channel_alone_tells_every_orders_end(seed: int) -> None:
    venue = Venue(a_random_tape(seed), random_rules(seed), None)
    draw = random.Random(seed)
    last: dict[str, Wire] = {}

    for number in range(venue.rounds):
        updates = venue.advance().user
        updates += venue.create_order(random_body(draw, venue, number))[1]
        for update in updates:
            former = last.get(update.order["order_id"])
            assert former is None or former["status"] in ("PENDING", "OPEN")
            last[update.order["order_id"]] = update.order

    for order in venue.orders({})["orders"]:
        told = last[order["order_id"]]
        assert told["status"] == order["status"]
        assert told["cumulative_quantity"] == order["filled_size"]
        assert told["total_fees"] == order["total_fees"]
        assert told["number_of_fills"] == order["number_of_fills"]


def test_an_order_is_in_the_journal_before_it_is_answered(tmp_path: Path) -> None:
    venue, journal = a_kept_venue(a_candle_tape(20, 1), RULES, tmp_path)
    venue.advance()

    order_id = place(venue, a_limit("c", "BUY", "1", "1"))

    assert order_id in (tmp_path / FILE_NAME).read_text().splitlines()[-1]
    journal.close()


def test_an_order_that_cannot_be_written_down_does_not_exist(tmp_path: Path) -> None:
    venue, journal = a_kept_venue(a_candle_tape(20, 1), RULES, tmp_path)
    venue.advance()
    before = everything(venue)
    journal.close()

    with pytest.raises(JournalError):
        venue.create_order(a_limit("c", "BUY", "1", "1"))

    assert everything(venue) == before


def test_a_journal_of_another_tape_or_other_rules_is_refused(tmp_path: Path) -> None:
    a_kept_venue(a_candle_tape(20, 1), RULES, tmp_path)[1].close()

    with pytest.raises(JournalError, match="another tape"):
        a_kept_venue(a_candle_tape(21, 1), RULES, tmp_path)
    with pytest.raises(JournalError, match="another rules"):
        rules = replace(RULES, max_open_orders=7)
        a_kept_venue(a_candle_tape(20, 1), rules, tmp_path)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (["round", 99], "names round 99"),
        (["create", 1, "no-such-order", {}], "a malformed order: client_order_id is required"),
        (["edit", 1, {}], "a malformed edit: order_id is required"),
        (["unheard"], "does not know"),
    ],
)
def test_a_journal_that_cannot_be_repeated_is_refused(
    tmp_path: Path, record: list[object], words: str
) -> None:
    tape = a_candle_tape(20, 1)
    journal = Journal(tmp_path, journal_header(tape, RULES), sync=False)
    journal.write_command(["begin", tape.begin_ns])
    journal.write_command(record)
    journal.close()

    with pytest.raises(JournalError, match=words):
        a_kept_venue(tape, RULES, tmp_path)


def test_a_revised_fee_outlives_a_restart_and_is_never_more_than_can_be_paid(
    tmp_path: Path,
) -> None:
    tape = a_print_tape([(60.0 * at, 6_200_000, 10**9, True) for at in range(5)])
    venue, journal = a_kept_venue(tape, RULES, tmp_path)
    venue.advance()
    bought = place(venue, a_limit("a", "BUY", "63000", "0.1"))
    sold = place(venue, a_limit("b", "SELL", "61000", "0.05"))
    [sale] = venue.fills({"order_ids": [sold]})["fills"]
    buy = venue.fills({"order_ids": [bought]})["fills"][0]
    free, _ = balance(venue, "USD")
    brought = Decimal(sale["price"]) * Decimal(sale["size"])

    venue.revise_fee(sale["trade_id"], 10**30)
    all_of_it, _ = balance(venue, "USD")
    venue.revise_fee(buy["trade_id"], 0)
    journal.close()

    again, kept = a_kept_venue(tape, RULES, tmp_path)
    assert everything(again) == everything(venue)
    kept.close()
    assert all_of_it == free - (brought - Decimal(sale["commission"])).quantize(UNIT)
    assert balance(venue, "USD")[0] == all_of_it + Decimal(buy["commission"])
    fees = [row["commission"] for row in venue.fills({})["fills"]]
    assert Decimal(fees[0]) == brought.quantize(UNIT)
    total = sum(Decimal(fee) for fee in fees)
    assert venue.transaction_summary()["total_fees"] == float(total)
