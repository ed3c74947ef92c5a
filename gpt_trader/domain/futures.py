"""What happens to a position in contracts besides our own orders' fills."""

from dataclasses import dataclass
from decimal import Decimal

from gpt_trader.domain.order import Side


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """What holding contracts cost or brought since the last one, by the exchange's own sums."""

    ts_ns: int
    amount: Decimal  # quote; below 0 was paid
    day_total: Decimal  # the exchange's sum of its trading day, this included


@dataclass(frozen=True, slots=True)
class PositionLiquidated:
    """The exchange ended contracts of ours for want of margin: one execution of its own order."""

    ts_ns: int
    order_id: str
    trade_id: str
    product_id: str
    side: Side
    price: Decimal
    base_size: Decimal  # contracts
    fee: Decimal  # quote, never negative

    def __post_init__(self) -> None:
        assert self.base_size > 0 and self.price > 0 and self.fee >= 0, self


FuturesNews = FundingPaid | PositionLiquidated
