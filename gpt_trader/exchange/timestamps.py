"""Times on the wire: RFC 3339 text to nanoseconds UTC and back."""

import datetime as dt
import re
from functools import lru_cache

SECOND_NS = 1_000_000_000
DAY_S = 86_400
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ZERO_TIME = "0001-01-01T00:00:00Z"

PATTERN = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def time_text(time_ns: int) -> str:
    """Write a time as Coinbase does: UTC, trailing zeros of the fraction are cut.

    Examples
    --------
    >>> time_text(1_767_571_200_250_000_000)
    '2026-01-05T00:00:00.25Z'
    """
    second, rest_ns = divmod(time_ns, SECOND_NS)
    day, of_day = divmod(second, DAY_S)
    minute, of_minute = divmod(of_day, 60)
    text = f"{_day_text(day)}T{minute // 60:02d}:{minute % 60:02d}:{of_minute:02d}"
    if not rest_ns:
        return text + "Z"
    return f"{text}.{rest_ns:09d}".rstrip("0") + "Z"


def parse_time(text: str) -> int | None:
    """Read RFC 3339 text with any offset as nanoseconds UTC; None when it is none."""
    match = PATTERN.fullmatch(text)
    if match is None:
        return None
    moment, fraction, offset = match.groups()
    try:
        parsed = dt.datetime.fromisoformat(moment + offset.upper())
    except ValueError:  # such as a 13th month
        return None
    delta = parsed - EPOCH
    seconds = delta.days * DAY_S + delta.seconds
    return seconds * SECOND_NS + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=64)
def _day_text(day: int) -> str:
    return (EPOCH + dt.timedelta(days=day)).date().isoformat()
