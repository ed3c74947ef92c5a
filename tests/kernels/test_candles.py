"""The sliding buffer: at every candle it shows the newest ones as the whole tape does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.kernels.candles import Candles, append_step, candles_of, kept, sliding
from gpt_trader.kernels.vectors import Floats
from tests.kernels.references import vars_of
from tests.kernels.tapes import MINUTE_NS, a_tape, some_tapes

COLUMNS = ("start_ns", "open", "high", "low", "close", "volume")


@given(candles=some_tapes(300), warmup=st.integers(1, 40))
def test_the_last_candles_stand_in_a_row_up_to_the_newest(candles: Candles, warmup: int) -> None:
    buffer, newest = sliding(warmup, 0.01, MINUTE_NS), -1

    for t in range(candles.close.size):
        prices = (candles.open[t], candles.high[t], candles.low[t], candles.close[t])
        start_ns, volume = int(candles.start_ns[t]), candles.volume[t]
        newest = append_step(buffer, newest, warmup, start_ns, prices, volume)

        seen = min(t + 1, kept(warmup))
        assert newest + 1 >= seen
        for name in COLUMNS:
            shown = vars_of(buffer)[name][newest + 1 - seen : newest + 1]
            assert shown.tolist() == vars_of(candles)[name][t + 1 - seen : t + 1].tolist()
        sums = buffer.close_sum[newest + 1 - seen : newest + 2]
        wanted = candles.close_sum[t + 1 - seen : t + 2]
        assert np.diff(sums).tolist() == np.diff(wanted).tolist()
        assert np.isnan(buffer.close[newest + 1 :]).all()


def test_sums_are_exact_and_begin_with_nothing() -> None:
    candles = a_tape(1_000)

    assert candles.close_sum[0] == 0.0
    assert candles.close_sum[-1] == sum(int(close) for close in candles.close)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_columns_become_what_compiled_code_takes(dtype: type) -> None:
    column: Floats = np.arange(1, 9, dtype=dtype)[::2]
    prices = (column, column, column, column)

    candles = candles_of(column.astype(np.int64), prices, column, 0.01, MINUTE_NS)

    for name in COLUMNS[1:]:
        assert vars_of(candles)[name].dtype == np.float64
        assert vars_of(candles)[name].flags.c_contiguous
    assert candles.start_ns.dtype == np.int64
