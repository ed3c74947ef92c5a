"""The REST door over real TLS: the unmodified SDK works, and refusals are Coinbase's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from coinbase import jwt_generator

from gpt_trader.exchange import order_entry
from gpt_trader.exchange import venue as venue_module
from gpt_trader.exchange.keys import Kind, Scope
from tests.exchange.serving import Exchange, an_exchange

PREFIX = "/api/v3/brokerage"
NESTED = b'{"order_ids":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """BTC-USD and ETH-USD, one round released, so that there are prices."""
    served = an_exchange(tmp_path, product_ids=("BTC-USD", "ETH-USD"))
    served.key(Kind.ES256, (Scope.VIEW,), "reader")
    served.key(Kind.ED25519, label="edwards")
    with served:
        served.advance()
        yield served


def ask(exchange: Exchange, method: str, path: str, **options: Any) -> requests.Response:
    """Send a request by hand, with a token unless headers are given."""
    bare = path.partition("?")[0]
    options.setdefault("headers", {"Authorization": exchange.bearer(method, bare)})
    url = f"https://127.0.0.1:{exchange.server.port}{path}"
    with requests.Session() as session:
        session.trust_env = False
        ca = str(exchange.folder / "ca.pem")
        return session.request(method, url, verify=ca, timeout=10, **options)


def test_the_sdk_previews_places_edits_and_cancels(exchange: Exchange) -> None:
    client = exchange.rest()
    last = float(client.get_product("BTC-USD").price)
    low, lower, stop = (f"{last * part:.2f}" for part in (0.9, 0.8, 0.95))

    preview = client.preview_limit_order_gtc_buy("BTC-USD", "0.01", low)
    order = client.limit_order_gtc_buy("edited", "BTC-USD", "0.01", low)
    order_id = order.success_response["order_id"]
    edit_preview = client.preview_edit_order(order_id, size="0.02", price=lower)
    edit = client.edit_order(order_id, size="0.02", price=lower)
    again = client.edit_order(order_id, size="0.02", price=lower)
    shown = client.get_order(order_id).order
    stopped = client.stop_limit_order_gtc_sell(
        "stop", "BTC-USD", "0.01", low, stop, "STOP_DIRECTION_STOP_DOWN"
    )
    bracket = client.trigger_bracket_order_gtc_sell(
        "bracket", "BTC-USD", "0.01", f"{last * 1.1:.2f}", stop
    )
    closed = client.close_position("close", "BTC-USD")

    assert preview.errs == edit_preview.errors == edit.errors == []
    assert (edit.success, again.success) == (True, False)
    assert again.errors[0].edit_failure_reason == "EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST"
    assert shown.order_configuration.limit_limit_gtc.base_size == "0.02"
    assert shown.edit_history[0].size == "0.02"
    assert (stopped.success, bracket.success) == (True, True)
    assert closed.error_response["error"] == "CANNOT_CLOSE_ZERO_POSITION"
    ids = [one.success_response["order_id"] for one in (order, stopped, bracket)]
    assert all(one.success for one in client.cancel_orders(ids).results)


def test_the_sdk_attaches_exits_and_moves_them(exchange: Exchange) -> None:
    client = exchange.rest()
    last = float(client.get_product("BTC-USD").price)
    gain, more, loss = (f"{last * part:.2f}" for part in (1.1, 1.2, 0.9))
    bracket = {"limit_price": gain, "stop_trigger_price": loss}

    order = client.market_order_buy(
        "parent",
        "BTC-USD",
        base_size="0.01",
        attached_order_configuration={"trigger_bracket_gtc": bracket},
    )
    exits_id = order.success_response["attached_order_id"]
    edit = client.edit_order(exits_id, size="0.01", price=more)
    exits = client.get_order(exits_id).order

    assert edit.success
    assert (exits.status, exits.originating_order_id) == (
        "OPEN",
        order.success_response["order_id"],
    )
    assert exits.order_configuration.trigger_bracket_gtc.limit_price == more
    assert exits.order_configuration.trigger_bracket_gtc.stop_trigger_price == loss


def test_a_key_that_may_only_view_previews_but_does_not_edit(exchange: Exchange) -> None:
    client = exchange.rest(exchange.folder / "reader.json")

    assert client.preview_limit_order_gtc_buy("BTC-USD", "0.01", "1").errs == []
    with pytest.raises(requests.HTTPError, match="403"):
        client.edit_order("x", size="1", price="1")


def test_the_sdk_reads_everything_a_session_needs(exchange: Exchange) -> None:
    client = exchange.rest()

    products = client.get_products().products
    book = client.get_product_book("BTC-USD", limit=3).pricebook
    permissions = client.get_api_key_permissions()

    assert products is not None
    assert {product.product_id for product in products} == {"BTC-USD", "ETH-USD"}
    assert client.get_product("ETH-USD").product_id == "ETH-USD"
    assert len(book.bids) == len(book.asks) == 3
    assert len(client.get_best_bid_ask(["BTC-USD", "ETH-USD"]).pricebooks) == 2
    assert client.get_market_trades("BTC-USD", limit=2).trades
    start = exchange.venue.now_ns // 10**9 - 60
    candles = client.get_candles("BTC-USD", str(start), str(start + 60), "ONE_MINUTE").candles
    assert candles is not None and len(candles) == 1
    wallets = client.get_accounts().accounts
    assert wallets is not None
    assert client.get_account(wallets[0].uuid).account.uuid == wallets[0].uuid
    assert client.get_transaction_summary().fee_tier["taker_fee_rate"] == "0.006"
    assert permissions.can_trade is True
    assert client.get_portfolios().portfolios[0].uuid == permissions.portfolio_uuid
    assert client.get_portfolio_breakdown(permissions.portfolio_uuid).breakdown


def test_the_public_twins_and_the_clock_need_no_key(exchange: Exchange) -> None:
    paths = (
        "/time",
        "/market/products",
        "/market/products/BTC-USD",
        "/market/products/BTC-USD/ticker?limit=5",
        "/market/products/BTC-USD/candles?granularity=ONE_MINUTE&start=1767571200&end=1767571260",
        "/market/product_book?product_id=BTC-USD",
    )

    answers = [ask(exchange, "GET", PREFIX + path, headers={}) for path in paths]

    assert [answer.status_code for answer in answers] == [200] * len(paths)
    assert answers[0].json()["epochSeconds"] == str(exchange.venue.now_ns // 10**9)


def test_public_paths_answer_even_a_bad_token(exchange: Exchange) -> None:
    """A client with a key of another exchange still sees prices, as at Coinbase."""
    answer = ask(exchange, "GET", f"{PREFIX}/time", headers={"Authorization": "Bearer x.y.z"})

    assert answer.status_code == 200


@pytest.mark.parametrize("label", ["cdp_api_key", "edwards"])
def test_the_sdk_places_lists_cancels_and_reads_back_an_order(
    exchange: Exchange, label: str
) -> None:
    client = exchange.rest(exchange.folder / f"{label}.json")

    placed = client.limit_order_gtc_buy("my-1", "BTC-USD", "0.01", "20000")
    order_id = placed["success_response"]["order_id"]
    listed = client.list_orders(order_status=["OPEN"]).orders
    cancelled = client.cancel_orders([order_id]).results
    after = client.get_order(order_id).order

    assert [order.order_id for order in listed] == [order_id]
    assert [result.success for result in cancelled] == [True]
    assert (after.status, after.client_order_id) == ("CANCELLED", "my-1")


def test_the_sdk_buys_at_the_market_and_finds_its_fills(exchange: Exchange) -> None:
    client = exchange.rest()

    placed = client.market_order_buy("my-2", "BTC-USD", quote_size="100")
    order_id = placed["success_response"]["order_id"]
    fills = client.get_fills(order_ids=[order_id]).fills

    assert client.get_order(order_id).order.status == "FILLED"
    assert fills and {fill.liquidity_indicator for fill in fills} == {"TAKER"}


def test_a_business_rejection_is_http_200_without_success(exchange: Exchange) -> None:
    client = exchange.rest()

    answer = client.limit_order_gtc_buy("my-3", "BTC-USD", "1000", "60000")

    assert answer.success is False
    assert answer["error_response"]["error"] == "INSUFFICIENT_FUND"


@pytest.mark.parametrize(
    "change",
    [
        {"kid": "organizations/x/apiKeys/y"},
        {"method": "POST"},
        {"path": f"{PREFIX}/orders"},
        {"cut": True},
    ],
)
def test_a_token_that_proves_nothing_gets_401(exchange: Exchange, change: dict[str, Any]) -> None:
    content = json.loads(exchange.key_file.read_text())
    path = change.get("path", f"{PREFIX}/accounts")
    uri = jwt_generator.format_jwt_uri(change.get("method", "GET"), path)
    name = change.get("kid", content["name"])
    token = jwt_generator.build_rest_jwt(uri, name, content["privateKey"])
    token = token[:-8] if "cut" in change else token

    headers = {"Authorization": f"Bearer {token}"}
    answer = ask(exchange, "GET", f"{PREFIX}/accounts", headers=headers)

    assert (answer.status_code, answer.text) == (401, "Unauthorized")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic abc"}])
def test_a_private_path_without_a_token_gets_401(
    exchange: Exchange, headers: dict[str, str]
) -> None:
    answer = ask(exchange, "GET", f"{PREFIX}/accounts", headers=headers)

    assert answer.status_code == 401


def test_a_key_that_may_only_look_cannot_trade_and_the_sdk_says_so(exchange: Exchange) -> None:
    client = exchange.rest(exchange.folder / "reader.json")

    wallets = client.get_accounts().accounts
    with pytest.raises(requests.HTTPError, match="Missing Required Scopes") as refused:
        client.market_order_buy("my-4", "BTC-USD", quote_size="100")

    assert wallets
    assert refused.value.response.status_code == 403
    assert client.get_api_key_permissions().can_trade is False
    assert client.list_orders().orders == []


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/orders/historical/unknown", 404),
        ("GET", "/accounts/unknown", 404),
        ("GET", "/products/NO-SUCH", 404),
        ("GET", "/nothing/here", 404),
        ("DELETE", "/orders", 404),
        ("GET", "/products/BTC-USD/candles?granularity=ONE_WEEK&start=0&end=60", 400),
    ],
)
def test_what_is_unknown_or_malformed_gets_coinbases_error_body(
    exchange: Exchange, method: str, path: str, status: int
) -> None:
    answer = ask(exchange, method, PREFIX + path)

    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_details", "message"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"order_ids":"x"}', b"{}", NESTED]
)
@pytest.mark.parametrize("path", ["/orders", "/orders/batch_cancel"])
def test_a_body_that_is_no_order_gets_400(exchange: Exchange, path: str, body: bytes) -> None:
    answer = ask(exchange, "POST", PREFIX + path, data=body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "INVALID_ARGUMENT"


def test_answers_are_compact_json(exchange: Exchange) -> None:
    answer = ask(exchange, "GET", f"{PREFIX}/key_permissions")

    assert answer.text.startswith('{"can_view":true,"can_trade":true')


def test_oddities_of_the_sdk_are_taken(exchange: Exchange) -> None:
    """A body on GET, capital booleans, repeated and unknown keys."""
    client = exchange.rest()

    chosen = client.get_products(
        product_ids=["BTC-USD", "ETH-USD"], get_all_products=True, no_such_key="x"
    ).products

    assert chosen is not None and len(chosen) == 2


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "PUT"])
def test_every_refusal_is_json_whatever_the_method(exchange: Exchange, method: str) -> None:
    answer = ask(exchange, method, f"{PREFIX}/orders")

    assert answer.status_code in (404, 405)
    assert set(answer.json()) == {"error", "error_details", "message"}


def broken(*_: object) -> Any:
    raise ZeroDivisionError("a mistake nobody foresaw")


def test_an_order_that_breaks_off_half_way_ends_the_exchange(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the journal by then: what memory holds is no longer what a restart would make."""
    monkeypatch.setattr(order_entry, "accepted_answer", broken)
    body = {
        "client_order_id": "half",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"market_market_ioc": {"base_size": "0.001"}},
    }

    answer = ask(exchange, "POST", f"{PREFIX}/orders", data=json.dumps(body))

    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL")
    assert ["broke off" in str(error) for error in exchange.failures] == [True]


def test_a_read_that_breaks_off_leaves_the_exchange_running(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue_module, "fee_summary", broken)

    answer = ask(exchange, "GET", f"{PREFIX}/transaction_summary")

    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL")
    assert exchange.failures == []


def test_an_order_with_an_end_beyond_all_calendars_is_rejected(exchange: Exchange) -> None:
    client = exchange.rest()

    answer = client.limit_order_gtd_buy(
        "far", "BTC-USD", "0.01", "20000", "9999-12-31T23:59:59-23:59"
    )

    assert answer["error_response"]["error"] == "END_TIME_TOO_FAR_IN_FUTURE"
    assert client.list_orders().orders == []
