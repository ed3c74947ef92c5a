"""A compiled step against the very function that it was made from."""

import numpy as np

from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import showing
from gpt_trader.kernels.candles import Candles
from gpt_trader.signals.memories import watched
from gpt_trader.signals.strategy import Step, Strategy

CANDLES = 400  # besides the warm-up: Python takes its time
NEAR = 1e-9
"""Sums and powers of NumPy may differ in their last digit from those of compiled code."""

_FAULTS = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)


def check_twin(strategy: Strategy, plain: Step, candles: Candles) -> None:
    """Run a strategy compiled and as plain Python, with its defaults, and compare every target.

    Compiled code goes on with a chance value where Python stops: a variable that was not set, a
    place outside an array.

    Raises
    ------
    UsageError
        Python stops, or a target is another; the message names the candle.
    """
    values = strategy.values({})
    p, s, twin = strategy.record(values), strategy.state(values), strategy.state(values)
    count = min(candles.close.size, strategy.warmup(values) + CANDLES)
    shown = showing.whole(candles).shown
    for t in range(count):
        with watched(strategy.name, s):
            compiled = strategy.step(shown, t, p, s)
        try:
            with np.errstate(all="ignore"):
                wanted = plain(shown, t, p, twin)
        except _FAULTS as e:
            raise UsageError(
                f"{strategy.name}: at candle {t} Python stops with {type(e).__name__}: {e}; "
                "compiled code would go on with a chance value"
            ) from e
        if not np.isclose(compiled, wanted, rtol=0.0, atol=NEAR, equal_nan=True):
            raise UsageError(
                f"{strategy.name}: at candle {t} compiled code wants {compiled:g} and Python "
                f"{wanted:g}: write it so that both give the same, or say compiled=False"
            )
