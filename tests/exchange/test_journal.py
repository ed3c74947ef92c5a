"""The journal: nothing acknowledged is lost, no damage goes unseen."""

import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gpt_trader.exchange import journal as journal_module
from gpt_trader.exchange.journal import FILE_NAME, Journal, JournalError
from tests.tier import scaled

HEADER = {"tape": "abc", "seed": 1, "rules": {"fee_rounding": "up"}}

WRITER = """
import sys
from pathlib import Path
from gpt_trader.exchange.journal import Journal
journal = Journal(Path(sys.argv[1]), {"tape": "abc"}, sync=False)
for number in range(10**6):
    journal.write_command(["cancel", number, []])
    print(number, flush=True)
"""


def written(folder: Path, count: int) -> bytes:
    """A journal with so many commands, as bytes."""
    journal = Journal(folder, HEADER, sync=False)
    for number in range(count):
        journal.write_command(["create", number, {"side": "BUY"}])
        journal.write_position(["round", number])
    journal.close()
    return (folder / FILE_NAME).read_bytes()


def test_what_was_written_is_read_back_in_order(tmp_path: Path) -> None:
    written(tmp_path, 3)

    journal = Journal(tmp_path, HEADER, sync=True)

    assert [record[:2] for record in journal.records] == [
        [kind, number] for number in range(3) for kind in ("create", "round")
    ]
    journal.close()


def test_writing_goes_on_where_it_ended(tmp_path: Path) -> None:
    written(tmp_path, 1)
    journal = Journal(tmp_path, HEADER, sync=True)
    journal.write_command(["cancel", 5, ["x"]])
    journal.close()

    again = Journal(tmp_path, HEADER, sync=False)

    assert again.records[-1] == ["cancel", 5, ["x"]]
    again.close()


def test_an_unfinished_last_line_is_cut_off_at_every_length(tmp_path: Path) -> None:
    whole = written(tmp_path, 2)
    last = whole.rfind(b"\n", 0, -1) + 1

    for size in range(last + 1, len(whole)):
        (tmp_path / FILE_NAME).write_bytes(whole[:size])
        journal = Journal(tmp_path, HEADER, sync=False)
        assert len(journal.records) == 3
        journal.close()
        assert (tmp_path / FILE_NAME).read_bytes() == whole[:last]


def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    whole = written(tmp_path, 4)
    draw = random.Random(1)

    for _ in range(scaled(2000)):
        damaged = bytearray(whole)
        place = draw.randrange(len(whole) - 1)  # the last newline: see the unfinished line
        damaged[place] ^= 1 << draw.randrange(8)
        (tmp_path / FILE_NAME).write_bytes(damaged)
        with pytest.raises(JournalError, match="is damaged"):
            Journal(tmp_path, HEADER, sync=False)


def test_a_lost_or_moved_line_is_noticed(tmp_path: Path) -> None:
    lines = written(tmp_path, 3).splitlines(keepends=True)

    for text in (b"".join(lines[:3] + lines[4:]), b"".join([*lines[:3], lines[4], lines[3]])):
        (tmp_path / FILE_NAME).write_bytes(text)
        with pytest.raises(JournalError, match="line 4 is damaged"):
            Journal(tmp_path, HEADER, sync=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tape": "xyz"}, "another tape"),
        ({"seed": 2}, "another seed"),
        ({"rules": {"fee_rounding": "down"}}, "another rules"),
        ({"more": 1}, "another more"),
    ],
)
def test_a_journal_of_another_session_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    written(tmp_path, 1)

    with pytest.raises(JournalError, match=words):
        Journal(tmp_path, HEADER | change, sync=False)


def test_a_journal_from_before_a_rule_goes_on_as_without_it(tmp_path: Path) -> None:
    """Such a rule at its default is what the exchange of then played; at another it is not."""
    header = {"rules": {"fee_rounding": "up"}}
    Journal(tmp_path, header, sync=False).close()
    now: dict[str, object] = {
        "fee_rounding": "up",
        "futures_balance": None,
        "deep_books": [],
        "usdc_alias": False,
    }

    Journal(tmp_path, {"rules": now}, sync=False).close()
    with pytest.raises(JournalError, match="another rules"):
        Journal(tmp_path, {"rules": {**now, "usdc_alias": True}}, sync=False)
    with pytest.raises(JournalError, match="another rules"):
        Journal(tmp_path, {"rules": {**now, "a_rule_of_later": True}}, sync=False)


def test_two_exchanges_cannot_share_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "LOCK_WAIT_S", 0.1)
    journal = Journal(tmp_path, HEADER, sync=False)

    with pytest.raises(JournalError, match="another exchange is using it"):
        Journal(tmp_path, HEADER, sync=False)

    journal.close()
    Journal(tmp_path, HEADER, sync=False).close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")

    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path / "state", HEADER, sync=False)


def test_a_full_disk_refuses_the_command_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER, sync=False)
    journal.write_command(["create", 1])
    size = (tmp_path / FILE_NAME).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))  # half a line still fits
    try:
        with pytest.raises(JournalError, match="cannot be written"):
            journal.write_command(["create", 2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    with pytest.raises(JournalError, match="an earlier line could not be written"):
        journal.write_command(["create", 3])
    journal.close()
    again = Journal(tmp_path, HEADER, sync=False)
    assert again.records == [["create", 1]]
    again.close()


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER, sync=False)
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        journal.write_command(["create", 1])


def test_a_killed_process_loses_no_acknowledged_command(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(200):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        acknowledged = 199 + len(process.stdout.read().splitlines())

    journal = Journal(tmp_path, {"tape": "abc"}, sync=False)

    assert [record[1] for record in journal.records] == list(range(len(journal.records)))
    assert len(journal.records) > acknowledged
    journal.close()


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path: Path) -> None:
    """An exchange that was killed a moment ago holds its lock until the system is done with it."""
    first = Journal(tmp_path, HEADER, sync=False)
    first.write_command(["create", 1])
    ending = threading.Timer(0.1, first.close)
    ending.start()

    second = Journal(tmp_path, HEADER, sync=False)

    ending.join()
    assert second.records == [["create", 1]]
    second.close()


@pytest.mark.parametrize(("sync", "folders"), [(True, 1), (False, 0)])
def test_the_name_of_a_new_journal_survives_a_power_cut_on_demand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: bool, folders: int
) -> None:
    flushed: list[int] = []
    flush = os.fsync

    def watch(file: int) -> None:
        flushed.append(stat.S_IFMT(os.fstat(file).st_mode))
        flush(file)

    monkeypatch.setattr(os, "fsync", watch)

    journal = Journal(tmp_path, HEADER, sync=sync)

    assert flushed.count(stat.S_IFDIR) == folders
    assert flushed[-1:] == [stat.S_IFDIR] * folders
    journal.close()
