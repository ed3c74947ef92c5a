"""The command ``gpt-trader exchange``: one ready line, clean ends, clear sentences."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpt_trader.exchange.authority import issue
from gpt_trader.exchange.main import run

BIP_ID = "BIP-20DEC30-CDE"
ETHER = ("--product", "ETH-USD")
QUICK = ("--port", "0", "--candles", "5", "--product", "BTC-USD", "--speed", "max")
ROOT = Path(__file__).parents[2]


@contextmanager
def started(*argv: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start the command and wait for its ready line; it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gpt_trader.exchange.main", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            yield process, json.loads(line)
        finally:
            process.kill()


def test_the_ready_line_says_all_that_a_client_needs_and_the_parent_ends_it(
    tmp_path: Path,
) -> None:
    with started(*QUICK, "--parent", "--plain-port", "0", "--tls", str(tmp_path)) as (
        process,
        ready,
    ):
        os.kill(ready["pid"], signal.SIGINT)
        os.kill(ready["pid"], signal.SIGTERM)
        for port in (ready["port"], ready["plain_port"]):
            socket.create_connection(("127.0.0.1", port), 5).close()
        assert process.stdin is not None
        begun = time.monotonic()
        process.stdin.close()
        code = process.wait(5)
        took_s = time.monotonic() - begun
        rest = process.stdout.read() if process.stdout else ""
        errors = process.stderr.read() if process.stderr else ""

    assert (code, rest, errors) == (0, "", "")
    assert took_s < 1.0
    assert ready["pid"] == process.pid
    assert (ready["rounds"], ready["round"], ready["seed"]) == (5, 0, 1)
    assert (ready["products"], ready["candle_s"]) == (["BTC-USD"], 60)
    assert len(ready["tape_sha256"]) == 64
    assert Path(ready["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert set(json.loads(Path(ready["key_file"]).read_text())) == {"name", "privateKey"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_parent_a_signal_ends_it_cleanly(tmp_path: Path, number: int) -> None:
    ready_file = tmp_path / "ready.json"
    ready_file.touch(0o644)
    argv = [*QUICK, "--tls", str(tmp_path / "tls"), "--json", str(ready_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "gpt_trader.exchange.main", *argv],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        deadline = time.monotonic() + 15
        while not ready_file.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)

    assert (process.returncode, errors) == (130, "")
    assert json.loads(ready_file.read_text())["port"] > 0
    assert ready_file.stat().st_mode & 0o777 == 0o600, "it may hold the token of the faults"


def test_a_restart_goes_on_with_the_ledger_and_other_rules_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*QUICK, "--state", str(tmp_path / "state"), "--tls", str(tmp_path / "tls")]
    argv += ["--futures-balance", "5", "--contract", BIP_ID]
    with started(*argv, "--parent") as (_, first):
        taken = run([*argv, "--seed", "1"])
    with started(*argv, "--parent") as (_, second):
        pass

    code = run([*argv, "--fees", "0,0"])
    errors = capsys.readouterr().err.splitlines()

    assert first["products"] == ["BTC-USD", BIP_ID]
    assert first["tape_sha256"] == second["tape_sha256"]
    assert taken == code == 1
    assert "another exchange is using it" in errors[0]
    assert "was written for another rules" in errors[1]


@pytest.mark.parametrize(
    "argv, code, sentence",
    [
        (["--data", "no/such.parquet"], 2, "no/such.parquet"),
        (["--product", "NO-SUCH"], 2, "NO-SUCH"),
        (["--deep-book", "ETH-BTC"], 2, "--deep-book ETH-BTC: not traded here"),
        (["--tls", "/dev/null/tls"], 1, "choose a folder you can write with --tls"),
        (["--state", "/dev/null/state"], 1, "/dev/null/state"),
        (["--json", "/dev/null/ready"], 1, "/dev/null/ready"),
        (["--json", __file__], 2, "that file is there and is no line of ours"),
        (["--follow", "127.0.0.1:1", "--product", "BTC-USD"], 3, "127.0.0.1:1"),
        (["--follow", "127.0.0.1:1", "--product", "BTC-USD", "--follow-ca", "/no/ca"], 2, "/no/ca"),
        (["--follow", "h", "--product", "BTC-USD", "--follow-ca", __file__], 2, "--follow-ca"),
        (["--balance", "USD=0.000000001"], 2, "at most 8 decimals"),
        (["--futures-balance", "5", "--contract", "BTC-USD"], 2, "unknown contract 'BTC-USD'"),
        (["--futures-balance", "5", "--contract", BIP_ID, *ETHER], 2, "follows BTC-USD"),
    ],
)
def test_a_mistake_gets_one_sentence_and_its_exit_code(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    code: int,
    sentence: str,
) -> None:
    given = ["--port", "0", "--tls", str(tmp_path), *argv]
    if "--follow" not in argv:
        given = ["--candles", "5", *given]

    result = run(given)
    captured = capsys.readouterr()

    assert result == code
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("gpt-trader exchange: ")
    assert sentence in captured.err


def test_a_port_in_use_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code = run([*QUICK, "--port", str(port), "--tls", str(tmp_path)])

    errors = capsys.readouterr().err
    assert code == 1
    assert errors.count("\n") == 1
    assert f"port {port}: Address already in use; choose another" in errors


def test_data_and_products_must_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "candles.csv"
    data.write_text(
        "time,open,high,low,close,volume,product_id,granularity\n1767571200,1,2,1,2,5,BTC-USD,60\n"
    )

    argv = ["--port", "0", "--tls", str(tmp_path), "--data", str(data)]
    code = run([*argv, "--product", "ETH-USD"])

    assert code == 2
    assert "the data hold BTC-USD, but --product asks for ETH-USD" in capsys.readouterr().err


def test_a_damaged_authority_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issue(tmp_path)
    (tmp_path / "ca.pem").write_text("damaged")

    code = run([*QUICK, "--tls", str(tmp_path)])

    assert code == 1
    assert "delete the folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv, sentence",
    [
        (["--speed", "fast"], "is not real, max or a number above 0"),
        (["--rate-limits", "30,10"], "is not on, off or four numbers"),
        (["--rate-limits", "30,10,8,0"], "is not a whole number above 0"),
        (["--rate-limits", "on", "--speed", "max"], "which lockstep does not know"),
        (["--speed", "0"], "is not real, max or a number above 0"),
        (["--speed", "inf"], "is not real, max or a number above 0"),
        (["--port", "70000"], "is not a port"),
        (["--candles", "0"], "is not a whole number above 0"),
        (["--balance", "USD"], "is not like USD=100000"),
        (["--balance", "USD=-1"], "is not like USD=100000"),
        (["--balance", "=1"], "is not like USD=100000"),
        (["--fees", "0.6"], "is not like 0.004,0.006"),
        (["--fees", "0.4,60"], "rates are fractions"),
        (["--duplicate", "ignore"], "--duplicate"),
        (["--answer-first", "--frames-first"], "not allowed with"),
        (["--follow", "h"], "needs at least one --product"),
        (["--follow", "h", "--product", "A-B", "--speed", "max"], "drop --data, --candles"),
        (["--follow-ca", "f"], "goes with --follow"),
        (["--contract", BIP_ID], "add --futures-balance USD"),
        (["--contract", BIP_ID, "--data", "f"], "drop --data and --follow"),
        (["--prod", "BTC-USD"], "unrecognized"),
    ],
)
def test_a_bad_option_is_explained_with_exit_code_2(
    capsys: pytest.CaptureFixture[str], argv: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(argv)

    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help_teaches_and_waits_for_no_heavy_library() -> None:
    code = (
        "import sys\n"
        "from gpt_trader.exchange.main import run\n"
        "try:\n"
        "    run(['--help'])\n"
        "except SystemExit:\n"
        "    heavy = {'numpy', 'pyarrow', 'cryptography', 'tornado', 'msgspec', 'asyncio'}\n"
        "    print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert "heavy: []" in done.stdout
    for word in ("--follow", "exit codes", "session.trust_env", "lockstep"):
        assert word in done.stdout
