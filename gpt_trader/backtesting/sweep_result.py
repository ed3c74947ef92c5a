"""What a sweep gives back: a row of figures for each combination."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.leaks import refuse_leaks
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_figures import Column
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.domain.errors import UsageError
from gpt_trader.signals.strategy import near

if TYPE_CHECKING:
    import pandas as pd

LOW_IS_GOOD = frozenset({"max_drawdown_rate", "fees_quote", "turnover_per_year", "denials"})


@dataclass(eq=False)
class SweepResult:
    """All combinations of a finished sweep, in the grid's order, and what came of each."""

    setup: Setup
    tapes: tuple[CandleTape, ...]
    chosen: Chosen
    figures: Mapping[str, Column]
    recognised: bool  # whether the faster way was taken

    @property
    def skipped(self) -> int:
        """Combinations of the grid that the strategy's own check refuses, and that did not run."""
        return self.chosen.skipped

    @cached_property
    def table(self) -> "pd.DataFrame":
        """One row a combination: the parameters that were varied, then the metrics."""
        import pandas as pd

        varied = {name: self.chosen.columns[name] for name in self.chosen.varied}
        return pd.DataFrame({**varied, **self.figures})

    @property
    def by(self) -> str:
        """What combinations are ranked by where nobody says: `sharpe_daily`, if it is known.

        Else `return_rate`, as of fewer than 30 daily returns.

        Raises
        ------
        UsageError
            The sweep was made without both: there is no best without saying by what.
        """
        for name in ("sharpe_daily", "return_rate"):
            if name in self.figures and not np.isnan(self.figures[name]).all():
                return name
        raise UsageError(
            "best is by sharpe_daily, or by return_rate, and the sweep knows neither: add one to "
            f'metrics, or take top(1, by="{next(iter(self.figures))}")'
        )

    def top(self, count: int = 10, by: str | None = None) -> "pd.DataFrame":
        """The best rows of the table by one metric, without a name by `by`; NaN comes last.

        Each is tried for look-ahead on all of the candles before it is shown.

        Raises
        ------
        UsageError
            There is no such metric, or one of these combinations looks ahead.
        """
        places = self.order(by or self.by)[:count]
        for place in places.tolist():
            self._handed_out(place)
        return self.table.iloc[places]

    @property
    def best(self) -> dict[str, float]:
        """The parameters that are best by `by`, all of them, as `backtest` takes them.

        Raises
        ------
        UsageError
            There is no such figure, see `by`, or the best makes the strategy look ahead.
        """
        return self._handed_out(int(self.order(self.by)[0]))

    def _handed_out(self, place: int) -> dict[str, float]:
        values = self.chosen.values(place)
        refuse_leaks(self.setup.strategy, values, self.tapes)
        return values

    def order(self, by: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Places of the combinations, the best by one metric first, equal ones in their order."""
        if by not in self.figures:
            raise UsageError(f"the sweep has no metric {by}: {near(by, list(self.figures))}")
        values = np.asarray(self.figures[by], np.float64)
        ranked = np.where(np.isnan(values), np.inf, values if by in LOW_IS_GOOD else -values)
        return np.argsort(ranked, kind="stable")

    @cached_property
    def result_hash(self) -> str:
        """Names every parameter and figure of every combination, bit for bit."""
        content = hashlib.sha256()
        for name, column in [*sorted(self.chosen.columns.items()), *self.figures.items()]:
            content.update(
                name.encode() + b"\0" + column.astype(column.dtype.newbyteorder("<")).tobytes()
            )
        return content.hexdigest()

    def __len__(self) -> int:
        return len(self.chosen)

    def __repr__(self) -> str:
        skipped = f", {self.skipped:,} skipped" if self.skipped else ""
        names = ", ".join(tape.product.product_id for tape in self.tapes)
        strategy = self.setup.strategy.name
        return f"<Sweep of {strategy} on {names}: {len(self):,} combinations{skipped}>"
