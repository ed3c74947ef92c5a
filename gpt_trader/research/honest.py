"""How much of a good result is luck: what notebooks call to ask a result, a sweep or an idea.

Each is a thin door to a tested part of `gpt_trader.backtesting`; the sources stand there.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gpt_trader.backtesting import cross_validation, resampling
from gpt_trader.backtesting import overfitting as splitting
from gpt_trader.backtesting.backtest import backtest as plain_backtest
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.leaks import refuse_leaks
from gpt_trader.backtesting.overfitting import DeflatedSharpe, Overfitting
from gpt_trader.backtesting.resampling import Interval, Outcomes, PermutationTest
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.backtesting.sweep_grid import Grid
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.backtesting.trial_book import trials_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import statistics
from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.vectors import Floats
from gpt_trader.research.backtest import Backtest, backtest
from gpt_trader.research.cross_validated import CrossValidated
from gpt_trader.research.search import (
    OF_A_SEARCH,
    Task,
    count_trials,
    score_name,
    search,
    searched,
    task_of,
)
from gpt_trader.research.spans import Span, periods_of
from gpt_trader.research.walk_forward import WalkForward
from gpt_trader.signals.strategy import Strategy

EMBARGO_SHARE = 0.01
"""Of all days, rounded up: as in López de Prado (2018), section 7.4.2."""

Figure = Callable[[Floats], float]


def deflated_sharpe(result: Backtest | WalkForward) -> DeflatedSharpe:
    """The probability that a Sharpe ratio is more than the luck of the search that found it.

    Every trial ever run on the same candles counts: backtests whose figures were seen, sweeps,
    walk-forwards, of this kernel and of all before it. They are kept below `var`.

    Raises
    ------
    UsageError
        The result is of another kind, such as a sweep.

    See Also
    --------
    gpt_trader.backtesting.overfitting.deflated_sharpe : what is computed, and from where
    """
    if not isinstance(result, Backtest | WalkForward):
        raise UsageError(
            f"deflated_sharpe of {type(result).__name__}: give a backtest or a walk-forward; of a "
            "sweep, a backtest of the combination you chose"
        )
    _ = result.stats  # a result that nobody looked at yet is a trial from now on
    return trials_of(result.tapes, result.var).deflated_sharpe(result.equity_path)


def overfitting(
    candles: Any,
    strategy: Strategy | str | None = None,
    grid: Grid | None = None,
    *,
    blocks: int = 16,
    **choices: Any,
) -> Overfitting:
    """The probability that the best combination in sample is below the median out of sample.

    Parameters
    ----------
    candles
        A finished sweep, or candles as for `sweep`, with `strategy`, `grid` and its choices.
    blocks : int
        Parts of equal length that the days are cut into, even; each half of them is the sample
        once.

    Raises
    ------
    UsageError
        Something given cannot be used, or there are fewer than two days a block.

    See Also
    --------
    gpt_trader.backtesting.overfitting.overfitting : what is computed, and from where
    """
    if isinstance(candles, SweepResult):
        if strategy is not None or grid is not None or choices:
            raise UsageError("a sweep knows its strategy, its grid and its choices: give it alone")
        task = Task(candles.tapes, candles.setup, candles.chosen, None)
    elif strategy is None or grid is None:
        raise UsageError("overfitting(candles, strategy, grid), or overfitting(sweep)")
    else:
        task = task_of(candles, strategy, grid, choices)
    found = searched(task, task.tapes)
    if not isinstance(candles, SweepResult):  # its trials are counted
        count_trials(task, task.tapes, found)
    return splitting.overfitting(found.daily_returns, blocks)


def cross_validate(
    candles: Any,
    strategy: Strategy | str,
    grid: Grid,
    *,
    groups: int = 6,
    test_groups: int = 2,
    purge: Span | None = None,
    embargo: Span | None = None,
    **choices: Any,
) -> CrossValidated:
    """Choose on some groups of days, follow the choice through the others, in every split.

    Parameters
    ----------
    candles, strategy, grid, choices
        As for `sweep`.
    groups, test_groups : int
        The days are cut into so many groups, and so many of them are tested, every choice once.
    purge
        Days (or a time) beside each test that nothing is chosen on: as far as a decision looks
        back, and so without it the longest warm-up.
    embargo
        More of them after a test; a hundredth of all days without it.

    Raises
    ------
    UsageError
        Something given cannot be used.

    See Also
    --------
    gpt_trader.backtesting.cross_validation.cross_validate : what is computed, and from where
    """
    task = task_of(candles, strategy, grid, choices)
    found = search(task, task.tapes)
    returns = found.daily_returns
    candle_ns = task.tapes[0].candles.candle_ns
    period_ns = max(statistics.DAY_NS, candle_ns)
    scheme = cross_validation.Scheme(
        groups=groups,
        test_groups=test_groups,
        purge=-(-task.warmup * candle_ns // period_ns)
        if purge is None
        else periods_of(purge, period_ns, "purge"),
        embargo=math.ceil(EMBARGO_SHARE * len(returns))
        if embargo is None
        else periods_of(embargo, period_ns, "embargo"),
    )
    validated = cross_validation.cross_validate(returns, scheme)
    for place in sorted(set(validated.chosen.tolist())):
        refuse_leaks(task.strategy, task.combinations[place], task.tapes)
    return CrossValidated(validated, scheme, task, len(returns), period_ns)


def monte_carlo(
    result: BacktestResult, count: int = 1_000, *, replacement: bool = True, seed: int = 1
) -> Outcomes:
    """What the same round trips could have come to, had they come otherwise.

    Parameters
    ----------
    count : int
        Courses that are tried.
    replacement
        Draw as many round trips with replacement; else all of them in other orders, which ends
        with the same equity and shows how deep the fall on the way could have been.

    Raises
    ------
    UsageError
        The result has no closed round trip.

    See Also
    --------
    gpt_trader.backtesting.resampling.drawn_trips : what is computed, and from where
    """
    returns = result.trip_returns
    if not returns.size:
        raise UsageError("there is no closed round trip to draw from")
    tried = resampling.drawn_trips if replacement else resampling.shuffled_trips
    return tried(returns, count, seed)


def bootstrap(
    result: BacktestResult | WalkForward,
    figure: str | Figure = "sharpe_daily",
    count: int = 1_000,
    *,
    seed: int = 1,
    confidence: float = 0.95,
    block_days: float | None = None,
) -> Interval:
    """Where a figure of the daily returns lies, had the days come otherwise.

    Parameters
    ----------
    figure
        sharpe_daily, sortino_daily, volatility_per_year_rate or return_rate; or a function of
        daily returns.
    count : int
        Resamples.
    block_days : float
        Mean length of the blocks of days that stay together; the cube root of all without it.

    Raises
    ------
    UsageError
        There is no such figure, or a resample has none.

    See Also
    --------
    gpt_trader.backtesting.resampling.bootstrap : what is computed, and from where
    """
    returns = result.daily_returns
    measured = _figure(figure, result.equity_path.periods_per_year)
    days = resampling.block_days_for(returns.size) if block_days is None else block_days
    return resampling.bootstrap(
        returns, measured, count, seed=seed, block_days=days, confidence=confidence
    )


def _figure(figure: str | Figure, periods: float) -> Figure:
    if not isinstance(figure, str):
        return figure
    known: dict[str, Figure] = {
        "sharpe_daily": lambda returns: statistics.sharpe_of(_moments(returns), periods),
        "sortino_daily": lambda returns: statistics.sortino_of(_moments(returns), periods),
        "volatility_per_year_rate": lambda returns: (
            statistics.deviation_of(_moments(returns)) * math.sqrt(periods)
        ),
        "return_rate": lambda returns: float(np.prod(1.0 + returns)) - 1.0,
    }
    if figure not in known:
        raise UsageError(f"figure = {figure!r}: one of {', '.join(known)}, or a function")
    return known[figure]


def _moments(returns: Floats) -> Floats:
    moments = np.zeros(statistics.MOMENTS)
    statistics.take_returns(moments, returns)
    return moments


def permutation_test(
    candles: Any,
    strategy: Strategy | str,
    grid: Grid | None = None,
    *,
    by: str = "sharpe_daily",
    count: int = 200,
    seed: int = 1,
    **choices: Any,
) -> PermutationTest:
    """How often candles in a random order let the strategy do as well as the real ones.

    Parameters
    ----------
    candles, strategy, choices
        As for `backtest`, of one product.
    grid
        As for `sweep`: the best of it is taken on the real candles and on each permutation anew.
        Give it if the parameters were chosen on these candles; else the p-value is too small.
    by
        The score: sharpe_daily, sortino_daily, calmar or return_rate.
    count : int
        Permutations; the smallest possible p-value is ``1 / (count + 1)``.

    Raises
    ------
    UsageError
        Something given cannot be used; of several products, too.

    See Also
    --------
    gpt_trader.backtesting.resampling.permutation_test : what is computed, and from where
    """
    score = score_name(by)
    tape, warmup, judge = (
        _judged_once(candles, strategy, score, choices)
        if grid is None
        else _judged_by_search(task_of(candles, strategy, grid, choices), score)
    )
    first = min(warmup, len(tape))
    return resampling.permutation_test(tape.candles, judge, count, first=first, seed=seed)


_Judged = tuple[CandleTape, int, Callable[[Candles], float]]


def _judged_once(
    candles: Any, strategy: Strategy | str, score: str, choices: dict[str, Any]
) -> _Judged:
    result = backtest(candles, strategy, **choices)
    tape = _only_tape(result.tapes)
    _ = result.stats  # the real candles are a trial, their permutations are none
    rest = {name: value for name, value in choices.items() if name not in OF_A_SEARCH}

    def judge(permuted: Candles) -> float:
        tried = plain_backtest(
            [replace(tape, candles=permuted)], result.strategy, params=result.values, **rest
        )
        return float(tried.stats[score])

    return tape, result.strategy.warmup(result.values), judge


def _judged_by_search(task: Task, score: str) -> _Judged:
    tape = _only_tape(task.tapes)
    search(task, task.tapes)

    def judge(permuted: Candles) -> float:
        scores = searched(task, [replace(tape, candles=permuted)]).scores[score]
        return math.nan if np.isnan(scores).all() else float(np.nanmax(scores))

    return tape, task.warmup, judge


def _only_tape(tapes: tuple[CandleTape, ...]) -> CandleTape:
    if len(tapes) > 1:
        raise UsageError("one product: what moves together would be torn apart by permutations")
    return tapes[0]
