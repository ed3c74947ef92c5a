"""The log's lines by level, time and text, across rotated files, and while they are written."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from gpt_trader import cli
from tests.live.commands import Finished, environment, here

LEVELS = ("INFO", "INFO", "WARNING", "ERROR", "CRITICAL")


def log(var: Path, *more: str) -> Finished:
    return here(cli.main, ["log", "--var", str(var), *more])


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """Fifteen lines, one a minute until now, in three files, and two lines that are none."""
    folder = tmp_path / "var" / "logs"
    folder.mkdir(parents=True)
    numbers, now = count(1), datetime.now(UTC)

    def five() -> Iterator[str]:
        for level in LEVELS:
            number = next(numbers)
            yield f"{stamp(now - timedelta(minutes=15 - number))} {level} line {number} of BTC-USD"

    (folder / "perps_bot.log.2").write_text("\n".join([*five(), ""]))
    (folder / "perps_bot.log.1").write_text("\n".join([*five(), "torn in the mid", ""]))
    (folder / "perps_bot.log").write_text("\n".join(["?", *five(), ""]))
    return tmp_path / "var"


def numbers(done: Finished) -> list[int]:
    assert done.code == 0, done.err
    return [int(line.split(" line ")[1].split()[0]) for line in done.out.splitlines()]


def test_lines_come_oldest_first_through_all_files(var: Path) -> None:
    assert numbers(log(var)) == list(range(1, 16))
    assert numbers(log(var, "--lines", "4")) == [12, 13, 14, 15]


def test_level_time_and_text_choose(var: Path) -> None:
    assert numbers(log(var, "--level", "error")) == [4, 5, 9, 10, 14, 15]
    assert numbers(log(var, "--level", "critical", "--since", "8m")) == [10, 15]
    assert numbers(log(var, "--match", "line 1")) == [1, 10, 11, 12, 13, 14, 15]
    assert numbers(log(var, "--since", "2020-01-01")) == list(range(1, 16))


def test_a_document_a_line_and_a_check_for_schedules(var: Path) -> None:
    documents = [json.loads(line) for line in log(var, "--json", "--lines", "2").out.splitlines()]
    found, clean = log(var, "--level", "error", "--check"), log(var, "--match", "no", "--check")

    assert [one["level"] for one in documents] == ["ERROR", "CRITICAL"]
    assert documents[1]["text"] == "line 15 of BTC-USD"
    assert (found.code, found.err) == (1, "gpt-trader log: 6 lines of level error or above\n")
    assert (clean.code, clean.out, clean.err) == (0, "", "")


def test_what_is_asked_wrongly_is_one_line(tmp_path: Path, var: Path) -> None:
    for words, said in (
        (["--lines", "0"], "--lines 0"),
        (["--since", "soon"], "--since 'soon'"),
        (["--level", "loud"], "loud"),
    ):
        done = log(var, *words)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert said in done.err
    assert "there is no log" in log(tmp_path / "other").err


def test_follow_goes_on_through_a_rotation(var: Path) -> None:
    path = var / "logs" / "perps_bot.log"
    with subprocess.Popen(
        [sys.executable, "-m", "gpt_trader", "log", "--follow", "--lines", "1", "--var", str(var)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        limit = threading.Timer(60, process.kill)  # what is not heard is missing, not waited for
        limit.start()
        heard = [process.stdout.readline()]
        now = stamp(datetime.now(UTC))
        with path.open("a") as file:
            file.write(f"{now} INFO half")
            file.flush()
            file.write(" and half\n")
        heard.append(process.stdout.readline())
        path.rename(path.with_suffix(".log.3"))
        path.write_text(f"{now} ERROR in the new file\n")
        heard.append(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        code = process.wait(30)
        limit.cancel()

    assert [line.partition("Z ")[2] for line in heard] == [
        "CRITICAL line 15 of BTC-USD\n",
        "INFO half and half\n",
        "ERROR in the new file\n",
    ]
    assert code == 130
