"""Both sides of the wire at once: our client against the embedded exchange, a process apart."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.heard import Ready
from gpt_trader.coinbase.order_word import OrderWord, UserOrder
from gpt_trader.coinbase.readiness import Subscription
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.coinbase.tls import trust
from gpt_trader.coinbase.wire_fills import fill_event
from gpt_trader.domain.errors import OutcomeUnknown
from gpt_trader.domain.events import OrderAccepted, OrderRejected, QuoteSeen
from gpt_trader.domain.order import OrderStatus, OrderType, TimeInForce
from tests.coinbase.builders import a_key, an_intent, pem_of, write_key_file

TAKE = {
    "product_id": "BTC-USD",
    "order_type": OrderType.MARKET,
    "time_in_force": TimeInForce.IOC,
    "limit_price": None,
    "post_only": False,
    "base_size": Decimal("0.01"),
}
REST = {"product_id": "BTC-USD", "limit_price": Decimal(50_000), "base_size": Decimal("0.01")}
CROSS = REST | {"limit_price": Decimal(90_000)}
SUBSCRIPTIONS = (
    Subscription("heartbeats", ()),
    Subscription("user", ()),
    Subscription("ticker", ("BTC-USD",)),
    Subscription("market_trades", ("BTC-USD",)),
    Subscription("level2", ("BTC-USD",)),
)


@dataclass(frozen=True)
class Place:
    """Where the exchange is, and whom it trusts."""

    host: str
    ca: Path
    key_file: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("exchange")
    command = [sys.executable, "-m", "gpt_trader.exchange.main", "--port", "0", "--speed", "60"]
    command += ["--state", str(folder / "state"), "--tls", str(folder / "tls")]
    command += ["--product", "BTC-USD", "--candles", "60", "--parent", "--json"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        ready = json.loads(process.stdout.readline())
        yield Place(f"127.0.0.1:{ready['port']}", Path(ready["ca"]), Path(ready["key_file"]))
        process.stdin.close()
        assert process.wait(10) == 0


@contextmanager
def a_client(place: Place, key_file: Path | None = None) -> Iterator[RestClient]:
    signer = Signer.from_key_file(key_file or place.key_file, time.time_ns)
    client = RestClient(place.host, signer, ca_file=place.ca, timeout_s=5, now_ns=lambda: 7)
    try:
        yield client
    finally:
        client.close()


async def life(place: Place, client: RestClient, prefix: str) -> list[UserOrder]:
    """Place one order of each fate while we listen, and cancel the one that rests."""
    dice, signer = random.Random(1), Signer.from_key_file(place.key_file, time.time_ns)
    stream = Stream(
        f"wss://{place.host}/?feed={prefix}",
        trust(place.ca),
        signer,
        SUBSCRIPTIONS,
        dice=dice,
        patience=Patience(silence_s=None, first_tries=1),
    )
    orders: list[UserOrder] = []
    awaited = {Ready, QuoteSeen}  # without a quote there is no book to take from
    try:
        async for heard in stream:
            orders += [item for item in heard.items if isinstance(item, UserOrder)]
            if awaited and not (awaited := awaited - {type(item) for item in heard.items}):
                await asyncio.to_thread(place_orders, client, prefix)
            if orders and orders[-1].status is OrderStatus.CANCELLED:
                break
    finally:
        await stream.close()
    return orders


def place_orders(client: RestClient, prefix: str) -> None:
    taken = client.create(an_intent(f"{prefix}-take", **TAKE))
    resting = client.create(an_intent(f"{prefix}-rest", **REST))
    crossing = client.create(an_intent(f"{prefix}-cross", **CROSS))
    again = client.create(an_intent(f"{prefix}-rest", **REST))
    assert isinstance(taken, OrderAccepted) and isinstance(resting, OrderAccepted)
    assert isinstance(crossing, OrderRejected)
    assert crossing.reason == "INVALID_LIMIT_PRICE_POST_ONLY"
    assert again == resting, "the same id gives the same order"
    [word] = client.cancel([resting.order_id])
    assert word.accepted


def test_orders_are_heard_listed_and_paid_to_the_last_unit(place: Place) -> None:
    with a_client(place) as client:
        before = client.balances(["USD", "BTC"])

        heard = asyncio.run(asyncio.wait_for(life(place, client, "one"), 20))

        listing = client.orders(None, ["BTC-USD"])
        words = {word.client_order_id: word for word in listing if isinstance(word, OrderWord)}
        [taken] = [fill_event(row, "one-take") for row in client.fills(None, None)]
        after = client.balances(["USD", "BTC"])
    assert words["one-take"].status is OrderStatus.FILLED
    assert words["one-rest"].status is OrderStatus.CANCELLED
    last = {order.client_order_id: order for order in heard}
    for name in ("one-take", "one-rest"):
        assert last[name].status is words[name].status
        assert last[name].filled_size == words[name].filled_size
        assert last[name].total_fees == words[name].total_fees
    assert after["BTC"] - before["BTC"] == taken.base_size == Decimal("0.01")
    assert before["USD"] - after["USD"] == taken.price * taken.base_size + taken.fee


def test_products_fees_permissions_and_time_are_read(place: Place) -> None:
    with a_client(place) as client:
        [product] = client.products(["BTC-USD"])
        rates, permissions = client.fee_rates(), client.key_permissions()
        trades = client.market_trades("BTC-USD", 10)

        assert client.candles("BTC-USD", 0, 60, 60) == ()
        assert client.order("00000000-0000-4000-8000-000000000000") is None
        assert client.server_time_ns() > 1_700_000_000 * 10**9

    assert (product.base, product.price_increment) == ("BTC", Decimal("0.01"))
    assert 0 < rates.maker < rates.taker < Decimal("0.01")
    assert permissions.can_view and permissions.can_trade
    assert [trade.trade_id for trade in trades] == sorted(trade.trade_id for trade in trades)


def test_a_key_the_exchange_does_not_know_is_refused(place: Place, tmp_path: Path) -> None:
    """Its 401 is bare text, which anything on the way could have said: no word on an order."""
    with a_client(place, write_key_file(tmp_path, pem_of(a_key()))) as client:
        with pytest.raises(NotAuthorized, match="401"):
            client.balances(["USD", "BTC"])
        with pytest.raises(OutcomeUnknown, match="401"):
            client.create(an_intent("stranger", **REST))
    with a_client(place) as client:
        assert "stranger" not in {word.client_order_id for word in client.orders(None, [])}
