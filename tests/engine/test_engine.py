"""The engine: what follows from an event, what never does, and that its state is its log."""

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.domain.events import (
    BooksCompared,
    CancelIntended,
    CandlesLoaded,
    Decision,
    EditIntended,
    Event,
    FeedChanged,
    FeeRevised,
    OrderDenied,
    OrderIntended,
    OrderLost,
    Request,
    SessionOpened,
    StopEnded,
    StopRequested,
    StopSupervised,
    StopWithheld,
    TriggerReached,
)
from gpt_trader.domain.order import OrderStatus, Side, TimeInForce, TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from gpt_trader.store.state import decode_state, encode_state
from tests.builders import START_NS, a_candle, a_product, an_opening
from tests.engine.plays import Memory, Play, a_random_play, order_id_of

DECISIONS = get_args(Decision)
BY_A_PERSON = {EditIntended, StopSupervised, TriggerReached, StopWithheld, StopEnded}
"""A person alone asks for an edit or a stop with a trigger."""
SEEDS = st.integers(0, 5)
CUTS = st.floats(0, 1)


def a_play(**choices: object) -> Play:
    """A session that wants a position from its second candle on, and none from its tenth."""
    params = {"entry_after": 2.0, "exit_after": 10.0}
    return Play(replace(an_opening("dev_life", params=params), **choices))  # type: ignore[arg-type]


def an_entry(play: Play) -> OrderIntended:
    """Play up to the first order."""
    play.candle("20000")
    [intent] = play.candle("20000")
    assert isinstance(intent, OrderIntended)
    return intent


def a_position(play: Play) -> OrderIntended:
    """Play until the first order is filled whole."""
    intent = an_entry(play)
    play.accept(intent)
    play.fill(intent, intent.draft.base_size)
    play.word(play.order(intent), OrderStatus.FILLED)
    return intent


def candles_until_exit(play: Play) -> list[Request]:
    """Candles up to the one at which the strategy wants out; what may leave because of it."""
    while play.engine.counts["candles"] < 9:
        assert play.candle("20000") == []
    return play.candle("20000")


def denied(play: Play) -> OrderDenied:
    [denial] = [event for event in play.events if isinstance(event, OrderDenied)]
    return denial


# --- what follows ---------------------------------------------------------------------------


def test_an_order_is_a_fraction_of_equity_at_the_mark_rounded_down() -> None:
    intent = an_entry(a_play())

    assert intent.draft.base_size == Decimal(1)  # a fifth of 100,000 at 20,000
    assert intent.draft.side is Side.BUY
    assert intent.draft.limit_price == Decimal("19999.50")
    assert intent.client_order_id == "gt-test-000001"


def test_a_candle_that_was_loaded_warms_the_strategy_up_and_trades_nothing() -> None:
    play = a_play()

    requests = play.take(CandlesLoaded(START_NS, "BTC-USD", (a_candle(-2), a_candle(-1))))

    assert requests == []
    assert play.engine.counts["candles"] == 0
    assert len(play.candle("20000")) == 1  # its third candle


def test_an_order_that_waited_long_enough_is_cancelled_and_then_the_spread_is_paid() -> None:
    play = a_play()
    intent = an_entry(play)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)

    waits = [play.candle("20000"), play.candle("20000")]
    [cancel] = play.candle("20000")
    play.word(play.order(intent), OrderStatus.CANCELLED)
    [second] = play.candle("20000")

    assert waits == [[], []]
    assert isinstance(cancel, CancelIntended) and cancel.client_order_id == intent.client_order_id
    assert isinstance(second, OrderIntended)
    assert second.draft.time_in_force is TimeInForce.IOC
    assert second.client_order_id == "gt-test-000002"


def test_while_an_outcome_is_unknown_no_second_order_leaves() -> None:
    play = a_play()
    intent = an_entry(play)
    play.take(OrderLost(play.engine.now_ns, intent.client_order_id, "no answer"))

    later = [play.candle("20000") for _ in range(5)]

    assert later == [[]] * 5
    assert play.order(intent).status is OrderStatus.UNKNOWN
    assert play.order(intent).open_lots == play.order(intent).lots


def test_a_fill_told_twice_is_booked_once() -> None:
    play = a_play()
    intent = an_entry(play)
    play.accept(intent)

    play.fill(intent, Decimal("0.4"), trade_id="7")
    play.fill(intent, Decimal("0.4"), trade_id="7")

    assert play.engine.counts["fills"] == play.engine.counts["partial_fills"] == 1
    assert play.engine.ledger.position("BTC-USD").lots == 40_000_000


def test_a_fee_revised_later_is_booked_once_in_cash_order_and_equity() -> None:
    play = a_play()
    intent = an_entry(play)
    play.accept(intent)
    play.fill(intent, Decimal("0.4"), trade_id="7")
    cash, equity = play.engine.ledger.cash_units, play.engine.equity_units()
    assert equity is not None
    name, fee, before = intent.client_order_id, Decimal("0.03"), Decimal("0.01")
    revised = FeeRevised(play.engine.now_ns, name, order_id_of(name), "7", "BTC-USD", fee, before)

    play.take(revised)
    play.take(revised)

    thawed = Engine(play.engine.opened)
    thawed.thaw(json.loads(json.dumps(play.engine.freeze())))
    for engine in (play.engine, thawed):
        assert engine.ledger.cash_units == cash - 2_000_000
        assert engine.equity_units() == equity - 2_000_000 == engine.valuation.equity
        order = engine.orders.get(name)
        assert order is not None and order.fee_units == 3_000_000


def test_two_products_have_their_own_signals_orders_and_positions() -> None:
    play = a_play(products=(a_product(), a_product("ETH-USD")))
    play.trade("20000", "ETH-USD")
    play.candle("20000")
    play.trade("1000", "ETH-USD")
    play.trade("20000")

    requests = play.end_minute()

    sizes = {
        r.draft.product_id: r.draft.base_size for r in requests if isinstance(r, OrderIntended)
    }
    assert sizes == {"BTC-USD": Decimal(1), "ETH-USD": Decimal(20)}


# --- what is denied -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (TradingStateChanged(START_NS, TradingState.HALTED, "a person", "why"), "trading_state"),
        (
            TradingStateChanged(START_NS, TradingState.REDUCE_ONLY, "a person", "why"),
            "trading_state",
        ),
        (FeedChanged(START_NS, False, "a gap"), "feed_ready"),
        (BooksCompared(START_NS, {"BTC": Decimal("0.1")}), "books_agree"),
    ],
)
def test_what_forbids_new_risk_denies_the_entry_with_its_reason(event: Event, rule: str) -> None:
    play = a_play()
    play.take(event)

    requests = [*play.candle("20000"), *play.candle("20000"), *play.trade("20000")]

    assert requests == []
    assert [verdict.rule for verdict in denied(play).verdicts if verdict.denies] == [rule]
    assert len(denied(play).reasons) == 1
    assert play.engine.denials_by_rule == {rule: 1}
    assert play.engine.orders.all() == ()


def test_a_limit_denies_one_step_beyond_it_and_not_before() -> None:
    at_limit = an_opening("dev_life", limits={"order_notional_max": Decimal(20_000)})
    below = an_opening("dev_life", limits={"order_notional_max": Decimal("19999.99999999")})

    plays = [a_play(limits=opened.limits) for opened in (at_limit, below)]
    requests = [[*play.candle("20000"), *play.candle("20000")] for play in plays]

    assert [len(sent) for sent in requests] == [1, 0]
    assert plays[1].engine.denials_by_rule == {"order_notional": 1}


def test_the_clock_ends_no_candle_while_the_feed_may_have_missed_trades_of_it() -> None:
    play = a_play()
    play.trade("20000")
    play.take(FeedChanged(START_NS, False, "a gap"))

    play.end_minute()
    before = play.engine.counts["candles"]
    play.take(FeedChanged(play.engine.now_ns, True, "subscribed"))
    play.end_minute()

    assert before == 0
    assert play.engine.counts["candles"] == 1


def test_a_denied_entry_is_wanted_again_at_the_next_candle() -> None:
    play = a_play()
    play.take(TradingStateChanged(START_NS, TradingState.HALTED, "a person", "why"))
    play.candle("20000")
    play.candle("20000")
    play.take(TradingStateChanged(START_NS, TradingState.ACTIVE, "a person", "why"))

    [intent] = play.candle("20000")

    assert isinstance(intent, OrderIntended)
    assert intent.client_order_id == "gt-test-000001"


def test_an_exit_leaves_in_reduce_only_and_none_while_halted() -> None:
    reducing, halted = a_play(), a_play()
    for play, state in ((reducing, TradingState.REDUCE_ONLY), (halted, TradingState.HALTED)):
        a_position(play)
        play.take(TradingStateChanged(play.engine.now_ns, state, "a person", "why"))

    [exit_] = candles_until_exit(reducing)
    nothing = candles_until_exit(halted)

    assert isinstance(exit_, OrderIntended)
    assert exit_.draft.side is Side.SELL and exit_.draft.reduces
    assert exit_.draft.base_size == Decimal(1)
    assert nothing == []
    assert halted.engine.denials_by_rule == {"trading_state": 1}


def a_waiting_buy(play: Play) -> OrderIntended:
    """Play until a buy waits in the book."""
    intent = an_entry(play)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)
    return intent


@pytest.mark.parametrize(
    "event",
    [
        TradingStateChanged(START_NS, TradingState.HALTED, "a person", "why"),
        TradingStateChanged(START_NS, TradingState.REDUCE_ONLY, "a person", "why"),
        FeedChanged(START_NS, False, "silence"),
        BooksCompared(START_NS, {"BTC": Decimal("0.1")}),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_forbids_new_risk_takes_a_waiting_buy_out_of_the_book(event: Event) -> None:
    """Left there it would be filled while the market falls through it, and while we are halted."""
    play = a_play()
    intent = a_waiting_buy(play)

    [cancel] = play.take(event)

    assert isinstance(cancel, CancelIntended) and cancel.client_order_id == intent.client_order_id


def test_a_waiting_sale_stays_in_the_book_when_trading_is_reduced() -> None:
    play = a_play()
    a_position(play)
    [sale] = candles_until_exit(play)
    play.accept(sale)
    play.word(play.order(sale), OrderStatus.OPEN)

    requests = play.take(
        TradingStateChanged(play.engine.now_ns, TradingState.REDUCE_ONLY, "a person", "why")
    )

    assert requests == []


def test_a_products_own_limit_binds_its_orders_and_no_others() -> None:
    own = a_play(limits={"position_notional_max:BTC-USD": Decimal(1)})
    others = a_play(limits={"position_notional_max:ETH-USD": Decimal(1)})

    let_out = [play.candle("20000") + play.candle("20000") for play in (own, others)]

    assert [len(requests) for requests in let_out] == [0, 1]
    assert own.engine.denials_by_rule == {"position_cap": 1}


@pytest.mark.parametrize("limit", [("daily_loss_rate_max", "0.01"), ("daily_loss_max", "1000")])
def test_a_waiting_buy_is_withdrawn_when_the_loss_of_the_day_reaches_its_limit(
    limit: tuple[str, str],
) -> None:
    play = a_play(limits=an_opening(limits={limit[0]: Decimal(limit[1])}).limits)
    intent = a_waiting_buy(play)
    play.fill(intent, Decimal("0.9"))

    [cancel] = play.candle("15000")

    assert isinstance(cancel, CancelIntended)
    assert "loss since midnight" in cancel.why


# --- the end --------------------------------------------------------------------------------


def test_a_stop_cancels_what_works_and_no_order_follows() -> None:
    play = a_play()
    intent = an_entry(play)
    play.accept(intent)

    [cancel] = play.take(StopRequested(play.engine.now_ns, "the end"))
    later = [*play.candle("20000"), *play.candle("20000")]

    assert isinstance(cancel, CancelIntended) and cancel.client_order_id == intent.client_order_id
    assert later == []


def test_an_order_that_is_accepted_after_the_stop_is_cancelled_at_once() -> None:
    play = a_play()
    intent = an_entry(play)

    at_stop = play.take(StopRequested(play.engine.now_ns, "the end"))
    [cancel] = play.accept(intent)

    assert at_stop == []
    assert isinstance(cancel, CancelIntended) and cancel.client_order_id == intent.client_order_id


# --- the state is the log -------------------------------------------------------------------


def a_busy_opening() -> SessionOpened:
    """Two products, a strategy that changes its mind often, limits that are reached."""
    return an_opening(
        "ma_crossover",
        products=(a_product(), a_product("ETH-USD")),
        params={"fast": 1.0, "slow": 3.0, "band_bps": 0.0},
        limits={"orders_per_minute_max": Decimal(1), "exposure_rate_max": Decimal("0.3")},
        sizing={"patience_candles": 1.0, "rebalance_rate": 0.0, "stop_rate": 0.002},
    )


@cache
def recorded(seed: int) -> tuple[tuple[Event, ...], bytes]:
    """A session by dice: its log, and the state it ended in."""
    play = a_random_play(a_busy_opening(), seed, minutes=60)
    return tuple(play.events), encode_state(play.engine.freeze())


def folded(events: tuple[Event, ...]) -> Engine:
    engine = Engine(a_busy_opening())
    for event in events:
        engine.apply(event)
    return engine


def cut_at(events: tuple[Event, ...], share: float) -> int:
    """A place before an input, where a log may end: a step is written as a whole."""
    places = [k for k, event in enumerate(events) if not isinstance(event, DECISIONS)]
    return places[int(share * (len(places) - 1))]


def test_the_sessions_by_dice_do_everything_an_engine_can() -> None:
    kinds = {type(event) for seed in range(6) for event in recorded(seed)[0]}
    ends = [folded(recorded(seed)[0]) for seed in range(6)]

    assert set(DECISIONS) - BY_A_PERSON <= kinds
    assert all(engine.counts["partial_fills"] > 0 for engine in ends)
    assert {rule for engine in ends for rule in engine.denials_by_rule} >= {
        "exposure_cap",
        "feed_ready",
        "order_rate",
        "trading_state",
    }


@given(SEEDS)
def test_folding_the_log_gives_the_state_it_was_written_in(seed: int) -> None:
    events, state = recorded(seed)

    assert encode_state(folded(events).freeze()) == state


def test_a_snapshot_of_another_version_is_refused_before_anything_is_taken_from_it() -> None:
    events, state = recorded(1)
    old = folded(events).freeze()
    del old["form"], old["markets"]

    engine = Engine(a_busy_opening())
    with pytest.raises(StoreDamaged, match="another version of the engine"):
        engine.thaw(old)
    for event in events:
        engine.apply(event)

    assert encode_state(engine.freeze()) == state


@given(SEEDS, CUTS)
def test_a_snapshot_and_the_rest_of_the_log_are_the_fold_of_all(seed: int, share: float) -> None:
    events, state = recorded(seed)
    cut = cut_at(events, share)
    blob = encode_state(folded(events[:cut]).freeze())

    thawed = Engine(a_busy_opening())
    thawed.thaw(decode_state(blob))
    for event in events[cut:]:
        thawed.apply(event)

    assert encode_state(thawed.freeze()) == state


@given(SEEDS, CUTS)
def test_a_session_cut_anywhere_and_folded_goes_on_as_if_nothing_had_happened(
    seed: int, share: float
) -> None:
    events, _ = recorded(seed)
    cut = cut_at(events, share)
    engine, memory = folded(events[:cut]), Memory()

    for event in events[cut:]:
        if not isinstance(event, DECISIONS):
            step(event, engine, memory, memory)

    assert tuple(memory.events) == events[cut:]


@given(SEEDS)
def test_deciding_changes_nothing(seed: int) -> None:
    events, _ = recorded(seed)
    engine = Engine(a_busy_opening())
    for event in events[:150]:
        engine.apply(event)
        if engine.markets["BTC-USD"].builder.closed or engine.markets["ETH-USD"].builder.closed:
            continue  # candles are being announced: there is no state to freeze in between
        before = encode_state(engine.freeze())

        first, second = engine.decide(event), engine.decide(event)

        assert first == second
        assert encode_state(engine.freeze()) == before


def test_no_decision_depends_on_what_comes_later() -> None:
    events, _ = recorded(0)
    half = cut_at(events, 0.5)
    engine, memory = Engine(a_busy_opening()), Memory()

    for event in events[:half]:
        if not isinstance(event, DECISIONS):
            step(event, engine, memory, memory)

    assert tuple(memory.events) == events[:half]
