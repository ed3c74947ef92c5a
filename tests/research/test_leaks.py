# mypy: disable-error-code="no-untyped-def"
"""No search hands out, trades or judges a combination that looks ahead."""

from collections.abc import Callable
from typing import Any

import pytest

import gpt_trader as gt
from gpt_trader.signals.leaks import LookAhead
from gpt_trader.strategies.user import strategy, whole
from tests.research.momentum import CHOICES, MONTH, an_hourly_tape

TAPE = an_hourly_tape(4 * MONTH, 2, memory=0.2)
LATE = float(TAPE.candles.close[2_000])
SPANS = {"train": "60d", "test": "30d"}


@strategy(shift=whole(0, 0, 3), span=whole(5, 1, 50))
def shifty(candles, t, p):
    return 1.0 if candles.close[t + p.shift] > candles.close[t] else 0.0


@strategy(shift=whole(0, 0, 1), warmup=2)
def late(candles, t, p):
    """Looks ahead at one candle, far behind what is tried before a search."""
    if candles.close[t] == LATE and p.shift == 1:
        return 1.0 if candles.close[t + 1] > LATE else 0.5
    return 1.0 if candles.close[t] > candles.close[t - 1] else 0.0


@pytest.mark.parametrize(
    ("search", "more"),
    [(gt.sweep, {}), (gt.walk_forward, SPANS), (gt.cross_validate, {}), (gt.overfitting, {})],
    ids=["sweep", "walk_forward", "cross_validate", "overfitting"],
)
def test_a_grid_with_a_value_that_looks_ahead_is_refused(
    search: Callable[..., Any], more: dict[str, Any]
) -> None:
    with pytest.raises(LookAhead, match=r"shifty with shift = 1: the target at candle \d+ "):
        search(TAPE, shifty, {"shift": [0, 1, 2]}, **more, **CHOICES)


@pytest.mark.parametrize(
    ("search", "more"),
    [(gt.walk_forward, SPANS), (gt.cross_validate, {})],
    ids=["walk_forward", "cross_validate"],
)
def test_what_a_search_chose_is_tried_on_all_that_it_trades(
    search: Callable[..., Any], more: dict[str, Any]
) -> None:
    with pytest.raises(LookAhead, match=r"late with shift = 1: the target at candle \d+ "):
        search(TAPE, late, {"shift": [1]}, **more, **CHOICES)
