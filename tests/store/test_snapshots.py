"""A snapshot is what was saved for this very past, or it does not load."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.snapshots import KEPT
from tests.store.forgery import reseal, tamper
from tests.store.samples import a_tick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of ten events with snapshots at 4, 6 and 8."""
    path = tmp_path / "events.db"
    with closing(EventLog.create(path, {}, lambda: 7)) as log:
        for seq in range(1, 11):
            log.append(a_tick(seq))
            log.commit()
            if seq in (4, 6, 8):
                log.snapshots.save(seq, f"state {seq}".encode())
    return path


@pytest.fixture
def log(path: Path) -> Iterator[EventLog]:
    with closing(EventLog.open(path, lambda: 7)) as log:
        yield log


def reopened(path: Path) -> EventLog:
    return EventLog.open(path, lambda: 7)


def test_the_newest_snapshot_is_the_latest(log: EventLog) -> None:
    assert log.snapshots.latest() == (8, b"state 8")
    assert log.snapshots.load(4) == b"state 4"
    assert log.snapshots.damaged() == ()


def test_only_the_newest_few_are_kept(log: EventLog) -> None:
    log.snapshots.save(10, b"state 10")

    assert KEPT == 3
    assert log.snapshots.latest() == (10, b"state 10")
    with pytest.raises(StoreDamaged, match="no snapshot at event 4"):
        log.snapshots.load(4)
    assert log.snapshots.load(6) == b"state 6"


def test_a_state_may_be_saved_again(log: EventLog) -> None:
    log.snapshots.save(8, b"state 8, again")

    assert log.snapshots.latest() == (8, b"state 8, again")


def test_a_snapshot_never_outruns_its_log(log: EventLog) -> None:
    log.append(a_tick(11))

    with pytest.raises(StoreDamaged, match="event 11 is missing"):
        log.snapshots.save(11, b"state 11")

    assert log.snapshots.latest() == (8, b"state 8")


def test_an_empty_log_has_no_snapshot(tmp_path: Path) -> None:
    with closing(EventLog.create(tmp_path / "empty.db", {}, lambda: 7)) as log:
        assert log.snapshots.latest() is None


def test_a_damaged_snapshot_is_reported_and_the_one_before_serves(
    path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE snapshots SET blob = ? WHERE seq = 8", (b"state 9",))

    with closing(reopened(copy)) as log:
        assert log.snapshots.latest() == (6, b"state 6")
        assert log.snapshots.damaged() == (8,)
        with pytest.raises(StoreDamaged, match="not what was saved"):
            log.snapshots.load(8)


def test_without_a_sound_snapshot_the_fold_starts_at_the_first_event(
    path: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE snapshots SET blob = ?", (b"state 9",))

    with closing(reopened(copy)) as log:
        assert log.snapshots.latest() is None
        assert log.snapshots.damaged() == (8, 6, 4)


def test_a_snapshot_of_another_past_does_not_load(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    reseal(path, {5: a_tick(55)}, copy)

    with closing(reopened(copy)) as log:
        assert log.snapshots.latest() == (4, b"state 4")
        assert log.snapshots.damaged() == (8, 6)


def test_a_snapshot_beyond_the_end_of_the_log_is_left_alone(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE snapshots SET seq = ? WHERE seq = 8", (99,))

    with closing(reopened(copy)) as log:
        assert log.snapshots.latest() == (6, b"state 6")
        assert log.snapshots.damaged() == (99,)


def test_a_state_survives_the_end_of_the_process(path: Path) -> None:
    with closing(reopened(path)) as log:
        log.snapshots.save(10, b"state 10")

    with closing(reopened(path)) as log:
        assert log.snapshots.latest() == (10, b"state 10")
