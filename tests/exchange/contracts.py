"""What tests of contracts ask for again and again: the figures of an account, its position."""

from decimal import Decimal

from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import Wire, a_contract_venue

# Overnight margin rates, as Coinbase lists them.
LONG_RATE, SHORT_RATE = Decimal("0.245625"), Decimal("0.306375")
TAKER_FEE = Decimal("0.2")
FLAT = [62_000] * 6


def summary(venue: Venue) -> dict[str, Decimal]:
    shown = venue.futures.balance_summary(venue.now_ns)["balance_summary"]
    return {name: Decimal(one["value"]) for name, one in shown.items() if "value" in one}


def position(venue: Venue) -> tuple[int, Decimal]:
    """Signed contracts and average entry price; (0, 0) without a position."""
    for one in venue.futures.positions(venue.now_ns)["positions"]:
        sign = 1 if one["side"] == "LONG" else -1
        return sign * int(one["number_of_contracts"]), Decimal(one["avg_entry_price"]["value"])
    return 0, Decimal(0)


def refused(venue: Venue, body: Wire) -> str:
    answer, updates = venue.create_order(body)
    assert not answer["success"], answer
    assert updates == []
    return str(answer["error_response"]["error"])


def shown(venue: Venue, order_id: str) -> Wire:
    order: Wire = venue.order(order_id)["order"]
    return order


def a_deep_venue(prices: list[int], balance: str = "10000") -> Venue:
    """An exchange whose book gives any of these sizes at its best price."""
    return a_contract_venue(prices, balance, depth_share=Decimal(10))
