"""Protective stops, orders that end by themselves, market orders, and orders by hand."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gpt_trader.domain.events import (
    Draft,
    OrderAsked,
    OrderDenied,
    OrderIntended,
    Request,
    StopReached,
)
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce, TradingState
from tests.builders import MINUTE_NS, START_NS, an_opening
from tests.engine.plays import Play


def a_play(**sizing: float) -> Play:
    """A session that wants a position from its second candle on, and none from its tenth."""
    params = {"entry_after": 2.0, "exit_after": 10.0}
    return Play(an_opening("dev_life", params=params, sizing={"patience_candles": 0.0, **sizing}))


def fill_whole(play: Play, request: Request) -> None:
    """The exchange takes an order in and fills it."""
    assert isinstance(request, OrderIntended)
    play.accept(request)
    play.fill(request, request.draft.base_size, trade_id=str(len(play.events)))
    play.word(play.order(request), OrderStatus.FILLED)


def a_position(play: Play) -> OrderIntended:
    """One unit of base, bought at 20,060."""
    play.candle("20000")
    [entry] = play.candle("20000")
    fill_whole(play, entry)
    assert isinstance(entry, OrderIntended)
    return entry


def stops(play: Play) -> list[StopReached]:
    return [event for event in play.events if isinstance(event, StopReached)]


def test_a_stop_leaves_at_once_and_stays_out_until_the_strategy_changes_its_mind() -> None:
    play = a_play(stop_rate=0.05)
    entry = a_position(play)

    above = play.candle("19500")
    [exit_] = play.candle("19000")
    fill_whole(play, exit_)
    later = [play.candle("21000") for _ in range(8)]

    assert above == []
    assert isinstance(exit_, OrderIntended)
    assert exit_.draft.side is Side.SELL
    assert exit_.draft.time_in_force is TimeInForce.IOC
    assert exit_.draft.base_size == entry.draft.base_size
    assert later == [[]] * 8
    assert play.engine.counts["stops"] == len(stops(play)) == 1
    assert not play.engine.markets["BTC-USD"].stopped, "the strategy wants out by itself now"


def test_a_stop_is_reached_above_its_loss_and_not_at_it() -> None:
    """The cost is the price paid and the fee of 0.01."""
    play = a_play(stop_rate=0.05)
    cost = a_position(play).draft
    assert cost.limit_price is not None
    paid = cost.base_size * cost.limit_price + Decimal("0.01")
    least = paid - paid * Decimal("0.05")
    at = (least / cost.base_size).quantize(Decimal("0.01"), "ROUND_CEILING")

    play.candle(str(at))
    before = stops(play)
    play.candle(str(at - Decimal("0.02")))

    assert before == []
    [stop] = stops(play)
    assert stop.cost == paid
    assert stop.cost - stop.value > stop.loss_max


def test_without_a_stop_rate_no_loss_is_too_large() -> None:
    play = a_play()
    a_position(play)

    assert play.candle("10000") == []
    assert stops(play) == []


def test_a_waiting_order_carries_its_end() -> None:
    play = a_play(good_till=1.0, patience_candles=3.0)
    play.candle("20000")
    [entry] = play.candle("20000")
    assert isinstance(entry, OrderIntended)
    play.accept(entry)
    play.word(play.order(entry), OrderStatus.OPEN)

    waits = [play.candle("20000") for _ in range(3)]
    play.word(play.order(entry), OrderStatus.EXPIRED)
    [second] = play.candle("20000")

    assert entry.draft.end_ns == START_NS + 5 * MINUTE_NS
    assert waits == [[], [], []], "it ends by itself"
    assert isinstance(second, OrderIntended)
    assert second.draft.time_in_force is TimeInForce.IOC


def test_a_market_order_is_judged_at_the_far_side_of_the_book() -> None:
    play = a_play(market_orders=1.0)
    play.candle("20000")

    [entry] = play.candle("20000")

    assert isinstance(entry, OrderIntended)
    assert (entry.draft.order_type, entry.draft.limit_price) == (OrderType.MARKET, None)
    [notional] = [v for v in entry.verdicts if v.rule == "order_notional"]
    assert notional.value == entry.draft.base_size * Decimal("20000.50")


def a_hand_order(play: Play, **changes: Any) -> OrderAsked:
    draft = Draft(
        product_id="BTC-USD",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.IOC,
        base_size=Decimal("0.1"),
        limit_price=None,
        stop_price=None,
        end_ns=None,
        post_only=False,
        reduces=False,
        target=Decimal("0.1"),
        mark_price=Decimal("20000"),
        why="by hand",
        asked="",
    )
    changed = replace(draft, **changes)
    return OrderAsked(play.engine.now_ns, "a person", changed)


def test_an_order_by_hand_is_judged_like_any_other() -> None:
    play = a_play()
    play.trade("20000")

    [allowed] = play.take(a_hand_order(play))
    too_large = play.take(a_hand_order(play, base_size=Decimal(100)))
    play.engine.trading.everything = TradingState.HALTED
    halted = play.take(a_hand_order(play))

    assert isinstance(allowed, OrderIntended)
    assert allowed.draft.why == "by hand"
    assert too_large == halted == []
    first, second = (event for event in play.events if isinstance(event, OrderDenied))
    assert "order_notional" in {verdict.rule for verdict in first.verdicts if verdict.denies}
    assert "trading_state" in {verdict.rule for verdict in second.verdicts if verdict.denies}
