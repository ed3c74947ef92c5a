"""The order table: what the exchange says wins, late news changes nothing, no fill counts twice."""

import itertools
from decimal import Decimal

import pytest

from gpt_trader.broker.orders import Orders
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    OrderAbsent,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderLost,
    OrderRejected,
)
from gpt_trader.domain.order import TRANSITIONS, WORKING, OrderStatus
from gpt_trader.engine.documents import order_document
from gpt_trader.store.state import decode_state, encode_state
from tests.builders import START_NS, a_change, a_fill, a_product, an_acceptance, an_intent

PRODUCT = a_product()


def take(orders: Orders, *events: object) -> Orders:
    for event in events:
        match event:
            case OrderChanged():
                orders.change(event, PRODUCT)
            case OrderFilled():
                orders.fill(event, PRODUCT)
            case (
                OrderAccepted()
                | OrderRejected()
                | OrderLost()
                | OrderAbsent()
                | CancelIntended()
                | CancelAnswered()
            ):
                orders.apply(event)
            case _:
                raise AssertionError(event)
    return orders


def an_order() -> Orders:
    orders = Orders()
    orders.intend(an_intent(), PRODUCT)
    return orders


def test_an_intent_counts_before_any_answer() -> None:
    orders = an_order()

    [order] = orders.working("BTC-USD")

    assert order.status is OrderStatus.INTENDED
    assert PRODUCT.size(order.open_lots) == Decimal("0.1")


def test_a_lost_answer_keeps_the_size_reserved() -> None:
    orders = take(an_order(), OrderLost(START_NS, "gt-1", "timeout"))

    [order] = orders.working()

    assert order.status is OrderStatus.UNKNOWN
    assert order.open_lots == order.lots


def test_a_listing_that_lags_cannot_end_an_order_the_exchange_confirmed() -> None:
    orders = take(an_order(), an_acceptance(), OrderAbsent(START_NS, "gt-1", 2))

    order = orders.get("gt-1")

    assert order is not None and order.status is OrderStatus.PENDING


def test_an_order_that_surfaces_after_it_was_called_absent_works_again() -> None:
    absent = take(an_order(), OrderLost(START_NS, "gt-1", ""), OrderAbsent(START_NS, "gt-1", 2))
    assert not absent.working()

    take(absent, a_change(status=OrderStatus.OPEN))

    assert absent.working()


def test_a_finished_order_works_on_until_its_fills_are_booked() -> None:
    orders = take(an_order(), an_acceptance(), a_change("gt-1", OrderStatus.FILLED, "0.1", 1))
    assert [o.owes_fills for o in orders.working()] == [True]

    take(orders, a_fill())

    assert not orders.working()


def test_a_fill_beyond_the_size_stops_the_process() -> None:
    orders = take(an_order(), an_acceptance())

    with pytest.raises(AssertionError, match="beyond its size"):
        orders.fill(a_fill(base_size="0.2"), PRODUCT)


def test_an_order_that_lives_although_it_was_refused_works_again() -> None:
    """A refusal without a reason is a word that the order's own word overrules."""
    refused = take(an_order(), OrderRejected(START_NS, "gt-1", "UNKNOWN_FAILURE_REASON", ""))
    assert not refused.working()

    take(refused, a_change(status=OrderStatus.OPEN))

    assert refused.working()


def test_working_orders_come_oldest_first_however_they_came_back() -> None:
    """A resumed session must mind the same order as the one that was killed."""
    orders = an_order()
    orders.intend(an_intent("gt-2", ts_ns=START_NS + 1), PRODUCT)
    take(orders, OrderLost(START_NS, "gt-1", ""), OrderAbsent(START_NS, "gt-1", 2))

    take(orders, a_change("gt-1", OrderStatus.OPEN))

    assert [order.client_order_id for order in orders.working()] == ["gt-1", "gt-2"]


def test_a_refused_cancel_may_be_asked_again() -> None:
    orders = take(an_order(), an_acceptance(), CancelIntended(START_NS, "gt-1", "why"))
    [asked] = orders.working()

    take(orders, CancelAnswered(START_NS, "gt-1", accepted=False, reason="no answer"))

    [refused] = orders.working()
    assert (asked.cancel_asked, refused.cancel_asked) == (True, False)


def test_every_order_of_arrival_ends_in_the_same_state() -> None:
    """REST and WebSocket race: the answer, the words and the fills may come in any order."""
    news = (
        an_acceptance(),
        a_change("gt-1", OrderStatus.OPEN, "0", 0),
        a_change("gt-1", OrderStatus.OPEN, "0.04", 1),
        a_fill("gt-1", "1", "0.04"),
        a_change("gt-1", OrderStatus.FILLED, "0.1", 2),
        a_fill("gt-1", "2", "0.06"),
    )

    ends = {str(take(an_order(), *order).get("gt-1")) for order in itertools.permutations(news)}

    assert len(ends) == 1


def test_no_status_leaves_its_table_and_an_end_is_an_end() -> None:
    ends = set(OrderStatus) - WORKING - {OrderStatus.ABSENT, OrderStatus.REJECTED}

    assert set(TRANSITIONS) == set(OrderStatus)
    assert all(not TRANSITIONS[end] for end in ends)


def test_a_thawed_table_is_the_frozen_one() -> None:
    orders = take(an_order(), an_acceptance(), a_fill("gt-1", "1", "0.04"))
    again = Orders()

    again.thaw(orders.freeze())

    assert again.freeze() == orders.freeze()
    assert again.working() == orders.working()


def test_price_and_fees_of_an_order_are_of_all_its_fills_after_a_restart_too() -> None:
    """Before: of the fills since the restart, over the size of all of them."""
    fills = [a_fill("gt-1", "1", "0.04", price="20000.00"), a_fill("gt-1", "2", "0.03")]
    orders = take(an_order(), an_acceptance(), *fills)
    again = Orders()
    again.thaw(decode_state(encode_state(orders.freeze())))

    take(again, a_fill("gt-1", "3", "0.02", price="20009.00"))

    [order] = again.all()
    said = order_document(order, PRODUCT)
    assert (said["filled_size"], said["average_price"], said["fees"]) == ("0.09", "20002", "3")


def test_a_sum_of_more_digits_than_json_counts_is_kept() -> None:
    orders = take(an_order(), an_acceptance(), a_fill("gt-1", "1", "0.04"))
    huge = {**orders.freeze()["orders"][0], "paid_tick_lots": str(10**30)}
    again = Orders()

    again.thaw(decode_state(encode_state({"orders": [huge]})))

    assert again.all()[0].paid_tick_lots == 10**30
