"""Import, check and list at the command line: what is said, and by which exit code."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gpt_trader import __version__, cli
from gpt_trader.store.candle_files import arrow_table
from gpt_trader.store.candle_table import CandleTable, between
from gpt_trader.store.catalog import Catalog, content_hash
from tests.store.candles import BEGIN_S, a_table, put

Capture = pytest.CaptureFixture[str]


def a_file(path: Path, table: CandleTable) -> Path:
    pq.write_table(arrow_table(table, {}), path)
    return path


def a_csv(path: Path, table: CandleTable) -> Path:
    """A file of someone else's: no product, no width, times as text."""
    frame = pd.DataFrame({"time": pd.to_datetime(table.times, utc=True), **table.values})
    frame.to_csv(path, index=False)
    return path


def run(*words: str | Path) -> int:
    return cli.main(["data", *map(str, words)])


def test_a_file_is_taken_in_once(tmp_path: Path, capsys: Capture) -> None:
    file = a_file(tmp_path / "mine.parquet", a_table())

    codes = [run("import", file, "--var", tmp_path) for _ in range(2)]

    assert codes == [0, 0]
    assert capsys.readouterr().out == (
        "BTC-USD 1m: 100 of 100 candles stored\n"
        "BTC-USD 1m: 0 of 100 candles stored, the others were there\n"
    )
    assert content_hash(Catalog(tmp_path).read("BTC-USD 1m")) == content_hash(a_table())


def test_a_file_of_someone_else_is_taken_in_when_its_product_is_said(
    tmp_path: Path, capsys: Capture
) -> None:
    file = a_csv(tmp_path / "mine.csv", a_table())

    assert run("import", file, "--var", tmp_path) == 2
    assert "of which product? give --product BTC-USD" in capsys.readouterr().err
    assert run("import", file, "--product", "BTC-USB", "--var", tmp_path) == 2
    assert "did you mean BTC-USD" in capsys.readouterr().err
    assert run("import", file, "--product", "BTC-USD", "--var", tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "gpt_trader": __version__,
        "imported": [{"name": "BTC-USD 1m", "rows": 100, "stored": 100}],
    }
    assert content_hash(Catalog(tmp_path).read("BTC-USD 1m")) == content_hash(a_table())


def test_an_import_fills_holes_and_refuses_other_candles(tmp_path: Path, capsys: Capture) -> None:
    middle = between(a_table(), BEGIN_S + 1200, BEGIN_S + 2400)
    run("import", a_file(tmp_path / "middle.parquet", middle), "--var", tmp_path)
    other = a_file(tmp_path / "other.parquet", put(a_table(), "close", 30, 100.01))

    assert run("import", a_file(tmp_path / "all.parquet", a_table()), "--var", tmp_path) == 0
    assert run("import", other, "--var", tmp_path) == 2

    said = capsys.readouterr()
    assert "BTC-USD 1m: 80 of 100 candles stored, the others were there" in said.out
    assert "row 30 counted from 0 (2023-03-01 00:30:00 UTC) is another candle" in said.err
    assert content_hash(Catalog(tmp_path).read("BTC-USD 1m")) == content_hash(a_table())


def test_an_import_of_bad_candles_stores_nothing(tmp_path: Path, capsys: Capture) -> None:
    file = a_file(tmp_path / "bad.parquet", put(a_table(), "high", 7, np.nan))

    code = run("import", file, "--var", tmp_path)

    err = capsys.readouterr().err
    assert code == 2
    assert err.count("\n") == 1
    assert "row 7 counted from 0 (2023-03-01 00:07:00 UTC): high is NaN; drop the row" in err
    assert Catalog(tmp_path).names() == []


def test_check_passes_with_warnings_and_fails_with_errors(tmp_path: Path, capsys: Capture) -> None:
    odd = a_file(tmp_path / "odd.parquet", put(a_table(), "volume", 3, 0.0))
    bad = a_file(tmp_path / "bad.parquet", put(a_table(), "low", 3, -500.0))

    assert run("check", odd, "--var", tmp_path) == 0
    assert "warning zero volume (1): no candles for a strategy: row 3" in capsys.readouterr().out
    assert run("check", odd, bad, "--var", tmp_path, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["ok"]
    assert [len(one["findings"]) for one in document["checked"]] == [1, 1]
    assert document["checked"][1]["findings"][0]["kind"] == "low is not above 0"
    assert document["checked"][1]["findings"][0]["is_error"]


def test_check_looks_at_all_that_is_stored_by_default(tmp_path: Path, capsys: Capture) -> None:
    assert run("check", "--var", tmp_path) == 0
    assert capsys.readouterr().out == "nothing is stored\n"
    run("import", a_file(tmp_path / "one.parquet", a_table()), "--var", tmp_path)
    eth = replace(a_table(), product_id="ETH-USD")
    run("import", a_file(tmp_path / "two.parquet", eth), "--var", tmp_path)
    capsys.readouterr()

    code = run("check", "--var", tmp_path)

    assert code == 0
    assert capsys.readouterr().out == (
        "BTC-USD 1m: 100 candles, no findings\nETH-USD 1m: 100 candles, no findings\n"
    )


def test_check_of_a_damaged_part_needs_a_person(tmp_path: Path, capsys: Capture) -> None:
    run("import", a_file(tmp_path / "one.parquet", a_table()), "--var", tmp_path)
    part = Catalog(tmp_path).parts("BTC-USD 1m")[0].path
    part.write_bytes(part.read_bytes()[:-9])

    assert run("check", "BTC-USD 1m", "--var", tmp_path) == 4
    assert str(part) in capsys.readouterr().err


def test_files_that_cannot_be_read_are_one_line(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    (tmp_path / "empty.csv").write_text("time,close\n")
    (tmp_path / "words.csv").write_text("time,close\n0,5\n60,five\n")
    (tmp_path / "other.csv").write_text("date,price\n1,2\n")
    (tmp_path / "late.csv").write_text("time,close\n0,5\nlater,5\n")
    (tmp_path / "hole.csv").write_text("time,close\n0,5\n,6\n")
    reasons = {
        "text.parquet": "cannot be read",
        "empty.csv": "holds no row",
        "words.csv": "row 1 counted from 0: close 'five' is no number",
        "other.csv": "has no column time, close, only date, price",
        "late.csv": "column time holds '0' in row 0; write whole seconds",
        "hole.csv": "row 1 counted from 0 has no time",
        "none.csv": "no such file",
        "Bitcoin": "write it like 'BTC-USD 1m'",
    }

    for name, reason in reasons.items():
        where = name if name == "Bitcoin" else tmp_path / name
        assert run("check", where, "--var", tmp_path) == 2
        err = capsys.readouterr().err
        assert reason in err
        assert err.count("\n") == 1


def test_closes_alone_are_checked_too(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "closes.csv"
    file.write_text("time,close\n0,5\n60,6\n180,5\n")

    assert run("check", file, "--var", tmp_path) == 0

    out = capsys.readouterr().out
    assert "warning no volume (1)" in out and "warning gaps (1): 1 candles absent" in out


def test_list_shows_what_is_stored(tmp_path: Path, capsys: Capture) -> None:
    assert run("list", "--var", tmp_path) == 0
    assert "nothing is stored yet" in capsys.readouterr().out
    run("import", a_file(tmp_path / "one.parquet", a_table()), "--var", tmp_path)
    capsys.readouterr()

    codes = [run("list", "--var", tmp_path), run("list", "--var", tmp_path, "--json")]

    text, document = capsys.readouterr().out.split("\n", 1)
    assert codes == [0, 0]
    assert text == (
        "BTC-USD 1m     2023-03-01 00:00 to 2023-03-01 01:40         100 candles in 1 parts"
    )
    [stored] = json.loads(document)["stored"]
    assert (stored["name"], stored["candles"]) == ("BTC-USD 1m", 100)
    assert stored["parts"][0]["sha256"] == content_hash(a_table())


@pytest.mark.parametrize("command", [[], ["download"], ["import"], ["check"], ["list"]])
def test_help_teaches(command: list[str], capsys: Capture) -> None:
    code = run(*command, "--help")

    out = capsys.readouterr().out
    assert code == 0
    assert "usage: gpt-trader data" in out and len(out) > 200


def test_a_document_goes_to_a_file_beside_the_words(tmp_path: Path, capsys: Capture) -> None:
    code = run("list", "--var", tmp_path, "--json", tmp_path / "said.json")

    assert code == 0
    assert "nothing is stored yet" in capsys.readouterr().out
    assert json.loads((tmp_path / "said.json").read_text())["stored"] == []
    assert run("list", "--var", tmp_path, "--json", tmp_path) == 2


@pytest.mark.parametrize("name", ["precious.csv", "precious.json"])
def test_a_file_after_the_flag_is_not_lost(tmp_path: Path, name: str, capsys: Capture) -> None:
    """`data check --json precious.csv` destroyed what it was to look at, and said it was well."""
    file = a_csv(tmp_path / name, a_table())
    before = file.read_bytes()

    code = run("check", "--var", tmp_path, "--json", file)

    assert code == 2
    assert f"--json {file}" in capsys.readouterr().err
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "stray",
    ["BTC-USD/1m/notes.parquet", "ETH-USD/1m/mine.parquet", "mine/old/0-60.parquet", "a.parquet"],
)
def test_a_stray_file_breaks_nothing_and_is_left_alone(
    stray: str, tmp_path: Path, capsys: Capture
) -> None:
    run("import", a_file(tmp_path / "mine.parquet", a_table()), "--var", tmp_path)
    capsys.readouterr()
    file = tmp_path / "data" / "candles" / stray
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"mine")

    codes = [run("list", "--var", tmp_path), run("check", "--var", tmp_path)]

    shown = capsys.readouterr()
    assert codes == [0, 0], shown.err
    assert shown.out.split()[:2] == ["BTC-USD", "1m"]
    assert file.read_bytes() == b"mine"
    assert Catalog(tmp_path).names() == ["BTC-USD 1m"]
