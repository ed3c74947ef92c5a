"""What a cross-validation found: the choice of each split, and the paths that its tests make up."""

import math
from functools import cached_property

import numpy as np
import pandas as pd

from gpt_trader.backtesting.cross_validation import CrossValidation, Scheme, splits
from gpt_trader.backtesting.equity_path import DAYS_A_YEAR
from gpt_trader.kernels.statistics import DAY_NS
from gpt_trader.kernels.vectors import Floats, Grid
from gpt_trader.research.search import Task


class CrossValidated:
    """All splits of a cross-validation; shows itself.

    Attributes
    ----------
    found
        The choices and the daily returns of the paths.
    scheme
        Groups, purge and embargo, in days.
    task
        What was tried.
    """

    def __init__(
        self, found: CrossValidation, scheme: Scheme, task: Task, days: int, period_ns: int
    ) -> None:
        self.found = found
        self.scheme = scheme
        self.task = task
        self._days = days
        self._periods = DAYS_A_YEAR * DAY_NS / period_ns

    @property
    def path_returns(self) -> Grid:
        """Daily returns out of sample, as fractions; one row a path."""
        return self.found.path_returns

    @cached_property
    def sharpes_daily(self) -> Floats:
        """The Sharpe ratio of each path, scaled to a year; 0 where nothing moved."""
        return self.found.path_sharpes * math.sqrt(self._periods)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a split: the groups that were tested, days trained on, and what was chosen."""
        made = splits(self._days, self.scheme)
        varied = self.task.chosen.varied
        combinations = self.task.combinations
        return pd.DataFrame(
            [
                {"tested": split.tested, "train_days": split.train_rows.size}
                | {name: combinations[place][name] for name in varied}
                for split, place in zip(made, self.found.chosen.tolist(), strict=True)
            ]
        )

    @cached_property
    def paths(self) -> pd.DataFrame:
        """One row a path: Sharpe ratio and return, out of sample throughout."""
        growth = np.prod(1.0 + self.path_returns, axis=1)
        return pd.DataFrame({"sharpe_daily": self.sharpes_daily, "return_rate": growth - 1.0})

    def __repr__(self) -> str:
        sharpes = self.sharpes_daily
        return (
            f"<CrossValidated {self.task.strategy.name}: {len(self.found.chosen)} splits, "
            f"{sharpes.size} paths, sharpe_daily {sharpes.mean():.2f} on average, "
            f"{sharpes.min():.2f} to {sharpes.max():.2f}>"
        )

    def _repr_html_(self) -> str:
        from gpt_trader.research.html import card_html

        sharpes = self.sharpes_daily
        kpis = [
            ("splits", f"{len(self.table):,}", ""),
            ("paths", f"{sharpes.size:,}", ""),
            ("mean sharpe_daily", f"{sharpes.mean():.2f}", "out of sample"),
            ("worst path", f"{sharpes.min():.2f}", ""),
        ]
        below = f"purge {self.scheme.purge}, embargo {self.scheme.embargo} days"
        return card_html(f"{self.task.strategy.name}, cross-validated", below, kpis, self.table)
