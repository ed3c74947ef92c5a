"""The checker has teeth: bugs that lose money elsewhere are planted here, and each is found."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.broker.orders import Order, Orders
from gpt_trader.coinbase import transport
from gpt_trader.coinbase.leaps import Leaps
from gpt_trader.coinbase.order_word import ForeignOrder, OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.sequence import Continuity, SequenceCheck
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    EditIntended,
    Event,
    FeeRevised,
    OrderAbsent,
    OrderAccepted,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    SessionOpened,
)
from gpt_trader.domain.order import OrderStatus, Side, TradingState
from gpt_trader.engine import engine
from gpt_trader.engine.facts import Exposures, facts_of
from gpt_trader.engine.market import Market
from gpt_trader.engine.step import step
from gpt_trader.exchange.faults import Arming
from gpt_trader.exchange.rules import Duplicate
from gpt_trader.live import reconciliation
from gpt_trader.live.desk import Desk
from gpt_trader.live.loop import Loop
from gpt_trader.live.reconciliation import Reconciliation
from gpt_trader.live.record import Record
from gpt_trader.portfolio.ledger import Ledger
from gpt_trader.risk.verdicts import Facts
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.reading import LogReader
from tests.invariants.persons import edits, holds_back
from tests.invariants.sessions import RESTING, RICH, Played, Scenario, check_the_end, play

Patch = pytest.MonkeyPatch
Bug = Callable[[Patch], None]
SEEDS = 3  # within so many sessions each must be found
create, cancel_all, unbooked = RestClient.create, RestClient.cancel, Desk.unbooked
orders_of, apply_word, booked = RestClient.orders, Orders.apply, Ledger.apply
revised = Ledger.revise
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

    def steps(loop: Loop, event: Event | None) -> None:
        control = loop._links.control
        with control.stepping():
            news = () if isinstance(event, SessionOpened) else control.news(loop.engine)
            for each in (*news, event):
                if each is not None:
                    step(each, loop.engine, loop.record, loop)
            if not all(isinstance(request, CancelIntended) for request in loop._outbox):
                loop.record.commit_durable()

    patch.setattr(Loop, "_step", steps)
    patch.setattr(Loop, "_empty_outbox", hasty)


def a_loss_of_power_takes_intents_back(patch: Patch) -> None:
    patch.setattr(EventLog, "commit_durable", EventLog.commit)


def the_feed_is_always_ready(patch: Patch) -> None:
    def ready(**known: Any) -> Exposures:
        return Exposures(**{**known, "feed_ready": True})

    patch.setattr(engine, "Exposures", ready)


def with_facts(patch: Patch, **wrong: Any) -> None:
    """Let the rules see something else than what is so."""

    def facts(*known: Any) -> Facts:
        return replace(facts_of(*known), **wrong)

    patch.setattr(engine, "facts_of", facts)


def marks_never_grow_old(patch: Patch) -> None:
    with_facts(patch, mark_age_ns=0)


def any_quote_is_believed(patch: Patch) -> None:
    patch.setattr(Market, "_is_odd", lambda market, ticks: False)


def any_trade_is_believed(patch: Patch) -> None:
    patch.setattr(Leaps, "check", lambda leaps, event: None)


def nothing_holds_orders_back(patch: Patch) -> None:
    with_facts(patch, trading_state=TradingState.ACTIVE)


def a_halt_lets_exits_out(patch: Patch) -> None:
    def facts(*known: Any) -> Facts:
        seen = facts_of(*known)
        halted = seen.trading_state is TradingState.HALTED
        return replace(seen, trading_state=TradingState.REDUCE_ONLY) if halted else seen

    patch.setattr(engine, "facts_of", facts)


def orders_are_not_counted(patch: Patch) -> None:
    with_facts(patch, orders_last_minute=0)


def an_edit_reserves_the_new_size_alone(patch: Patch) -> None:
    def open_lots(order: Order) -> int:
        return (order.edit_lots or order.lots) - order.booked_lots if order.is_working else 0

    patch.setattr(Order, "open_lots", property(open_lots))


def an_accepted_edit_is_carried_out(patch: Patch) -> None:
    async def shows(desk: Desk, order: Order, edit: EditIntended) -> bool:
        return True

    patch.setattr(Desk, "_shows", shows)


def sales_cost_no_fee(patch: Patch) -> None:
    def apply(ledger: Ledger, fill: OrderFilled, product: Any) -> None:
        booked(ledger, replace(fill, fee=fill.fee * (fill.side is Side.BUY)), product)

    patch.setattr(Ledger, "apply", apply)


def a_revised_fee_is_ignored(patch: Patch) -> None:
    patch.setattr(Desk, "_revised", lambda desk, rows, order: ())


def a_revised_fee_is_booked_twice(patch: Patch) -> None:
    def twice(ledger: Ledger, event: FeeRevised) -> bool:
        return revised(ledger, event) and revised(
            ledger, replace(event, fee=2 * event.fee - event.fee_before, fee_before=event.fee)
        )

    patch.setattr(Ledger, "revise", twice)


def a_revised_fee_is_one_more_fee(patch: Patch) -> None:
    def added(ledger: Ledger, event: FeeRevised) -> bool:
        return revised(ledger, replace(event, fee=event.fee + event.fee_before))

    patch.setattr(Ledger, "revise", added)


def when(**rates: float) -> Scenario:
    """A session in which these faults strike."""
    armed = {name: Arming(rate, 0, None) for name, rate in rates.items()}
    return Scenario(1, armed, arguments=RESTING, balances=RICH, duplicate=Duplicate.ACCEPT)


CALM, LOST, REVISED = when(), when(answer_lost=0.4), when(fee_revised=0.3)
HALTED = replace(CALM, person=holds_back(TradingState.HALTED, 20))
REDUCING = replace(CALM, person=holds_back(TradingState.REDUCE_ONLY, 20))
BUSY = replace(
    CALM,
    product_ids=("BTC-USD", "ETH-USD"),
    balances={},
    arguments=(*RESTING, "--limit", "orders_per_minute_max=1"),
)
OLD_MARKS = replace(when(market_silent=0.3), arguments=(*RESTING, "--limit", "mark_age_s_max=10"))
BUGS: dict[Bug, tuple[Scenario, str]] = {
    a_new_id_on_retry: (LOST, "I-2"),
    the_same_id_again: (LOST, "I-1"),
    no_answer_is_a_no: (LOST, "I-5"),
    a_server_error_is_a_no: (when(error_done=0.4), "I-5"),
    fills_are_not_told_apart: (CALM, "I-4"),
    a_fill_is_booked_under_two_ids: (CALM, "I-4"),
    a_gap_is_no_matter: (when(frames_lost=0.05), "I-9"),
    absence_from_one_listing_is_the_end: (
        when(answer_lost=0.6, update_lost=1.0, listing_lags=1.0),
        "I-5",
    ),
    time_alone_settles: (when(request_late=0.4), "I-5"),
    only_open_orders_are_listed: (LOST, "I-14"),
    no_connection_means_no_orders: (
        when(answer_lost=1.0, update_lost=1.0, rate_limited=0.6),
        "I-5",
    ),
    an_unknown_order_reserves_nothing: (LOST, "I-6"),
    an_edit_reserves_the_new_size_alone: (replace(when(edit_lost=0.8), person=edits), "I-6"),
    an_accepted_edit_is_carried_out: (replace(when(edit_partly=0.8), person=edits), "I-6"),
    an_accepted_cancel_is_the_end: (when(cancel_late=0.4), "I-6"),
    an_intent_is_sent_before_it_is_written: (CALM, "I-2"),
    a_cancel_is_sent_before_it_is_written: (CALM, "I-2"),
    a_loss_of_power_takes_intents_back: (CALM, "I-2"),
    the_feed_is_always_ready: (when(rate_limited=0.7), "I-9"),
    marks_never_grow_old: (OLD_MARKS, "I-9"),
    any_quote_is_believed: (when(price_absurd=0.4), "I-9"),
    any_trade_is_believed: (when(price_absurd=0.4), "I-9"),
    nothing_holds_orders_back: (REDUCING, "I-7"),
    a_halt_lets_exits_out: (HALTED, "I-8"),
    orders_are_not_counted: (BUSY, "I-10"),
    sales_cost_no_fee: (CALM, "I-4"),
    a_revised_fee_is_ignored: (REVISED, "I-14"),
    a_revised_fee_is_booked_twice: (REVISED, "I-4"),
    a_revised_fee_is_one_more_fee: (REVISED, "I-4"),
}
"""Each bug, the session in which it matters, and what finds it."""

REACHED = {
    "stale_mark": OLD_MARKS,
    "trading_state": REDUCING,
    "order_rate": BUSY,
    "feed_ready": when(rate_limited=0.7),
}
"""Rules, and the session in which each must refuse something: else nothing tries its invariant."""


def denied(played: Played) -> set[str]:
    with LogReader(played.folder.log) as reader:
        denials = [event for _, event in reader.events() if isinstance(event, OrderDenied)]
    return {verdict.rule for event in denials for verdict in event.verdicts if verdict.denies}


def test_without_a_bug_all_is_well_and_each_guard_is_reached(tmp_path: Path, tls: Path) -> None:
    tried: list[Scenario] = []
    for scenario, _ in BUGS.values():
        if scenario in tried:
            continue
        tried.append(scenario)
        played = play(tmp_path / str(len(tried)), tls, scenario)
        check_the_end(played)

        missed = {rule for rule in REACHED if REACHED[rule] == scenario} - denied(played)
        assert not missed
    assert all(scenario in tried for scenario in REACHED.values())


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path, tls: Path) -> None:
    scenario, invariant = BUGS[bug]

    with pytest.raises(AssertionError) as found:
        for seed in range(1, SEEDS + 1):
            planted = replace(scenario, seed=seed, bug=bug)
            check_the_end(play(tmp_path / str(seed), tls, planted))

    assert invariant in str(found.value)
