"""X-USDC as another name of X-USD: one book, two wallets, market data under the dollar's name."""

from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.exchange.catalog import dollar_aliases, find_product
from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import a_body, a_limit, a_print_tape, amounts, balance, place
from tests.exchange.serving import a_venue as a_seeded_venue
from tests.exchange.serving import some_rules

BALANCES = {"USD": Decimal(1000), "USDC": Decimal(1000), "BTC": Decimal(1)}
BOTH = ("BTC-USD", "BTC-USDC")


@pytest.fixture
def venue() -> Venue:
    served = a_seeded_venue(rounds=30, usdc_alias=True, balances=BALANCES)
    served.advance()
    return served


def test_both_names_are_listed_and_name_each_other(venue: Venue) -> None:
    shown = {one["product_id"]: one for one in venue.products({})["products"]}

    assert set(shown) == set(BOTH)
    assert (shown["BTC-USD"]["alias"], shown["BTC-USD"]["alias_to"]) == ("", ["BTC-USDC"])
    assert (shown["BTC-USDC"]["alias"], shown["BTC-USDC"]["alias_to"]) == ("BTC-USD", [])
    assert shown["BTC-USDC"]["quote_currency_id"] == "USDC"
    for field in ("price", "best_bid_price", "price_increment", "volume_24h"):
        assert shown["BTC-USD"][field] == shown["BTC-USDC"][field]


def test_market_data_of_the_alias_come_under_the_dollars_name(venue: Venue) -> None:
    hub, feed = Hub(venue), Feed("", lambda frames: None)
    hub.add(feed)

    hub.subscribe(feed, "ticker", ["BTC-USDC"])
    hub.subscribe(feed, "user", ["BTC-USDC"])

    assert feed.subscriptions("me") == {"ticker": ["BTC-USD"], "user": ["me"]}
    hub.unsubscribe(feed, "ticker", ["BTC-USDC"])
    assert feed.subscription("ticker") is None


def test_an_order_by_the_alias_pays_from_its_own_wallet_and_keeps_its_name(venue: Venue) -> None:
    order_id = place(
        venue, a_body("a", "BUY", "market_market_ioc", product_id="BTC-USDC", quote_size="100")
    )

    order, fill = venue.order(order_id)["order"], venue.fills({})["fills"][0]
    assert order["product_id"] == fill["product_id"] == "BTC-USDC"
    spent = Decimal(order["total_value_after_fees"])
    assert balance(venue, "USDC") == (1000 - spent, Decimal(0))
    assert balance(venue, "USD") == amounts("1000", "0")
    assert balance(venue, "BTC")[0] == 1 + Decimal(order["filled_size"])


def test_orders_of_both_names_meet_in_one_book() -> None:
    """An order against one's own under the other name is a trade with oneself."""
    rules = some_rules(usdc_alias=True, balances=BALANCES)
    venue = Venue(a_print_tape([(1, 6_000_000, 10, True), (61, 6_000_000, 10, True)]), rules, None)
    venue.advance()
    place(venue, a_limit("a", "SELL", "60000", "0.01"))

    order_id = place(venue, a_limit("b", "BUY", "60000", "0.01", product_id="BTC-USDC"))

    assert venue.order(order_id)["order"]["cancel_message"] == "Self trade prevented"


def test_a_trade_fills_what_waits_under_either_name() -> None:
    rules = some_rules(usdc_alias=True, balances=BALANCES)
    prints = [(1, 6_000_000, 10, True), (61, 5_000_000, 2_000_000, True)]
    venue = Venue(a_print_tape(prints), rules, None)
    venue.advance()
    orders = [
        place(venue, a_limit(name, "BUY", "55000", "0.01", product_id=product_id))
        for name, product_id in zip("ab", BOTH, strict=True)
    ]

    venue.advance()

    status: list[Any] = [venue.order(one)["order"]["status"] for one in orders]
    assert status == ["FILLED", "FILLED"]
    assert balance(venue, "BTC") == amounts("1.02", "0")


def test_a_market_of_its_own_is_no_alias() -> None:
    products = [find_product(one) for one in ("BTC-USD", "BTC-USDC", "ETH-USD", "ETH-BTC")]

    assert [one.product_id for one in dollar_aliases(products)] == ["ETH-USDC"]


def test_without_the_switch_there_are_no_aliases() -> None:
    assert not default_rules(1).usdc_alias
