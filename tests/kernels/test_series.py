"""What every series kernel promises, asked of each row of the table of references."""

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt_trader.kernels
from gpt_trader.kernels.vectors import Floats
from tests.kernels.references import REFERENCES, Reference

each_kernel = pytest.mark.parametrize("reference", REFERENCES, ids=lambda row: row.kernel)

prices = st.lists(
    st.tuples(*[st.floats(0.01, 1e6)] * 3),
    min_size=1,
    max_size=60,
).map(lambda rows: np.array([[max(row), min(row), row[2]] for row in rows]).T.copy())
spans = st.integers(2, 12)


def a_walk(count: int, seed: int) -> Floats:
    """Candles of a seeded random walk that opens near 20,000."""
    generator = np.random.default_rng(seed)
    close = 20_000 * np.exp(np.cumsum(generator.normal(0, 1e-3, count)))
    noise = generator.exponential(8, (2, count))
    return np.array([close + noise[0], close - noise[1], close])


def test_every_series_kernel_has_a_reference() -> None:
    modules = pkgutil.iter_modules(gpt_trader.kernels.__path__, "gpt_trader.kernels.")
    names = {name for found in modules for name in vars(importlib.import_module(found.name))}

    series = {name for name in names if name.endswith("_series")}

    assert series == {row.kernel for row in REFERENCES}


@each_kernel
@given(candles=prices, span=spans)
def test_the_series_is_the_fold_of_the_step_bit_for_bit(
    reference: Reference, candles: Floats, span: int
) -> None:
    state = reference.state(span)

    stepped = np.array([reference.step(state, candle, span) for candle in candles.T.copy()])

    series = reference.series(candles, span, reference.state(span))
    assert stepped.tobytes() == series.tobytes()


@each_kernel
@given(candles=prices, span=spans, data=st.data())
def test_no_value_depends_on_the_future(
    reference: Reference, candles: Floats, span: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, candles.shape[1]))

    prefix = reference.series(candles[:, :cut].copy(), span, reference.state(span))

    whole = reference.series(candles, span, reference.state(span))
    assert prefix.tobytes() == whole[:cut].tobytes()


@each_kernel
@given(candles=prices, span=spans, data=st.data())
def test_a_series_cut_in_two_goes_on_from_its_state(
    reference: Reference, candles: Floats, span: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, candles.shape[1]))
    state = reference.state(span)

    first = reference.series(candles[:, :cut].copy(), span, state)
    second = reference.series(candles[:, cut:].copy(), span, state.copy())

    whole = reference.series(candles, span, reference.state(span))
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()


@each_kernel
@pytest.mark.parametrize("span", [1, 2, 3, 20, 100])
def test_a_kernel_equals_its_twin(reference: Reference, span: int) -> None:
    span = max(span, reference.span_min)
    candles = a_walk(1_000, seed=span)

    series = reference.series(candles, span, reference.state(span))

    np.testing.assert_allclose(series, reference.twin(candles, span), rtol=1e-9)


@each_kernel
def test_a_nan_leaves_with_its_window_or_stays(reference: Reference) -> None:
    span = 5
    candles = a_walk(60, seed=1)
    whole = reference.series(candles, span, reference.state(span))
    candles[:, 30] = np.nan

    series = reference.series(candles, span, reference.state(span))

    assert series[:30].tobytes() == whole[:30].tobytes()
    assert np.isnan(series[30])
    if reference.forgets_nan:
        np.testing.assert_allclose(series[30 + span + 1 :], whole[30 + span + 1 :], rtol=1e-12)
    else:
        assert np.isnan(series[30:]).all()


@each_kernel
@pytest.mark.parametrize("field", [0, 1, 2], ids=["high", "low", "close"])
def test_a_nan_in_any_field_a_kernel_reads_is_seen_at_once(
    reference: Reference, field: int
) -> None:
    span = 3
    candles = a_walk(20, seed=2)
    whole = reference.series(candles, span, reference.state(span))
    candles[field, 10] = np.nan

    series = reference.series(candles, span, reference.state(span))

    reads_field = reference.kernel in ("true_range_series", "atr_series") or field == 2
    assert np.isnan(series[10]) == reads_field
    assert np.isnan(whole[10:]).sum() == 0


@each_kernel
@given(candles=prices, span=spans)
def test_a_kernel_keeps_to_its_own_state(reference: Reference, candles: Floats, span: int) -> None:
    """Indices are not checked when compiled: what lies beside the state must stay as it was."""
    own = reference.state(span)
    fenced = np.full(own.size + 16, np.nan)
    fenced[8:-8] = 0.0

    series = reference.series(candles, span, fenced[8:-8])

    assert np.isnan(fenced[:8]).all()
    assert np.isnan(fenced[-8:]).all()
    assert series.tobytes() == reference.series(candles, span, own).tobytes()
