"""Every reason Coinbase prints for refusing an order, an edit or a cancel, and its rule here.

A line is a name and the rule by which this exchange gives it. Where nobody outside Coinbase knows
the cause there is no rule: such a reason is never given by itself, only by a fault switch, which
makes it with ``switched``. The lists are those of the Advanced Trade reference for POST /orders,
/orders/preview, /orders/edit and /orders/batch_cancel, and of an order's ``reject_reason``; the
families SCALED_*, RFQ_* and of equities are left out, since nothing of them is traded here.
"""

from dataclasses import dataclass

UNKNOWN, UNKNOWN_PREVIEW = "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON"

SWITCH = "by a fault switch only"

# name | name in preview_failure_reason, without its PREVIEW_: "=" the same, "-" none | rule
NEW_ORDER_TABLE = """
UNSUPPORTED_ORDER_CONFIGURATION | INVALID_ORDER_CONFIG | a type or fields that are not traded here
INVALID_SIDE | = | a side other than BUY and SELL
INVALID_PRODUCT_ID | = | a product that is not listed
INVALID_SIZE_PRECISION | = | a size between two increments
INVALID_PRICE_PRECISION | = | a limit price between two increments
INSUFFICIENT_FUND | = | less is free than the order would hold
INSUFFICIENT_FUNDS | INSUFFICIENT_FUNDS_FOR_FUTURES | less margin is there than contracts need
INVALID_LEDGER_BALANCE | - |
ORDER_ENTRY_DISABLED | - |
INELIGIBLE_PAIR | - |
INVALID_LIMIT_PRICE_POST_ONLY | = | a post-only order that would match
INVALID_LIMIT_PRICE | = | a limit price that is no number above 0
INVALID_NO_LIQUIDITY | = | a market order with nothing to match
INVALID_REQUEST | - |
COMMANDER_REJECTED_NEW_ORDER | - |
DUPLICATE_CLIENT_ORDER_ID | - | a repeated client_order_id, with --duplicate reject
UNTRADABLE_PRODUCT | = |
TRADING_DISABLED | = | a product whose trading is disabled
PRODUCT_TRADING_HALTED | = |
IN_LIQUIDATION | = | a contract, while the account is being liquidated; not reduce-only
INVALID_MARGIN_TYPE | = | an unknown margin_type, or ISOLATED for a contract
INVALID_LEVERAGE | = | a leverage other than 1 on a spot product, or above a contract's
INVALID_FCM_TRADING_SESSION | - |
GEOFENCING_RESTRICTION | - |
CANNOT_CLOSE_ZERO_POSITION | - | closing a position that is not there
GTD_ORDERS_MUST_HAVE_END_TIME | = | a good-until-date order without end_time
END_TIME_IS_IN_THE_PAST | = | an end_time that is not after now
END_TIME_TOO_FAR_IN_FUTURE | - | an end_time more than ten years ahead
START_TIME_MUST_BE_SPECIFIED | - |
DURATION_TOO_SMALL | - |
DURATION_TOO_LARGE | - |
LIMIT_PRICE_TOO_FAR_FROM_MARKET | = |
LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_BUY | - |
LIMIT_ORDER_PRICE_EXCEEDS_PRICE_BAND_ON_SELL | - |
FOK_DISABLED | = |
FOK_ONLY_ALLOWED_ON_LIMIT_ORDERS | = |
POST_ONLY_NOT_ALLOWED_WITH_FOK | - | a fill-or-kill order that is post-only
PRICE_NOT_ALLOWED_FOR_MARKET_ORDERS | - | a market order with a limit price
REDUCE_ONLY_NOT_ALLOWED_ON_VENUE | = |
REDUCE_ONLY_NOT_ALLOWED_ON_SPOT_PRODUCTS | = | reduce_only on a spot product
REDUCE_ONLY_INCREASED_POSITION_SIZE | = | a reduce-only order larger than the position
POSITION_SIZE_INCREASE_REJECT | - |
STOP_ALREADY_TRIGGERED | - |
OPEN_BRACKET_ORDERS | - |
BRACKET_ORDER_NOT_SUPPORTED | - | exits attached to a sale or a bracket
INVALID_BRACKET_PRICES | = | a bracket whose limit is no gain from its stop trigger
INVALID_BRACKET_LIMIT_PRICE | = | a bracket whose limit is no gain from the last trade
INVALID_BRACKET_STOP_TRIGGER_PRICE | = | a bracket whose stop the last trade has passed
BRACKET_LIMIT_PRICE_OUT_OF_BOUNDS | - |
STOP_TRIGGER_PRICE_OUT_OF_BOUNDS | - |
QUOTE_SIZE_NOT_ALLOWED_FOR_BRACKET | - | a bracket sized in quote
ATTACHED_ORDER_SIZE_MUST_BE_NIL | - | attached exits with a size of their own
INVALID_ATTACHED_TAKE_PROFIT_PRICE | - | an attached limit without gain on what the buy may cost
INVALID_ATTACHED_TAKE_PROFIT_PRICE_PRECISION | - | an attached limit between two increments
INVALID_ATTACHED_TAKE_PROFIT_PRICE_OUT_OF_BOUNDS | - |
INVALID_ATTACHED_STOP_LOSS_PRICE | - | an attached stop above what the buy may cost
INVALID_ATTACHED_STOP_LOSS_PRICE_PRECISION | - | an attached stop between two increments
INVALID_ATTACHED_STOP_LOSS_PRICE_OUT_OF_BOUNDS | - |
BUCKET_SIZE_SMALLER_THAN_QUOTE_MIN | - |
BUCKET_SIZE_SMALLER_THAN_BASE_MIN | - |
FUTURES_AFTER_HOUR_INVALID_ORDER_TYPE | - |
FUTURES_AFTER_HOUR_INVALID_TIME_IN_FORCE | - |
"""

# names that only preview_failure_reason has, without PREVIEW_ | rule
PREVIEW_TABLE = """
INVALID_QUOTE_SIZE_PRECISION | a quote size between two increments
INVALID_BASE_SIZE_TOO_SMALL | a base size below the product's smallest
INVALID_BASE_SIZE_TOO_LARGE | a base size above the product's largest
INVALID_QUOTE_SIZE_TOO_SMALL | a quote size below the smallest, or that buys nothing
INVALID_QUOTE_SIZE_TOO_LARGE | a quote size above the product's largest
INVALID_PRICE_TOO_LARGE |
INSUFFICIENT_LEDGER_BALANCE |
INVALID_LIMIT_PRICE_PRECISION |
INVALID_STOP_PRICE | a stop price that is no number above 0
INVALID_STOP_PRICE_PRECISION | a stop price between two increments
STOP_PRICE_ABOVE_LAST_TRADE_PRICE | a falling stop that the last trade has passed
STOP_PRICE_BELOW_LAST_TRADE_PRICE | a rising stop that the last trade has passed
STOP_PRICE_ABOVE_LIMIT_PRICE | a buy whose stop is above its limit
STOP_PRICE_BELOW_LIMIT_PRICE | a sale whose stop is below its limit
MISSING_PRODUCT_PRICE_BOOK | a trigger or a contract that has not traded yet
MISSING_COMMISSION_RATE |
INVALID_END_TIME |
BREACHED_PRICE_LIMIT |
INVALID_MARGIN_HEALTH |
CLOSE_ONLY_FAILURE |
NON_NUMERIC_ORDER_SIZE | a size that is no number
ORDER_IS_PENDING_CANCEL |
"""

EDIT_TABLE = """
COMMANDER_REJECTED_EDIT_ORDER |
CANNOT_EDIT_TO_BELOW_FILLED_SIZE | a size of which nothing would be left
ORDER_NOT_FOUND | no order has this id
CALLER_ID_MISMATCH |
ONLY_LIMIT_ORDER_EDITS_SUPPORTED | a market order
INVALID_EDITED_SIZE | a size that a new order could not have
INVALID_EDITED_PRICE | a price that a new order could not have
INVALID_ORIGINAL_SIZE |
INVALID_ORIGINAL_PRICE |
EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST | the price and size it has
ONLY_OPEN_ORDERS_CAN_BE_EDITED | an order that has ended
SIZE_IN_QUOTE_EDITS_NOT_ALLOWED | an order sized in quote
ORDER_IS_ALREADY_BEING_REPLACED |
CANNOT_EDIT_ORDER_PENDING_CANCEL |
CANNOT_EDIT_STOP_PRICE_FOR_TRIGGERED_ORDER | another stop for one that fired
CANNOT_EDIT_TRIGGERED_ORDER | a stop or a bracket that fired
INVALID_EDITED_STOP_PRICE | a stop that a new order could not have
EXCEEDED_MAX_ALLOWED_EDIT_REQUEST_COUNT |
CANNOT_EDIT_FUTURES_ORDER | an order of contracts
ORDER_EDIT_ORDER_TYPE_NOT_SUPPORTED | not good until cancelled, or a change of attached exits
"""

CANCEL_TABLE = """
INVALID_CANCEL_REQUEST |
UNKNOWN_CANCEL_ORDER | no such order, or it has ended
COMMANDER_REJECTED_CANCEL_ORDER |
DUPLICATE_CANCEL_REQUEST | the same id twice in a request
INVALID_CANCEL_PRODUCT_ID |
INVALID_CANCEL_FCM_TRADING_SESSION |
NOT_ALLOWED_TO_CANCEL |
ORDER_IS_FULLY_FILLED |
ORDER_IS_BEING_REPLACED |
"""

LATE_TABLE = """
HOLD_FAILURE | attached exits whose coins another order holds
TOO_MANY_OPEN_ORDERS | more waiting orders than the exchange allows
REJECT_REASON_INSUFFICIENT_FUNDS |
RATE_LIMIT_EXCEEDED |
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order is rejected: Coinbase's names for it and a sentence."""

    error: str  # of the enum new_order_failure_reason
    preview: str  # its sibling in preview_failure_reason
    message: str


class Rejected(Exception):
    """An order that is answered with HTTP 200 and ``success:false``."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


def reject(name: str, message: str) -> Rejected:
    """Make a rejection by its name in ``new_order_failure_reason``."""
    assert NEW_ORDER[name], f"{name} has no rule"
    return Rejected(Reason(name, SIBLINGS[name], message))


def reject_in_preview(name: str, message: str) -> Rejected:
    """Make a rejection that only ``preview_failure_reason`` has a name for."""
    assert PREVIEW_ONLY[name], f"{name} has no rule"
    return Rejected(Reason(UNKNOWN, f"PREVIEW_{name}", message))


def switched(name: str) -> Reason:
    """Make the reason that a fault switch gives for an order, with a rule or without.

    Parameters
    ----------
    name
        As ``new_order_failure_reason`` has it, or as ``preview_failure_reason`` has it.

    Raises
    ------
    ValueError
        Coinbase prints no such reason.
    """
    if name in NEW_ORDER:
        return Reason(name, SIBLINGS[name], NEW_ORDER[name] or SWITCH)
    bare = name.removeprefix("PREVIEW_")
    if name == f"PREVIEW_{bare}" and bare in PREVIEW_ONLY:
        return Reason(UNKNOWN, name, PREVIEW_ONLY[bare] or SWITCH)
    raise ValueError(f"{name!r} is no reason to refuse an order")


def _rules(table: str) -> dict[str, str]:
    rows = [row.split("|") for row in table.strip().split("\n")]
    return {row[0].strip(): row[-1].strip() for row in rows}


def _siblings(table: str) -> dict[str, str]:
    found = {}
    for row in table.strip().split("\n"):
        name, sibling, _ = (part.strip() for part in row.split("|"))
        same = name if sibling == "=" else sibling
        found[name] = UNKNOWN_PREVIEW if sibling == "-" else f"PREVIEW_{same}"
    return found


NEW_ORDER, PREVIEW_ONLY = _rules(NEW_ORDER_TABLE), _rules(PREVIEW_TABLE)
EDIT, CANCEL, LATE = _rules(EDIT_TABLE), _rules(CANCEL_TABLE), _rules(LATE_TABLE)
"""Names and their rules; "" for those that only a switch gives."""

SIBLINGS = _siblings(NEW_ORDER_TABLE)
"""The name in ``preview_failure_reason`` of each in ``new_order_failure_reason``."""
