"""Wider candles: closed ones alone, each told once, by hand-made minutes."""

import math

import numpy as np
import pytest

from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.wider import (
    wide_close,
    wide_count,
    wide_high,
    wide_low,
    wide_open,
    wide_volume,
    wider,
)
from tests.kernels.tapes import MINUTE_NS

FIVE_NS = 5 * MINUTE_NS


def minutes(*places: int) -> Candles:
    """Minutes by their number, each with its number in its prices."""
    close = np.array(places, dtype=np.float64)
    starts_ns = np.array(places) * MINUTE_NS
    prices = (close + 0.5, close + 2.0, close - 2.0, close)
    return candles_of(starts_ns, prices, close * 10.0, 0.01, MINUTE_NS)


def told(candles: Candles) -> list[float]:
    """At each candle the close of the wide one that closed with it, NaN where none did."""
    memory = np.zeros(16)
    return [
        wide_close(memory) if wider(candles, t, FIVE_NS, memory) else math.nan
        for t in range(candles.close.size)
    ]


def test_it_closes_with_the_last_narrow_one_and_not_before() -> None:
    nan = math.nan

    closes = told(minutes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))

    np.testing.assert_array_equal(closes, [nan, nan, nan, nan, 4, nan, nan, nan, nan, 9])


def test_where_the_last_narrow_one_is_missing_it_closes_with_the_next() -> None:
    nan = math.nan

    closes = told(minutes(0, 1, 3, 6, 7, 9, 10))

    np.testing.assert_array_equal(closes, [nan, nan, nan, 3, nan, 9, nan])


def test_two_that_end_together_are_told_one_after_the_other() -> None:
    """Minute 9 ends its own interval and is the first sign that the one before has ended."""
    nan = math.nan

    closes = told(minutes(0, 1, 9, 10, 11))

    np.testing.assert_array_equal(closes, [nan, nan, 1, 9, nan])


def test_an_interval_without_a_candle_has_none() -> None:
    nan = math.nan

    closes = told(minutes(0, 4, 23, 24, 40))

    np.testing.assert_array_equal(closes, [nan, 4, nan, 24, nan])


def test_its_parts_are_those_of_the_candles_in_it() -> None:
    candles, memory = minutes(5, 6, 8, 9, 10), np.zeros(16)

    for t in range(5):
        wider(candles, t, FIVE_NS, memory)

    assert wide_open(memory) == 5.5
    assert (wide_high(memory), wide_low(memory)) == (11.0, 3.0)
    assert (wide_close(memory), wide_volume(memory)) == (9.0, 280.0)
    assert wide_count(memory) == 1


@pytest.mark.parametrize("part", [wide_open, wide_high, wide_low, wide_close, wide_volume])
def test_nothing_is_known_before_the_first_has_closed(part) -> None:  # type: ignore[no-untyped-def]
    candles, memory = minutes(0, 1, 2, 3), np.zeros(16)

    for t in range(4):
        wider(candles, t, FIVE_NS, memory)

    assert math.isnan(part(memory))
    assert wide_count(memory) == 0
