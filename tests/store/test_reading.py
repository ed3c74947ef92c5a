"""A log is read beside its writer, and the reader is never in the writer's way."""

from contextlib import closing
from pathlib import Path

import pytest

from gpt_trader.domain.errors import StoreDamaged, UsageError
from gpt_trader.store.event_log import EventLog
from gpt_trader.store.reading import LogReader
from tests.store.forgery import tamper
from tests.store.samples import a_session, a_tick, some_trades


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def a_log(path: Path) -> EventLog:
    return EventLog.create(path, {"session": "s-1"}, lambda: 7)


def test_a_reader_sees_what_is_committed_and_nothing_more(path: Path) -> None:
    with closing(a_log(path)) as log, LogReader(path) as reader:
        log.append(a_tick(1))
        assert reader.last_seq() == 0

        log.commit()
        log.append(a_tick(2))

        assert list(reader.events()) == [(1, a_tick(1))]


def test_a_reader_in_the_midst_of_a_log_does_not_stop_its_writer(path: Path) -> None:
    with closing(a_log(path)) as log, LogReader(path) as reader:
        for seq in range(1, 3_001):
            log.append(a_tick(seq))
        log.commit()
        events = reader.events()
        seen = [next(events)]

        for seq in range(3_001, 3_051):
            log.append(a_tick(seq))
            log.commit_durable()
            log.checkpoint()
        seen += events

    assert seen == [(seq, a_tick(seq)) for seq in range(1, 3_051)]


def test_a_log_closed_under_its_reader_is_whole(path: Path) -> None:
    with a_reader_of_a_log_that_was_closed(path) as reader:
        assert list(reader.events()) == [(1, a_tick(1))]

    with closing(EventLog.open(path, lambda: 7)) as log:
        assert log.head[0] == 1


def a_reader_of_a_log_that_was_closed(path: Path) -> LogReader:
    log = a_log(path)
    log.append(a_tick(1))
    log.commit()
    reader = LogReader(path)
    assert reader.last_seq() == 1
    log.close()
    return reader


def test_a_reader_knows_the_tail_the_counts_the_meta_and_the_hash(path: Path) -> None:
    with closing(a_log(path)) as log:
        log.append(a_session())
        for seq in range(1, 6):
            log.append(some_trades(seq))
        log.append(a_tick(9))
        log.commit()

        with LogReader(path) as reader:
            assert reader.meta == {"session": "s-1"}
            assert reader.tail(2) == [(6, some_trades(5)), (7, a_tick(9))]
            assert reader.tail(100) == list(log.read())
            assert reader.tail(0) == []
            assert reader.count_by_kind() == {
                "clock_ticked": 1,
                "session_opened": 1,
                "trades_seen": 5,
            }
            assert reader.log_hash() == log.log_hash()
            assert list(reader.events(after_seq=6)) == [(7, a_tick(9))]


def test_a_reader_stops_at_the_first_event_that_was_changed(path: Path, tmp_path: Path) -> None:
    with closing(a_log(path)) as log:
        for seq in range(1, 6):
            log.append(a_tick(seq))
        log.commit()
    copy = tmp_path / "copy.db"
    tamper(path, copy, "UPDATE events SET body = ? WHERE seq = 4", (b'{"ts_ns":5}',))

    with LogReader(copy) as reader:
        events = reader.events()
        assert [next(events)[0] for _ in range(3)] == [1, 2, 3]
        with pytest.raises(StoreDamaged, match="event 4 "):
            next(events)
        with pytest.raises(StoreDamaged, match="event 4 "):
            reader.log_hash()


def test_an_event_that_is_not_there_yet_cannot_be_read_after(path: Path) -> None:
    a_log(path).close()

    with LogReader(path) as reader, pytest.raises(StoreDamaged, match="event 1 is missing"):
        next(reader.events(after_seq=1))


def test_a_log_that_is_not_there_cannot_be_read(path: Path) -> None:
    with pytest.raises(UsageError, match="no event log"):
        LogReader(path)

    assert not path.exists()
