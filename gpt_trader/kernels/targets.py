"""A strategy's targets over a stretch of candles: its step, folded."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.vectors import Floats, Grid, Ints

TargetFold = Callable[[Candles, Any, Any, int, int, int, Floats], int]
"""``fold(candles, p, s, warmup, first, last, out)``: see `target_fold`."""

WELL = -1


@lru_cache(maxsize=256)
def target_fold(step: Callable[..., float]) -> TargetFold:
    """Compile the fold of a step: it writes the targets of candles `first` to before `last`.

    ``out[0]`` is the target of candle `first`; NaN stands for those before the warm-up is over.
    The memory `s` goes on from call to call. Gives the first candle from the warm-up on whose
    target is outside [-1, 1], else `WELL`.
    """

    @compile_lean
    def fold(
        candles: Candles, p: Any, s: Any, warmup: int, first: int, last: int, out: Floats
    ) -> int:
        for t in range(first, last):
            target = step(candles, t, p, s)
            if t < warmup - 1:
                target = math.nan
            if target < -1.0 or target > 1.0:
                return t
            out[t - first] = target
        return WELL

    return fold


LanesFold = Callable[[Candles, tuple[Any, ...], tuple[Any, ...], Ints, tuple[int, int], Grid], Any]
"""``fold(candles, ps, ss, warmups, bounds, out)``: see `lanes_fold`."""


@lru_cache(maxsize=256)
def lanes_fold(step: Callable[..., float]) -> LanesFold:
    """Compile the fold of several combinations of one step, each as `target_fold` would fold it.

    The targets of a combination go into its row of `out`, from place 1 on. Gives a combination
    and its first candle whose target is outside [-1, 1], else `WELL` twice.
    """
    one = target_fold(step)

    @compile_lean
    def fold(
        candles: Candles,
        ps: tuple[Any, ...],
        ss: tuple[Any, ...],
        warmups: Ints,
        bounds: tuple[int, int],
        out: Grid,
    ) -> tuple[int, int]:
        first, last = bounds
        for lane in range(len(ps)):
            row = out[lane, 1:]
            wrong = one(candles, ps[lane], ss[lane], warmups[lane], first, last, row)
            if wrong != WELL:
                return lane, wrong
        return WELL, WELL

    return fold
