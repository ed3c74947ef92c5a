"""A waiting order that is to become another: judged in its place, meanwhile the worse of both."""

from decimal import Decimal

import pytest

from gpt_trader.domain.events import (
    EditAnswered,
    EditAsked,
    EditIntended,
    EditLost,
    OrderDenied,
    OrderIntended,
    Request,
)
from gpt_trader.domain.order import OrderStatus, Terms, TimeInForce
from gpt_trader.engine.engine import Engine
from gpt_trader.strategies.registry import BY_HAND
from tests.builders import START_NS, a_draft, an_opening
from tests.engine.plays import Play
from tests.engine.test_hand import a_stop_limit_buy, ask

USD = 10**8


def a_waiting_buy(**limits: Decimal) -> tuple[Play, str]:
    """0.5 BTC bid for at 19,900, with 100,000 USD."""
    play = Play(an_opening(strategy=BY_HAND, limits=limits))
    play.trade("20000")
    [intent] = ask(play, a_draft(base_size="0.5", limit_price="19900.00"))
    assert isinstance(intent, OrderIntended)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)
    return play, intent.client_order_id


def edit(play: Play, name: str, base_size: str, limit_price: str) -> list[Request]:
    now_ns = play.engine.now_ns
    terms = Terms(Decimal(base_size), Decimal(limit_price), None)
    return play.take(EditAsked(now_ns, "a person", name, terms))


def reserved(play: Play) -> Decimal:
    units = play.engine.ledger.cash_units - play.engine.cash_free()
    return Decimal(units) / USD


def buy_cost(base_size: str, price: str) -> Decimal:
    return Decimal(base_size) * Decimal(price) * Decimal("1.006")


@pytest.mark.parametrize(
    ("size", "price", "meanwhile", "accepted"),
    [
        ("1", "19800.00", buy_cost("1", "19900"), buy_cost("1", "19800")),
        ("0.2", "19950.00", buy_cost("0.5", "19950"), buy_cost("0.2", "19950")),
    ],
)
def test_old_and_new_are_both_reserved_until_the_answer(
    size: str, price: str, meanwhile: Decimal, accepted: Decimal
) -> None:
    """An edit that reserves only the new size, or is believed before its answer, overspends."""
    play, name = a_waiting_buy()
    before = reserved(play)

    [request] = edit(play, name, size, price)
    waiting = reserved(play)
    play.take(EditLost(START_NS, name, "no answer"))
    lost = reserved(play)
    play.take(EditAnswered(START_NS, name, True, ""))

    assert isinstance(request, EditIntended)
    assert (before, waiting, lost) == (buy_cost("0.5", "19900"), meanwhile, meanwhile)
    assert reserved(play) == accepted
    order = play.engine.orders.get(name)
    assert order is not None and (order.edit_lots, order.edit_ticks, order.edit_lost) == (0, 0, 0)


def test_a_refused_edit_leaves_the_order_as_it_was() -> None:
    play, name = a_waiting_buy()
    before = play.engine.orders.get(name)

    edit(play, name, "1", "19800.00")
    play.take(EditAnswered(START_NS, name, False, "ONLY_OPEN_ORDERS_CAN_BE_EDITED"))
    again = play.take(EditAnswered(START_NS, name, True, "a word that repeats"))

    assert play.engine.orders.get(name) == before
    assert again == []


def test_an_edit_is_judged_in_the_place_of_its_order() -> None:
    """Counted beside it, 0.8 BTC would pass the position's cap of 25,000 USD with the old 0.5."""
    play, name = a_waiting_buy()

    [allowed] = edit(play, name, "1.2", "19900.00")
    play.take(EditAnswered(START_NS, name, True, ""))
    denied = edit(play, name, "1.3", "19900.00")

    assert isinstance(allowed, EditIntended)
    assert denied == []
    [said] = [event for event in play.events if isinstance(event, OrderDenied)]
    assert {v.rule for v in said.verdicts if v.denies} == {"order_notional", "position_cap"}


def test_only_what_waits_and_was_asked_nothing_else_is_edited() -> None:
    play, name = a_waiting_buy()
    edit(play, name, "1", "19800.00")

    assert edit(play, name, "0.9", "19800.00") == [], "an edit is on its way"
    assert edit(play, "gt-none", "1", "19800.00") == []
    play.take(EditAnswered(START_NS, name, True, ""))
    order = play.engine.orders.get(name)
    assert order is not None and order.time_in_force is TimeInForce.GTC
    play.word(order, OrderStatus.CANCELLED)
    assert edit(play, name, "0.9", "19800.00") == []


def test_fills_may_reach_the_new_size_before_the_answer() -> None:
    play, name = a_waiting_buy()
    edit(play, name, "1", "19900.00")
    order = play.engine.orders.get(name)
    assert order is not None

    assert order.open_lots == play.engine.products["BTC-USD"].lots(Decimal(1))


def test_a_triggers_edit_counts_at_the_dearest_price_of_old_and_new() -> None:
    """At the mark of 20,000, 0.4 BTC are 8,000 USD: with 0.3 more a cap of 25,000 holds, unless
    the trigger's 48,000 or 60,000 is what they cost."""
    play = Play(an_opening(strategy=BY_HAND))
    play.trade("20000")
    [intent] = ask(play, a_stop_limit_buy("0.4", stop="20100", limit="20200"))
    assert isinstance(intent, OrderIntended)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)
    more = a_draft(base_size="0.7", limit_price="19900.00")
    name, now_ns = intent.client_order_id, play.engine.now_ns

    before = play.engine.verdicts(more)[1]
    terms = Terms(Decimal("0.4"), Decimal("40000"), Decimal("39900"))
    [asked] = play.take(EditAsked(now_ns, "a person", name, terms))
    meanwhile = play.engine.verdicts(more)[1]
    thawed = Engine(play.engine.opened)
    thawed.thaw(play.engine.freeze())
    play.take(EditLost(now_ns, name, "no answer"))
    play.take(EditAnswered(now_ns, name, True, ""))
    after = play.engine.verdicts(more)[1]
    back = Terms(Decimal("0.4"), Decimal("20200"), Decimal("20100"))
    play.take(EditAsked(now_ns, "a person", name, back))
    still = play.engine.verdicts(more)[1]

    assert isinstance(asked, EditIntended)
    assert before == ()
    assert meanwhile and meanwhile == after == still
    assert thawed.verdicts(more)[1] == meanwhile
    assert play.order(intent).terms(play.engine.products["BTC-USD"]) == terms


def test_an_edit_over_the_cap_at_its_trigger_is_denied() -> None:
    play = Play(an_opening(strategy=BY_HAND))
    play.trade("20000")
    [intent] = ask(play, a_stop_limit_buy("0.4", stop="20100", limit="20200"))
    assert isinstance(intent, OrderIntended)
    play.accept(intent)
    play.word(play.order(intent), OrderStatus.OPEN)

    terms = Terms(Decimal("0.4"), Decimal("63000"), Decimal("62900"))
    asked = play.take(EditAsked(play.engine.now_ns, "a person", intent.client_order_id, terms))

    assert asked == []
    assert isinstance(play.events[-1], OrderDenied)
