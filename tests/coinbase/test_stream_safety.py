"""What a stream must never do: follow, trust, show or accept what it should not."""

import asyncio
import logging
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gpt_trader.coinbase.heard import Disconnected, Item, Ready
from gpt_trader.domain.errors import UsageError
from tests.coinbase.certificates import GOOD, server_context
from tests.coinbase.servers import stream_server
from tests.coinbase.trial import AUTHORITY, Line, Trial, count_of


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_a_redirect_is_not_followed(trial: Trial) -> None:
    visits: list[str] = []

    async def talk(connection: ServerConnection, number: int) -> None:
        visits.append("elsewhere")

    async def attempt() -> Item:
        context = server_context(GOOD, AUTHORITY, trial.folder)
        async with stream_server(context, talk) as elsewhere:

            def redirect(connection: ServerConnection, request: Request) -> Response:
                return Response(302, "Found", Headers(Location=elsewhere.url), b"")

            async def never(connection: ServerConnection) -> None:
                visits.append("here")

            async with serve(
                never, "127.0.0.1", 0, ssl=context, process_request=redirect
            ) as server:
                port = next(iter(server.sockets)).getsockname()[1]
                stream = trial.stream(f"wss://localhost:{port}")
                item = (await anext(stream)).items[0]
                await stream.close()
                return item

    item = asyncio.run(attempt())

    assert isinstance(item, Disconnected) and "302" in item.reason
    assert visits == []


@pytest.mark.parametrize(
    "url", ["ws://localhost:1", "https://localhost", "localhost", "wss://", ""]
)
def test_only_an_encrypted_address_is_one(url: str, trial: Trial) -> None:
    with pytest.raises(UsageError, match="is no wss:// address"):
        trial.stream(url)


def test_tls_that_verifies_nothing_is_refused(trial: Trial) -> None:
    trial.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trial.trust.check_hostname = False

    with pytest.raises(AssertionError, match="verified TLS only"):
        trial.stream("wss://localhost:1")


def test_no_log_shows_a_token(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def script(line: Line) -> None:
        await line.welcome()
        await line.stay()

    trial.run(script, count_of(Ready, 1))

    token = next(r["jwt"] for r in trial.requests[0] if "jwt" in r)
    names = {record.name for record in caplog.records}
    assert "websockets.server" in names, "the library does log frames when it may"
    assert not names & {"websockets.client", "gpt_trader.coinbase.socket"}
    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert all(token[-20:] not in record.getMessage() for record in ours)
