"""An engine's state as the bytes of a snapshot: equal states give equal bytes."""

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode_state(state: dict[str, Any]) -> bytes:
    """Write a state of JSON-able values, keys in order."""
    return _ENCODER.encode(state)


def decode_state(blob: bytes) -> dict[str, Any]:
    """Read what `encode_state` wrote."""
    state: dict[str, Any] = msgspec.json.decode(blob)
    return state
