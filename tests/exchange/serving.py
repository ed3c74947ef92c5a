"""An exchange that serves on a free port while a test runs, and clients of it."""

import asyncio
import json
import ssl
import threading
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from coinbase import jwt_generator
from coinbase.rest import RESTClient
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from gpt_trader.exchange.authority import issue
from gpt_trader.exchange.catalog import find_product
from gpt_trader.exchange.choices import MAX_SPEED
from gpt_trader.exchange.keys import ALL_SCOPES, Kind, Scope, load_keys, make_key
from gpt_trader.exchange.rules import VenueRules, default_rules
from gpt_trader.exchange.server import ExchangeServer, Options, Stage
from gpt_trader.exchange.synthetic import synthetic_tape
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue

WAIT_S = 5.0
T = TypeVar("T")


def a_tape(*, rounds: int, product_ids: tuple[str, ...] = ("BTC-USD",)) -> Tape:
    return synthetic_tape(7, [find_product(one) for one in product_ids], rounds)


def a_venue(*, rounds: int, product_ids: tuple[str, ...] = ("BTC-USD",), **rules: Any) -> Venue:
    return Venue(a_tape(rounds=rounds, product_ids=product_ids), some_rules(**rules), None)


def some_rules(**changes: Any) -> VenueRules:
    return replace(default_rules(7), **changes)


def lockstep_options(**changes: Any) -> Options:
    options = Options("127.0.0.1", 0, None, MAX_SPEED, answer_first=True, limits=None)
    return replace(options, **changes)


class Socket:
    """A WebSocket client that a test can read without awaiting."""

    def __init__(self, exchange: "Exchange", connection: WebSocketClientConnection) -> None:
        self._exchange = exchange
        self._connection = connection

    def send(self, message: dict[str, Any] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._exchange.call(self._write(text))

    def read(self) -> dict[str, Any]:
        """Give the next message; AssertionError when the exchange closed the connection."""
        message = self._exchange.call(self._read())
        assert message is not None, f"closed: {self._connection.close_code}"
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    def read_until(self, channel: str) -> list[dict[str, Any]]:
        """Give all messages up to the first of a channel (or type)."""
        messages = [self.read()]
        while channel not in (messages[-1].get("channel"), messages[-1].get("type")):
            messages.append(self.read())
        return messages

    def wait_for_close(self) -> int | None:
        assert self._exchange.call(self._read()) is None
        return self._connection.close_code

    def subscribe(self, channel: str, product_ids: list[str], jwt: str | None = None) -> None:
        message = {"type": "subscribe", "channel": channel, "product_ids": product_ids}
        self.send(message | ({} if jwt is None else {"jwt": jwt}))

    def close(self) -> None:
        self._exchange.call(self._close())

    async def _write(self, text: str) -> None:
        await self._connection.write_message(text)

    async def _read(self) -> str | bytes | None:
        return await asyncio.wait_for(self._connection.read_message(), WAIT_S)

    async def _close(self) -> None:
        self._connection.close()


class Exchange:
    """Runs an exchange in a loop of its own, so that blocking clients can talk to it."""

    def __init__(self, folder: Path, venue: Venue, tape: Tape, options: Options) -> None:
        self.folder = folder
        self.venue = venue
        self.failures: list[BaseException] = []
        self.key_file = make_key(folder, Kind.ES256)
        self._tape = tape
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._clients: list[WebSocketClientConnection] = []
        self.server: ExchangeServer

    def __enter__(self) -> Self:
        self._thread.start()
        self.server = self.call(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the exchange's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_S)

    def rest(self, key_file: Path | None = None) -> RESTClient:
        """Give the unmodified SDK, pointed here."""
        client = RESTClient(
            key_file=str(key_file or self.key_file),
            base_url=f"127.0.0.1:{self.server.port}",
            timeout=WAIT_S,
        )
        client.session.verify = str(self.folder / "ca.pem")
        client.session.trust_env = False
        return client

    def key(self, kind: Kind, scopes: tuple[Scope, ...] = ALL_SCOPES, label: str = "other") -> Path:
        """Make a further key; it must be made before the exchange starts."""
        return make_key(self.folder, kind, scopes, label)

    def jwt(self) -> str:
        content = json.loads(self.key_file.read_text())
        token: str = jwt_generator.build_ws_jwt(content["name"], content["privateKey"])
        return token

    def bearer(self, method: str, path: str) -> str:
        """Give the Authorization header of a REST request."""
        content = json.loads(self.key_file.read_text())
        uri = jwt_generator.format_jwt_uri(method, path)
        token = jwt_generator.build_rest_jwt(uri, content["name"], content["privateKey"])
        return f"Bearer {token}"

    def socket(self, path: str = "/") -> Socket:
        """Open a WebSocket over verified TLS."""
        return Socket(self, self.call(self._connect(f"wss://127.0.0.1:{self.server.port}{path}")))

    def plain_socket(self) -> Socket:
        return Socket(self, self.call(self._connect(f"ws://127.0.0.1:{self.server.plain_port}/")))

    def advance(self) -> None:
        """Release a round as lockstep does, and publish it."""
        self.call(self._advance())

    async def stage(self) -> Stage:
        return Stage(self._tape, self.venue, None, None)

    async def _start(self) -> ExchangeServer:
        server = ExchangeServer(
            await self.stage(),
            load_keys(self.folder),
            issue(self.folder),
            self._options,
            self.failures.append,
        )
        await server.start()
        return server

    async def _connect(self, url: str) -> WebSocketClientConnection:
        tls = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        secure = tls if url.startswith("wss:") else None
        connection = await websocket_connect(HTTPRequest(url, ssl_options=secure))
        self._clients.append(connection)
        return connection

    async def _stop(self) -> None:
        for client in self._clients:
            client.close()
        await self.server.stop()

    async def _advance(self) -> None:
        hub = self.server.hub
        hub.publish(self.venue.advance())
        hub.heartbeat(self.venue.now_ns, self.venue.round)
        hub.flush()


def an_exchange(
    folder: Path, *, rounds: int = 20, product_ids: tuple[str, ...] = ("BTC-USD",), **options: Any
) -> Exchange:
    """Give an exchange in lockstep with a short synthetic tape."""
    tape = a_tape(rounds=rounds, product_ids=product_ids)
    return Exchange(folder, Venue(tape, some_rules(), None), tape, lockstep_options(**options))
