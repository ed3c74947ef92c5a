"""The command line of a sweep: grids as words, the best rows as a table or a document."""

import json
import signal
import time
from pathlib import Path

import pytest

from gpt_trader.cli import main
from gpt_trader.domain.errors import UsageError
from gpt_trader.research.sweep_main import axes
from tests.backtesting.tapes import walk
from tests.live import commands


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "BTC-USD.parquet"
    frame = walk(2_000, 1).frame().reset_index()
    frame.to_parquet(path)
    return str(path)


def command(file: str, var: Path, *more: str) -> list[str]:
    return [
        "sweep", "--data", file, "--product", "BTC-USD", "--var", str(var), "--market", "close",
        "--fees", "0.001", "--sizing", "patience_candles=0", "--grid", "fast=5:15:5",
        "--grid", "slow=12,40", *more,
    ]  # fmt: skip


def test_one_document_has_the_best_first(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(command(file, tmp_path, "--top", "2", "--by", "return_rate", "--json", "-"))

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (document["combinations"], document["skipped"]) == (5, 1)
    assert document["recognised"] is True
    assert len(document["best"]) == 2
    assert document["best"][0]["return_rate"] >= document["best"][1]["return_rate"]
    assert len(document["result_hash"]) == 64


def test_people_get_a_table(file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(command(file, tmp_path, "--where", "fast * 3 < slow"))

    shown = capsys.readouterr().out.splitlines()
    assert code == 0
    assert shown[0].startswith("ma_crossover: 2 combinations; the best by return_rate")
    assert shown[1].split()[:2] == ["fast", "slow"]
    assert len(shown) == 4


@pytest.mark.parametrize(
    "more, word",
    [
        (["--grid", "band_bps=1:2"], "a range is FIRST:LAST:STEP"),
        (["--grid", "band_bps=9:1:2"], "a range is FIRST:LAST:STEP"),
        (["--grid", "band_bps"], "write NAME=A,B,C"),
        (["--grid", "band_bps=x"], "no number"),
        (["--grid", "slow=3"], "slow: given twice"),
        (["--grid", "bands=3"], "no parameter bands"),
        (["--top", "0"], "--top 0"),
        (["--by", "sharp"], "--by sharp"),
        (["--where", "fast <"], "where"),
        (["--json", __file__], "ends in .json"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named(
    more: list[str], word: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(command(file, tmp_path, *more))

    assert code == 2
    assert word in capsys.readouterr().err


def test_a_range_has_its_last_value() -> None:
    assert axes(["a=0.1:0.3:0.1", "b=1,5:7:1"]) == {"a": [0.1, 0.2, 0.3], "b": [1, 5, 6, 7]}


def test_a_sweep_needs_a_grid() -> None:
    with pytest.raises(UsageError, match="which parameters"):
        axes([])


def test_ctrl_c_stops_a_sweep_soon_and_the_same_command_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "BTC-USD.parquet"
    walk(60_000, 1).frame().reset_index().to_parquet(data)
    words = ["sweep", "--data", str(data), "--product", "BTC-USD", "--var", str(tmp_path),
             "--grid", "fast=2:21:1", "--grid", "slow=30:79:1", "--json", "-"]  # fmt: skip
    kept = tmp_path / "sweeps"
    with commands.begun(words, tmp_path) as process:
        commands.wait_until(lambda: len(list(kept.glob("*/*.npy"))) > 2, process)
        asked_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        done = commands.ended(process)
        took_s = time.monotonic() - asked_s

    assert done.code == 130, done.err
    assert "gpt-trader sweep: stopped; the same command goes on" in done.err
    assert "Traceback" not in done.err
    assert took_s < 10
    names = [path.stem.split("-") for path in kept.glob("*/*.npy")]
    assert 3 <= sum(int(end) - int(first) for first, end in names) < 1_000
