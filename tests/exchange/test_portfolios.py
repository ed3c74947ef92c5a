"""Portfolios and conversions: funds move, never appear; the journal brings all of it back."""

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.exchange.conversions import PairBody, QuoteBody
from gpt_trader.exchange.portfolios import Funds, MoveBody, NameBody
from gpt_trader.exchange.refusals import BadRequest, NotFound, Refusal
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import (
    a_body,
    a_candle_tape,
    a_kept_venue,
    a_limit,
    amounts,
    balance,
    place,
)
from tests.exchange.serving import a_venue
from tests.tier import scaled

DEALS = 10_000


@pytest.fixture
def venue() -> Venue:
    served = a_venue(rounds=20)
    served.advance()
    return served


def key_portfolio(venue: Venue) -> str:
    uuid = venue.key_permissions()["portfolio_uuid"]
    assert isinstance(uuid, str)
    return uuid


def make(venue: Venue, name: str) -> str:
    uuid = venue.portfolios.create(NameBody(name))["portfolio"]["uuid"]
    assert isinstance(uuid, str)
    return uuid


def move(venue: Venue, value: str, currency: str, source: str, target: str) -> None:
    venue.portfolios.move(MoveBody(Funds(value, currency), source, target))


def held(venue: Venue, portfolio_id: str) -> dict[str, float]:
    positions = venue.portfolio_breakdown(portfolio_id)["breakdown"]["spot_positions"]
    return {one["asset"]: one["total_balance_crypto"] for one in positions}


def totals(venue: Venue) -> Counter[str]:
    """All that is owned, over all portfolios, in units of 1e-8; USD and USDC are one."""
    total: Counter[str] = Counter()
    for one in venue.portfolios.list({})["portfolios"]:
        accounts = venue.portfolios.find(one["uuid"]).accounts
        for name, units in (*accounts.available.items(), *accounts.hold.items()):
            total["USD" if name == "USDC" else name] += units
    return total


def test_a_portfolio_is_made_renamed_filled_emptied_and_deleted(venue: Venue) -> None:
    mine, second = key_portfolio(venue), make(venue, "Savings")

    venue.portfolios.edit(second, NameBody("Rainy day"))
    move(venue, "250.5", "USD", mine, second)
    listed = venue.portfolios.list({})["portfolios"]
    kept = held(venue, second)
    with pytest.raises(BadRequest, match="move them first"):
        venue.portfolios.delete(second)
    move(venue, "250.5", "USD", second, mine)

    assert [(one["name"], one["type"], one["deleted"]) for one in listed] == [
        ("Default", "DEFAULT", False),
        ("Rainy day", "CONSUMER", False),
    ]
    assert kept == {"USD": 250.5}
    assert venue.portfolios.delete(second) == {}
    with pytest.raises(NotFound):
        venue.portfolio_breakdown(second)
    assert balance(venue, "USD") == amounts("100000", "0")


def test_what_orders_hold_cannot_be_moved(venue: Venue) -> None:
    mine, second = key_portfolio(venue), make(venue, "Savings")
    place(venue, a_limit("a", "SELL", "90000", "0.4"))

    with pytest.raises(BadRequest, match=r"less than 0\.2 BTC"):
        move(venue, "0.2", "BTC", mine, second)
    move(venue, "0.1", "BTC", mine, second)

    assert balance(venue, "BTC") == amounts("0", "0.4")


@pytest.mark.parametrize(
    ("value", "currency", "sentence"),
    [
        ("0", "USD", "no amount above 0"),
        ("-5", "USD", "no amount above 0"),
        ("1e3", "USD", "no amount above 0"),
        ("0.000000001", "USD", "at most 8 decimals"),
        ("100000.00000001", "USD", "less than"),
        ("1", "XYZ", "less than"),
    ],
)
def test_an_amount_that_is_none_or_not_there_moves_nothing(
    venue: Venue, value: str, currency: str, sentence: str
) -> None:
    second = make(venue, "Savings")
    before = totals(venue)

    with pytest.raises(BadRequest, match=sentence):
        move(venue, value, currency, key_portfolio(venue), second)

    assert totals(venue) == before


def test_the_portfolio_that_trades_stays_and_names_are_unique(venue: Venue) -> None:
    mine = key_portfolio(venue)

    with pytest.raises(BadRequest, match="default portfolio"):
        venue.portfolios.delete(mine)
    for name in ("Default", " ", "x" * 101):
        with pytest.raises(BadRequest, match="name"):
            venue.portfolios.create(NameBody(name))
    with pytest.raises(BadRequest, match="the same portfolio"):
        move(venue, "1", "USD", mine, mine)


def test_a_conversion_is_quoted_committed_once_and_can_be_read(venue: Venue) -> None:
    pair = {"from_account": ["USD"], "to_account": ["USDC"]}
    quote = venue.conversions.quote(QuoteBody("USD", "USDC", "1000"))["trade"]
    quoted = balance(venue, "USD")

    done = venue.conversions.commit(quote["id"], PairBody("USD", "USDC"))["trade"]

    assert (quote["status"], done["status"]) == ("TRADE_STATUS_CREATED", "TRADE_STATUS_COMPLETED")
    assert quoted == amounts("100000", "0")
    assert balance(venue, "USD") == amounts("99000", "0")
    assert balance(venue, "USDC") == amounts("1000", "0")
    assert venue.conversions.trade(quote["id"], pair)["trade"] == done
    with pytest.raises(BadRequest, match="already committed"):
        venue.conversions.commit(quote["id"], PairBody("USD", "USDC"))


def test_wallet_ids_name_a_pair_too_and_another_pair_is_refused(venue: Venue) -> None:
    wallet = next(one["uuid"] for one in venue.accounts({})["accounts"] if one["currency"] == "USD")
    quote = venue.conversions.quote(QuoteBody(wallet, "USDC", "1"))["trade"]

    with pytest.raises(BadRequest, match="from USD to USDC"):
        venue.conversions.commit(quote["id"], PairBody("USDC", "USD"))
    with pytest.raises(BadRequest, match="cannot be converted"):
        venue.conversions.quote(QuoteBody("USD", "BTC", "1"))
    with pytest.raises(NotFound):
        venue.conversions.commit("unknown", PairBody("USD", "USDC"))


def test_more_than_there_is_cannot_be_committed(venue: Venue) -> None:
    quote = venue.conversions.quote(QuoteBody("USD", "USDC", "100001"))["trade"]

    with pytest.raises(BadRequest, match="there is less than 100001 USD"):
        venue.conversions.commit(quote["id"], PairBody("USD", "USDC"))

    assert balance(venue, "USD") == amounts("100000", "0")


def deal(venue: Venue, draw: random.Random, quotes: list[tuple[str, PairBody]]) -> None:
    """Do one random thing with funds; what is impossible is refused."""
    known = [one["uuid"] for one in venue.portfolios.list({})["portfolios"]]
    value = str(Decimal(draw.randint(1, 10 ** draw.randint(1, 13))).scaleb(-8))
    pair = draw.choice((("USD", "USDC"), ("USDC", "USD")))
    match draw.randrange(12):
        case 0:
            venue.portfolios.create(NameBody(f"P{draw.randrange(20)}"))
        case 1:
            venue.portfolios.delete(draw.choice(known))
        case 2:
            venue.portfolios.edit(draw.choice(known), NameBody(f"P{draw.randrange(20)}"))
        case 3 | 4:
            quote = venue.conversions.quote(QuoteBody(*pair, value))["trade"]
            quotes.append((quote["id"], PairBody(*pair)))
        case 5 | 6 if quotes:
            venue.conversions.commit(*draw.choice(quotes))
        case _:
            source, target = draw.choice(known), draw.choice(known)
            move(venue, value, draw.choice(("USD", "USDC", "BTC", "ETH")), source, target)


def test_random_deals_conserve_every_currency_and_a_restart_knows_them(tmp_path: Path) -> None:
    tape, rules, draw = a_candle_tape(45, 3), default_rules(1), random.Random(5)
    venue, journal = a_kept_venue(tape, rules, tmp_path)
    venue.advance()
    place(venue, a_limit("a", "BUY", "20000", "0.1"))
    place(venue, a_body("b", "SELL", "market_market_ioc", base_size="0.1"))
    before, done = totals(venue), Counter[bool]()
    quotes: list[tuple[str, PairBody]] = []

    for _ in range(scaled(DEALS)):
        try:
            deal(venue, draw, quotes)
            done[True] += 1
        except Refusal:
            done[False] += 1
        assert totals(venue) == before
    shown = [venue.portfolios.list({}), venue.accounts({"limit": ["250"]})]
    journal.close()
    again, journal = a_kept_venue(a_candle_tape(45, 3), rules, tmp_path)
    journal.close()

    assert min(done.values()) > scaled(DEALS) // 10
    assert [again.portfolios.list({}), again.accounts({"limit": ["250"]})] == shown
    for one in shown[0]["portfolios"]:
        assert held(again, one["uuid"]) == held(venue, one["uuid"])
    for trade_id, pair in quotes:
        query = {"from_account": [pair.from_account], "to_account": [pair.to_account]}
        assert again.conversions.trade(trade_id, query) == venue.conversions.trade(trade_id, query)
