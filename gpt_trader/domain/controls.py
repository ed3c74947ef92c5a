"""What holds trading back and what ends positions: events of the log, as in `events`."""

from dataclasses import dataclass

from gpt_trader.domain.order import TradingState


@dataclass(frozen=True, slots=True)
class TradingStateChanged:
    """A person or a rule changed what may be sent."""

    ts_ns: int
    state: TradingState
    who: str
    why: str
    product_id: str = ""  # "": all products
