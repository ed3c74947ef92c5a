"""vectorbt's side: the same strategy through its public calls, in its two engines."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tape import Tape

with warnings.catch_warnings():  # of its own dependencies, at import
    warnings.simplefilter("ignore")
    import vectorbt as vbt

ENGINES = ("rust", "numba")

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Terms:
    """What is traded with."""

    cash: float
    size_fraction: float
    fee_rate: float


def held(tape: Tape, pairs: list[tuple[int, int]], engine: str) -> Flags:
    """Whether each (fast, slow) pair is to be long at each close, shape (bars, pairs).

    Levels are compared, not crossings: where both means are equal vectorbt's `ma_crossed_above`
    asks for a strict change and ours for a strict lead. The means are of whole numbers, so that
    the running sum they are made from is exact.
    """
    whole = tape.whole
    fast = vbt.MA.run(whole, [pair[0] for pair in pairs], short_name="fast", engine=engine)
    slow = vbt.MA.run(whole, [pair[1] for pair in pairs], short_name="slow", engine=engine)
    above: Flags = fast.ma.to_numpy() > slow.ma.to_numpy()
    return above.reshape(tape.ticks.size, len(pairs))


def by_targets(tape: Tape, above: Flags, terms: Terms, engine: str) -> vbt.Portfolio:
    """Orders to a share of equity wherever the level changes: the very sizes of ours."""
    sizes = np.full(above.shape, np.nan)
    flips = above[1:] != above[:-1]
    sizes[1:][flips] = np.where(above[1:][flips], terms.size_fraction, 0.0)
    sizes[0] = np.where(above[0], terms.size_fraction, np.nan)
    return vbt.Portfolio.from_orders(
        tape.lot_prices,
        size=sizes,
        size_type="targetpercent",
        direction="longonly",
        fees=terms.fee_rate,
        init_cash=terms.cash,
        size_granularity=1.0,
        freq="1min",
        engine=engine,
    )


def by_signals(tape: Tape, above: Flags, terms: Terms, engine: str) -> vbt.Portfolio:
    """Entries and exits, a share of cash each: its usual call, and its fastest."""
    return vbt.Portfolio.from_signals(
        tape.lot_prices,
        above,
        ~above,
        size=terms.size_fraction,
        size_type="percent",
        fees=terms.fee_rate,
        init_cash=terms.cash,
        size_granularity=1.0,
        freq="1min",
        engine=engine,
    )


WAYS = {"from_orders": by_targets, "from_signals": by_signals}


def orders_only(
    tape: Tape, pairs: list[tuple[int, int]], terms: Terms, way: str, engine: str
) -> vbt.Portfolio:
    """Means, levels and simulation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WAYS[way](tape, held(tape, pairs, engine), terms, engine)


def with_value(
    tape: Tape, pairs: list[tuple[int, int]], terms: Terms, way: str, engine: str
) -> NDArray[np.float64]:
    """The same and the final value of each pair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        portfolio = WAYS[way](tape, held(tape, pairs, engine), terms, engine)
        return np.atleast_1d(np.asarray(portfolio.final_value()))


def with_drawdown(
    tape: Tape, pairs: list[tuple[int, int]], terms: Terms, way: str, engine: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same, the final value and the largest drawdown (a negative fraction) of each pair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        portfolio = WAYS[way](tape, held(tape, pairs, engine), terms, engine)
        value = np.atleast_1d(np.asarray(portfolio.final_value()))
        return value, np.atleast_1d(np.asarray(portfolio.max_drawdown()))
