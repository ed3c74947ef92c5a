"""What notebooks call `gt.walk_forward`: choose on the past, trade what follows, move on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gpt_trader.backtesting.account_metrics import hold_path_of
from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.equity_path import EquityPath, equity_metrics, known_metrics
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.backtesting.sweep_grid import Grid
from gpt_trader.backtesting.trial_book import record, trials_of
from gpt_trader.backtesting.walk_forward import EquityCourse, Experiment, Window
from gpt_trader.backtesting.walk_forward import WalkForward as Walked
from gpt_trader.backtesting.walk_forward import walk_forward as plain_walk_forward
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import account
from gpt_trader.kernels.statistics import day_ends, returns_between
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.research.search import OF_A_SEARCH, Task, score_name, search, task_of
from gpt_trader.research.spans import Span, windows_of
from gpt_trader.signals.strategy import Strategy, Values

if TYPE_CHECKING:
    from gpt_trader.research.picture import Picture

UNITS = 1e8  # cash units of one quote
NEEDS = {
    "sharpe_daily": "needs an order and returns of two days",
    "sortino_daily": "needs an order and returns of two days, and a gain or a loss",
    "calmar": "needs an order, and a gain or a fall",
    "return_rate": "needs an order",
}
"""What must have happened in a training for each figure to be one."""
HEADLINES = ("windows", "return_rate", "sharpe_daily", "max_drawdown_rate")


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Tapes side by side, of which parts can be cut: a place is a candle of any of them."""

    tapes: tuple[CandleTape, ...]
    start_ns: Ints  # of every candle, rising

    def __len__(self) -> int:
        return self.start_ns.size

    def __getitem__(self, part: slice) -> "Stretch":
        starts = self.start_ns[part]
        return Stretch(tuple(_cut(tape, starts) for tape in self.tapes), starts)


def _cut(tape: CandleTape, starts: Ints) -> CandleTape:
    if not starts.size:
        raise UsageError("a window has no candle: take longer spans")
    own = tape.candles.start_ns
    first, last = np.searchsorted(own, [starts[0], starts[-1] + 1]).tolist()
    if first == last:
        raise UsageError(
            f"{tape.product.product_id} has no candle from {pd.Timestamp(starts[0])} to "
            f"{pd.Timestamp(starts[-1])}: take longer spans"
        )
    return tape.part(first, last)


def stretch_of(tapes: tuple[CandleTape, ...]) -> Stretch:
    """All candles of the tapes."""
    starts = [tape.candles.start_ns for tape in tapes]
    return Stretch(tapes, starts[0] if len(starts) == 1 else np.unique(np.concatenate(starts)))


def walk_forward(
    candles: Any,
    strategy: Strategy | str,
    grid: Grid,
    *,
    train: Span,
    test: Span,
    anchored: bool = False,
    by: str = "sharpe_daily",
    **choices: Any,
) -> "WalkForward":
    """Choose on each window's past, trade the candles right after it, and join these tests.

    What is joined could have been traded: no choice has seen a candle of its test. A test is a
    backtest of its own. Nothing is held before it, and its strategy has seen the candles before
    it that its warm-up asks for. What is still held at its end is sold there: the last equity of
    a test is less by the highest taker's fee and half of the market's widest spread.

    Parameters
    ----------
    candles, strategy
        As for `backtest`.
    grid
        As for `sweep`: values for each parameter, or combinations one by one.
    train, test
        How long each window trains and tests: times ("90d", "30d"), or two counts of candles.
    anchored
        Train on everything from the first candle on, and not on the latest `train` alone.
    by
        The figure to choose by: sharpe_daily, sortino_daily, calmar or return_rate.
    choices
        As for `sweep`: `where`, `var`, and whatever `backtest` takes; `params` fixes what the grid
        leaves.

    Raises
    ------
    UsageError
        Something given cannot be used, or no combination traded in a training.
    StoreRefused
        The trials cannot be written down.

    References
    ----------
    R. Pardo (2008), The evaluation and optimization of trading strategies, chapter 11.
    """
    score = score_name(by)
    task = task_of(candles, strategy, grid, choices)
    whole = stretch_of(task.tapes)
    windows = windows_of(whole.start_ns, train, test, anchored)
    walked = plain_walk_forward(
        whole, task.combinations, windows, _experiment(task, score, choices)
    )
    way = f"walk-forward, train {train}, test {test}, {'anchored' if anchored else 'rolling'}, {by}"
    made = WalkForward(task, walked, whole, by)
    _write_down(made, way)
    return made


def _experiment(task: Task, score: str, choices: dict[str, Any]) -> Experiment[Stretch]:
    """Judged by a sweep, tested by a backtest."""
    rest = {name: value for name, value in choices.items() if name not in OF_A_SEARCH}

    def run(part: Stretch, values: Values) -> EquityCourse:
        result = backtest(list(part.tapes), task.strategy, params=values, **rest)
        fee, cost = closing_units(result)
        rounds = np.unique(np.concatenate([tape.every_row_ns for tape in part.tapes]))
        candle_ns = part.tapes[0].candles.candle_ns
        equity = result.equity_units[np.searchsorted(rounds, part.start_ns)]
        equity[-1] -= fee + cost
        session, lots = result.run.session, result.run.products[:, account.LOTS]
        return EquityCourse(
            start_units=cash_units_held(task.setup.cash),
            end_ns=part.start_ns + candle_ns,
            equity_units=equity,
            candle_ns=candle_ns,
            orders=int(session[account.ORDERS] + np.count_nonzero(lots)),
            fees_units=int(session[account.FEES]) + fee,
        )

    def judge(part: Stretch, combinations: Sequence[Values]) -> list[float]:
        found: list[float] = search(task, part.tapes).scores[score].tolist()
        return found

    return Experiment(run, judge, task.strategy.warmup, f"{score} {NEEDS[score]}")


def closing_units(result: BacktestResult) -> tuple[int, int]:
    """What it costs to sell all that is held at the end, in cash units: fee and half spread."""
    session, setup = result.run.session, result.setup
    held = Decimal(int(session[account.EQUITY] - session[account.CASH]))
    half = Decimal(0) if setup.market.at_close else setup.market.spread_bps / 20_000
    rates = (max(tier.taker_rate for tier in setup.fee_tiers), half)
    fee, cost = (int((held * rate).to_integral_value(ROUND_CEILING)) for rate in rates)
    return fee, cost


def _write_down(made: "WalkForward", way: str) -> None:
    """Each combination counts on all the candles, too, and so does the joined course.

    A ratio of some weeks is no measure for one of years: only the joined course gives one.
    """
    task = made.task
    unknown = np.full(len(task.combinations), np.nan)
    record(task.tapes, task.setup, task.combinations, unknown, way=way, var=task.var)
    digest = hashlib.sha256(repr(task.combinations).encode()).hexdigest()
    sharpe = np.array([equity_metrics(made.equity_path).sharpe_daily])
    way = f"{way}, joined, {digest}"
    record(task.tapes, task.setup, [{}], sharpe, way=way, var=task.var)


class WalkForward:
    """The windows of a walk forward and their tests, joined; shows itself.

    Attributes
    ----------
    task
        What was tried.
    walked
        The windows with their choices, and the joined course in cash units.
    by
        The figure that was chosen by.
    """

    def __init__(self, task: Task, walked: Walked, whole: Stretch, by: str) -> None:
        self.task = task
        self.walked = walked
        self.by = by
        self._whole = whole

    @property
    def tapes(self) -> tuple[CandleTape, ...]:
        """All candles, those trained on first included."""
        return self.task.tapes

    @property
    def var(self) -> Path | None:
        """Where its trials count; None: below the `var` of the settings."""
        return self.task.var

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a window: its times (UTC), what was chosen, and training beside test."""
        rows = []
        for row, held in zip(self.walked.outcomes, self._held, strict=True):
            trained, tested = f"train_{self.by}", f"test_{self.by}"
            rows.append(
                self._times(row.window)
                | {name: row.values[name] for name in self.task.chosen.varied}
                | {trained: row.train_score, tested: asdict(row.test)[self.by]}
                | {
                    "test_return_rate": row.test.return_rate,
                    "test_max_drawdown_rate": row.test.max_drawdown_rate,
                    "test_buy_and_hold_return_rate": held,
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def equity(self) -> "pd.Series[float]":
        """Quote, at the close of each tested candle; each test goes on with what the last left."""
        index = pd.DatetimeIndex(self.walked.course.end_ns, tz="UTC", name="time")
        return pd.Series(self.walked.course.equity_units / UNITS, index=index, name="equity")

    @cached_property
    def equity_path(self) -> EquityPath:
        """The joined course, as far as growth and risk are concerned."""
        return self.walked.course.path

    @cached_property
    def daily_returns(self) -> Floats:
        """The return of each tested UTC day, as a fraction."""
        course = self.walked.course
        wide = self.equity_path.period_ns == course.candle_ns
        ends = course.equity_units if wide else day_ends(course.end_ns, course.equity_units)
        return returns_between(course.start_units, ends)

    @cached_property
    def stats(self) -> dict[str, float]:
        """Figures of the joined tests, buy-and-hold's beside, and the mean of both sides.

        Fees are those of the joined course, the sale at each window's end among them.
        """
        held = asdict(known_metrics(self.hold_path))
        return (
            asdict(known_metrics(self.equity_path))
            | {"windows": len(self.walked.outcomes)}
            | {
                "orders": self.walked.course.orders,
                "fees_quote": self.walked.course.fees_units / UNITS,
            }
            | {
                f"mean_{side}_{self.by}": float(self.table[f"{side}_{self.by}"].mean())
                for side in ("train", "test")
            }
            | {f"buy_and_hold_{name}": value for name, value in held.items()}
        )

    @cached_property
    def tested_tapes(self) -> tuple[CandleTape, ...]:
        """The candles from the first test on."""
        return self._whole[self.walked.outcomes[0].window.test_start :].tapes

    @property
    def hold_path(self) -> EquityPath:
        """Buying and holding through all tests."""
        return self._hold(self.tested_tapes)

    @property
    def trials(self) -> int:
        """How many different trials were ever run on these candles, those of this walk included."""
        return trials_of(self.tapes, self.var).count

    def plot(self) -> "Picture":
        """The joined equity beside holding, and each window's training beside its test."""
        from gpt_trader.research.plots import held_line
        from gpt_trader.research.walk_plot import Texts, walk_plot

        held = held_line(self.tested_tapes, self.equity.index, self.task.setup.cash)
        title = f"{self.task.strategy.name}: {len(self.table)} windows, chosen by {self.by}"
        texts = Texts(title, self.by, self.tapes[0].product.quote)
        return walk_plot(self.equity, held, self.table, texts)

    def _repr_html_(self) -> str:
        from gpt_trader.research.figures import figures
        from gpt_trader.research.html import card_html

        wanted = {*HEADLINES, f"mean_train_{self.by}", f"mean_test_{self.by}"}
        stats: Mapping[str, object] = self.stats
        kpis = [
            (line.name, line.ours, f"holding {line.holding}" if line.holding else "")
            for line in figures(stats)
            if line.name in wanted
        ]
        title = f"{self.task.strategy.name}, chosen by {self.by} and traded in time"
        return card_html(title, f"{self.trials:,} trials on these candles", kpis, self.table)

    def __repr__(self) -> str:
        figures = self.stats
        return (
            f"<WalkForward {self.task.strategy.name}: {figures['windows']} windows, "
            f"{figures['return_rate']:+.2%} out of sample, mean {self.by} "
            f"{figures[f'mean_train_{self.by}']:.2f} in training, "
            f"{figures[f'mean_test_{self.by}']:.2f} in the tests>"
        )

    @cached_property
    def _held(self) -> list[float]:
        windows = [row.window for row in self.walked.outcomes]
        parts = [self._whole[window.test_start : window.test_stop] for window in windows]
        paths = [self._hold(part.tapes) for part in parts]
        return [path.end_units / path.start_units - 1.0 for path in paths]

    def _hold(self, tapes: tuple[CandleTape, ...]) -> EquityPath:
        return hold_path_of(course_of(tapes, self.task.setup.market, self.task.setup.sizing))

    def _times(self, window: Window) -> dict[str, pd.Timestamp]:
        starts = self._whole.start_ns
        end = int(starts[window.test_stop - 1]) + self.tapes[0].candles.candle_ns
        times = (int(starts[window.train_start]), int(starts[window.test_start]), end)
        names = ("train_from", "test_from", "test_to")
        return {name: pd.Timestamp(time, tz="UTC") for name, time in zip(names, times, strict=True)}
