"""What a session does with request files, odd ones too, and while the exchange is slow."""

import json
import time
from pathlib import Path
from typing import Any

from gpt_trader.store import requests
from gpt_trader.store.requests import Request
from tests.live.commands import live

ORDER = {
    "product_id": "BTC-USD",
    "side": "BUY",
    "kind": "limit",
    "time_in_force": "GTD",
    "number": "0.001",
    "unit": "base",
    "limit_price": "60000",
    "end_ns": "1",
}
ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "a list for a product": ("preview", {"order": {**ORDER, "product_id": ["BTC-USD"]}}),
    "a table for a product": ("place", {"order": {**ORDER, "product_id": {}}}),
    "a number for a product": ("place", {"order": {**ORDER, "product_id": 1}}),
    "a product of no letters": ("place", {"order": {**ORDER, "product_id": "\ud800/?"}}),
    "a list for an order": ("preview", {"order": [1]}),
    "an end beyond all times": ("preview", {"order": {**ORDER, "end_ns": "9" * 30}}),
    "a name like ours inside": ("place", {"order": {**ORDER, "asked": "a#b"}}),
    "a long token": ("place", {"token": "a" * 5_000}),
    "a number for a token": ("edit", {"token": 7, "name": []}),
    "a number for orders": ("cancel", {"orders": 5}),
    "a table for an order to cancel": ("cancel", {"orders": [{}]}),
    "a list for a holding": ("adopt", {"product_id": [], "base_size": None}),
    "nothing of an edit": ("edit_preview", {}),
    "no kind of ours": ("dance", {}),
}


def left(var: Path, kind: str, body: dict[str, Any], request_id: str = "aa") -> None:
    """Leave a request as a command does."""
    now_ns = time.time_ns()
    request = Request(request_id, kind, "a test", now_ns, now_ns + 600 * 10**9, body)
    requests.leave(var, "dev", request)


def test_an_odd_request_is_answered_and_ends_no_session(tmp_path: Path) -> None:
    var = tmp_path / "var"
    for number, (kind, body) in enumerate(ODD.values()):
        left(var, kind, body, f"odd{number}")
    folder = var / "data/perps_bot/dev/requests"
    (folder / "deep.json").write_text("[" * 50_000)
    ours = json.loads((folder / "odd0.json").read_text())
    for name, who in (("a#b", "x"), ("nobody", "\udcff")):
        (folder / f"{name}.json").write_text(json.dumps({**ours, "request_id": name, "who": who}))

    done = live(var, "--by-hand", "--once")

    assert done.code == 0, done.err
    for number, name in enumerate(ODD):
        answer = requests.take_answer(var, "dev", f"odd{number}")
        assert answer is not None and answer["failure"] == "usage", (name, answer)
    assert sorted(path.name for path in folder.iterdir()) == [
        "a#b.json",
        "deep.json",
        "nobody.json",
    ]
