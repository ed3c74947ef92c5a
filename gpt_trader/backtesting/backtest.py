"""`backtest(...)`: candles, a strategy and choices in, a result out, at either of two speeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.course import Course, course_of
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.backtesting.leaks import refuse_leaks
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.backtesting.setup import (
    AT_CLOSE,
    CASH,
    EXCHANGE_MARKET,
    HandOrder,
    MarketModel,
    Setup,
    exact,
    fee_tiers_of,
)
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import Product
from gpt_trader.risk.limits import Limits
from gpt_trader.signals.strategy import Strategy
from gpt_trader.strategies.registry import strategy_named

Speed = Literal["fused", "engine"]
Number = float | Decimal | str


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen of a backtest besides its candles and its strategy."""

    params: Mapping[str, float] | None = None
    product: Product | str | None = None
    candle_s: int | None = None
    market: MarketModel | str = "exchange"
    sizing: Mapping[str, float] | None = None
    limits: Mapping[str, Number] | None = None
    fees: float | tuple[float, float] | None = None
    cash: Number = CASH
    seed: int = 1
    latency: int = 0
    trading_state: TradingState = TradingState.ACTIVE
    by_hand: tuple[HandOrder, ...] = ()


def backtest(
    candles: Any, strategy: Strategy | str, *, speed: Speed = "fused", **choices: Any
) -> BacktestResult:
    """Trade a strategy on candles and say what came of it.

    Every order passes the risk rules that a live session asks, and is filled by the market that
    the embedded exchange plays: with the same candles and choices, ``gpt-trader live --data FILE
    --speed max`` makes the same orders and fills, to the last unit.

    Parameters
    ----------
    candles
        Whatever `load` takes: a frame, a series of closes, files, a catalog name, tapes, or
        several of these for several products.
    strategy
        A strategy, or the name of a ready one.
    speed
        "fused": compiled in one pass. "engine": the live engine itself, event by event, some
        hundred times slower; the results are equal.
    params : mapping
        The strategy's parameters, where they shall differ from their defaults.
    product, candle_s
        For candles that do not say them.
    market
        "exchange" (the embedded exchange's market), "close" (bid and ask at the close, any size),
        or a `MarketModel`.
    sizing, limits : mapping
        As ``--sizing`` and ``--limit`` of ``gpt-trader live``, over their defaults.
    fees
        One rate as a fraction, (maker, taker), or None for Coinbase's tiers by volume.
    cash
        Quote to begin with.
    seed : int
        Of everything the market leaves to chance.
    latency : int
        Rounds from a request to the exchange.
    trading_state, by_hand
        See `TradingState` and `HandOrder`.

    Raises
    ------
    UsageError
        Something given cannot be used; the message names the parameter, or the row of the candles.
    """
    setup, tapes = prepare(candles, strategy, **choices)
    if speed not in ("fused", "engine"):
        raise UsageError(f'speed = {speed!r}: "fused" or "engine"')
    course = course_of(tapes, setup.market, setup.sizing)
    return BacktestResult(
        course=course,
        setup=setup,
        run=run_of(course, setup, speed),
        rerun=lambda: Arena(course, setup, with_orders=False, with_equity=True).run_setup(),
    )


def prepare(
    candles: Any, strategy: Strategy | str, **choices: Any
) -> tuple[Setup, tuple[CandleTape, ...]]:
    """Check everything given, and lay it out as a setup and tapes."""
    unknown = [name for name in choices if name not in Choices.__dataclass_fields__]
    if unknown:
        known = ", ".join(Choices.__dataclass_fields__)
        raise UsageError(f"backtest has no option {unknown[0]}: there is {known}")
    chosen = Choices(**choices)
    setup = setup_of(strategy, chosen)
    tapes = tapes_of(candles, chosen)
    refuse_leaks(setup.strategy, setup.values, tapes)
    return setup, tapes


def setup_of(strategy: Strategy | str, chosen: Choices) -> Setup:
    """Check the choices and lay them out.

    Raises
    ------
    UsageError
        A choice cannot be used.
    """
    found = strategy_named(strategy) if isinstance(strategy, str) else strategy
    if chosen.latency < 0 or (chosen.latency and chosen.by_hand):
        raise UsageError(f"latency = {chosen.latency}: rounds from 0 on, and 0 with orders by hand")
    cash = exact(float(chosen.cash)) if isinstance(chosen.cash, float) else Decimal(chosen.cash)
    if not cash > 0:
        raise UsageError(f"cash = {cash}: there is nothing to trade with")
    return Setup(
        strategy=found,
        values=found.values(chosen.params or {}),
        sizing=sizing_of({name: float(v) for name, v in (chosen.sizing or {}).items()}),
        limits=Limits.from_mapping(
            {name: Decimal(str(value)) for name, value in (chosen.limits or {}).items()}
        ),
        fee_tiers=fee_tiers_of(chosen.fees),
        cash=cash,
        market=market_of(chosen.market, chosen.seed),
        latency=chosen.latency,
        trading_state=chosen.trading_state,
        by_hand=chosen.by_hand,
    )


def market_of(market: MarketModel | str, seed: int) -> MarketModel:
    """A market model by name or as it is, with this seed."""
    models = {"exchange": EXCHANGE_MARKET, "close": AT_CLOSE}
    if isinstance(market, str):
        if market not in models:
            raise UsageError(f'market = {market!r}: "exchange", "close" or a MarketModel')
        market = models[market]
    return replace(market, seed=seed)


def tapes_of(candles: Any, chosen: Choices) -> tuple[CandleTape, ...]:
    """The tapes of whatever holds candles."""
    return tapes_of_candles(candles, chosen.product, chosen.candle_s)


def tapes_of_candles(
    candles: Any, product: Product | str | None, candle_s: int | None = None
) -> tuple[CandleTape, ...]:
    """As `load`, always several; those that are tapes already stay as they are."""
    given: Sequence[Any] = candles if isinstance(candles, list | tuple) else [candles]
    tapes = [one for one in given if isinstance(one, CandleTape)]
    rest = [one for one in given if not isinstance(one, CandleTape)]
    if rest:
        loaded = load(rest, product, candle_s)
        tapes += loaded if isinstance(loaded, tuple) else [loaded]
    return tuple(tapes)


def run_of(course: Course, setup: Setup, speed: Speed) -> Run:
    """Run a setup over a course, with every order and fill kept."""
    if speed == "fused":
        return Arena(course, setup, with_orders=True, with_equity=False).run_setup()
    from gpt_trader.backtesting.engine_run import engine_run

    return engine_run(course, setup)
