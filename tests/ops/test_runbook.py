"""Every order and snapshot line of the operations runbook, taken from its text, does what it says.

Without `poetry run`; on the default synthetic market, first without a session and then beside one.
"""

import re
import shlex
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from gpt_trader import cli
from gpt_trader.risk.verdicts import RULE_NAMES
from tests.live.commands import Finished
from tests.ops.hand import Hand, session_by_hand

RUNBOOK = Path(__file__).parents[2] / "runbooks" / "operations-runbook.md"
BLOCKS = re.findall(r"^```bash\n(.*?)^```", RUNBOOK.read_text("utf-8"), re.M | re.S)
LINES = [
    line.removeprefix("poetry run perps-bot ")
    for block in BLOCKS
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("poetry run perps-bot ")
]
OURS = [line for line in LINES if any(flag in line.split() for flag in cli.DESK_FLAGS)]


def a_market_buy(said: Finished) -> None:
    assert "BUY 0.01 BTC-USD MARKET IOC" in said.out
    assert "position     0.02 -> 0.03 BTC" in said.out
    assert f"{len(RULE_NAMES)} of {len(RULE_NAMES)} allow it" in said.out


def a_limit_sale(said: Finished) -> None:
    assert "SELL 0.01 BTC-USD LIMIT GTC at 65000" in said.out
    assert "position     0.02 -> 0.01 BTC" in said.out
    assert "notional     650 USD" in said.out


def a_stop_exit(said: Finished) -> None:
    assert "SELL 0.01 BTC-USD STOP_LIMIT GTC at 60000 trigger 59500 reduces" in said.out
    assert "PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE (gap 84.03 bps)" in said.out
    assert "may not fill" in said.out and "--allow-unlikely-fill" in said.out


def a_snapshot(said: Finished) -> None:
    assert "0.02 BTC ours, cost 1240 USD" in said.out and "1 BTC the owner's" in said.out
    assert re.search(r"^balance +1\.02 BTC, 0 of it held", said.out, re.M)
    assert re.search(r"^balance +100000 USD, 0 of it held", said.out, re.M)
    assert "fee tier     tier Advanced 1, maker 0.004, taker 0.006" in said.out
    equity = re.search(r"^equity +([\d.]+) USD", said.out, re.M)
    assert equity and abs(Decimal(equity[1]) - 101_240) < 5, "BTC-USD opens at 62,000"


EXPECTED: dict[str, tuple[int, Callable[[Finished], None]]] = {
    "--account-snapshot": (0, a_snapshot),
    "--preview-order --order-symbol BTC-USD --order-side buy --order-type market "
    "--order-qty 0.01": (0, a_market_buy),
    "--preview-order --order-symbol BTC-USD --order-side sell --order-type limit "
    "--order-qty 0.01 --order-price 65000 --order-client-id demo-001": (0, a_limit_sale),
    "--preview-order --order-symbol BTC-USD --order-side sell --order-type stop_limit "
    "--order-qty 0.01 --order-price 60000 --order-stop 59500 --order-reduce-only": (
        0,
        a_stop_exit,
    ),
}


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Hand:
    return Hand(tmp_path_factory.mktemp("runbook") / "var")


@pytest.fixture(scope="module")
def beside(hand: Hand) -> Iterator[Hand]:
    with session_by_hand(hand.var):
        yield hand


def test_the_runbook_has_the_lines_we_know_and_no_others() -> None:
    placeholder = "--apply-order-edit ORDER_ID:PREVIEW_ID"
    found = {" ".join(shlex.split(line)) for line in OURS}

    assert found == set(EXPECTED) | {placeholder}
    assert len(LINES) == len(OURS) + 1, "the other one is a session's: --profile dev --dev-fast"


@pytest.mark.parametrize("line", ["--account-snapshot", list(EXPECTED)[3]])
def test_a_line_starts_the_session_it_needs(hand: Hand, line: str) -> None:
    """The first one makes the session, the second one goes on with it."""
    code, holds = EXPECTED[line]

    said = hand.perps_bot(*shlex.split(line))

    assert (said.code, said.err) == (code, "")
    holds(said)


@pytest.mark.parametrize("line", EXPECTED)
def test_a_line_does_what_it_says_beside_a_session(beside: Hand, line: str) -> None:
    code, holds = EXPECTED[line]

    said = beside.perps_bot(*shlex.split(line))

    assert (said.code, said.err) == (code, "")
    holds(said)


def test_a_placeholder_is_no_order(beside: Hand) -> None:
    said = beside.perps_bot("--apply-order-edit", "ORDER_ID:PREVIEW_ID")

    assert said.code == 2
    assert said.err.startswith("perps-bot: ") and said.err.count("\n") == 1
