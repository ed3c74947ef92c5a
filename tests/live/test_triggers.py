"""Stops that we watch, against an exchange whose market moves on whoever is there."""

import signal
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from gpt_trader.risk.verdicts import RULE_NAMES
from tests.live.commands import ended, exchange, replay
from tests.ops.hand import Hand, session_by_hand

NEAR = Decimal(2)  # USD: a minute's candle moves by about 50, and two a second pass
FAR = Decimal(60)
NEVER = Decimal(30_000)
PATIENCE_S = 60


def test_a_stop_fires_once_whether_its_session_runs_or_was_killed_meanwhile(tmp_path: Path) -> None:
    hand = Hand(tmp_path / "var")
    with exchange(tmp_path, "--speed", "120", "--product", "BTC-USD") as venue:
        reach = venue.session_options(venue.host)
        with session_by_hand(hand.var, *reach) as session:
            hand.placed("buy", "0.03", "BTC-USD")
            soon = stop(hand, "sell", "0.01", NEAR)
            sold = await_end(hand, [soon])[soon]
            never = stop(hand, "sell", "0.005", NEVER)
            pair = [stop(hand, "sell", "0.004", FAR), stop(hand, "buy", "0.004", FAR)]
            session.kill()
            session.wait(30)
        refused = hand.orders("place", *words("sell", "0.001", NEVER), *reach)
        with session_by_hand(hand.var, *reach) as session:
            fired = await_end(hand, pair)
            session.send_signal(signal.SIGINT)
            left = ended(session)
        waits = hand.orders("list", "--open").document["orders"]
        cancelled = hand.orders("cancel", never, *reach)
        closed = hand.orders("close", *reach)
        client = venue.client()
        listed = client.list_orders().to_dict()["orders"]
        client.session.close()

    assert (sold["status"], sold["filled_size"], sold["type"]) == ("FILLED", "0.01", "MARKET")
    assert fired and all(order["status"] == "FILLED" for order in fired.values())
    at_venue = Counter(order["client_order_id"] for order in listed)
    assert {name: at_venue[name] for name in (soon, *fired)} == dict.fromkeys((soon, *fired), 1)
    assert at_venue[never] == 0
    said_of(hand, soon)
    assert refused.code == 2 and "gpt-trader live --by-hand" in refused.err
    assert never in {row["client_order_id"] for row in waits}
    assert left.code == 4 and never in left.err
    assert f"stop         {never} waits, and nobody watches" in left.out
    assert (cancelled.code, closed.code) == (0, 0), (cancelled, closed)
    assert replay(hand.var).code == 0


def words(side: str, size: str, trigger: Decimal) -> list[str]:
    return [side, size, "BTC-USD", "--type", "stop", "--stop", f"{trigger:f}"]


def stop(hand: Hand, side: str, size: str, away: Decimal) -> str:
    """Place a stop that far from the market, which may pass it before, and give its name."""
    while True:
        trigger = mark_of(hand) + (away if side == "buy" else -away)
        said = hand.orders("place", *words(side, size, trigger))
        if said.code == 0:
            name: str = said.document["placed"]["client_order_id"]
            return name
        assert "is passed" in said.err, said


def mark_of(hand: Hand) -> Decimal:
    """The market as the session sees it, in whole dollars."""
    holdings: list[dict[str, Any]] = hand.snapshot().document["holdings"]["value"]
    return Decimal(holdings[0]["mark_price"]).quantize(Decimal(1))


def await_end(hand: Hand, names: list[str]) -> dict[str, dict[str, Any]]:
    """Wait until one of these orders has ended; those that have."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        shown = {name: hand.orders("show", name).document for name in names}
        done = {name: one for name, one in shown.items() if one["status"] == "FILLED"}
        if done:
            return done
        time.sleep(0.1)
    raise AssertionError(shown)


def said_of(hand: Hand, name: str) -> None:
    """Its course tells where it waited, at which mark it was sent, and what came of it."""
    course = [row["what"] for row in hand.orders("explain", name).document["course"]]
    assert course[0] == "asked for it"
    assert course[1] == f"allowed by {len(RULE_NAMES)} rules, written down, sent at its trigger"
    assert course[2].startswith("the market is at its trigger: ")
    assert course[3] == f"allowed by {len(RULE_NAMES)} rules, written down, then sent"
    # The last word may overtake the answer to the create.
    assert any(what.startswith("FILLED, filled 0.01") for what in course[4:])
