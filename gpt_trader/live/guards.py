"""What a person holds trading back with, at the start and while it runs: it can only tighten."""

from gpt_trader.domain.events import TradingStateChanged
from gpt_trader.domain.order import TradingState
from gpt_trader.engine.engine import Engine

WHY = "RISK_KILL_SWITCH_ENABLED or RISK_REDUCE_ONLY_MODE"
_TIGHTNESS = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED)


def guarded(kill_switch: bool, reduce_only: bool) -> TradingState:
    """What may be sent while these guards are as they are."""
    if kill_switch:
        return TradingState.HALTED
    return TradingState.REDUCE_ONLY if reduce_only else TradingState.ACTIVE


def tightening(
    engine: Engine, wanted: TradingState, who: str, why: str
) -> TradingStateChanged | None:
    """The event that holds trading back as far as `wanted`; None if it is held back so far."""
    if _TIGHTNESS.index(wanted) <= _TIGHTNESS.index(engine.trading_state):
        return None
    return TradingStateChanged(engine.now_ns, wanted, who, why)
