"""Real speed and multiples of it: items come when they are due, heartbeats once a tape second."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from gpt_trader.exchange.feed import Feed
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.journal import Journal, JournalError
from gpt_trader.exchange.pace import Pace
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import a_kept_venue, a_print_tape
from tests.exchange.serving import a_venue, some_rules

SECOND_NS = 1_000_000_000


class ManualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock only moves when it has nothing to do: no test waits."""

    def __init__(self) -> None:
        super().__init__()
        self.clock_s = 0.0

    def time(self) -> float:
        return self.clock_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            due_s: float = self._scheduled[0].when()  # type: ignore[attr-defined]
            self.clock_s = max(self.clock_s, due_s)
        super()._run_once()  # type: ignore[misc]


BODY = {
    "client_order_id": "short",
    "product_id": "BTC-USD",
    "side": "BUY",
    "order_configuration": {
        "limit_limit_gtd": {
            "base_size": "0.01",
            "limit_price": "20000",
            "end_time": "2026-01-05T00:01:02Z",
        }
    },
}


def play(
    venue: Venue, multiple: float, seconds: float, watch: Callable[[bytes], None]
) -> list[BaseException]:
    """Play a venue for some seconds of the machine to a feed with every channel."""
    failures: list[BaseException] = []

    async def run() -> None:
        hub = Hub(venue)
        feed = Feed("", watch)
        hub.add(feed)
        for channel in ("market_trades", "heartbeats"):
            hub.subscribe(feed, channel, ["BTC-USD"])
        feed.flush()
        pace = Pace(venue, multiple)
        pace.start(hub, failures.append)
        await asyncio.sleep(seconds)
        pace.stop()

    with asyncio.Runner(loop_factory=ManualLoop) as runner:
        runner.run(run())
    return failures


def test_ten_minutes_at_60_times_the_speed_take_ten_seconds() -> None:
    venue = a_venue(rounds=20)
    begin_ns = venue.now_ns

    play(venue, 60.0, 10.0, lambda _: None)

    assert 9 <= venue.round <= 10
    assert begin_ns + 599 * SECOND_NS <= venue.now_ns <= begin_ns + 600 * SECOND_NS


def test_no_trade_comes_before_its_time() -> None:
    venue = a_venue(rounds=3)
    early: list[bytes] = []

    def watch(written: bytes) -> None:
        for part in written.split(b'"time":"')[1:]:
            stamp = part.split(b'"')[0]
            if stamp > venue_clock(venue):
                early.append(stamp)

    play(venue, 1.0, 200.0, watch)

    assert venue.round == 3
    assert early == []


def venue_clock(venue: Venue) -> bytes:
    text: str = venue.server_time()["iso"]
    return text.encode()


def test_at_real_speed_the_heart_beats_once_a_second() -> None:
    beats: list[bytes] = []

    def watch(written: bytes) -> None:
        beats.extend([written] * written.count(b'"heartbeat_counter"'))

    play(a_venue(rounds=3), 1.0, 60.5, watch)

    assert 61 <= len(beats) <= 63  # at once on subscribing, at the start, then each second


def test_at_high_speed_the_heart_beats_ten_times_a_second_at_most() -> None:
    beats: list[bytes] = []

    def watch(written: bytes) -> None:
        beats.extend([written] * written.count(b'"heartbeat_counter"'))

    play(a_venue(rounds=200), 1000.0, 2.05, watch)

    assert 21 <= len(beats) <= 23


def test_the_clock_runs_on_between_the_items_and_after_the_tape() -> None:
    venue = a_venue(rounds=1)
    begin_ns = venue.now_ns

    play(venue, 1.0, 90.5, lambda _: None)

    assert venue.round == 1
    assert venue.now_ns == begin_ns + 90 * SECOND_NS  # the last heartbeat's second


def test_an_order_good_until_a_time_expires_at_that_time() -> None:
    venue = a_venue(rounds=2)
    venue.advance()
    answer, _ = venue.create_order(BODY)

    play(venue, 1.0, 4.5, lambda _: None)

    order = venue.order(answer["success_response"]["order_id"])["order"]
    assert order["status"] == "EXPIRED"


def a_quiet_market(folder: Path) -> tuple[Venue, Journal]:
    """A trade at first and one an hour later: only the clock can end an order in between."""
    tape = a_print_tape([(0, 6_200_000, 10**8, True), (3600, 6_200_000, 10**8, True)])
    return a_kept_venue(tape, some_rules(), folder)


def test_an_order_that_time_ended_stays_expired_after_a_restart(tmp_path: Path) -> None:
    venue, journal = a_quiet_market(tmp_path)
    venue.advance()
    answer, _ = venue.create_order(BODY)
    order_id = answer["success_response"]["order_id"]
    play(venue, 1.0, 4.5, lambda _: None)
    journal.close()

    again, kept = a_quiet_market(tmp_path)

    assert venue.order(order_id)["order"]["status"] == "EXPIRED"
    assert again.order(order_id) == venue.order(order_id)
    assert again.accounts({}) | {"accounts": []} == venue.accounts({}) | {"accounts": []}
    kept.close()


def test_an_end_that_cannot_be_written_down_ends_the_exchange(tmp_path: Path) -> None:
    venue, journal = a_quiet_market(tmp_path)
    venue.advance()
    answer, _ = venue.create_order(BODY)
    journal.close()

    failures = play(venue, 1.0, 4.5, lambda _: None)

    assert [type(error) for error in failures] == [JournalError]
    assert venue.order(answer["success_response"]["order_id"])["order"]["status"] == "OPEN"
