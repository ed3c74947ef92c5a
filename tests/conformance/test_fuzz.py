"""Requests and messages that make no sense get Coinbase's error form and change nothing."""

import copy
import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gpt_trader.exchange.catalog import find_product
from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.journal_records import journal_header
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue
from tests.conformance import schema
from tests.conformance.frames import Frames
from tests.conformance.responses import BROKERAGE, RESPONSES, table_of
from tests.exchange.markets import BIP, BIP_ID, everything
from tests.exchange.serving import Exchange, lockstep_options, some_rules
from tests.printing import Said
from tests.tier import scaled

REQUESTS = 20_000
MESSAGES = 4_000
PRODUCTS = ("BTC-USD", "ETH-USD")
FUNDED = Decimal(5000)  # in the futures wallet
REFUSALS = {400, 401, 404, 405}

GARBAGE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 1e308, 10**40, "", " ", "NaN", "Infinity", "-0", "-1", "1e5", "0x10",
    "0", "1", "0.001", "62000", "9" * 40, "0." + "0" * 40 + "1", "1_000", "+1", ".5", "5.", "٣",
    "é", "\x00", "\ud800", "a" * 3000, [], {}, [[]], ["x"], {"a": 1}, [None], "BTC-USD", "NO-SUCH",
    "BUY", "SELL", "buy", "../../x", "%00", "2026-01-05T00:00:00Z", "9999-99-99T99:99:99Z",
    "0001-01-01T00:00:00Z", "STOP_DIRECTION_STOP_UP", "USD", "USDC",
)  # fmt: skip
NAMES = (
    "limit", "cursor", "offset", "product_ids", "product_id", "start", "end", "granularity",
    "order_status", "order_ids", "start_date", "end_date", "start_sequence_timestamp", "sort_by",
    "aggregation_price_increment", "currency", "starting_after", "portfolio_type", "order_side",
    "from_account", "to_account", "x", "",
)  # fmt: skip
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "market_market_ioc": {"base_size": "0.001"},
    "sor_limit_ioc": {"base_size": "0.001", "limit_price": "62000"},
    "limit_limit_gtc": {"base_size": "0.001", "limit_price": "20000", "post_only": False},
    "limit_limit_gtd": {
        "base_size": "0.001",
        "limit_price": "20000",
        "end_time": "2026-01-06T00:00:00Z",
    },
    "limit_limit_fok": {"base_size": "0.001", "limit_price": "62000"},
    "stop_limit_stop_limit_gtc": {
        "base_size": "0.001",
        "limit_price": "70000",
        "stop_price": "69000",
        "stop_direction": "STOP_DIRECTION_STOP_UP",
    },
    "trigger_bracket_gtc": {
        "base_size": "0.001",
        "limit_price": "80000",
        "stop_trigger_price": "40000",
    },
}


class Fuzzer:
    """Draws requests: good ones with one or two things spoiled, and plain nonsense."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self._draw = random.Random(seed)
        self._exchange = exchange
        self._tokens: dict[tuple[str, str], str] = {}
        self.ids = ["x"]  # of orders that exist, after they were seen

    def request(self) -> tuple[str, str, bytes, dict[str, str]]:
        """Give method, path with query, body and headers."""
        draw = self._draw
        method, path = draw.choice(list(RESPONSES)).split(" ")
        while "{}" in path:
            filled = draw.choice([*PRODUCTS, *self.ids, self._quoted()])
            path = path.replace("{}", filled[:200] or "x", 1)
        if draw.random() < 0.05:
            path = f"{draw.choice((BROKERAGE, '', '/v2'))}/{self._quoted()[:80]}"
        if draw.random() < 0.05:
            method = draw.choice(("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
        body = self._body(path) if method != "GET" or draw.random() < 0.2 else b""
        headers = {} if draw.random() < 0.03 else {"Authorization": self._token(method, path)}
        if draw.random() < 0.02:
            headers = {
                "Authorization": draw.choice(("Bearer x.y.z", "Bearer", "Basic a", "Bearer ."))
            }
        return method, path + self._query(), body, headers

    def message(self) -> str:
        """Give a WebSocket message."""
        channel = self._draw.choice(("ticker", "level2", "user", "status", "heartbeats", "x"))
        good = {"type": self._draw.choice(("subscribe", "unsubscribe")), "channel": channel}
        products = {"product_ids": self._draw.sample(PRODUCTS, self._draw.randint(0, 2))}
        return self._spoiled(good | products | {"jwt": "x.y.z"}).decode(errors="replace")

    def _token(self, method: str, path: str) -> str:
        if (method, path) not in self._tokens:
            self._tokens[method, path] = self._exchange.bearer(method, path)
        return self._tokens[method, path]

    def _query(self) -> str:
        pairs = [
            f"{self._draw.choice(NAMES)}={self._quoted()}"
            for _ in range(self._draw.choice((0, 0, 1, 2, 3)))
        ]
        if self._draw.random() < 0.05:
            pairs.append("%zz&=&;")
        return "?" + "&".join(pairs) if pairs else ""

    def _body(self, path: str) -> bytes:
        draw = self._draw
        name = draw.choice(list(CONFIGURATIONS))
        fields, product_id = dict(CONFIGURATIONS[name]), draw.choice((*PRODUCTS, BIP_ID))
        if product_id == BIP_ID:
            fields["base_size"] = "1"
        order = {
            "product_id": product_id,
            "side": draw.choice(("BUY", "SELL")),
            "order_configuration": {name: fields},
            "client_order_id": f"fuzz-{draw.randrange(10**6)}",
        }
        good: dict[str, Any] = order
        if "batch_cancel" in path:
            good = {"order_ids": draw.sample(self.ids, 1)}
        elif "/edit" in path:
            good = {"order_id": draw.choice(self.ids), "price": "30000", "size": "0.002"}
        elif "move_funds" in path:
            funds = {"value": "1", "currency": "USD"}
            good = {"funds": funds, "source_portfolio_uuid": "x", "target_portfolio_uuid": "y"}
        elif "/portfolios" in path:
            good = {"name": f"P{draw.randrange(300)}"}
        elif "/sweeps" in path:
            good = {"usd_amount": "1"}
        elif "/intraday" in path:
            good = {"setting": "INTRADAY_MARGIN_SETTING_INTRADAY"}
        elif "/convert" in path:
            good = {"from_account": "USD", "to_account": "USDC", "amount": "1"}
        return self._spoiled(good)

    def _spoiled(self, good: dict[str, Any]) -> bytes:
        """Change a value or two at any depth, or break the text."""
        draw = self._draw
        for _ in range(draw.choice((0, 1, 1, 1, 2))):
            inner = good
            while draw.random() < 0.6:
                deeper = [one for one in inner.values() if isinstance(one, dict) and one]
                if not deeper:
                    break
                inner = draw.choice(deeper)
            key = draw.choice([*inner, "x"])
            if draw.random() < 0.2:
                inner.pop(key, None)
            else:
                inner[key] = self._garbage()
        text = json.dumps(good).encode()
        if draw.random() < 0.1:
            place = draw.randrange(len(text))
            text = draw.choice(
                (text[:place], text[:place] + b"\xff" + text[place:], b"", b"[" * 200, b"null")
            )
        return text

    def _quoted(self) -> str:
        return quote(str(self._garbage()).encode(errors="replace"), safe="")

    def _garbage(self) -> Any:
        return copy.deepcopy(self._draw.choice(GARBAGE))


def a_market() -> Tape:
    return synthetic_tape(7, [*map(find_product, PRODUCTS), BIP], 20)


class Served:
    """An exchange that keeps a journal, and what a client saw of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "journal"
        self.exchange: Exchange
        self.statuses: Counter[int] = Counter()

    def open(self) -> tuple[Venue, Journal]:
        """Give the venue as its journal has it."""
        tape, rules = a_market(), some_rules(futures_balance=FUNDED)
        journal = Journal(self._folder, journal_header(tape, rules), sync=False)
        return Venue.restore(tape, rules, journal), journal


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    kept = Served(tmp_path)
    venue, journal = kept.open()
    options = lockstep_options(plain_port=0)
    tape = a_market()
    kept.exchange = Exchange(tmp_path, venue, tape, options)
    with kept.exchange:
        kept.exchange.advance()
        yield kept
    journal.close()


def without_echo(body: Any) -> Any:
    """Leave out what the exchange gives back of a request, which may hold any nonsense."""
    if isinstance(body, dict):
        echo = ("order_configuration", "attached_order_configuration")
        return {
            name: (None if one is None else {}) if name in echo else without_echo(one)
            for name, one in body.items()
        }
    return [without_echo(one) for one in body] if isinstance(body, list) else body


def state(venue: Venue) -> list[Any]:
    """Give what a request could have changed."""
    newest = {"limit": ["3"]}
    return [
        venue.accounts({}),
        venue.orders(newest),
        venue.fills(newest),
        venue.user_snapshot(),
        venue.portfolios.list({}),
        venue.futures.sweeps(),
        venue.futures.margin_setting(),
        venue.futures.balance_summary(venue.now_ns),
        venue.futures.positions(venue.now_ns),
    ]


def is_business(body: Any) -> bool:
    """Say whether an answer with status 200 tells of a refusal or changes nothing."""
    return isinstance(body, dict) and body.get("success") is False


def check_answer(served: Served, line: tuple[str, str], answer: tuple[int, bytes]) -> Any:
    """The answer has a table, or Coinbase's form of an error."""
    (method, target), (status, content) = line, answer
    served.statuses[status] += 1
    if status == 401:
        return schema.UNAUTHORIZED(content.decode(), target)
    body = json.loads(content)
    if status == 200:
        table_of(method, target.partition("?")[0])[1](without_echo(body), target)
    else:
        assert status in REFUSALS, (status, method, target, content)
        schema.ERROR(body, f"{status} {method} {target}")
    return body


def test_requests_that_make_no_sense_change_nothing(served: Served, say: Said) -> None:
    exchange, venue = served.exchange, served.exchange.venue
    fuzzer = Fuzzer(exchange, seed=11)
    connection = http.client.HTTPConnection("127.0.0.1", exchange.server.plain_port or 0)
    known = state(venue)
    for _ in range(scaled(REQUESTS)):
        method, target, body, headers = fuzzer.request()
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        answer = check_answer(served, (method, target), (response.status, response.read()))
        if response.status != 200 or is_business(answer):
            assert state(venue) == known, (method, target, body)
            continue
        known = state(venue)
        if "success_response" in answer and len(fuzzer.ids) < 50:
            fuzzer.ids.append(answer["success_response"]["order_id"])
    connection.close()

    assert exchange.failures == []
    assert served.statuses[200] > served.statuses[400] // 10 > 0
    say(", ".join(f"{count} x {status}" for status, count in sorted(served.statuses.items())))


def test_what_nonsense_left_behind_is_what_the_journal_says(tmp_path: Path) -> None:
    kept = Served(tmp_path)
    venue, journal = kept.open()
    tape = a_market()
    with Exchange(tmp_path, venue, tape, lockstep_options(plain_port=0)) as exchange:
        exchange.advance()
        fuzzer = Fuzzer(exchange, seed=12)
        connection = http.client.HTTPConnection("127.0.0.1", exchange.server.plain_port or 0)
        for _ in range(scaled(REQUESTS // 10)):
            method, target, body, headers = fuzzer.request()
            connection.request(method, target, body, headers)
            content = connection.getresponse().read()
            if b"success_response" in content:
                fuzzer.ids.append(json.loads(content)["success_response"]["order_id"])
        connection.close()
    journal.close()

    again, journal = kept.open()
    journal.close()

    assert everything(again) == everything(venue)
    assert state(again) == state(venue)


def test_messages_that_make_no_sense_are_answered_and_the_connection_lives(
    served: Served, say: Said
) -> None:
    fuzzer, frames = Fuzzer(served.exchange, seed=13), Frames()
    socket = served.exchange.socket()
    before = everything(served.exchange.venue)
    for _ in range(scaled(MESSAGES)):
        socket.send(fuzzer.message())
        while True:
            message = socket.read()
            frames.check(message)
            if message.get("type") == "error" or message["channel"] == "subscriptions":
                break

    assert everything(served.exchange.venue) == before
    assert served.exchange.failures == []
    assert min(frames.counts["error"], frames.counts["subscriptions"]) > scaled(MESSAGES) // 10
    say(", ".join(f"{count} {name}" for name, count in sorted(frames.counts.items())))
