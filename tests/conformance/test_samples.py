"""Bodies that others recorded from Coinbase: ours have every field of theirs, of the same type."""

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.venue import Venue
from tests.conformance.frames import Frames
from tests.conformance.responses import Recorder
from tests.exchange.markets import BIP, BIP_ID, BTC
from tests.exchange.serving import Exchange, lockstep_options, some_rules
from tests.printing import Said


def samples() -> dict[str, Any]:
    """Read what this machine has; a machine without the folder has none."""
    folder = os.environ.get("GPT_TRADER_DATA")
    if folder is None:
        return {}
    files = sorted(Path(folder, "coinbase-samples", "advanced-trade-nautilus").glob("*.json"))
    found = {path.stem: json.loads(path.read_text()) for path in files}
    futures = found["http_products_future"]
    # The others have no funding: contracts that end are not traded here.
    futures["products"] = [
        one for one in futures["products"] if one["future_product_details"]["funding_interval"]
    ]
    return found


def kinds(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Give every path in a body with the JSON type found there."""
    yield at, "number" if type(value) in (int, float) else type(value).__name__
    if isinstance(value, dict):
        for name, one in value.items():
            yield from kinds(one, f"{at}.{name}")
    if isinstance(value, list):
        for one in value:
            yield from kinds(one, at)


def ours(exchange: Exchange) -> dict[str, Any]:
    """Ask the exchange for what the samples are of, under their names."""
    recorder, client = Recorder(), exchange.rest()
    recorder.listen(client.session)
    now_s = exchange.venue.now_ns // 10**9
    client.market_order_buy("a", "BTC-USD", quote_size="100")
    placed = client.limit_order_gtc_buy("b", "BTC-USD", "0.001", "20000", post_only=True)
    client.get_accounts()
    client.get_candles("BTC-USD", str(now_s - 300), str(now_s), "ONE_MINUTE")
    client.get_fills()
    client.get_order(placed.success_response["order_id"])
    client.list_orders()
    client.get_product("BTC-USD")
    client.get_product_book("BTC-USD")
    client.get_products()
    client.get_market_trades("BTC-USD", 5)
    client.get_futures_balance_summary()
    client.market_order_buy("c", BIP_ID, base_size="2")
    client.list_futures_positions()
    client.get_futures_position(BIP_ID)
    spot = recorder.samples["GET /api/v3/brokerage/products"]
    client.get_products(product_type="FUTURE")
    body = {
        line.removeprefix("GET /api/v3/brokerage"): one for line, one in recorder.samples.items()
    }
    return {
        "http_accounts": body["/accounts"],
        "http_cfm_balance_summary": body["/cfm/balance_summary"],
        "http_candles": body["/products/{}/candles"],
        "http_fills": body["/orders/historical/fills"],
        "http_order": body["/orders/historical/{}"],
        "http_orders_list": body["/orders/historical/batch"],
        "http_product": body["/products/{}"],
        "http_product_book": body["/product_book"],
        "http_products": spot,
        "http_products_future": body["/products"],
        "http_cfm_position": body["/cfm/positions/{}"],
        "http_cfm_positions": body["/cfm/positions"],
        "http_ticker": body["/products/{}/ticker"],
        **frames(exchange),
    }


def frames(exchange: Exchange) -> dict[str, Any]:
    """Subscribe to everything and keep one message of each kind."""
    socket, checked, kept = exchange.socket(), Frames(), {}
    for channel in ("level2", "market_trades", "ticker", "candles", "user", "heartbeats"):
        socket.subscribe(channel, ["BTC-USD"], exchange.jwt())
        message = socket.read()
        while message["channel"] != "subscriptions":
            checked.check(message)
            kept[f"ws_{message['channel']}"] = message
            message = socket.read()
        checked.check(message)
    kept["ws_subscriptions"] = message
    kept["ws_heartbeats"] = socket.read()
    kept["ws_l2_data_snapshot"] = kept["ws_l2_data"]
    exchange.advance()
    while message["channel"] != "l2_data":
        message = socket.read()
    return kept | {"ws_l2_data_update": message}


def test_our_answers_have_every_field_that_was_recorded_at_coinbase(
    tmp_path: Path, say: Said
) -> None:
    """Where ours is null, theirs may be anything: the tables say where null is allowed."""
    tape = synthetic_tape(7, [BTC, BIP], 20)
    rules = some_rules(usdc_alias=True, futures_balance=Decimal(5000))
    venue = Venue(tape, rules, None)
    with Exchange(tmp_path, venue, tape, lockstep_options()) as exchange:
        for _ in range(3):
            exchange.advance()
        answers = ours(exchange)

    faults, compared = [], 0
    for name, sample in samples().items():
        if name not in answers:
            continue
        shown: dict[str, set[str]] = {}
        for at, kind in kinds(answers[name], name):
            shown.setdefault(at, set()).add(kind)
        for at, kind in kinds(sample, name):
            compared += 1
            parents = (shown.get(at.rsplit(".", count)[0], ()) for count in range(at.count(".")))
            if kind not in shown.get(at, ()) and not any("NoneType" in one for one in parents):
                faults.append(f"{at}: {kind}, ours {sorted(shown.get(at, ()))}")

    say(f"{compared} values of recorded bodies compared")
    assert not faults, "\n".join(faults)
