"""A trade far from the one before it is not believed."""

import pytest

from gpt_trader.coinbase.leaps import Leaps
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import TradesSeen
from tests.builders import START_NS, a_trade


def trades(product_id: str, *prices: str) -> TradesSeen:
    told = tuple(a_trade(number, price) for number, price in enumerate(prices, 1))
    return TradesSeen(START_NS, product_id, told)


def test_what_a_connection_begins_with_is_believed() -> None:
    leaps = Leaps()

    leaps.check(trades("BTC-USD", "20000.00", "90.00", "60000.00"))
    leaps.check(trades("ETH-USD", "3000.00"))


@pytest.mark.parametrize("price", ["40000.01", "9999.99", "200.00", "2000000.00"])
def test_a_leap_is_refused_and_changes_nothing(price: str) -> None:
    leaps = Leaps()
    leaps.check(trades("BTC-USD", "20000.00"))

    with pytest.raises(WireError, match="BTC-USD: a trade at"):
        leaps.check(trades("BTC-USD", price))

    leaps.check(trades("BTC-USD", "40000.00", "20000.00"))


def test_a_leap_amid_a_message_is_refused_too() -> None:
    leaps = Leaps()
    leaps.check(trades("BTC-USD", "20000.00"))

    with pytest.raises(WireError, match="a trade at 200"):
        leaps.check(trades("BTC-USD", "20001.00", "200.00", "20001.00"))


def test_a_price_of_a_few_increments_may_double_and_more() -> None:
    leaps = Leaps()

    leaps.check(trades("PEPE-USD", "0.00000001"))
    leaps.check(trades("PEPE-USD", "0.00000006", "0.00000026", "0.00000006"))
    with pytest.raises(WireError, match="a trade at 0"):
        leaps.check(trades("PEPE-USD", "0.00000027"))
