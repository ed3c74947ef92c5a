"""What may be chosen of a backtest, checked: the door between what people type and a setup."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from gpt_trader.backtesting.numbers import decimal_of, decimals_of, number_of, numbers_of, whole_of
from gpt_trader.backtesting.setup import (
    AT_CLOSE,
    CASH,
    EXCHANGE_MARKET,
    SEED_MAX,
    HandOrder,
    MarketModel,
    Setup,
    Slippage,
    fee_tiers_of,
)
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import CASH_UNIT, Product
from gpt_trader.risk.limits import Limits
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import strategy_named

Number = float | Decimal | str

CASH_MAX = 1_000_000_000  # quote: the cash unit is tested as far as that
LATENCY_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen of a backtest besides its candles and its strategy."""

    params: Mapping[str, float] | None = None
    product: Product | str | None = None
    candle_s: int | None = None
    market: MarketModel | str = "exchange"
    slippage: float | Slippage | None = None
    sizing: Mapping[str, float] | None = None
    limits: Mapping[str, Number] | None = None
    fees: float | Sequence[float] | None = None
    cash: Number = CASH
    seed: int | None = None
    latency: int = 0
    trading_state: TradingState = TradingState.ACTIVE
    by_hand: Sequence[HandOrder] = ()
    var: Path | str | None = None


def setup_of(strategy: Strategy | str, chosen: Choices) -> Setup:
    """Check the choices and lay them out.

    Raises
    ------
    UsageError
        A choice cannot be used; the message names it.
    """
    found = strategy_of(strategy)
    by_hand = _by_hand(chosen.by_hand)
    latency = whole_of("latency", chosen.latency, 0, LATENCY_MAX)
    if latency and by_hand:
        raise UsageError(f"latency = {latency}: it must be 0 with orders by hand")
    return Setup(
        strategy=found,
        values=found.values(numbers_of("params", chosen.params)),
        sizing=sizing_of(numbers_of("sizing", chosen.sizing)),
        limits=Limits.from_mapping(decimals_of("limits", chosen.limits)),
        fee_tiers=fee_tiers_of(chosen.fees),
        cash=cash_of(chosen.cash),
        market=market_of(chosen.market, chosen.seed, chosen.slippage),
        latency=latency,
        trading_state=_trading_state(chosen.trading_state),
        by_hand=by_hand,
    )


def strategy_of(given: object) -> Strategy:
    """A strategy as it is, or by its name.

    Raises
    ------
    UsageError
        There is none of that name, or it is something else.
    """
    if isinstance(given, Strategy):
        return given
    if isinstance(given, str):
        return strategy_named(given)
    if inspect.isfunction(given):
        raise UsageError(
            f"strategy = {given.__name__}: a function becomes a strategy by @gt.strategy(...) in "
            "the line above its def"
        )
    raise UsageError(f"strategy = {given!r}: give a strategy, or the name of one")


def market_of(
    market: MarketModel | str, seed: int | None, slippage: float | Slippage | None
) -> MarketModel:
    """A market model by name or as it is, with this seed and this slippage if they are given.

    Raises
    ------
    UsageError
        There is no such market, or slippage where it would mean nothing.
    """
    models = {"exchange": EXCHANGE_MARKET, "close": AT_CLOSE}
    if isinstance(market, MarketModel):
        model = market
    elif isinstance(market, str) and market in models:
        model = models[market]
    else:
        raise UsageError(f'market = {market!r}: "exchange", "close" or a gt.MarketModel')
    if slippage is not None:
        model = _slipping(market, slippage)
    if seed is None:
        return model
    return replace(model, seed=whole_of("seed", seed, -SEED_MAX, SEED_MAX))


def _slipping(market: MarketModel | str, slippage: float | Slippage) -> MarketModel:
    """The embedded exchange's market with another spread and depth."""
    if market == "close":
        raise UsageError(
            'slippage: with market="close" all is traded at the close and nothing slips; leave '
            'slippage out, or say market="exchange"'
        )
    if market != "exchange":
        raise UsageError(
            "slippage: a gt.MarketModel says it itself, by spread_bps and depth_share; give one of "
            "the two"
        )
    if isinstance(slippage, Slippage):
        return slippage.market()
    number_of("slippage", slippage)
    return Slippage(half_spread_bps=decimal_of("slippage", slippage)).market()


def cash_of(given: Number) -> Decimal:
    """What there is to begin with, exactly.

    Raises
    ------
    UsageError
        It is no number above zero, or more or finer than can be counted.
    """
    cash = decimal_of("cash", given)
    if isinstance(given, float):
        cash = cash.quantize(CASH_UNIT, ROUND_HALF_EVEN) if abs(cash) < CASH_MAX else cash
    if not cash > 0:
        raise UsageError(f"cash = {given}: there is nothing to trade with")
    if cash > CASH_MAX:
        raise UsageError(f"cash = {given}: it is counted up to {CASH_MAX:,} quote")
    if cash % CASH_UNIT:
        raise UsageError(f"cash = {given}: it is counted in units of 0.00000001 quote")
    return cash


def _trading_state(given: object) -> TradingState:
    if not isinstance(given, str) or given not in list(TradingState):
        known = ", ".join(repr(state.value) for state in TradingState)
        raise UsageError(f"trading_state = {given!r}: one of {known}")
    return TradingState(given)


def _by_hand(given: object) -> tuple[HandOrder, ...]:
    if not isinstance(given, list | tuple):
        raise UsageError(f"by_hand = {given!r}: give a list of gt.HandOrder")
    for place, order in enumerate(given):
        if not isinstance(order, HandOrder):
            raise UsageError(f"by_hand[{place}] = {order!r}: give a gt.HandOrder")
    return tuple(given)
