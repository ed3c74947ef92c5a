"""The checker has teeth: bugs that lose money elsewhere are planted here, and each is found."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.broker.orders import Order, Orders
from gpt_trader.coinbase import transport
from gpt_trader.coinbase.order_word import ForeignOrder, OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.sequence import Continuity, SequenceCheck
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    OrderAbsent,
    OrderAccepted,
    OrderFilled,
    OrderIntended,
    OrderRejected,
)
from gpt_trader.domain.order import OrderStatus, Side
from gpt_trader.engine import engine
from gpt_trader.engine.facts import Exposures
from gpt_trader.exchange.faults import Arming
from gpt_trader.exchange.rules import Duplicate
from gpt_trader.live import reconciliation
from gpt_trader.live.desk import Desk
from gpt_trader.live.loop import Loop
from gpt_trader.live.reconciliation import Reconciliation
from gpt_trader.live.record import Record
from gpt_trader.portfolio.ledger import Ledger
from gpt_trader.store.event_log import EventLog
from tests.invariants.sessions import RESTING, RICH, Scenario, check_the_end, play

Patch = pytest.MonkeyPatch
Bug = Callable[[Patch], None]
SEEDS = 3  # within so many sessions each must be found
create, cancel_all, unbooked = RestClient.create, RestClient.cancel, Desk.unbooked
orders_of, apply_word, booked = RestClient.orders, Orders.apply, Ledger.apply
empty_outbox = Loop._empty_outbox


def sends_again(patch: Patch, rename: Callable[[OrderIntended], OrderIntended]) -> None:
    def twice(rest: RestClient, intent: OrderIntended) -> OrderAccepted | OrderRejected:
        try:
            return create(rest, intent)
        except OutcomeUnknown:
            return create(rest, rename(intent))

    patch.setattr(RestClient, "create", twice)


def a_new_id_on_retry(patch: Patch) -> None:
    sends_again(patch, lambda i: replace(i, client_order_id=f"{i.client_order_id}-2"))


def the_same_id_again(patch: Patch) -> None:
    sends_again(patch, lambda intent: intent)


def no_answer_is_a_no(patch: Patch) -> None:
    def hasty(rest: RestClient, intent: OrderIntended) -> OrderAccepted | OrderRejected:
        try:
            return create(rest, intent)
        except OutcomeUnknown as error:
            return OrderRejected(0, intent.client_order_id, "TIMEOUT", str(error))

    patch.setattr(RestClient, "create", hasty)


def a_server_error_is_a_no(patch: Patch) -> None:
    patch.setattr(transport, "DEFINITE", transport.DEFINITE | {500, 502, 503, 504})


def fills_are_not_told_apart(patch: Patch) -> None:
    patch.setattr(Ledger, "has_booked", lambda ledger, order_id, trade_id: False)


def a_fill_is_booked_under_two_ids(patch: Patch) -> None:
    def doubled(desk: Desk, rows: Sequence[Any], order: Order) -> tuple[Any, ...]:
        events = unbooked(desk, rows, order)
        again = [replace(e, trade_id=f"{e.trade_id}0") for e in events if type(e) is OrderFilled]
        return (*events, *again)

    patch.setattr(Desk, "unbooked", doubled)


def a_gap_is_no_matter(patch: Patch) -> None:
    def take(check: SequenceCheck, sequence: int) -> Continuity:
        check.expected = sequence + 1
        return Continuity.NEXT

    patch.setattr(SequenceCheck, "take", take)


def absence_from_one_listing_is_the_end(patch: Patch) -> None:
    async def unlisted(books: Reconciliation, name: str, asked_s: float) -> None:
        await books._take(OrderAbsent(books._engine.now_ns, name, 1))

    patch.setattr(Reconciliation, "_unlisted", unlisted)


def time_alone_settles(patch: Patch) -> None:
    patch.setattr(reconciliation, "ABSENT_AFTER_S", 0.0)
    patch.setattr(reconciliation, "LISTINGS_MIN", 1)


def only_open_orders_are_listed(patch: Patch) -> None:
    def some(
        rest: RestClient, start_ns: int | None, product_ids: Sequence[str]
    ) -> tuple[OrderWord | ForeignOrder, ...]:
        words = orders_of(rest, start_ns, product_ids)
        return tuple(
            word for word in words if type(word) is OrderWord and word.status is OrderStatus.OPEN
        )

    patch.setattr(RestClient, "orders", some)


def no_connection_means_no_orders(patch: Patch) -> None:
    def none(
        rest: RestClient, start_ns: int | None, product_ids: Sequence[str]
    ) -> tuple[OrderWord | ForeignOrder, ...]:
        try:
            return orders_of(rest, start_ns, product_ids)
        except ExchangeUnreachable:
            return ()

    patch.setattr(RestClient, "orders", none)


def an_unknown_order_reserves_nothing(patch: Patch) -> None:
    def open_lots(order: Order) -> int:
        known = order.status in (OrderStatus.INTENDED, OrderStatus.PENDING, OrderStatus.OPEN)
        return order.lots - order.booked_lots if known else 0

    patch.setattr(Order, "open_lots", property(open_lots))


def an_accepted_cancel_is_the_end(patch: Patch) -> None:
    def apply(orders: Orders, event: Any) -> None:
        apply_word(orders, event)
        if isinstance(event, CancelAnswered) and event.accepted:
            order = orders.get(event.client_order_id)
            assert order is not None
            orders._put(replace(order, status=OrderStatus.CANCELLED))

    patch.setattr(Orders, "apply", apply)


def an_intent_is_sent_before_it_is_written(patch: Patch) -> None:
    patch.setattr(Record, "commit_durable", lambda record: None)


def a_cancel_is_sent_before_it_is_written(patch: Patch) -> None:
    async def hasty(loop: Loop) -> None:
        if not all(isinstance(request, CancelIntended) for request in loop._outbox):
            return await empty_outbox(loop)
        requests = tuple(loop._outbox)
        loop._outbox.clear()
        for answer in await loop.desk.send(requests):
            await loop.take(answer)

    patch.setattr(Loop, "_empty_outbox", hasty)


def a_loss_of_power_takes_intents_back(patch: Patch) -> None:
    patch.setattr(EventLog, "commit_durable", EventLog.commit)


def the_feed_is_always_ready(patch: Patch) -> None:
    def ready(**known: Any) -> Exposures:
        return Exposures(**{**known, "feed_ready": True})

    patch.setattr(engine, "Exposures", ready)


def sales_cost_no_fee(patch: Patch) -> None:
    def apply(ledger: Ledger, fill: OrderFilled, product: Any) -> None:
        booked(ledger, replace(fill, fee=fill.fee * (fill.side is Side.BUY)), product)

    patch.setattr(Ledger, "apply", apply)


LOST, LATE = {"answer_lost": 0.4}, {"request_late": 0.4}
BUGS: dict[Bug, tuple[dict[str, float], str]] = {
    a_new_id_on_retry: (LOST, "I-2"),
    the_same_id_again: (LOST, "I-1"),
    no_answer_is_a_no: (LOST, "I-5"),
    a_server_error_is_a_no: ({"error_done": 0.4}, "I-5"),
    fills_are_not_told_apart: ({}, "I-4"),
    a_fill_is_booked_under_two_ids: ({}, "I-4"),
    a_gap_is_no_matter: ({"frames_lost": 0.05}, "I-9"),
    absence_from_one_listing_is_the_end: (
        {"answer_lost": 0.6, "update_lost": 1.0, "listing_lags": 1.0},
        "I-5",
    ),
    time_alone_settles: (LATE, "I-5"),
    only_open_orders_are_listed: (LOST, "I-14"),
    no_connection_means_no_orders: (
        {"answer_lost": 1.0, "update_lost": 1.0, "rate_limited": 0.6},
        "I-5",
    ),
    an_unknown_order_reserves_nothing: (LOST, "I-6"),
    an_accepted_cancel_is_the_end: ({"cancel_late": 0.4}, "I-6"),
    an_intent_is_sent_before_it_is_written: ({}, "I-2"),
    a_cancel_is_sent_before_it_is_written: ({}, "I-2"),
    a_loss_of_power_takes_intents_back: ({}, "I-2"),
    the_feed_is_always_ready: ({"rate_limited": 0.7}, "I-9"),
    sales_cost_no_fee: ({}, "I-4"),
}
"""Each bug, what must go wrong for it to matter, with its chance, and what finds it."""


def scenario(faults: dict[str, float]) -> Scenario:
    armed = {name: Arming(rate, 0, None) for name, rate in faults.items()}
    return Scenario(1, armed, arguments=RESTING, balances=RICH, duplicate=Duplicate.ACCEPT)


def test_without_a_bug_all_is_well(tmp_path: Path, tls: Path) -> None:
    occasions = {tuple(faults.items()) for faults, _ in BUGS.values()}
    for number, faults in enumerate(sorted(occasions)):
        check_the_end(play(tmp_path / str(number), tls, scenario(dict(faults))))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path, tls: Path) -> None:
    faults, invariant = BUGS[bug]

    with pytest.raises(AssertionError) as found:
        for seed in range(1, SEEDS + 1):
            check_the_end(
                play(tmp_path / str(seed), tls, replace(scenario(faults), seed=seed, bug=bug))
            )

    assert invariant in str(found.value)
