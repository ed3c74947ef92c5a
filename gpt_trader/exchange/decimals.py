"""Whole numbers of increments, as the decimal text of the wire and back."""

import re
from decimal import Context, Decimal

CASH_PLACES = 8
CASH_UNITS = 10**CASH_PLACES  # of any currency: the unit of all balances, notionals and fees

EXACT = Context(prec=80)  # holds all that ``NUMBER`` lets through; the usual 28 digits round

NUMBER = re.compile(r"-?(\d{1,30})(\.\d{1,30})?", re.ASCII)


def decimal_text(count: int, places: int) -> str:
    """Write ``count`` steps of ten to the minus ``places``, without trailing zeros.

    Examples
    --------
    >>> decimal_text(6200000, 2), decimal_text(150, 3), decimal_text(-5, 1)
    ('62000', '0.15', '-0.5')
    """
    if count < 0:
        return "-" + decimal_text(-count, places)
    if not places:
        return str(count)
    digits = str(count).zfill(places + 1)
    part = digits[-places:].rstrip("0")
    return f"{digits[:-places]}.{part}" if part else digits[:-places]


def ratio_text(numerator: int, denominator: int, places: int) -> str:
    """Write a quotient with at most ``places`` decimals, rounded half to even."""
    whole, rest = divmod(numerator * 10**places, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return decimal_text(whole, places)


def parse_number(text: str) -> Decimal | None:
    """Read plain decimal text; None for anything else: words, exponents, signs but a minus."""
    if NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def whole_steps(value: Decimal, places: int) -> int | None:
    """Count the steps of ten to the minus ``places`` in a value; None when it is between two."""
    scaled = value.scaleb(places, EXACT)
    whole = int(scaled)
    return whole if whole == scaled else None


def cash_units(value: Decimal) -> int:
    """Count the cash units (1e-8) in a balance.

    Raises
    ------
    ValueError
        The value is not a whole number of them, or negative.
    """
    units = whole_steps(value, CASH_PLACES)
    if units is None or units < 0:
        raise ValueError(f"{value} is not a balance: at least 0, at most {CASH_PLACES} decimals")
    return units
