"""The order book of one product as the exchange last told it."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """All that is offered at one price."""

    price: Decimal
    base_size: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Bids and asks, the best of each first. What lies deeper than was asked for is not there."""

    product_id: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    ts_ns: int
