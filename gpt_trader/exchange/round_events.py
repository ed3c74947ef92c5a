"""What one step of the tape gives the exchange to publish."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UserUpdate:
    """One change of one order, as the user channel shows it, and when it happened."""

    order: Wire
    ts_ns: int
    positions: Sequence[Wire]  # of contracts, as they were then


T = TypeVar("T")


class OnDemand(Mapping[str, T]):
    """News by product id, made when somebody asks: most of it nobody subscribes to.

    ``make`` must give the same whenever it is asked.
    """

    def __init__(self, product_ids: tuple[str, ...], make: Callable[[str], T]) -> None:
        self._product_ids = product_ids
        self._make = make

    def __getitem__(self, product_id: str) -> T:
        if product_id not in self._product_ids:
            raise KeyError(product_id)
        return self._make(product_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._product_ids)

    def __len__(self) -> int:
        return len(self._product_ids)


@dataclass(frozen=True, slots=True)
class RoundEvents:
    """The news of a whole round, or of one item of it, by product id."""

    now_ns: int
    trades: Mapping[str, list[Wire]]  # oldest first
    tickers: Mapping[str, Wire]
    level2: Mapping[str, list[Wire]]  # updates of the book
    candles: Mapping[str, list[Wire]]  # the 5-minute buckets that changed
    user: list[UserUpdate]  # in the order they happened
    finished: bool  # nothing is left on the tape
