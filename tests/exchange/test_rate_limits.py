"""Rate limits: what is counted together, the headers, the answer to too much."""

from pathlib import Path
from typing import Any

import pytest
import requests
from tornado.httpclient import HTTPClientError

from gpt_trader.exchange.choices import read_choices
from gpt_trader.exchange.rate_limits import COINBASE_LIMITS, Limited, RateLimiter, RateLimits
from tests.exchange.serving import Exchange, an_exchange

TIME = "/api/v3/brokerage/time"
# Of those not under test more than a test can use up.
PLENTY = dict.fromkeys(Limited, 1000)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def limited(folder: Path, **counts: int) -> Exchange:
    limits: RateLimits = PLENTY | {Limited[name.upper()]: count for name, count in counts.items()}
    return an_exchange(folder, limits=limits)


def granted(limiter: RateLimiter, what: Limited, who: str, asks: int) -> list[bool]:
    turns = [limiter.take(what, who) for _ in range(asks)]
    return [turn.granted for turn in turns if turn is not None]


@pytest.mark.parametrize("what", list(Limited))
def test_as_many_as_the_limit_pass_in_any_second_and_no_more(what: Limited) -> None:
    clock = Clock()
    limiter, limit = RateLimiter(COINBASE_LIMITS, clock), COINBASE_LIMITS[what]

    first = granted(limiter, what, "a", limit + 3)
    clock.now_s += 0.999
    early = granted(limiter, what, "a", 1)
    clock.now_s += 0.001
    later = granted(limiter, what, "a", limit + 1)

    assert first == [True] * limit + [False] * 3
    assert early == [False]
    assert later == [True] * limit + [False]
    assert limiter.refused == {what: 5}


def test_others_are_counted_for_themselves() -> None:
    limiter = RateLimiter(COINBASE_LIMITS, Clock())
    granted(limiter, Limited.PUBLIC, "a", 10)

    assert granted(limiter, Limited.PUBLIC, "b", 1) == [True]
    assert granted(limiter, Limited.PRIVATE, "a", 1) == [True]


def test_the_headers_say_how_much_is_left_and_when_all_is_there_again() -> None:
    clock = Clock()
    limiter = RateLimiter(COINBASE_LIMITS, clock)
    granted(limiter, Limited.PUBLIC, "a", 3)
    clock.now_s += 0.5

    turn = limiter.take(Limited.PUBLIC, "a")

    assert turn is not None
    assert turn.headers() == {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": "6",
        "x-ratelimit-reset": "1",
    }


def test_without_limits_nothing_is_counted() -> None:
    limiter = RateLimiter(None)

    assert granted(limiter, Limited.PUBLIC, "a", 100) == []
    assert not limiter.enabled


def get(session: requests.Session, exchange: Exchange, path: str) -> requests.Response:
    url = f"https://127.0.0.1:{exchange.server.port}{path}"
    return session.get(url, verify=str(exchange.folder / "ca.pem"), timeout=5)


def test_too_many_public_requests_get_429_with_headers_and_coinbases_body(tmp_path: Path) -> None:
    with limited(tmp_path, public=2) as exchange, requests.Session() as session:
        session.trust_env = False
        answers = [get(session, exchange, TIME) for _ in range(3)]
        refused = exchange.server.limiter.refused.copy()

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["1", "0", "0"]
    assert answers[2].json() == {
        "errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]
    }
    assert refused == {Limited.PUBLIC: 1}


def test_the_sdk_reads_the_headers_and_an_order_too_many_is_not_placed(tmp_path: Path) -> None:
    with limited(tmp_path, private=3) as exchange:
        exchange.advance()
        client = exchange.rest()
        client.rate_limit_headers = True
        accounts = client.get_accounts()
        client.market_order_buy("a", "BTC-USD", quote_size="100")
        client.market_order_buy("b", "BTC-USD", quote_size="100")
        with pytest.raises(requests.HTTPError, match="429") as refused:
            client.market_order_buy("c", "BTC-USD", quote_size="100")
        placed = exchange.venue.orders({})["orders"]

    assert accounts.rate_limit_limit == "3"
    assert accounts.rate_limit_remaining == "2"
    assert refused.value.response.headers["x-ratelimit-reset"] == "1"
    assert [order["client_order_id"] for order in placed] == ["b", "a"]


def test_a_connection_too_many_is_refused_with_429(tmp_path: Path) -> None:
    with limited(tmp_path, connections=2) as exchange:
        exchange.socket()
        exchange.socket()
        with pytest.raises(HTTPClientError, match="429"):
            exchange.socket()
        refused = exchange.server.limiter.refused.copy()

    assert refused == {Limited.CONNECTIONS: 1}


def test_a_message_too_many_is_refused_and_the_connection_stays(tmp_path: Path) -> None:
    with limited(tmp_path, messages=2) as exchange:
        socket = exchange.socket()
        answers: list[dict[str, Any]] = []
        for message in ("heartbeats", "candles", "status"):
            socket.subscribe(message, [])
        socket.send("{")
        for _ in range(5):
            answers.append(socket.read())
        socket.subscribe("market_trades", [], exchange.jwt())
        held = socket.read()["events"][0]["subscriptions"]
        refused = exchange.server.limiter.refused.copy()

    too_many = {"type": "error", "message": "Too many requests"}
    assert [one for one in answers if one.get("type") == "error"] == [too_many] * 2
    assert set(held) == {"heartbeats"}
    assert refused == {Limited.MESSAGES: 2}


def test_coinbases_limits_are_on_at_real_speed_only() -> None:
    limits = [
        read_choices(argv).limits
        for argv in (
            [],
            ["--follow", "h", "--product", "BTC-USD"],
            ["--rate-limits", "off"],
            ["--speed", "60"],
            ["--speed", "max"],
            ["--speed", "60", "--rate-limits", "3,2,1,4"],
        )
    ]

    assert limits[:5] == [COINBASE_LIMITS, COINBASE_LIMITS, None, None, None]
    assert limits[5] == dict(zip(Limited, (3, 2, 1, 4), strict=True))
