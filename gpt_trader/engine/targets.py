"""The position a strategy's exposure comes to, in whole lots."""

from collections.abc import Mapping

from gpt_trader.engine.market import Market
from gpt_trader.kernels.sizing import NOT_KNOWN, TOO_LARGE, target_lots_step


def compile_targets() -> None:
    """Compile the sizing now, so that no decision waits for it."""
    target_lots_step(0.0, 0.0, 0, 1, 1, 1, 0.0, 0.0)


def target_lots_of(market: Market, sizing: Mapping[str, float], equity: int | None) -> int | None:
    """The position wanted, in lots; None while the strategy or the equity is not known.

    Parameters
    ----------
    equity : int or None
        Cash units; None while a mark is missing.
    """
    if market.stopped:
        return 0
    exposure = market.signal.target
    if exposure != exposure or equity is None or equity <= 0:  # NaN is not known
        return None
    numerator, denominator = market.tick_lot
    lots = int(
        target_lots_step(
            max(exposure, 0.0),  # spot: nothing is sold that is not held
            sizing["size_fraction"],
            equity,
            market.mark_ticks,
            numerator,
            denominator,
            market.volatility.value,
            sizing["volatility_target"],
        )
    )
    return None if lots in (NOT_KNOWN, TOO_LARGE) else lots
