"""US futures of perpetual style: what one contract is, what margin it needs, what it costs.

Product id, contract size, price step, margin rates and expiry are those Coinbase lists for the
contract (Advanced Trade reference, products and CFM futures). Coinbase shows such contracts as
EXPIRING with a funding rate and a funding interval; that is what makes them perpetual.

Chosen here, since Coinbase does not list it: maintenance is half of the initial margin, fees are
an amount for each contract, and a liquidation costs as much again as four fees.
"""

from dataclasses import dataclass

from gpt_trader.exchange.decimals import CASH_UNITS
from gpt_trader.exchange.timestamps import SECOND_NS

RATE_UNITS = 10**7  # margin rates are whole numbers of 1e-7
FUNDING_UNITS = 10**6  # funding rates are whole numbers of 1e-6
HOUR_NS = 3_600 * SECOND_NS  # from one funding to the next
DAY_NS = 24 * HOUR_NS
EVENING_NS = 22 * HOUR_NS  # of a day: the trading day ends, and with it the intraday window
MAINTENANCE_SHARE = 2  # the initial margin is so many times the maintenance margin


@dataclass(frozen=True, slots=True)
class MarginRates:
    """Shares of the notional that a position needs, in units of 1e-7."""

    long: int
    short: int

    def rate(self, *, long: bool) -> int:
        """Give the rate of one side."""
        return self.long if long else self.short


@dataclass(frozen=True, slots=True)
class Contract:
    """What makes a product a contract."""

    code: str
    root: str  # the currency it is about
    spot_id: str  # whose last trade is its index
    size: int  # units of 1e-8 of the root in one contract
    name: str
    expiry_ns: int
    intraday: MarginRates
    overnight: MarginRates
    maker_fee: int  # cash units a contract
    taker_fee: int
    liquidation_fee: int  # on top of the taker's

    @property
    def leverage_max(self) -> int:
        """Give the most leverage that an order may ask for."""
        return RATE_UNITS // max(self.intraday.long, self.intraday.short)


BITCOIN = Contract(
    code="BIP",
    root="BTC",
    spot_id="BTC-USD",
    size=CASH_UNITS // 100,
    name="nano BTC Perp",
    expiry_ns=1_924_012_800 * SECOND_NS,  # 2030-12-20T16:00:00Z
    intraday=MarginRates(1_000_185, 1_000_008),
    overnight=MarginRates(2_456_250, 3_063_750),
    maker_fee=15 * CASH_UNITS // 100,
    taker_fee=20 * CASH_UNITS // 100,
    liquidation_fee=80 * CASH_UNITS // 100,
)


def is_intraday(now_ns: int) -> bool:
    """Say whether a moment lies in the intraday margin window: until 22:00 UTC."""
    return now_ns % DAY_NS < EVENING_NS


def trading_day(now_ns: int) -> int:
    """Number the trading days, which end at 22:00 UTC."""
    return (now_ns + DAY_NS - EVENING_NS) // DAY_NS
