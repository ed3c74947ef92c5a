"""Orders that a person asks for: in a session of their own, and beside a strategy."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelAsked,
    CancelIntended,
    Draft,
    HoldingAdopted,
    OrderAsked,
    OrderDenied,
    OrderIntended,
    OrderLost,
    Request,
)
from gpt_trader.domain.order import OrderStatus, OrderType, Side, TimeInForce
from gpt_trader.engine.engine import Engine
from gpt_trader.portfolio.valuation import Valuation
from gpt_trader.strategies.registry import BY_HAND, strategy_names
from tests.builders import START_NS, a_draft, an_opening
from tests.engine.plays import Play


def a_desk() -> Play:
    play = Play(an_opening(strategy=BY_HAND))
    play.trade("20000")
    return play


def ask(play: Play, draft: Draft) -> list[Request]:
    return play.take(OrderAsked(play.engine.now_ns, "a person", draft))


def a_stop_limit_buy(base_size: str, stop: str, limit: str) -> Draft:
    return replace(
        a_draft(base_size=base_size, limit_price=limit),
        order_type=OrderType.STOP_LIMIT,
        stop_price=Decimal(stop),
        post_only=False,
    )


@pytest.mark.parametrize("waits", [TimeInForce.GTC, TimeInForce.GTD])
def test_an_order_that_waits_needs_a_session_without_a_strategy(waits: TimeInForce) -> None:
    """A strategy's plan ends what waits in its product: it would be gone within candles."""
    draft = replace(a_draft(limit_price="19900.00"), time_in_force=waits, end_ns=START_NS * 2)
    beside = Play(an_opening())
    beside.trade("20000")

    [intent] = ask(a_desk(), draft)
    refused = ask(beside, draft)

    assert isinstance(intent, OrderIntended)
    assert refused == []
    denied = beside.events[-1]
    assert isinstance(denied, OrderDenied)
    assert "ask for IOC or FOK" in denied.reasons[0]


def test_a_name_is_used_once_whatever_came_of_it() -> None:
    """A request that is read a second time, after a crash, must not become a second order."""
    play = a_desk()
    named = replace(a_draft(limit_price="19900.00"), asked="demo-001")
    too_large = replace(named, base_size=Decimal(100), asked="demo-002")

    first, again = ask(play, named), ask(play, named)
    denied, denied_again = ask(play, too_large), ask(play, too_large)

    assert (len(first), again, denied, denied_again) == (1, [], [], [])
    assert play.engine.asked == {"demo-001": "gt-test-000001", "demo-002": ""}
    assert sum(isinstance(event, OrderDenied) for event in play.events) == 1
    thawed = Engine(play.engine.opened)
    thawed.thaw(play.engine.freeze())
    assert thawed.asked == play.engine.asked


def test_a_session_by_hand_decides_nothing_by_itself() -> None:
    play = a_desk()
    [intent] = ask(play, a_draft(limit_price="19900.00"))
    assert isinstance(intent, OrderIntended)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)

    wanted = [play.candle(close) for close in ("20000", "15000", "25000", "20000", "20000")]

    assert wanted == [[]] * 5
    assert BY_HAND not in strategy_names(), "nobody trades it by its name"


def test_a_stop_limit_buy_waits_through_candles_and_keeps_its_trigger() -> None:
    play = a_desk()
    [intent] = ask(play, a_stop_limit_buy("0.1", stop="20100", limit="20110"))
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)
    thawed = Engine(play.engine.opened)
    thawed.thaw(play.engine.freeze())

    waits = play.candle("20000")

    assert waits == []
    assert play.order(intent).stop_ticks == 2_010_000
    assert thawed.orders.all()[0].stop_ticks == 2_010_000


def test_caps_count_buys_that_wait_for_a_trigger_at_the_price_they_meet_there() -> None:
    """At the mark of 20,000 two of them are 16,000 USD, at their limits 48,000: a cap of 25,000."""
    play = a_desk()
    waits = a_stop_limit_buy("0.4", stop="59900", limit="60000")
    [first] = ask(play, waits)

    second = ask(play, waits)
    plain_buy = ask(play, a_draft(base_size="0.06", limit_price="19900.00"))

    assert (play.order(first).lots, second, plain_buy) == (40_000_000, [], [])
    denied, denied_too = (event for event in play.events if isinstance(event, OrderDenied))
    assert "position notional would be 48,000.00 USD" in "; ".join(denied.reasons)
    assert "position notional would be 25,200.00 USD" in "; ".join(denied_too.reasons)


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_end_that_is_wanted_while_the_create_is_on_its_way_is_asked_for_with_its_answer(
    is_lost: bool,
) -> None:
    """And is kept over a restart; else the order would wait in the book and nobody know."""
    play = a_desk()
    [intent] = ask(play, a_draft(limit_price="19900.00"))
    name = intent.client_order_id
    if is_lost:
        play.take(OrderLost(play.engine.now_ns, name, "no answer"))

    at_once = play.take(CancelAsked(play.engine.now_ns, "a person", (name,)))
    frozen = json.loads(json.dumps(play.engine.freeze()))
    play.engine = Engine(play.engine.opened)
    play.engine.thaw(frozen)
    answered = play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)

    assert at_once == []
    assert [(type(one), one.client_order_id) for one in answered] == [(CancelIntended, name)]
    cancels = [event for event in play.events if isinstance(event, CancelIntended)]
    assert len(cancels) == 1, "once"
    assert play.take(CancelAnswered(play.engine.now_ns, name, False, "a test")) == []
    play.word(play.order(intent), OrderStatus.OPEN)
    assert not play.order(intent).end_wanted, "a refusal is the person's to hear"


def test_a_person_ends_orders_and_an_order_is_asked_to_end_once() -> None:
    play = a_desk()
    [intent] = ask(play, a_draft(limit_price="19900.00"))
    assert isinstance(intent, OrderIntended)
    play.accept(intent)
    wish = CancelAsked(play.engine.now_ns, "a person", (intent.client_order_id, "gt-other-1"))

    first, second = play.take(wish), play.take(wish)

    assert [request.client_order_id for request in first] == [intent.client_order_id]
    assert isinstance(first[0], CancelIntended)
    assert second == []


def losses(play: Play) -> list[Decimal]:
    """Since midnight and since the peak, as the rules see them."""
    verdicts, _ = play.engine.verdicts(a_draft())
    return [one.value for one in verdicts if one.rule in ("daily_loss", "drawdown")]


def test_what_is_adopted_can_be_sold_and_the_rest_stays_the_owners() -> None:
    play = Play(an_opening(strategy=BY_HAND))
    play.engine.allocation = replace(
        play.engine.allocation or pytest.fail("no allocation"),
        opening={"USD": Decimal(100_000), "BTC": Decimal("1.02")},
    )
    play.trade("20000")
    engine = play.engine
    frozen = engine.valuation.freeze()
    frozen["day_start"] += 1_000 * 10**8
    frozen["peak"] += 1_000 * 10**8
    engine.valuation = Valuation.thaw(frozen)
    before = losses(play)
    cost = Decimal("400.00000001")

    play.take(HoldingAdopted(START_NS, "a person", "BTC-USD", Decimal("0.02"), cost, "mine"))
    too_much = ask(play, a_draft(Side.SELL, "0.03", "20000.00"))
    [sale] = ask(play, a_draft(Side.SELL, "0.02", "20000.00"))

    assert too_much == []
    assert isinstance(sale, OrderIntended)
    assert losses(play) == before == [Decimal(1_000)] * 2, "what is given is no profit"
    assert engine.allocation is not None
    position = engine.ledger.position("BTC-USD")
    assert (position.lots, position.cost_units) == (2_000_000, 40_000_000_001)
    assert engine.allocation.opening["BTC"] == Decimal(1)
    assert engine.allocation.expected_totals(engine.ledger)["BTC"] == Decimal("1.02")
    with pytest.raises(UsageError, match="the owner holds 1"):
        engine.allocation.adopting("BTC", Decimal("1.00000001"))
