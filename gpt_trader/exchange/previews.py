"""What a preview answers: how an order would fare now, in numbers and refusals.

What it would take from the book counts at the book's prices with the taker's fee. What would wait
counts at its limit with the maker's fee, a stop's with the taker's. What would be cancelled counts
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import ratio_text
from gpt_trader.exchange.fees import FeeSchedule, notional_paid, notional_received
from gpt_trader.exchange.liquidity import Level, LiveBook
from gpt_trader.exchange.orders import Want, cash_text

Wire = dict[str, Any]

SLIPPAGE_PLACES = 8


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an order would trade, now and later, and cost or bring."""

    product: Product
    buys: bool
    parts: tuple[Level, ...]  # prices and lots, those that wait last
    notional: int  # cash units
    fee: int  # cash units

    @property
    def lots(self) -> int:
        """Give the size that would be traded."""
        return sum(lots for _, lots in self.parts)

    @property
    def total(self) -> int:
        """Give what it would cost or bring, fees included, in cash units."""
        return self.notional + self.fee if self.buys else self.notional - self.fee

    def average_text(self) -> str:
        """Write the average price, 0 for nothing traded."""
        if not self.lots:
            return "0"
        spent = sum(price * lots for price, lots in self.parts)
        return self.product.average_text(spent, self.lots)

    def slippage_text(self, best: int | None) -> str:
        """Write by which fraction the average is worse than the best price; 0 when it is not."""
        if best is None or not self.lots:
            return "0"
        spent = sum(price * lots for price, lots in self.parts)
        worse = spent - best * self.lots if self.buys else best * self.lots - spent
        return ratio_text(max(worse, 0), best * self.lots, SLIPPAGE_PLACES)


def estimate(
    want: Want, taken: Sequence[Level], waits: Level | None, fees: FeeSchedule, *, taker: bool
) -> Estimate:
    """Reckon what an order would cost or bring.

    Parameters
    ----------
    taken
        What it would take from the book.
    waits
        Price and lots that would wait, None when nothing would.
    taker
        Whether what waits will take when its time comes, as a stop does.
    """
    product = want.product
    parts = (*taken, waits) if waits else tuple(taken)
    amount = notional_paid if want.buys else notional_received
    fee = sum(fees.fee(product, price, lots, maker=False) for price, lots in taken)
    if waits:
        fee += fees.fee(product, *waits, maker=not taker)
    notional = sum(amount(product, price, lots) for price, lots in parts)
    return Estimate(product, want.buys, parts, notional, fee)


def preview_numbers(reckoned: Estimate, live: LiveBook) -> Wire:
    """Write what create's and edit's previews have in common."""
    price_text = reckoned.product.price_text
    bids, asks = live.bids(), live.asks()
    best = asks if reckoned.buys else bids
    return {
        "slippage": reckoned.slippage_text(best[0][0] if best else None),
        "order_total": cash_text(reckoned.total),
        "commission_total": cash_text(reckoned.fee),
        "quote_size": cash_text(reckoned.notional),
        "base_size": reckoned.product.base_text(reckoned.lots),
        "best_bid": price_text(bids[0][0]) if bids else "0",
        "best_ask": price_text(asks[0][0]) if asks else "0",
        "order_margin_total": "0",
        "pnl_configuration": None,
    }


NO_NUMBERS: Wire = {
    "slippage": "0",
    "order_total": "0",
    "commission_total": "0",
    "quote_size": "0",
    "base_size": "0",
    "best_bid": "0",
    "best_ask": "0",
    "order_margin_total": "0",
    "pnl_configuration": None,
}
"""For an order of which nothing can be reckoned."""


def preview_answer(numbers: Wire, average: str, errs: Sequence[str], preview_id: str) -> Wire:
    """Answer a preview (Advanced Trade reference, POST /orders/preview)."""
    return {
        **numbers,
        "est_average_filled_price": average,
        "errs": list(errs),
        "warning": [],
        "is_max": False,
        "preview_id": preview_id,
        "leverage": "1",
        "long_leverage": "0",
        "short_leverage": "0",
        "max_leverage": "1",
        "current_liquidation_buffer": "0",
        "projected_liquidation_buffer": "0",
        "position_notional_limit": "0",
        "max_notional_at_requested_leverage": "0",
        "margin_ratio_data": {"current_margin_ratio": "0", "projected_margin_ratio": "0"},
        "commission_detail_total": commission(str(numbers["commission_total"])),
        "twap_bucket_metadata": None,
        "scaled_metadata": None,
        "compliance_limit_data": None,
        "prediction_order_metadata": None,
    }


def edit_preview_answer(numbers: Wire, average: str, errors: Sequence[Wire]) -> Wire:
    """Answer a preview of an edit (Advanced Trade reference, POST /orders/edit_preview)."""
    return {
        **numbers,
        "errors": list(errors),
        "average_filled_price": average,
        "commission_detail_total": commission(str(numbers["commission_total"])),
    }


def commission(fee: str) -> Wire:
    """Write the parts of a fee, of which there is one here."""
    return {
        "total_commission": fee,
        "gst_commission": "0",
        "withholding_commission": "0",
        "client_commission": fee,
        "venue_commission": "0",
        "regulatory_commission": "0",
        "clearing_commission": "0",
    }
