import random
from datetime import UTC, datetime, timedelta

import pytest

from gpt_trader.coinbase.times import build_time, parse_time
from gpt_trader.domain.errors import WireError
from tests.tier import scaled

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("digits", range(10))
@pytest.mark.parametrize("zone", ["Z", "+00:00"])
def test_zero_to_nine_fractional_digits_are_read_exactly(digits: int, zone: str) -> None:
    fraction = "123456789"[:digits]

    time_ns = parse_time(f"2026-11-23T09:15:04{'.' if fraction else ''}{fraction}{zone}")

    seconds = int((datetime(2026, 11, 23, 9, 15, 4, tzinfo=UTC) - EPOCH).total_seconds())
    assert time_ns == seconds * 10**9 + int(fraction.ljust(9, "0"))


def test_any_second_is_read_as_the_calendar_says_and_written_back() -> None:
    dice = random.Random(3)

    for _ in range(scaled(20_000)):
        second, rest_ns = dice.randrange(-(10**10), 10**10), dice.randrange(10**9)
        moment = (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")

        time_ns = parse_time(f"{moment}.{rest_ns:09d}Z")

        assert time_ns == second * 10**9 + rest_ns
        assert build_time(time_ns) == f"{moment}.{rest_ns:09d}Z"


def test_the_zero_time_of_unused_fields_is_read() -> None:
    assert parse_time("0001-01-01T00:00:00Z") == -62_135_596_800 * 10**9


WRONG = (
    "", "Z", "2026-11-23", "2026-11-23T09:15Z", "2026-11-23T09:15:04", "2026-11-23 09:15:04Z",
    "2026-11-23T09:15:04.Z", "2026-11-23T09:15:04.1234567890Z", "2026-11-23T09:15:04,5Z",
    "2026-11-23T09:15:04.5", "2026-11-23T09:15:04.+5Z", "2026-11-23T09:15:04.5ZZ",
    "2026-11-23T09:15:04.5Z+00:00", "2026-11-23T09:15:04+01:00", "2026-11-23T09:15:04-00:00",
    "2026-11-23T09:15:04.5+01:00", "2026-11-23T09:15:04z", "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:60Z", "2026-W01-1T00:00:00Z", "+026-01-01T00:00:00Z",
    "\uff12026-01-01T00:00:00Z", "2026-01-01T00:00:00.\uff15Z", " 2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.1+00:00+00:00", "2026-01-01T00:00:00.1 Z", "2026-01-01T00:00:00X5Z",
)  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(WireError, match="not a time in UTC"):
        parse_time(text)
