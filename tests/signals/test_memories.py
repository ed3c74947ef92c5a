# mypy: disable-error-code="no-untyped-def"
"""A memory that is too small is refused by name, and nothing beside it is overwritten."""

from collections.abc import Callable

import numpy as np
import pytest

from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.fused import targets_of
from gpt_trader.backtesting.setup import AT_CLOSE
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.oscillators import atr
from gpt_trader.kernels.rolling import (
    RingTooSmall,
    ring_size,
    rolling_deviation,
    rolling_highest,
    rolling_lowest,
    rolling_mean,
)
from gpt_trader.signals.leaks import check_leaks, trial_candles
from gpt_trader.signals.memories import FENCE
from gpt_trader.signals.signal import Signal
from gpt_trader.strategies.user import strategy, whole
from tests.backtesting.tapes import walk
from tests.builders import a_product
from tests.strategies.markets import a_market

TAPE = trial_candles(1_000)


@strategy(span=whole(8, 2, 500), state="ring")
def smoothed(candles, t, p, s):
    """Right with its default, and in sixteen values there is room for no more than eleven."""
    return 1.0 if rolling_mean(candles.close[t], p.span, s.ring) > 20_000.0 else 0.0


@strategy(place=whole(0, -4, 100), state={"held": 2, "other": 4})
def marked(candles, t, p, s):
    """Writes into a place of its choice."""
    s.held[p.place] = 1.0
    return s.other[0]


@pytest.mark.parametrize("step", [rolling_mean, rolling_deviation, rolling_highest, rolling_lowest])
def test_a_rolling_helper_leaves_a_ring_alone_that_is_too_small(step: Callable[..., float]) -> None:
    room = np.zeros(64)
    ring = room[: ring_size(20) - 1]

    with pytest.raises(RingTooSmall):
        step(1.0, 20, ring)

    assert not room[1:].any()
    assert not np.isfinite(step(1.0, 20, room[: ring_size(20)] * 0.0))


def test_a_ring_of_the_default_size_is_refused_where_it_is_written() -> None:
    with pytest.raises(
        UsageError, match=r"short: the memory ring has 16 values, .* needs 25: give"
    ):

        @strategy(span=20, state="ring")
        def short(candles, t, p, s):
            return 1.0 if rolling_mean(candles.close[t], p.span, s.ring) > 0.0 else 0.0


def test_a_span_for_which_the_ring_is_too_small_is_refused_with_its_value() -> None:
    check_leaks(smoothed, {"span": 11}, TAPE)

    with pytest.raises(UsageError, match=r"smoothed with span = 12: the memory ring has 16 values"):
        check_leaks(smoothed, {"span": 12}, TAPE)


@pytest.mark.parametrize("place", [2, -3, 100])
def test_what_is_written_beside_a_memory_is_noticed_after_the_fold(place: int) -> None:
    with pytest.raises(UsageError, match="writes beside its memory held, which has 2 values"):
        check_leaks(marked, {"place": place}, TAPE)


def test_a_helper_in_a_memory_smaller_than_it_asks_for_is_refused() -> None:
    with pytest.raises(UsageError, match="writes beside its memory average, which has 1 values"):

        @strategy(span=20, state={"average": 1})
        def narrow(candles, t, p, s):
            return 1.0 if atr(candles, t, p.span, s.average) > 10.0 else 0.0


def test_a_live_session_refuses_it_before_it_starts() -> None:
    with pytest.raises(UsageError, match=r"the memory ring has 16 values, .* needs 105"):
        Signal(smoothed, {"span": 100}, a_product(), 60)


def test_a_live_session_stops_at_the_candle_that_writes_beside_a_memory() -> None:
    candles = a_market(50)
    closes = [candle.close for candle in candles]
    top = int(max(closes) / a_product().price_increment)

    @strategy(place=whole(0, 0, 100), state={"held": 2})
    def topped(candles, t, p, s):
        if candles.close[t] >= top:
            s.held[p.place] = 1.0
        return 0.0

    signal = Signal(topped, {"place": 3}, a_product(), 60)
    for candle in candles[: closes.index(max(closes))]:
        signal.update(candle)

    with pytest.raises(UsageError, match="writes beside its memory held"):
        signal.update(candles[closes.index(max(closes))])


def test_a_compiled_backtest_watches_every_block() -> None:
    course = course_of((walk(500, seed=1),), AT_CLOSE, sizing_of({}))

    with pytest.raises(UsageError, match="writes beside its memory held"):
        targets_of(course, marked, marked.values({"place": 50}))


def test_a_fence_is_as_wide_as_the_largest_span_reaches() -> None:
    ring = smoothed.state(smoothed.values({"span": 500})).ring

    assert isinstance(ring.base, np.ndarray)
    assert ring.base.size == 16 + 2 * (FENCE + 500)
    assert ring.flags.c_contiguous and ring.flags.aligned
    assert not ring.any()
