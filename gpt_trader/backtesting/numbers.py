"""Numbers as people hand them to a backtest: one parser for each kind, one sentence against it."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from numbers import Integral, Real

from gpt_trader.domain.errors import UsageError

_NUMBERS = (float, int, Decimal, Real)  # made once: a backtest asks for twenty of them


def number_of(name: str, given: object) -> float:
    """A finite number; text is none, for it may be anything.

    Raises
    ------
    UsageError
        It is none; the message begins with `name`.
    """
    if isinstance(given, _NUMBERS) and not isinstance(given, bool):
        try:
            value = float(given)
        except (OverflowError, ValueError):  # 10**400, and a NaN that signals
            value = math.nan
        if math.isfinite(value):
            return value
    raise UsageError(f"{name} = {given!r} is no number")


def decimal_of(name: str, given: object) -> Decimal:
    """A finite number as it was written, exactly; text may be one, so that cents stay cents.

    Raises
    ------
    UsageError
        It is none.
    """
    if isinstance(given, Decimal):
        value = given
    elif isinstance(given, str):
        try:
            value = Decimal(given)
        except InvalidOperation as e:
            raise UsageError(f"{name} = {given!r} is no number") from e
    else:
        number = number_of(name, given)
        return Decimal(int(given)) if isinstance(given, Integral) else Decimal(repr(number))
    if not value.is_finite():
        raise UsageError(f"{name} = {given!r} is no number")
    return value


def whole_of(name: str, given: object, least: int, most: int) -> int:
    """A whole number from `least` to `most`.

    Raises
    ------
    UsageError
        It is none, or outside.
    """
    value = number_of(name, given)
    whole = int(given) if isinstance(given, Integral) else int(value)  # no float holds all seeds
    if float(whole) != value or not least <= whole <= most:
        raise UsageError(f"{name} = {given!r}: give a whole number from {least} to {most}")
    return whole


def numbers_of(name: str, given: object) -> dict[str, float]:
    """Numbers by name; none where nothing is given.

    Raises
    ------
    UsageError
        It is no mapping of numbers; the message names the first that is none.
    """
    return {key: number_of(f"{name} {key}", value) for key, value in _named(name, given).items()}


def decimals_of(name: str, given: object) -> dict[str, Decimal]:
    """As `numbers_of`, exactly, and text may be numbers."""
    return {key: decimal_of(f"{name} {key}", value) for key, value in _named(name, given).items()}


def _named(name: str, given: object) -> Mapping[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise UsageError(f'{name} = {given!r}: give numbers by name, {name}={{"NAME": NUMBER}}')
    return given
