"""Disks that do not take what we write: one line, and going on once there is room."""

from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreRefused
from gpt_trader.live.report import LOGGER, close_log, open_log
from gpt_trader.live.venues import ExchangeProcess
from gpt_trader.store.folders import find
from tests.live import disks
from tests.live.test_bad_input import is_refused, left_behind

BUSY = ("--candles", "1500", "--param", "fast=3", "--param", "slow=12", "--param", "band_bps=0")


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    with disks.read_only(tmp_path) as folder:
        done = disks.Disk(folder, 0, mounted=True).live("--candles", "5")

        is_refused(done, 1, "name a folder you can write with --var")


def test_a_full_disk_is_refused_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    with disks.small(tmp_path, 64) as disk:
        disk.fill()

        done = disks.Disk(disk.path, 0, disk.mounted).live("--candles", "5")

        is_refused(done, 1, "cannot write")
        assert left_behind(disk.path / "var") == []


def test_a_disk_that_is_full_before_the_first_event_keeps_no_session(tmp_path: Path) -> None:
    with disks.small(tmp_path, 48) as disk:
        per_file = disks.Disk(disk.path, 8, mounted=False)

        done = (disk if disk.mounted else per_file).live("--candles", "5")

        assert done.code == 1, done.err
        assert done.err.count("\n") == 1, done.err
        assert done.out == ""
        assert left_behind(disk.path / "var") == []


def test_an_exchange_that_cannot_say_why_it_ends_is_a_disk_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with disks.small(tmp_path, 64) as disk:
        errors = disk.path / "errors"
        errors.touch()
        disk.fill()

        with pytest.raises(StoreRefused, match="the embedded exchange"):
            ExchangeProcess(["--tls", str(tmp_path / "file" / "tls")], errors)


def test_a_disk_full_in_mid_session_stops_it_and_the_same_command_goes_on(tmp_path: Path) -> None:
    with disks.small(tmp_path, 1_500) as disk:
        stopped = disk.live(*BUSY)
        session = find(disk.path / "var", "latest").session_id

        done = disk.grown().live(*BUSY)

        # Whose write fails first, ours or the exchange's, is a matter of chance.
        assert stopped.code in (1, 3), stopped.err
        assert stopped.err.count("\n") == 1, stopped.err
        assert "Traceback" not in stopped.err
        assert stopped.out == ""
        assert done.code == 0, done.err
        assert done.document["session_id"] == session
        assert done.document["ledger_difference"] == "0"
        assert done.document["fills"] > 0


def test_a_log_file_without_room_ends_in_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    handler = open_log(Path("/dev/full"), 50_000, 1)
    for _ in range(2):  # the second one meets what the first could not write
        with pytest.raises(StoreRefused, match="cannot write /dev/full: No space left"):
            LOGGER.info("a line")
    close_log(handler)

    assert capsys.readouterr().err == ""
