"""What a backtest is run with: strategy, sizing, limits, fees, cash, market model, orders by hand.

The defaults are those of `gpt-trader live --data FILE --speed max`, so that both report the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal

from gpt_trader.backtesting.numbers import decimal_of, number_of, whole_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.kernels import book
from gpt_trader.kernels.vectors import Ints
from gpt_trader.risk.limits import Limits
from gpt_trader.signals.strategy import Strategy

CASH = Decimal(100_000)
RATE_UNIT = Decimal("0.000000001")
SEED_MAX = 2**63 - 1


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketModel:
    """How the others in the market answer our orders.

    The defaults are the embedded exchange's market: four trades a candle, and around the last one
    a seeded book whose depth follows the volume of the minutes before.

    Parameters
    ----------
    at_close : bool
        Bid and ask are the candle's close and hold any size, which is what vectorbt assumes; the
        four fields of the book mean nothing then.
    seed : int
        Of everything the market leaves to chance.
    spread_bps
        The widest seeded spread, in 1e-4 of the price. It is drawn anew with each trade: half of
        all spreads are below an eighth of it, and their mean is a quarter of it.
    level_gap_bps
        The widest distance of two levels of the book.
    level_count : int
        Levels a side, 1 to 100. What they do not hold cannot be had until the next trade.
    depth_share
        How much of a usual minute's volume lies in the first level, about; deeper ones hold more.

    Raises
    ------
    UsageError
        The book cannot be drawn so.

    Examples
    --------
    A thin market with a wide spread: ``gt.backtest(candles, strategy, market=thin)``

    >>> thin = MarketModel(spread_bps=20, depth_share="0.002")
    >>> thin.spread_bps, thin.level_count
    (Decimal('20'), 15)
    """

    at_close: bool = False
    seed: int = 1
    spread_bps: Decimal = Decimal("0.5")
    level_gap_bps: Decimal = Decimal("0.5")
    level_count: int = 15
    depth_share: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        object.__setattr__(self, "spread_bps", decimal_of("spread_bps", self.spread_bps))
        object.__setattr__(self, "level_gap_bps", decimal_of("level_gap_bps", self.level_gap_bps))
        object.__setattr__(self, "depth_share", decimal_of("depth_share", self.depth_share))
        whole_of("market, seed,", self.seed, -SEED_MAX, SEED_MAX)
        if not self.at_close:
            self.book()

    def book(self) -> Ints:
        """The model in the places of `gpt_trader.kernels.book`."""
        if self.at_close:
            return book.at_close_model()
        levels = whole_of("level_count", self.level_count, 1, book.LEVELS_MAX)
        return book.book_model(self.spread_bps, self.level_gap_bps, levels, self.depth_share)


EXCHANGE_MARKET = MarketModel()
AT_CLOSE = MarketModel(
    at_close=True,
    spread_bps=Decimal(0),
    level_gap_bps=Decimal(0),
    level_count=0,
    depth_share=Decimal(0),
)

SPREAD_OF_HALF = 8
"""The widest spread over half of the mean one: a seeded spread is the cube of a draw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slippage:
    """What it costs to take from the book of the embedded exchange, in a trader's words.

    It says two fields of the `MarketModel` and leaves the others.

    Parameters
    ----------
    half_spread_bps
        What an order that takes pays beyond the middle of bid and ask, on average, in 1e-4 of the
        price. Each trade of the tape is followed by another spread, from none to four times the
        mean. None: as at the exchange.
    volume_share
        How much of a usual minute's volume the first level of the book holds, about. A larger order
        walks on to worse prices, and past the last level it gets nothing. None: as at the exchange.

    Examples
    --------
    >>> Slippage(half_spread_bps=2, volume_share="0.002").market().spread_bps
    Decimal('16')
    """

    half_spread_bps: Decimal | None = None
    volume_share: Decimal | None = None

    def market(self) -> MarketModel:
        """The embedded exchange's market with this spread and this depth.

        Raises
        ------
        UsageError
            The book cannot be drawn so.
        """
        model = EXCHANGE_MARKET
        if self.half_spread_bps is not None:
            half = decimal_of("slippage half_spread_bps", self.half_spread_bps)
            most = Decimal(book.BPS) / SPREAD_OF_HALF
            if not 0 <= half <= most:
                raise UsageError(f"slippage half_spread_bps = {half}: give bps from 0 to {most}")
            model = replace(model, spread_bps=SPREAD_OF_HALF * half)
        if self.volume_share is not None:
            share = decimal_of("slippage volume_share", self.volume_share)
            if not 0 <= share <= 1:
                raise UsageError(f"slippage volume_share = {share}: give a fraction from 0 to 1")
            model = replace(model, depth_share=share)
        return model


@dataclass(frozen=True, slots=True)
class HandOrder:
    """An order by hand, at the end of a round, and the trouble it may meet there."""

    round: int  # of the tape, from 0 to its last
    product_id: str
    side: Side
    lots: int
    limit_ticks: int | None  # None: a market order; else it fills at once or not at all (IOC)
    wait_ns: int  # the clock goes on by so much before, without news of the market; all orders of
    # a round together no further than to the next round's end
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


def fee_tiers_of(fees: float | Sequence[float] | None) -> tuple[FeeTier, ...]:
    """One rate for all fills, (maker, taker) rates, or None for Coinbase's tiers by volume.

    Raises
    ------
    UsageError
        A rate is no number, outside 0 to 0.5, or too small to be counted.
    """
    if fees is None:
        return COINBASE_TIERS
    rates = fees if isinstance(fees, list | tuple) else (fees, fees)
    if len(rates) != 2:
        raise UsageError(f"fees = {fees!r}: one rate, or two, (maker, taker)")
    return (FeeTier(Decimal(0), _rate(rates[0]), _rate(rates[1])),)


def _rate(given: object) -> Decimal:
    """A fee rate in whole 1e-9, as fees are counted."""
    value = number_of("fees", given)
    if not 0 <= value <= 0.5:
        raise UsageError(f"fees = {value}: a fraction from 0 to 0.5, as 0.006 for 0.6 %")
    rate = decimal_of("fees", value).quantize(RATE_UNIT, ROUND_HALF_EVEN)
    if value > 0 and rate == 0:
        raise UsageError(f"fees = {value}: rates are counted in 0.000000001; give 0 for none")
    return rate
