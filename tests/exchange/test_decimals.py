"""Counts of increments as decimal text and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.exchange.decimals import (
    cash_units,
    decimal_text,
    parse_number,
    ratio_text,
    whole_steps,
)

counts = st.integers(-(10**20), 10**20)
places = st.integers(0, 8)


@given(counts, places)
def test_text_means_the_same_number_in_its_shortest_form(count: int, digits: int) -> None:
    text = decimal_text(count, digits)

    assert Decimal(text) == Decimal(count).scaleb(-digits)
    assert "E" not in text
    assert "." not in text or not text.endswith("0")


@given(counts, places)
def test_what_is_written_can_be_read_back(count: int, digits: int) -> None:
    value = parse_number(decimal_text(count, digits))

    assert value is not None
    assert whole_steps(value, digits) == count


@given(st.integers(0, 10**15), st.integers(1, 10**9), places)
def test_a_ratio_is_rounded_half_to_even(numerator: int, denominator: int, digits: int) -> None:
    exact = Decimal(numerator) / Decimal(denominator)

    shown = Decimal(ratio_text(numerator, denominator, digits))

    assert abs(shown - exact) <= Decimal(5).scaleb(-digits - 1) + Decimal("1e-9")


@pytest.mark.parametrize(("numerator", "shown"), [(1, "0"), (3, "2"), (5, "2"), (7, "4")])
def test_a_half_goes_to_the_even_neighbour(numerator: int, shown: str) -> None:
    assert ratio_text(numerator, 2, 0) == shown


@pytest.mark.parametrize(
    "text", ["", "abc", "NaN", "Infinity", "1e5", "+1", "1.", ".5", "1 ", "\u0661"]
)
def test_only_plain_decimal_text_is_a_number(text: str) -> None:
    assert parse_number(text) is None


def test_a_value_between_two_steps_has_no_count() -> None:
    assert whole_steps(Decimal("0.015"), 2) is None


@pytest.mark.parametrize("text", ["-1", "0.000000001"])
def test_a_balance_must_be_whole_cash_units(text: str) -> None:
    with pytest.raises(ValueError, match="is not a balance"):
        cash_units(Decimal(text))


@pytest.mark.parametrize(
    "text", ["1." + "0" * 29 + "1", "123456789012345678901234567890.123456789"]
)
def test_no_digit_is_lost_however_many_there_are(text: str) -> None:
    """The usual 28 digits of a Decimal would make whole steps of both."""
    value = parse_number(text)

    assert value is not None
    assert whole_steps(value, 8) is None


def test_thirty_digits_are_counted_in_full() -> None:
    assert whole_steps(Decimal("123456789012345678901234567890.12"), 2) == int(
        "1234567890" * 3 + "12"
    )
