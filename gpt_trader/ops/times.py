"""Times as a person writes them on a command line: a moment, a span, or how far back."""

from datetime import UTC, datetime

from gpt_trader.domain.errors import UsageError

NS = 1_000_000_000
SPANS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
SPAN_S_MAX = 366 * 86_400


def moment_ns(text: str, flag: str) -> int:
    """A moment in nanoseconds since 1970, UTC where it names no zone; whole seconds.

    Raises
    ------
    UsageError
        It is none; the line names `flag`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise UsageError(
            f"{flag} {text[:40]!r}: write 2026-01-31 or 2026-01-31T12:30Z; without a zone it is UTC"
        ) from e
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS


def span_ns(text: str, flag: str) -> int:
    """A span in nanoseconds, above nothing and at most a year.

    Raises
    ------
    UsageError
        It is none; the line names `flag`.
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in SPANS_S):
        raise UsageError(f"{flag} {text[:40]!r}: write 90s, 30m, 2h or 1d")
    span_s = int(number[:12]) * SPANS_S[unit]
    if not 0 < span_s <= SPAN_S_MAX or len(number) > 12:
        raise UsageError(f"{flag} {text[:40]!r}: more than nothing, and at most a year")
    return span_s * NS


def since_ns(text: str, flag: str, now_ns: int) -> int:
    """Where a look back begins: a moment, or a span before now.

    Raises
    ------
    UsageError
        It is neither.
    """
    if text[-1:] in SPANS_S and text[:-1].isdigit():
        return now_ns - span_ns(text, flag)
    return moment_ns(text, flag)
