"""Windows by the clock and by the count: the same where no candle is missing."""

from typing import Any, cast

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.research.spans import periods_of, span_ns, windows_of

HOUR_NS = 3_600_000_000_000
DAY = 24


@pytest.mark.parametrize("anchored", [False, True])
def test_times_and_counts_cut_the_same_windows(anchored: bool) -> None:
    starts = np.arange(100 * DAY) * HOUR_NS

    timed = windows_of(starts, "30d", "7d", anchored)

    assert timed == windows_of(starts, 30 * DAY, 7 * DAY, anchored)
    assert len(timed) == 10
    assert timed[-1].test_stop == starts.size


def test_a_window_without_a_candle_to_test_on_does_not_exist() -> None:
    """Ten days, of which days 4 to 6 have no candle."""
    hours = np.arange(10 * DAY)
    starts = hours[(hours < 4 * DAY) | (hours >= 7 * DAY)] * HOUR_NS

    windows = windows_of(starts, "2d", "1d", False)

    tested = [(w.test_start, w.test_stop) for w in windows]
    assert tested == [(n * DAY, (n + 1) * DAY) for n in range(2, 7)]
    assert [w.train_stop - w.train_start for w in windows] == [2 * DAY, 2 * DAY, 0, DAY, 2 * DAY]


def test_what_is_no_span_is_refused() -> None:
    starts = np.arange(10 * DAY) * HOUR_NS

    for train, test, said in (
        ("30 dogs", "1d", "train = '30 dogs' is no time"),
        ("1d", "0d", "test = '0d': a time above zero"),
        ("1d", 24, "two times, or two counts"),
        ("30d", "1d", "leaves nothing to test on"),
        (240, 24, "do not fit into 240"),
    ):
        with pytest.raises(UsageError, match=said):
            windows_of(starts, train, test, False)


def test_a_span_in_days_ends_with_a_whole_one() -> None:
    day_ns = span_ns("1d", "purge")

    found = [periods_of(span, day_ns, "purge") for span in ("1h", "24h", "49h", 0, 5)]
    assert found == [1, 1, 3, 0, 5]


def test_counts_are_whole_numbers() -> None:
    starts, given = np.arange(10 * DAY) * HOUR_NS, cast(Any, 100.0)

    assert windows_of(starts, given, 20, False) == windows_of(starts, 100, 20, False)
    for train in (cast(Any, 100.5), 0, cast(Any, None)):
        with pytest.raises(UsageError, match=f"train = {train}"):
            windows_of(starts, train, 20, False)
    with pytest.raises(UsageError, match=r"embargo = 1\.5: give a whole number"):
        periods_of(cast(Any, 1.5), 24 * HOUR_NS, "embargo")
