"""What of the account is the engine's, and whether the account still shows what it must.

Base holdings that were there before are the owner's: no position counts them, nothing sells them.
They only enter the comparison of our books with the account. Of a session of contracts the account
is the futures wallet: its cash, and its contracts by their code, signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import BalancesSeen
from gpt_trader.domain.product import CASH_UNIT, Product
from gpt_trader.portfolio.books import Books

_EXACT = Context(prec=100, traps=[Inexact])
"""Balances may carry 18 decimals; rounding a sum to 28 digits would invent a difference."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of one account that a session may use, from its opening balances on."""

    products: tuple[Product, ...]
    quote: str
    cash: Decimal  # quote
    opening: dict[str, Decimal]  # totals before the first order, without what was adopted

    @classmethod
    def from_balances(
        cls, seen: BalancesSeen, products: tuple[Product, ...], cash: Decimal
    ) -> "Allocation":
        """Set `cash` of the account aside for the engine, and leave all else to its owner.

        A restart passes the balances that the log recorded at the session's start.

        Raises
        ------
        UsageError
            No product, products of several quotes, no cash, more cash than the account holds, or
            cash finer than a cash unit.
        """
        quotes = sorted({product.quote for product in products})
        if len(quotes) != 1:
            raise UsageError(
                f"a session needs products of one quote currency, not of {', '.join(quotes) or 0}"
            )
        total = seen.totals.get(quotes[0], Decimal(0))
        if not cash.is_finite() or cash <= 0 or cash > total:
            raise UsageError(
                f"cash for the session is {cash} {quotes[0]}; must be above 0, and at most the "
                f"{total} {quotes[0]} in the account"
            )
        if cash % CASH_UNIT != 0:
            raise UsageError(f"cash for the session is {cash}, finer than {CASH_UNIT}")
        return cls(products, quotes[0], cash, dict(seen.totals))

    def freeze(self) -> dict[str, str]:
        """The opening totals, for a snapshot: `from_balances` makes the same of them."""
        return {name: str(total) for name, total in self.opening.items()}

    def adopting(self, base: str, base_size: Decimal) -> "Allocation":
        """The same account with that much of the owner's base become the engine's.

        Raises
        ------
        UsageError
            The owner holds less.
        """
        left = _EXACT.subtract(self._opening_total(base), base_size)
        if left < 0:
            raise UsageError(
                f"{base_size} {base} cannot be adopted: the owner holds {self._opening_total(base)}"
            )
        return replace(self, opening={**self.opening, base: left})

    def cash_units(self) -> int:
        """The allocated cash in cash units, to open the ledger with."""
        return int(self.cash / CASH_UNIT)

    def expected_totals(self, ledger: Books) -> dict[str, Decimal]:
        """What the account must hold of each currency of the session, by our books."""
        totals = {self.quote: self._opening_total(self.quote)}
        gained = Decimal(ledger.cash_units - self.cash_units())
        totals[self.quote] = _EXACT.fma(gained, CASH_UNIT, totals[self.quote])
        for product in self.products:
            lots = Decimal(ledger.position(product.product_id).lots)
            before = self._opening_total(product.base)
            totals[product.base] = _EXACT.fma(lots, product.base_increment, before)
        return totals

    def differences(self, ledger: Books, seen: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Account minus expectation where not zero; other currencies are not ours to judge."""
        gaps = {
            currency: _EXACT.subtract(seen.get(currency, Decimal(0)), expected)
            for currency, expected in self.expected_totals(ledger).items()
        }
        return {currency: gap for currency, gap in gaps.items() if gap != 0}

    def _opening_total(self, currency: str) -> Decimal:
        return self.opening.get(currency, Decimal(0))
