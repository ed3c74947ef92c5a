"""Past candles from a server that is slow, moody or counts its ends otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from gpt_trader.coinbase.history import (
    FIRST_WAITS_S,
    INTERVALS_MAX,
    PAGE_CANDLES,
    REQUESTS_APART_S,
    WAITS_S,
    History,
)
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.errors import ExchangeUnreachable, UsageError
from tests.coinbase.certificates import GOOD, make_authority, server_context, write_authority
from tests.coinbase.servers import Answer, RestServer, an_answer, rest_server

LIMITED = an_answer(
    {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}, 429
)
DOWN = Answer(503, b"<html>")
CUT = Answer(0, b"")


class Watch:
    """A clock that goes on only while we sleep, and what was slept and said."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []
        self.said: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.slept.append(wait_s)
        self.now_s += wait_s


@contextmanager
def a_history(folder: Path, *answers: Answer) -> Iterator[tuple[History, RestServer, Watch]]:
    authority, watch = make_authority(), Watch()
    with rest_server(server_context(GOOD, authority, folder), *answers) as server:
        rest = RestClient(
            server.host,
            None,
            ca_file=write_authority(authority, folder),
            timeout_s=5,
            now_ns=lambda: 7,
        )
        try:
            yield History(rest, watch.clock, watch.sleep, watch.said.append), server, watch
        finally:
            rest.close()


def a_page(starts_s: range) -> Answer:
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), "5")
    return an_answer({"candles": [{"start": str(s), **prices} for s in reversed(starts_s)]})


def nothing(intervals: int) -> None:
    """Who does not watch the progress."""


@pytest.mark.parametrize("end_counts", [True, False])
def test_no_candle_is_lost_between_pages_whether_the_end_counts_or_not(
    end_counts: bool, tmp_path: Path
) -> None:
    step, end_s = PAGE_CANDLES * 60, 60 * (2 * PAGE_CANDLES + 7)
    bounds = [(0, step), (step, 2 * step), (2 * step, end_s)]
    pages = [a_page(range(first, last + 60 * end_counts, 60)) for first, last in bounds]
    covered: list[int] = []

    with a_history(tmp_path, *pages) as (history, server, _):
        candles = history.candles("SOL-USD", 60, 0, end_s, covered.append)

    assert [candle.start_ns // 10**9 for candle in candles] == list(range(0, end_s, 60))
    assert covered == [PAGE_CANDLES, PAGE_CANDLES, 7]
    asked = [parse_qs(urlsplit(request.path).query) for request in server.requests]
    assert [(int(q["start"][0]), int(q["end"][0])) for q in asked] == bounds
    assert all((last - first) // 60 + 1 <= INTERVALS_MAX for first, last in bounds)
    assert all("/market/products/SOL-USD/candles" in request.path for request in server.requests)


def test_too_many_requests_and_server_errors_are_waited_out_longer_each_time(
    tmp_path: Path,
) -> None:
    moody = [LIMITED, DOWN, CUT, LIMITED]

    with a_history(tmp_path, *moody, a_page(range(0, 300, 60))) as (history, server, watch):
        candles = history.candles("SOL-USD", 60, 0, 300, nothing)

    assert len(candles) == 5
    assert len(server.requests) == 5
    assert watch.slept == list(WAITS_S[:4])
    assert len(watch.said) == 4 and "HTTP 429; trying again in 0.5 s" in watch.said[0]


def test_an_exchange_that_stays_down_is_given_up(tmp_path: Path) -> None:
    with (
        a_history(tmp_path, *[DOWN] * (len(WAITS_S) + 1)) as (history, server, watch),
        pytest.raises(ExchangeUnreachable, match="HTTP 503"),
    ):
        history.candles("SOL-USD", 60, 0, 300, nothing)

    assert len(server.requests) == len(WAITS_S) + 1
    assert sum(watch.slept) == sum(WAITS_S)


def test_the_first_question_gives_up_soon(tmp_path: Path) -> None:
    with (
        a_history(tmp_path, *[DOWN] * 9) as (history, server, _),
        pytest.raises(ExchangeUnreachable),
    ):
        history.complete_until(60)

    assert len(server.requests) == len(FIRST_WAITS_S) + 1


def test_requests_keep_the_distance_that_coinbase_asks_for(tmp_path: Path) -> None:
    pages = [a_page(range(0))] * 12

    with a_history(tmp_path, *pages) as (history, _, watch):
        history.candles("SOL-USD", 60, 0, 12 * 60 * PAGE_CANDLES, nothing)

    assert REQUESTS_APART_S > 0.1
    assert sum(watch.slept) == pytest.approx(11 * REQUESTS_APART_S)


@pytest.mark.parametrize(
    ("clock", "until_s"),
    [("00:59:30", 3540), ("01:00:00", 3540), ("01:00:04.9", 3540), ("01:00:05", 3600)],
)
def test_a_candle_is_complete_when_it_has_settled(clock: str, until_s: int, tmp_path: Path) -> None:
    with a_history(tmp_path, an_answer({"iso": f"1970-01-01T{clock}Z"})) as (history, _, _):
        assert history.complete_until(60) == until_s


def test_a_range_off_the_grid_is_refused(tmp_path: Path) -> None:
    with a_history(tmp_path) as (history, _, _), pytest.raises(UsageError, match="30 or 300"):
        history.candles("SOL-USD", 60, 30, 300, nothing)
