"""A link that fails beneath TLS, and a resolver that fails before it: case A17 of the faults.

It stands between a session and its exchange, passes bytes on, and knows nothing of what they say.
Names, seeds and counts are like those of the exchange's own faults.
"""

import asyncio
import random
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpt_trader.exchange.authority import issue
from tests.beside import Beside

NAME = "localhost"  # it has to be resolved, and the exchange's certificate is good for it
FOREIGN = "127.0.0.2"  # where another server listens
SLOW_S = 0.05
CHUNK = 65536
LINKS = {
    "link_refused": "a new connection is reset at once",
    "link_reset": "a connection is reset, amid what it carries",
    "link_hole": "a connection stands and carries nothing any more",
    "link_slow": "bytes come in drips",
    "dns_unknown": "the name is not known",
    "dns_timeout": "no resolver answers",
    "dns_wrong": "the name leads to another server, whose certificate is not Coinbase's",
}
_resolve = socket.getaddrinfo


class Link(Beside):
    """Runs in a thread of its own; use it as a context manager.

    Attributes
    ----------
    strikes : Counter of str
        By name of `LINKS`.
    leaked : int
        Bytes that a client sent to the foreign server, past its certificate.
    """

    def __init__(self, upstream: int, seed: int, rates: Mapping[str, float], tls: Path) -> None:
        super().__init__()
        self.strikes: Counter[str] = Counter()
        self.leaked = 0
        self._upstream = upstream
        self._rates: Mapping[str, float] = {}
        self._wanted = rates
        self._dice = {name: random.Random(f"{seed} {name}") for name in LINKS}
        self._tls = tls
        self._healed = asyncio.Event()

    def arm(self) -> None:
        """Let it fail from now on: a session that cannot begin has nothing to lose."""
        self._rates, self._wanted = self._wanted, {}

    def heal(self) -> None:
        """Let nothing fail any more; what hangs is let go."""
        if self._rates:
            self.loop.call_soon_threadsafe(self._healed.set)
        self._rates, self._wanted = {}, {}

    def resolve(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        """Answer like `socket.getaddrinfo`, which this stands for."""
        if host != NAME:
            return _resolve(host, port, *args, **options)
        if self._strikes("dns_unknown"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if self._strikes("dns_timeout"):
            time.sleep(SLOW_S)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        address = FOREIGN if self._strikes("dns_wrong") else "127.0.0.1"
        return _resolve(address, port, *args, **options)

    def _strikes(self, name: str) -> bool:
        if self._dice[name].random() >= self._rates.get(name, 0.0):
            return False
        self.strikes[name] += 1
        return True

    async def listen(self) -> tuple[asyncio.Server, ...]:
        """Where sessions connect."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        foreign = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        foreign.load_cert_chain(*issue(self._tls / "foreign"))
        other = await asyncio.start_server(self._listen, FOREIGN, self.port, ssl=foreign)
        return server, other

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.leaked += len(await reader.read(CHUNK))
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._strikes("link_refused"):
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        ways = asyncio.gather(self._carry(reader, up_writer), self._carry(up_reader, writer))
        try:
            await ways
        except (OSError, asyncio.CancelledError):
            ways.cancel()
        finally:
            self.tasks.discard(task)
            _reset(writer)
            up_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self._strikes("link_reset"):
                writer.write(data[: len(data) // 2])
                raise ConnectionResetError
            if self._strikes("link_hole"):
                await self._healed.wait()
                raise ConnectionResetError
            if self._strikes("link_slow"):
                for first in range(0, len(data), 1 + len(data) // 8):
                    writer.write(data[first : first + 1 + len(data) // 8])
                    await asyncio.sleep(SLOW_S / 8)
                continue
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # nobody speaks TLS half-way


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, as a machine does that knows nothing of it."""
    plain = writer.get_extra_info("socket")
    if plain is not None and plain.fileno() >= 0:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
