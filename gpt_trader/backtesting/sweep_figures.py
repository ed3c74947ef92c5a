"""The figures of many accounts at once: the same, to the last bit, as one backtest's `stats`."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gpt_trader.backtesting.account_metrics import day_ends_of
from gpt_trader.backtesting.course import Course
from gpt_trader.backtesting.equity_path import (
    DAYS_A_YEAR,
    GROWTH_LOG_MAX,
    OF_A_YEAR,
    RETURNS_MIN,
    calmar_of,
)
from gpt_trader.kernels import account
from gpt_trader.kernels.account import DAY_NS
from gpt_trader.kernels.figures import daily_ratios
from gpt_trader.kernels.vectors import Floats, Table

NS = 1_000_000_000
UNITS = 10**8  # cash units of one quote

METRICS = (
    "equity_end_quote",
    "return_rate",
    "sharpe_daily",
    "sortino_daily",
    "max_drawdown_rate",
    "calmar",
    "turnover_per_year",
    "exposure_rate",
    "orders",
    "round_trips",
    "win_rate",
    "fees_quote",
    "denials",
)
"""Columns of a sweep's table; each is what `stats` of a backtest calls so."""

COUNTS = frozenset({"orders", "round_trips", "denials"})

WITHOUT_COURSE = frozenset(
    {"equity_end_quote", "return_rate", "exposure_rate", "orders", "round_trips", "win_rate",
     "fees_quote", "denials"}
)  # fmt: skip
"""Metrics that need no equity between the first candle and the last."""

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all accounts of a sweep have in common."""

    start_units: int
    candle_s: int
    years: float
    ends: npt.NDArray[np.int64]  # of each day's end, its place among the days and the equity


def record_kind(names: tuple[str, ...]) -> "np.dtype[np.void]":
    """The record of one combination: whole numbers for counts, floats for the rest."""
    return np.dtype([(name, "<i8" if name in COUNTS else "<f8") for name in names])


def terms_of(course: Course, start_units: int) -> Terms:
    """Find how the days of this course end."""
    starts_ns = course.starts_ns
    begun = course.day_first.size - 1
    ends = day_ends_of(course, np.arange(begun, dtype=np.int64), begun)
    duration = int(starts_ns[-1]) - int(starts_ns[0]) + course.tape.candle_s * NS
    return Terms(start_units, course.tape.candle_s, duration / (DAYS_A_YEAR * DAY_NS), ends)


def figures_of(
    terms: Terms, sessions: Table, days: Table, names: tuple[str, ...]
) -> dict[str, Column]:
    """The named metrics of every account.

    Parameters
    ----------
    sessions : int64, shape (combinations, account.SESSION)
    days : int64, shape (combinations, any)
        Equity at the end of each day but the last.
    """
    made: dict[str, Column] = {
        "orders": sessions[:, account.ORDERS],
        "round_trips": sessions[:, account.TRIPS],
        "denials": sessions[:, account.DENIALS],
        "fees_quote": _by(sessions[:, account.FEES], UNITS),
        "equity_end_quote": _by(sessions[:, account.EQUITY], UNITS),
        "return_rate": _by(sessions[:, account.EQUITY], terms.start_units) - 1.0,
        "exposure_rate": _ratio(sessions[:, account.HELD], sessions[:, account.CANDLES]),
        "win_rate": _ratio(sessions[:, account.WINS], sessions[:, account.TRIPS]),
    }
    if not set(names) <= set(made):
        made |= _course_figures(terms, sessions, days)
    return {name: np.ascontiguousarray(made[name]) for name in names}


def known_figures(terms: Terms, rows: Column) -> dict[str, Column]:
    """A sweep's columns as they are shown: NaN for a year's figures of too few daily returns.

    Parameters
    ----------
    rows
        Records of `record_kind`, a row a combination.
    """
    names = rows.dtype.names or ()
    columns = {name: np.ascontiguousarray(rows[name]) for name in names}
    if terms.ends.size < RETURNS_MIN:
        unknown = np.full(rows.size, math.nan)
        columns |= {name: unknown for name in names if name in OF_A_YEAR}
    return columns


def daily_ends(terms: Terms, sessions: Table, days: Table) -> Table:
    """The equity of every account at the end of every day; shape (combinations, days)."""
    begun = int(terms.ends.max())
    ends = np.column_stack([days[:, :begun], sessions[:, account.EQUITY]])[:, terms.ends]
    return np.ascontiguousarray(ends)


def _course_figures(terms: Terms, sessions: Table, days: Table) -> dict[str, Column]:
    equity = sessions[:, account.EQUITY]
    ends = daily_ends(terms, sessions, days)
    periods = DAYS_A_YEAR * DAY_NS / max(DAY_NS, terms.candle_s * NS)
    sharpe, sortino = np.empty(equity.size), np.empty(equity.size)
    daily_ratios(terms.start_units, ends, periods, sharpe, sortino)
    fallen = sessions[:, account.WORST_LOSS] / sessions[:, account.WORST_PEAK]
    growth = np.array([_per_year(terms, int(end)) for end in equity])
    return {
        "sharpe_daily": sharpe,
        "sortino_daily": sortino,
        "max_drawdown_rate": fallen,
        "calmar": np.array([calmar_of(*each) for each in zip(growth, fallen, strict=True)]),
        "turnover_per_year": _ratio(
            sessions[:, account.TRADED], np.mean(ends, axis=1) * terms.years
        ),
    }


def _per_year(terms: Terms, end: int) -> float:
    """As `equity_path.return_per_year_rate`."""
    if end <= 0:
        return -1.0
    growth = math.log(end / terms.start_units) / terms.years
    return math.expm1(growth) if growth <= GROWTH_LOG_MAX else math.nan


def _by(units: Column, whole: int) -> Floats:
    """Counts by a count, each rounded once: numpy would round a count above 2**53 before."""
    return np.array([each / whole for each in units.tolist()], np.float64)


def _ratio(part: Column, whole: Column) -> Floats:
    out = np.full(part.size, math.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
