"""RFC 3339 text and nanoseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.exchange.timestamps import parse_time, time_text


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_every_nanosecond_survives_writing_and_reading(time_ns: int) -> None:
    assert parse_time(time_text(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T01:00:01.5+01:00", 1_500_000_000),
        ("1970-01-01t00:00:00.000000001z", 1),
        ("1969-12-31T23:59:59Z", -(10**9)),
    ],
)
def test_offsets_and_fractions_are_understood(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-05", "2026-13-05T00:00:00Z", "170"])
def test_other_text_is_no_time(text: str) -> None:
    assert parse_time(text) is None
