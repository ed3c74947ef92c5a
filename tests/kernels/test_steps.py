"""Every kernel of the table: equal to its twin, blind to the future, resumable to the bit."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import gpt_trader.kernels.indicators
import gpt_trader.kernels.rolling
from gpt_trader.kernels.vectors import Floats
from tests.kernels.references import REFERENCES, fold, fold_atr, pandas_atr

NAMES = sorted(REFERENCES)
PRICES = arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.floats(0.01, 100_000, allow_nan=False, width=64),
)
SPANS = st.integers(2, 12)


def random_walk(count: int, seed: int) -> Floats:
    steps = np.random.default_rng(seed).normal(0, 0.001, count)
    return np.asarray(20_000 * np.exp(np.cumsum(steps)), dtype=np.float64)


@pytest.mark.parametrize("name", NAMES)
@given(xs=PRICES, span=SPANS)
def test_a_kernel_equals_its_twin(name: str, xs: Floats, span: int) -> None:
    reference = REFERENCES[name]

    ours, theirs = fold(reference, span, xs), reference.twin(pd.Series(xs), span).to_numpy()

    np.testing.assert_allclose(
        ours, theirs, rtol=reference.relative, atol=reference.relative * float(xs.max())
    )


@pytest.mark.parametrize("name", NAMES)
@given(xs=PRICES, span=SPANS, data=st.data())
def test_no_value_depends_on_the_future(
    name: str, xs: Floats, span: int, data: st.DataObject
) -> None:
    """A prefix of the input gives the same prefix of the output."""
    end = data.draw(st.integers(1, xs.size))

    whole = fold(REFERENCES[name], span, xs)

    np.testing.assert_array_equal(fold(REFERENCES[name], span, xs[:end]), whole[:end])


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_goes_on_from_its_state_to_the_bit(name: str) -> None:
    reference, span, xs = REFERENCES[name], 7, random_walk(200, 3)
    whole = fold(reference, span, xs)
    state = np.zeros(reference.state_size(span))
    for x in xs[:90]:
        reference.step(state, span, x)

    resumed = np.frombuffer(state.tobytes(), dtype=np.float64).copy()
    rest = [reference.step(resumed, span, x) for x in xs[90:]]

    np.testing.assert_array_equal(np.array(rest), whole[90:])


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_value_is_seen(name: str) -> None:
    xs = random_walk(40, 5)
    xs[20] = np.nan

    out = fold(REFERENCES[name], 5, xs)

    assert np.isnan(out[20:25]).all()
    assert not np.isnan(out[4:20]).any()


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"ema"}))
def test_a_window_forgets_a_missing_value_when_it_has_left(name: str) -> None:
    xs = random_walk(40, 5)
    xs[20] = np.nan

    out = fold(REFERENCES[name], 5, xs)

    assert not np.isnan(out[25:]).any()


def test_the_average_true_range_equals_its_twin() -> None:
    close = random_walk(300, 8)
    high, low = close * 1.002, close * 0.997

    ours = fold_atr(14, high, low, close)

    np.testing.assert_allclose(ours, pandas_atr(14, high, low, close), rtol=1e-10)


def test_the_average_true_range_sees_a_missing_close() -> None:
    """`max(high, nan)` is `high`, so a missing close would go unseen."""
    close = random_walk(40, 8)
    close[20] = np.nan

    out = fold_atr(5, close * 1.01, close * 0.99, close)

    assert np.isnan(out[20:]).all()


def test_every_step_has_a_twin() -> None:
    """A kernel without a reference is a kernel nobody checked."""
    steps = {
        node.name.removesuffix("_step")
        for module in (gpt_trader.kernels.rolling, gpt_trader.kernels.indicators)
        for node in ast.parse(Path(str(module.__file__)).read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_step")
    }

    assert steps - {"push", "atr"} == set(NAMES)
