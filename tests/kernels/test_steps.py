"""What every helper of a strategy promises, asked of each row of the table of references."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt_trader
from gpt_trader.kernels import showing
from gpt_trader.kernels.candles import Candles, append_step, sliding
from gpt_trader.kernels.vectors import Floats
from tests.kernels.references import REFERENCES, Reference, memories, parameters
from tests.kernels.tapes import CLOSES, a_tape, first, some_tapes

each_helper = pytest.mark.parametrize("row", REFERENCES, ids=lambda row: row.name)
spans = st.integers(2, 12)

NO_HELPERS = {"Candles", "ring_size"}
"""Of the face's names that come from the kernels, those that are asked nothing at a candle."""


def folded(row: Reference, candles: Candles, span: int, form: showing.Form | None = None) -> Floats:
    """The helper's answer at every candle."""
    out = np.full(candles.close.size, np.nan)
    seen = showing.whole(candles) if form is None else form
    showing.compiled_fold(row.step)(candles, seen, parameters(span), memories(span), out)
    return out


def test_every_helper_has_a_reference() -> None:
    faces = {name for name, place in gpt_trader._FACE.items() if "gpt_trader.kernels." in place}

    asked = {row.name.partition(" ")[0] for row in REFERENCES}

    assert asked == (faces - NO_HELPERS) | {"volatility_step"}


@each_helper
@given(candles=some_tapes(400), span=spans, wrong=st.sampled_from([math.nan, 2.0**45, -(2.0**45)]))
def test_a_sliding_buffer_gives_what_the_whole_tape_gives_bit_for_bit(
    row: Reference, candles: Candles, span: int, wrong: float
) -> None:
    warmup = span + row.behind
    live = showing.live(candles, warmup, wrong)

    streamed = folded(row, candles, span, live)[warmup - 1 :]

    assert streamed.tobytes() == folded(row, candles, span)[warmup - 1 :].tobytes()


@each_helper
@given(candles=some_tapes(100), span=spans, data=st.data())
def test_no_value_depends_on_the_future(
    row: Reference, candles: Candles, span: int, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, candles.close.size))

    prefix = folded(row, first(candles, cut), span)

    assert prefix.tobytes() == folded(row, candles, span)[:cut].tobytes()


@each_helper
@pytest.mark.parametrize("span", [1, 2, 3, 20, 300])
def test_a_helper_equals_its_twin_in_every_market(row: Reference, span: int) -> None:
    span = max(span, row.span_min)
    for character in CLOSES:
        candles = a_tape(800, seed=span, character=character)

        answers = folded(row, candles, span)

        # Where a twin cancels large numbers, no more than the last digits of those are left.
        noise = 1e-11 * float(candles.close.max())
        np.testing.assert_allclose(
            answers, row.twin(candles, span), rtol=1e-9, atol=noise, err_msg=character
        )


@each_helper
def test_called_from_python_candle_by_candle_it_is_the_same(row: Reference) -> None:
    """As a live session calls it, without a compiled loop round it."""
    candles, span = a_tape(300, seed=5), 7
    warmup = span + row.behind
    buffer, newest = sliding(warmup, 0.01, candles.candle_ns), -1
    p, s, answers = parameters(span), memories(span), []

    for t in range(candles.close.size):
        prices = (candles.open[t], candles.high[t], candles.low[t], candles.close[t])
        start_ns, volume = int(candles.start_ns[t]), candles.volume[t]
        newest = append_step(buffer, newest, warmup, start_ns, prices, volume)
        answers.append(row.step(buffer, newest, p, s))

    streamed = np.array(answers)[warmup - 1 :]
    assert streamed.tobytes() == folded(row, candles, span)[warmup - 1 :].tobytes()


@each_helper
def test_a_helper_keeps_to_its_own_memory(row: Reference) -> None:
    """Indices are not checked when compiled: what lies beside a memory must stay as it was."""
    candles, span = a_tape(500, seed=3), 9
    own = memories(span)
    fenced = [np.full(vector.size + 16, np.nan) for vector in own]
    for vector in fenced:
        vector[8:-8] = 0.0
    s = type(own)(*(vector[8:-8] for vector in fenced))
    out = np.empty(500)

    showing.compiled_fold(row.step)(candles, showing.whole(candles), parameters(span), s, out)

    assert all(np.isnan(vector[:8]).all() and np.isnan(vector[-8:]).all() for vector in fenced)
    assert out.tobytes() == folded(row, candles, span).tobytes()
