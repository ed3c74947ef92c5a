"""Servers of a test on a loop in a thread of its own, while the test runs on."""

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self


class Beside(ABC):
    """Listens from the start of a `with` block to its end; a subclass says where, in `listen`."""

    def __init__(self) -> None:
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.tasks: set[asyncio.Task[None]] = set()  # that a subclass begins and takes away
        self._servers: tuple[asyncio.Server, ...] = ()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    @abstractmethod
    async def listen(self) -> tuple[asyncio.Server, ...]:
        """Start the servers; the port of the first is `port`."""

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._start())
        self._ready.set()
        self.loop.run_forever()

    async def _start(self) -> None:
        self._servers = await self.listen()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0.02)  # the loop's own work: transports that close
