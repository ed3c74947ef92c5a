"""What a backtest is run with: strategy, sizing, limits, fees, cash, market model, orders by hand.

The defaults are those of `gpt-trader live --data FILE --speed max`, so that both report the same.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.risk.limits import Limits
from gpt_trader.signals.strategy import Strategy

CASH = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class FeeTier:
    """Fee rates, as fractions, from a notional of the last 30 days on."""

    volume_from: Decimal  # quote, of products quoted in dollars
    maker_rate: Decimal
    taker_rate: Decimal


COINBASE_TIERS = tuple(
    FeeTier(Decimal(volume), Decimal(maker), Decimal(taker))
    for volume, maker, taker in (
        ("0", "0.004", "0.006"),
        ("10000", "0.0025", "0.004"),
        ("50000", "0.0015", "0.0025"),
        ("100000", "0.001", "0.002"),
        ("1000000", "0.0008", "0.0018"),
        ("15000000", "0.0006", "0.0016"),
        ("75000000", "0.0003", "0.0012"),
        ("250000000", "0", "0.0008"),
        ("400000000", "0", "0.0005"),
    )
)
"""Coinbase Advanced's tiers, as the embedded exchange charges them (coinbase-wire, fees)."""


@dataclass(frozen=True, slots=True)
class MarketModel:
    """How the others in the market answer our orders.

    `at_close`: bid and ask are the candle's close and hold any size; what vectorbt assumes.
    Otherwise the embedded exchange's market: four trades a candle, a seeded book around the last
    one whose depth follows the volume of the minutes before.
    """

    at_close: bool
    seed: int
    spread_bps: Decimal  # the widest seeded spread; the usual one is an eighth of it
    level_gap_bps: Decimal
    level_count: int  # a side
    depth_share: Decimal  # of a usual minute's volume, in the first level


EXCHANGE_MARKET = MarketModel(False, 1, Decimal("0.5"), Decimal("0.5"), 15, Decimal("0.01"))
AT_CLOSE = MarketModel(True, 1, Decimal(0), Decimal(0), 0, Decimal(0))


@dataclass(frozen=True, slots=True)
class HandOrder:
    """An order by hand, at the end of a round, and the trouble it may meet there."""

    round: int  # of the tape, from 0
    product_id: str
    side: Side
    lots: int
    limit_ticks: int | None  # None: a market order; else it fills at once or not at all (IOC)
    wait_ns: int  # the clock goes on by so much before, without news of the market
    feed_ready: bool
    books_agree: bool
    trading_state: TradingState


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything but the candles that decides a backtest."""

    strategy: Strategy
    values: dict[str, float]  # its parameters, checked
    sizing: dict[str, float]
    limits: Limits
    fee_tiers: tuple[FeeTier, ...]
    cash: Decimal  # quote
    market: MarketModel
    latency: int  # rounds from a request to the exchange
    trading_state: TradingState
    by_hand: tuple[HandOrder, ...]

    def choices(self) -> dict[str, object]:
        """All but the strategy and its parameters, by name."""
        return {
            "sizing": self.sizing,
            "limits": self.limits,
            "fee_tiers": self.fee_tiers,
            "cash": self.cash,
            "market": self.market,
            "latency": self.latency,
            "trading_state": self.trading_state,
            "by_hand": self.by_hand,
        }


def fee_tiers_of(fees: float | tuple[float, float] | None) -> tuple[FeeTier, ...]:
    """One rate for all fills, (maker, taker) rates, or None for Coinbase's tiers by volume.

    Raises
    ------
    UsageError
        A rate is outside 0 to 0.5.
    """
    if fees is None:
        return COINBASE_TIERS
    maker, taker = fees if isinstance(fees, tuple) else (fees, fees)
    for rate in (maker, taker):
        if not 0 <= rate <= 0.5:
            raise UsageError(f"fees {rate}: a fraction from 0 to 0.5, as 0.006 for 0.6 %")
    return (FeeTier(Decimal(0), exact(maker), exact(taker)),)


def exact(value: float) -> Decimal:
    """The decimal a person wrote, to the ninth place."""
    assert math.isfinite(value), value
    return Decimal(repr(float(value))).quantize(Decimal("1e-9"), ROUND_HALF_EVEN)
