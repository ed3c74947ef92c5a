"""What a session's loop is tied to: the ways to the exchange, the controls, and its end."""

from dataclasses import dataclass
from pathlib import Path

from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.stream import Stream
from gpt_trader.live.control import Control
from gpt_trader.live.lockstep import Lockstep


@dataclass(frozen=True, slots=True)
class Links:
    """The ways to the exchange."""

    rest: RestClient
    asking: RestClient  # for what people ask: no order waits behind a question
    stream: Stream
    control: Control
    lockstep: Lockstep | None  # None: real time
    is_new_exchange: bool  # started by this process, after any earlier one of the session ended
    requests: Path | None  # below it people leave requests; None: nobody is heard
    keeps_time: bool  # the exchange's clock runs as fast as ours


@dataclass(frozen=True, slots=True)
class Until:
    """When a session ends by itself; None: not because of this."""

    candles: int | None  # watched ones, of all products together
    tape_ns: int | None  # the end of a tape that plays on the clock and says nothing at its end
    answered: bool  # once people's requests are
