"""What an engine makes of a start after a crash, and of orders that turn up while it stops."""

from dataclasses import replace

from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelIntended,
    ClockTicked,
    Event,
    FeedChanged,
    OrderLost,
    SessionResumed,
    StopRequested,
    TradesSeen,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.engine import Engine
from tests.builders import (
    MINUTE_NS,
    START_NS,
    a_change,
    a_trade,
    an_acceptance,
    an_intent,
    an_opening,
)

READY, LOST_FEED = FeedChanged(START_NS, True, ""), FeedChanged(START_NS, False, "")
RESUMED = SessionResumed(START_NS, 3)
FIRST_MINUTE = TradesSeen(START_NS, "BTC-USD", (a_trade(1, "100.00"),))
ITS_END = ClockTicked(START_NS + MINUTE_NS)


def an_engine(*events: Event) -> Engine:
    opened = an_opening()
    engine = Engine(opened)
    engine.apply(BalancesSeen(START_NS, {"USD": opened.cash}))
    for event in events:
        engine.apply(event)
    return engine


def test_a_clock_tick_ends_the_candle_of_a_feed_that_is_ready() -> None:
    engine = an_engine(READY, FIRST_MINUTE, ITS_END)

    [closed] = engine.decide(ITS_END)

    assert closed.ts_ns == ITS_END.ts_ns


def test_a_clock_tick_ends_no_candle_while_trades_may_be_missing_from_it() -> None:
    for away in (LOST_FEED, RESUMED):
        engine = an_engine(READY, FIRST_MINUTE, away, ITS_END)

        assert engine.decide(ITS_END) == ()

        missed = TradesSeen(ITS_END.ts_ns, "BTC-USD", (a_trade(2, "105.00", at_s=59),))
        for event in (missed, READY, replace(ITS_END, ts_ns=ITS_END.ts_ns + 1)):
            engine.apply(event)
        [(candle, _)] = engine.markets["BTC-USD"].builder.closed
        assert candle.high == missed.trades[0].price


def test_news_by_rest_end_no_candle_before_the_streams_own_clock_does() -> None:
    """A fill may be told seconds ahead of trades that are still on their way to us."""
    ahead = BooksCompared(ITS_END.ts_ns + 1, {})
    behind = replace(ITS_END, ts_ns=ITS_END.ts_ns - 1)

    engine = an_engine(READY, FIRST_MINUTE, ahead, behind)

    assert engine.decide(behind) == ()


def test_a_session_that_died_while_stopping_trades_on_when_it_is_resumed() -> None:
    engine = an_engine(READY, StopRequested(START_NS, "Ctrl-C"), RESUMED)

    assert not engine.stopping


def test_a_lost_order_that_turns_up_while_the_session_stops_is_cancelled() -> None:
    intent = an_intent()
    stopping = an_engine(
        intent, OrderLost(START_NS, "gt-1", "no answer"), StopRequested(START_NS, "the end")
    )
    turned_up = a_change(status=OrderStatus.OPEN)

    stopping.apply(turned_up)
    [cancel] = stopping.decide(turned_up)

    assert isinstance(cancel, CancelIntended) and cancel.client_order_id == intent.client_order_id


def test_no_cancel_follows_the_news_that_an_order_has_ended() -> None:
    stopping = an_engine(an_intent(), an_acceptance(), StopRequested(START_NS, "the end"))
    ended = a_change(status=OrderStatus.CANCELLED)

    stopping.apply(ended)

    assert stopping.decide(ended) == ()
