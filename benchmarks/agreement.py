"""That what is timed is the same: our orders against vectorbt's records, unit by unit."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tape import BASE_INCREMENT, PRICE_INCREMENT, Tape

CASH_UNIT = 1e-8
BUY = 0  # in vectorbt's records

VALUE_TOLERANCE = 1e-9
"""Of the final value, as a fraction: vectorbt's is a sum of floats over thousands of orders."""

DRAWDOWN_TOLERANCE = 1e-9
"""Of the largest drawdown, absolute: a quotient of two such sums."""


PEER_NS_MAX = 2_000.0
"""No fast peer needs so long a bar: then it was called wrongly, and its ratio is worth nothing.

A first version gave vectorbt an index with a time zone and found itself 1,311 times as fast.
"""


class Implausible(AssertionError):
    """A peer is so slow that the fault must be in how it was called."""


class Unequal(AssertionError):
    """Two engines did not do the same, so their times cannot be compared."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found equal, and how far apart the floats are."""

    orders: int
    value_error: float  # relative
    drawdown_error: float  # absolute

    def text(self) -> str:
        """One line under a table."""
        return (
            f"equal in this run: all {self.orders:,} orders (bar, side, size, price, fee after our "
            f"rounding); final value to {self.value_error:.0e}, drawdown to "
            f"{self.drawdown_error:.0e}"
        )


def check_plausible(name: str, ns_per_bar: float) -> None:
    """Refuse to compare with a peer that was called wrongly.

    Raises
    ------
    Implausible
        It takes more than `PEER_NS_MAX` a bar.
    """
    if not ns_per_bar <= PEER_NS_MAX:
        raise Implausible(f"{name}: {ns_per_bar:,.0f} ns a bar; look at how it is called")


def check_orders(tape: Tape, fills: pd.DataFrame, records: NDArray[np.void]) -> int:
    """Compare every order; how many there were.

    Raises
    ------
    Unequal
        With the first order that differs, the field, and both values.
    """
    if len(fills) != len(records):
        raise Unequal(f"{len(fills):,} orders of ours, {len(records):,} of vectorbt's")
    price, base = float(PRICE_INCREMENT), float(BASE_INCREMENT)
    moments = fills["time"].astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    begin = int(tape.index[0].value)
    fee = records["fees"] / CASH_UNIT
    columns = {
        "bar": ((moments - begin) // 60_000_000_000 - 1, records["idx"]),
        "is a buy": ((fills["side"].astype(str) == "BUY").to_numpy(), records["side"] == BUY),
        "lots": (_counts(fills["base_size"], base), np.rint(records["size"]).astype(np.int64)),
        "ticks": (_counts(fills["price"], price), _counts(records["price"], price * base)),
        "fee units": (_counts(fills["fee"], CASH_UNIT), _owed(fee)),
    }
    for field, (ours, theirs) in columns.items():
        wrong = np.flatnonzero(ours != theirs)
        if wrong.size:
            first = int(wrong[0])
            raise Unequal(
                f"order {first + 1} of {len(fills):,}, {field}: ours {ours[first]}, "
                f"vectorbt {theirs[first]}; {wrong.size:,} orders differ"
            )
    return len(fills)


def check_value(ours: float, theirs: float) -> float:
    """The relative error of the final value.

    Raises
    ------
    Unequal
        Beyond `VALUE_TOLERANCE`.
    """
    error = abs(ours - theirs) / theirs
    if not error <= VALUE_TOLERANCE:
        raise Unequal(f"final value: ours {ours!r}, vectorbt {theirs!r}")
    return error


def check_drawdown(ours: float, theirs: float) -> float:
    """The absolute error of the largest drawdown, both as positive fractions.

    Raises
    ------
    Unequal
        Beyond `DRAWDOWN_TOLERANCE`.
    """
    error = abs(ours - theirs)
    if not error <= DRAWDOWN_TOLERANCE:
        raise Unequal(f"largest drawdown: ours {ours!r}, vectorbt {theirs!r}")
    return error


def _counts(amounts: "pd.Series[float] | NDArray[np.float64]", step: float) -> NDArray[np.int64]:
    return np.rint(np.asarray(amounts, dtype=np.float64) / step).astype(np.int64)


def _owed(units: NDArray[np.float64]) -> NDArray[np.int64]:
    """Up to the next whole unit, but for the error of a float's last places."""
    return np.ceil(units * (1.0 - 2.0**-50)).astype(np.int64)
