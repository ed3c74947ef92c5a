"""What answers look like when something is wrong with them."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any

import msgspec

from gpt_trader.exchange.decimals import cash_units
from gpt_trader.exchange.faults import Draw
from gpt_trader.exchange.reasons import (
    CANCEL,
    NEW_ORDER,
    PREVIEW_ONLY,
    SWITCH,
    UNKNOWN_PREVIEW,
    Reason,
    switched,
)
from gpt_trader.exchange.refusals import Refusal
from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.timestamps import SECOND_NS, parse_time

LAG_NS = 90 * SECOND_NS  # so far back a listing may be behind
NESTED = 5_000
HUGE_BYTES = 10 * 1024 * 1024
PRICES = {"price", "best_bid", "best_ask"}
NUMBER = re.compile(rb':"\d[\d.]*"')
HTML = b"<html><head><title>Just a moment...</title></head><body>Cloudflare</body></html>"
NEVER_SEEN = "A_REASON_NOBODY_HAS_SEEN_YET"
Written = tuple[int, bytes, dict[str, str]]


def error_page(draw: Draw) -> Written:
    """A server error, as JSON or as some proxy's page."""
    status = (500, 502, 503, 504)[draw.below(4)]
    if draw.below(2):
        return status, HTML, {"Content-Type": "text/html"}
    text = msgspec.json.encode(Refusal(status, "INTERNAL", "an internal error").body)
    return status, text, {"Content-Type": "application/json"}


def too_many(draw: Draw) -> Written:
    """HTTP 429 in one of its shapes, with and without Retry-After."""
    bodies: tuple[bytes, ...] = (
        msgspec.json.encode(Refusal(429, "RATE_LIMIT_EXCEEDED", "Too many requests").body),
        b'{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}',
        HTML,
    )
    headers = {"Retry-After": "1"} if draw.below(2) else {}
    return 429, bodies[draw.below(len(bodies))], headers


def refusal(draw: Draw) -> Reason:
    """Any reason Coinbase prints for refusing an order, or one that it does not print yet."""
    names = (*NEW_ORDER, *(f"PREVIEW_{name}" for name in PREVIEW_ONLY), NEVER_SEEN)
    name = names[draw.below(len(names))]
    return Reason(name, UNKNOWN_PREVIEW, SWITCH) if name == NEVER_SEEN else switched(name)


def cancel_refusals(order_ids: Sequence[str], draw: Draw) -> list[Wire]:
    """A refusal for each order, with one documented reason, or with a new one."""
    reason = (*CANCEL, NEVER_SEEN)[draw.below(len(CANCEL) + 1)]
    return [
        {"success": False, "failure_reason": reason, "order_id": order_id} for order_id in order_ids
    ]


def lagging_orders(body: Wire, until_ns: int, draw: Draw) -> Wire:
    """A page of orders that does not know the newest, or that shows one row twice."""
    return body | {"orders": _lagging(body["orders"], "created_time", until_ns, draw)}


def lagging_fills(body: Wire, until_ns: int, draw: Draw) -> Wire:
    """A page of fills that does not know the newest, or that is out of order, one row twice."""
    return body | {"fills": _lagging(body["fills"], "trade_time", until_ns, draw)}


def revised_fee(commission: str, draw: Draw) -> int:
    """Another fee than was told, in cash units: up to a tenth more, or less and never below 0."""
    fee = cash_units(Decimal(commission))
    step = 1 + draw.below(max(1, fee // 10))
    return fee - step if fee >= step and draw.below(2) else fee + step


def garble(status: int, body: Wire, draw: Draw) -> Written:
    """An answer that nobody can read, or that reads as what it is not."""
    text = msgspec.json.encode(body)
    spoilt: tuple[Callable[[], bytes], ...] = (
        lambda: text[: draw.below(len(text))],
        lambda: HTML,
        lambda: (b"null", b"[]", b"7", b'"ok"', b"{}")[draw.below(5)],
        lambda: msgspec.json.encode(_of_wrong_types(body)),
        lambda: b"[" * NESTED,
        lambda: text.replace(b'"', b"'"),
        lambda: text[:-1] + b',"success":"\\ud800"}',
    )
    return status, spoilt[draw.below(len(spoilt))](), {"Content-Type": "application/json"}


def garble_message(text: bytes, draw: Draw) -> bytes:
    """A WebSocket message that nobody can read, or that says what cannot be."""
    numbers = (b"NaN", b"Infinity", b"1e999", b"-1", b"", b"0x10")
    spoilt: tuple[Callable[[], bytes], ...] = (
        lambda: text[: draw.below(len(text))],
        lambda: NUMBER.sub(b':"' + numbers[draw.below(len(numbers))] + b'"', text, count=1),
        lambda: text.replace(b'"channel":"', b'"channel":"never_heard_of_', 1),
        lambda: text.replace(b'"events":', b'"events":' + b"[" * NESTED, 1),
        lambda: text.replace(b'"events":[', b'"events":[{"type":"\\ud800"},', 1),
        lambda: text.replace(b'"events":', b'"events":7,"events":', 1)[:-1] + b',"events":8}',
        lambda: b"\xff" + text,
    )
    return spoilt[draw.below(len(spoilt))]()


def cross_book(text: bytes) -> bytes:
    """A ticker message whose best bid and ask have changed places."""
    message = msgspec.json.decode(text)
    for ticker in _rows(message, "tickers"):
        ticker["best_bid"], ticker["best_ask"] = ticker["best_ask"], ticker["best_bid"]
    return msgspec.json.encode(message)


def shift_prices(text: bytes, draw: Draw) -> bytes:
    """A ticker or market_trades message with its point two digits off, and else in good form."""
    message, digits = msgspec.json.decode(text), (2, -2)[draw.below(2)]
    for row in (*_rows(message, "tickers"), *_rows(message, "trades")):
        for name in PRICES & row.keys():
            price = Decimal(row[name] or "0")
            row[name] = f"{price.scaleb(digits).quantize(price, ROUND_DOWN):f}"
    return msgspec.json.encode(message)


def swell(text: bytes) -> bytes:
    """A message that is larger than any of Coinbase's."""
    return text[:-1] + b',"padding":"' + b"x" * HUGE_BYTES + b'"}'


def _rows(message: Wire, name: str) -> Iterator[Wire]:
    return (row for event in message["events"] for row in event.get(name, ()))


def _lagging(rows: list[Wire], time: str, until_ns: int, draw: Draw) -> list[Wire]:
    if draw.below(2):
        return [row for row in rows if (parse_time(row[time]) or 0) <= until_ns]
    twice = rows[-1:] + rows
    turn = draw.below(len(twice)) if twice else 0
    return twice[turn:] + twice[:turn]


def _of_wrong_types(value: Any) -> Any:
    match value:
        case dict():
            return {name: _of_wrong_types(one) for name, one in value.items()}
        case list():
            return [_of_wrong_types(one) for one in value]
        case bool():
            return "true"
        case str():
            return [value]
        case _:
            return {}
