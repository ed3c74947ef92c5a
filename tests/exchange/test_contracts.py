"""Contracts as products: what is listed, what their market is, mark price and funding rate."""

from decimal import Decimal
from fractions import Fraction

import pytest

from gpt_trader.exchange.catalog import UnknownProduct, find_contract, find_product
from gpt_trader.exchange.contract_tape import contract_trades
from gpt_trader.exchange.contracts import BITCOIN
from gpt_trader.exchange.market import Market
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape, TapeError, assemble
from gpt_trader.exchange.timestamps import SECOND_NS
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import BIP, BIP_ID, BTC, COIN, START_S, print_columns
from tests.exchange.serving import some_rules

HOUR = 60  # rounds


@pytest.fixture(scope="module")
def market() -> Tape:
    """A day of Bitcoin and its contract."""
    return synthetic_tape(7, [BTC, BIP], 1440)


def test_a_contract_has_coinbases_size_and_steps() -> None:
    assert [BIP.price_text(ticks) for ticks in (1, 12_400)] == ["5", "62000"]
    assert [BIP.ticks(Decimal(text)) for text in ("62000", "62001", "62002.5")] == [
        12_400,
        None,
        None,
    ]
    assert Fraction(*BIP.tick_value()) == 5 * 10**8 * Fraction("0.01")
    with pytest.raises(UnknownProduct, match="known are BIP-20DEC30-CDE"):
        find_contract("BTC-USD")


def test_a_contract_trades_near_its_spot_market_and_is_not_the_same(market: Tape) -> None:
    spot, contract = market.parts["BTC-USD"], market.parts[BIP_ID]
    premiums = [
        5 * there / (here / 100) - 1
        for here, there in zip(spot.prices, contract.prices, strict=True)
    ]

    assert contract.times_ns == spot.times_ns
    assert max(map(abs, premiums)) < 0.005
    assert min(premiums) < 0 < max(premiums)
    assert len(set(contract.prices)) > 100


def test_the_spot_market_does_not_change_by_its_contract(market: Tape) -> None:
    alone = synthetic_tape(7, [BTC], 100)
    longer = market.parts[BIP_ID]
    shorter = synthetic_tape(7, [BTC, BIP], 100).parts[BIP_ID]

    assert market.parts["BTC-USD"].prices[: 4 * 100] == alone.parts["BTC-USD"].prices
    assert longer.prices[: len(shorter.prices)] == shorter.prices


def test_a_contract_without_its_spot_market_is_refused() -> None:
    with pytest.raises(TapeError, match="follows BTC-USD: trade that here too"):
        synthetic_tape(7, [find_product("ETH-USD"), BIP], 5)


def test_nothing_is_traded_after_the_contract_has_ended() -> None:
    seconds = BITCOIN.expiry_ns // SECOND_NS - START_S
    before, after = (print_columns([(seconds + off, 6_200_000, COIN, True)]) for off in (-1, 0))

    assert contract_trades(BIP, before, 1).prices.size == 1
    with pytest.raises(TapeError, match="ends at 2030-12-20T16:00:00Z: play fewer candles"):
        contract_trades(BIP, after, 1)


def test_all_that_the_market_tells_of_a_contract_is_in_its_steps(market: Tape) -> None:
    venue = Venue(market, some_rules(futures_balance=Decimal(1)), None)
    for _ in range(10):
        venue.advance()

    book = venue.product_book({"product_id": [BIP_ID]})
    grouped = venue.product_book({"product_id": [BIP_ID], "aggregation_price_increment": ["50"]})
    candles = venue.candles(BIP_ID, {"granularity": ["ONE_MINUTE"]})["candles"]
    trades = venue.trades(BIP_ID, {"limit": ["40"]})["trades"]
    ticker = venue.snapshot("ticker", BIP_ID)[0]["tickers"][0]

    sides = (*book["pricebook"]["bids"], *book["pricebook"]["asks"])
    prices = [one["price"] for one in (*sides, *trades)]
    prices += [one[name] for one in candles for name in ("open", "high", "low", "close")]
    prices += [ticker[name] for name in ("price", "best_bid", "best_ask", "low_24_h")]
    assert len(candles) == 10
    assert all(int(price) % 5 == 0 for price in prices)
    assert all(int(one["price"]) % 50 == 0 for one in grouped["pricebook"]["bids"])
    assert sum(int(one["volume"]) for one in candles) == sum(int(one["size"]) for one in trades)
    with pytest.raises(BadRequest, match="no multiple of the price step"):
        venue.product_book({"product_id": [BIP_ID], "aggregation_price_increment": ["3"]})


def test_the_settlement_price_is_the_mark_at_the_end_of_the_trading_day(market: Tape) -> None:
    venue, beside = Venue(market, some_rules(), None), Market(market, some_rules())
    settled = []
    for round_number in (1319, 1320, 1321, 1439):
        while venue.round < round_number:
            venue.advance()
        settled.append(venue.product(BIP_ID)["future_product_details"]["settlement_price"])
    beside.cursor.jump(1320)

    mark = BIP.price_text(beside.mark_price(BIP_ID) or 0)
    assert settled == ["", mark, mark, mark]


def test_products_are_listed_by_type_and_expiry(market: Tape) -> None:
    venue = Venue(market, some_rules(futures_balance=Decimal(1)), None)
    venue.advance()

    def listed(**query: str) -> set[str]:
        found = venue.products({name: [value] for name, value in query.items()})["products"]
        return {one["product_id"] for one in found}

    assert listed() == {"BTC-USD", BIP_ID}
    assert listed(product_type="SPOT") == {"BTC-USD"}
    assert listed(product_type="FUTURE") == {BIP_ID}
    assert listed(product_type="FUTURE", contract_expiry_type="EXPIRING") == {BIP_ID}
    assert listed(product_type="FUTURE", contract_expiry_type="PERPETUAL") == set()


@pytest.mark.parametrize(
    ("last", "mark"), [(62_000, 62_000), (62_310, 62_310), (62_315, 62_310), (60_000, 61_690)]
)
def test_a_single_print_does_not_move_the_mark_away_from_the_index(last: int, mark: int) -> None:
    """It follows the last trade within half a percent of the index."""
    spot = print_columns([(0, 6_200_000, COIN, False)])
    tape = assemble(1, 60, [spot, print_columns([(1, last // 5, 1, False)], BIP)])
    market = Market(tape, default_rules(1))

    assert market.mark_price(BIP_ID) is None
    market.cursor.jump(1)
    assert market.mark_price(BIP_ID) == mark // 5


def test_the_funding_rate_is_the_premium_of_the_hours_begin_paid_off_in_a_day(market: Tape) -> None:
    venue = Venue(market, some_rules(futures_balance=Decimal(1)), None)
    beside = Market(market, some_rules())
    rates = []
    for round_number in range(1, 1440):
        venue.advance()
        if round_number % HOUR:
            continue
        beside.cursor.jump(round_number)
        index = Decimal(market.parts["BTC-USD"].prices[4 * round_number - 1]) / 100
        premium = (5 * (beside.mark_price(BIP_ID) or 0) - index) / index
        shown = venue.product(BIP_ID)["future_product_details"]
        rates.append(Decimal(shown["funding_rate"]))
        assert shown["funding_time"].endswith(":00:00Z")
        assert abs(rates[-1] - premium / 24) < Decimal("0.000001")
        assert Decimal(shown["index_price"]) == index

    assert min(rates) < 0 < max(rates)
