"""Where the exchange stands on its tape: rounds released, and items of the round that is open."""

from dataclasses import dataclass

from gpt_trader.exchange.tape import Tape


@dataclass(frozen=True, slots=True)
class Item:
    """A trade of the open round, by its index in the product's columns."""

    time_ns: int
    product_id: str
    trade: int


class Cursor:
    """A position on a tape. It moves forward only."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.round = 0  # rounds released as a whole
        self.items = 0  # trades released of the round after it
        self._open: list[Item] | None = None

    @property
    def finished(self) -> bool:
        """Say whether nothing is left."""
        return self.round >= self._tape.rounds

    @property
    def start_ns(self) -> int:
        """Give the start of the open round."""
        return self._tape.starts_ns[self.round]

    @property
    def end_ns(self) -> int:
        """Give the end of the open round."""
        return self._tape.ends_ns[self.round]

    def count(self, product_id: str) -> int:
        """Give the number of a product's trades that are released."""
        done = self._tape.parts[product_id].ends[self.round]
        if not self.items:
            return done
        return done + sum(item.product_id == product_id for item in self._list()[: self.items])

    def left(self) -> list[Item]:
        """Give the trades of the open round that are not released, in time order."""
        return self._list()[self.items :]

    def due_ns(self) -> int:
        """Give the time of the next trade, or of the round's end when all of them are out."""
        items = self._list()
        return items[self.items].time_ns if self.items < len(items) else self.end_ns

    def pass_item(self) -> None:
        """Release one trade of the open round."""
        assert self.items < len(self._list()), "no trade is left in the round"
        self.items += 1

    def pass_round(self) -> None:
        """Release all of the open round."""
        self.jump(self.round + 1)

    def jump(self, round_number: int) -> None:
        """Release all rounds up to one."""
        assert self.round <= round_number <= self._tape.rounds, round_number
        self.round = round_number
        self.items = 0
        self._open = None

    def _list(self) -> list[Item]:
        if self._open is None:
            self._open = sorted(
                (
                    Item(part.times_ns[trade], product_id, trade)
                    for product_id, part in self._tape.parts.items()
                    for trade in range(part.ends[self.round], part.ends[self.round + 1])
                ),
                key=lambda item: item.time_ns,  # stable: products keep the tape's order
            )
        return self._open
