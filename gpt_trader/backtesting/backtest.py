"""`backtest(...)`: candles, a strategy and choices in, a result out, at either of two speeds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.course import Course, course_of
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.backtesting.leaks import refuse_leaks
from gpt_trader.backtesting.result import BacktestResult
from gpt_trader.backtesting.setup import Setup
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import Product
from gpt_trader.signals.strategy import Strategy

Speed = Literal["fused", "engine"]


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
    slippage
        For the exchange's market: what an order that takes pays beyond the middle of bid and ask,
        on average, in bps; or a `Slippage`, which also says how deep the book is. None: as it is.
    sizing, limits : mapping
        As ``--sizing`` and ``--limit`` of ``gpt-trader live``, over their defaults.
    fees
        One rate as a fraction, (maker, taker), or None for Coinbase's tiers by volume. Counted in
        1e-9.
    cash
        Quote to begin with, in whole units of 1e-8; a float is rounded to them.
    seed : int
        Of everything the market leaves to chance. None: 1, or the `MarketModel`'s own.
    latency : int
        Rounds from a request to the exchange.
    trading_state, by_hand
        See `TradingState` and `HandOrder`.
    var
        Where stored candles are; else as settings say.

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
    tapes = tapes_of(candles, chosen.product, chosen.candle_s, chosen.var)
    refuse_leaks(setup.strategy, setup.values, tapes)
    return setup, tapes


def tapes_of(
    candles: Any,
    product: Product | str | None,
    candle_s: int | None = None,
    var: Path | str | None = None,
) -> tuple[CandleTape, ...]:
    """As `load`, always several; those that are tapes already stay as they are."""
    given: Sequence[Any] = candles if isinstance(candles, list | tuple) else [candles]
    tapes = [one for one in given if isinstance(one, CandleTape)]
    rest = [one for one in given if not isinstance(one, CandleTape)]
    if rest or not tapes:
        loaded = load(rest, product, candle_s, var=var)
        tapes += loaded if isinstance(loaded, tuple) else [loaded]
    return tuple(tapes)


def run_of(course: Course, setup: Setup, speed: Speed) -> Run:
    """Run a setup over a course, with every order and fill kept."""
    if speed == "fused":
        return Arena(course, setup, with_orders=True, with_equity=False).run_setup()
    from gpt_trader.backtesting.engine_run import engine_run

    return engine_run(course, setup)
