"""Previews and orders as documents: every number as text, and null for what is not known."""

from decimal import Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import Verdict
from gpt_trader.domain.product import Contract, Product, amount_of, plain
from gpt_trader.engine.preview import Preview
from gpt_trader.risk.margin import NOT_KNOWN

Document = dict[str, object]


def preview_document(preview: Preview, product: Product) -> Document:
    """A preview with every number as text; null is not known."""
    return {
        "order": draft_document(preview.draft),
        "price": _text(preview.price),
        "notional": _text(preview.notional),
        "fee_rate": f"{preview.fee_rate:f}",
        "fee": _text(preview.fee),
        "fills_at_once": _text(preview.walk.base_size),
        "average_price": _text(preview.walk.average_price),
        "slippage_bps": _text(preview.walk.slippage_bps),
        "position": _text(preview.position),
        "position_after": _text(preview.position_after),
        "base": product.base,
        "quote": product.quote,
        "contract": None if product.contract is None else _contract(preview, product.contract),
        "verdicts": [verdict_document(verdict) for verdict in preview.verdicts],
        "allowed": not preview.denials,
        "denials": list(preview.denials),
        "probable_refusals": [
            {"reason": one.name, "why": one.sentence, "gap_bps": _text(one.gap_bps)}
            for one in preview.refusals
        ],
        "warnings": list(preview.warnings),
    }


def _contract(preview: Preview, contract: Contract) -> Document:
    """What an order of contracts comes to beside a position, by the rules' own numbers."""
    told = {verdict.rule: verdict_document(verdict)["value"] for verdict in preview.verdicts}
    return {
        "underlying_size": f"{plain(preview.draft.base_size * contract.size):f}",
        "underlying": contract.underlying,
        "fee_a_contract": f"{plain(contract.taker_fee):f}",
        "margin_after": told["margin"],
        "leverage_after": told["leverage"],
        "liquidation_buffer_percent_after": told["liquidation_buffer"],
    }


def draft_document(draft: Draft) -> Document:
    """An order as it would be sent."""
    return {
        "product_id": draft.product_id,
        "side": draft.side.value,
        "type": draft.order_type.value,
        "time_in_force": draft.time_in_force.name,
        "base_size": f"{plain(draft.base_size):f}",
        "limit_price": _text(draft.limit_price),
        "stop_price": _text(draft.stop_price),
        "end_ns": draft.end_ns,
        "post_only": draft.post_only,
        "reduces": draft.reduces,
    }


def verdict_document(verdict: Verdict) -> Document:
    """One rule's word, its numbers in its unit."""
    return {
        "rule": verdict.rule,
        "denies": verdict.denies,
        "value": None if verdict.value == NOT_KNOWN else f"{verdict.value:f}",
        "limit": None if verdict.limit == NOT_KNOWN else f"{verdict.limit:f}",
        "unit": verdict.unit,
    }


def order_document(order: Order, product: Product) -> Document:
    """An order of ours as far as we know it; price and fees are those of the fills in the books."""
    booked = product.size(order.booked_lots)
    paid = Decimal(order.paid_tick_lots) * product.price_increment * product.base_increment
    average = (paid / booked).quantize(product.price_increment / 100) if booked else None
    return {
        "client_order_id": order.client_order_id,
        "order_id": order.order_id or None,
        "product_id": order.product_id,
        "side": order.side.value,
        "type": order.order_type.value,
        "time_in_force": order.time_in_force.name,
        "status": order.status.value,
        "base_size": f"{plain(product.size(order.lots)):f}",
        "filled_size": f"{plain(booked):f}",
        "limit_price": _text(product.price(order.limit_ticks)) if order.limit_ticks else None,
        "stop_price": _text(product.price(order.stop_ticks)) if order.stop_ticks else None,
        "average_price": _text(average),
        "fees": f"{plain(amount_of(order.fee_units)):f}",
        "intended_ns": order.intended_ns,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{plain(value):f}"
