"""Real TLS servers on loopback: one that gives prepared REST answers, one that speaks WebSocket."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

Talk = Callable[[ServerConnection, int], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """One prepared answer. Status 0 cuts the connection after the request was read."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class RestServer:
    """Answers the n-th request with the n-th answer, and remembers what was asked."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.requests: list[Request] = []
        self.port = 0

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"


def an_answer(body: Any, status: int = 200) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode())


@contextmanager
def rest_server(context: ssl.SSLContext, *answers: Answer) -> Iterator[RestServer]:
    state = RestServer(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            # Not in the accepting thread, which a client that waits would block.
            self.request.settimeout(5)
            self.request.do_handshake()
            super().setup()

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            body = json.loads(self.rfile.read(size) or b"null")
            request = Request(self.command, self.path, dict(self.headers), body)
            state.requests.append(request)
            answer = state.answers.pop(0)
            time.sleep(answer.delay_s)
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            return  # a client that refuses our certificate is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class StreamServer:
    """Counts connections and keeps what clients sent on each."""

    def __init__(self) -> None:
        self.port = 0
        self.paths: list[str] = []
        self.messages: list[list[dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"wss://localhost:{self.port}"


@asynccontextmanager
async def stream_server(context: ssl.SSLContext, talk: Talk) -> AsyncIterator[StreamServer]:
    """A WebSocket server; `talk` says what happens on the n-th connection."""
    state = StreamServer()

    async def handle(connection: ServerConnection) -> None:
        number = len(state.messages)
        state.messages.append([])
        assert connection.request is not None
        state.paths.append(connection.request.path)
        await talk(connection, number)

    async with serve(handle, "127.0.0.1", 0, ssl=context, compression=None) as server:
        state.port = next(iter(server.sockets)).getsockname()[1]
        yield state


async def read_requests(
    server: StreamServer, connection: ServerConnection, count: int
) -> list[dict[str, Any]]:
    """Read so many messages of a client, and remember them."""
    for _ in range(count):
        text = await asyncio.wait_for(connection.recv(), 5)
        server.messages[-1].append(json.loads(text))
    return server.messages[-1]
