"""No strategy at all: a session in which a person alone asks for orders."""

import math

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import Strategy, Values


def by_hand(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Never know what to want, so that nothing is decided on a candle."""
    return math.nan


def _check(values: Values) -> tuple[str, ...]:
    return ()


def _memory(values: Values) -> dict[str, int]:
    return {}


def _warmup(values: Values) -> int:
    return 1


STRATEGY = Strategy(
    name="by_hand",
    doc="Wants nothing: orders come from a person.",
    parameters=(),
    check=_check,
    memory=_memory,
    warmup=_warmup,
    step=compile_lean(by_hand),
    plain=by_hand,
    compiled=True,
    source_hash=source_hash(by_hand),
)
