"""How long a part of the candles shall be: as people write it, or as a count of candles."""

import re

import numpy as np

from gpt_trader.backtesting.numbers import whole_of
from gpt_trader.backtesting.walk_forward import Window, anchored_windows, rolling_windows
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.statistics import DAY_NS
from gpt_trader.kernels.vectors import Ints
from gpt_trader.store.candle_table import DAY_S, SECOND_NS

PERIODS_MAX = 1_000_000

Span = str | int
"""A time such as "30d", "12h" or "90m", or a number of candles."""

_WRITTEN = re.compile(r"(\d+(?:\.\d+)?) ?([smhdwHDW])")
_UNITS_NS = {
    unit: seconds * SECOND_NS
    for unit, seconds in (("s", 1), ("m", 60), ("h", 3_600), ("d", DAY_S), ("w", 7 * DAY_S))
}


def span_ns(span: str, name: str) -> int:
    """The nanoseconds of a span.

    Raises
    ------
    UsageError
        It is none, or not above zero; the message begins with `name`.

    Examples
    --------
    >>> span_ns("2d", "train") == 2 * 86_400 * 10**9
    True
    """
    written = _WRITTEN.fullmatch(span.strip())
    if written is None:
        raise UsageError(
            f"{name} = {span!r} is no time: a number of s, m, h, d or w, as 30d or 12h"
        )
    found = round(float(written[1]) * _UNITS_NS[written[2].lower()])
    if found <= 0:
        raise UsageError(f"{name} = {span!r}: a time above zero")
    return found


def windows_of(start_ns: Ints, train: Span, test: Span, anchored: bool) -> tuple[Window, ...]:
    """Windows to train and to test on; places in `start_ns`, the starts of the candles.

    Spans are cut by the clock, from the first candle on: a window in a gap of the candles is
    shorter, and one without any candle to test on does not exist.

    Raises
    ------
    UsageError
        They do not fit, or one is a time and the other a number of candles.
    """
    if isinstance(train, str) and isinstance(test, str):
        return _timed(start_ns, span_ns(train, "train"), span_ns(test, "test"), anchored)
    if isinstance(train, str) or isinstance(test, str):
        raise UsageError(f"train = {train!r} and test = {test!r}: two times, or two counts")
    most = start_ns.size
    counts = whole_of("train", train, 1, most), whole_of("test", test, 1, most)
    cut = anchored_windows if anchored else rolling_windows
    return cut(start_ns.size, *counts)


def _timed(start_ns: Ints, train_ns: int, test_ns: int, anchored: bool) -> tuple[Window, ...]:
    first, last = int(start_ns[0]), int(start_ns[-1])
    begins = np.arange(first, last + 1 - train_ns, test_ns)
    if not begins.size:
        raise UsageError(
            f"a training of {train_ns / DAY_NS:g} days leaves nothing to test on: the candles last "
            f"{(last - first) / DAY_NS:.4g}"
        )
    edges = (begins, begins + train_ns, begins + train_ns + test_ns)
    places = zip(*(np.searchsorted(start_ns, edge).tolist() for edge in edges), strict=True)
    return tuple(
        Window(0 if anchored else begin, stop, end) for begin, stop, end in places if stop < end
    )


def periods_of(span: Span, period_ns: int, name: str) -> int:
    """How many periods a span takes up, the last one whole; a count is one already.

    Raises
    ------
    UsageError
        It is neither; the message begins with `name`.

    Examples
    --------
    >>> periods_of("25h", 86_400 * 10**9, "purge"), periods_of(3, 86_400 * 10**9, "purge")
    (2, 3)
    """
    if isinstance(span, str):
        return -(-span_ns(span, name) // period_ns)
    return whole_of(name, span, 0, PERIODS_MAX)
