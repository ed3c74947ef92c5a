"""Money by the rules of the exchange, in Decimal: rounding, fee tiers, and wallets.

Written from the rules as they are documented, not from the exchange's code, which is not imported.
"""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

UNIT = Decimal("1e-8")  # of every currency
MONTH_NS = 30 * 86_400 * 10**9


def up(amount: Decimal) -> Decimal:
    """Round against the account that pays."""
    return amount.quantize(UNIT, ROUND_CEILING)


def down(amount: Decimal) -> Decimal:
    """Round against the account that receives."""
    return amount.quantize(UNIT, ROUND_FLOOR)


@dataclass
class Fees:
    """The rate of the tier in which the last 30 days' volume in dollars lies."""

    tiers: list[tuple[Decimal, Decimal, Decimal]]  # from which volume on, maker, taker
    traded: list[tuple[int, Decimal]] = field(default_factory=list)  # when, how much

    def rates(self, now_ns: int) -> tuple[Decimal, Decimal]:
        """Give the maker's and the taker's rate."""
        self.traded = [one for one in self.traded if one[0] > now_ns - MONTH_NS]
        volume = sum((amount for _, amount in self.traded), Decimal(0))
        _, maker, taker = [tier for tier in self.tiers if tier[0] <= volume][-1]
        return maker, taker


@dataclass
class Wallets:
    """What is free, by currency. What is on hold stands with the order that holds it."""

    free: dict[str, Decimal]

    def move(self, currency: str, amount: Decimal) -> None:
        """Add to what is free, or take from it."""
        self.free[currency] += amount
        assert self.free[currency] >= 0, f"{currency}: {self.free[currency]}"
