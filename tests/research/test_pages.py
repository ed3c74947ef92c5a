"""What people look at: cards, tearsheets and plots hold the figures, and no foreign script."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpt_trader.domain.errors import StoreRefused, UsageError
from gpt_trader.research.backtest import backtest
from gpt_trader.research.html import result_html, sweep_html, table_html
from gpt_trader.research.plots import heat_map, stability_plot
from gpt_trader.research.samples import sample
from gpt_trader.research.tearsheet import tearsheet_html, write_tearsheet
from tests.research.outcomes import a_result

NASTY = "</script><img src=x onerror=alert(1)>"
BYTES_MAX = 5_000_000


class Outside(HTMLParser):
    """Collects whatever a page would load from elsewhere, and the tags it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]


def a_table() -> pd.DataFrame:
    grid = [(fast, slow) for fast in range(5, 30, 5) for slow in range(40, 100, 20)]
    frame = pd.DataFrame(grid, columns=["fast", "slow"])
    return frame.assign(sharpe_daily=np.sin(frame["fast"]) + frame["slow"] / 100)


def test_a_tearsheet_is_complete_and_loads_nothing() -> None:
    result = a_result(candles=50_000)

    page = tearsheet_html(result)

    seen = Outside(page)
    assert seen.loads == []
    assert len(page.encode()) < BYTES_MAX
    assert all(name in page for name in result.stats if not name.startswith("buy_and_hold_"))
    assert result.content_hash in page and "numba" in page
    assert all(f"<h2>{title}</h2>" in page for title in ("Returns by month", "Round trips"))


def test_names_cannot_put_anything_into_a_page() -> None:
    result = a_result(name=NASTY)

    for page in (tearsheet_html(result), result_html(result), table_html([NASTY], [[NASTY]])):
        seen = Outside(page)
        assert "img" not in seen.tags and seen.loads == []


def test_a_tearsheet_of_a_strategy_that_never_traded_is_written(tmp_path: Path) -> None:
    result = a_result(slow=3_000)

    path = write_tearsheet(result, tmp_path / "deep" / "sheet.html")

    assert "none" in path.read_text("utf-8")


def test_several_products_are_shown_together(tmp_path: Path) -> None:
    frames = [
        sample(name, candles=1_000).assign(product_id=name) for name in ("BTC-USD", "ETH-USD")
    ]

    result = backtest(frames, "ma_crossover", market="close")

    curves = result.plot().view.traverse(lambda curve: len(curve), ["Curve"])
    assert len(curves) == 5
    assert "BTC-USD, ETH-USD" in result.tearsheet(tmp_path / "both.html").read_text("utf-8")


def test_a_tearsheet_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreRefused, match="file"):
        write_tearsheet(a_result(), tmp_path / "file" / "sheet.html")


def test_a_card_shows_ours_beside_holding() -> None:
    result = a_result()

    card = result_html(result)

    text = re.sub(r"<[^>]+>", " ", card)
    assert f"{100 * float(result.stats['return_rate']):,.2f} %" in text
    holding = float(result.stats["buy_and_hold_return_rate"])
    assert f"holding {100 * holding:,.2f} %" in text
    assert "var(--jp-" in card and Outside(card).loads == []


def test_a_card_of_a_sweep_shows_the_median_beside_the_best() -> None:
    table = a_table()
    best = table.sort_values("sharpe_daily", ascending=False).head(3)

    text = re.sub(r"<[^>]+>", " ", sweep_html(table, best, "crossover", "abc" * 20))

    assert "combinations" in text and "15" in text
    assert f"{table['sharpe_daily'].median():.4g}" in text
    assert f"{best['sharpe_daily'].iloc[0]:.4g}" in text


def test_lines_of_a_long_result_are_drawn_with_few_points() -> None:
    result = a_result(candles=60_000)

    picture = result.plot()

    curves = picture.view.traverse(lambda curve: len(curve), ["Curve"])
    marks = picture.view.traverse(lambda points: len(points), ["Scatter"])
    assert len(curves) == 4 and max(curves) <= 5_000
    assert sum(marks) == len(result.fills) > 100


def test_a_plot_says_what_it_is_in_text() -> None:
    said = "ma_crossover(fast 20, slow 100, band_bps 2) on BTC-USD"

    assert repr(a_result().plot()) == f"<plot: {said}>"


def test_a_plot_for_a_notebook_asks_no_other_machine() -> None:
    page = a_result().plot()._repr_html_()

    assert "<script" in page and "cdn" not in page and Outside(page).loads == []


def test_sweeps_have_a_heat_map_and_a_stability_plot() -> None:
    table = a_table()

    cells = heat_map(table, "fast", "slow").view.traverse(lambda cells: len(cells), ["HeatMap"])
    lines = stability_plot(table, "fast").view.traverse(lambda line: len(line), ["Curve"])

    assert cells == [15] and lines == [5]


def test_an_unknown_column_of_a_sweep_is_named() -> None:
    with pytest.raises(UsageError, match="no column fats in this sweep; there are fast, slow"):
        heat_map(a_table(), "fats", "slow")
