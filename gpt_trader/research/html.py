"""What a notebook shows of a result: a card of figures and a table, in the colours of its theme."""

from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd

from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.research.figures import NOTE, figures, products_text, shown, values_text

HEADLINES = ("return_rate", "sharpe_daily", "max_drawdown_rate", "round_trips", "fees_quote")
CARD = (
    "border:1px solid var(--jp-border-color2,#bbb);border-radius:4px;padding:10px 14px;"
    "display:inline-block;color:var(--jp-content-font-color1,inherit);"
    "background:var(--jp-layout-color1,transparent);font-family:var(--jp-ui-font-family,sans-serif)"
)
KPI = "display:inline-block;margin:6px 22px 6px 0;vertical-align:top"
QUIET = "color:var(--jp-content-font-color2,#777);font-size:85%"
LARGE = "font-size:150%;font-weight:600"
WARNED = "border-left:3px solid #d62728;padding-left:8px;margin:4px 0"
CELL = "padding:2px 10px;text-align:right"
NAME = "padding:2px 10px;text-align:left"


def result_html(result: BacktestResult) -> str:
    """The figures of a backtest, those of buying and holding beside them."""
    lines = figures(result.stats)
    top = [
        (line.name, line.ours, f"holding {line.holding}" if line.holding else "")
        for line in lines
        if line.name in HEADLINES
    ]
    rows = [(line.name, line.ours, line.holding) for line in lines]
    table = table_html(("", "strategy", "buy and hold"), rows)
    return _card(
        f"{result.strategy.name} on {products_text(result)}",
        f"{values_text(result)}; {result.content_hash[:12]}",
        top,
        f'{table}<p style="{QUIET}">{escape(NOTE)}</p>',
        note=result.denial_note,
    )


def sweep_html(table: pd.DataFrame, best: pd.DataFrame, title: str, result_hash: str) -> str:
    """How many combinations a sweep tried, and the best of them.

    Parameters
    ----------
    table, best
        All combinations; the few to show, best first.
    """
    rows = [
        [shown(str(name), value) for name, value in row.items()]
        for row in best.to_dict(orient="records")
    ]
    headlines = [("combinations", f"{len(table):,}", "")]
    # The best of many is always good: the figure to hold against it is the middle one.
    headlines += [
        (f"median {name}", shown(name, float(table[name].median())), "")
        for name in HEADLINES
        if name in table.columns and len(table)
    ]
    names = [str(name) for name in best.columns]
    return _card(title, result_hash[:12], headlines, table_html(names, rows))


def card_html(
    title: str, below: str, kpis: Sequence[tuple[str, str, str]], table: pd.DataFrame
) -> str:
    """A card of anything else: figures as (name, value, what stands beside it), and its table."""
    rows = [
        [shown(str(name), value) for name, value in row.items()]
        for row in table.to_dict(orient="records")
    ]
    return _card(title, below, kpis, table_html([str(name) for name in table.columns], rows))


def table_html(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column to the left, all others to the right, every text escaped."""
    head = "".join(f'<th style="{_cell(i)}">{escape(name)}</th>' for i, name in enumerate(names))
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{_cell(i)}">{escape(text)}</td>' for i, text in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _card(
    title: str, below: str, kpis: Sequence[tuple[str, str, str]], table: str, note: str = ""
) -> str:
    blocks = "".join(
        f'<div style="{KPI}"><div style="{QUIET}">{escape(name)}</div>'
        f'<div style="{LARGE}">{escape(value)}</div>'
        f'<div style="{QUIET}">{escape(beside)}</div></div>'
        for name, value, beside in kpis
    )
    said = f'<div style="{WARNED}">{escape(note)}</div>' if note else ""
    return (
        f'<div style="{CARD}"><b>{escape(title)}</b> <span style="{QUIET}">{escape(below)}</span>'
        f"<div>{blocks}</div>{said}<details><summary>all figures</summary>{table}</details></div>"
    )


def _cell(column: int) -> str:
    return CELL if column else NAME
