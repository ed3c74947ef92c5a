"""Figures for Prometheus: every name in rules and dashboard, and numbers that are the log's."""

import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from gpt_trader import cli
from gpt_trader.domain.events import OrderAccepted, OrderFilled, OrderIntended
from gpt_trader.store.folders import sessions
from gpt_trader.store.reading import LogReader
from tests.live.commands import ROOT, environment, here, wait_until
from tests.ops.hand import Hand, session_by_hand

MONITORING = ROOT / "docs" / "monitoring"
NAME = re.compile(r"\bgpt_trader_[a-z_]+")
Samples = dict[str, list[tuple[dict[str, str], float]]]


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


def scraped(var: Path) -> Samples:
    done = here(cli.main, ["metrics", "--once", "--var", str(var)])
    assert done.code == 0, done.err
    return samples(done.out)


def value(found: Samples, name: str, **labels: str) -> float:
    [one] = [number for given, number in found[f"gpt_trader_{name}"] if given == labels]
    return one


def unknown(text: str, found: Samples) -> set[str]:
    """Names that rules or a dashboard use and a session does not give."""
    return set(NAME.findall(text)) - set(found)


def test_every_name_is_scraped_from_a_running_session_and_a_renamed_one_is_found(
    tmp_path: Path,
) -> None:
    var = tmp_path / "var"
    hand = Hand(var)
    with session_by_hand(var) as process:
        hand.placed("sell", "0.01", "BTC-USD", "--type", "limit", "--price", "90000")
        hand.placed("buy", "0.01", "BTC-USD")
        denied = hand.orders("place", "buy", "5", "BTC-USD")
        wait_until(lambda: "gpt_trader_open_orders" in scraped(var), process)
        found = served(var)
    rules, board = ((MONITORING / name).read_text() for name in ("alerts.yml", "grafana.json"))

    for text in (rules, board):
        assert len(NAME.findall(text)) >= 15
        assert unknown(text, found) == set()
        renamed = text.replace("gpt_trader_equity", "gpt_trader_equities")
        assert unknown(renamed, found) == {"gpt_trader_equities"}
    assert denied.code == 1
    assert value(found, "session_running") == 1
    assert value(found, "open_orders", status="OPEN") == 1
    assert value(found, "orders_total", outcome="denied", reason="order_notional") == 1
    assert value(found, "rest_requests_last_minute") > 5
    assert all(set(rule) >= {"alert", "expr", "labels", "annotations"} for rule in rules_of(rules))


def rules_of(text: str) -> list[dict[str, Any]]:
    document = yaml.safe_load(text)
    return [rule for group in document["groups"] for rule in group["rules"]]


def served(var: Path) -> Samples:
    """One scrape over HTTP, from this machine."""
    with subprocess.Popen(
        [sys.executable, "-m", "gpt_trader", "metrics", "--port", "0", "--var", str(var)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=30) as answer:
            text = answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    return samples(text)


def test_counts_and_money_are_the_logs(tmp_path: Path) -> None:
    var = tmp_path / "var"
    words = ["live", "--speed", "max", "--candles", "1000", "--var", str(var), "--json", "-"]
    end = here(cli.main, words).document

    found = scraped(var)

    [folder] = sessions(var, "dev")
    with LogReader(folder.log) as reader:
        events = [event for _, event in reader.events()]
    kinds = Counter(type(event) for event in events)
    assert kinds[OrderFilled] > 5
    for kind, outcome in ((OrderIntended, "intended"), (OrderAccepted, "accepted")):
        assert value(found, "orders_total", outcome=outcome, reason="") == kinds[kind]
    fills = sum(number for _, number in found["gpt_trader_fills_total"])
    assert fills == kinds[OrderFilled] == end["fills"]
    assert value(found, "order_answer_seconds_count") == kinds[OrderAccepted]
    for name in ("realized_pnl", "fees"):
        assert abs(Decimal(value(found, name)) - Decimal(end[name])) < Decimal("1e-6")
    assert value(found, "session_running") == 0


def test_without_a_session_only_that_is_said(tmp_path: Path) -> None:
    assert scraped(tmp_path) == {"gpt_trader_session_running": [({}, 0.0)]}
