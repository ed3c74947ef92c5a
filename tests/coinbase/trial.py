"""A server that misbehaves by a script, and a stream that listens to it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection

from gpt_trader.coinbase.heard import Item
from gpt_trader.coinbase.readiness import Subscription
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.stream import Patience, Stream
from gpt_trader.coinbase.tls import trust
from tests.coinbase.builders import (
    a_frame,
    a_key,
    a_user_order,
    pem_of,
    write_key_file,
)
from tests.coinbase.certificates import GOOD, make_authority, server_context, write_authority
from tests.coinbase.servers import StreamServer, read_requests, stream_server

AUTHORITY = make_authority()
PATIENT = Patience(silence_s=None, first_tries=None)
ALL = (
    Subscription("heartbeats", ()),
    Subscription("market_trades", ("SOL-USD",)),
    Subscription("ticker", ("SOL-USD",)),
    Subscription("user", ()),
)
ACKNOWLEDGED = {
    "heartbeats": ["heartbeats"],
    "market_trades": ["SOL-USD"],
    "ticker": ["SOL-USD"],
    "user": ["an-id"],
}
HEARTBEAT = {"current_time": "x", "heartbeat_counter": 5}

Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection, seen from the server: it counts the frames it sends."""

    def __init__(self, server: StreamServer, connection: ServerConnection, number: int) -> None:
        self.server = server
        self.connection = connection
        self.number = number
        self.sequence = 0

    async def send(self, channel: str, event: dict[str, Any]) -> None:
        await self.connection.send(a_frame(channel, event, self.sequence).decode())
        self.sequence += 1

    async def welcome(self) -> None:
        """Acknowledge every subscription, as Coinbase does: snapshots first."""
        await read_requests(self.server, self.connection, len(ALL))
        for count in range(1, len(ALL) + 1):
            if count == len(ALL):
                await self.send("user", {"type": "snapshot", "orders": [a_user_order()]})
            part = dict(list(ACKNOWLEDGED.items())[:count])
            await self.send("subscriptions", {"subscriptions": part})

    async def beat(self) -> None:
        await self.send("heartbeats", HEARTBEAT)

    async def stay(self) -> None:
        await self.connection.wait_closed()


class Trial:
    """A server that follows a script, and what a stream hears from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = trust(write_authority(AUTHORITY, folder))
        key = write_key_file(folder, pem_of(a_key()))
        self.signer = Signer.from_key_file(key, lambda: 1_795_425_306_000_000_000)
        self.requests: list[list[dict[str, Any]]] = []
        self.paths: list[str] = []

    def run(
        self,
        script: Script,
        until: Callable[[list[Item]], bool],
        patience: Patience = PATIENT,
        address: str = "",
    ) -> list[Item]:
        return asyncio.run(asyncio.wait_for(self._run(script, until, patience, address), 10))

    async def _run(
        self, script: Script, until: Callable[[list[Item]], bool], patience: Patience, address: str
    ) -> list[Item]:
        async def talk(connection: ServerConnection, number: int) -> None:
            await script(Line(server, connection, number))

        context = server_context(GOOD, AUTHORITY, self.folder)
        items: list[Item] = []
        async with stream_server(context, talk) as server:
            stream = self.stream(server.url + address, patience)
            async for heard in stream:
                items += heard.items
                if until(items):
                    break
            await stream.close()
        self.requests, self.paths = server.messages, server.paths
        return items

    def stream(self, url: str, patience: Patience = PATIENT) -> Stream:
        dice = random.Random(1)
        return Stream(url, self.trust, self.signer, ALL, dice=dice, patience=patience)


def kinds(items: list[Item]) -> list[str]:
    return [type(item).__name__ for item in items]


def count_of(kind: type, number: int) -> Callable[[list[Item]], bool]:
    return lambda items: sum(isinstance(item, kind) for item in items) >= number
