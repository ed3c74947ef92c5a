"""What a contract's market says besides its trades: index, mark price, funding rate, details.

The index is the last trade of the contract's spot market. The mark price is the contract's own last
trade, held within half a percent of the index, so that no single print liquidates anybody. The
funding rate of an hour is a twenty-fourth of the premium of the mark over the index as they stood
when the hour began, in whole millionths and at most 0.0005: longs pay it to shorts, or get it from
them when it is negative. All of it follows from the tape alone.
"""

from bisect import bisect_left
from typing import Any

from gpt_trader.exchange.contracts import (
    DAY_NS,
    EVENING_NS,
    FUNDING_UNITS,
    HOUR_NS,
    Contract,
    MarginRates,
    trading_day,
)
from gpt_trader.exchange.decimals import CASH_PLACES, decimal_text
from gpt_trader.exchange.tape import ProductTape
from gpt_trader.exchange.timestamps import time_text

Wire = dict[str, Any]

BAND = 200  # the mark is at most one part in so many away from the index
HOURS = 24  # over which a premium is paid off
FUNDING_RATE_MAX = 500  # of an hour, in FUNDING_UNITS
RATE_PLACES = 7
FUNDING_PLACES = 6
INTEREST_SHARE = 4  # open interest shown is the day's volume divided by it


class ContractMarket:
    """Tells index, mark and funding of one contract as far as the tape is released."""

    def __init__(self, part: ProductTape, spot: ProductTape) -> None:
        assert part.product.contract is not None, part.product.product_id
        self._contract: Contract = part.product.contract
        self._part = part
        self._spot = spot
        # An index times above is a price of the contract times below, in their increments.
        self._above = int(spot.product.price_step * 10**part.product.price_places)
        self._below = int(part.product.price_step * 10**spot.product.price_places)

    def mark(self, count: int, spot_count: int) -> int | None:
        """Give the mark price in price increments; None before the first trade.

        Parameters
        ----------
        count, spot_count
            Released trades of the contract and of its spot market.
        """
        if not count:
            return None
        last = self._part.prices[count - 1]
        if not spot_count:
            return last
        index = self._spot.prices[spot_count - 1] * self._above
        lowest = -(-index * (BAND - 1) // (BAND * self._below))
        highest = index * (BAND + 1) // (BAND * self._below)
        return min(max(last, lowest), highest)

    def funding_rate(self, hour_ns: int) -> int:
        """Give the rate of the hour that begins then, in ``FUNDING_UNITS``; 0 without prices."""
        count = bisect_left(self._part.times_ns, hour_ns)
        spot_count = bisect_left(self._spot.times_ns, hour_ns)
        mark = self.mark(count, spot_count)
        if mark is None or not spot_count:
            return 0
        index = self._spot.prices[spot_count - 1] * self._above
        premium = abs(mark * self._below - index)
        rate = min(premium * FUNDING_UNITS // (index * HOURS), FUNDING_RATE_MAX)
        return rate if mark * self._below >= index else -rate

    def index_text(self, spot_count: int) -> str:
        """Write the index, "" before the first trade of the spot market."""
        if not spot_count:
            return ""
        return self._spot.product.price_text(self._spot.prices[spot_count - 1])

    def fields(self, spot_count: int, now_ns: int, day_volume: int) -> Wire:
        """Write what differs from a spot product (Advanced Trade reference, products)."""
        contract = self._contract
        return {
            "status": "",
            "product_type": "FUTURE",
            "product_venue": "FCM",
            "display_name": f"{contract.root} PERP",
            "fcm_trading_session_details": _session(now_ns),
            "future_product_details": self._details(spot_count, now_ns, day_volume),
        }

    def _details(self, spot_count: int, now_ns: int, day_volume: int) -> Wire:
        contract = self._contract
        funded_ns = now_ns - now_ns % HOUR_NS
        interest = str(day_volume // INTEREST_SHARE)
        expiry = time_text(contract.expiry_ns)
        return {
            "venue": "cde",
            "contract_code": contract.code,
            "contract_expiry": expiry,
            "contract_size": decimal_text(contract.size, CASH_PLACES),
            "contract_root_unit": contract.root,
            "group_description": f"{contract.name} Futures",
            "contract_expiry_timezone": "Europe/London",
            "group_short_description": contract.name,
            "risk_managed_by": "MANAGED_BY_FCM",
            "contract_expiry_type": "EXPIRING",
            "perpetual_details": {
                "open_interest": interest,
                "funding_rate": "",
                "funding_time": None,
                "max_leverage": "",
                "base_asset_uuid": "",
                "underlying_type": "",
            },
            "contract_display_name": f"{contract.root} PERP",
            "time_to_expiry_ms": str((contract.expiry_ns - now_ns) // 1_000_000),
            "non_crypto": False,
            "contract_expiry_name": expiry[:7],
            "twenty_four_by_seven": True,
            "funding_interval": "3600s",
            "open_interest": interest,
            "funding_rate": decimal_text(self.funding_rate(funded_ns), FUNDING_PLACES),
            "funding_time": time_text(funded_ns),
            "display_name": f"{contract.root} Perpetual",
            "region_enabled": {},
            "intraday_margin_rate": _rates(contract.intraday),
            "overnight_margin_rate": _rates(contract.overnight),
            "settlement_price": self._settlement(now_ns),
            "futures_asset_type": "FUTURES_ASSET_TYPE_CRYPTO",
            "index_price": self.index_text(spot_count),
            "contract_code_display_name": "",
            "product_group_cbrn": "",
        }

    def _settlement(self, now_ns: int) -> str:
        """Write the mark at the end of the last trading day, "" when nothing had traded."""
        evening_ns = _day_start(now_ns)
        mark = self.mark(
            bisect_left(self._part.times_ns, evening_ns),
            bisect_left(self._spot.times_ns, evening_ns),
        )
        return "" if mark is None else self._part.product.price_text(mark)


def _session(now_ns: int) -> Wire:
    start_ns = _day_start(now_ns)
    return {
        "is_session_open": True,
        "open_time": time_text(start_ns),
        "close_time": time_text(start_ns + DAY_NS),
        "session_state": "FCM_TRADING_SESSION_STATE_OPEN",
        "after_hours_order_entry_disabled": False,
        "closed_reason": "FCM_TRADING_SESSION_CLOSED_REASON_UNDEFINED",
        "maintenance": None,
    }


def _rates(rates: MarginRates) -> Wire:
    return {
        "long_margin_rate": decimal_text(rates.long, RATE_PLACES),
        "short_margin_rate": decimal_text(rates.short, RATE_PLACES),
    }


def _day_start(now_ns: int) -> int:
    return trading_day(now_ns) * DAY_NS - DAY_NS + EVENING_NS
