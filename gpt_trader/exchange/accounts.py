"""The wallets: what is free and what is on hold, in units of 1e-8 of each currency."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from gpt_trader.exchange.decimals import cash_units


class Accounts:
    """One wallet for each currency. No balance is ever negative.

    ``available`` is what may still be spent; the total is ``available`` plus ``hold``.
    """

    def __init__(self, balances: Mapping[str, Decimal], currencies: Iterable[str]) -> None:
        names = sorted({*balances, *currencies})
        self.available = dict.fromkeys(names, 0)
        self.hold = dict.fromkeys(names, 0)
        for name, value in balances.items():
            self.available[name] = cash_units(value)

    def open(self, currency: str) -> None:
        """Have a wallet for a currency; one that is there stays as it is."""
        self.available.setdefault(currency, 0)
        self.hold.setdefault(currency, 0)

    def block(self, currency: str, units: int) -> None:
        """Move free money to hold."""
        self._change(currency, -units, units)

    def free(self, currency: str, units: int) -> None:
        """Move held money back."""
        self._change(currency, units, -units)

    def pay(self, currency: str, units: int, held: int) -> None:
        """Pay ``units``, of which ``held`` come from hold."""
        self._change(currency, held - units, -held)

    def receive(self, currency: str, units: int) -> None:
        """Take in money, free at once."""
        self._change(currency, units, 0)

    def _change(self, currency: str, available: int, hold: int) -> None:
        self.available[currency] += available
        self.hold[currency] += hold
        assert self.available[currency] >= 0, f"{currency}: {self.available[currency]} available"
        assert self.hold[currency] >= 0, f"{currency}: {self.hold[currency]} on hold"
