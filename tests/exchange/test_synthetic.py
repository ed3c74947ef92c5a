"""The synthetic market: seeded, growing by its end only, and like a market."""

import numpy as np
import pytest

from gpt_trader.exchange.catalog import default_market, find_product
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape, TapeError
from gpt_trader.exchange.timestamps import time_text


@pytest.fixture(scope="module")
def market() -> Tape:
    """A day of the default market."""
    return synthetic_tape(1, default_market(), 1440)


def closes(tape: Tape, product_id: str) -> list[int]:
    part = tape.parts[product_id]
    return [part.prices[end - 1] for end in part.ends[1:]]


def test_bitcoin_opens_at_62_000_dollars_on_the_fifth_of_january(market: Tape) -> None:
    assert market.parts["BTC-USD"].prices[0] == 6_200_000
    assert time_text(market.begin_ns) == "2026-01-05T00:00:00Z"
    assert (len(market.parts), market.rounds) == (25, 1440)


def test_a_longer_market_begins_with_the_shorter_one(market: Tape) -> None:
    short = synthetic_tape(1, default_market(), 100)

    for product_id, part in short.parts.items():
        longer = market.parts[product_id]
        assert longer.prices[: len(part.prices)] == part.prices
        assert longer.sizes[: len(part.sizes)] == part.sizes
        assert longer.times_ns[: len(part.times_ns)] == part.times_ns


def test_a_product_is_the_same_alone_and_among_others(market: Tape) -> None:
    alone = synthetic_tape(1, [find_product("SOL-USD")], 1440)

    assert alone.parts["SOL-USD"].prices == market.parts["SOL-USD"].prices


def test_seeds_make_different_markets_and_repeat(market: Tape) -> None:
    assert synthetic_tape(1, default_market(), 1440).sha256 == market.sha256
    assert synthetic_tape(2, default_market(), 1440).sha256 != market.sha256


def test_prices_move_but_stay_credible(market: Tape) -> None:
    for product_id, part in market.parts.items():
        ratio = np.array(part.prices) / part.prices[0]
        assert 0.5 < ratio.min() < ratio.max() < 2.0, product_id
        assert len(set(closes(market, product_id))) > 10, product_id
    assert len(set(closes(market, "BTC-USD"))) > 1000


def test_products_move_together(market: Tape) -> None:
    moves = [np.diff(np.log(closes(market, name))) for name in ("BTC-USD", "ETH-USD")]

    assert 0.2 < np.corrcoef(moves)[0, 1] < 0.8


def test_volatility_comes_in_regimes() -> None:
    tape = synthetic_tape(3, [find_product("BTC-USD")], 7 * 1440)

    moves = np.abs(np.diff(np.log(closes(tape, "BTC-USD"))))

    hours = moves[: 167 * 60].reshape(-1, 60).mean(axis=1)
    assert hours.max() > 3 * hours.min()


def test_only_quiet_products_have_minutes_without_a_trade(market: Tape) -> None:
    def silent(product_id: str) -> int:
        return np.diff(market.parts[product_id].ends).tolist().count(0)

    assert silent("BTC-USD") == 0
    assert silent("OP-USD") > 0


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(TapeError, match="no PEPE-USD"):
        synthetic_tape(1, [find_product("PEPE-USD")], 10)
    with pytest.raises(TapeError, match="0 candles"):
        synthetic_tape(1, default_market(), 0)
