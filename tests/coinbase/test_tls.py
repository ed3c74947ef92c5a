"""Our own client refuses eight bad certificates on REST and on WebSocket: sixteen of sixteen."""

import asyncio
import random
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from gpt_trader.coinbase.heard import Connected
from gpt_trader.coinbase.readiness import Subscription
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.coinbase.tls import trust
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown, UsageError
from tests.coinbase.builders import a_key, an_intent, pem_of, write_key_file
from tests.coinbase.certificates import (
    BAD,
    GOOD,
    make_authority,
    server_context,
    write_authority,
)
from tests.coinbase.servers import an_answer, rest_server, stream_server

AUTHORITY = make_authority()


def a_rest_client(host: str, folder: Path) -> RestClient:
    signer = Signer.from_key_file(write_key_file(folder, pem_of(a_key())), lambda: 0)
    ca_file = write_authority(AUTHORITY, folder)
    return RestClient(host, signer, ca_file=ca_file, timeout_s=5, now_ns=lambda: 7)


def ask_the_time(kind: str, folder: Path) -> tuple[int, int]:
    """The answer, and how many requests the server saw."""
    with rest_server(
        server_context(kind, AUTHORITY, folder), an_answer({"iso": "1970-01-01T00:00:01Z"})
    ) as server:
        client = a_rest_client(server.host, folder)
        try:
            return client.server_time_ns(), len(server.requests)
        finally:
            client.close()
            assert kind == GOOD or not server.requests


async def first_item(kind: str, folder: Path) -> object:
    async def talk(connection: ServerConnection, number: int) -> None:
        await connection.wait_closed()

    context = trust(write_authority(AUTHORITY, folder))
    async with stream_server(server_context(kind, AUTHORITY, folder), talk) as server:
        stream = Stream(
            server.url,
            context,
            None,
            [Subscription("heartbeats", ())],
            dice=random.Random(1),
            patience=Patience(silence_s=None, first_tries=1),
        )
        try:
            return (await anext(stream)).items[0]
        finally:
            await stream.close()
            assert kind == GOOD or not server.paths


def test_a_good_certificate_is_accepted_on_both(tmp_path: Path) -> None:
    assert ask_the_time(GOOD, tmp_path) == (1_000_000_000, 1)
    assert isinstance(asyncio.run(first_item(GOOD, tmp_path)), Connected)


@pytest.mark.parametrize("kind", BAD)
def test_rest_refuses_a_bad_certificate(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ExchangeUnreachable, match=r"certificate|CERTIFICATE"):
        ask_the_time(kind, tmp_path)


@pytest.mark.parametrize("kind", BAD)
def test_the_stream_refuses_a_bad_certificate(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ExchangeUnreachable, match="SSLCertVerificationError"):
        asyncio.run(first_item(kind, tmp_path))


def test_the_environment_cannot_change_whom_rest_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = make_authority("stranger")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(write_authority(stranger, other)))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    answer = ask_the_time(GOOD, tmp_path)

    assert answer == (1_000_000_000, 1)


def test_an_order_to_an_imposter_never_leaves(tmp_path: Path) -> None:
    with rest_server(server_context("self-signed", AUTHORITY, tmp_path)) as server:
        client = a_rest_client(server.host, tmp_path)

        with pytest.raises(OutcomeUnknown, match="SSLError"):
            client.create(an_intent())

        client.close()
        assert server.requests == []


def test_a_file_that_is_missing_or_no_certificate_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")

    with pytest.raises(UsageError, match="no certificate file"):
        trust(tmp_path / "none.pem")
    with pytest.raises(UsageError, match="no readable certificate"):
        trust(empty)


def test_without_a_file_the_public_authorities_vouch_and_all_is_verified() -> None:
    context = trust(None)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname and not context.hostname_checks_common_name
    assert len(context.get_ca_certs()) > 50
