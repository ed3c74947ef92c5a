"""The tape: rounds, releases, depth, and a tape that grows."""

from dataclasses import replace

import numpy as np
import pytest

from gpt_trader.exchange.candle_trades import trades_from_candles
from gpt_trader.exchange.tape import (
    FollowedRound,
    FollowedTape,
    FollowedTrade,
    Quote,
    TapeError,
    assemble,
)
from gpt_trader.exchange.timestamps import SECOND_NS
from tests.exchange.markets import (
    BTC,
    ETH_BTC,
    START_S,
    a_candle_tape,
    a_print_tape,
    print_columns,
    random_candles,
)

BEGIN_NS = START_S * SECOND_NS


def a_trade(second: float, price: int = 100) -> FollowedTrade:
    return FollowedTrade("BTC-USD", 1, BEGIN_NS + int(second * SECOND_NS), price, 5, True)


def a_round(end_s: float, *trades: FollowedTrade) -> FollowedRound:
    return FollowedRound(BEGIN_NS + int(end_s * SECOND_NS), trades, ())


def test_rounds_are_the_distinct_starts_of_all_products() -> None:
    one = print_columns([(0, 100, 1, True), (130, 101, 1, True)])
    two = print_columns([(61, 7, 1, True), (131, 8, 1, True)], ETH_BTC)

    tape = assemble(1, 60, [one, two])

    assert [start // SECOND_NS - START_S for start in tape.starts_ns] == [0, 60, 120]
    assert tape.parts["BTC-USD"].ends.tolist() == [0, 1, 1, 2]
    assert tape.parts["ETH-BTC"].ends.tolist() == [0, 0, 1, 2]


def test_gaps_stay_gaps() -> None:
    tape = a_print_tape([(0, 100, 1, True), (3600, 101, 1, True)])

    assert tape.rounds == 2
    assert tape.starts_ns[1] - tape.ends_ns[0] == 59 * 60 * SECOND_NS


def test_a_row_without_volume_is_a_round_without_trades() -> None:
    candles = random_candles(BTC, 200, 6_000_000, 10**8, 1)
    silent = int((candles.volume == 0).sum())

    tape = assemble(1, 60, [trades_from_candles(candles, 60, 1)])

    assert silent > 0
    assert tape.rounds == len(candles.starts_s)
    assert np.diff(tape.parts["BTC-USD"].ends).tolist().count(0) == silent


def test_depth_knows_nothing_of_the_round_it_is_for() -> None:
    calm = [(60 * k, 100, 600, True) for k in range(40)]

    burst = a_print_tape([*calm[:39], (60 * 39, 100, 10**9, True)]).parts["BTC-USD"]

    assert burst.depths[40] == a_print_tape(calm).parts["BTC-USD"].depths[40] == 600


def test_the_hash_stands_for_the_content() -> None:
    assert a_candle_tape(20, 1).sha256 == a_candle_tape(20, 1).sha256
    assert a_candle_tape(20, 1).sha256 != a_candle_tape(21, 1).sha256
    assert a_candle_tape(20, 1).sha256 != a_candle_tape(20, 2).sha256


def test_no_row_is_no_tape() -> None:
    with pytest.raises(TapeError, match="no row"):
        assemble(1, 60, [])


def test_a_followed_tape_takes_rounds_as_they_come() -> None:
    tape = FollowedTape(1, BEGIN_NS, [BTC])

    tape.append(a_round(1, a_trade(0.5), a_trade(0.7)))
    tape.append(a_round(2))

    assert (tape.rounds, tape.parts["BTC-USD"].ends.tolist()) == (2, [0, 2, 2])


def test_a_trade_stamped_outside_its_round_counts_at_the_nearer_end() -> None:
    tape = FollowedTape(1, BEGIN_NS, [BTC])
    tape.append(a_round(10, a_trade(5)))

    tape.append(a_round(20, a_trade(9), a_trade(25)))

    times = [(time - BEGIN_NS) / SECOND_NS for time in tape.parts["BTC-USD"].times_ns]
    assert times == pytest.approx([5, 10, 20])
    assert max(tape.parts["BTC-USD"].times_ns) < tape.ends_ns[-1]


def test_a_round_that_ends_too_early_is_refused() -> None:
    tape = FollowedTape(1, BEGIN_NS, [BTC])
    tape.append(a_round(10))

    with pytest.raises(TapeError, match="cannot follow"):
        tape.append(a_round(10))


@pytest.mark.parametrize("quote", [Quote(10, 1, 10, 1), Quote(0, 1, 5, 1), Quote(3, 0, 5, 1)])
def test_an_impossible_quote_is_refused_and_changes_nothing(quote: Quote) -> None:
    tape = FollowedTape(1, BEGIN_NS, [BTC])

    with pytest.raises(TapeError, match="not a quote"):
        tape.append(FollowedRound(BEGIN_NS + 5, (a_trade(0),), (("BTC-USD", quote),)))

    assert (tape.rounds, len(tape.parts["BTC-USD"].prices)) == (0, 0)


def test_a_trade_of_another_product_is_refused() -> None:
    tape = FollowedTape(1, BEGIN_NS, [ETH_BTC])

    with pytest.raises(TapeError, match="not a trade"):
        tape.append(a_round(1, a_trade(0)))


def test_the_latest_quote_counts() -> None:
    tape = FollowedTape(1, BEGIN_NS, [BTC])
    for second in range(1, 4):
        quotes = (("BTC-USD", Quote(second, 1, second + 1, 1)),) if second != 2 else ()
        tape.append(FollowedRound(BEGIN_NS + second * SECOND_NS, (), quotes))

    found = [tape.parts["BTC-USD"].quote_at(number) for number in range(4)]

    assert [one and (one[0], one[1].bid) for one in found] == [None, (1, 1), (1, 1), (3, 3)]


def test_the_hash_of_a_followed_tape_stands_for_every_increment() -> None:
    plain = FollowedTape(1, BEGIN_NS, [BTC]).sha256

    changed = (
        replace(BTC, price_places=3),
        replace(BTC, base_places=7),
        replace(BTC, quote_places=3),
    )
    for product in changed:
        assert FollowedTape(1, BEGIN_NS, [product]).sha256 != plain
