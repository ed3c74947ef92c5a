"""What a stream hears: the parsed content of one frame, or news of the connection itself."""

from collections.abc import Callable
from dataclasses import dataclass

from gpt_trader.coinbase.order_word import ForeignOrder, UserOrder
from gpt_trader.coinbase.wire_frame import Frame, check_heartbeat
from gpt_trader.coinbase.wire_market import (
    Level2Update,
    parse_levels,
    parse_quotes,
    parse_trades,
)
from gpt_trader.coinbase.wire_user import parse_user
from gpt_trader.domain.errors import WireError
from gpt_trader.domain.events import ClockTicked, QuoteSeen, TradesSeen


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands and everything is subscribed to anew; nothing is complete yet."""

    url: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Every subscription is acknowledged and every snapshot has come."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames are missing: what we know of books and orders is not to be trusted."""

    expected: int
    got: int


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended, or could not be made; the stream will try again by itself."""

    reason: str


Item = (
    TradesSeen
    | QuoteSeen
    | ClockTicked
    | UserOrder
    | ForeignOrder
    | Level2Update
    | Connected
    | Ready
    | Gap
    | Disconnected
)


@dataclass(frozen=True, slots=True)
class Heard:
    """The items of one frame, in their order; there may be none.

    `sequence` is the number of the last frame that was taken in on this connection, this one
    included, and -1 before the first. A lockstep session settles it once the items are done.
    """

    sequence: int
    items: tuple[Item, ...]


def items_of(frame: Frame) -> tuple[Item, ...]:
    """Parse the content of one frame.

    Raises
    ------
    WireError
        The content is wrong, or the channel is none we know.
    """
    parse = _PARSERS.get(frame.channel)
    if parse is None:
        raise WireError(f"unknown channel {frame.channel[:40]!r}")
    return parse(frame)


def _heartbeat(frame: Frame) -> tuple[Item, ...]:
    check_heartbeat(frame)
    return (ClockTicked(frame.ts_ns),)


_PARSERS: dict[str, Callable[[Frame], tuple[Item, ...]]] = {
    "market_trades": parse_trades,
    "ticker": parse_quotes,
    "heartbeats": _heartbeat,
    "user": parse_user,
    "l2_data": parse_levels,
}
