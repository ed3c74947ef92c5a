"""Query parameters of the reads: parsed, checked, and applied to lists with pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.orders import Fill, Order
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.render import fill_trade_id
from gpt_trader.exchange.timestamps import parse_time

Query = Mapping[str, Sequence[str]]

GRANULARITIES_S = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "FOUR_HOUR": 14400,
    "SIX_HOUR": 21600,
    "ONE_DAY": 86400,
}

STATUSES = frozenset(
    (
        "PENDING",
        "OPEN",
        "FILLED",
        "CANCELLED",
        "EXPIRED",
        "FAILED",
        "UNKNOWN_ORDER_STATUS",
        "QUEUED",
        "CANCEL_QUEUED",
        "EDIT_QUEUED",
    )
)


ALL_TYPES = frozenset(("", "UNKNOWN_PRODUCT_TYPE"))  # product types that stand for every one
ALL_EXPIRIES = frozenset(("", "UNKNOWN_CONTRACT_EXPIRY_TYPE"))
EXPIRY = "EXPIRING"  # as what Coinbase shows contracts of perpetual style too
OURS = frozenset(("", "RETAIL_ADVANCED", "UNKNOWN_PLACEMENT_SOURCE"))  # where all orders come from


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page begins, by the number of its newest element, and how long it is."""

    before: int | None  # only numbers below it; None for the newest
    limit: int


def one(query: Query, name: str) -> str:
    """Give the last value of a parameter, "" without one."""
    values = query.get(name, ())
    return values[-1] if values else ""


def many(query: Query, name: str) -> frozenset[str]:
    """Give all values of a repeated parameter."""
    return frozenset(value for value in query.get(name, ()) if value)


def whole(query: Query, name: str, default: int, most: int) -> int:
    """Give a parameter that counts something, at most ``most``.

    Raises
    ------
    BadRequest
        It is not a whole number, or negative.
    """
    text = one(query, name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(f"{name} must be a whole number, not {text!r}")
    return min(int(text), most)


def page(query: Query, default: int, most: int) -> Page:
    """Read ``limit`` and ``cursor``.

    Raises
    ------
    BadRequest
        One of them is malformed.
    """
    limit = whole(query, "limit", default, most) or default
    return Page(whole(query, "cursor", 0, 10**18) or None, limit)


def moment(query: Query, name: str) -> int | None:
    """Give a time in nanoseconds, None without one.

    Raises
    ------
    BadRequest
        It is not RFC 3339 text.
    """
    text = one(query, name)
    if not text:
        return None
    # A form decoder turns the + of an offset into a space.
    time_ns = parse_time(text.replace(" ", "+"))
    if time_ns is None:
        raise BadRequest(f"{name} must be an RFC 3339 time, not {text!r}")
    return time_ns


def granularity_s(query: Query) -> int:
    """Give the candles' width.

    Raises
    ------
    BadRequest
        It is missing or unknown.
    """
    name = one(query, "granularity")
    if name not in GRANULARITIES_S:
        raise BadRequest(f"granularity must be one of {', '.join(GRANULARITIES_S)}")
    return GRANULARITIES_S[name]


def select_orders(orders: Sequence[Order], query: Query) -> tuple[list[Order], str]:
    """Give a page of orders, newest first, and the cursor of the next page ("" for none).

    Raises
    ------
    BadRequest
        A parameter is malformed.
    """
    bounds = page(query, 1000, 1000)
    order_ids, product_ids = many(query, "order_ids"), many(query, "product_ids")
    statuses, types = many(query, "order_status"), many(query, "order_types")
    times, side = many(query, "time_in_forces"), one(query, "order_side")
    unknown = statuses - STATUSES
    if unknown:
        raise BadRequest(f"unknown order_status {min(unknown)!r}")
    start_ns, end_ns = moment(query, "start_date"), moment(query, "end_date")
    assets = many(query, "asset_filters")
    found: list[Order] = []
    traded = {one(query, "product_type")} - ALL_TYPES
    expiry = one(query, "contract_expiry_type")
    if one(query, "order_placement_source") not in OURS:
        return found, ""
    for order in reversed(orders):
        request = order.request
        if (
            (bounds.before is not None and order.number >= bounds.before)
            or (order_ids and order.order_id not in order_ids)
            or (product_ids and request.product.product_id not in product_ids)
            or (assets and assets.isdisjoint(request.product.currencies))
            or (traded and request.product.product_type not in traded)
            or not _expires(request.product, expiry)
            or (statuses and order.status not in statuses)
            or (types and request.kind not in types)
            or (times and request.time_in_force not in times)
            or (side and request.side != side)
            or (start_ns is not None and order.created_ns < start_ns)
            or (end_ns is not None and order.created_ns >= end_ns)
        ):
            continue
        if len(found) == bounds.limit:
            return found, str(found[-1].number)
        found.append(order)
    return found, ""


def select_fills(
    fills: Sequence[Fill], orders: Mapping[str, Order], query: Query
) -> tuple[list[Fill], str]:
    """Give a page of fills, newest first, and the cursor of the next page ("" for none).

    Both ends of the time range count in, so that no client misses a fill at its own bound.

    Parameters
    ----------
    orders
        By id: a fill is of its order's type.

    Raises
    ------
    BadRequest
        A parameter is malformed.
    """
    bounds = page(query, 100, 1000)
    order_ids, product_ids = many(query, "order_ids"), many(query, "product_ids")
    trade_ids, side = many(query, "trade_ids"), one(query, "order_side")
    start_ns = moment(query, "start_sequence_timestamp")
    end_ns = moment(query, "end_sequence_timestamp")
    types, assets = many(query, "order_types"), many(query, "asset_filters")
    traded = many(query, "product_types") - ALL_TYPES
    found: list[Fill] = []
    for fill in reversed(fills):
        if (
            (bounds.before is not None and fill.number >= bounds.before)
            or (order_ids and fill.order_id not in order_ids)
            or (product_ids and fill.product.product_id not in product_ids)
            or (assets and assets.isdisjoint(fill.product.currencies))
            or (traded and fill.product.product_type not in traded)
            or (types and orders[fill.order_id].request.kind not in types)
            or (trade_ids and fill_trade_id(fill) not in trade_ids)
            or (side and fill.side != side)
            or (start_ns is not None and fill.time_ns < start_ns)
            or (end_ns is not None and fill.time_ns > end_ns)
        ):
            continue
        if len(found) == bounds.limit:
            return found, str(found[-1].number)
        found.append(fill)
    return found, ""


def _expires(product: Product, asked: str) -> bool:
    """Say whether a product is of the asked expiry type, which spot products have none of."""
    return asked in ALL_EXPIRIES or (product.contract is not None and asked == EXPIRY)
