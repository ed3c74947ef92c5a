"""A tearsheet opens from a file, without internet, and its plots are really drawn."""

from pathlib import Path

from gpt_trader.research.plots import HOLDING, LOSS, OURS
from tests.browser.chromium import window
from tests.browser.pixels import colours, near
from tests.research.outcomes import a_result

COLOURS_MIN = 50  # a blank plot has one or two, its axes alone some twenty
LINE_PIXELS_MIN = 200


def test_a_tearsheet_opens_offline_and_shows_its_lines(tmp_path: Path) -> None:
    path = a_result(candles=20_000).tearsheet(tmp_path / "sheet.html")

    with window() as seen:
        seen.page.goto(path.as_uri())
        plots = seen.page.locator(".bk-GridPlot")
        plots.locator("canvas").first.wait_for(timeout=20_000)
        seen.page.wait_for_timeout(1_000)  # bokeh paints in the next animation frames
        found = colours(plots.screenshot())

    assert len(found) > COLOURS_MIN
    assert min(near(found, colour) for colour in (OURS, HOLDING, LOSS)) > LINE_PIXELS_MIN
    assert seen.foreign == [] and seen.errors == []


def test_the_pixel_test_sees_an_empty_plot(tmp_path: Path) -> None:
    """The same page without its scripts: what a tearsheet from a CDN looks like offline."""
    path = a_result().tearsheet(tmp_path / "sheet.html")
    text = path.read_text("utf-8")
    start, end = text.index("<script>"), text.index("</head>")
    path.write_text(text[:start] + text[end:], "utf-8")

    with window() as seen:
        seen.page.goto(path.as_uri())
        found = colours(seen.page.screenshot())

    assert near(found, OURS) < LINE_PIXELS_MIN
