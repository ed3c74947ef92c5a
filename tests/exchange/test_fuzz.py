"""Requests with anything wrong in them: a refusal in Coinbase's form, and nothing changed by it."""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gpt_trader.exchange.refusals import Refusal
from gpt_trader.exchange.routes import PREFIX, Call, find_route
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import Wire, a_kept_venue, everything
from tests.exchange.test_venue_sessions import (
    a_random_tape,
    random_body,
    random_edit,
    random_rules,
)
from tests.tier import hundredth

REQUESTS = 200  # of one session
FIELDS = (
    "stop_price", "limit_price", "attached_order_configuration", "reduce_only", "margin_type",
    "leverage", "quote_size", "post_only", "order_id", "price", "size", "product_id", "end_time",
)  # fmt: skip
JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**25, "", "0", "-0", "1e5", "NaN", "0.1", "62000", "9" * 40,
    "é\u0000", [], [1], {}, {"a": {"b": []}}, {"trigger_bracket_gtc": {}}, "BUY", "BTC-USD",
    "ENDLESS",
    {"trigger_bracket_gtc": {"limit_price": "99999", "stop_trigger_price": "1"}},
    "STOP_DIRECTION_STOP_UP", "2026-01-05T00:59:00Z", "9999-12-31T23:59:59Z",
)  # fmt: skip


def state(venue: Venue) -> list[Wire | list[list[Wire]]]:
    """What a request that is refused may not change."""
    newest = {"limit": ["20"]}
    return [
        venue.accounts({"limit": ["250"]}),
        venue.user_snapshot(),
        venue.orders(newest),
        venue.fills(newest),
    ]


def spoil(draw: random.Random, body: Wire) -> None:
    """Change, drop or add something, anywhere in a body."""
    node = body
    while True:
        inner = [name for name in node if isinstance(node[name], dict)]
        if not inner or draw.random() < 0.4:
            break
        node = node[draw.choice(inner)]
    name = draw.choice([*node, draw.choice(FIELDS)])
    if draw.random() < 0.2:
        node.pop(name, None)
    else:
        node[name] = copy.deepcopy(draw.choice(JUNK))


def a_request(draw: random.Random, venue: Venue, number: int) -> tuple[str, bytes]:
    """A path, and a body that has mostly something wrong."""
    makers: dict[str, Callable[[], Wire]] = {
        "orders": lambda: random_body(draw, venue, number),
        "orders/preview": lambda: random_body(draw, venue, number),
        "orders/edit": lambda: random_edit(draw, venue),
        "orders/edit_preview": lambda: random_edit(draw, venue),
        "orders/close_position": lambda: {"client_order_id": "c", "product_id": "BTC-USD"},
        "orders/batch_cancel": lambda: {"order_ids": ["nobodys"]},
    }
    path = draw.choice(list(makers))
    body = makers[path]()
    for _ in range(draw.randint(0, 2)):
        spoil(draw, body)
    text = json.dumps(body).replace('"ENDLESS"', "1e999").encode()
    if draw.random() < 0.05:
        text = text[: draw.randint(0, len(text))]
    return f"{PREFIX}/{path}", text


@pytest.mark.parametrize("seed", range(hundredth(100_000) // REQUESTS))
def test_a_spoilt_request_is_refused_and_changes_nothing(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    tape, rules = a_random_tape(seed), random_rules(seed)
    venue, journal = a_kept_venue(tape, rules, tmp_path)
    refused = 0

    for number in range(REQUESTS):
        if number % 8 == 0 and venue.due_ns() is not None:
            venue.advance()
        before = state(venue)
        path, body = a_request(draw, venue, number)
        found = find_route("POST", path)
        assert found is not None
        try:
            answer = found[0].answer(venue, Call((), {}, body, None)).body
        except Refusal as refusal:
            answer = {"success": False}
            assert (refusal.status, set(refusal.body)) == (
                400,
                {"error", "error_details", "message"},
            )
        assert msgspec.json.encode(answer)
        if "preview" in path or not answer.get("success", True):
            refused += 1
            assert state(venue) == before

    journal.close()
    again, kept = a_kept_venue(tape, rules, tmp_path)
    assert everything(again) == everything(venue)
    kept.close()
    assert refused > REQUESTS // 3
