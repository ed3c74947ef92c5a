"""No time is printed of engines that did not do the same, or of a peer that was called wrongly."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.agreement import (
    Implausible,
    Unequal,
    check_drawdown,
    check_orders,
    check_plausible,
    check_value,
)
from benchmarks.tape import a_tape

TAPE = a_tape(1_000)
BARS = np.array([99, 250, 700])
LOTS = np.array([861.0, 861.0, 845.0])


def ours() -> pd.DataFrame:
    """Three fills at the close, as a result's frame has them."""
    ticks = TAPE.ticks[BARS]
    return pd.DataFrame(
        {
            "time": (TAPE.index[BARS] + pd.Timedelta(minutes=1)).tz_localize("UTC"),
            "side": ["BUY", "SELL", "BUY"],
            "price": ticks / 100.0,
            "base_size": LOTS / 1_000.0,
            "fee": np.rint(ticks * LOTS) * 1e-8,
        }
    )


def theirs() -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The same orders as vectorbt's records."""
    kind = [("idx", "i8"), ("size", "f8"), ("price", "f8"), ("fees", "f8"), ("side", "i8")]
    records = np.zeros(BARS.size, kind)
    records["idx"], records["size"], records["side"] = BARS, LOTS, [0, 1, 0]
    records["price"] = TAPE.ticks[BARS] * 1e-5
    records["fees"] = records["size"] * records["price"] * 0.001
    return records


def test_equal_orders_are_counted() -> None:
    assert check_orders(TAPE, ours(), theirs()) == 3


@pytest.mark.parametrize(
    ("field", "step", "named"),
    [
        ("idx", 1, "bar"),
        ("side", -1, "is a buy"),
        ("size", 1.0, "lots"),
        ("price", 1e-5, "ticks"),
        ("fees", 1e-8, "fee units"),
    ],
)
def test_a_difference_of_one_unit_is_named(field: str, step: float, named: str) -> None:
    records = theirs()
    records[field][1] += step

    with pytest.raises(Unequal, match=rf"order 2 of 3, {named}: .*; 1 orders differ"):
        check_orders(TAPE, ours(), records)


def test_an_order_too_few_is_named() -> None:
    with pytest.raises(Unequal, match="3 orders of ours, 2 of vectorbt's"):
        check_orders(TAPE, ours(), theirs()[:2])


def test_values_and_drawdowns_may_differ_by_the_error_of_floats_and_no_more() -> None:
    assert check_value(100_000.0, 100_000.0 * (1 + 5e-10)) < 1e-9
    assert check_drawdown(0.25, 0.25 + 5e-10) < 1e-9

    with pytest.raises(Unequal, match="final value"):
        check_value(100_000.0, 100_000.1)
    with pytest.raises(Unequal, match="largest drawdown"):
        check_drawdown(0.25, 0.2501)


def test_what_is_no_number_is_not_equal() -> None:
    with pytest.raises(Unequal):
        check_value(float("nan"), 1.0)


def test_a_peer_that_takes_microseconds_a_bar_is_not_compared() -> None:
    check_plausible("vectorbt rust", 120.0)

    with pytest.raises(Implausible, match="look at how it is called"):
        check_plausible("vectorbt rust", 33_000.0)
