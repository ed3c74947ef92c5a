"""Numbers on Coinbase's wire: plain decimal text to `Decimal`, and back."""

import re
from decimal import Decimal

from gpt_trader.domain.errors import WireError

# Wider than any real price or size, and narrow enough that no later product overflows silently.
_PLAIN = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)


def parse_amount(text: str) -> Decimal:
    """Read a number that may be zero but never negative.

    Raises
    ------
    WireError
        A sign, an exponent, NaN, infinity, a blank, or more than 18 digits on either side.
    """
    if _PLAIN.fullmatch(text) is None:
        raise WireError(f"not a plain decimal number: {text[:40]!r}")
    return Decimal(text)


def parse_signed(text: str) -> Decimal:
    """Read a number that may be below zero, such as a loss.

    Raises
    ------
    WireError
        It is no plain decimal number with at most a minus before it.
    """
    return -parse_amount(text[1:]) if text.startswith("-") else parse_amount(text)


def parse_positive(text: str) -> Decimal:
    """Read a number above zero, such as a price.

    Raises
    ------
    WireError
        It is zero, or no plain decimal number.
    """
    if _PLAIN.fullmatch(text) is None:
        raise WireError(f"not a plain decimal number: {text[:40]!r}")
    value = Decimal(text)
    if not value:
        raise WireError(f"zero where only a positive number makes sense: {text[:40]!r}")
    return value


def parse_count(text: str) -> int:
    """Read a whole number, such as a trade id.

    Raises
    ------
    WireError
        It is anything but 1 to 18 decimal digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise WireError(f"not a whole number: {text[:40]!r}")
    return int(text)


def build_amount(value: Decimal) -> str:
    """Write a positive number without an exponent, which Coinbase would refuse."""
    assert value.is_finite() and value > 0, value
    return format(value, "f")
