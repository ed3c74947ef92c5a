"""The body of a create, read and checked: an order request, or the reason it is rejected for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import CASH_PLACES, parse_number, whole_steps
from gpt_trader.exchange.orders import Attached, OrderRequest, OrderType, Side, TimeInForce, Trigger
from gpt_trader.exchange.reasons import Reason, Rejected, reject, reject_in_preview
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.timestamps import DAY_S, SECOND_NS, parse_time

Wire = dict[str, Any]

END_AHEAD_NS_MAX = 10 * 366 * DAY_S * SECOND_NS  # ours: Coinbase does not publish its own
MARGIN_TYPES = frozenset({"", "CROSS", "ISOLATED", "UNKNOWN_MARGIN_TYPE"})
NO_LEVERAGE = frozenset({"", "1", "1.0"})

CONFIGURATIONS = {
    "market_market_ioc": (OrderType.MARKET, TimeInForce.IOC),
    "sor_limit_ioc": (OrderType.LIMIT, TimeInForce.IOC),
    "limit_limit_gtc": (OrderType.LIMIT, TimeInForce.GTC),
    "limit_limit_gtd": (OrderType.LIMIT, TimeInForce.GTD),
    "limit_limit_fok": (OrderType.LIMIT, TimeInForce.FOK),
    "stop_limit_stop_limit_gtc": (OrderType.STOP_LIMIT, TimeInForce.GTC),
    "stop_limit_stop_limit_gtd": (OrderType.STOP_LIMIT, TimeInForce.GTD),
    "trigger_bracket_gtc": (OrderType.BRACKET, TimeInForce.GTC),
    "trigger_bracket_gtd": (OrderType.BRACKET, TimeInForce.GTD),
}
"""The configurations this exchange takes; of all others it says that they are unsupported."""

FOR_CONTRACTS = {"market_market_fok": (OrderType.MARKET, TimeInForce.FOK)}
"""What it takes for contracts besides, as Coinbase does."""

TAKE_PROFIT, STOP_LOSS = "INVALID_ATTACHED_TAKE_PROFIT_PRICE", "INVALID_ATTACHED_STOP_LOSS_PRICE"

RISES = {"STOP_DIRECTION_STOP_UP": True, "STOP_DIRECTION_STOP_DOWN": False}

MAY_REST = frozenset({TimeInForce.GTC, TimeInForce.GTD})


def read_client_order_id(body: Mapping[str, Any]) -> str:
    """Give the client's own id of the order.

    Raises
    ------
    BadRequest
        There is none.
    """
    value = body.get("client_order_id")
    if not isinstance(value, str) or not value:
        raise BadRequest("client_order_id is required")
    return value


def read_configuration(body: Mapping[str, Any]) -> Wire:
    """Give the order's configuration: an object with one key.

    Raises
    ------
    BadRequest
        It is missing or of another form.
    """
    value = body.get("order_configuration")
    if not isinstance(value, dict) or len(value) != 1:
        raise BadRequest("order_configuration must have exactly one configuration")
    inner = next(iter(value.values()))
    if not isinstance(inner, dict):
        raise BadRequest("the configuration must be an object")
    return value


def read_request(
    body: Mapping[str, Any], products: Mapping[str, Product], now_ns: int
) -> OrderRequest:
    """Read the body of a create or a preview into whole increments; a preview has no client id.

    Raises
    ------
    BadRequest
        The body is malformed.
    Rejected
        It is well formed, but the exchange does not take such an order.
    """
    configuration = read_configuration(body)
    product = products.get(str(body.get("product_id", "")))
    if product is None:
        raise reject("INVALID_PRODUCT_ID", "Product is not valid")
    if body.get("side") not in ("BUY", "SELL"):
        raise reject("INVALID_SIDE", "Side must be BUY or SELL")
    side = Side(body["side"])
    name, fields = next(iter(configuration.items()))
    kind, time_in_force = _configuration(name, product)
    reduce_only = _flag(body, "reduce_only") or _flag(fields, "reduce_only")
    _refuse_extras(body, product, reduce_only)
    post_only = _post_only(fields, name, time_in_force)
    lots, money = _size(fields, kind, side, product)
    limit = _limit(fields, kind, product)
    return OrderRequest(
        client_order_id=read_text(body, "client_order_id"),
        product=product,
        side=side,
        configuration={name: fields | {"reduce_only": True}} if reduce_only else configuration,
        kind=kind,
        time_in_force=time_in_force,
        limit=limit,
        lots=lots,
        money=money,
        post_only=post_only,
        end_ns=_end(fields, now_ns) if time_in_force is TimeInForce.GTD else None,
        trigger=None if limit is None else _trigger(fields, kind, product, limit, side),
        attached=_attached(body, kind, product, limit, side),
        reduce_only=reduce_only,
        leverage="" if product.contract is None else read_text(body, "leverage") or "1",
    )


def _limit(fields: Wire, kind: OrderType, product: Product) -> int | None:
    text = read_text(fields, "limit_price")
    if kind is not OrderType.MARKET:
        return read_price(text, product)
    if text:
        raise reject("PRICE_NOT_ALLOWED_FOR_MARKET_ORDERS", "A market order has no limit price")
    return None


def _configuration(name: str, product: Product) -> tuple[OrderType, TimeInForce]:
    found = CONFIGURATIONS.get(name)
    if product.contract is not None:
        found = FOR_CONTRACTS.get(name, found)
    if found is None or (product.contract is not None and found[0] is OrderType.BRACKET):
        raise _unsupported(f"{name} is not supported on this exchange")
    return found


def _refuse_extras(body: Mapping[str, Any], product: Product, reduce_only: bool) -> None:
    """Refuse what would be lost in silence: a stop that is not there protects nobody."""
    contract, leverage = product.contract, read_text(body, "leverage")
    margin_type = read_text(body, "margin_type")
    if margin_type not in MARGIN_TYPES:
        raise reject("INVALID_MARGIN_TYPE", f"There is no margin type {margin_type!r}")
    if contract is not None:
        value = parse_number(leverage or "1")
        if value is None or not 1 <= value <= contract.leverage_max:
            raise reject("INVALID_LEVERAGE", f"Leverage must be from 1 to {contract.leverage_max}")
        if margin_type == "ISOLATED":
            raise reject("INVALID_MARGIN_TYPE", "Contracts share one margin here: CROSS")
        return
    if reduce_only:
        raise reject(
            "REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS", "A spot order cannot be reduce-only"
        )
    if leverage not in NO_LEVERAGE:
        raise reject("INVALID_LEVERAGE", f"A spot order has no leverage, not {leverage!r}")


def _post_only(fields: Wire, name: str, time_in_force: TimeInForce) -> bool:
    post_only = _flag(fields, "post_only")
    if post_only and time_in_force is TimeInForce.FOK:
        raise reject("POST_ONLY_NOT_ALLOWED_WITH_FOK", "A fill-or-kill order cannot be post-only")
    if post_only and not name.startswith("limit_limit"):
        raise _unsupported(f"{name} cannot be post-only")
    return post_only


def _size(
    fields: Wire, kind: OrderType, side: Side, product: Product
) -> tuple[int | None, int | None]:
    base_text = read_text(fields, "base_size")
    quote_text = read_text(fields, "quote_size")
    if quote_text and kind is OrderType.BRACKET:
        raise reject("QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET", "A bracket is sized in base")
    if bool(base_text) == bool(quote_text):
        raise _unsupported("Give either base_size or quote_size")
    if base_text:
        return read_lots(base_text, product), None
    if kind is not OrderType.MARKET or side is Side.SELL or product.contract is not None:
        raise _unsupported("quote_size is for market buys only on this exchange")
    return None, _money(quote_text, product)


def read_lots(text: str, product: Product) -> int:
    """Read a base size into base increments.

    Raises
    ------
    Rejected
        No number, too precise, too small or too large.
    """
    value = _number(text)
    if value <= 0:
        raise _too("BASE", "SMALL", f"Base size {text} must be above 0")
    lots = whole_steps(value, product.base_places)
    if lots is None:
        raise reject("INVALID_SIZE_PRECISION", f"Base size {text} is too precise")
    if lots < product.base_min:
        raise _too("BASE", "SMALL", f"Base size {text} is below {product.base_text(1)}")
    if lots > product.base_max:
        raise _too("BASE", "LARGE", f"Base size {text} is too large")
    return lots


def _money(text: str, product: Product) -> int:
    value = _number(text)
    if value <= 0:
        raise _too("QUOTE", "SMALL", f"Quote size {text} must be above 0")
    units = whole_steps(value, CASH_PLACES)
    if units is None or whole_steps(value, product.quote_places) is None:
        raise Rejected(
            Reason(
                "INVALID_SIZE_PRECISION",
                "PREVIEW_INVALID_QUOTE_SIZE_PRECISION",
                f"Quote size {text} is too precise",
            )
        )
    if units < product.quote_min:
        raise _too("QUOTE", "SMALL", f"Quote size {text} is too small")
    if units > product.quote_max:
        raise _too("QUOTE", "LARGE", f"Quote size {text} is too large")
    return units


def read_price(text: str, product: Product) -> int:
    """Read a limit price into price increments.

    Raises
    ------
    Rejected
        No price, or too precise.
    """
    value = parse_number(text)
    if value is None or value <= 0:
        raise reject("INVALID_LIMIT_PRICE", f"Limit price {text!r} is not a price")
    ticks = product.ticks(value)
    if ticks is None:
        raise reject("INVALID_PRICE_PRECISION", f"Limit price {text} is too precise")
    return ticks


def _trigger(
    fields: Wire, kind: OrderType, product: Product, limit: int, side: Side
) -> Trigger | None:
    if kind is OrderType.STOP_LIMIT:
        return _stop(fields, product, limit, side)
    if kind is OrderType.BRACKET:
        return _bracket_stop(fields, product, limit, side)
    return None


def _stop(fields: Wire, product: Product, limit: int, side: Side) -> Trigger:
    """Read a stop. Its limit may not lie on the near side of it: it would hardly ever fill."""
    text = read_text(fields, "stop_price")
    value = parse_number(text)
    if value is None or value <= 0:
        raise reject_in_preview("INVALID_STOP_PRICE", f"Stop price {text!r} is not a price")
    price = product.ticks(value)
    if price is None:
        raise reject_in_preview("INVALID_STOP_PRICE_PRECISION", f"Stop price {text} is too precise")
    rises = RISES.get(read_text(fields, "stop_direction"))
    if rises is None:
        raise BadRequest(f"stop_direction must be one of {', '.join(RISES)}")
    if side is Side.BUY and price > limit:
        raise reject_in_preview(
            "STOP_PRICE_ABOVE_LIMIT_PRICE", f"Stop price {text} is above the buy's limit price"
        )
    if side is Side.SELL and price < limit:
        raise reject_in_preview(
            "STOP_PRICE_BELOW_LIMIT_PRICE", f"Stop price {text} is below the sale's limit price"
        )
    return Trigger(price, rises)


def _bracket_stop(fields: Wire, product: Product, limit: int, side: Side) -> Trigger:
    """Read the loss side of a bracket, which lies opposite to its limit, the gain side."""
    text = read_text(fields, "stop_trigger_price")
    value = parse_number(text)
    price = None if value is None else product.ticks(value)
    if price is None or price <= 0:
        raise reject(
            "INVALID_BRACKET_STOP_TRIGGER_PRICE", f"Stop trigger price {text!r} is not a price"
        )
    if (price >= limit) if side is Side.SELL else (price <= limit):
        raise reject(
            "INVALID_BRACKET_PRICES",
            "A selling bracket's limit is above its stop trigger, a buying one's below",
        )
    return Trigger(price, rises=side is Side.BUY)


def _attached(
    body: Mapping[str, Any], kind: OrderType, product: Product, limit: int | None, side: Side
) -> Attached | None:
    """Read the exits a buy brings along; they must enclose its limit."""
    configuration = body.get("attached_order_configuration")
    if configuration is None:
        return None
    if not isinstance(configuration, dict):
        raise BadRequest("attached_order_configuration must be an object")
    fields = configuration.get("trigger_bracket_gtc")
    if len(configuration) != 1 or not isinstance(fields, dict):
        raise _unsupported("Only a trigger_bracket_gtc can be attached")
    if side is Side.SELL or kind is OrderType.BRACKET or product.contract is not None:
        raise reject("BRACKET_ORDER_NOT_SUPPORTED", "Only a spot buy can have exits attached")
    if read_text(fields, "base_size") or read_text(fields, "quote_size"):
        raise reject("ATTACHED_ORDER_SIZE_MUST_BE_NIL", "Attached exits sell what was bought")
    gain = _attached_price(fields, "limit_price", TAKE_PROFIT, product)
    loss = _attached_price(fields, "stop_trigger_price", STOP_LOSS, product)
    check_enclosed(gain, loss, limit)
    return Attached(gain, loss, configuration)


def _attached_price(fields: Wire, name: str, reason: str, product: Product) -> int:
    text = read_text(fields, name)
    value = parse_number(text)
    if value is None or value <= 0:
        raise reject(reason, f"Attached {name} {text!r} is not a price")
    price = product.ticks(value)
    if price is None:
        raise reject(f"{reason}_PRECISION", f"Attached {name} {text} is too precise")
    return price


def check_enclosed(gain: int, loss: int, price: int | None) -> None:
    """Refuse exits that do not enclose a price, in price increments; None is not known yet.

    Raises
    ------
    Rejected
        The gain is not above it, or the loss not below it.
    """
    if gain <= (loss if price is None else price):
        raise reject(TAKE_PROFIT, "Attached limit_price must be above what the buy may cost")
    if price is not None and loss >= price:
        raise reject(STOP_LOSS, "Attached stop_trigger_price must be below what the buy may cost")


def _end(fields: Wire, now_ns: int) -> int:
    text = read_text(fields, "end_time")
    if not text:
        raise reject("GTD_ORDERS_MUST_HAVE_END_TIME", "A good-until-date order needs end_time")
    end_ns = parse_time(text)
    if end_ns is None:
        raise BadRequest(f"end_time {text!r} is not an RFC 3339 time")
    if end_ns <= now_ns:
        raise reject("END_TIME_IS_IN_THE_PAST", f"End time {text} has passed")
    if end_ns > now_ns + END_AHEAD_NS_MAX:
        raise reject("END_TIME_TOO_FAR_IN_FUTURE", f"End time {text} is more than 10 years ahead")
    return end_ns


def _number(text: str) -> Decimal:
    value = parse_number(text)
    if value is None:
        raise reject_in_preview("NON_NUMERIC_ORDER_SIZE", f"Order size {text!r} is not a number")
    return value


def read_text(fields: Mapping[str, Any], name: str) -> str:
    """Give a field, "" when it is absent or null.

    Raises
    ------
    BadRequest
        It is no string.
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} must be a string")
    return value or ""  # null stands for an absent field


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false")
    return bool(value)


def _too(what: str, how: str, message: str) -> Rejected:
    return reject_in_preview(f"INVALID_{what}_SIZE_TOO_{how}", message)


def _unsupported(message: str) -> Rejected:
    return reject("UNSUPPORTED_ORDER_CONFIGURATION", message)
