"""What a fill costs or brings: notional and fee in cash units of 1e-8 of the quote currency.

Notional is price times size, rounded to the cash unit against the account: up when it pays, down
when it receives. The fee is the exact notional times the rate, rounded by ``FeeRounding`` (up
unless the rules say otherwise), and never more than a sale brings in. Coinbase publishes neither
rule; these are the ones by which a ledger cannot book too little.

Contracts cost a fixed fee each, and do not move the tier.

The rate is that of the tier of the last 30 days' volume at the moment of the fill. Volume counts
fills against US dollars and dollar stablecoins, at their notional; others do not move the tier.
"""

from bisect import bisect_right
from collections import deque
from decimal import Decimal
from fractions import Fraction

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import CASH_UNITS
from gpt_trader.exchange.rules import FeeRounding, FeeTier, VenueRules
from gpt_trader.exchange.timestamps import SECOND_NS

WINDOW_NS = 30 * 86_400 * SECOND_NS
DOLLARS = frozenset({"USD", "USDC", "USDT"})


def notional_paid(product: Product, ticks: int, lots: int) -> int:
    """Give the cash units a buy pays, up to the next whole one."""
    numerator, denominator = product.tick_value()
    return -(-ticks * lots * numerator // denominator)


def notional_received(product: Product, ticks: int, lots: int) -> int:
    """Give the cash units a sale brings, down to the last whole one."""
    numerator, denominator = product.tick_value()
    return ticks * lots * numerator // denominator


class FeeSchedule:
    """Knows the rate of the moment from the volume of the last 30 days."""

    def __init__(self, rules: VenueRules) -> None:
        self._tiers = rules.fee_tiers
        self._rounding = rules.fee_rounding
        self._rates = [
            (Fraction(tier.maker_rate), Fraction(tier.taker_rate)) for tier in self._tiers
        ]
        self._steps = [int(tier.volume_from * CASH_UNITS) for tier in self._tiers]
        self._recent: deque[tuple[int, int, int]] = deque()  # time, notional, fee
        self._place = 0
        self.volume = 0  # cash units in the window
        self.fees = 0

    def fee(self, product: Product, ticks: int, lots: int, maker: bool) -> int:
        """Give the fee of a fill now, in cash units."""
        if product.contract is not None:
            return lots * (product.contract.maker_fee if maker else product.contract.taker_fee)
        return self._fee(product, ticks, lots, self._rates[self._place][0 if maker else 1])

    def hold(self, product: Product, ticks: int, lots: int) -> int:
        """Give what a resting buy blocks: its notional and the taker's fee, both rounded up."""
        numerator, denominator = product.tick_value()
        rate = self._rates[self._place][1]
        exact = ticks * lots * numerator
        fee = -(-exact * rate.numerator // (denominator * rate.denominator))
        return -(-exact // denominator) + fee

    def affordable(self, product: Product, ticks: int, money: int) -> int:
        """Give the most lots that ``money`` buys at a price as taker, fee included."""
        numerator, denominator = product.tick_value()
        rate = 1 + self._rates[self._place][1]
        lots = money * denominator * rate.denominator // (ticks * numerator * rate.numerator)
        while (
            lots
            and notional_paid(product, ticks, lots) + self.fee(product, ticks, lots, maker=False)
            > money
        ):
            lots -= 1
        return int(lots)

    def record(self, product: Product, time_ns: int, notional: int, fee: int) -> None:
        """Count a fill into the volume."""
        if product.quote not in DOLLARS or product.contract is not None:
            return
        self._recent.append((time_ns, notional, fee))
        self.volume += notional
        self.fees += fee
        self.refresh(time_ns)

    def revise(self, product: Product, now_ns: int, more: int) -> None:
        """Count what a fill of before cost more, or less; the volume stays."""
        self.record(product, now_ns, 0, more)

    def refresh(self, now_ns: int) -> None:
        """Drop what is older than 30 days and settle the tier."""
        while self._recent and self._recent[0][0] <= now_ns - WINDOW_NS:
            _, notional, fee = self._recent.popleft()
            self.volume -= notional
            self.fees -= fee
        self._place = bisect_right(self._steps, self.volume) - 1

    def tier(self) -> tuple[FeeTier, Decimal | None]:
        """Give the tier in force and where the next one begins."""
        following = self._tiers[self._place + 1 : self._place + 2]
        return self._tiers[self._place], following[0].volume_from if following else None

    def _fee(self, product: Product, ticks: int, lots: int, rate: Fraction) -> int:
        numerator, denominator = product.tick_value()
        exact = ticks * lots * numerator * rate.numerator
        scale = denominator * rate.denominator
        match self._rounding:
            case FeeRounding.UP:
                return -(-exact // scale)
            case FeeRounding.DOWN:
                return exact // scale
            case FeeRounding.HALF_EVEN:
                return round(Fraction(exact, scale))
