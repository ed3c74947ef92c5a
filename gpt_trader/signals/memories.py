"""The memories of a strategy, between fences: compiled code does not check where it writes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.records import Memories, record
from gpt_trader.kernels.rolling import NEXT, RingTooSmall
from gpt_trader.kernels.vectors import Floats

FENCE = 256
"""Values on both sides of a memory at least: what is written there by mistake does no harm."""

_WORD = 0x7FF9_5EED_0FE4_CE00
"""Stands in a fence: a NaN that no arithmetic makes."""


def fresh(sizes: Mapping[str, int], reach: int) -> Memories:
    """Zeros for each memory by name, in fences that are `reach` values wider than `FENCE`."""
    vectors = [_fenced(size, FENCE + reach) for size in sizes.values()]
    return cast(Memories, record(*sizes)(*vectors))


def _fenced(size: int, fence: int) -> Floats:
    room = np.full(size + 2 * fence, _WORD).view(np.float64)
    vector: Floats = room[fence : fence + size]
    vector[:] = 0.0
    return vector


@contextmanager
def watched(strategy: str, s: Memories) -> Iterator[None]:
    """Let a strategy change its memories, which `fresh` made, and see that it kept to them.

    Raises
    ------
    UsageError
        A memory is too small for what was done with it. Nothing else was overwritten, unless the
        strategy missed it by far.
    """
    try:
        yield
    except RingTooSmall as e:
        fault = _ring_fault(s)
        if not fault:  # it is another's, of several that are watched
            raise
        raise UsageError(f"{strategy}: {fault}") from e
    for name, vector in zip(s._fields, s, strict=True):
        if not _is_whole(vector):
            raise UsageError(
                f"{strategy} writes beside its memory {name}, which has {vector.size} values: "
                f'give state={{"{name}": SIZE}} with a larger one; helpers take 16, or '
                "gt.ring_size(span)"
            )


def _is_whole(vector: Floats) -> bool:
    room = vector.base
    assert isinstance(room, np.ndarray), "a memory that `fresh` did not make"
    words = room.view(np.int64)
    fence = (words.size - vector.size) // 2
    return bool((words[:fence] == _WORD).all() and (words[-fence:] == _WORD).all())


def _ring_fault(s: Memories) -> str:
    """The sentence about the memory in which a rolling helper left the size that it needs."""
    for name, vector in zip(s._fields, s, strict=True):
        if vector.size < -vector[NEXT]:
            return (
                f"the memory {name} has {vector.size} values, and its rolling helper needs "
                f'{-vector[NEXT]:.0f}: give state={{"{name}": lambda p: gt.ring_size(SPAN)}}'
            )
    return ""
