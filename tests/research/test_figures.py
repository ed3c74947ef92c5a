"""Figures are shown in their units, holding beside ours; months multiply to the whole."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from gpt_trader.research.figures import Figure, figures, monthly_returns, shown


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("max_drawdown_rate", 0.1234, "12.34 %"),
        ("fees_quote", 1234567.891, "1,234,567.89"),
        ("round_trips", 1234, "1,234"),
        ("sharpe_daily", 1.23456, "1.235"),
        ("calmar", float("nan"), "-"),
        ("sharpe_daily", np.float64(2.0), "2"),
        ("orders", np.int64(7), "7"),
        ("equity_end_quote", Decimal("100123.456"), "100,123.46"),
        ("first", "2023-01-01", "2023-01-01"),
    ],
)
def test_a_figure_is_shown_in_its_unit(name: str, value: object, text: str) -> None:
    assert shown(name, value) == text


def test_holding_stands_on_the_line_of_the_figure_it_belongs_to() -> None:
    stats = {
        "return_rate": 0.1,
        "orders": 4,
        "buy_and_hold_return_rate": 0.2,
        "buy_and_hold_calmar": 2.0,
    }

    lines = figures(stats)

    assert lines == [
        Figure("return_rate", "10.00 %", "20.00 %"),
        Figure("orders", "4", ""),
        Figure("calmar", "", "2"),
    ]


def test_months_multiply_to_the_whole_return() -> None:
    times = pd.date_range("2021-11-03", "2023-02-20", freq="6h", tz="UTC")
    dice = np.random.default_rng(3)
    equity = pd.Series(1000 * np.exp(np.cumsum(dice.normal(0, 0.01, len(times)))), index=times)

    table = monthly_returns(equity, float(equity.iloc[0]))

    whole = equity.iloc[-1] / equity.iloc[0]
    assert np.isclose(np.prod(1 + table["year"].to_numpy()), whole, rtol=1e-12)
    assert list(table.index) == [2021, 2022, 2023]
    assert table.loc[2021].isna().sum() == 10
    december = equity[:"2023-01-01 00:00"].iloc[-1] / equity[:"2022-12-01 00:00"].iloc[-1] - 1
    assert np.isclose(table[12].to_numpy()[1], december, rtol=1e-12)


def test_a_daily_candle_is_of_the_day_that_it_ends() -> None:
    """January's last one ends at February's first midnight; its first is counted, too."""
    times = pd.date_range("2023-01-02", "2023-03-01", freq="1D", tz="UTC")
    equity = pd.Series(np.where(np.arange(len(times)) < 31, 110.0, 99.0), index=times)

    table = monthly_returns(equity, 100.0)

    assert table.loc[2023].dropna().to_dict() == pytest.approx({1: 0.1, 2: -0.1, "year": -0.01})


def test_no_equity_has_no_months() -> None:
    assert monthly_returns(pd.Series(dtype=float), 1.0).empty
