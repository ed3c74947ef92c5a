"""Requests and answers about orders over REST: create, cancel, list. Builders and parsers only."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from gpt_trader.coinbase.decimals import build_amount, parse_amount, parse_positive
from gpt_trader.coinbase.order_word import (
    ForeignOrder,
    Names,
    OrderWord,
    foreign_order,
    parse_fill_count,
    parse_side,
    parse_status,
    parse_when_filled,
)
from gpt_trader.coinbase.page import Page, convert, next_cursor
from gpt_trader.coinbase.times import build_time, parse_time
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import OutcomeUnknown, WireError
from gpt_trader.domain.events import (
    Draft,
    EditIntended,
    OrderAccepted,
    OrderIntended,
    OrderRejected,
)
from gpt_trader.domain.order import OrderType, Side, Terms, TimeInForce

DUPLICATE = "DUPLICATE_CLIENT_ORDER_ID"
UNKNOWN_REASON = "UNKNOWN_FAILURE_REASON"
NO_REJECTION = "REJECT_REASON_UNSPECIFIED"


@dataclass(frozen=True, slots=True)
class CancelWord:
    """What Coinbase says to the wish to cancel one order; accepted is not yet cancelled."""

    order_id: str
    accepted: bool
    reason: str  # "" when accepted


class _Created(msgspec.Struct):
    order_id: str = ""
    client_order_id: str = ""


class _Failure(msgspec.Struct):
    error: str = ""
    message: str = ""
    error_details: str = ""
    preview_failure_reason: str = ""
    new_order_failure_reason: str = ""


class _CreateAnswer(msgspec.Struct):
    success: bool
    success_response: _Created | None = None
    error_response: _Failure | None = None
    order_id: str | None = None  # older answers name the order here


class _Cancelled(msgspec.Struct):
    success: bool
    order_id: str
    failure_reason: str = ""


class _CancelAnswer(msgspec.Struct):
    results: list[_Cancelled]


class _PreviewAnswer(msgspec.Struct):
    errs: list[str]


class _EditFailure(msgspec.Struct):
    edit_failure_reason: str = ""
    preview_failure_reason: str = ""


class _EditAnswer(msgspec.Struct):
    success: bool
    errors: list[_EditFailure] = []


class _Terms(msgspec.Struct):
    base_size: str = ""
    limit_price: str = ""
    stop_price: str = ""
    stop_trigger_price: str = ""  # a bracket's


class _TermsOrder(msgspec.Struct):
    order_configuration: dict[str, _Terms]


class _TermsAnswer(msgspec.Struct):
    order: _TermsOrder


class _Order(msgspec.Struct):
    order_id: str
    client_order_id: str
    product_id: str
    side: str
    status: str
    created_time: str
    filled_size: str
    number_of_fills: str | int = ""
    filled_value: str = ""
    total_fees: str = ""
    reject_reason: str = ""
    cancel_message: str = ""
    is_liquidation: bool = False


class _OrderAnswer(msgspec.Struct):
    order: _Order


class _OrdersPage(msgspec.Struct):
    orders: list[Any]  # row by row, as somebody else's may have shapes we do not know
    has_next: bool
    cursor: str = ""


def build_create(intent: OrderIntended) -> dict[str, Any]:
    """The request that places an order, and nothing that is not in the intent.

    `reduces` stays with us: Coinbase refuses reduce-only on spot products. `reduce_only` goes out,
    and only orders of contracts have it.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/create-order
    """
    return {"client_order_id": intent.client_order_id, **build_preview(intent.draft)}


def build_preview(draft: Draft) -> dict[str, Any]:
    """The request that asks what Coinbase would make of an order; it places nothing.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: orders, preview order
    """
    return {
        "product_id": draft.product_id,
        "side": draft.side.value,
        "order_configuration": _configuration(draft),
        **({"reduce_only": True} if draft.reduce_only else {}),
    }


def build_fee_preview(product_id: str) -> dict[str, Any]:
    """The request that asks what one contract costs to take; it places nothing."""
    return {
        "product_id": product_id,
        "side": Side.BUY.value,
        "order_configuration": {"market_market_ioc": {"base_size": "1"}},
    }


def parse_preview(body: Any) -> tuple[str, ...]:
    """Coinbase's reasons to refuse an order; none where it would take it.

    Raises
    ------
    WireError
        The answer says nothing of errors: silence is no consent.
    """
    return tuple(one_line(reason) for reason in convert(body, _PreviewAnswer).errs)


def build_cancel(order_ids: Sequence[str]) -> dict[str, Any]:
    """The request that cancels orders, at most 100 of them."""
    assert 1 <= len(order_ids) <= 100, len(order_ids)
    return {"order_ids": list(order_ids)}


def build_edit(order_id: str, edit: EditIntended) -> dict[str, Any]:
    """The request that changes an order in its place: price and whole new size, both needed.

    A stop price goes with the orders that have one, brackets included.

    References
    ----------
    docs.cdp.coinbase.com, Advanced Trade, REST API: orders, edit order
    """
    terms = edit.terms
    stop = {} if terms.stop_price is None else {"stop_price": build_amount(terms.stop_price)}
    return {
        "order_id": order_id,
        "price": build_amount(terms.limit_price),
        "size": build_amount(terms.base_size),
        **stop,
    }


def parse_edited(body: Any) -> tuple[bool, str]:
    """Whether Coinbase changed the order, and why not.

    Raises
    ------
    OutcomeUnknown
        The answer cannot be read.
    """
    try:
        answer = convert(body, _EditAnswer)
    except WireError as error:
        raise OutcomeUnknown(f"edit: {error}") from None
    if answer.success:
        return True, ""
    reasons = (
        word for e in answer.errors for word in (e.edit_failure_reason, e.preview_failure_reason)
    )
    telling = [word for word in reasons if word and not word.startswith("UNKNOWN_")]
    return False, one_line(telling[0]) if telling else UNKNOWN_REASON


def parse_terms(body: Any) -> Terms:
    """Size and prices of an order as it stands at Coinbase now.

    Raises
    ------
    WireError
        It is no order with a base size and a limit price.
    """
    configuration = convert(body, _TermsAnswer).order.order_configuration
    fields = next(iter(configuration.values()), None)
    if len(configuration) != 1 or fields is None:
        raise WireError("an order with no or several configurations")
    stop = fields.stop_price or fields.stop_trigger_price
    return Terms(
        parse_positive(fields.base_size),
        parse_positive(fields.limit_price),
        parse_positive(stop) if stop else None,
    )


def parse_created(
    body: Any, intent: OrderIntended, answered_ns: int
) -> OrderAccepted | OrderRejected:
    """Coinbase's answer to a create: accepted with an order id, or rejected with a reason.

    `success` and the ids decide, never the wording of a reason. "Already used" is no rejection:
    the order with this id may be ours and alive.

    Raises
    ------
    OutcomeUnknown
        The answer contradicts itself, speaks of another order, or cannot be read.
    """
    try:
        answer = convert(body, _CreateAnswer)
    except WireError as error:
        raise OutcomeUnknown(f"create {intent.client_order_id}: {error}") from None
    created = answer.success_response or _Created()
    order_id = created.order_id or answer.order_id or ""
    if answer.success:
        if not order_id or created.client_order_id != intent.client_order_id:
            raise OutcomeUnknown(f"create {intent.client_order_id}: success without our ids")
        return OrderAccepted(answered_ns, intent.client_order_id, order_id)
    if order_id:
        raise OutcomeUnknown(f"create {intent.client_order_id}: no success, but an order id")
    failure = answer.error_response or _Failure()
    reasons = (
        failure.error,
        failure.new_order_failure_reason,
        failure.preview_failure_reason,
    )
    if any(DUPLICATE in reason for reason in reasons):
        raise OutcomeUnknown(f"create {intent.client_order_id}: an order with this id exists")
    # `error` is often the unknown one, with the real reason in one of the other two.
    telling = [r for r in reasons if r and not r.startswith("UNKNOWN_")]
    return OrderRejected(
        answered_ns,
        intent.client_order_id,
        one_line(telling[0]) if telling else UNKNOWN_REASON,
        one_line(failure.message or failure.error_details),
    )


def parse_cancelled(body: Any, order_ids: Sequence[str]) -> tuple[CancelWord, ...]:
    """Coinbase's word on each order we wished to cancel, in the order of our request.

    Raises
    ------
    OutcomeUnknown
        The answer cannot be read or says nothing of one of the orders.
    """
    try:
        results = {r.order_id: r for r in convert(body, _CancelAnswer).results}
    except WireError as error:
        raise OutcomeUnknown(f"cancel: {error}") from None
    if missing := [order_id for order_id in order_ids if order_id not in results]:
        raise OutcomeUnknown(f"cancel: no word on {', '.join(missing)}")
    words = (results[order_id] for order_id in order_ids)
    return tuple(
        CancelWord(w.order_id, w.success, "" if w.success else one_line(w.failure_reason))
        for w in words
    )


def parse_order(body: Any) -> OrderWord:
    """One order.

    Raises
    ------
    WireError
        A field is missing or wrong, or a status is new to us.
    """
    return _parse_order(convert(body, _OrderAnswer).order)


def parse_orders(body: Any) -> Page[OrderWord | ForeignOrder]:
    """One page of orders, newest first. A row that is not ours need not be readable.

    Raises
    ------
    WireError
        As `parse_order`.

    References
    ----------
    https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-orders
    """
    page = convert(body, _OrdersPage)
    cursor = next_cursor(page.has_next, page.cursor)
    return Page(tuple(_parse_row(row) for row in page.orders), cursor)


def _parse_row(row: Any) -> OrderWord | ForeignOrder:
    try:
        return _parse_order(convert(row, _Order))
    except WireError as error:
        return foreign_order(convert(row, Names), error)


def _parse_order(wire: _Order) -> OrderWord:
    if not wire.order_id:
        raise WireError("an order without an order id")
    filled_size: Decimal = parse_amount(wire.filled_size)
    return OrderWord(
        order_id=wire.order_id,
        client_order_id=wire.client_order_id,
        product_id=wire.product_id,
        side=parse_side(wire.side),
        status=parse_status(wire.status),
        filled_size=filled_size,
        fill_count=parse_fill_count(wire.number_of_fills, filled_size),
        filled_value=parse_when_filled(wire.filled_value, filled_size),
        total_fees=parse_when_filled(wire.total_fees, filled_size),
        reject_reason="" if wire.reject_reason == NO_REJECTION else one_line(wire.reject_reason),
        cancel_reason=one_line(wire.cancel_message),
        created_ns=parse_time(wire.created_time),
        is_liquidation=wire.is_liquidation,
    )


def _configuration(draft: Draft) -> dict[str, dict[str, Any]]:
    base_size = build_amount(draft.base_size)
    assert draft.end_ns is None or draft.time_in_force is TimeInForce.GTD, draft
    if draft.order_type is OrderType.MARKET:
        assert draft.time_in_force is TimeInForce.IOC, draft
        assert draft.limit_price is None and not draft.post_only, draft
        return {"market_market_ioc": {"base_size": base_size}}
    assert draft.limit_price is not None, draft
    fields: dict[str, Any] = {
        "base_size": base_size,
        "limit_price": build_amount(draft.limit_price),
    }
    if draft.order_type is not OrderType.LIMIT:
        return _triggered(draft, fields)
    if draft.time_in_force is TimeInForce.GTC:
        return {"limit_limit_gtc": {**fields, "post_only": draft.post_only}}
    if draft.time_in_force is TimeInForce.GTD:
        assert draft.end_ns is not None, draft
        end_time = build_time(draft.end_ns)
        return {"limit_limit_gtd": {**fields, "end_time": end_time, "post_only": draft.post_only}}
    assert not draft.post_only, draft
    keys = {TimeInForce.IOC: "sor_limit_ioc", TimeInForce.FOK: "limit_limit_fok"}
    assert draft.time_in_force in keys, draft
    return {keys[draft.time_in_force]: fields}


def _triggered(draft: Draft, fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A stop-limit order, or both exits of a position in one.

    The direction is that of a stop: a sale waits for a fall, a buy for a rise. Which other
    meanings Coinbase gives the two is in Advanced Trade's create order, `stop_direction`.
    """
    assert draft.stop_price is not None and not draft.post_only, draft
    ends = {TimeInForce.GTC: "gtc", TimeInForce.GTD: "gtd"}
    assert draft.time_in_force in ends, draft
    if draft.end_ns is not None:
        fields = {**fields, "end_time": build_time(draft.end_ns)}
    stop_price, end = build_amount(draft.stop_price), ends[draft.time_in_force]
    if draft.order_type is OrderType.BRACKET:
        return {f"trigger_bracket_{end}": {**fields, "stop_trigger_price": stop_price}}
    way = "STOP_DIRECTION_STOP_DOWN" if draft.side is Side.SELL else "STOP_DIRECTION_STOP_UP"
    return {
        f"stop_limit_stop_limit_{end}": {**fields, "stop_price": stop_price, "stop_direction": way}
    }
