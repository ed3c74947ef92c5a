"""Filters and pages of the lists of orders and fills."""

import pytest

from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import Print, Wire, a_body, a_limit, a_venue, place

Query = dict[str, list[str]]


def a_busy_venue() -> tuple[Venue, list[str]]:
    """Four orders in each of three minutes, the second of them waiting; ids, oldest first."""
    prints: list[Print] = [(60.0 * minute, 6_200_000, 10**9, True) for minute in range(4)]
    venue = a_venue(prints)
    order_ids = []
    for minute in range(3):
        venue.advance()
        for number in range(4):
            name = f"{minute}-{number}"
            side = "SELL" if number == 3 else "BUY"
            body = a_body(name, side, "market_market_ioc", base_size="0.01")
            if number == 1:
                body = a_limit(name, "BUY", "50000", "0.01")
            order_ids.append(place(venue, body))
    return venue, order_ids


def listed(venue: Venue, **query: str | list[str]) -> list[str]:
    return [order["order_id"] for order in venue.orders(as_query(query))["orders"]]


def as_query(given: dict[str, str | list[str]]) -> Query:
    return {name: [value] if isinstance(value, str) else value for name, value in given.items()}


def test_orders_come_newest_first() -> None:
    venue, order_ids = a_busy_venue()

    assert listed(venue) == order_ids[::-1]


def test_pages_of_orders_join_without_gap_or_repeat_even_while_new_ones_come() -> None:
    venue, order_ids = a_busy_venue()
    found: list[str] = []
    cursor = ""

    while True:
        answer = venue.orders({"limit": ["5"], "cursor": [cursor]})
        found += [order["order_id"] for order in answer["orders"]]
        cursor = answer["cursor"]
        assert answer["has_next"] == bool(cursor)
        if not cursor:
            break
        place(venue, a_limit(f"new-{len(found)}", "BUY", "40000", "0.01"))

    assert found == order_ids[::-1]


def test_orders_are_filtered() -> None:
    venue, order_ids = a_busy_venue()

    assert listed(venue, order_status="OPEN") == order_ids[1::4][::-1]
    assert listed(venue, order_status=["OPEN", "FILLED"]) == order_ids[::-1]
    assert listed(venue, order_side="SELL") == order_ids[3::4][::-1]
    assert listed(venue, order_ids=order_ids[2:4]) == order_ids[2:4][::-1]
    assert listed(venue, order_types="LIMIT") == order_ids[1::4][::-1]
    assert listed(venue, time_in_forces="GOOD_UNTIL_CANCELLED") == order_ids[1::4][::-1]
    assert listed(venue, product_ids="ETH-USD") == []
    assert listed(venue, product_ids="BTC-USD") == order_ids[::-1]
    assert listed(venue, product_type="FUTURE") == []
    assert listed(venue, product_type="UNKNOWN_PRODUCT_TYPE") == order_ids[::-1]
    assert listed(venue, order_placement_source="RETAIL_SIMPLE") == []
    assert listed(venue, order_placement_source="RETAIL_ADVANCED") == order_ids[::-1]
    assert listed(venue, asset_filters=["ETH", "SOL"]) == []
    assert listed(venue, asset_filters=["ETH", "BTC"]) == order_ids[::-1]
    assert listed(venue, asset_filters="USD") == order_ids[::-1]
    assert listed(venue, unknown="whatever") == order_ids[::-1]


def test_a_range_of_dates_includes_its_start_and_not_its_end() -> None:
    venue, order_ids = a_busy_venue()
    start, end = "2026-01-05T00:02:00Z", "2026-01-05T01:03:00 01:00"  # a + that became a space

    assert listed(venue, start_date=start, end_date=end) == order_ids[4:8][::-1]


def test_pages_of_fills_join_and_the_last_has_no_cursor() -> None:
    venue, _ = a_busy_venue()
    whole = venue.fills({"limit": ["1000"]})["fills"]
    found: list[Wire] = []
    cursor = ""

    while True:
        answer = venue.fills({"limit": ["3"], "cursor": [cursor]})
        found += answer["fills"]
        cursor = answer["cursor"]
        if not cursor:
            break

    assert found == whole
    assert len(whole) >= 9
    assert len({fill["trade_id"] for fill in whole}) == len(whole)
    assert all(fill["trade_id"].isdecimal() for fill in whole)


def test_fills_are_filtered() -> None:
    venue, order_ids = a_busy_venue()
    whole = venue.fills({"limit": ["1000"]})["fills"]

    def kept(**query: str | list[str]) -> list[Wire]:
        fills: list[Wire] = venue.fills(as_query({"limit": "1000", **query}))["fills"]
        return fills

    assert {fill["order_id"] for fill in kept(order_ids=order_ids[:1])} == {order_ids[0]}
    assert kept(order_side="SELL") == [fill for fill in whole if fill["side"] == "SELL"]
    assert kept(trade_ids=whole[0]["trade_id"]) == whole[:1]
    assert kept(product_ids="ETH-USD") == []
    assert kept(product_types="FUTURE") == []
    assert kept(product_types=["FUTURE", "SPOT"]) == whole
    assert kept(order_types="LIMIT") == []
    assert kept(order_types=["LIMIT", "MARKET"]) == whole
    assert kept(asset_filters="ETH") == []
    assert kept(asset_filters="BTC") == whole
    later = kept(start_sequence_timestamp="2026-01-05T00:03:00Z")
    assert later == [fill for fill in whole if fill["trade_time"] >= "2026-01-05T00:03:00Z"]
    assert kept(end_sequence_timestamp="2026-01-05T00:00:00Z") == []


def test_without_a_limit_a_hundred_fills_are_sent() -> None:
    prints: list[Print] = [(0.0, 6_200_000, 10**11, True)]
    venue = a_venue(prints)
    venue.advance()
    for number in range(60):
        for side in ("BUY", "SELL"):
            place(venue, a_body(f"{side}{number}", side, "market_market_ioc", base_size="0.001"))

    answer = venue.fills({})

    assert (len(answer["fills"]), bool(answer["cursor"])) == (100, True)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "many"},
        {"limit": "-1"},
        {"cursor": "abc"},
        {"cursor": "\u0661"},
        {"order_status": "SLEEPING"},
        {"start_date": "yesterday"},
    ],
)
def test_malformed_parameters_are_refused(query: dict[str, str | list[str]]) -> None:
    venue, _ = a_busy_venue()

    with pytest.raises(BadRequest):
        venue.orders(as_query(query))


def test_pages_of_accounts_join() -> None:
    venue, _ = a_busy_venue()

    first = venue.accounts({"limit": ["2"]})
    second = venue.accounts({"limit": ["2"], "cursor": [first["cursor"]]})

    names = [wallet["currency"] for page in (first, second) for wallet in page["accounts"]]
    assert names == ["BTC", "ETH", "USD"]
    assert (first["has_next"], first["size"]) == (True, 2)
    assert (second["has_next"], second["cursor"], second["size"]) == (False, "", 1)
