"""The door for whoever lets faults happen: a port of this machine, with a token, beside Coinbase's.

Each line of JSON asks for one thing and is answered by one:
``{"token": T, "do": "arm", "fault": "A1", "rate": 0.1, "after": 0, "times": null}``,
``{"token": T, "do": "disarm", "fault": "answer_lost"}``, ``{"token": T, "do": "heal"}`` and
``{"token": T, "do": "show"}``. The answer holds ``armed``, ``occasions`` and ``strikes``, or an
``error``.
"""

import asyncio
import hmac

import msgspec

from gpt_trader.exchange.faults import Faults
from gpt_trader.exchange.faults_plan import arming_of, named
from gpt_trader.exchange.round_events import Wire

HOST = "127.0.0.1"
LINE_BYTES_MAX = 4096


class _Request(msgspec.Struct, frozen=True):
    token: str = ""
    do: str = ""
    fault: str = ""
    rate: float = 1.0
    after: int = 0
    times: int | None = None


class FaultPort:
    """Arms and heals the faults of a running exchange, and tells how often each struck.

    Parameters
    ----------
    token
        Who knows it may use the port, which is bound to this machine.
    waits
        The tape waits for its session: faults that are silence are refused.
    """

    def __init__(self, faults: Faults, token: str, *, waits: bool) -> None:
        assert token, "a token that anyone could guess"
        self.port = 0
        self.token = token
        self._faults = faults
        self._waits = waits
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on any free port of this machine."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, limit=LINE_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._answer(line)) + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):  # a line without an end, or a caller who left
            pass
        finally:
            writer.close()

    def _answer(self, line: bytes) -> Wire:
        try:
            request = msgspec.json.decode(line, type=_Request)
            if not hmac.compare_digest(request.token.encode(), self.token.encode()):
                return {"error": "wrong token"}
            self._carry_out(request)
        except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
            return {"error": str(error)}
        return self._show()

    def _carry_out(self, request: _Request) -> None:
        match request.do:
            case "arm":
                arming = arming_of(request.rate, request.after, request.times)
                for name in named(request.fault, waits=self._waits):
                    self._faults.arm(name, arming)
            case "disarm":
                for name in named(request.fault, waits=self._waits):
                    self._faults.disarm(name)
            case "heal":
                self._faults.heal()
            case "show":
                pass
            case _:
                raise ValueError("do must be arm, disarm, heal or show")

    def _show(self) -> Wire:
        armed = {
            name: {"rate": arming.rate, "after": arming.after, "times": arming.times}
            for name, arming in self._faults.armed.items()
        }
        struck = {name: count for name, count in self._faults.strikes.items() if count}
        seen = {name: count for name, count in self._faults.occasions.items() if count}
        return {"armed": armed, "occasions": seen, "strikes": struck}
