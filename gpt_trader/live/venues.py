"""Which exchange a profile talks to, and the embedded one as a child of this process.

`dev` and `paper` only ever hold the address and the key of an embedded exchange. For `paper` that
exchange follows Coinbase's public market, without a key: no code of this process could send
Coinbase an order, because nothing here knows how to reach or to sign for it.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from gpt_trader.domain.errors import ExchangeUnreachable, StoreRefused, UsageError
from gpt_trader.live.lockstep import Tape
from gpt_trader.live.options import Options
from gpt_trader.store.folders import SessionFolder

COINBASE_HOST = "api.coinbase.com"
COINBASE_STREAM = "wss://advanced-trade-ws.coinbase.com/"
DEFAULT_PRODUCT = "BTC-USD"
NEW_ACCOUNT = ("USD=100000", "BTC=1.02")
"""What an embedded account begins with, where nobody says otherwise: the runbook's examples."""
NEW_POSITION = ("BTC-USD", Decimal("0.02"), Decimal(1240))
"""What a session by hand has of it, and its cost at the market's opening; the rest is the owner's.
So a first exit can be tried without a first entry."""
NEW_FUTURES_BALANCE = "5000"
"""USD in the futures wallet of an embedded account whose session trades contracts."""
MINUTE_S = 60
STOP_S_MAX = 10.0
UNWRITTEN = 120
"""Python's exit code when a last word could not be written: here that is the exchange's reason, to
a file in the session's folder."""


@dataclass(frozen=True, slots=True)
class Venue:
    """Where an exchange is reached and with what it is trusted."""

    host: str  # host:port of REST
    stream_url: str
    ca: Path | None  # None: the public authorities
    key_file: Path
    products: tuple[str, ...]  # to trade, when a person named none
    candle_s: int
    rounds: int  # of its tape, 0 where there is none
    ends_ns: int | None  # the end of its tape, by its own clock
    is_child: bool  # started by this process


class ExchangeProcess:
    """A running embedded exchange. Its standard input is the tie: end of file ends it."""

    def __init__(self, arguments: list[str], errors: Path) -> None:
        self._errors = errors
        command = [sys.executable, "-m", "gpt_trader", "exchange", *arguments, "--parent"]
        # In our process group, so that a kill of the group takes both; it ignores SIGINT itself.
        try:
            with errors.open("w") as file, _held_back():
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
                )
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        except KeyboardInterrupt:
            self.stop()
            raise
        if not line:
            self._raise()
        ready = json.loads(line)
        self.venue = Venue(
            host=f"127.0.0.1:{ready['port']}",
            stream_url=f"wss://127.0.0.1:{ready['port']}/",
            ca=Path(ready["ca"]),
            key_file=Path(ready["key_file"]),
            products=tuple(ready["products"]),
            candle_s=ready["candle_s"] or MINUTE_S,
            rounds=ready["rounds"],
            ends_ns=ready["ends_ns"],
            is_child=True,
        )

    def stop(self) -> None:
        """End the exchange and wait for it: its journal is closed when this returns."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_S_MAX)
        except subprocess.TimeoutExpired:
            pass  # killed below: its journal is whole after every command
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def _raise(self) -> None:
        self.stop()
        code = self._process.returncode
        lines = self._errors.read_text().strip().splitlines()
        said = (
            lines[-1] if lines else f"exit code {code}, no reason given; is the disk full?"
        ).removeprefix("gpt-trader exchange: ")
        if code == UNWRITTEN:
            raise StoreRefused(
                f"the embedded exchange cannot write {self._errors}: is the disk full?"
            )
        match code:
            case 1:
                raise StoreRefused(f"the embedded exchange: {said}")
            case 2:
                raise UsageError(said)
            case _:
                raise ExchangeUnreachable(f"the embedded exchange did not start: {said}")


@contextmanager
def _held_back() -> Iterator[None]:
    """Let an interruption wait until what was begun has a name: nobody else could end it."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])


def open_venue(options: Options, folder: SessionFolder, stack: AsyncExitStack) -> Venue:
    """Start the embedded exchange, or say where the one asked for is."""
    if options.profile == "paper":
        return _child(options, folder, stack, _following(options))
    if options.profile == "dev" and options.host is None:
        return _child(options, folder, stack, _playing(options))
    if options.key_file is None:
        raise UsageError(
            f"profile {options.profile} needs an API key: --coinbase-key-file FILE, as downloaded"
        )
    host = options.host or COINBASE_HOST
    if options.profile == "dev" and (options.ca is None or not _is_this_machine(host)):
        raise UsageError(
            f"profile dev trades at an exchange of this machine only: --coinbase-host {host} needs "
            "a loopback address and --coinbase-ca FILE"
        )
    return Venue(
        host=host,
        stream_url=COINBASE_STREAM if options.host is None else f"wss://{host}/",
        ca=options.ca,
        key_file=options.key_file,
        products=(DEFAULT_PRODUCT,),
        candle_s=MINUTE_S,
        rounds=0,
        ends_ns=None,
        is_child=False,
    )


def _is_this_machine(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname
    try:
        return name == "localhost" or ip_address(name or "").is_loopback
    except ValueError:  # a name, which may mean any machine
        return False


def playing(venue: Venue, tape: Tape) -> Venue:
    """The venue with what its tape holds: products and candles nobody has to guess."""
    return replace(venue, products=tape.products, candle_s=tape.candle_s, rounds=tape.rounds)


def _child(
    options: Options, folder: SessionFolder, stack: AsyncExitStack, market: list[str]
) -> Venue:
    process = ExchangeProcess(
        [
            *market,
            *("--port", "0"),
            *("--seed", str(options.seed)),
            *("--state", str(folder.exchange)),
            *("--tls", str(options.settings.var / "tls")),
            *(
                word
                for balance in options.balances or NEW_ACCOUNT
                for word in ("--balance", balance)
            ),
        ],
        folder.path / "exchange.log",
    )
    stack.callback(process.stop)
    return process.venue


def _playing(options: Options) -> list[str]:
    if options.by_hand:
        return ["--speed", "real", *_contract_flags(options)]
    products = options.products or (() if options.data else (DEFAULT_PRODUCT,))
    return [
        *("--speed", options.speed),
        *(word for path in options.data for word in ("--data", str(path))),
        *(word for name in products for word in ("--product", name)),
        *(() if options.candles is None else ("--candles", str(options.candles))),
        *(() if options.faults is None else ("--faults", options.faults)),
    ]


def _contract_flags(options: Options) -> list[str]:
    """A futures wallet and the contracts asked for; without them the exchange lists coins alone."""
    if not options.trades_contracts:
        return []
    contracts = (word for name in options.products for word in ("--contract", name))
    return ["--futures-balance", NEW_FUTURES_BALANCE, *contracts]


def _following(options: Options) -> list[str]:
    products = options.products or (DEFAULT_PRODUCT,)
    return [
        *("--follow", options.host or COINBASE_HOST),
        *(() if options.ca is None else ("--follow-ca", str(options.ca))),
        *(word for name in products for word in ("--product", name)),
    ]
