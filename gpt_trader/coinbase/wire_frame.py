"""The envelope that every WebSocket message of Coinbase comes in."""

from dataclasses import dataclass
from typing import Any

import msgspec

from gpt_trader.coinbase.times import parse_time
from gpt_trader.coinbase.wording import one_line
from gpt_trader.domain.errors import WireError


class Frame(msgspec.Struct, frozen=True):
    """One message of a channel. `events` is its content, still undecoded."""

    channel: str  # of the data: level2 comes as l2_data, an acknowledgement as subscriptions
    ts_ns: int
    sequence: int
    events: msgspec.Raw


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """Coinbase refuses what we sent on this connection; such a message carries no number."""

    message: str


class _Envelope(msgspec.Struct):
    channel: str = ""
    timestamp: str = ""
    sequence_num: int = -1
    events: msgspec.Raw = msgspec.Raw(b"")
    type: str = ""
    message: str = ""


class _Subscriptions(msgspec.Struct):
    subscriptions: dict[str, list[str]]


class _Heartbeat(msgspec.Struct):
    heartbeat_counter: int | str  # documented as a string, live it is an integer


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_SUBSCRIPTIONS = msgspec.json.Decoder(list[_Subscriptions])
_HEARTBEATS = msgspec.json.Decoder(list[_Heartbeat])


def parse_frame(text: str | bytes) -> Frame | ErrorFrame:
    """Open the envelope of one message; the content is read by the channel's own parser.

    Raises
    ------
    WireError
        It is not JSON, or not in Coinbase's envelope (coinbase-wire, 3.3).

    Examples
    --------
    >>> frame = parse_frame('{"channel":"heartbeats","client_id":"","timestamp":'
    ...     '"2026-01-02T03:04:05Z","sequence_num":7,"events":[{"heartbeat_counter":5120}]}')
    >>> frame.channel, frame.sequence, frame.ts_ns
    ('heartbeats', 7, 1767323045000000000)
    >>> parse_frame('{"type":"error","message":"authentication failure"}')
    ErrorFrame(message='authentication failure')
    """
    envelope = decode(_ENVELOPE, text)
    if envelope.type == "error":
        return ErrorFrame(one_line(envelope.message))
    if not envelope.channel or envelope.sequence_num < 0 or not envelope.events:
        raise WireError("a message without channel, sequence_num or events")
    return Frame(
        envelope.channel,
        parse_time(envelope.timestamp),
        envelope.sequence_num,
        envelope.events,
    )


def parse_subscriptions(frame: Frame) -> dict[str, frozenset[str]]:
    """All that the connection is subscribed to now, by channel.

    The heartbeats channel lists itself, the user channel an id of the account.

    Raises
    ------
    WireError
        The content is not an acknowledgement.
    """
    events = decode(_SUBSCRIPTIONS, frame.events)
    if len(events) != 1:
        raise WireError(f"an acknowledgement with {len(events)} events")
    return {name: frozenset(ids) for name, ids in events[0].subscriptions.items()}


def check_heartbeat(frame: Frame) -> None:
    """Make sure that a heartbeat is one.

    Raises
    ------
    WireError
        It is not.
    """
    decode(_HEARTBEATS, frame.events)


def decode(decoder: msgspec.json.Decoder[Any], text: str | bytes | msgspec.Raw) -> Any:
    """Decode JSON into the decoder's type, or say that it is not what the wire documents.

    Raises
    ------
    WireError
        Wrong JSON, wrong text encoding, a wrong type, or nesting beyond all reason.
    """
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        # The text itself is not quoted: the sender chose it, and it may be large.
        raise WireError(f"a message from Coinbase cannot be read: {error}") from None
