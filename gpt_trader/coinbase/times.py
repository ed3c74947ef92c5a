"""Times on Coinbase's wire: RFC 3339 text to integer nanoseconds UTC, and back."""

import datetime as dt
import re
from functools import lru_cache

from gpt_trader.domain.errors import WireError

SECOND_NS = 1_000_000_000
_DAY_S = 86_400
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_MINUTE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)

# Two look-ups instead of a general parser: the trades of a frame share their minute.
_SECONDS = {f":{second:02d}": second for second in range(60)}
_SCALE: tuple[int, ...] = tuple(10 ** (9 - digits) for digits in range(10))


def parse_time(text: str) -> int:
    """Read a time as Coinbase writes it, as nanoseconds UTC.

    Coinbase trims trailing zeros, so the fraction has 0 to 9 digits (coinbase-wire, 3.3). The
    offset is ``Z`` or ``+00:00``; a time of another zone is refused, not converted.

    Raises
    ------
    WireError
        It is no such time.

    Examples
    --------
    >>> parse_time("2026-01-02T03:04:05.000006Z"), parse_time("2026-01-02T03:04:05+00:00")
    (1767323045000006000, 1767323045000000000)
    """
    try:
        seconds = _minute_s(text[:16]) + _SECONDS[text[16:19]]
    except KeyError:
        raise WireError(f"not a time in UTC: {text[:40]!r}") from None
    rest = text[19:]
    if rest == "Z" or rest == "+00:00":
        return seconds * SECOND_NS
    digits = rest[1:-1] if rest[-1:] == "Z" else rest[1:].removesuffix("+00:00")
    size = len(digits)
    if rest[:1] != "." or not 1 <= size <= 9 or not (digits.isdigit() and digits.isascii()):
        raise WireError(f"not a time in UTC: {text[:40]!r}")
    if rest[-1] != "Z" and size + 7 != len(rest):
        raise WireError(f"not a time in UTC: {text[:40]!r}")
    return seconds * SECOND_NS + int(digits) * _SCALE[size]


def build_time(time_ns: int) -> str:
    """Write nanoseconds UTC as Coinbase reads them.

    Examples
    --------
    >>> build_time(1767323045000006000)
    '2026-01-02T03:04:05.000006000Z'
    """
    seconds, rest_ns = divmod(time_ns, SECOND_NS)
    days, second = divmod(seconds, _DAY_S)
    date = dt.date.fromordinal(_EPOCH_DAY + days).isoformat()
    minute, second = divmod(second, 60)
    return f"{date}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}.{rest_ns:09d}Z"


@lru_cache(maxsize=4096)
def _minute_s(minute: str) -> int:
    """UNIX seconds at the start of a minute; a KeyError, as from a table, for what is none."""
    if _MINUTE.fullmatch(minute) is None:
        raise KeyError(minute)
    try:
        start = dt.datetime.fromisoformat(f"{minute}+00:00")
    except ValueError:
        raise KeyError(minute) from None
    return (start.toordinal() - _EPOCH_DAY) * _DAY_S + start.hour * 3_600 + start.minute * 60
