"""The mark: of a live quote if there is one, and as old as what it was made from."""

from decimal import Decimal

import pytest

from gpt_trader.domain.events import QuoteSeen, TradesSeen
from gpt_trader.engine.market import QUOTE_LAG_NS, Market
from gpt_trader.strategies.registry import strategy_named
from tests.builders import START_NS, a_product, a_trade, an_opening

SECOND_NS = 1_000_000_000


def a_market() -> Market:
    opened = an_opening()
    return Market(a_product(), opened, strategy_named(opened.strategy))


def quote(market: Market, bid: str, ask: str, at_s: int = 0) -> None:
    prices = Decimal(bid), Decimal(ask)
    ts_ns = START_NS + at_s * SECOND_NS
    market.quote(QuoteSeen(ts_ns, "BTC-USD", *prices, last_price=prices[0]))


def trade(market: Market, trade_id: int, price: str, at_s: int = 0) -> None:
    one = a_trade(trade_id, price, at_s=at_s)
    market.trades(TradesSeen(one.ts_ns, "BTC-USD", (one,)))


def test_the_mark_is_the_middle_of_the_quote() -> None:
    market = a_market()

    quote(market, "19999.00", "20001.00")

    assert market.mark_ticks == 2_000_000
    assert market.mark_ns == START_NS


def test_before_a_quote_the_mark_is_the_last_trade() -> None:
    market = a_market()

    trade(market, 1, "20000.00", at_s=7)

    assert market.mark_ticks == 2_000_000
    assert market.mark_ns == START_NS + 7 * SECOND_NS
    assert market.bid_ticks == 0


def test_a_trade_does_not_make_an_old_quote_young() -> None:
    market = a_market()
    quote(market, "19999.00", "20001.00")

    trade(market, 1, "20000.00", at_s=5)

    assert market.mark_ns == START_NS


def test_a_dead_quote_beside_living_trades_gives_way_to_them() -> None:
    """Equity, losses, collar and exits on a price of an hour ago would all be wrong."""
    market = a_market()
    quote(market, "19999.00", "20001.00")

    trade(market, 1, "15000.00", at_s=QUOTE_LAG_NS // SECOND_NS + 1)

    assert market.mark_ticks == market.bid_ticks == market.ask_ticks == 1_500_000
    assert market.mark_ns == START_NS + QUOTE_LAG_NS + SECOND_NS


def test_a_quote_that_comes_late_changes_nothing() -> None:
    market = a_market()
    quote(market, "19999.00", "20001.00", at_s=5)

    quote(market, "10000.00", "10001.00", at_s=4)

    assert market.mark_ticks == 2_000_000


def test_a_price_between_two_steps_does_not_stop_us() -> None:
    market = a_market()

    quote(market, "19999.005", "20001.005")

    assert market.mark_ticks == 2_000_000


@pytest.mark.parametrize(("bid", "ask"), [("1999900.00", "2000100.00"), ("199.99", "200.01")])
def test_a_quote_far_from_all_that_is_known_is_not_believed(bid: str, ask: str) -> None:
    """A misplaced digit would value the account anew, reach stops, and size the next order."""
    market = a_market()
    quote(market, "19999.00", "20001.00")
    trade(market, 1, "20000.00", at_s=1)

    quote(market, bid, ask, at_s=2)

    assert market.quote_is_odd
    assert (market.bid_ticks, market.mark_ticks, market.ask_ticks) == (
        1_999_900,
        2_000_000,
        2_000_100,
    )
    quote(market, "20009.00", "20011.00", at_s=3)
    assert not market.quote_is_odd
    assert market.mark_ticks == 2_001_000


def test_a_quote_at_which_something_trades_is_believed_however_far() -> None:
    market = a_market()
    quote(market, "19999.00", "20001.00")
    quote(market, "7999.00", "8001.00", at_s=1)
    trade(market, 1, "8000.00", at_s=2)

    quote(market, "7998.00", "8002.00", at_s=3)

    assert not market.quote_is_odd
    assert market.mark_ticks == 800_000


def test_a_price_of_a_few_increments_may_double_and_more() -> None:
    market = a_market()
    quote(market, "0.01", "0.03")

    quote(market, "0.05", "0.07", at_s=1)

    assert (market.quote_is_odd, market.mark_ticks) == (False, 6)
    quote(market, "0.26", "0.28", at_s=2)
    assert market.quote_is_odd


def test_half_and_double_are_still_believed() -> None:
    market = a_market()
    quote(market, "19999.00", "20001.00")

    for bid, ask in (("9999.00", "10001.00"), ("19999.00", "20001.00")):
        quote(market, bid, ask)
        assert not market.quote_is_odd


def test_an_odd_quote_is_remembered_in_a_snapshot() -> None:
    market, other = a_market(), a_market()
    quote(market, "19999.00", "20001.00")
    quote(market, "1.00", "2.00")

    other.thaw(market.freeze())

    assert other.quote_is_odd
