"""A scripted position, in and out again, to see one order's whole life in seconds."""

from collections.abc import Mapping

from gpt_trader.kernels.compile import compile_step, source_hash
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

# The only place in the state.
CANDLES = 0

# Places in the parameters.
ENTRY_AFTER, EXIT_AFTER = 0, 1


@compile_step
def dev_life_step(
    state: Floats,
    params: Floats,
    open: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Return 1 from the candle numbered `entry_after` on, and 0 from `exit_after` on, and before.

    Candles are counted from 1, those of a warm-up too. Prices are not looked at.
    """
    state[CANDLES] += 1.0
    if params[ENTRY_AFTER] <= state[CANDLES] < params[EXIT_AFTER]:
        return 1.0
    return 0.0


def _check(values: Mapping[str, float]) -> tuple[str, ...]:
    if values["entry_after"] < values["exit_after"]:
        return ()
    entry, exit = values["entry_after"], values["exit_after"]
    return (f"entry_after = {entry:g} must be below exit_after = {exit:g}",)


def _state_size(values: Mapping[str, float]) -> int:
    return 1


def _warmup(values: Mapping[str, float]) -> int:
    return 1


STRATEGY = Strategy(
    name="dev_life",
    doc="Holds from one counted candle to another, whatever the price: for smoke tests only.",
    parameters=(
        Parameter("entry_after", 3, 1, 1_000_000, True, "the candle that opens the position"),
        Parameter("exit_after", 20, 2, 1_000_000, True, "the candle that closes it"),
    ),
    check=_check,
    state_size=_state_size,
    warmup=_warmup,
    step=dev_life_step,
    source_hash=source_hash(dev_life_step),
)
