"""Folds of equity against NumPy, SciPy, pandas and fractions, and what cannot be known."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from gpt_trader.kernels import statistics as kernel
from gpt_trader.kernels.vectors import Floats, Ints

DAY = kernel.DAY_NS

returns_lists = st.lists(
    st.floats(-0.5, 0.5).map(lambda x: round(x, 6)), min_size=3, max_size=60
).filter(lambda rows: max(rows) - min(rows) > 1e-3)
equity_lists = st.lists(st.integers(1, 2**62), min_size=1, max_size=40)


def moments_of(returns: Floats) -> Floats:
    moments = np.zeros(kernel.MOMENTS)
    kernel.take_returns(moments, returns)
    return moments


def fall_of(start: int, equities: list[int]) -> Ints:
    fall = np.zeros(kernel.FALL, np.int64)
    fall[kernel.FALL_PEAK] = start
    kernel.take_falls(fall, np.array(equities, np.int64))
    return fall


@given(returns_lists)
def test_moments_are_those_of_numpy_and_scipy(rows: list[float]) -> None:
    returns = np.array(rows)

    moments = moments_of(returns)

    downside = math.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))
    sharpe = returns.mean() / returns.std(ddof=1)
    assert kernel.deviation_of(moments) == pytest.approx(returns.std(ddof=1), rel=1e-9)
    assert kernel.sharpe_of(moments, 365.0) == pytest.approx(
        sharpe * math.sqrt(365), rel=1e-9, abs=1e-9
    )
    assert kernel.sharpe(returns) == kernel.sharpe_of(moments, 1.0)
    assert kernel.skew_of(moments) == pytest.approx(stats.skew(returns), rel=1e-6, abs=1e-6)
    assert kernel.kurtosis_of(moments) == pytest.approx(
        stats.kurtosis(returns, fisher=False), rel=1e-6
    )
    if downside > 1e-9:
        assert kernel.sortino_of(moments, 365.0) == pytest.approx(
            returns.mean() / downside * math.sqrt(365), rel=1e-9, abs=1e-9
        )


def test_small_returns_on_a_large_mean_keep_their_digits() -> None:
    """The sum of squares less the square of the sum would have no digit left of 1e-8."""
    returns = 1.0 + np.random.default_rng(4).normal(0.0, 1e-8, 2_000)

    moments = moments_of(returns)

    exact = np.std([float(Fraction(x) - 1) for x in returns], ddof=1)
    assert kernel.deviation_of(moments) == pytest.approx(exact, rel=1e-6)


@given(equity_lists)
def test_folding_equities_is_folding_the_returns_between_them(equities: list[int]) -> None:
    start, course = equities[0], np.array(equities, np.int64)
    folded = np.zeros(kernel.MOMENTS)

    kernel.take_equities(folded, start, course)

    between = kernel.returns_between(start, course)
    before = [start, *equities[:-1]]
    assert folded.tobytes() == moments_of(between).tobytes()
    exact = [(b - a) / a for a, b in zip(before, equities, strict=True)]  # rounded once
    assert between == pytest.approx(exact, rel=1e-15, abs=1e-15)


def test_what_cannot_be_known_is_nan() -> None:
    flat, single, doubled = moments_of(np.zeros(9)), moments_of(np.array([0.1])), np.zeros(6)
    kernel.take_equities(doubled, 1, 2 ** np.arange(1, 40))

    assert kernel.sortino_of(doubled, 365.0) == math.inf  # nothing was lost
    for moments in (flat, single):
        assert math.isnan(kernel.sortino_of(moments, 365.0))
    for moments in (flat, single, doubled):
        assert math.isnan(kernel.sharpe_of(moments, 365.0))
        assert math.isnan(kernel.skew_of(moments))
        assert math.isnan(kernel.kurtosis_of(moments))
    assert math.isnan(kernel.return_of(0, 5))
    assert math.isnan(kernel.return_of(-3, 5))


def test_growth_with_nothing_but_rounding_for_risk_has_no_sharpe_ratio() -> None:
    equities = np.array([round(1e13 * 1.001**day) for day in range(1, 101)], np.int64)
    moments = np.zeros(kernel.MOMENTS)

    kernel.take_equities(moments, 10**13, equities)

    assert math.isnan(kernel.sharpe_of(moments, 365.0))


def test_an_unknown_return_is_seen_in_every_figure() -> None:
    moments = moments_of(np.array([0.1, math.nan, -0.1, 0.2]))

    figures = [
        kernel.deviation_of(moments),
        kernel.sharpe_of(moments, 365.0),
        kernel.sortino_of(moments, 365.0),
        kernel.skew_of(moments),
        kernel.kurtosis_of(moments),
    ]

    assert all(math.isnan(figure) for figure in figures)


@given(st.lists(st.integers(1, 5 * 86_400), min_size=1, max_size=50), st.integers(0, 10**9))
def test_days_end_where_pandas_says(gaps: list[int], begin: int) -> None:
    ends = (begin + np.cumsum(gaps)) * 1_000_000_000
    equities = np.arange(1, ends.size + 1)

    days = kernel.day_ends(ends, equities)

    # A candle that ends at midnight belongs to the day before: pandas' right-closed bins.
    twin = pd.Series(equities, pd.to_datetime(ends - 1)).resample("1D").last().ffill()
    assert days.tolist() == twin.astype(int).tolist()


def test_no_candle_has_no_day() -> None:
    nothing = np.empty(0, np.int64)

    assert kernel.day_ends(nothing, nothing).size == 0


@given(st.integers(1, 2**62), equity_lists)
def test_the_deepest_fall_is_the_largest_fraction_lost(start: int, equities: list[int]) -> None:
    fall = fall_of(start, equities)

    peak, deepest, under, longest = start, Fraction(0), 0, 0
    for equity in equities:
        peak = max(peak, equity)
        deepest = max(deepest, Fraction(peak - equity, peak))
        under = under + 1 if equity < peak else 0
        longest = max(longest, under)
    loss, before = int(fall[kernel.FALL_LOSS]), int(fall[kernel.FALL_FROM])
    assert Fraction(loss, before or 1) == deepest
    assert int(fall[kernel.UNDER_MOST]) == longest
    assert kernel.fall_rate(loss, before) == pytest.approx(float(deepest), rel=1e-15)


def test_two_falls_that_a_float_cannot_tell_apart_are_told_apart() -> None:
    """Products of 124 bits; their first 53 are equal, and the later fall is deeper by 1e-18."""
    peak = 2**61
    equities = [peak, peak // 2, peak + 2, peak // 2]

    fall = fall_of(peak, equities)

    assert Fraction(peak // 2 + 2, peak + 2) > Fraction(peak // 2, peak)
    assert fall[: kernel.UNDER_NOW].tolist() == [peak + 2, peak // 2 + 2, peak + 2]


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=30), st.data())
def test_a_fall_knows_nothing_of_the_future(equities: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(equities)))
    seen = fall_of(100, equities[:cut])

    kernel.take_falls(seen, np.array(equities[cut:], np.int64))

    assert seen.tolist() == fall_of(100, equities).tolist()
