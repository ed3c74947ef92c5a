"""Where `--json` may write, and where it would destroy what the user has."""

import json
import os
from pathlib import Path

import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.store.document import check_target, write_document

CANDLES = "time,open,high,low,close,volume\n1,2,3,1,2,5\n"


@pytest.mark.parametrize(
    "name, content",
    [
        ("precious.csv", CANDLES),
        ("precious.parquet", "PAR1"),
        ("key.json", '{"name": "organizations/1", "privateKey": "-----BEGIN"}'),
        ("notes.json", "[1, 2]"),
        ("mine.py", "import gpt_trader as gt\n"),
    ],
)
def test_a_file_of_the_users_is_never_written_over(tmp_path: Path, name: str, content: str) -> None:
    file = tmp_path / name
    file.write_text(content)

    with pytest.raises(UsageError, match=f"--json .*{name}"):
        check_target(str(file))
    with pytest.raises(UsageError, match=f"--json .*{name}"):
        write_document({"ok": True}, str(file))

    assert file.read_text() == content


def test_a_name_that_is_no_documents_is_refused_even_where_nothing_is(tmp_path: Path) -> None:
    """`data check --json mine.csv` means to check it: the flag took the file for its own."""
    with pytest.raises(UsageError, match=r"ends in \.json.* --json -"):
        check_target(str(tmp_path / "mine.csv"))


def test_our_own_document_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "said.json"

    write_document({"candles": 1}, str(file))
    write_document({"candles": 2}, str(file))

    assert json.loads(file.read_text())["candles"] == 2


def test_an_empty_file_and_a_pipe_may_be_written_to(tmp_path: Path) -> None:
    empty, pipe = tmp_path / "made.json", tmp_path / "pipe"
    empty.touch()
    os.mkfifo(pipe)

    check_target(str(pipe))
    write_document({"ok": True}, str(empty))

    assert json.loads(empty.read_text())["ok"] is True
