"""The engine replay by itself: latency, orders by hand and their trouble, models of the market."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from gpt_trader.backtesting.setup import AT_CLOSE, HandOrder, Setup, fee_tiers_of
from gpt_trader.backtesting.simulation import Simulation, simulate
from gpt_trader.backtesting.simulation_result import SimulationResult
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import (
    CancelIntended,
    Event,
    OrderAccepted,
    OrderIntended,
    OrderRejected,
)
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.kernels import execution, gates, resting
from gpt_trader.risk.limits import Limits
from tests.backtesting.plays import a_setup, a_tape, by_hand, end_ns, never

TENTH = 10_000_000  # lots of a bitcoin
IMPATIENT = sizing_of({"patience_candles": 0.0})


class Log:
    """Every event of a run."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event) -> None:
        self.events.append(event)


def of_hand(*orders: HandOrder, rows: int = 60) -> SimulationResult:
    """A market in which nobody but a person orders."""
    limits = Limits.from_mapping({"mark_age_s_max": Decimal(30)})
    return simulate(never(by_hand=orders, limits=limits), [a_tape(rows=rows)])


def rules_of(result: SimulationResult, order: int) -> set[int]:
    """The rules that refuse an order."""
    return {rule for rule in range(gates.RULES) if result.orders[order].refused >> rule & 1}


def sent(events: Sequence[Event]) -> list[int]:
    """Minutes between each intent and its answer."""
    asked = {e.client_order_id: e.ts_ns for e in events if isinstance(e, OrderIntended)}
    answers = [e for e in events if isinstance(e, OrderAccepted | OrderRejected)]
    return [(e.ts_ns - asked[e.client_order_id]) // 60_000_000_000 for e in answers]


def test_the_books_are_the_fold_of_the_fills() -> None:
    tape = a_tape()
    result = simulate(a_setup(), [tape])

    cash, lots = 10_000_000_000_000, 0
    for fill in result.fills:
        paid = tape.product.notional_paid(fill.ticks, fill.lots)
        received = tape.product.notional_received(fill.ticks, fill.lots)
        cash += (-paid if fill.sign > 0 else received) - fill.fee_units
        lots += fill.sign * fill.lots

    assert len(result.fills) > 20
    assert (result.cash_units, result.position_lots) == (cash, (lots,))
    assert result.fees_units == sum(fill.fee_units for fill in result.fills)
    assert result.peak_units >= result.worst_peak_units > result.worst_loss_units > 0


def test_the_same_setup_gives_the_same_result() -> None:
    tapes = [a_tape(), a_tape("ETH-USD")]

    assert simulate(a_setup(), tapes) == simulate(a_setup(), tapes)


def test_no_order_depends_on_what_comes_later() -> None:
    whole, part = simulate(a_setup(), [a_tape(rows=200)]), simulate(a_setup(), [a_tape(rows=120)])

    known = [order for order in whole.orders if order.round < 119]
    assert known == [order for order in part.orders if order.round < 119]
    assert len(known) > 10


def test_a_request_arrives_so_many_rounds_later() -> None:
    log = Log()

    Simulation(a_setup(latency=2, sizing=IMPATIENT), [a_tape(rows=150)], log).run()

    # Where a row is missing, two rounds are more than two minutes.
    waits = sent(log.events)
    assert len(waits) > 5
    assert min(waits) == 2
    assert set(sent(run_of(a_setup(sizing=IMPATIENT)).events)) == {0}


def run_of(setup: Setup) -> Log:
    log = Log()
    Simulation(setup, [a_tape(rows=150)], log).run()
    return log


def test_while_an_order_is_on_its_way_no_second_one_leaves() -> None:
    orders = simulate(a_setup(latency=5, sizing=IMPATIENT), [a_tape(rows=150)]).orders

    rounds = [order.round for order in orders]
    assert all(later - earlier >= 5 for earlier, later in pairwise(rounds))


def test_an_order_that_is_still_on_its_way_at_the_end_has_no_status() -> None:
    result = simulate(a_setup(latency=1000), [a_tape()])

    assert [(order.status, order.refused) for order in result.orders] == [(resting.NONE, 0)]
    assert result.fills == ()


def test_an_order_by_hand_takes_at_the_end_of_its_round() -> None:
    tape = a_tape(rows=60)
    result = simulate(never(by_hand=(by_hand(30),)), [tape])

    [order] = result.orders
    assert (order.round, order.status, order.refused) == (30, resting.FILLED, 0)
    assert order.limit_ticks == gates.MARKET_PRICE
    assert sum(fill.lots for fill in result.fills) == result.position_lots[0] == TENTH
    assert {(fill.time_ns, fill.round, fill.maker) for fill in result.fills} == {
        (end_ns(tape, 30), 30, 0)
    }


def test_what_an_order_by_hand_cannot_get_at_its_limit_is_cancelled() -> None:
    result = of_hand(by_hand(30, limit_ticks=100_000))

    assert [order.status for order in result.orders] == [resting.CANCELLED]
    assert result.fills == ()


@pytest.mark.parametrize(
    ("trouble", "rule"),
    [
        ({"feed_ready": False}, gates.FEED_READY),
        ({"books_agree": False}, gates.BOOKS_AGREE),
        ({"wait_ns": 31 * 10**9}, gates.STALE_MARK),
        ({"trading_state": TradingState.REDUCE_ONLY}, gates.TRADING_STATE),
        ({"trading_state": TradingState.HALTED}, gates.TRADING_STATE),
        ({"lots": 20 * TENTH}, gates.ORDER_NOTIONAL),
    ],
)
def test_an_order_by_hand_amid_trouble_is_denied_and_afterwards_all_is_well(
    trouble: dict[str, Any], rule: int
) -> None:
    result = of_hand(by_hand(30, **trouble), by_hand(40))

    assert rule in rules_of(result, 0)
    assert result.denials[rule] == 1
    assert [order.status for order in result.orders] == [resting.NONE, resting.FILLED]


def test_an_exit_by_hand_passes_where_an_entry_does_not() -> None:
    reduce: dict[str, Any] = {"trading_state": TradingState.REDUCE_ONLY, "feed_ready": False}
    result = of_hand(by_hand(30), by_hand(31, **reduce), by_hand(31, Side.SELL, **reduce))

    assert [order.refused == 0 for order in result.orders] == [True, False, True]
    assert result.position_lots == (0,)


def test_trouble_withdraws_the_buys_that_wait() -> None:
    """Nobody may fill them while the feed is down; the cancel does not wait for the latency."""
    calm, tape = simulate(a_setup(), [a_tape()]), a_tape()
    waiting = next(o for o in calm.orders if o.sign > 0 and o.time_in_force == execution.GTC)
    trouble = by_hand(waiting.round, feed_ready=False)
    log = Log()

    result = Simulation(a_setup(by_hand=(trouble,)), [tape], log).run()

    [cancel] = [e for e in log.events if isinstance(e, CancelIntended)][:1]
    place = calm.orders.index(waiting)
    assert "the feed is not ready" in cancel.why
    assert result.orders[place].status == resting.CANCELLED


def test_a_session_may_start_halted() -> None:
    result = simulate(a_setup(trading_state=TradingState.HALTED), [a_tape()])

    assert result.fills == ()
    assert result.denials[gates.TRADING_STATE] == len(result.orders) > 0


def test_at_the_close_every_fill_is_the_candles_close() -> None:
    setup = a_setup(market=AT_CLOSE, sizing=IMPATIENT, fee_tiers=fee_tiers_of(0.001))
    tape = a_tape()

    result = simulate(setup, [tape])

    closes = dict(zip(tape.rows.tolist(), tape.candles.close.tolist(), strict=True))
    assert len(result.fills) > 10
    for fill in result.fills:
        assert fill.ticks == closes[fill.round]
        notional = tape.product.notional_paid(fill.ticks, fill.lots)
        assert abs(fill.fee_units - notional // 1000) <= 2


def test_a_waiting_order_that_ends_by_itself_expires() -> None:
    setup = a_setup(sizing=sizing_of({"good_till": 1.0, "patience_candles": 1.0}))

    result = simulate(setup, [a_tape()])

    expired = [order for order in result.orders if order.status == resting.EXPIRED]
    assert result.expiries == len(expired) > 0
    assert {order.time_in_force for order in expired} == {execution.GTD}


def test_stops_are_counted_and_followed_by_a_sale() -> None:
    setup = a_setup(sizing=sizing_of({"stop_rate": 0.004, "patience_candles": 0.0}))

    stopped, calm = simulate(setup, [a_tape()]), simulate(a_setup(sizing=IMPATIENT), [a_tape()])

    assert stopped.stops > 0
    assert calm.stops == 0
    assert stopped.orders != calm.orders


def test_a_strategy_that_no_registry_knows_is_replayed_as_it_is() -> None:
    setup = a_setup()
    renamed = replace(setup, strategy=replace(setup.strategy, name="my_own"))

    assert simulate(renamed, [a_tape()]) == simulate(setup, [a_tape()])


def test_the_log_folds_into_the_engine_it_came_from() -> None:
    log = Log()
    simulation = Simulation(a_setup(), [a_tape(), a_tape("ETH-USD")], log)
    simulation.run()

    folded = Engine(simulation.engine.opened)
    for event in log.events:
        folded.apply(event)

    assert folded.freeze() == simulation.engine.freeze()


def test_tapes_that_are_no_one_market_are_refused() -> None:
    with pytest.raises(UsageError, match="one tape of each product"):
        simulate(a_setup(), [a_tape(), a_tape()])
    with pytest.raises(UsageError, match="one width"):
        simulate(a_setup(), [a_tape(), a_tape("ETH-USD", candle_s=300)])
    with pytest.raises(UsageError, match="one quote currency"):
        simulate(a_setup(), [a_tape(), a_tape("ETH-BTC")])
    with pytest.raises(UsageError, match="there is no tape of it"):
        of_hand(by_hand(3, product_id="SOL-USD"))


def test_fees_fall_with_the_volume_of_thirty_days() -> None:
    tape = a_tape()
    fills = simulate(a_setup(sizing=IMPATIENT), [tape]).fills

    rates = [
        Decimal(fill.fee_units) / tape.product.notional_paid(fill.ticks, fill.lots)
        for fill in fills
    ]
    assert round(rates[0], 4) == Decimal("0.006")
    assert min(rates) < Decimal("0.0026")
