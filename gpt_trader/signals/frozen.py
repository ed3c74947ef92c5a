"""A state and its last answer as bytes, for snapshots, under the name of what it belongs to."""

import hashlib

import numpy as np

from gpt_trader.domain.errors import StoreDamaged
from gpt_trader.kernels.vectors import Floats

_DIGEST_SIZE = 32


def freeze(owner: str, state: Floats, answer: float) -> bytes:
    """Write down `state` and `answer`; `owner` says whose, with parameters and source."""
    return _digest(owner) + np.append(state, answer).astype("<f8").tobytes()


def thaw(owner: str, blob: bytes, state: Floats) -> float:
    """Read back into `state` what `freeze` wrote for the same `owner`, and return the answer.

    Raises
    ------
    StoreDamaged
        The bytes belong to another owner or are cut short. `state` is then untouched.
    """
    if blob[:_DIGEST_SIZE] != _digest(owner):
        raise StoreDamaged("a signal's snapshot is of another source or other parameters")
    if len(blob) != _DIGEST_SIZE + 8 * (state.size + 1):
        raise StoreDamaged(f"a signal's snapshot of {len(blob)} bytes does not have its length")
    values = np.frombuffer(blob, dtype="<f8", offset=_DIGEST_SIZE)
    state[:] = values[:-1]
    return float(values[-1])


def _digest(owner: str) -> bytes:
    return hashlib.sha256(owner.encode()).digest()
