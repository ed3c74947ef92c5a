"""The hashes that tie every row of the log to all rows before it."""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from gpt_trader.domain.errors import StoreDamaged

Row = tuple[int, str, int, int, bytes, bytes, int, bytes]
"""One stored event: seq, kind, version, ts_ns, body, hash, wall_ns, wall_hash."""

GENESIS = bytes(32)
"""What the first event is tied to. The same for every log: equal sessions have equal hashes."""

_VERSION = struct.Struct(">I")
_WALL_NS = struct.Struct(">q")


def link(previous: bytes, kind: str, version: int, body: bytes) -> bytes:
    """The hash of one event after `previous`: sha256 over what happened, not over when it ran."""
    return sha256(previous + _header(kind, version) + body).digest()


def wall_link(previous: bytes, event_hash: bytes, wall_ns: int) -> bytes:
    """The hash of one wall-clock stamp after `previous`, apart from the events' own chain."""
    return sha256(previous + event_hash + _WALL_NS.pack(wall_ns)).digest()


def wall_genesis(meta: Mapping[str, str]) -> bytes:
    """What the first stamp is tied to: the log's meta, so that a change of it is noticed."""
    return sha256(json.dumps(dict(meta), sort_keys=True).encode()).digest()


@lru_cache(maxsize=256)
def _header(kind: str, version: int) -> bytes:
    """Kind and version, framed so that no other pair and body give the same bytes."""
    return kind.encode() + b"\0" + _VERSION.pack(version)


def checked(rows: Iterable[Row], seq: int, event_hash: bytes, wall_hash: bytes) -> Iterator[Row]:
    """Pass on the rows that follow `seq`, as long as each is the next one and both hashes hold.

    Raises
    ------
    StoreDamaged
        At the first row that is not what was written; the message names its seq.
    """
    for row in rows:
        seq += 1
        if row[0] != seq:
            raise StoreDamaged(f"event {seq} is missing from the log: event {row[0]} follows")
        try:
            event_hash = link(event_hash, row[1], row[2], row[4])
            wall_hash = wall_link(wall_hash, row[5], row[6])
        except (AttributeError, TypeError, struct.error) as error:
            raise StoreDamaged(f"event {seq} of the log has a cell of a wrong type") from error
        if event_hash != row[5]:
            raise StoreDamaged(f"event {seq} of the log is not what was written: its hash differs")
        if wall_hash != row[7]:
            raise StoreDamaged(f"the wall-clock stamp of event {seq} is not what was written")
        yield row
