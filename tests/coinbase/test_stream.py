"""The stream against a real TLS WebSocket server that misbehaves in every way we know of."""

import asyncio
import random
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from gpt_trader.coinbase import stream as stream_module
from gpt_trader.coinbase.heard import Disconnected, Gap, Item, Ready
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.domain.errors import ExchangeUnreachable
from gpt_trader.domain.events import ClockTicked
from tests.coinbase.builders import (
    a_frame,
    a_ticker,
    a_user_order,
    a_wire_trade,
)
from tests.coinbase.certificates import GOOD, server_context
from tests.coinbase.servers import read_requests, stream_server
from tests.coinbase.trial import (
    ACKNOWLEDGED,
    ALL,
    AUTHORITY,
    HEARTBEAT,
    PATIENT,
    Line,
    Trial,
    count_of,
    kinds,
)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "BACKOFF_MIN_S", 0.01)
    monkeypatch.setattr(stream_module, "REFUSED_S", 0.01)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_everything_that_is_said_is_heard_in_its_order(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        await line.send("market_trades", {"type": "update", "trades": [a_wire_trade()]})
        await line.send("ticker", {"type": "update", "tickers": [a_ticker()]})
        await line.send("user", {"type": "update", "orders": [a_user_order(status="FILLED")]})
        await line.beat()
        await line.stay()

    items = trial.run(script, count_of(ClockTicked, 1), address="/?feed=abc")

    assert kinds(items) == [
        "Connected", "UserOrder", "Ready", "TradesSeen", "QuoteSeen", "UserOrder", "ClockTicked",
    ]  # fmt: skip
    assert trial.paths == ["/?feed=abc"]


def test_only_the_user_channel_gets_a_token_and_each_subscription_names_its_products(
    trial: Trial,
) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        await line.stay()

    trial.run(script, count_of(Ready, 1))

    [requests] = trial.requests
    assert [r["channel"] for r in requests] == [s.channel for s in ALL]
    assert [r["product_ids"] for r in requests] == [[], ["SOL-USD"], ["SOL-USD"], []]
    assert ["jwt" in r for r in requests] == [False, False, False, True]


@pytest.mark.parametrize("end", [1000, 1001, 1006, 1008, 1011, 1012])
def test_after_any_end_everything_is_subscribed_to_again(end: int, trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        if line.number == 2:
            await line.stay()
        if end == 1006:
            line.connection.transport.abort()
            return
        await line.connection.close(end, "go")

    items = trial.run(script, count_of(Ready, 3))

    one = ["Connected", "UserOrder", "Ready"]
    assert kinds(items) == [*one, "Disconnected", *one, "Disconnected", *one]
    asked = [[(r["channel"], r["product_ids"]) for r in requests] for requests in trial.requests]
    assert len(asked) == 3 and asked[0] == asked[1] == asked[2]
    assert {channel for channel, _ in asked[2]} >= {"heartbeats", "user"}
    tokens = {r["jwt"] for requests in trial.requests for r in requests if "jwt" in r}
    assert len(tokens) == 3, "each subscription has a token of its own"


@pytest.mark.parametrize("skip", [1, 2, 50])
def test_a_gap_is_told_and_the_connection_made_anew(skip: int, trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        if line.number == 0:
            line.sequence += skip
        await line.beat()
        await line.stay()

    items = trial.run(script, count_of(ClockTicked, 1))

    at = kinds(items).index("Gap")
    assert items[at] == Gap(5, 5 + skip)
    assert isinstance(items[at + 1], Disconnected)
    assert kinds(items)[at + 2 :] == ["Connected", "UserOrder", "Ready", "ClockTicked"]
    assert kinds(items).count("ClockTicked") == 1, "nothing behind the gap is handed out"


def test_a_counter_that_begins_anew_is_a_gap_and_a_repeated_frame_is_not(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        await line.beat()
        if line.number == 0:
            line.sequence -= 1
            await line.beat()
            line.sequence = 0
        await line.beat()
        await line.stay()

    items = trial.run(script, count_of(ClockTicked, 3))

    first, second = kinds(items)[3:6], kinds(items)[6:]
    assert first == ["ClockTicked", "Gap", "Disconnected"]
    assert items[4] == Gap(6, 0)
    assert second == ["Connected", "UserOrder", "Ready", "ClockTicked", "ClockTicked"]


def test_silence_ends_a_connection_and_a_beating_one_stays(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        for _ in range(6):
            await asyncio.sleep(0.1)
            await line.beat()
        await line.stay()

    items = trial.run(script, count_of(Disconnected, 1), Patience(silence_s=0.4, first_tries=None))

    assert kinds(items).count("ClockTicked") == 6
    assert items[-1] == Disconnected("no frame for 0.4 s")


def test_time_spent_elsewhere_is_no_silence(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        await line.beat()
        await line.beat()
        await line.stay()

    async def slow_reader() -> list[Item]:
        async def talk(connection: ServerConnection, number: int) -> None:
            await script(Line(server, connection, number))

        items: list[Item] = []
        context = server_context(GOOD, AUTHORITY, trial.folder)
        async with stream_server(context, talk) as server:
            stream = trial.stream(server.url, Patience(silence_s=0.3, first_tries=None))
            async for heard in stream:
                items += heard.items
                if isinstance(items[-1], ClockTicked):
                    await asyncio.sleep(0.5)
                if count_of(ClockTicked, 2)(items):
                    break
            await stream.close()
        return items

    items = asyncio.run(slow_reader())

    assert "Disconnected" not in kinds(items)


def test_a_subscription_that_is_swallowed_is_noticed(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "READY_S", 0.3)

    async def script(line: Line) -> None:
        if line.number:
            await line.welcome()
        await line.stay()

    items = trial.run(script, count_of(Ready, 1), Patience(silence_s=1.0, first_tries=None))

    assert items[1] == Disconnected("not complete within 0.3 s")


def test_a_refusal_is_told_and_tried_again_after_a_longer_wait(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "REFUSED_S", 0.5)
    moments: list[float] = []

    async def script(line: Line) -> None:
        moments.append(asyncio.get_running_loop().time())
        if line.number == 0:
            await line.connection.send('{"type":"error","message":"authentication failure"}')
            await line.stay()
            return
        await line.welcome()
        await line.stay()

    items = trial.run(script, count_of(Ready, 1))

    assert items[1] == Disconnected("Coinbase refuses: authentication failure")
    assert moments[1] - moments[0] >= 0.5


UNREADABLE = {
    "no JSON": b"{",
    "an unknown channel": a_frame("weather", {}, 5),
    "a negative price": a_frame("ticker", {"type": "update", "tickers": [a_ticker(price="-1")]}, 5),
    "a new status": a_frame(
        "user", {"type": "update", "orders": [a_user_order(status="WONDERING")]}, 5
    ),
    "a product nobody asked for": a_frame(
        "ticker", {"type": "update", "tickers": [a_ticker(product_id="DOG-USD")]}, 5
    ),
    "bytes that are no text": b"\xff\xfe",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_frame_that_cannot_be_read_is_a_frame_that_is_lost(text: bytes, trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        if line.number == 0:
            await line.connection.send(text)
        await line.stay()

    items = trial.run(script, count_of(Ready, 2))

    assert kinds(items)[2:6] == ["Ready", "Disconnected", "Connected", "UserOrder"]


def test_a_product_that_coinbase_left_out_is_no_success(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await read_requests(line.server, line.connection, len(ALL))
        for _ in ALL:
            part = {name: ids for name, ids in ACKNOWLEDGED.items() if name != "ticker"}
            await line.send("subscriptions", {"subscriptions": part})
        await line.stay()

    items = trial.run(script, count_of(Disconnected, 1))

    assert items[-1] == Disconnected("not subscribed to ticker")
    assert "Ready" not in kinds(items)


def test_a_frame_of_megabytes_is_heard_and_one_beyond_the_limit_is_not(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        size = 4_000_000 if line.number == 0 else 11_000_000
        await line.send("heartbeats", HEARTBEAT | {"padding": "x" * size})
        if line.number == 0:
            await line.connection.close(1001)
        await line.stay()

    items = trial.run(script, count_of(Disconnected, 2))

    one = ["Connected", "UserOrder", "Ready"]
    assert kinds(items) == [*one, "ClockTicked", "Disconnected", *one, "Disconnected"]


def test_the_number_of_the_last_frame_is_known_with_its_items(trial: Trial) -> None:
    async def script(line: Line) -> None:
        await line.welcome()
        await line.send("market_trades", {"type": "update", "trades": []})
        await line.beat()
        await line.stay()

    async def numbers() -> list[tuple[int, int]]:
        async def talk(connection: ServerConnection, number: int) -> None:
            await script(Line(server, connection, number))

        context = server_context(GOOD, AUTHORITY, trial.folder)
        async with stream_server(context, talk) as server:
            stream = trial.stream(server.url)
            heard = [await anext(stream) for _ in range(8)]
            await stream.close()
        return [(h.sequence, len(h.items)) for h in heard]

    assert asyncio.run(numbers()) == [
        (-1, 1), (0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 0), (6, 1),
    ]  # fmt: skip


def test_closing_ends_the_iteration_wherever_it_waits(trial: Trial) -> None:
    async def talk(connection: ServerConnection, number: int) -> None:
        await connection.wait_closed()

    async def while_listening() -> int:
        context = server_context(GOOD, AUTHORITY, trial.folder)
        async with stream_server(context, talk) as server:
            return await ended_after(trial.stream(server.url))

    async def while_waiting() -> int:
        return await ended_after(trial.stream("wss://localhost:1"))

    async def ended_after(stream: Stream) -> int:
        asyncio.get_running_loop().call_later(
            0.2, lambda: closers.append(asyncio.create_task(stream.close()))
        )
        closers: list[asyncio.Task[None]] = []
        count = 0
        async for _ in stream:
            count += 1
        await closers[0]
        return count

    assert asyncio.run(asyncio.wait_for(while_listening(), 5)) == 1
    assert asyncio.run(asyncio.wait_for(while_waiting(), 5)) >= 1


def test_a_first_connection_that_cannot_be_made_ends_in_as_many_tries(trial: Trial) -> None:
    async def attempt() -> list[str]:
        heard = []
        stream = trial.stream("wss://localhost:1", Patience(silence_s=None, first_tries=3))
        with pytest.raises(ExchangeUnreachable, match="no connection to wss://localhost:1"):
            async for one in stream:
                heard += kinds(list(one.items))
        await stream.close()
        return heard

    assert asyncio.run(attempt()) == ["Disconnected", "Disconnected"]


def test_the_waits_grow_with_jitter_between_their_bounds(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    def waits(seed: int) -> list[float]:
        stream = Stream(
            "wss://localhost:1", trial.trust, None, ALL, dice=random.Random(seed), patience=PATIENT
        )
        found = []
        for failures in range(1, 13):
            stream._failures = failures
            found.append(stream._wait_s())
        return found

    runs = [waits(seed) for seed in range(50)]

    assert all(0.25 <= wait <= 30 for run in runs for wait in run)
    assert all(run[0] <= 0.5 for run in runs)
    assert max(run[-1] for run in runs) > 20
    assert len({tuple(run) for run in runs}) == 50
    assert waits(3) == waits(3)
