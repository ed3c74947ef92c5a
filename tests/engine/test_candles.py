"""Candles from trades: complete or not at all, none for a quiet interval, none from a torn one."""

from decimal import Decimal

from gpt_trader.engine.candles import CandleBuilder
from tests.builders import MINUTE_NS, START_NS, a_candle, a_trade


def test_a_candle_is_what_its_trades_make_it() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", "1", 0), a_trade(2, "12", "2", 20), a_trade(3, "9", "3", 40)))

    builder.tick(START_NS + MINUTE_NS)

    [(candle, watched)] = builder.closed
    assert watched
    prices = [candle.open, candle.high, candle.low, candle.close]
    assert prices == [Decimal(text) for text in ("10", "12", "9", "9")]
    assert candle.volume == 6
    assert candle.start_ns == START_NS


def test_a_candle_is_not_announced_before_its_end() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10"),))

    builder.tick(START_NS + MINUTE_NS - 1)

    assert builder.closed == []


def test_a_candle_waits_for_trades_that_are_still_on_their_way() -> None:
    """A heartbeat of the new minute may overtake the last trades of the old one."""
    builder = CandleBuilder(MINUTE_NS, 1_000_000_000)
    builder.take((a_trade(1, "10", "1", 0),))
    builder.tick(START_NS + MINUTE_NS + 999_999_999)
    assert builder.closed == []

    builder.take((a_trade(2, "11", "1", 59.9),))
    builder.tick(START_NS + MINUTE_NS + 1_000_000_000)

    [(candle, _)] = builder.closed
    assert candle.close == 11 and builder.late == 0


def test_a_trade_that_comes_after_its_candle_was_announced_is_counted_and_changes_nothing() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", "1", 0),))
    builder.tick(START_NS + MINUTE_NS)
    announced = list(builder.closed)

    builder.take((a_trade(2, "11", "1", 59.9), a_trade(3, "12", "1", 61)))
    builder.tick(START_NS + 2 * MINUTE_NS)

    assert builder.closed[: len(announced)] == announced
    assert [candle.open for candle, _ in builder.closed] == [Decimal("10"), Decimal("12")]
    assert builder.late == 1


def test_a_quiet_interval_has_no_candle() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", at_s=0), a_trade(2, "11", at_s=180)))

    builder.tick(START_NS + 4 * MINUTE_NS)

    starts = [(candle.start_ns - START_NS) // MINUTE_NS for candle, _ in builder.closed]
    assert starts == [0, 3]


def test_a_trade_that_is_told_again_counts_once() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    trades = (a_trade(1, "10", "1", 0), a_trade(2, "12", "2", 20))

    builder.take(trades)
    builder.take(trades)
    builder.tick(START_NS + MINUTE_NS)

    [(candle, _)] = builder.closed
    assert candle.volume == Decimal(3)


def test_a_missing_trade_tears_its_candle_and_nothing_is_announced_until_it_is_loaded() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", at_s=0),))

    builder.take((a_trade(3, "11", at_s=70), a_trade(4, "12", at_s=130)))
    builder.tick(START_NS + 3 * MINUTE_NS)

    assert builder.closed == []
    assert builder.hole_ns == (START_NS, START_NS + 3 * MINUTE_NS)  # with the one since closed


def test_candles_that_close_while_a_hole_waits_are_loaded_with_it() -> None:
    """REST may fail for minutes: what was watched meanwhile must not be missing for good."""
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(7, "10", at_s=30),))
    for i in range(1, 6):
        builder.take((a_trade(7 + i, "10", at_s=60.0 * i + 1),))

    assert builder.hole_ns == (START_NS, START_NS + 5 * MINUTE_NS)
    builder.load(tuple(a_candle(i) for i in range(5)))
    builder.tick(START_NS + 6 * MINUTE_NS)

    starts = [(candle.start_ns - START_NS) // MINUTE_NS for candle, _ in builder.closed]
    assert starts == [0, 1, 2, 3, 4, 5]


def test_trades_out_of_order_across_a_minute_do_not_stop_us() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(7, "10", at_s=61),))

    builder.take((a_trade(8, "11", at_s=59.9), a_trade(9, "12", at_s=62)))
    builder.load((a_candle(0), a_candle(1)))

    assert [watched for _, watched in builder.closed] == [False, False]


def test_loading_the_hole_announces_what_was_missed_once_and_then_goes_on() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", at_s=0), a_trade(3, "11", at_s=70)))

    builder.load((a_candle(0), a_candle(1)))
    builder.load((a_candle(0), a_candle(1)))
    builder.take((a_trade(4, "12", at_s=130),))
    builder.tick(START_NS + 3 * MINUTE_NS)

    announced = [((c.start_ns - START_NS) // MINUTE_NS, watched) for c, watched in builder.closed]
    assert announced == [(0, False), (1, False), (2, True)]
    assert builder.hole_ns is None


def test_joining_a_market_in_the_middle_is_a_hole() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)

    builder.take((a_trade(5_000, "10", at_s=30),))

    assert builder.is_new
    assert builder.hole_ns == (START_NS, START_NS + MINUTE_NS)


def test_a_candle_watched_after_the_hole_began_waits_for_the_loaded_ones() -> None:
    builder = CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(7, "10", at_s=30), a_trade(8, "11", at_s=70)))
    builder.tick(START_NS + 2 * MINUTE_NS)
    assert builder.closed == []

    builder.load((a_candle(0), a_candle(1)))

    assert [watched for _, watched in builder.closed] == [False, False]


def test_a_thawed_builder_goes_on_as_the_frozen_one() -> None:
    builder, again = CandleBuilder(MINUTE_NS, 0), CandleBuilder(MINUTE_NS, 0)
    builder.take((a_trade(1, "10", "1", 0), a_trade(2, "12.50", "2", 20)))

    again.thaw(builder.freeze())
    for one in (builder, again):
        one.take((a_trade(3, "9", "3", 40),))
        one.tick(START_NS + MINUTE_NS)

    assert again.closed == builder.closed
    assert again.hole_ns == builder.hole_ns
