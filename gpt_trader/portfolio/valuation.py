"""What the books are worth: equity at the marks, its peak, its day's start, its worst drawdown."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import TypedDict

from gpt_trader.domain.product import Product
from gpt_trader.portfolio.books import Books

DAY_NS = 86_400 * 1_000_000_000

_RATE = Context(prec=18)


def equity_units(
    ledger: Books, products: Mapping[str, Product], mark_ticks: Mapping[str, int]
) -> int | None:
    """Cash and positions at their marks, in cash units; None while a held product has no mark."""
    equity = ledger.cash_units
    for product_id, position in ledger.positions().items():
        if position.lots == 0:
            continue
        mark = mark_ticks.get(product_id, 0)
        if mark <= 0:
            return None
        equity += ledger.worth_units(products[product_id], mark)
    return equity


class FrozenValuation(TypedDict):
    """A valuation as JSON keeps it."""

    carried: int
    carried_day: int
    day: int
    equity: int
    day_start: int
    peak: int
    worst_loss: int
    worst_peak: int


class Valuation:
    """The course of equity: now, highest, at midnight UTC, and the worst fall so far.

    `carried` is what the UTC day of `opened_ns` had brought before, in cash units: the day counts
    from its midnight, not from whoever came last.
    """

    def __init__(self, opened_ns: int, carried: int) -> None:
        self._state: FrozenValuation = {
            "carried": carried,
            "carried_day": opened_ns // DAY_NS,
            "day": -1,
            "equity": 0,
            "day_start": 0,
            "peak": 0,
            "worst_loss": 0,
            "worst_peak": 1,
        }

    @property
    def equity(self) -> int:
        """The latest equity in cash units; 0 before the first."""
        return self._state["equity"]

    @property
    def day(self) -> int:
        """The UTC day of the latest equity, counted from 1970; -1 before the first."""
        return self._state["day"]

    @property
    def equity_day_start(self) -> int:
        """The first equity since midnight UTC, in cash units; 0 before it is known."""
        return self._state["day_start"]

    @property
    def equity_peak(self) -> int:
        """The highest equity seen, in cash units; 0 before the first."""
        return self._state["peak"]

    @property
    def max_drawdown(self) -> Decimal:
        """The deepest fall from a peak as a fraction of that peak."""
        return _RATE.divide(Decimal(self._state["worst_loss"]), Decimal(self._state["worst_peak"]))

    def update(self, ts_ns: int, equity_units: int) -> None:
        """Take in the equity at `ts_ns`. A stamp of an earlier day than the last opens no day."""
        state = self._state
        day = ts_ns // DAY_NS
        if day > state["day"]:
            state["day"] = day
            before = state["carried"] if day == state["carried_day"] else 0
            state["day_start"] = equity_units - before
        state["equity"] = equity_units
        state["peak"] = max(state["peak"], equity_units)
        loss = state["peak"] - equity_units
        # Fractions compared by their cross products: no rounding, and a division only when asked.
        if loss * state["worst_peak"] > state["worst_loss"] * state["peak"]:
            state["worst_loss"] = loss
            state["worst_peak"] = state["peak"]

    def adopt(self, units: int) -> None:
        """Take in that the books hold so much more without having earned it: no loss is undone."""
        self._state["day_start"] += units
        self._state["peak"] += units

    def freeze(self) -> FrozenValuation:
        """The whole state for a snapshot."""
        return self._state.copy()

    @classmethod
    def thaw(cls, frozen: FrozenValuation) -> "Valuation":
        """The valuation that was frozen."""
        valuation = cls(0, 0)
        valuation._state = frozen.copy()
        return valuation
