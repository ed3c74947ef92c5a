"""An embedded exchange that has played real candles, for downloads from it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpt_trader.domain.events import Candle
from gpt_trader.exchange.tape_files import Reading, read_tape
from gpt_trader.exchange.venue import Venue
from tests.exchange.serving import Exchange, lockstep_options, some_rules
from tests.live.markets import candles_of, minutes_of_bitcoin

ROUNDS = 5_800  # minutes that are over: four days and more, with the outage of 2023-03-04 in them
NS = 1_000_000_000


@dataclass(frozen=True)
class Past:
    """An exchange with a past, and the candles that it must tell of."""

    host: str
    ca: Path
    candles: list[Candle]

    @property
    def start_s(self) -> int:
        return self.candles[0].start_ns // NS

    @property
    def end_s(self) -> int:
        """The end of the last minute that a download may take: the newest ones are settling."""
        return self.candles[-1].start_ns // NS - 600

    @property
    def wanted(self) -> list[Candle]:
        return [candle for candle in self.candles if candle.start_ns < self.end_s * NS]

    def words(self, var: Path, *more: str) -> list[str]:
        """The command that downloads these candles."""
        words = ["download", "--product", "BTC-USD", "--granularity", "1m", "--var", str(var)]
        return [*words, "--coinbase-host", self.host, "--coinbase-ca", str(self.ca), *more]


@contextmanager
def an_exchange_with_a_past(folder: Path) -> Iterator[Past]:
    recording = minutes_of_bitcoin(folder)
    tape = read_tape(list(recording.files.values()), Reading(None, None, ROUNDS, 1))
    venue = Venue(tape, some_rules(), None)
    for _ in range(ROUNDS):
        venue.advance()
    with Exchange(folder, venue, tape, lockstep_options()) as exchange:
        candles = candles_of(recording, ROUNDS)["BTC-USD"]
        yield Past(f"127.0.0.1:{exchange.server.port}", folder / "ca.pem", candles)


def data_process(words: Sequence[str]) -> "subprocess.Popen[str]":
    """Start `gpt-trader data ...` as a person would."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gpt_trader", "data", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
