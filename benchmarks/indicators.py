"""Table D: every helper of a strategy against its twin, by the table that the tests use."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.stopwatch import interleaved
from benchmarks.tables import Table, ratio
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.kernels.vectors import Floats
from tests.kernels.references import REFERENCES, Reference, memories, parameters
from tests.kernels.tapes import a_tape

CANDLES = 50_000
SPAN = 20


def fold_of(row: Reference) -> Callable[[Candles], Floats]:
    """A compiled loop that asks the helper at every candle, as a strategy asks it."""
    step = row.step

    @compile_lean
    def fold(candles: Candles, p: Params, s: Memories, out: Floats) -> None:
        for t in range(out.size):
            out[t] = step(candles, t, p, s)

    def folded(candles: Candles) -> Floats:
        out = np.empty(candles.close.size)
        fold(candles, parameters(SPAN), memories(SPAN), out)
        return out

    return folded


def measured(repeats: int) -> Table:
    """Compare and time each row of the table.

    Raises
    ------
    AssertionError
        A helper and its twin differ by more than the tests allow.
    """
    candles = a_tape(CANDLES)
    noise = 1e-11 * float(candles.close.max())
    table = Table(
        f"D. Helpers of a strategy, {CANDLES:,} candles, span {SPAN}",
        ("helper", "CPU ns a value", "twin's", "ratio"),
    )
    for row in REFERENCES:
        folded = fold_of(row)
        np.testing.assert_allclose(
            folded(candles), row.twin(candles, SPAN), rtol=1e-9, atol=noise, err_msg=row.name
        )
        times = interleaved(
            {
                "ours": partial(folded, candles),
                "twin": partial(row.twin, candles, SPAN),
            },
            repeats,
            budget_s=2.0,
        )
        ours, twin = times["ours"].cpu_s, times["twin"].cpu_s
        table.rows.append(
            (
                row.name,
                f"{ours / CANDLES * 1e9:,.2f}",
                f"{twin / CANDLES * 1e9:,.1f}",
                ratio(twin, ours),
            )
        )
    table.notes += [
        "twins: pandas, TA-Lib or NumPy, as tests/kernels/references.py has them; some are plain "
        "loops made to be right and not to be fast, so the ratio is no boast",
        "equal in this run to 1e-9; nothing is scaled",
    ]
    return table
