"""A foreign client, unmodified: ccxt over plain http and ws loads, trades, reads and watches."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.venue import Venue
from tests.conformance.responses import Recorder
from tests.exchange.markets import BIP, BIP_ID, BTC
from tests.exchange.serving import Exchange, a_tape, an_exchange, lockstep_options, some_rules
from tests.printing import Said

MARKET = "BTC/USD"
ALIAS = "BTC/USDC"


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with an_exchange(
        tmp_path, product_ids=("BTC-USD", "ETH-USD"), rounds=60, plain_port=0
    ) as served:
        for _ in range(3):
            served.advance()
        yield served


def settings(exchange: Exchange) -> dict[str, Any]:
    key = json.loads(exchange.key_file.read_text())
    here = f"127.0.0.1:{exchange.server.plain_port}"
    return {
        "apiKey": key["name"],
        "secret": key["privateKey"],
        "enableRateLimit": False,  # it would wait 34 ms before each request
        "urls": {"api": {"rest": f"http://{here}", "ws": f"ws://{here}"}},
    }


class Kit:
    """The client over requests, its answers checked against the field tables."""

    def __init__(self, exchange: Exchange) -> None:
        self.recorder = Recorder()
        self.client = ccxt.coinbase(settings(exchange))
        self.client.session.trust_env = False
        self.recorder.listen(self.client.session)
        self.client.load_markets()
        self.last = self.client.fetch_ticker(MARKET)["last"]

    def order(self, kind: str, side: str, price: float | None, **params: Any) -> dict[str, Any]:
        """Place an order of 0.001 BTC at a multiple of the last price, and read it back."""
        limit = None if price is None else round(self.last * price, 2)
        made = self.client.create_order(MARKET, kind, side, 0.001, limit, params)
        read: dict[str, Any] = self.client.fetch_order(made["id"])
        return read


@pytest.fixture
def kit(exchange: Exchange) -> Kit:
    return Kit(exchange)


def test_markets_have_coinbases_increments_and_the_accounts_fees(kit: Kit) -> None:
    market = kit.client.market(MARKET)

    assert sorted(kit.client.markets) == [MARKET, "ETH/USD"]
    assert market["precision"] == {"amount": 1e-8, "price": 0.01}
    assert (market["maker"], market["taker"]) == (0.004, 0.006)
    assert kit.client.fetch_trading_fees()[MARKET]["taker"] == 0.006


def test_a_contract_is_a_swap_that_is_bought_held_and_closed(tmp_path: Path) -> None:
    tape = synthetic_tape(7, [BTC, BIP], 20)
    venue = Venue(tape, some_rules(futures_balance=Decimal(5000)), None)
    with Exchange(tmp_path, venue, tape, lockstep_options(plain_port=0)) as served:
        served.advance()
        client, name = Kit(served).client, "BTC/USD:USD"
        market = client.market(name)

        bought = client.fetch_order(client.create_order(name, "market", "buy", 2)["id"])
        held = client.fetch_positions()
        resting = client.create_order(name, "limit", "sell", 2, 70_000)
        open_orders = client.fetch_open_orders(name)
        client.cancel_order(resting["id"])
        closed = client.close_position(name, None, {"clientOrderId": "close"})
        trades = client.fetch_my_trades(name)

        assert (market["id"], market["contractSize"], market["precision"]) == (
            BIP_ID,
            0.01,
            {"amount": 1.0, "price": 5.0},
        )
        assert (bought["status"], bought["filled"]) == ("closed", 2.0)
        assert [(one["side"], one["contracts"]) for one in held] == [("long", 2.0)]
        assert [one["id"] for one in open_orders] == [resting["id"]]
        assert client.fetch_order(closed["id"])["side"] == "sell"
        assert client.fetch_positions() == []
        assert [one["side"] for one in trades] == ["buy", "sell"]


def test_both_ways_of_asking_balances_agree_and_only_the_newer_knows_holds(kit: Kit) -> None:
    kit.order("limit", "sell", 1.5)

    older, newer = kit.client.fetch_balance(), kit.client.fetch_balance({"v3": True})

    assert older["total"] == newer["total"] == {"BTC": 0.5, "ETH": 2.0, "USD": 100_000.0}
    assert (older["used"]["BTC"], newer["used"]["BTC"]) == (0.0, 0.001)


ORDERS: dict[str, tuple[str, str, float | None, dict[str, Any], str]] = {
    "market buy": ("market", "buy", 1.0, {}, "closed"),
    "market sell": ("market", "sell", None, {}, "closed"),
    "limit waits": ("limit", "buy", 0.5, {}, "open"),
    "limit takes": ("limit", "buy", 1.01, {}, "closed"),
    "post only": ("limit", "sell", 1.5, {"postOnly": True}, "open"),
    "immediate or cancel": ("limit", "buy", 1.01, {"timeInForce": "IOC"}, "closed"),
    "immediate or cancelled": ("limit", "buy", 0.5, {"timeInForce": "IOC"}, "canceled"),
    "fill or kill": ("limit", "sell", 0.99, {"timeInForce": "FOK"}, "closed"),
    "good till date": (
        "limit",
        "buy",
        0.5,
        {"timeInForce": "GTD", "end_time": "2026-01-06T00:00:00Z"},
        "open",
    ),
    "stop loss": ("limit", "sell", 0.9, {"stopLossPrice": 0.92}, "open"),
    "stop buy": ("limit", "buy", 1.1, {"stopLossPrice": 1.08}, "open"),
    "take profit": ("limit", "sell", 1.08, {"takeProfitPrice": 1.1}, "open"),
}


def test_every_order_type_is_placed_and_reads_as_it_should(kit: Kit, say: Said) -> None:
    for name, (kind, side, price, params, status) in ORDERS.items():
        chosen = {
            key: round(kit.last * value, 2) if key.endswith("Price") else value
            for key, value in params.items()
        }
        order = kit.order(kind, side, price, **chosen)
        assert (order["status"], order["side"]) == (status, side), name

    waiting = [order["id"] for order in kit.client.fetch_open_orders(MARKET)]
    assert len(waiting) == sum(status == "open" for *_, status in ORDERS.values())
    kit.client.cancel_orders(waiting)
    assert kit.client.fetch_open_orders(MARKET) == []
    assert kit.client.fetch_balance({"v3": True})["used"] == {"BTC": 0.0, "ETH": 0.0, "USD": 0.0}
    assert len(kit.client.fetch_canceled_orders(MARKET)) == len(waiting) + 1
    filled = kit.client.fetch_closed_orders(MARKET)
    trades = kit.client.fetch_my_trades(MARKET)
    assert sum(one["filled"] for one in filled) == pytest.approx(sum(t["amount"] for t in trades))
    assert len(kit.client.fetch_orders(MARKET)) == len(ORDERS)
    say(f"{len(ORDERS)} order types, {sum(kit.recorder.answers.values())} answers checked")


def test_an_order_is_edited_previewed_and_cancelled(kit: Kit) -> None:
    order = kit.order("limit", "buy", 0.5)

    kit.client.edit_order(order["id"], MARKET, "limit", "buy", 0.002, 25_000.0)
    edited = kit.client.fetch_order(order["id"])
    preview = kit.client.create_order(MARKET, "limit", "buy", 0.001, 20_000, {"preview": True})
    kit.client.cancel_order(order["id"])

    assert (edited["amount"], edited["price"]) == (0.002, 25_000.0)
    shown = kit.recorder.samples["POST /api/v3/brokerage/orders/preview"]
    assert (preview["id"], shown["errs"]) == (None, [])
    assert kit.client.fetch_order(order["id"])["status"] == "canceled"


def test_refusals_become_the_errors_that_the_client_has_for_them(kit: Kit) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        kit.client.create_order(MARKET, "limit", "buy", 100, 60_000)
    with pytest.raises(ccxt.ExchangeError, match="NOT_FOUND"):
        kit.client.fetch_order("00000000-0000-4000-8000-000000000000")
    with pytest.raises(ccxt.BadRequest):
        kit.client.fetch_trades(MARKET)  # it leaves the required limit out
    kit.client.secret = ccxt.coinbase(settings_of_another_key(kit)).secret
    with pytest.raises(ccxt.AuthenticationError):
        kit.client.fetch_open_orders(MARKET)


def settings_of_another_key(kit: Kit) -> dict[str, Any]:
    form, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    return {"secret": key.private_bytes(serialization.Encoding.PEM, form, none).decode()}


def test_everything_else_it_reads_is_there(kit: Kit, say: Said) -> None:
    client = kit.client
    since = client.fetch_time() - 180_000

    book = client.fetch_order_book(MARKET, 5)
    candles = client.fetch_ohlcv(MARKET, "1m", since, 3)
    quote = client.fetch_convert_quote("USD", "USDC", 10)
    done = client.create_convert_trade(quote["id"], "USD", "USDC", 10)

    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(candles) == 3
    assert candles[-1][4] == kit.last
    assert len(client.fetch_trades(MARKET, limit=5)) == 5
    assert set(client.fetch_tickers()) == set(client.fetch_bids_asks()) == {MARKET, "ETH/USD"}
    assert {"USD", "BTC"} <= set(client.fetch_currencies())
    assert {one["code"] for one in client.fetch_accounts()} == {"BTC", "ETH", "USD", "USDC"}
    assert [one["type"] for one in client.fetch_portfolios()] == ["DEFAULT"]
    assert client.fetch_portfolio_details(client.fetch_portfolios()[0]["id"])
    assert [one["currency"] for one in client.fetch_deposit_method_ids()] == ["USD"]
    assert done["info"]["status"] == "TRADE_STATUS_COMPLETED"
    say(f"{len(kit.recorder.answers)} requests, {sum(kit.recorder.answers.values())} answers")


Watch = Callable[[], Awaitable[Any]]


async def first(exchange: Exchange, watch: Watch) -> Any:
    """Wait for what a watch call brings, while the tape goes on."""
    told = asyncio.ensure_future(watch())
    for _ in range(40):
        done, _ = await asyncio.wait({told}, timeout=0.1)
        if done:
            break
        await asyncio.to_thread(exchange.advance)
    return await asyncio.wait_for(told, 5)


async def watched(exchange: Exchange) -> dict[str, Any]:
    client = ccxt.pro.coinbase(settings(exchange))
    client.aiohttp_trust_env = False
    try:
        await client.load_markets()
        told = {
            "ticker": await first(exchange, lambda: client.watch_ticker(MARKET)),
            "tickers": await first(exchange, lambda: client.watch_tickers([MARKET, "ETH/USD"])),
            "trades": await first(exchange, lambda: client.watch_trades(MARKET)),
            "book": await first(exchange, lambda: client.watch_order_book(MARKET)),
            "books": await first(
                exchange, lambda: client.watch_order_book_for_symbols(["ETH/USD"])
            ),
        }
        orders = asyncio.ensure_future(client.watch_orders(MARKET))
        await asyncio.sleep(0.2)
        made = await client.create_order(MARKET, "limit", "buy", 0.001, 20_000)
        told["orders"], told["made"] = await asyncio.wait_for(orders, 5), made["id"]
    finally:
        await client.close()
    return told


async def unwatched(exchange: Exchange) -> None:
    """It takes the empty acknowledgement for the answer, so nothing else may be watched."""
    client = ccxt.pro.coinbase(settings(exchange))
    try:
        await client.load_markets()
        await first(exchange, lambda: client.watch_trades(MARKET))
        await asyncio.wait_for(client.un_watch_trades(MARKET), 5)
    finally:
        await client.close()


def test_what_it_watches_arrives(exchange: Exchange, say: Said) -> None:
    told = asyncio.run(watched(exchange))
    asyncio.run(unwatched(exchange))

    assert told["ticker"]["symbol"] == MARKET
    assert told["ticker"]["last"] > 0
    assert set(told["tickers"]) <= {MARKET, "ETH/USD"}
    assert told["trades"][0]["symbol"] == MARKET
    assert told["book"]["bids"][0][0] < told["book"]["asks"][0][0]
    assert told["books"]["symbol"] == "ETH/USD"
    assert told["made"] in [order["id"] for order in told["orders"]]
    say("6 watch calls, 1 un-watch call")


async def watched_alias(exchange: Exchange) -> list[Any]:
    client = ccxt.pro.coinbase(settings(exchange))
    try:
        await client.load_markets()
        ticker = await first(exchange, lambda: client.watch_ticker(ALIAS))
        trades = await first(exchange, lambda: client.watch_trades(ALIAS))
        book = await first(exchange, lambda: client.watch_order_book(ALIAS))
        made = await client.create_order(ALIAS, "market", "buy", 0.001, ticker["last"])
        return [ticker, trades[0], book, await client.fetch_order(made["id"])]
    finally:
        await client.close()


def test_it_watches_and_trades_the_usdc_name_of_a_dollar_book(tmp_path: Path) -> None:
    """Frames come under BTC-USD; it has code for that, which must find them here too."""
    tape = a_tape(rounds=60)
    balances = {"USDC": Decimal(1000)}
    venue = Venue(tape, some_rules(usdc_alias=True, balances=balances), None)
    with Exchange(tmp_path, venue, tape, lockstep_options(plain_port=0)) as exchange:
        exchange.advance()
        told = asyncio.run(watched_alias(exchange))

    assert {one["symbol"] for one in told[:-1]} <= {MARKET, ALIAS}
    assert (told[-1]["symbol"], told[-1]["status"]) == (ALIAS, "closed")
