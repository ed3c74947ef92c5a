"""The runbook's own grep and tail lines, run by a shell on the log of a session."""

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.domain.events import OrderFilled
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.live import commands
from tests.live.proxy import CountingProxy
from tests.live.test_dev_fast import hide_fills
from tests.tier import scaled

ROUNDS = max(300, scaled(3000))
PRODUCTS = ("BTC-USD", "SOL-USD")
RECORD = re.compile(
    r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S.*"
)
FILLED = re.compile(r"order (\S+) filled .* trade (\S+)$")


@dataclass(frozen=True, slots=True)
class Logged:
    """A session alone in its folder."""

    folder: Path
    document: dict[str, Any]
    fills: list[OrderFilled]

    def files(self) -> list[Path]:
        return sorted((self.folder / "var" / "logs").glob("perps_bot.log*"))

    def lines(self) -> list[str]:
        return [line for path in self.files() for line in path.read_text().split("\n")[:-1]]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    """A session of many fills whose log rotates."""
    folder = tmp_path_factory.mktemp("logged")
    done = commands.live(
        folder / "var",
        *(word for name in PRODUCTS for word in ("--product", name)),
        *("--candles", str(ROUNDS), "--param", "fast=3", "--param", "slow=12"),
        *("--param", "band_bps=0"),
        GPT_TRADER_LOG_MAX_BYTES="50000",
        GPT_TRADER_LOG_BACKUP_COUNT="1000",
    )
    assert done.code == 0, done.err
    with LogReader(find(folder / "var", "latest").log) as reader:
        fills = [event for _, event in reader.events() if isinstance(event, OrderFilled)]
    return Logged(folder, done.document, fills)


def shell(line: str, folder: Path) -> str:
    """Run a line of the runbook as it stands there."""
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60
    ).stdout


def test_the_log_rotates_and_every_record_is_one_line(logged: Logged) -> None:
    files, lines = logged.files(), logged.lines()

    assert len(files) > 2
    assert all(path.stat().st_size <= 50_000 for path in files)
    assert [line for line in lines if RECORD.fullmatch(line) is None] == []


def test_order_filled_matches_exactly_once_for_each_fill(logged: Logged) -> None:
    matches = [line for line in logged.lines() if re.search("order.*filled", line)]
    counted = shell('cat var/logs/perps_bot.log* | grep -c "order.*filled"', logged.folder)

    named = [FILLED.search(line) for line in matches]
    assert None not in named
    assert Counter(name.groups() for name in named if name) == Counter(
        (fill.client_order_id, fill.trade_id) for fill in logged.fills
    )
    assert int(counted) == len(logged.fills) == logged.document["fills"] > 20


def test_the_runbooks_order_line_shows_the_last_ten_fills(logged: Logged) -> None:
    said = shell('grep "order.*filled" var/logs/perps_bot.log | tail -10', logged.folder)

    newest = (logged.folder / "var" / "logs" / "perps_bot.log").read_text().splitlines()
    assert said.splitlines() == [line for line in newest if "filled" in line][-10:] != []


def test_the_last_pnl_line_carries_the_documents_realized_pnl(logged: Logged) -> None:
    said = shell('grep "PnL" var/logs/perps_bot.log | tail -20', logged.folder)

    lines = said.splitlines()
    assert len(lines) == 20
    assert f"realized_pnl={logged.document['realized_pnl']} " in lines[-1]


def test_a_session_without_a_fault_shows_no_error(logged: Logged) -> None:
    recent = shell("tail -n 100 var/logs/perps_bot.log | grep ERROR", logged.folder)
    following = shell(
        'timeout 0.5 tail -f var/logs/perps_bot.log | grep -E "ERROR|CRITICAL"', logged.folder
    )

    assert (recent, following) == ("", "")


def test_each_product_has_one_telemetry_line_a_minute(logged: Logged) -> None:
    lines = [line for line in logged.lines() if " telemetry " in line]

    counted = Counter(re.findall(r"product=(\S+)", "\n".join(lines)))
    assert counted == dict.fromkeys(PRODUCTS, counted[PRODUCTS[0]])
    assert ROUNDS - 1 <= counted[PRODUCTS[0]] <= ROUNDS + 1
    for field in ("mark_price=", "message_age_s=", "messages=", "PnL=", "equity="):
        assert all(field in line for line in lines), field


def test_a_fault_is_seen_by_the_runbooks_error_lines(tmp_path: Path) -> None:
    """An exchange that hides our fills: the books cannot agree, and that is critical."""
    options = ["--speed", "max", "--product", "BTC-USD", "--candles", "30"]
    with (
        commands.exchange(tmp_path, *options) as exchange,
        CountingProxy(exchange.host, exchange.tls, hide_fills) as proxy,
    ):
        done = commands.live(
            tmp_path / "var",
            *("--strategy", "dev_life", "--sizing", "patience_candles=0"),
            *exchange.session_options(proxy.host),
        )

    following = shell(
        'timeout 0.5 tail -f var/logs/perps_bot.log | grep -E "ERROR|CRITICAL"', tmp_path
    )
    assert done.code == 4, done.err
    assert done.err.count("\n") == 1
    assert json.loads(done.out)["ledger_difference"] != "0"
    assert " CRITICAL books differ from the exchange" in following
