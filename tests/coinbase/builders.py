"""Messages, intents and keys of tests: each builder shows only what matters to the test."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from gpt_trader.domain.events import Draft, OrderIntended
from gpt_trader.domain.order import OrderType, Side, TimeInForce

TS = "2026-11-23T09:15:06.1Z"
TS_NS = 1_795_425_306_100_000_000
KEY_NAME = "organizations/0f0f/apiKeys/1a2b"


def a_frame(channel: str, event: dict[str, Any], sequence: int = 0) -> bytes:
    return json.dumps(
        {
            "channel": channel,
            "client_id": "",
            "timestamp": TS,
            "sequence_num": sequence,
            "events": [event],
        }
    ).encode()


def a_wire_trade(**changes: Any) -> dict[str, Any]:
    trade = {
        "trade_id": "90017",
        "product_id": "SOL-USD",
        "price": "151.62",
        "size": "3.2",
        "side": "SELL",
        "time": "2026-11-23T09:15:05.101Z",
    }
    return trade | changes


def a_ticker(**changes: Any) -> dict[str, Any]:
    ticker = {
        "type": "ticker",
        "product_id": "SOL-USD",
        "price": "151.62",
        "volume_24_h": "88012.4",
        "best_bid": "151.61",
        "best_ask": "151.63",
    }
    return ticker | changes


def a_user_order(**changes: Any) -> dict[str, Any]:
    order = {
        "avg_price": "151.62",
        "cancel_reason": "",
        "client_order_id": "gt-17",
        "completion_percentage": "40",
        "cumulative_quantity": "0.8",
        "filled_value": "121.296",
        "leaves_quantity": "1.2",
        "number_of_fills": "2",
        "order_id": "7d1f0c55",
        "order_side": "BUY",
        "order_type": "Limit",
        "product_id": "SOL-USD",
        "reject_reason": "",
        "status": "OPEN",
        "total_fees": "0.48",
        "creation_time": "2026-11-23T09:14:58.2Z",
    }
    return order | changes


def an_order(**changes: Any) -> dict[str, Any]:
    order = {
        "order_id": "7d1f0c55",
        "product_id": "SOL-USD",
        "side": "BUY",
        "client_order_id": "gt-17",
        "status": "OPEN",
        "created_time": "2026-11-23T09:14:58.2Z",
        "filled_size": "0.8",
        "number_of_fills": "2",
        "filled_value": "121.296",
        "total_fees": "0.48",
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "cancel_message": "",
    }
    return order | changes


def a_fill(**changes: Any) -> dict[str, Any]:
    fill = {
        "entry_id": "e-1",
        "trade_id": "555",
        "order_id": "7d1f0c55",
        "trade_time": "2026-11-23T09:15:01Z",
        "trade_type": "FILL",
        "price": "151.62",
        "size": "0.8",
        "commission": "0.48",
        "product_id": "SOL-USD",
        "sequence_timestamp": "2026-11-23T09:15:01.5Z",
        "liquidity_indicator": "MAKER",
        "size_in_quote": False,
        "side": "BUY",
    }
    return fill | changes


def a_product(**changes: Any) -> dict[str, Any]:
    product = {
        "product_id": "SOL-USD",
        "product_type": "SPOT",
        "base_currency_id": "SOL",
        "quote_currency_id": "USD",
        "base_increment": "0.001",
        "price_increment": "0.01",
        "quote_increment": "0.001",
        "base_min_size": "0.001",
        "base_max_size": "90000",
        "quote_min_size": "1",
        "quote_max_size": "10000000",
    }
    return product | changes


def an_account(**changes: Any) -> dict[str, Any]:
    account = {
        "uuid": "8bfc20d7",
        "currency": "USD",
        "available_balance": {"value": "100.5", "currency": "USD"},
        "hold": {"value": "20.25", "currency": "USD"},
        "type": "ACCOUNT_TYPE_FIAT",
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }
    return account | changes


def a_draft(**changes: Any) -> Draft:
    fields: dict[str, Any] = {
        "product_id": "SOL-USD",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "base_size": Decimal("2"),
        "limit_price": Decimal("150.00"),
        "stop_price": None,
        "end_ns": None,
        "post_only": True,
        "reduces": False,
        "target": Decimal("2"),
        "mark_price": Decimal("151"),
        "why": "test",
        "asked": "",
    }
    return Draft(**(fields | changes))


def an_intent(client_order_id: str = "gt-17", **changes: Any) -> OrderIntended:
    return OrderIntended(TS_NS, client_order_id, a_draft(**changes), ())


def a_key(kind: str = "ES256") -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    if kind == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def pem_of(key: Any, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> str:
    text: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        form,
        serialization.NoEncryption(),
    )
    return text.decode()


def write_key_file(folder: Path, secret: str, name: str = KEY_NAME) -> Path:
    path = folder / "key.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"name": name, "privateKey": secret}))
    return path


def sample(name: str, made: Any) -> bytes:
    """A recorded message when the data folder is there, one made by hand otherwise."""
    data = os.environ.get("GPT_TRADER_DATA")
    if data is not None:
        path = Path(data) / "coinbase-samples" / "advanced-trade-nautilus" / name
        return path.read_bytes()
    return made if isinstance(made, bytes) else json.dumps(made).encode()
