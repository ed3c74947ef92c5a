"""What a person gets wrong: one clear line, the documented exit code, nothing half-written."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpt_trader import cli
from gpt_trader.store import trading_state as record
from gpt_trader.store.folders import PROFILES, find, profile_folder
from gpt_trader.store.gate import FLIGHT
from tests.live import commands
from tests.live.commands import Finished

ROW = {
    "open": 100.0,
    "high": 110.0,
    "low": 90.0,
    "close": 105.0,
    "volume": 3.0,
    "product_id": "BTC-USD",
    "granularity": 60,
}


def a_tape(path: Path, *changes: dict[str, object]) -> Path:
    """A candle file, a row for each change of the usual one, a minute apart."""
    rows = [{"time": 1_700_000_040 + 60 * k, **ROW, **change} for k, change in enumerate(changes)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def no_file(folder: Path) -> list[str]:
    return ["--data", str(folder / "missing.parquet")]


def no_candles(folder: Path) -> list[str]:
    (folder / "noise.parquet").write_bytes(b"this is no Parquet file")
    return ["--data", str(folder / "noise.parquet")]


def no_csv(folder: Path) -> list[str]:
    (folder / "noise.csv").write_text("time,open\n1,2,3\n")
    return ["--data", str(folder / "noise.csv")]


def unsorted(folder: Path) -> list[str]:
    earlier: dict[str, object] = {"time": 1_600_000_020}
    return ["--data", str(a_tape(folder / "unsorted.parquet", {}, {}, earlier))]


def not_a_number(folder: Path) -> list[str]:
    return ["--data", str(a_tape(folder / "nan.parquet", {}, {"close": float("nan")}))]


def fixed(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda _: list(arguments)


MISTAKES: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing file": (no_file, "missing.parquet: no such file"),
    "malformed Parquet": (no_candles, "noise.parquet"),
    "malformed CSV": (no_csv, "noise.csv"),
    "unsorted candles": (unsorted, "unsorted.parquet"),
    "NaN candle": (not_a_number, "nan.parquet"),
    "unknown strategy": (fixed("--strategy", "ma_crosover"), "did you mean ma_crossover?"),
    "unknown parameter": (fixed("--param", "fats=3"), "did you mean fast?"),
    "parameter out of bounds": (fixed("--param", "fast=0"), "fast = 0 is outside 1 to 5000"),
    "parameter that is no number": (fixed("--param", "fast=x"), "'x' is no number"),
    "parameter that is not known": (fixed("--param", "fast=nan"), "fast"),
    "unknown sizing": (fixed("--sizing", "size=1"), "--sizing size: unknown"),
    "unknown limit": (fixed("--limit", "order_notional=1"), "order_notional_max"),
    "limit below zero": (fixed("--limit", "order_notional_max=-1"), "order_notional_max"),
    "unknown product": (fixed("--product", "BTC-XYZ"), "BTC-XYZ"),
    "zero balance": (fixed("--balance", "USD=0"), "the account holds no USD"),
    "malformed balance": (fixed("--balance", "USD"), "USD"),
    "no candles at all": (fixed("--candles", "0"), "--candles 0"),
    "candles without a width": (fixed("--candle-s", "-60"), "--candle-s -60"),
    "unknown speed": (fixed("--speed", "fast"), "--speed fast"),
    "document over a file": (fixed("--json", __file__), f"--json {__file__}: a document's name"),
}


def is_refused(done: Finished, code: int, phrase: str) -> None:
    """One line on standard error that says what is wrong, and nothing on standard output."""
    assert done.code == code, done.err
    assert phrase in done.err
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def left_behind(var: Path) -> list[str]:
    """Everything below the profiles' folders but what belongs to no session: lock and controls."""
    folders = [profile_folder(var, profile) for profile in PROFILES]
    names = [path.name for folder in folders for path in folder.rglob("*")]
    controls = ("lock", record.NAME, FLIGHT)
    return [name for name in names if name not in controls and not name.startswith("gate_")]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, phrase = MISTAKES[mistake]
    document = tmp_path / "document.json"
    words = ["live", "--var", str(tmp_path / "var"), "--json", str(document), *make(tmp_path)]

    done = commands.here(cli.main, words)

    is_refused(done, 2, phrase)
    assert left_behind(tmp_path / "var") == []
    assert not document.exists()


def test_real_money_without_a_key_is_refused(tmp_path: Path) -> None:
    done = commands.live(tmp_path / "var", "--profile", "canary")

    is_refused(done, 2, "--coinbase-key-file")
    assert left_behind(tmp_path / "var") == []


def test_an_exchange_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        with commands.exchange(tmp_path, "--speed", "max", "--candles", "5") as exchange:
            options = exchange.session_options(host)

        done = commands.live(tmp_path / "var", *options)

    is_refused(done, 3, host)
    assert left_behind(tmp_path / "var") == []


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        done = commands.run(
            ["exchange", "--port", port, "--tls", str(tmp_path / "tls"), "--candles", "5"], tmp_path
        )

    is_refused(done, 1, f"port {port}: ")


def test_a_document_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    to = tmp_path / "no" / "such" / "folder.json"

    done = commands.run(
        ["live", "--var", str(tmp_path / "var"), "--candles", "5", "--json", str(to)], tmp_path
    )

    is_refused(done, 2, f"--json {to}: there is no such folder")
    assert left_behind(tmp_path / "var") == []


def test_an_unfinished_session_goes_on_with_its_own_choices_only(tmp_path: Path) -> None:
    var = tmp_path / "var"
    options = ["--candles", "60", "--param", "fast=1", "--param", "slow=2"]
    killed = commands.live(var, *options, GPT_TRADER_KILL_AT="intent_durable:1")
    session = find(var, "latest").session_id

    other = commands.live(var, *options, "--seed", "2")
    anew = commands.live(var, *options, "--seed", "2", "--discard")
    after = commands.live(var, *options)

    assert killed.code == -signal.SIGKILL
    is_refused(other, 2, f"session {session} is unfinished and was begun with seed='1', not '2'")
    assert "--discard" in other.err
    assert anew.code == after.code == 0, anew.err + after.err
    assert len({session, anew.document["session_id"], after.document["session_id"]}) == 3
