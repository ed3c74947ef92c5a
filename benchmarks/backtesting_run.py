"""backtesting.py's side: the same strategy as its users write it."""

import warnings

import numpy as np
import pandas as pd

from benchmarks.crossover import CASH, FAST, FEE_RATE, SIZE_FRACTION, SLOW
from benchmarks.tape import Tape

with warnings.catch_warnings():  # it warns of a missing notebook at import
    warnings.simplefilter("ignore")
    from backtesting import Backtest, Strategy
    from backtesting import backtesting as module

UNIT = 1e-4  # of a bitcoin: it trades whole units only


def _mean(closes: object, span: int) -> "pd.Series[float]":
    return pd.Series(np.asarray(closes, dtype=float)).rolling(span).mean()


class Crossover(Strategy):  # type: ignore[misc]
    """Long while the fast mean is above the slow one."""

    def init(self) -> None:
        self.fast = self.I(_mean, self.data.Close, FAST)
        self.slow = self.I(_mean, self.data.Close, SLOW)

    def next(self) -> None:
        if self.fast[-1] > self.slow[-1]:
            if not self.position:
                self.buy(size=SIZE_FRACTION)
        elif self.position:
            self.position.close()


def trades_and_equity(tape: Tape) -> tuple[int, float]:
    """How many round trips it made, and what was left, in quote."""
    closes = tape.closes * UNIT
    frame = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), closes))
    # Its progress bar ignores that nobody looks.
    module._tqdm = lambda rows, **_: rows
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome = Backtest(
            frame,
            Crossover,
            cash=CASH,
            commission=FEE_RATE,
            trade_on_close=True,
            finalize_trades=True,
        ).run()
    return int(outcome["# Trades"]), float(outcome["Equity Final [$]"])
