from decimal import Decimal

import pytest

from gpt_trader.coinbase.decimals import build_amount, parse_amount, parse_count, parse_positive
from gpt_trader.domain.errors import WireError

WRONG = (
    "", " ", "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "-1", "+1", "-0", "1e5",
    "1E-8", "1e999", "1_000", "1,000", ".5", "5.", "0x10", " 1", "1 ", "1\n", "٣", "1.2.3",
    "1" * 19, "0." + "1" * 19, "null",
)  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_only_plain_decimal_text_is_a_number(text: str) -> None:
    for parse in (parse_amount, parse_positive, parse_count):
        with pytest.raises(WireError):
            parse(text)


def test_every_digit_is_kept() -> None:
    assert str(parse_positive("0.00000001")) == "1E-8"
    assert parse_amount("123456789012345678.123456789012345678") == Decimal(
        "123456789012345678.123456789012345678"
    )


@pytest.mark.parametrize("text", ["0", "0.0", "000", "0.000000000000000000"])
def test_zero_is_an_amount_but_not_positive(text: str) -> None:
    assert parse_amount(text) == 0
    with pytest.raises(WireError, match="zero"):
        parse_positive(text)


@pytest.mark.parametrize("text", ["1.0", "1" * 19, "²"])
def test_a_count_has_digits_only(text: str) -> None:
    with pytest.raises(WireError):
        parse_count(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E-8", "0.00000001"), ("1E+3", "1000"), ("150.00", "150.00"), ("0.1", "0.1")],
)
def test_a_number_is_written_without_an_exponent(value: str, text: str) -> None:
    assert build_amount(Decimal(value)) == text


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity"])
def test_nothing_but_a_positive_number_is_ever_written(value: str) -> None:
    with pytest.raises(AssertionError):
        build_amount(Decimal(value))
