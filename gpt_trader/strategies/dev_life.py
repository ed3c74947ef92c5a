"""A scripted order life for smoke tests: in after some candles, out after some more."""

from gpt_trader.kernels.compile import compile_step
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.strategy import Parameter, Strategy

ENTRY_AFTER, EXIT_AFTER = 0, 1


@compile_step
def dev_life_step(
    state: Floats,
    params: Floats,
    open_: float,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> float:
    """Exposure 1 from candle `entry_after` on, 0 before and from candle `exit_after` on."""
    state[0] += 1.0
    return 1.0 if params[ENTRY_AFTER] <= state[0] < params[EXIT_AFTER] else 0.0


STRATEGY = Strategy(
    name="dev_life",
    doc="one entry and one exit, by count of candles",
    parameters=(
        Parameter("entry_after", 3, 1, 1e9, True, "the candle at which it buys"),
        Parameter("exit_after", 20, 1, 1e9, True, "the candle at which it sells"),
    ),
    state_size=lambda values: 1,
    warmup=lambda values: 1,
    clash=lambda values: (
        "entry_after must be below exit_after"
        if values["entry_after"] >= values["exit_after"]
        else ""
    ),
    step=dev_life_step,
)
