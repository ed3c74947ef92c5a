"""What notebooks call `gt.sweep`: the plain sweep, on a cluster if wanted, with plots on top."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_trader.backtesting.sweep import sweep as plain_sweep
from gpt_trader.backtesting.sweep_figures import METRICS
from gpt_trader.backtesting.sweep_grid import Grid, Where
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.backtesting.trial_book import trials_of
from gpt_trader.signals.strategy import Strategy

if TYPE_CHECKING:
    from distributed import Client

    from gpt_trader.research.picture import Picture

SHOWN = 10


@dataclass(eq=False, repr=False)
class Sweep(SweepResult):
    """A finished sweep that shows itself."""

    var: Path | None
    """Where its trials count; None: below the `var` of the settings."""

    @property
    def trials(self) -> int:
        """How many different trials were ever run on these candles, those of this one included."""
        return trials_of(self.tapes, self.var).count

    def heat_map(self, x: str, y: str, metric: str | None = None) -> "Picture":
        """The metric over two parameters; of all other parameters the median counts."""
        from gpt_trader.research.plots import heat_map

        return heat_map(self.table, x, y, metric or self.by)

    def stability_plot(self, parameter: str, metric: str | None = None) -> "Picture":
        """How much of the metric hangs on the exact value of one parameter."""
        from gpt_trader.research.plots import stability_plot

        return stability_plot(self.table, parameter, metric or self.by)

    def _repr_html_(self) -> str:
        from gpt_trader.research.html import sweep_html

        return sweep_html(self.table, self.top(SHOWN), repr(self)[1:-1], self.result_hash)


def sweep(
    candles: Any,
    strategy: Strategy | str,
    grid: Grid,
    *,
    where: Where = None,
    metrics: Sequence[str] = METRICS,
    cluster: "str | Client | None" = None,
    workers: int | None = None,
    memory_mb: int = 512,
    var: Path | str | None = None,
    progress: bool = True,
    **choices: Any,
) -> Sweep:
    """Trade a strategy with every combination of parameters; see the words of the plain sweep.

    Parameters
    ----------
    cluster
        A Dask scheduler's address, "tcp://10.0.0.5:8786", or a client: its workers run the chunks,
        with the same results as this machine's threads.
    """
    runner = None
    if cluster is not None:
        from gpt_trader.research.sweep_cluster import cluster_runner

        runner = cluster_runner(cluster)
    plain = plain_sweep(
        candles,
        strategy,
        grid,
        where=where,
        metrics=metrics,
        runner=runner,
        workers=workers,
        memory_mb=memory_mb,
        var=var,
        progress=progress,
        **choices,
    )
    folder = None if var is None else Path(var)
    return Sweep(plain.setup, plain.tapes, plain.chosen, plain.figures, plain.recognised, folder)


sweep.__doc__ = f"{plain_sweep.__doc__}\n{sweep.__doc__}"
