"""Stops with a trigger, which the engine keeps: placed, reached, sent once, withheld, ended."""

from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import (
    BalancesSeen,
    CancelAsked,
    CancelIntended,
    ClockTicked,
    Draft,
    Event,
    FeedChanged,
    HoldingAdopted,
    OrderAbsent,
    OrderAsked,
    OrderDenied,
    OrderIntended,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    Request,
    SessionResumed,
    StopEnded,
    StopReached,
    StopRequested,
    StopSupervised,
    StopWithheld,
    TradesSeen,
    TriggerReached,
)
from gpt_trader.domain.order import (
    WITHHELD,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.folding import fold
from gpt_trader.live.app import unwatched
from gpt_trader.risk.verdicts import RULE_NAMES
from gpt_trader.store.state import encode_state
from gpt_trader.strategies.registry import BY_HAND
from tests.builders import MINUTE_NS, START_NS, a_draft, a_trade, an_opening
from tests.engine.plays import Memory, Play

HELD = Decimal("0.2")


class Desk(Play):
    """A session by hand that holds 0.2 BTC of the owner's 1.2, at a market of 20,000."""

    def __init__(
        self,
        limits: dict[str, Decimal] | None = None,
        sizing: dict[str, float] | None = None,
    ) -> None:
        super().__init__(an_opening(strategy=BY_HAND, limits=limits, sizing=sizing))
        opening = {"USD": Decimal(100_000), "BTC": Decimal("1.2")}
        self.memory = Memory()
        self.engine = Engine(self.engine.opened)
        for event in (
            self.engine.opened,
            BalancesSeen(START_NS, opening),
            FeedChanged(START_NS, True, "subscribed"),
        ):
            self.take(event)
        self.trade("20000")
        self.take(HoldingAdopted(START_NS, "a person", "BTC-USD", HELD, Decimal(4_000), "x"))

    def ask(self, draft: Draft) -> list[Request]:
        return self.take(OrderAsked(self.engine.now_ns, "a person", draft))

    def placed(self, draft: Draft) -> str:
        """The name of a stop that is taken in."""
        assert self.ask(draft) == []
        placed = self.events[-1]
        assert isinstance(placed, StopSupervised), placed
        return placed.client_order_id

    def status(self, name: str) -> OrderStatus:
        order = self.engine.orders.get(name)
        assert order is not None
        return order.status

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def state(self, state: TradingState) -> list[Request]:
        return self.take(TradingStateChanged(self.engine.now_ns, state, "a person", "a test"))


def a_stop(side: Side = Side.SELL, base_size: str = "0.1", stop: str = "19500") -> Draft:
    return replace(
        a_draft(side, base_size, None),
        order_type=OrderType.STOP,
        time_in_force=TimeInForce.GTC,
        stop_price=Decimal(stop),
        asked="mine#1",
    )


def test_a_stop_sends_nothing_until_its_trigger_and_then_one_market_order() -> None:
    desk = Desk()
    name = desk.placed(a_stop())

    before = [desk.trade("19500.51"), desk.candle("19900")]
    [sent] = desk.trade("19500")
    after = [desk.trade("19400"), desk.candle("19000")]

    assert before == [[], []] and after == [[], []], "it fires once"
    assert isinstance(sent, OrderIntended)
    assert (sent.client_order_id, sent.draft.order_type) == (name, OrderType.MARKET)
    assert (sent.draft.side, sent.draft.base_size) == (Side.SELL, Decimal("0.1"))
    assert (sent.draft.time_in_force, sent.draft.stop_price) == (TimeInForce.IOC, None)
    assert len(sent.verdicts) == len(RULE_NAMES) and sent.draft.asked == "mine#1"
    [reached] = desk.told(TriggerReached)
    assert isinstance(reached, TriggerReached) and reached.mark_price == Decimal("19500")
    assert desk.engine.asked == {"mine#1": name} and desk.engine.intents == 1


def test_a_buy_waits_for_a_rise_and_counts_at_its_trigger_meanwhile() -> None:
    """Of 25 % of 104,000 USD 20,000 are free for a position: 0.9 BTC at the mark, 0.7 at 28,000."""
    desk = Desk()
    name = desk.placed(a_stop(Side.BUY, "0.7", "28000"))

    denied = desk.ask(replace(a_draft(base_size="0.2", limit_price="19000.00"), asked="two#"))
    cash = desk.engine.cash_free()
    below = desk.trade("27999")
    [sent] = desk.trade("28001")

    assert denied == [] and below == []
    assert cash == (100_000 * 10**8) - 28_000 * 7 * 10**7 * 1_006 // 1_000
    refused = desk.told(OrderDenied)[-1]
    assert isinstance(refused, OrderDenied) and "position notional" in refused.reasons[0]
    assert isinstance(sent, OrderIntended) and sent.client_order_id == name


@pytest.mark.parametrize(
    ("side", "stop", "where"),
    [(Side.SELL, "20000", "below"), (Side.SELL, "20500", "below"), (Side.BUY, "19999", "above")],
)
def test_a_trigger_that_is_passed_already_is_denied(side: Side, stop: str, where: str) -> None:
    desk = Desk()

    assert desk.ask(a_stop(side, "0.1", stop)) == []

    [denied] = desk.told(OrderDenied)
    assert isinstance(denied, OrderDenied)
    assert denied.reasons == (
        f"the trigger {stop} is passed: the market is at 20000.00, and it must lie {where}",
    )


def test_it_fires_on_no_mark_that_is_stale_and_on_none_of_a_broken_feed() -> None:
    desk = Desk()
    desk.placed(a_stop())
    later_ns = START_NS + 10 * MINUTE_NS
    desk.take(ClockTicked(later_ns))

    old = replace(a_trade(9, "19000"), ts_ns=START_NS + MINUTE_NS)
    of_old = desk.take(TradesSeen(later_ns, "BTC-USD", (old,)))
    desk.take(FeedChanged(later_ns, False, "a gap"))
    low = Decimal(19_000)
    unready = desk.take(QuoteSeen(later_ns, "BTC-USD", low, low, low))
    desk.take(FeedChanged(later_ns, True, "subscribed"))
    fresh = desk.take(QuoteSeen(later_ns, "BTC-USD", low, low, low))

    assert of_old == [] and unready == []
    assert [type(request) for request in fresh] == [OrderIntended]


def test_an_exit_fires_while_only_our_questions_fail() -> None:
    """Nothing is bought then, and the prices that come are as good as ever."""
    desk = Desk()
    name = desk.placed(a_stop())
    entry = desk.placed(replace(a_stop(Side.BUY, "0.1", "20500"), asked="two#1"))

    desk.take(FeedChanged(desk.engine.now_ns, False, "HTTP 503", prices_come=True))
    thawed = Engine(desk.engine.opened)
    thawed.thaw(desk.engine.freeze())
    [sent] = desk.trade("19500")

    assert (sent.client_order_id, desk.status(entry)) == (name, OrderStatus.CANCELLED)
    assert thawed.prices_come and not thawed.feed_ready


def test_what_held_a_stop_back_may_end_though_no_price_moves() -> None:
    """The next tick of the clock, at the latest a second later, fires it."""
    low = Decimal(19_000)
    for holds, lets_go in (
        (FeedChanged(START_NS, False, "a gap"), FeedChanged(START_NS, True, "subscribed")),
        (
            TradingStateChanged(START_NS, TradingState.HALTED, "a person", "a test"),
            TradingStateChanged(START_NS, TradingState.ACTIVE, "a person", "a test"),
        ),
    ):
        desk = Desk()
        name = desk.placed(a_stop())
        desk.take(holds)
        held = desk.take(QuoteSeen(desk.engine.now_ns, "BTC-USD", low, low, low))
        desk.take(lets_go)
        [sent] = desk.take(ClockTicked(desk.engine.now_ns + 10**9))
        assert held == [] and sent.client_order_id == name


@pytest.mark.parametrize(("side", "stop"), [(Side.SELL, "9000"), (Side.BUY, "30000")])
def test_the_stop_of_a_positions_loss_waits_for_no_stop_with_a_trigger(
    side: Side, stop: str
) -> None:
    desk = Desk(sizing={"stop_rate": 0.05})
    first = desk.placed(a_stop(side, "0.1", stop))
    second = desk.placed(replace(a_stop(side, "0.1", stop), asked="two#1"))

    [sent] = desk.candle("18900")

    assert {desk.status(first), desk.status(second)} == {OrderStatus.CANCELLED}
    assert isinstance(sent, OrderIntended)
    assert (sent.draft.side, sent.draft.base_size) == (Side.SELL, HELD)
    assert len(desk.told(StopReached)) == 1


def test_what_a_person_buys_after_a_stop_by_loss_is_not_sold_for_it() -> None:
    desk = Desk(sizing={"stop_rate": 0.05})
    [sent] = desk.candle("18900")
    assert isinstance(sent, OrderIntended)
    desk.accept(sent)
    desk.fill(sent, HELD)
    desk.word(desk.order(sent), OrderStatus.FILLED)

    [bought] = desk.ask(replace(a_draft(base_size="0.1", limit_price="18900.00"), asked="two#1"))
    assert isinstance(bought, OrderIntended)
    desk.accept(bought)
    desk.fill(bought, Decimal("0.1"), "2")
    desk.word(desk.order(bought), OrderStatus.FILLED)

    assert desk.candle("18890") == [] and desk.engine.ledger.position("BTC-USD").lots > 0


def test_a_restart_fires_on_the_first_fresh_mark_though_the_price_passed_in_between() -> None:
    """From the log, and from a snapshot of the state."""
    for is_thawed in (False, True):
        desk = Desk()
        name = desk.placed(a_stop())
        again = Engine(desk.engine.opened)
        if is_thawed:
            again.thaw(desk.engine.freeze())
        else:
            fold(again, enumerate(desk.events))
        assert encode_state(again.freeze()) == encode_state(desk.engine.freeze())

        desk.engine = again
        desk.take(SessionResumed(again.now_ns, 9))
        desk.minute = 600
        silent = desk.trade("19000")
        desk.take(FeedChanged(again.now_ns, True, "subscribed"))
        [sent] = desk.trade("19000")

        assert silent == [], "the feed is not ready yet"
        assert isinstance(sent, OrderIntended) and sent.client_order_id == name


@pytest.mark.parametrize(("reason", "again"), [(WITHHELD, True), ("INSUFFICIENT_FUND", False)])
def test_a_request_that_never_left_leaves_the_stop_waiting(reason: str, again: bool) -> None:
    """The exchange has not heard of it; what it has refused is not sent a second time."""
    desk = Desk()
    end_ns = START_NS + 100 * MINUTE_NS
    name = desk.placed(replace(a_stop(), time_in_force=TimeInForce.GTD, end_ns=end_ns))
    [sent] = desk.trade("19400")

    desk.take(OrderRejected(desk.engine.now_ns, name, reason, "a queue"))
    thawed = Engine(desk.engine.opened)
    thawed.thaw(desk.engine.freeze())
    following = desk.trade("19390")

    assert [request.client_order_id for request in following] == ([name] if again else [])
    [order] = thawed.orders.all()
    assert (order.is_supervised, order.end_ns) == (again, end_ns)
    assert order.time_in_force is (TimeInForce.GTD if again else TimeInForce.IOC)
    assert sent.client_order_id == name


def test_an_exit_is_withheld_while_halted_is_told_once_and_goes_as_soon_as_it_may() -> None:
    desk = Desk()
    name = desk.placed(a_stop())
    desk.state(TradingState.HALTED)

    halted = [desk.trade(price) for price in ("19400", "19300", "19350")]
    desk.state(TradingState.REDUCE_ONLY)
    [sent] = desk.trade("19340")

    assert halted == [[], [], []]
    [withheld] = desk.told(StopWithheld)
    assert isinstance(withheld, StopWithheld)
    assert withheld.reasons == ("trading is halted: nothing is sent",)
    assert isinstance(sent, OrderIntended) and sent.client_order_id == name
    assert len(desk.told(TriggerReached)) == 2


def test_an_exit_can_be_placed_in_reduce_only_and_an_entry_cannot() -> None:
    desk = Desk()
    desk.state(TradingState.REDUCE_ONLY)

    desk.placed(a_stop())
    entry = desk.ask(replace(a_stop(Side.BUY, "0.1", "21000"), asked="two#"))

    assert entry == []
    [denied] = desk.told(OrderDenied)
    assert isinstance(denied, OrderDenied) and "reduce-only" in denied.reasons[0]


@pytest.mark.parametrize("state", [TradingState.REDUCE_ONLY, TradingState.HALTED])
def test_holding_trading_back_ends_entries_and_lets_exits_wait(state: TradingState) -> None:
    desk = Desk()
    entry = desk.placed(a_stop(Side.BUY, "0.1", "21000"))
    leave = desk.placed(replace(a_stop(), asked="two#"))

    assert desk.state(state) == [], "the exchange is asked for nothing"

    assert desk.status(entry) is OrderStatus.CANCELLED
    assert desk.status(leave) is OrderStatus.SUPERVISED


def test_an_entry_that_risk_denies_at_its_trigger_is_over() -> None:
    desk = Desk()
    name = desk.placed(a_stop(Side.BUY, "0.5", "21000"))

    assert desk.trade("50001") == [], "the market leaps over it"

    [ended] = desk.told(StopEnded)
    assert isinstance(ended, StopEnded)
    assert (ended.client_order_id, ended.status) == (name, OrderStatus.CANCELLED)
    assert ended.why.startswith("denied at its trigger: order notional would be 25,000.75 USD")


def a_sale_that_surfaces(desk: Desk, base_size: str) -> OrderIntended:
    """A sale that no listing showed, so that what it offers is free again."""
    [sale] = desk.ask(replace(a_draft(Side.SELL, base_size, "21000.00"), asked="sale#"))
    assert isinstance(sale, OrderIntended)
    desk.take(OrderLost(desk.engine.now_ns, sale.client_order_id, "no answer"))
    desk.take(OrderAbsent(desk.engine.now_ns, sale.client_order_id, 2))
    return sale


def test_a_sale_is_cut_to_what_is_held_and_not_offered_when_it_fires() -> None:
    desk = Desk()
    sale = a_sale_that_surfaces(desk, "0.15")
    desk.placed(a_stop(base_size="0.2"))
    desk.word(desk.order(sale), OrderStatus.OPEN)
    desk.fill(sale, Decimal("0.12"))

    [sent] = desk.trade("19000")

    assert isinstance(sent, OrderIntended) and sent.draft.base_size == Decimal("0.05")
    assert desk.order(sent).lots == 5_000_000


def test_a_sale_with_nothing_left_to_sell_ends_at_its_trigger() -> None:
    desk = Desk()
    sale = a_sale_that_surfaces(desk, "0.2")
    name = desk.placed(a_stop())
    desk.word(desk.order(sale), OrderStatus.OPEN)
    desk.fill(sale, HELD)

    assert desk.trade("19000") == []

    assert desk.status(name) is OrderStatus.CANCELLED


def test_a_waiting_stop_offers_what_it_would_sell() -> None:
    desk = Desk()
    desk.placed(a_stop(base_size="0.15"))

    over = desk.ask(replace(a_draft(Side.SELL, "0.1", "21000.00"), asked="two#"))
    desk.ask(replace(a_draft(Side.SELL, "0.05", "21000.00"), asked="three#"))

    assert over == [] and isinstance(desk.events[-1], OrderIntended)


def test_two_that_fire_on_one_mark_are_judged_one_after_the_other() -> None:
    desk = Desk({"orders_per_minute_max": Decimal(1)})
    desk.placed(a_stop(Side.BUY, "0.1", "21000"))
    second = desk.placed(replace(a_stop(Side.BUY, "0.1", "21000"), asked="two#"))

    sent = desk.trade("21100")

    assert len(sent) == 1
    assert desk.status(second) is OrderStatus.CANCELLED, "a minute would see 2 orders, above 1"


def test_a_cancel_a_closing_session_and_the_end_of_its_time_end_it_without_a_request() -> None:
    desk = Desk()
    first = desk.placed(a_stop(base_size="0.05"))
    ends = replace(
        a_stop(base_size="0.05"),
        time_in_force=TimeInForce.GTD,
        end_ns=START_NS + MINUTE_NS,
        asked="two#",
    )
    second = desk.placed(ends)
    third = desk.placed(replace(a_stop(base_size="0.05"), asked="three#"))

    cancelled = desk.take(CancelAsked(desk.engine.now_ns, "a person", (first,)))
    expired = desk.end_minute()
    closed = desk.take(StopRequested(desk.engine.now_ns, "closed"))

    assert cancelled + expired + closed == []
    assert not desk.told(CancelIntended)
    assert [desk.status(name) for name in (first, second, third)] == [
        OrderStatus.CANCELLED,
        OrderStatus.EXPIRED,
        OrderStatus.CANCELLED,
    ]
    assert desk.trade("10000") == []
    late = TriggerReached(desk.engine.now_ns, first, Decimal(10_000))
    desk.take(late)
    assert desk.events[-1] is late, "what was decided on the same mark before may have ended it"


def test_a_stop_whose_time_ended_while_nobody_watched_does_not_fire() -> None:
    desk = Desk()
    end_ns = START_NS + MINUTE_NS
    name = desk.placed(replace(a_stop(), time_in_force=TimeInForce.GTD, end_ns=end_ns))
    desk.minute = 5

    assert desk.trade("19000") == []

    assert desk.status(name) is OrderStatus.EXPIRED


def test_beside_a_strategy_no_stop_waits() -> None:
    play = Play(an_opening())
    play.trade("20000")

    play.take(OrderAsked(play.engine.now_ns, "a person", a_stop(Side.BUY, "0.1", "21000")))

    assert isinstance(play.events[-1], OrderDenied)


def test_a_fired_stop_of_unknown_outcome_is_told_to_whoever_ends_the_session() -> None:
    desk = Desk()
    name = desk.placed(a_stop())
    waiting = unwatched(desk.engine, "s-1")
    [sent] = desk.trade("19500")
    desk.take(OrderLost(desk.engine.now_ns, name, "no answer"))

    told = unwatched(desk.engine, "s-1")

    assert sent.client_order_id == name
    assert waiting is not None and "nobody watches the trigger" in str(waiting)
    assert told is not None and f"{name} was sent at its trigger" in str(told)
