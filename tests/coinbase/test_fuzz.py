"""Whatever bytes come, a parser gives a sound value or `WireError`, and nothing else."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gpt_trader.coinbase.heard import items_of
from gpt_trader.coinbase.order_word import UserOrder
from gpt_trader.coinbase.wire_account import parse_accounts, parse_fee_rates, parse_key_permissions
from gpt_trader.coinbase.wire_fills import parse_fills
from gpt_trader.coinbase.wire_frame import Frame, parse_frame, parse_subscriptions
from gpt_trader.coinbase.wire_market import Level2Update
from gpt_trader.coinbase.wire_orders import (
    parse_cancelled,
    parse_created,
    parse_order,
    parse_orders,
)
from gpt_trader.coinbase.wire_products import (
    parse_candles,
    parse_past_trades,
    parse_products,
    parse_server_time,
)
from gpt_trader.coinbase.wire_user import ends_snapshot
from gpt_trader.domain.errors import OutcomeUnknown, WireError
from gpt_trader.domain.events import OrderAccepted, OrderRejected, QuoteSeen, TradesSeen
from tests.coinbase.builders import (
    a_fill,
    a_frame,
    a_product,
    a_ticker,
    a_user_order,
    a_wire_trade,
    an_account,
    an_intent,
    an_order,
)
from tests.tier import scaled

NASTY = (
    b"NaN", b"Infinity", b"-1", b"0", b"1e999", b"-0", b"null", b"true", b"[]", b"{}", b'""',
    b'"NaN"', b'"-1"', b'"1e5"', b'"Infinity"', b'"0"', b'"\\ud800"', b'"\xff"', b"\x00", b'"',
    b"99999999999999999999999", b'"99999999999999999999999"', b"[[[[[[[[", b'{"a":{"a":{"a":',
    '"٣"'.encode(), b'"2026-13-01T00:00:00Z"', b'"SELL"', b'"snapshot"', b",", b":", b"1.5",
)  # fmt: skip

LEVELS = [
    {"side": "bid", "event_time": "1970-01-01T00:00:00Z", "price_level": "1", "new_quantity": "2"},
    {
        "side": "offer",
        "event_time": "1970-01-01T00:00:00Z",
        "price_level": "3",
        "new_quantity": "0",
    },
]
FRAMES = (
    a_frame("market_trades", {"type": "update", "trades": [a_wire_trade(), a_wire_trade()]}),
    a_frame("ticker", {"type": "update", "tickers": [a_ticker()]}),
    a_frame("l2_data", {"type": "snapshot", "product_id": "SOL-USD", "updates": LEVELS}),
    a_frame("user", {"type": "snapshot", "orders": [a_user_order()]}),
    a_frame("heartbeats", {"current_time": "x", "heartbeat_counter": 5}),
    a_frame("subscriptions", {"subscriptions": {"user": ["id"], "ticker": ["SOL-USD"]}}),
    b'{"type":"error","message":"authentication failure"}',
)


def mutated(text: bytes, dice: random.Random) -> bytes:
    """`text` with one to three changes, of bytes or of whole values."""
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(text) + 1)
        until = min(len(text), at + dice.randrange(1, 30))
        match dice.randrange(6):
            case 0 if at < len(text):
                text = text[:at] + bytes([text[at] ^ 1 << dice.randrange(8)]) + text[at + 1 :]
            case 1:
                text = text[:at] + text[until:]
            case 2:
                text = text[:at] + text[at:until] * 2 + text[until:]
            case 3:
                text = text[:at] + dice.choice(NASTY) + text[at:]
            case 4:
                text = text[:at]
            case _:
                parts = text.split(b'"')
                parts[dice.randrange(len(parts))] = dice.choice(NASTY).strip(b'"')
                text = b'"'.join(parts)
    return text


def check_amount(value: Decimal, *, positive: bool) -> None:
    assert value.is_finite() and value >= 0 and (value or not positive)


def check_item(item: object) -> None:
    match item:
        case TradesSeen():
            ids = [trade.trade_id for trade in item.trades]
            assert ids == sorted(ids) and min(ids) >= 0
            for trade in item.trades:
                check_amount(trade.price, positive=True)
                check_amount(trade.base_size, positive=True)
        case QuoteSeen():
            check_amount(item.bid_price, positive=True)
            assert item.bid_price <= item.ask_price
        case UserOrder():
            check_amount(item.filled_size, positive=False)
            check_amount(item.total_fees, positive=False)
            assert item.order_id and item.fill_count >= 0
        case Level2Update():
            for level in item.levels:
                check_amount(level.price, positive=True)
                check_amount(level.base_size, positive=False)


def take(text: bytes) -> bool:
    """Parse one message as the stream does; False when it was refused."""
    try:
        frame = parse_frame(text)
        if not isinstance(frame, Frame):
            return True
        if frame.channel == "subscriptions":
            parse_subscriptions(frame)
            return True
        items = items_of(frame)
        if frame.channel == "user":
            ends_snapshot(frame)
    except WireError:
        return False
    for item in items:
        check_item(item)
    return True


def test_mutated_frames_are_refused_or_give_sound_values() -> None:
    dice = random.Random(20261123)

    taken = [take(mutated(dice.choice(FRAMES), dice)) for _ in range(scaled(50_000))]

    # Both ends must be exercised: most are refused, and some still mean something.
    assert 0.05 < sum(taken) / len(taken) < 0.6


def test_random_bytes_are_refused() -> None:
    dice = random.Random(7)

    assert not any(take(dice.randbytes(dice.randrange(200))) for _ in range(scaled(5_000)))


BODIES: tuple[tuple[Callable[[Any], object], Any], ...] = (
    (parse_order, {"order": an_order()}),
    (parse_orders, {"orders": [an_order(), an_order()], "has_next": True, "cursor": "c"}),
    (parse_fills, {"fills": [a_fill(), a_fill()], "cursor": ""}),
    (
        lambda body: parse_accounts(body, ["USD"]),
        {"accounts": [an_account()], "has_next": False, "cursor": ""},
    ),
    (parse_fee_rates, {"fee_tier": {"maker_fee_rate": "0.004", "taker_fee_rate": "0.006"}}),
    (
        parse_key_permissions,
        {"can_view": True, "can_trade": True, "can_transfer": False, "portfolio_uuid": "p"},
    ),
    (parse_products, {"products": [a_product()]}),
    (parse_past_trades, {"trades": [a_wire_trade()]}),
    (parse_server_time, {"iso": "2026-11-23T09:15:06.1Z", "epochSeconds": "1"}),
    (
        lambda body: parse_candles(body, 60),
        {
            "candles": [
                {"start": "60", "open": "2", "high": "3", "low": "1", "close": "2", "volume": "5"}
            ]
        },
    ),
    (
        lambda body: parse_cancelled(body, ["a"]),
        {"results": [{"success": True, "failure_reason": "x", "order_id": "a"}]},
    ),
)


@pytest.mark.parametrize(("parse", "body"), BODIES)
def test_mutated_answers_are_refused_or_read(parse: Callable[[Any], object], body: Any) -> None:
    dice = random.Random(1)
    parse(body)

    refused = 0
    for mutant in mutants(body, scaled(5_000), dice):
        try:
            parse(mutant)
        except (WireError, OutcomeUnknown):
            refused += 1

    assert refused > 0


def test_a_mutated_answer_to_a_create_never_names_another_order() -> None:
    dice = random.Random(2)
    bodies = (
        {"success": True, "success_response": {"order_id": "7d", "client_order_id": "gt-17"}},
        {"success": False, "error_response": {"error": "INSUFFICIENT_FUND", "message": "m"}},
    )

    outcomes = set()
    for body in bodies:
        for mutant in mutants(body, scaled(10_000), dice):
            try:
                answer = parse_created(mutant, an_intent(), 9)
            except OutcomeUnknown:
                outcomes.add("unknown")
                continue
            outcomes.add(type(answer).__name__)
            assert answer.client_order_id == "gt-17"
            if isinstance(answer, OrderAccepted):
                assert mutant["success"] is True and answer.order_id
            else:
                assert isinstance(answer, OrderRejected) and mutant["success"] is False

    assert outcomes == {"unknown", "OrderAccepted", "OrderRejected"}


def mutants(body: Any, count: int, dice: random.Random) -> list[Any]:
    """Bodies that are still JSON: what the transport lets through."""
    text = json.dumps(body).encode()
    found = []
    for _ in range(count):
        try:
            found.append(json.loads(mutated(text, dice)))
        except (ValueError, RecursionError):
            continue
    assert found
    return found
