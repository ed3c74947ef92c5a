"""How far a request has come on its connection, told to a test that ends the process there."""

import select
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.response import HTTPResponse


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told, with method and path of the request."""

    sent: Callable[[str, str], None]  # its last byte is written, no byte of the answer is read
    answered: Callable[[str, str], None]  # the answer has arrived at our socket and is unread


class WatchedAdapter(HTTPAdapter):
    """What `requests` sends through otherwise, with somebody watching."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        super().__init__()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Make the pools of connections (the library's hook)."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self.poolmanager.pool_classes_by_scheme = {"https": _watched(self._watch)}


def _watched(watch: Watch) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        """One connection; the library calls `putrequest`, sends, and then `getresponse`."""

        _request = ("", "")

        def putrequest(self, method: str, url: str, *skips: bool, **named: bool) -> None:
            self._request = method, url
            super().putrequest(method, url, *skips, **named)

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in the library
            watch.sent(*self._request)
            # On a new connection TLS tickets may arrive before the first answer. A session has
            # asked many questions before its first order, so they never are what is seen here.
            if select.select([self.sock], [], [], self.sock.gettimeout())[0]:
                watch.answered(*self._request)
            return super().getresponse()

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
