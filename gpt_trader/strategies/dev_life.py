"""A scripted position, in and out again, to see one order's whole life in seconds."""

from gpt_trader.kernels.candles import Candles
from gpt_trader.kernels.compile import compile_lean, source_hash
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.signals.strategy import Parameter, Strategy, Values


def dev_life(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Return 1 from the candle numbered `entry_after` on, and 0 from `exit_after` on, and before.

    Candles are counted from 1, those of a warm-up too. Prices are not looked at.
    """
    s.candles[0] += 1.0
    if p.entry_after <= s.candles[0] < p.exit_after:
        return 1.0
    return 0.0


def _check(values: Values) -> tuple[str, ...]:
    if values["entry_after"] < values["exit_after"]:
        return ()
    entry, exit = values["entry_after"], values["exit_after"]
    return (f"entry_after = {entry:g} must be below exit_after = {exit:g}",)


def _memory(values: Values) -> dict[str, int]:
    return {"candles": 1}


def _warmup(values: Values) -> int:
    return 1


STRATEGY = Strategy(
    name="dev_life",
    doc="Holds from one counted candle to another, whatever the price: for smoke tests only.",
    parameters=(
        Parameter("entry_after", 3, 1, 1_000_000, True, "the candle that opens the position"),
        Parameter("exit_after", 20, 2, 1_000_000, True, "the candle that closes it"),
    ),
    check=_check,
    memory=_memory,
    warmup=_warmup,
    step=compile_lean(dev_life),
    plain=dev_life,
    compiled=True,
    source_hash=source_hash(dev_life),
)
