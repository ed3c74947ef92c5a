"""Memory is used again once nobody looks at it, and never before."""

import gc

import numpy as np

from gpt_trader.backtesting import spare
from gpt_trader.kernels.vectors import Floats

COUNT = spare.SMALL // 8


def address(block: Floats) -> int:
    return int(block.__array_interface__["data"][0])


def test_memory_comes_back_when_the_last_view_is_gone() -> None:
    block = spare.empty(COUNT)
    view = block[10:20].view(np.int64)
    first = address(block)
    del block

    held = spare.empty(COUNT)
    view[:] = 7
    held[:] = 0.0
    other = address(held)
    assert view.tolist() == [7] * 10
    del held, view
    gc.collect()

    assert other != first
    assert {address(one) for one in (spare.empty(COUNT), spare.empty(COUNT))} <= {first, other}


def test_a_piece_of_another_size_is_not_taken() -> None:
    large = spare.empty(4 * COUNT)
    first = address(large)
    del large

    small = spare.empty(COUNT)

    assert small.size == COUNT
    assert address(small) != first
    assert address(spare.empty(4 * COUNT)) == first


def test_little_is_kept() -> None:
    blocks = [spare.empty(COUNT) for _ in range(3 * spare.PIECES)]
    del blocks

    assert len(spare._KEPT) == spare.PIECES
