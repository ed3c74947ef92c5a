"""Our end of the lockstep: the tape moves on only when we say that all of it is processed.

A private channel of the embedded exchange, no part of Coinbase's protocol and unknown to
`coinbase/`. Coinbase has no such path; the exchange refuses it unless it runs with `--speed max`.
"""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from gpt_trader.coinbase.signer import Signer
from gpt_trader.domain.errors import ExchangeUnreachable, WireError


@dataclass(frozen=True, slots=True)
class Tape:
    """What the exchange plays."""

    round: int  # rounds released before now
    rounds: int
    seed: int
    sha256: str
    products: tuple[str, ...]
    candle_s: int  # width of its candles


@dataclass(frozen=True, slots=True)
class Barrier:
    """The exchange sent nothing beyond `sequence` and waits."""

    round: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The tape is played to its end, and we have settled all of it."""

    rounds: int


class Lockstep:
    """A connected control channel."""

    def __init__(self, connection: ClientConnection, tape: Tape) -> None:
        self._connection = connection
        self.tape = tape

    @classmethod
    async def open(cls, url: str, trust: ssl.SSLContext, signer: Signer, feed: str) -> "Lockstep":
        """Connect and say which feed is ours."""
        try:
            connection = await connect(url, ssl=trust, compression=None)
        except InvalidHandshake as e:
            raise ExchangeUnreachable(
                "this exchange does not run in lockstep: give it --speed max, or leave it out here"
            ) from e
        except OSError as e:
            raise ExchangeUnreachable(f"no lockstep channel at {url}: {e}") from e
        hello = {"type": "hello", "feed": feed, "jwt": signer.stream_token()}
        await connection.send(json.dumps(hello))
        message = json.loads(await connection.recv())
        if message.get("type") != "tape":
            raise WireError(f"lockstep: expected the tape, got {message.get('type')!r}")
        tape = Tape(
            round=message["round"],
            rounds=message["rounds"],
            seed=message["seed"],
            sha256=message["tape_sha256"],
            products=tuple(message["products"]),
            candle_s=message["candle_s"],
        )
        return cls(connection, tape)

    async def messages(self) -> AsyncIterator[Barrier | Finished]:
        """What the exchange says, until the tape ends or the connection does."""
        try:
            async for text in self._connection:
                message = json.loads(text)
                if message["type"] == "barrier":
                    yield Barrier(message["round"], message["sequence"])
                elif message["type"] == "finished":
                    yield Finished(message["rounds"])
                    return
                else:
                    raise WireError(f"lockstep: unknown message {message['type']!r}")
        except WebSocketException as e:
            raise ExchangeUnreachable(f"the lockstep channel broke: {e}") from e

    async def settle(self, sequence: int) -> None:
        """Say that everything up to `sequence` is processed and no request is on its way."""
        await self._connection.send(f'{{"type":"settled","sequence":{sequence}}}')

    async def close(self) -> None:
        """Let go of the channel."""
        await self._connection.close()
