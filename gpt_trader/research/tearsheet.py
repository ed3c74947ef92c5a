"""One HTML file that says all about a backtest, and opens on any machine without internet."""

import platform
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from bokeh.resources import Resources

from gpt_trader import __version__
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.domain.errors import StoreRefused
from gpt_trader.research.figures import (
    NOTE,
    figures,
    monthly_returns,
    products_text,
    shown,
    values_text,
)
from gpt_trader.research.html import table_html
from gpt_trader.research.plots import result_plot

ROUND_TRIPS_MAX, DRAWDOWNS_MAX = 500, 10
LIBRARIES = ("numpy", "pandas", "numba")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#222;background:#fff;
max-width:960px;margin:24px auto;padding:0 16px}
h1{font-size:22px;margin-bottom:0}h2{font-size:16px;margin:28px 0 6px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{border-bottom:1px solid #e4e4e4}thead th{border-bottom:2px solid #bbb}
code{font-size:12px;overflow-wrap:anywhere}.quiet{color:#777}.wide{overflow-x:auto;max-height:420px}
"""


def write_tearsheet(result: BacktestResult, path: str | Path) -> Path:
    """Write the tearsheet of a backtest and return where it is.

    Figures beside those of buying and holding, interactive plots, returns by month, the largest
    drawdowns, the round trips, and what names the result: its content hash and all versions.

    Raises
    ------
    StoreRefused
        The file cannot be written.
    """
    target = Path(path)
    page = tearsheet_html(result)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, "utf-8")
    except OSError as e:
        raise StoreRefused(f"cannot write {target}: {e.strerror}") from e
    return target


def tearsheet_html(result: BacktestResult) -> str:
    """The tearsheet as one text, its scripts inside."""
    name = f"{result.strategy.name} on {products_text(result)}"
    sections = (
        ("Figures", _figures(result)),
        ("Equity, price and drawdown", result_plot(result).embedded()),
        ("Returns by month", _months(result)),
        ("Largest drawdowns", _rows(result.drawdowns, DRAWDOWNS_MAX)),
        ("Round trips", _rows(result.round_trips, ROUND_TRIPS_MAX)),
        ("What this is the result of", _origin(result)),
    )
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections)
    # Panel, once loaded, adds an address to what bokeh renders itself: so the texts, as they are.
    texts = Resources(mode="inline", components=["bokeh"]).js_raw
    scripts = "".join(f"<script>{text}</script>" for text in texts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(name)}</title><style>{STYLE}</style>{scripts}</head>"
        f'<body><h1>{escape(name)}</h1><p class="quiet">{escape(_span(result))}</p>'
        f"{body}</body></html>"
    )


def _figures(result: BacktestResult) -> str:
    table = table_html(("", "strategy", "buy and hold"), figures(result.stats))
    return f'{table}<p class="quiet">{escape(NOTE)}</p>'


def _months(result: BacktestResult) -> str:
    table = monthly_returns(result.equity, float(result.setup.cash))
    rows = [
        [str(year), *("" if value != value else f"{100 * value:.2f}" for value in values)]
        for year, values in zip(table.index, table.to_numpy().tolist(), strict=True)
    ]
    return f'<div class="wide">{table_html(("%", *MONTHS, "year"), rows)}</div>'


def _rows(table: pd.DataFrame, rows_max: int) -> str:
    if table.empty:
        return '<p class="quiet">none</p>'
    names = [str(name) for name in table.columns]
    rows = [
        [_text(name, value) for name, value in zip(names, row, strict=True)]
        for row in table.head(rows_max).itertuples(index=False, name=None)
    ]
    left = len(table) - len(rows)
    more = f'<p class="quiet">and {left:,} more</p>' if left > 0 else ""
    return f'<div class="wide">{table_html(names, rows)}</div>{more}'


def _text(name: str, value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    return shown(name, value)


def _origin(result: BacktestResult) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    rows: Sequence[tuple[str, str]] = (
        ("strategy", f"{result.strategy.name}({values_text(result)})"),
        ("content hash of data, code and parameters", result.content_hash),
        ("versions", f"gpt-trader {__version__}, Python {platform.python_version()}, {versions}"),
    )
    lines = "".join(f"<p>{escape(name)}<br><code>{escape(text)}</code></p>" for name, text in rows)
    return lines


def _span(result: BacktestResult) -> str:
    equity = result.equity
    first, last = (pd.Timestamp(equity.index[i]).strftime("%Y-%m-%d %H:%M") for i in (0, -1))
    return f"{len(equity):,} candles of {result.tapes[0].candle_s} s, {first} to {last} UTC"
