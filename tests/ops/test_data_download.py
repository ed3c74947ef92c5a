"""Downloads from the embedded exchange: the very candles, once, whatever comes in between."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from gpt_trader import cli
from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.store.candle_table import COLUMNS, CandleTable
from gpt_trader.store.catalog import Catalog, content_hash
from tests.ops.serving import NS, Past, an_exchange_with_a_past, data_process


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    with an_exchange_with_a_past(tmp_path_factory.mktemp("past")) as past:
        yield past


def iso(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def span_of(past: Past) -> list[str]:
    return ["--start", iso(past.start_s), "--end", iso(past.end_s)]


def stored(var: Path) -> CandleTable:
    return Catalog(var).read("BTC-USD 1m")


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main(["data", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_what_is_stored_are_the_candles_that_were_played(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(past.words(tmp_path, *span_of(past), "--json"), capsys)

    document, table, wanted = json.loads(out), stored(tmp_path), past.wanted
    assert (code, err) == (0, "")
    assert table.starts_ns.tolist() == [candle.start_ns for candle in wanted]
    for name in COLUMNS:
        played = [getattr(candle, name) for candle in wanted]
        assert [Decimal(repr(value)) for value in table.values[name].tolist()] == played
    assert document["candles"] == document["stored"] == len(wanted)
    assert document["sha256"] == content_hash(table)
    absent = (past.end_s - past.start_s) // 60 - len(wanted)
    assert sum(gap["absent"] for gap in document["gaps"]) == absent > 0
    tape = load("BTC-USD 1m", var=tmp_path)
    assert isinstance(tape, CandleTape) and len(tape) == len(wanted)


def test_a_killed_download_keeps_its_parts_and_the_next_one_goes_on(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(past.words(whole, *span_of(past)), capsys)
    folder = broken / "data" / "candles" / "BTC-USD" / "1m"
    with data_process(past.words(broken, *span_of(past))) as process:
        for _ in range(2_000):
            if list(folder.glob("*.parquet")) or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    kept = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    (folder / ".1-2.parquet.tmp").write_bytes(b"half of a par")

    code, out, _ = run(past.words(broken, *span_of(past), "--json"), capsys)

    assert process.returncode == -signal.SIGKILL
    assert 0 < len(kept) < len(list(folder.glob("*.parquet"))), "killed in the midst"
    assert code == 0 and json.loads(out)["stored"] < len(past.wanted)
    assert all((folder / name).read_bytes() == content for name, content in kept.items())
    assert content_hash(stored(broken)) == content_hash(stored(whole)) == json.loads(out)["sha256"]
    assert not list(folder.glob(".*.tmp"))


def test_only_what_is_missing_is_asked_for(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day_s = past.start_s + 86_400
    middle = ["--start", iso(day_s), "--end", iso(day_s + 6_000)]
    around = ["--start", iso(day_s - 6_000), "--end", iso(day_s + 12_000)]

    counts = [
        json.loads(run(past.words(tmp_path, *span, "--json"), capsys)[1])["stored"]
        for span in (middle, around, around)
    ]
    on = json.loads(run(past.words(tmp_path, "--end", iso(day_s + 18_000), "--json"), capsys)[1])

    assert counts[0] > 90 and counts[1] > 190 and counts[2] == 0
    assert on["stored"] > 90
    starts_s = stored(tmp_path).starts_ns // NS
    wanted = [c.start_ns // NS for c in past.wanted if -6_000 <= c.start_ns // NS - day_s < 18_000]
    assert starts_s.tolist() == wanted


def test_the_end_is_the_exchanges_clock_and_no_open_candle_is_stored(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last_s = past.candles[-1].start_ns // NS
    words = past.words(tmp_path, "--start", iso(last_s - 600), "--end", iso(last_s + 86_400))

    code, out, _ = run([*words, "--json"], capsys)

    assert code == 0
    assert json.loads(out)["end_s"] == last_s
    assert stored(tmp_path).starts_ns.max() < last_s * NS


def test_wider_candles_are_those_of_the_minutes(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_s = past.start_s // 3600 * 3600 + 3600
    words = past.words(tmp_path, "--start", iso(start_s), "--end", iso(start_s + 86_400))
    words[words.index("1m")] = "1h"

    code, _, _ = run(words, capsys)

    table = Catalog(tmp_path).read("BTC-USD 1h")
    first = [c for c in past.candles if start_s <= c.start_ns // NS < start_s + 3600]
    assert code == 0
    assert table.starts_ns[0] == start_s * NS and table.times.size == 24
    assert table.values["high"][0] == float(max(candle.high for candle in first))
    assert np.isclose(table.values["volume"][0], float(sum(candle.volume for candle in first)))


def test_bad_wishes_are_one_line_with_advice(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = past.words(tmp_path)

    def refused(*changes: str) -> str:
        code, _, err = run([*words, *changes], capsys)
        assert code == 2
        assert err.count("\n") == 1
        return err

    assert "give --start" in refused()
    assert "no spot product" in refused("--product", "BTC-USB", "--start", "2023-03-01")
    assert "write 1m, 5m" in refused("--granularity", "weekly", "--start", "2023-03-01")
    assert "no candles of 120 s" in refused("--granularity", "2m", *span_of(past))
    assert "write 2026-01-31" in refused("--start", "yesterday")
    assert "no complete candle from" in refused("--start", "2030-01-01")
    assert "no certificate file" in refused("--coinbase-ca", "nowhere.pem", "--start", "2023-03-01")


def test_nobody_there_is_told_soon(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*past.words(tmp_path), "--start", "2023-03-01", "--coinbase-host", "127.0.0.1:9"]

    code, _, err = run(words, capsys)

    assert code == 3
    assert err.count("trying again") == 2
    assert "no answer from 127.0.0.1: " in err
