"""One page of a listing, and where the next one begins."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from gpt_trader.domain.errors import WireError

Row = TypeVar("Row")
Wire = TypeVar("Wire")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in Coinbase's order. `next_cursor` is "" on the last page."""

    rows: tuple[Row, ...]
    next_cursor: str


def next_cursor(has_next: bool, cursor: str) -> str:
    """Where the next page begins, for the listings that say whether there is one.

    Raises
    ------
    WireError
        There is one, but not where.
    """
    if has_next and not cursor:
        raise WireError("a listing goes on, but without a cursor")
    return cursor if has_next else ""


def convert(body: Any, wire: type[Wire]) -> Wire:
    """Give a decoded JSON body the documented type.

    Raises
    ------
    WireError
        A field is missing or has another type.
    """
    try:
        return msgspec.convert(body, wire)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise WireError(f"an answer from Coinbase cannot be read: {error}") from None
