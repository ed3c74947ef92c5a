"""A proxy that ends and reopens TLS between a session and an exchange, and counts what passes.

It speaks with this installation's own authority on both sides. Whole REST requests pass through
a `Rule`, which may answer in the exchange's place; WebSocket frames are read and passed on.
"""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_trader.exchange.authority import issue
from tests.beside import Beside

Answer = bytes | None
Rule = Callable[[str, str, bytes], Answer]


def json_answer(status: str, body: dict[str, Any]) -> bytes:
    """A whole HTTP answer, to be given instead of the exchange's."""
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    return head.encode() + b"\r\n\r\n" + text


@dataclass
class Counts:
    """What has passed so far."""

    requests: Counter[str] = field(default_factory=Counter)  # "POST /api/v3/brokerage/orders"
    creates: list[dict[str, Any]] = field(default_factory=list)
    trades: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # by id
    frames: int = 0
    signed: int = 0  # requests with a token
    connections: int = 0  # that were opened, for REST or WebSocket
    sockets: int = 0  # those of them that became WebSockets

    def writes(self) -> int:
        """Requests that could change something at the exchange."""
        return sum(n for what, n in self.requests.items() if not what.startswith("GET "))


class CountingProxy(Beside):
    """Runs in a thread of its own; use it as a context manager."""

    def __init__(self, upstream: str, tls: Path, rule: Rule | None = None) -> None:
        super().__init__()
        self.counts = Counts()
        self.slow: dict[str, float] = {}  # seconds more for an answer, by "GET /api/..."
        self._host, _, port = upstream.partition(":")
        self._upstream_port = int(port)
        self._tls = tls
        self._rule = rule

    @property
    def host(self) -> str:
        """Where a session finds the proxy."""
        return f"127.0.0.1:{self.port}"

    async def listen(self) -> tuple[asyncio.Server, ...]:
        """Where sessions connect."""
        certificate, key = issue(self._tls)
        inward = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        inward.load_cert_chain(certificate, key)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=inward, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        return (server,)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.counts.connections += 1
        outward = ssl.create_default_context(cafile=str(self._tls / "ca.pem"))
        try:
            up_reader, up_writer = await asyncio.open_connection(
                self._host, self._upstream_port, ssl=outward, limit=2**24
            )
            try:
                await self._requests(reader, writer, up_reader, up_writer)
            finally:
                up_writer.transport.abort()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side hung up, or the proxy ends
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            method, path = head.split(b" ", 2)[:2]
            self.counts.signed += b"\r\nauthorization:" in head.lower()
            if b"upgrade: websocket" in head.lower():
                self.counts.sockets += 1
                up_writer.write(head + body)
                writer.write(await up_reader.readuntil(b"\r\n\r\n"))
                await self._frames(reader, writer, up_reader, up_writer)
                return
            answer = self._count(method.decode(), path.decode(), body)
            what = f"{method.decode()} {path.decode().partition('?')[0]}"
            await asyncio.sleep(self.slow.get(what, 0.0))
            if answer is None:
                up_writer.write(head + body)
                up_head = await up_reader.readuntil(b"\r\n\r\n")
                answer = up_head + await up_reader.readexactly(_length(up_head))
            writer.write(answer)
            await writer.drain()

    def _count(self, method: str, path: str, body: bytes) -> Answer:
        path = path.partition("?")[0]
        self.counts.requests[f"{method} {path}"] += 1
        if method == "POST" and path.endswith("/orders"):
            self.counts.creates.append(json.loads(body))
        return None if self._rule is None else self._rule(method, path, body)

    async def _frames(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        async def upward() -> None:
            while data := await reader.read(65536):
                up_writer.write(data)
            up_writer.close()

        up = asyncio.create_task(upward())
        try:
            while True:
                head = await up_reader.readexactly(2)
                size = head[1] & 0x7F
                extra = await up_reader.readexactly({126: 2, 127: 8}.get(size, 0))
                if extra:
                    size = int.from_bytes(extra, "big")
                payload = await up_reader.readexactly(size)
                writer.write(head + extra + payload)
                if head[0] & 0x0F == 1:
                    self._read_frame(payload)
        finally:
            up.cancel()

    def _read_frame(self, payload: bytes) -> None:
        self.counts.frames += 1
        if b'"market_trades"' not in payload:
            return
        for event in json.loads(payload)["events"]:
            for trade in event.get("trades", ()):
                seen = self.counts.trades.setdefault(trade["product_id"], {})
                seen[trade["trade_id"]] = trade


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
