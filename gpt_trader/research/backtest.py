"""What notebooks call `gt.backtest`: the plain backtest, with plots and pages on its result."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_trader.backtesting.backtest import Speed
from gpt_trader.backtesting.backtest import backtest as plain_backtest
from gpt_trader.backtesting.equity_path import equity_metrics
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.backtesting.trial_book import record, trials_of
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.signals.strategy import Strategy

if TYPE_CHECKING:
    import pandas as pd
    from vectorbt import Portfolio

    from gpt_trader.research.crosscheck import CrossCheck
    from gpt_trader.research.picture import Picture

# What draws takes seconds to import, and most backtests are never drawn: so each method does it.


@dataclass(eq=False, repr=False)
class Backtest(BacktestResult):
    """A finished backtest that shows itself, and counts as a trial once it was looked at.

    Any table or figure is a look, but for `equity_end` and `max_drawdown_rate` alone.
    """

    var: Path | None
    """Where it counts; None: below the `var` of the settings."""

    @property
    def trials(self) -> int:
        """How many different trials were ever run on these candles, this one among them."""
        self._count()
        return trials_of(self.tapes, self.var).count

    def _figures(self) -> dict[str, float | int | Decimal]:
        figures = super()._figures()
        sharpe = np.array([equity_metrics(self.equity_path).sharpe_daily])  # of any length
        record(self.tapes, self.setup, [self.values], sharpe, var=self.var)
        return figures

    # Whoever looks at any of these has seen how good it is, whatever else is asked later.

    @cached_property
    def daily_returns(self) -> Floats:
        self._count()
        return super().daily_returns

    @cached_property
    def trip_returns(self) -> Floats:
        self._count()
        return super().trip_returns

    @cached_property
    def orders(self) -> "pd.DataFrame":
        self._count()
        return super().orders

    @cached_property
    def fills(self) -> "pd.DataFrame":
        self._count()
        return super().fills

    @cached_property
    def round_trips(self) -> "pd.DataFrame":
        self._count()
        return super().round_trips

    @cached_property
    def equity_units(self) -> Ints:
        self._count()
        return super().equity_units

    def _count(self) -> None:
        """Count as a trial, unless it did already: the figures see to it."""
        _ = self.stats

    def plot(self) -> "Picture":
        """Equity beside holding, price with every fill, and drawdown, on one time axis."""
        from gpt_trader.research.plots import result_plot

        return result_plot(self)

    def tearsheet(self, path: str | Path) -> Path:
        """Write all about it into one HTML file that opens anywhere, offline; return its path.

        Raises
        ------
        StoreRefused
            The file cannot be written.
        """
        from gpt_trader.research.tearsheet import write_tearsheet

        return write_tearsheet(self, path)

    def portfolio(self) -> "Portfolio":
        """The same fills as a portfolio of vectorbt, for its statistics and plots."""
        from gpt_trader.research.crosscheck import portfolio

        return portfolio(self)

    def crosscheck(self) -> "CrossCheck":
        """What vectorbt makes of the same orders, and where it differs."""
        from gpt_trader.research.crosscheck import crosscheck

        return crosscheck(self)

    def _repr_html_(self) -> str:
        from gpt_trader.research.html import result_html

        return result_html(self)


def backtest(
    candles: Any,
    strategy: Strategy | str,
    *,
    speed: Speed = "fused",
    var: Path | str | None = None,
    **choices: Any,
) -> Backtest:
    """Trade a strategy on candles; the words of the plain one stand before these.

    The result counts as a trial on these candles when it is first looked at, below `var`, or
    where settings say: `gt.deflated_sharpe` holds every trial against it. Stored candles are
    looked for there, too.
    """
    plain = plain_backtest(candles, strategy, speed=speed, var=var, **choices)
    folder = None if var is None else Path(var)
    return Backtest(plain.course, plain.setup, plain.run, plain.rerun, folder)


backtest.__doc__ = f"{plain_backtest.__doc__}\n{backtest.__doc__}"
