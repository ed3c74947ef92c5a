"""The WebSocket door of lockstep: reads ``hello`` and ``settled``, writes what Lockstep says."""

import msgspec
from tornado.websocket import WebSocketHandler

from gpt_trader.exchange.auth import Forbidden, Unauthorized, require
from gpt_trader.exchange.frames import build_error, wrap_text
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.keys import Scope
from gpt_trader.exchange.lockstep import Lockstep
from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.sockets import Door, write_frames


class ControlMessage(msgspec.Struct, frozen=True):
    """What the session says: ``hello`` with feed and jwt, or ``settled`` with sequence."""

    type: str
    feed: str = ""
    jwt: str = ""
    sequence: int = -1


class ControlSocket(WebSocketHandler):
    """The control connection of one session; refused when the exchange keeps its own pace."""

    def initialize(self, lockstep: Lockstep | None, door: Door) -> None:
        """Take what is to be controlled (called by tornado)."""
        self._lockstep = lockstep
        self._door = door
        self._welcome = False

    def prepare(self) -> None:
        """Refuse with HTTP 403 outside lockstep."""
        if self._lockstep is None:
            self.set_status(403)
            self.finish("this exchange keeps its own pace: lockstep needs --speed max")

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin: the session speaks first."""
        self.set_nodelay(True)
        self._door.open_sockets.add(self)

    def on_message(self, message: str | bytes) -> None:
        """Serve ``hello`` and ``settled``."""
        assert self._lockstep is not None
        try:
            said = msgspec.json.decode(message, type=ControlMessage)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._refuse("not a control message")
            return
        if said.type == "hello":
            self._greet(said, self._lockstep)
        elif said.type == "settled" and self._welcome:
            self._settle(said.sequence, self._lockstep)
        else:
            self._refuse("hello required")

    def on_close(self) -> None:
        """Let the session go; the tape stands still until the next hello."""
        self._door.open_sockets.discard(self)
        if self._lockstep is not None:
            self._lockstep.leave(self._send)

    def _greet(self, said: ControlMessage, lockstep: Lockstep) -> None:
        try:
            require(self._door.verifier.socket(said.jwt, self._door.machine_ns()), Scope.TRADE)
        except (Unauthorized, Forbidden):
            self._refuse("authentication failure")
            return
        if not said.feed:
            self._refuse("feed required")
            return
        self._welcome = True
        lockstep.hello(said.feed, self._send)

    def _settle(self, sequence: int, lockstep: Lockstep) -> None:
        try:
            lockstep.settled(sequence, self._send)
        except JournalError as error:
            self._door.fail(error)

    def _refuse(self, reason: str) -> None:
        write_frames(self, wrap_text(build_error(reason)))

    def _send(self, message: Wire) -> None:
        write_frames(self, wrap_text(msgspec.json.encode(message)))
