"""What a session does with request files, odd ones too, and while the exchange is slow."""

import json
import time
from pathlib import Path
from typing import Any

from gpt_trader.domain.events import FeedChanged, OrderIntended
from gpt_trader.store import requests
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from gpt_trader.store.requests import Request
from tests.live.commands import ended, exchange, live
from tests.live.proxy import CountingProxy
from tests.live.test_faults import Faults
from tests.ops.hand import session_by_hand

BOOK = "GET /api/v3/brokerage/product_book"
BOOK_S = 2.3  # the feed counts as behind the market from 2 s on

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


LOW = {**ORDER, "time_in_force": "GTC", "limit_price": "50000"}
del LOW["end_ns"]


def left(var: Path, kind: str, body: dict[str, Any], request_id: str) -> None:
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


def answered(var: Path, request_id: str) -> dict[str, Any]:
    """The answer to a request, once it is there."""
    deadline_s = time.monotonic() + 30
    while (answer := requests.take_answer(var, "dev", request_id)) is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return answer


def test_the_session_goes_on_while_the_exchange_is_asked_for_a_request(tmp_path: Path) -> None:
    """And what is asked for is judged as things stand once the exchange has answered.

    Before, the loop stood still meanwhile: the feed counted as late, and every waiting buy ended.
    """
    var, faults = tmp_path / "var", Faults()
    with (
        exchange(tmp_path, "--speed", "real", "--product", "BTC-USD") as venue,
        CountingProxy(venue.host, venue.tls, faults) as proxy,
        session_by_hand(var, *venue.session_options(proxy.host)) as process,
    ):
        proxy.slow[BOOK] = BOOK_S
        left(var, "preview", {"order": LOW}, "slow")
        left(var, "cancel", {"orders": ["nosuch"]}, "quick")
        quick, slow = answered(var, "quick"), requests.take_answer(var, "dev", "slow")
        previewed = answered(var, "slow")
        proxy.slow[BOOK] = 0.3
        left(var, "place", {"order": {**LOW, "asked": "one"}}, "first")
        left(var, "place", {"order": {**LOW, "asked": "one"}}, "again")
        first, again = answered(var, "first")["placed"], answered(var, "again")["placed"]
        proxy.slow[BOOK] = 1.5
        faults.left["batch_cancel"] = 1_000  # cancels get no answer
        left(var, "place", {"order": LOW}, "late")
        (tmp_path / ".env").write_text("RISK_REDUCE_ONLY_MODE=1\n")
        late = answered(var, "late")
        left(var, "place", {"order": {**ORDER, "side": "SELL"}}, "toolate")
        left(var, "close", {}, "end")
        too_late, end = answered(var, "toolate"), answered(var, "end")
        code = ended(process).code

    with LogReader(find(var, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    assert first["client_order_id"] == again["client_order_id"], "one name is one order"
    assert sum(isinstance(event, OrderIntended) for event in events) == 1
    assert [event.reason for event in events if isinstance(event, FeedChanged)][1:] == []
    assert (quick["failure"], slow, previewed["preview"]["allowed"]) == ("usage", None, True)
    assert late["failure"] == "refused" and "reduce" in late["message"], "as things stood by then"
    assert too_late["failure"] == "refused" and "nothing was done" in too_late["message"]
    assert (end["failure"], code) == ("unknown", 3), "its order may rest on"
    assert "has not said how order" in end["message"]
