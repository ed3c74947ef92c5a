"""WebSocket frames as bytes: encoded once, numbered for each connection they go to."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.timestamps import SECOND_NS, time_text

FINAL_TEXT = 0x81  # RFC 6455, 5.2: a whole message of text; a server never masks


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a channel, whole but for its sequence number, which stands in the gap."""

    head: bytes
    tail: bytes

    def numbered(self, sequence: int) -> bytes:
        """Give the message as one connection gets it."""
        return b"%b%d%b" % (self.head, sequence, self.tail)


def build_frame(channel: str, time_ns: int, events: Sequence[Wire]) -> Frame:
    """Encode a message in Coinbase's envelope, with compact JSON (coinbase-wire.md, 3.3)."""
    head = (
        f'{{"channel":"{channel}","client_id":"","timestamp":"{time_text(time_ns)}","sequence_num":'
    )
    return Frame(head.encode(), b',"events":' + msgspec.json.encode(events) + b"}")


def build_error(message: str) -> bytes:
    """Encode an error, which Coinbase sends bare: no envelope and no number."""
    return msgspec.json.encode({"type": "error", "message": message})


def build_heartbeat(time_ns: int, counter: int) -> Frame:
    """Encode the message that says the connection lives; ``counter`` grows by one each time."""
    date, _, clock = time_text(time_ns - time_ns % SECOND_NS)[:-1].partition("T")
    current = f"{date} {clock}.{time_ns % SECOND_NS:09d} +0000 UTC m=+{counter}.0"
    return build_frame(
        "heartbeats", time_ns, [{"current_time": current, "heartbeat_counter": counter}]
    )


def wrap_text(payload: bytes) -> bytes:
    """Put a message into a WebSocket frame, ready for the connection (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", FINAL_TEXT, size) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", FINAL_TEXT, 127, size) + payload
