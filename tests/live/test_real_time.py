"""Sessions on the machine's clock, halted ones, and guards that are on from the start."""

from pathlib import Path

import pytest

from gpt_trader.domain.events import OrderIntended, SessionClosed
from gpt_trader.domain.order import Side
from gpt_trader.exchange.keys import Kind, Scope, make_key
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.live import commands
from tests.live.proxy import CountingProxy

LIFE = ("--strategy", "dev_life", "--param", "entry_after=2", "--param", "exit_after=5")
SOON = ("--param", "fast=1", "--param", "slow=2", "--param", "band_bps=0")


def test_a_session_at_120_times_real_speed_trades_and_ends_with_its_tape(tmp_path: Path) -> None:
    done = commands.live(
        tmp_path / "var",
        *("--profile", "dev", "--speed", "120", "--candles", "10"),
        *LIFE,
        *("--sizing", "patience_candles=0"),
    )

    assert done.code == 0, done.err
    assert done.document["reason"] == "the tape ended"
    assert done.document["candles"] == 10
    assert done.document["fills"] >= 2
    assert done.document["positions"] == {"BTC-USD": "0"}
    assert done.document["ledger_difference"] == "0"
    again = commands.replay(tmp_path / "var")
    assert again.code == 0, again.err


@pytest.mark.parametrize("profile", ["canary", "prod"])
def test_where_money_is_real_a_session_starts_halted_and_sends_nothing(
    profile: str, tmp_path: Path
) -> None:
    options = ["--speed", "300", "--product", "BTC-USD"]
    key = make_key(tmp_path / "tls", Kind.ES256, (Scope.VIEW, Scope.TRADE), "trader")
    with (
        commands.exchange(tmp_path, *options) as exchange,
        CountingProxy(exchange.host, exchange.tls) as proxy,
    ):
        done = commands.live(
            tmp_path / "var",
            *("--profile", profile, "--candles", "6", *SOON, "--sizing", "patience_candles=0"),
            *exchange.session_options(proxy.host),
            *("--coinbase-key-file", str(key)),
        )

    assert done.code == 0, done.err
    assert done.document["reason"] == "6 candles are over"
    assert done.document["orders"] == done.document["fills"] == 0
    assert done.document["denials_by_rule"]["trading_state"] == done.document["denials"] > 0
    assert proxy.counts.frames > 0
    assert proxy.counts.writes() == 0


def test_the_kill_switch_lets_no_order_out(tmp_path: Path) -> None:
    done = commands.live(tmp_path / "var", "--candles", "20", *LIFE, RISK_KILL_SWITCH_ENABLED="1")

    assert done.code == 0, done.err
    assert done.document["orders"] == 0
    assert done.document["denials_by_rule"]["trading_state"] > 0


def test_reduce_only_lets_no_entry_out(tmp_path: Path) -> None:
    done = commands.live(tmp_path / "var", "--candles", "20", *LIFE, RISK_REDUCE_ONLY_MODE="1")

    assert done.code == 0, done.err
    assert done.document["orders"] == 0
    assert done.document["denials_by_rule"]["trading_state"] > 0


def test_a_guard_switched_on_since_holds_a_resumed_session_back(tmp_path: Path) -> None:
    """Killed while it holds a position: reduce-only lets the exit out and no entry any more."""
    var = tmp_path / "var"
    options = ["--candles", "60", *SOON, "--sizing", "patience_candles=0"]
    killed = commands.live(var, *options, GPT_TRADER_KILL_AT="reply_unstored:1")

    done = commands.live(var, *options, RISK_REDUCE_ONLY_MODE="1")

    with LogReader(find(var, "latest").log) as reader:
        events = [event for _, event in reader.events()]
    intents = [event for event in events if isinstance(event, OrderIntended)]
    assert killed.code == -9
    assert done.code == 0, done.err
    assert [intent.draft.side for intent in intents] == [Side.BUY, Side.SELL]
    assert done.document["positions"] == {"BTC-USD": "0"}
    assert isinstance(events[-1], SessionClosed)
