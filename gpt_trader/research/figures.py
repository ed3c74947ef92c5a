"""Figures as a person reads them: the suffix of a name says the unit, ours stand beside holding."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pandas as pd

from gpt_trader.backtesting.result import BacktestResult

HOLDING = "buy_and_hold_"
UNKNOWN = "-"


NOTE = (
    "Of daily returns (UTC) and a year of 365 days, without a riskless rate; turnover is bought "
    "and sold by mean equity, exposure the share of candles with a holding. - is not known: "
    "a year's figures need 30 daily returns, a ratio something to divide by."
)
"""What stands below a table of figures; docs/backtests.md says more."""


class Figure(NamedTuple):
    """One line of the table of figures."""

    name: str
    ours: str
    holding: str  # "" where holding has no such figure


def shown(name: str, value: object) -> str:
    """The value in the form its name asks for: a rate in per cent, quote in cents, counts whole.

    Examples
    --------
    >>> shown("return_rate", 0.0123), shown("fees_quote", 1234.5), shown("round_trips", 17)
    ('1.23 %', '1,234.50', '17')
    >>> shown("win_rate", float("nan"))
    '-'
    """
    numbers = int | float | Decimal | np.number
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers):
        return str(value)
    if value != value:
        return UNKNOWN
    if value in (math.inf, -math.inf):
        return "infinite"
    if name.endswith("_rate"):
        return f"{100 * float(value):,.2f} %"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return f"{value:,.2f}" if name.endswith("_quote") else f"{float(value):,.4g}"


def values_text(result: BacktestResult) -> str:
    """The parameters of a result in one line."""
    return ", ".join(f"{name} {value:g}" for name, value in result.values.items())


def products_text(result: BacktestResult) -> str:
    """What a result was traded on, in one line."""
    return ", ".join(tape.product.product_id for tape in result.tapes)


def figures(stats: Mapping[str, object]) -> list[Figure]:
    """Every figure in the order of `stats`, that of holding on the same line."""
    names = [name for name in stats if not name.startswith(HOLDING)]
    orphans = [
        name
        for name in stats
        if name.startswith(HOLDING) and name.removeprefix(HOLDING) not in stats
    ]
    lines = [
        Figure(
            name,
            shown(name, stats[name]),
            shown(name, stats[HOLDING + name]) if HOLDING + name in stats else "",
        )
        for name in names
    ]
    return lines + [
        Figure(name.removeprefix(HOLDING), "", shown(name, stats[name])) for name in orphans
    ]


def monthly_returns(equity: "pd.Series[float]", start: float) -> pd.DataFrame:
    """The return of each calendar month (UTC), a row a year; the months' product is the whole.

    Parameters
    ----------
    equity
        Quote, by the end of each candle, oldest first; what ends at midnight is of the old day.
    start
        Quote before the first candle.

    Returns
    -------
    DataFrame
        Fractions; columns 1 to 12 and `year`. NaN for months without equity.
    """
    if not len(equity):
        return pd.DataFrame(columns=[*range(1, 13), "year"], dtype=float)
    times = pd.DatetimeIndex(equity.index) - pd.Timedelta(1, "ns")
    month = times.year * 12 + times.month - 1
    last = equity.groupby(np.asarray(month)).last()
    before = last.shift(1)
    before.iloc[0] = start
    returns = (last / before - 1).to_numpy()
    months = last.index.to_numpy()
    table = pd.DataFrame({"year": months // 12, "month": months % 12 + 1, "return": returns})
    wide = table.pivot(index="year", columns="month", values="return")
    wide = wide.reindex(columns=range(1, 13))
    wide["year"] = (1 + wide.fillna(0.0)).prod(axis=1) - 1
    wide.columns.name = None
    return wide
