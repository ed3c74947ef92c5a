"""The embedded exchange as a server: one TLS port for REST and WebSocket, as clients expect."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from gpt_trader.exchange.auth import Verifier
from gpt_trader.exchange.choices import MAX_SPEED
from gpt_trader.exchange.control import ControlSocket
from gpt_trader.exchange.faults import Faults
from gpt_trader.exchange.faults_feed import FaultyFeedSocket, FaultyHub
from gpt_trader.exchange.faults_rest import FaultyRestHandler, Trouble
from gpt_trader.exchange.follow import Follower
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.keys import ApiKey
from gpt_trader.exchange.late import LateCommands
from gpt_trader.exchange.lockstep import Lockstep
from gpt_trader.exchange.pace import Pace
from gpt_trader.exchange.rate_limits import RateLimiter, RateLimits
from gpt_trader.exchange.rest import Desk, RestHandler
from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.sockets import Door, FeedSocket
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue

LOCKSTEP_PATH = "/lockstep"
BODY_BYTES_MAX = 1024 * 1024
SERVICE_RESTART = 1012  # close code that makes clients reconnect; 1000 ends the SDK's quietly


@dataclass(frozen=True, slots=True)
class Options:
    """How the exchange is reached and how its tape moves.

    ``speed`` is tape seconds per second, or ``MAX_SPEED``. Port 0 takes any free one; the plain
    port (no TLS, for foreign clients on this machine) is None for none. ``limits`` None: a client
    may ask as much as it likes.
    """

    host: str
    port: int
    plain_port: int | None
    speed: float
    answer_first: bool
    limits: RateLimits | None


@dataclass(frozen=True, slots=True)
class Stage:
    """What is served, by whom it is moved if not by the clock or a session, and what goes wrong."""

    tape: Tape
    venue: Venue
    follower: Follower | None  # of a followed tape; ``Options.speed`` moves every other
    faults: Faults | None  # None: nothing does, and nothing can be made to


class ExchangeServer:
    """Serves a venue inside a running event loop.

    Parameters
    ----------
    stage
        What is served.
    keys
        The API keys that are accepted, by name.
    certificate
        Certificate and key file of the TLS port.
    fail
        Is told when the journal cannot be written: nothing more can be served then.

    Attributes
    ----------
    port, plain_port : int
        Where it listens, known after ``start``.
    hub : Hub
        What the tape brings is published there.
    limiter : RateLimiter
        What clients may ask, and how often it was too much.
    open_sockets : set of WebSocketHandler
        The connections that are open.
    late : LateCommands
        Requests that a fault holds back.
    """

    def __init__(
        self,
        stage: Stage,
        keys: Mapping[str, ApiKey],
        certificate: tuple[Path, Path],
        options: Options,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.port = options.port
        self.plain_port = options.plain_port
        self._fail = fail
        self._options = options
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(*certificate)
        self._venue = stage.venue
        self._faults = stage.faults
        self.late = LateCommands()
        self.hub = (
            Hub(stage.venue)
            if stage.faults is None
            else FaultyHub(stage.venue, stage.faults, self.late)
        )
        self._lockstep: Lockstep | None = None
        self._mover: Pace | Follower | None = stage.follower
        if stage.follower is None and options.speed == MAX_SPEED:
            self._lockstep = Lockstep(stage.venue, stage.tape, self.hub)
        elif stage.follower is None:
            self._mover = Pace(stage.venue, options.speed)
        self.limiter = RateLimiter(options.limits)
        self.open_sockets: set[WebSocketHandler] = set()
        self._servers: list[HTTPServer] = []
        self._application = self._build_application(Verifier(keys))

    async def start(self) -> None:
        """Open the ports, and let the tape run unless a session moves it.

        Raises
        ------
        OSError
            A port is taken or not allowed.
        """
        self.port = self._listen(self._options.port, self._tls)
        if self._options.plain_port is not None:
            self.plain_port = self._listen(self._options.plain_port, None)
        if self._mover is not None:
            self._mover.start(self.hub, self._fail)

    async def stop(self) -> None:
        """Close every port and connection; clients are told to come back."""
        if self._mover is not None:
            self._mover.stop()
        for server in self._servers:
            server.stop()
        for client in tuple(self.open_sockets):
            client.close(SERVICE_RESTART, "the exchange stops")
            connection = client.ws_connection
            if connection is not None and connection.stream is not None:
                connection.stream.close()
        for server in self._servers:
            await server.close_all_connections()
        await asyncio.sleep(0)  # lets the closed connections say their goodbyes to the hub

    def _tick(self) -> None:
        if self._mover is not None:
            self._mover.tick(self.hub)

    def _listen(self, port: int, tls: ssl.SSLContext | None) -> int:
        listener = socket.create_server((self._options.host, port))
        listener.setblocking(False)
        server = HTTPServer(self._application, ssl_options=tls, max_body_size=BODY_BYTES_MAX)
        server.add_socket(listener)
        self._servers.append(server)
        bound: int = listener.getsockname()[1]
        return bound

    def _build_application(self, verifier: Verifier) -> Application:
        answer_first = self._options.answer_first or self._lockstep is not None
        desk = Desk(
            venue=self._venue,
            hub=self.hub,
            verifier=verifier,
            machine_ns=time.time_ns,
            answer_first=answer_first,
            tick=self._tick,
            fail=self._fail,
            limiter=self.limiter,
        )
        lockstep = self._lockstep
        door = Door(
            hub=self.hub,
            verifier=verifier,
            machine_ns=time.time_ns,
            tick=self._tick,
            subscribe_in_time=lambda: lockstep is None or lockstep.begun,
            subscribed=(lambda _: None) if lockstep is None else lockstep.subscribed,
            open_sockets=self.open_sockets,
            fail=self._fail,
            limiter=self.limiter,
        )
        return Application(
            [
                (_IsSocket(LOCKSTEP_PATH), ControlSocket, {"lockstep": lockstep, "door": door}),
                *self._doors(door, desk),
            ],
            log_function=_no_access_log,
        )

    def _doors(self, door: Door, desk: Desk) -> list[Rule]:
        """The ways in for clients, with faults in them if there are any."""
        if self._faults is None:
            feed, rest = Rule(_IsSocket(None), FeedSocket, {"door": door}), {"desk": desk}
            return [feed, Rule(PathMatches("/.*"), RestHandler, rest)]
        shared = {"door": door, "hub": self.hub, "faults": self._faults}
        trouble = Trouble(self._faults, self.late)
        return [
            Rule(_IsSocket(None), FaultyFeedSocket, shared),
            Rule(PathMatches("/.*"), FaultyRestHandler, {"desk": desk, "trouble": trouble}),
        ]


class _IsSocket(Matcher):
    """Tells WebSocket requests from REST by their Upgrade header, on one path or on any."""

    def __init__(self, path: str | None) -> None:
        self._path = path

    def match(self, request: HTTPServerRequest) -> Wire | None:
        """Give no arguments for the handler when the request is meant, None when not."""
        upgrade = request.headers.get("Upgrade", "").lower()
        return {} if upgrade == "websocket" and self._path in (None, request.path) else None


def _no_access_log(handler: RequestHandler) -> None:
    """Requests are not logged: the exchange's journal is the record of what it did."""
