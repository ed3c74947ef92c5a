"""JupyterLab without internet: the tour runs top to bottom, and plots are drawn, not blank."""

import json
import shutil
from pathlib import Path

from gpt_trader.research.plots import HOLDING, LOSS, OURS
from tests.browser.chromium import window
from tests.browser.laboratory import ROOT, errors_of, lab, run_all
from tests.browser.pixels import colours, near
from tests.browser.test_tearsheet import COLOURS_MIN, LINE_PIXELS_MIN
from tests.research.outcomes import a_result

PLOT = (
    """\
from gpt_trader.research.setup import setup

setup()
""",
    """\
from tests.research.outcomes import a_result

a_result(candles=20_000).plot()
""",
)


def a_notebook(path: Path, *sources: str) -> Path:
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "id": f"{number:02d}",
            "metadata": {},
            "source": source,
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    text = json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    )
    path.write_text(text, "utf-8")
    return path


def test_the_tour_runs_top_to_bottom(tmp_path: Path) -> None:
    notebook = tmp_path / "00_tour.ipynb"
    shutil.copy(ROOT / "notebooks" / notebook.name, notebook)

    with lab(tmp_path) as address, window() as seen:
        seen.page.goto(address.format(notebook.name))
        cells = run_all(seen.page, notebook)
        dialogs = seen.page.locator(".jp-Dialog, .jp-toast-button").count()

    assert errors_of(cells) == []
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert dialogs == 0, "JupyterLab asks something, about news perhaps"
    assert seen.foreign == []


def test_a_result_is_plotted_and_not_blank(tmp_path: Path) -> None:
    a_result(candles=20_000)  # compiles, which is not what is waited for below
    notebook = a_notebook(tmp_path / "plot.ipynb", *PLOT)

    with lab(tmp_path) as address, window(width=1600) as seen:
        seen.page.goto(address.format(notebook.name))
        cells = run_all(seen.page, notebook)
        plot = seen.page.locator(".jp-OutputArea-output:has(.bk-GridPlot)").last
        plot.scroll_into_view_if_needed()
        seen.page.wait_for_timeout(1_500)  # bokeh paints in the next animation frames
        found = colours(plot.screenshot())

    assert errors_of(cells) == []
    assert len(found) > COLOURS_MIN
    assert min(near(found, colour) for colour in (OURS, HOLDING, LOSS)) > LINE_PIXELS_MIN
    assert seen.foreign == []
