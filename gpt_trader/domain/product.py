"""What is traded against what, its smallest steps, and the only rounding there is.

Inside, a price is a whole number of price increments (*ticks*), a size a whole number of base
increments (*lots*), and quote money a whole number of *cash units* of 1e-8 quote. One billion USD
is 1e17 cash units, a hundredth of what an int64 holds.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache

from gpt_trader.domain.errors import WireError
from gpt_trader.domain.order import Side

CASH_UNIT = Decimal("0.00000001")


def cash_units_owed(amount: Decimal) -> int:
    """Count the cash units in `amount`, up to the next one: a debt is never booked too small."""
    return int((amount / CASH_UNIT).to_integral_value(ROUND_CEILING))


def cash_units_held(amount: Decimal) -> int:
    """Count the cash units in `amount`, down to the last whole one: never count on more."""
    return int((amount / CASH_UNIT).to_integral_value(ROUND_FLOOR))


def amount_of(cash_units: int) -> Decimal:
    """The quote amount of a count of cash units, without trailing zeros."""
    return plain(cash_units * CASH_UNIT)


def underlying_size(product: "Product", size: Decimal) -> Decimal:
    """How much a size is of what its price is for: coins themselves, or what contracts are of."""
    return size if product.contract is None else size * product.contract.size


def plain(value: Decimal) -> Decimal:
    """The same number in its shortest decimal form, never with an exponent in text.

    Examples
    --------
    >>> plain(Decimal("100.00")), plain(Decimal("0.50"))
    (Decimal('100'), Decimal('0.5'))
    """
    whole = value.to_integral_value()
    if value == whole:
        return whole.quantize(Decimal(1))
    return value.normalize()


@dataclass(frozen=True, slots=True)
class Contract:
    """What makes a product a contract: how much one is of, what it costs, what margin it needs."""

    size: Decimal  # of the underlying in one contract; prices are of a whole one of it
    underlying: str  # BTC
    long_margin_rate: Decimal  # of the notional; the dearer of the day's and the night's
    short_margin_rate: Decimal
    taker_fee: Decimal  # quote a contract

    def __post_init__(self) -> None:
        assert self.size > 0 and self.taker_fee >= 0, self
        assert min(self.long_margin_rate, self.short_margin_rate) > 0, self


@dataclass(frozen=True, slots=True)
class Product:
    """A product of Coinbase with the steps and bounds its orders must keep."""

    product_id: str
    base: str  # of a contract its code, as BIP: it is counted in contracts
    quote: str
    base_increment: Decimal  # base
    price_increment: Decimal  # quote/base
    quote_increment: Decimal  # quote, step of quote-sized orders; never the price step
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    quote_max_size: Decimal
    contract: Contract | None = None  # None: coins, which are held and not margined

    def __post_init__(self) -> None:
        assert self.base_increment > 0, self.product_id
        assert self.price_increment > 0, self.product_id

    def round_size(self, size: Decimal) -> Decimal:
        """Round `size` toward zero: rounding up could sell more than we hold."""
        return (size / self.base_increment).to_integral_value(ROUND_DOWN) * self.base_increment

    def round_price(self, price: Decimal, side: Side) -> Decimal:
        """Round `price` away from the other side of the book, so a limit never becomes dearer."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return (price / self.price_increment).to_integral_value(rounding) * self.price_increment

    def ticks(self, price: Decimal) -> int:
        """Count the price increments in `price`; a price between two of them is refused."""
        ticks = price / self.price_increment
        whole = int(ticks)
        if whole != ticks:
            raise WireError(f"{self.product_id}: {price} is no multiple of {self.price_increment}")
        return whole

    def ticks_below(self, price: Decimal) -> int:
        """Count the whole price increments in a price of the market's.

        Of others' prices only the neighbourhood matters: one between two steps must not stop us.
        """
        return int((price / self.price_increment).to_integral_value(ROUND_FLOOR))

    def lots(self, size: Decimal) -> int:
        """Count the base increments in `size`; a size between two of them is refused."""
        lots = size / self.base_increment
        whole = int(lots)
        if whole != lots:
            raise WireError(f"{self.product_id}: {size} is no multiple of {self.base_increment}")
        return whole

    def lots_below(self, size: Decimal) -> int:
        """Count the whole base increments in a size of the market's, as `ticks_below` does."""
        return int((size / self.base_increment).to_integral_value(ROUND_FLOOR))

    def is_whole(self, price: Decimal, size: Decimal) -> bool:
        """Whether a fill at `price` of `size` lies on the increments, as our books count them."""
        return (price / self.price_increment) % 1 == 0 == (size / self.base_increment) % 1

    def price(self, ticks: int) -> Decimal:
        """The price of a count of price increments."""
        return ticks * self.price_increment

    def size(self, lots: int) -> Decimal:
        """The base size of a count of base increments."""
        return lots * self.base_increment

    def cash_units_per_tick_lot(self) -> tuple[int, int]:
        """Cash units in one price increment of one base increment, as numerator, denominator."""
        return _cash_units_per_tick_lot(
            self.price_increment, underlying_size(self, self.base_increment)
        )

    def notional_paid(self, ticks: int, lots: int) -> int:
        """Cash units a buy of `lots` at `ticks` costs, up to the next unit: we pay the rest."""
        numerator, denominator = self.cash_units_per_tick_lot()
        return -(-ticks * lots * numerator // denominator)

    def notional_received(self, ticks: int, lots: int) -> int:
        """Cash units a sale of `lots` at `ticks` brings, down to the last whole unit."""
        numerator, denominator = self.cash_units_per_tick_lot()
        return ticks * lots * numerator // denominator


@lru_cache(maxsize=4096)  # a few pairs, asked for at every mark
def _cash_units_per_tick_lot(price_increment: Decimal, base_increment: Decimal) -> tuple[int, int]:
    ratio = Fraction(price_increment) * Fraction(base_increment) / Fraction(CASH_UNIT)
    return ratio.numerator, ratio.denominator
