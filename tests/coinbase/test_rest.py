"""The client against a real TLS server that gives prepared answers, the bad ones above all."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.wire_account import Balance
from gpt_trader.domain.errors import (
    ExchangeUnreachable,
    OutcomeUnknown,
    TraderError,
    UsageError,
    WireError,
)
from gpt_trader.domain.events import OrderAccepted, OrderRejected
from gpt_trader.domain.order import OrderStatus
from tests.coinbase.builders import (
    a_fill,
    a_key,
    a_product,
    an_account,
    an_intent,
    an_order,
    pem_of,
    write_key_file,
)
from tests.coinbase.certificates import GOOD, make_authority, server_context, write_authority
from tests.coinbase.servers import Answer, RestServer, an_answer, rest_server

AUTHORITY = make_authority()
KEY = pem_of(a_key())
CREATED = {"success": True, "success_response": {"order_id": "7d1f", "client_order_id": "gt-17"}}
ROOT = "/api/v3/brokerage"


@contextmanager
def exchange(
    folder: Path, *answers: Answer, signed: bool = True, timeout_s: float = 5
) -> Iterator[tuple[RestClient, RestServer]]:
    with rest_server(server_context(GOOD, AUTHORITY, folder), *answers) as server:
        signer = Signer.from_key_file(write_key_file(folder, KEY), lambda: 0) if signed else None
        ca_file = write_authority(AUTHORITY, folder)
        client = RestClient(
            server.host, signer, ca_file=ca_file, timeout_s=timeout_s, now_ns=lambda: 7
        )
        try:
            yield client, server
        finally:
            client.close()


def refusal(error: str, message: str = "so it is") -> dict[str, str]:
    return {"error": error, "error_details": message, "message": message}


def test_an_order_goes_out_once_signed_and_comes_back_accepted(tmp_path: Path) -> None:
    with exchange(tmp_path, an_answer(CREATED)) as (client, server):
        answer = client.create(an_intent())

    assert answer == OrderAccepted(7, "gt-17", "7d1f")
    [request] = server.requests
    assert (request.method, request.path) == ("POST", f"{ROOT}/orders")
    assert request.body["client_order_id"] == "gt-17"
    assert request.headers["Authorization"].startswith("Bearer ey")


REJECTED = {
    "a business rejection": (
        an_answer({"success": False, "error_response": {"error": "INSUFFICIENT_FUND"}}),
        "INSUFFICIENT_FUND",
    ),
    "400 with a reason": (an_answer(refusal("INVALID_ARGUMENT"), 400), "INVALID_ARGUMENT"),
    "404 with a reason": (an_answer(refusal("NOT_FOUND"), 404), "NOT_FOUND"),
    "429 with a reason": (
        an_answer({"error": "RATE_LIMIT_EXCEEDED", "code": 8, "message": "slow down"}, 429),
        "RATE_LIMIT_EXCEEDED",
    ),
    "429 in the other shape": (
        an_answer({"errors": [{"id": "rate_limit_exceeded", "message": "slow down"}]}, 429),
        "rate_limit_exceeded",
    ),
}


@pytest.mark.parametrize(("answer", "reason"), REJECTED.values(), ids=REJECTED)
def test_a_definite_no_is_a_rejection(answer: Answer, reason: str, tmp_path: Path) -> None:
    with exchange(tmp_path, answer) as (client, server):
        rejected = client.create(an_intent())

    assert isinstance(rejected, OrderRejected)
    assert (rejected.reason, rejected.client_order_id) == (reason, "gt-17")
    assert len(server.requests) == 1


UNKNOWN = {
    "the connection is cut after the request": Answer(0, b""),
    "500 with a reason": an_answer(refusal("INTERNAL"), 500),
    "502 with a page": Answer(502, b"<html>bad gateway</html>"),
    "503 that speaks of a rejection": an_answer(refusal("INSUFFICIENT_FUND"), 503),
    "504": Answer(504, b""),
    "200 with a page": Answer(200, b"<html>a moment, please</html>"),
    "200 with half an answer": Answer(200, json.dumps(CREATED).encode()[:40]),
    "200 with nothing": Answer(200, b""),
    "200 with a list": an_answer([CREATED]),
    "200 nested beyond reason": Answer(200, b"[" * 100_000),
    "200 with bytes that are no text": Answer(200, b'{"success":\xff\xfe}'),
    "200 for another order": an_answer(
        {"success": True, "success_response": {"order_id": "x", "client_order_id": "theirs"}}
    ),
    "its id is in use": an_answer(
        {"success": False, "error_response": {"error": "DUPLICATE_CLIENT_ORDER_ID"}}
    ),
    "400: its id is in use": an_answer(refusal("DUPLICATE_CLIENT_ORDER_ID"), 400),
    "400 with a page": Answer(400, b"<html>"),
    "400 without a reason": an_answer({}, 400),
    "408": an_answer(refusal("TIMEOUT"), 408),
    "409": an_answer(refusal("CONFLICT"), 409),
    "429 without a reason": Answer(429, b"slow down"),
    "499": an_answer(refusal("CANCELLED"), 499),
    "a redirect": Answer(307, b"{}", {"Location": f"https://elsewhere.test{ROOT}/orders"}),
    "a body that says gzip and is not": Answer(200, b"{}", {"Content-Encoding": "gzip"}),
    "nested refusal": Answer(400, b'{"error":' + b"[" * 100_000),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN)
def test_anything_less_than_a_word_leaves_the_outcome_unknown(
    answer: Answer, tmp_path: Path
) -> None:
    with exchange(tmp_path, answer) as (client, server), pytest.raises(OutcomeUnknown):
        client.create(an_intent())

    assert len(server.requests) == 1, "it must never be sent again"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_even_to_a_server_we_would_trust(
    status: int, tmp_path: Path
) -> None:
    context = server_context(GOOD, AUTHORITY, tmp_path)
    with rest_server(context, an_answer(CREATED)) as elsewhere:
        away = Answer(status, b"{}", {"Location": f"https://{elsewhere.host}{ROOT}/orders"})
        with (
            exchange(tmp_path, away) as (client, _),
            pytest.raises(OutcomeUnknown, match="TooManyRedirects"),
        ):
            client.create(an_intent())

    assert elsewhere.requests == []


@pytest.mark.parametrize("answer", [Answer(0, b""), Answer(503, b""), an_answer({"results": []})])
def test_a_cancel_without_a_word_is_unknown_too(answer: Answer, tmp_path: Path) -> None:
    with exchange(tmp_path, answer) as (client, server), pytest.raises(OutcomeUnknown):
        client.cancel(["7d1f"])

    assert len(server.requests) == 1


def test_a_server_that_never_answers_is_given_up_in_time(tmp_path: Path) -> None:
    slow = Answer(200, json.dumps(CREATED).encode(), delay_s=0.6)
    with (
        exchange(tmp_path, slow, timeout_s=0.2) as (client, server),
        pytest.raises(OutcomeUnknown, match="ReadTimeout"),
    ):
        client.create(an_intent())

    assert len(server.requests) == 1


def test_nobody_listens_is_unknown_for_an_order_and_unreachable_for_a_question(
    tmp_path: Path,
) -> None:
    with exchange(tmp_path) as (gone, _):
        pass

    with pytest.raises(OutcomeUnknown):
        gone.create(an_intent())
    with pytest.raises(ExchangeUnreachable):
        gone.server_time_ns()
    gone.close()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b'{"error":"X","message":"Missing scopes"}'])
@pytest.mark.parametrize("call", ["create", "cancel", "orders"])
def test_a_key_that_is_not_accepted_is_told_apart(
    status: int, body: bytes, call: str, tmp_path: Path
) -> None:
    calls: dict[str, Callable[[RestClient], object]] = {
        "create": lambda client: client.create(an_intent()),
        "cancel": lambda client: client.cancel(["7d1f"]),
        "orders": lambda client: client.orders(None, []),
    }
    with (
        exchange(tmp_path, Answer(status, body)) as (client, server),
        pytest.raises(NotAuthorized, match=str(status)),
    ):
        calls[call](client)

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_bare_401_is_no_word_on_an_order(status: int, tmp_path: Path) -> None:
    """Something between us and Coinbase may have said it after the order was placed."""
    bare = Answer(status, b"Unauthorized")
    with exchange(tmp_path, bare, bare, bare) as (client, server):
        with pytest.raises(OutcomeUnknown, match=str(status)):
            client.create(an_intent())
        with pytest.raises(OutcomeUnknown, match=str(status)):
            client.cancel(["7d1f"])
        with pytest.raises(NotAuthorized, match=str(status)):
            client.orders(None, [])

    assert len(server.requests) == 3


def test_without_a_key_nothing_is_sent_that_could_change_anything(tmp_path: Path) -> None:
    with exchange(tmp_path, signed=False) as (client, server):
        with pytest.raises(NotAuthorized):
            client.create(an_intent())
        with pytest.raises(NotAuthorized):
            client.cancel(["7d1f"])

    assert server.requests == []


def test_without_a_key_market_data_comes_by_the_public_door(tmp_path: Path) -> None:
    with exchange(tmp_path, an_answer({"products": [a_product()]}), signed=False) as (
        client,
        server,
    ):
        [product] = client.products(["SOL-USD"])

    assert product.price_increment == Decimal("0.01")
    [request] = server.requests
    assert request.path == f"{ROOT}/market/products?product_ids=SOL-USD"
    assert "Authorization" not in request.headers


BAD_READS = {
    "a cut connection": (Answer(0, b""), ExchangeUnreachable),
    "500": (an_answer(refusal("INTERNAL"), 500), ExchangeUnreachable),
    "503": (Answer(503, b"<html>"), ExchangeUnreachable),
    "429": (an_answer(refusal("RATE_LIMIT_EXCEEDED"), 429), ExchangeUnreachable),
    "400": (an_answer(refusal("INVALID_ARGUMENT"), 400), WireError),
    "404": (Answer(404, b"<html>"), WireError),
    "a page": (Answer(200, b"<html>"), ExchangeUnreachable),
    "nesting": (Answer(200, b"[" * 100_000), ExchangeUnreachable),
    "another shape": (an_answer({"order": []}), WireError),
    "a redirect": (Answer(302, b"", {"Location": "https://elsewhere.test/"}), ExchangeUnreachable),
}


@pytest.mark.parametrize(("answer", "error"), BAD_READS.values(), ids=BAD_READS)
def test_a_failed_question_is_never_an_answer(
    answer: Answer, error: type[TraderError], tmp_path: Path
) -> None:
    with exchange(tmp_path, answer) as (client, _), pytest.raises(error):
        client.order("7d1f")


def test_an_order_is_absent_only_by_coinbases_own_word(tmp_path: Path) -> None:
    known, unknown = an_answer({"order": an_order()}), an_answer(refusal("NOT_FOUND"), 404)
    with exchange(tmp_path, known, unknown) as (client, server):
        word, none = client.order("7d1f/../x"), client.order("7d1f")

    assert word is not None and word.status is OrderStatus.OPEN
    assert none is None
    assert server.requests[0].path == f"{ROOT}/orders/historical/7d1f%2F..%2Fx"


def test_a_listing_is_read_to_its_last_page_and_a_later_word_counts(tmp_path: Path) -> None:
    pages = [
        {
            "orders": [an_order(order_id="a"), an_order(order_id="b")],
            "has_next": True,
            "cursor": "c1",
        },
        {"orders": [an_order(order_id="b", status="FILLED")], "has_next": True, "cursor": "c2"},
        {"orders": [an_order(order_id="c")], "has_next": False, "cursor": ""},
    ]
    with exchange(tmp_path, *map(an_answer, pages)) as (client, server):
        words = client.orders(1_767_323_045_000_006_000, ["SOL-USD", "BTC-USD"])

    read = [word for word in words if isinstance(word, OrderWord)]
    assert [(word.order_id, word.status.value) for word in read] == [
        ("a", "OPEN"),
        ("b", "FILLED"),
        ("c", "OPEN"),
    ]
    query = "product_ids=SOL-USD&product_ids=BTC-USD&start_date=2026-01-02T03%3A04%3A05.000006000Z"
    assert server.requests[0].path == f"{ROOT}/orders/historical/batch?{query}&limit=100"
    assert [request.path[-10:] for request in server.requests[1:]] == ["&cursor=c1", "&cursor=c2"]
    assert "order_status" not in "".join(request.path for request in server.requests)


def test_a_listing_that_runs_in_a_circle_ends(tmp_path: Path) -> None:
    page = an_answer({"orders": [], "has_next": True, "cursor": "c"})
    with (
        exchange(tmp_path, page, page, page) as (client, server),
        pytest.raises(WireError, match="circle"),
    ):
        client.orders(None, [])

    assert len(server.requests) == 2


def test_fills_come_oldest_first_and_once(tmp_path: Path) -> None:
    late, early = a_fill(trade_time="2026-11-23T09:15:02Z"), a_fill(trade_id="554", entry_id="e-0")
    pages = [{"fills": [late, early], "cursor": "c"}, {"fills": [early], "cursor": ""}]
    with exchange(tmp_path, *map(an_answer, pages)) as (client, server):
        fills = client.fills(["7d1f"], None)

    assert [fill.trade_id for fill in fills] == ["554", "555"]
    assert server.requests[0].path == f"{ROOT}/orders/historical/fills?limit=100&order_ids=7d1f"


def test_no_orders_have_no_fills_and_many_orders_are_asked_for_in_parts(tmp_path: Path) -> None:
    empty = an_answer({"fills": [], "cursor": ""})
    with exchange(tmp_path, empty, empty, empty) as (client, server):
        assert client.fills([], None) == ()
        assert not server.requests
        client.fills([str(number) for number in range(101)], None)

    assert [request.path.count("order_ids") for request in server.requests] == [50, 50, 1]


def test_balances_are_free_and_held_together_over_all_pages(tmp_path: Path) -> None:
    btc = {"value": "0.50000001", "currency": "BTC"}
    pages = [
        {"accounts": [an_account()], "has_next": True, "cursor": "c"},
        {
            "accounts": [an_account(currency="BTC", available_balance=btc, hold=btc)],
            "has_next": False,
            "cursor": "",
        },
    ]
    with exchange(tmp_path, *map(an_answer, pages)) as (client, _):
        assert client.balances(["USD", "BTC"]) == {
            "USD": Decimal("120.75"),
            "BTC": Decimal("1.00000002"),
        }


def test_wallets_of_one_currency_count_together(tmp_path: Path) -> None:
    more = {"value": "1", "currency": "USD"}
    accounts = [an_account(), an_account(uuid="f00", available_balance=more, hold=more)]
    page = an_answer({"accounts": accounts, "has_next": False, "cursor": ""})
    with exchange(tmp_path, page, page) as (client, _):
        assert client.wallets(["USD"]) == (Balance("USD", Decimal("101.5"), Decimal("21.25")),)
        assert client.balances(["USD"]) == {"USD": Decimal("122.75")}


def test_cancels_go_out_by_the_hundred(tmp_path: Path) -> None:
    names = [str(number) for number in range(150)]
    results = [{"success": True, "order_id": name} for name in names]
    refused = an_answer(refusal("INVALID_ARGUMENT"), 400)
    with exchange(tmp_path, an_answer({"results": results[:100]}), refused) as (client, server):
        words = client.cancel(names)

    assert [len(request.body["order_ids"]) for request in server.requests] == [100, 50]
    assert [word.accepted for word in words] == [True] * 100 + [False] * 50
    assert words[-1].reason == "INVALID_ARGUMENT"


def test_an_unknown_product_is_the_users_mistake(tmp_path: Path) -> None:
    with (
        exchange(tmp_path, an_answer({"products": [a_product()]})) as (client, _),
        pytest.raises(UsageError, match="no spot product DOG-USD"),
    ):
        client.products(["SOL-USD", "DOG-USD"])


def test_a_mistyped_product_is_told_what_is_near(tmp_path: Path) -> None:
    listed = an_answer({"products": [a_product()]})
    with (
        exchange(tmp_path, an_answer({"products": []}), listed) as (client, _),
        pytest.raises(UsageError, match=r"no spot product SLO-USD .*; did you mean SOL-USD\?"),
    ):
        client.products(["SLO-USD"])


@pytest.mark.parametrize(
    "answer",
    [
        an_answer({"balance_summary": None}),
        an_answer({}),
        an_answer(refusal("NOT_FOUND"), 404),
    ],
)
def test_an_account_without_a_futures_balance_has_no_futures_wallet(
    answer: Answer, tmp_path: Path
) -> None:
    with exchange(tmp_path, answer, an_answer({"positions": []})) as (client, _):
        assert client.futures() is None


def a_candle(start_s: int) -> dict[str, str]:
    return {"start": str(start_s), "volume": "1"} | dict.fromkeys(
        ("open", "high", "low", "close"), "5"
    )


def test_candles_are_complete_by_the_exchanges_clock_and_inside_the_range(tmp_path: Path) -> None:
    clock = an_answer({"iso": "1970-01-01T00:59:30Z"})
    served = [a_candle(start_s) for start_s in range(3600, 0, -60)]  # newest first, one is open
    with exchange(tmp_path, clock, an_answer({"candles": served})) as (client, server):
        candles = client.candles("SOL-USD", 61, 7200, 60)

    assert [candle.start_ns // 10**9 for candle in candles] == list(range(120, 3540, 60))
    query = "start=120&end=3480&granularity=ONE_MINUTE"
    assert server.requests[1].path == f"{ROOT}/products/SOL-USD/candles?{query}"


def test_a_long_range_is_asked_for_in_parts(tmp_path: Path) -> None:
    clock = an_answer({"iso": "1970-01-02T00:00:00Z"})
    parts = [range(0, 18_000, 60), range(18_000, 36_000, 60), range(36_000, 37_800, 60)]
    answers = [an_answer({"candles": [a_candle(s) for s in part]}) for part in parts]
    with exchange(tmp_path, clock, *answers) as (client, server):
        candles = client.candles("SOL-USD", 0, 37_800, 60)

    assert [candle.start_ns // 10**9 for candle in candles] == list(range(0, 37_800, 60))
    assert len(server.requests) == 4


def test_nothing_is_complete_yet_and_no_such_width(tmp_path: Path) -> None:
    clock = an_answer({"iso": "1970-01-01T00:00:59Z"})
    with exchange(tmp_path, clock) as (client, _):
        assert client.candles("SOL-USD", 0, 3600, 60) == ()
        with pytest.raises(UsageError, match="no candles of 90 s"):
            client.candles("SOL-USD", 0, 3600, 90)


@pytest.mark.parametrize(
    "host",
    ["https://api.coinbase.com", "", "a b", "x/y", "me@evil.test", "evil.test#", "h:port", "-h"],
)
def test_only_a_host_is_a_host(host: str) -> None:
    with pytest.raises(UsageError, match="is no host"):
        RestClient(host, None, ca_file=None, timeout_s=1, now_ns=lambda: 0)


@pytest.mark.parametrize(
    "answer", [an_answer(refusal("X"), 500), an_answer(CREATED), Answer(0, b"")]
)
def test_no_log_error_or_repr_shows_a_token_or_the_key(
    answer: Answer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = ""
    with exchange(tmp_path, answer) as (client, server):
        try:
            shown = repr(client.create(an_intent()))
        except OutcomeUnknown as error:
            shown = f"{error!r} {error.__cause__!r} {error.__suppress_context__}"
        shown += repr(client) + repr(vars(client))

    token = server.requests[0].headers["Authorization"].removeprefix("Bearer ")
    logged = caplog.text + shown
    assert len(token) > 100 and token not in logged and "eyJ" not in logged
    assert all(line not in logged for line in KEY.split("\n")[1:-2])
    assert "coinbase.RESTClient" not in caplog.text
