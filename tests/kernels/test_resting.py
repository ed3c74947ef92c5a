"""Orders fill, wait and end as at the embedded exchange, whose own requests are the reference."""

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np

from gpt_trader.exchange.catalog import PRODUCTS
from gpt_trader.exchange.rules import FEE_TIERS, default_rules
from gpt_trader.kernels import book, resting
from gpt_trader.kernels.execution import GTC, GTD, IOC
from gpt_trader.kernels.fees import fees_of
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.printing import PRINT, TRADES
from gpt_trader.kernels.vectors import Ints
from tests.kernels.floors import SEED, STATUSES, Floor, Wish, a_floor, trade_a_while
from tests.kernels.venue_candles import some_candles
from tests.tier import scaled

FREE = [(Decimal(0), Decimal(0), Decimal(0))]
PRICE = 5_000


def test_orders_of_any_product_fare_as_at_the_exchange() -> None:
    draw = random.Random(1)
    statuses: set[int] = set()
    makers: set[int] = set()
    products = list(PRODUCTS.values())
    for number in range(scaled(10 * len(products))):
        floor = a_floor([products[number % len(products)]], draw)

        trade_a_while(floor, draw)

        statuses |= floor.statuses
        makers |= set(floor.venue.fills[: int(floor.venue.state[resting.FILLS])].T[7].tolist())
    assert statuses == set(STATUSES.values())
    assert makers == {0, 1}


def test_orders_of_several_products_share_cash_and_fee_tier_in_time_order() -> None:
    draw = random.Random(2)
    tiers = tuple(
        replace(tier, volume_from=tier.volume_from / 50) for tier in FEE_TIERS
    )  # so that a session crosses several
    rates: set[float] = set()
    for _ in range(scaled(200)):
        dollars = [product for product in PRODUCTS.values() if product.quote == "USD"]
        floor = a_floor(draw.sample(dollars, 3), draw, tiers=tiers)

        trade_a_while(floor, draw)

        rows = floor.venue.fills[: int(floor.venue.state[resting.FILLS])]
        large = rows[rows[:, resting.FILL_NOTIONAL] > 10**10]
        share = large[:, resting.FILL_FEE] / large[:, resting.FILL_NOTIONAL]
        rates |= set(np.round(share, 6).tolist())
    assert len(rates) > 6


def test_a_buy_ends_when_the_rounding_of_its_fills_costs_more_than_there_is() -> None:
    product = PRODUCTS["XLM-USD"]  # a tick of a lot is a millionth of a cash unit
    columns = some_candles(product, 5, np.random.default_rng(1), price=40, lots=2)
    rules = replace(default_rules(SEED), balances={"USD": Decimal("0.00000005")})
    floor = Floor([columns], rules)
    while not floor.venue.markets[0, book.COUNT]:
        floor.advance()

    status = floor.place(Wish(0, 1, 5, 80, GTC, False, 0))

    assert status == resting.CANCELLED
    assert floor.venue.state.tolist() == [1, 2]  # two fills at two cash units each
    floor.compare()


def a_request(sign: int, lots: int, limit: int, time_in_force: int, number: int = 1) -> Ints:
    return np.array([sign, lots, limit, time_in_force, 0, 0, number], np.int64)


def a_venue_at_close(*, products: int = 1, fills: int = 10, ring: int = 0) -> resting.Venue:
    """All products trade at one price; a tick of a lot is a cash unit; nothing is charged."""
    tiers = FREE if not ring else [*FREE, (Decimal(10), Decimal(0), Decimal(0))]
    venue = resting.venue_of(products, book.at_close_model(), fees_of(tiers, ring), fills)
    venue.state[resting.CASH_FREE] = 2**61
    for market in venue.markets:
        market[book.COUNT : book.DEPTH + 1] = (4, PRICE, 1, 1)
        market[book.NUM : book.LOTS_FREE + 1] = (1, 1, 1, 2**61)
    return venue


def play(venue: resting.Venue, *trades: tuple[int, int, int], end_ns: int = 100) -> int:
    """A round of the first product with trades of a time, ticks and lots."""
    prints = np.zeros((len(venue.markets), TRADES, PRINT), np.int64)
    counts = np.zeros(len(venue.markets), np.int64)
    prints[0, : len(trades), :3] = trades
    counts[0] = len(trades)
    return resting.play_round(venue, prints, counts, end_ns)


def filled(venue: resting.Venue) -> list[tuple[int, int, int]]:
    """Ticks, lots and what was left, of each fill."""
    rows = venue.fills[: int(venue.state[resting.FILLS])].tolist()
    return [
        (row[resting.FILL_TICKS], row[resting.FILL_LOTS], row[resting.FILL_LEFT]) for row in rows
    ]


def test_at_the_close_any_size_fills_at_once_at_the_last_price() -> None:
    venue = a_venue_at_close()

    statuses = [
        resting.place(venue, 0, a_request(sign, 10**12, limit, IOC), 50)
        for sign, limit in ((1, MARKET_PRICE), (-1, PRICE), (1, PRICE - 1))
    ]

    assert statuses == [resting.FILLED, resting.FILLED, resting.CANCELLED]
    assert filled(venue) == [(PRICE, 10**12, 0)] * 2


def test_at_the_close_a_waiting_order_fills_by_the_path_of_the_candle_without_a_queue() -> None:
    venue = a_venue_at_close()
    resting.place(venue, 0, a_request(1, 50, PRICE - 10, GTC), 0)

    play(
        venue,
        (
            10,
            PRICE,
            99,
        ),
        (20, PRICE - 10, 20),
        (30, PRICE - 11, 7),
        (40, PRICE - 9, 99),
    )
    play(venue, (110, PRICE - 10, 99), end_ns=200)

    assert filled(venue) == [(PRICE - 10, 20, 30), (PRICE - 10, 7, 23), (PRICE - 10, 23, 0)]
    assert venue.orders[0, resting.STATUS] == resting.FILLED


def test_an_order_ends_before_a_trade_at_its_very_end() -> None:
    for end_ns, status in ((20, resting.EXPIRED), (21, resting.FILLED)):
        venue = a_venue_at_close()
        request = a_request(1, 5, PRICE - 10, GTD)
        request[resting.ASK_END_NS] = end_ns
        resting.place(venue, 0, request, 0)

        play(venue, (20, PRICE - 10, 5))

        assert venue.orders[0, resting.STATUS] == status


def test_trades_at_one_time_are_played_in_the_order_of_the_products() -> None:
    venue = a_venue_at_close(products=3)
    prints, counts = np.zeros((3, TRADES, PRINT), np.int64), np.array([1, 1, 1])
    for product, time_ns in ((2, 10), (1, 10), (0, 11)):
        prints[product, 0, :3] = (time_ns, PRICE - 10, 5)
        resting.place(venue, product, a_request(1, 5, PRICE - 10, GTC), 0)

    resting.play_round(venue, prints, counts, 100)

    assert venue.fills[:3, resting.FILL_PRODUCT].tolist() == [1, 2, 0]


def test_a_second_order_that_could_wait_is_a_fault() -> None:
    venue = a_venue_at_close()
    resting.place(venue, 0, a_request(1, 5, PRICE - 10, GTC), 0)
    before = venue.orders[0].copy()

    fault = resting.place(venue, 0, a_request(1, 5, PRICE - 10, GTC, number=2), 0)

    assert fault == resting.SECOND_ORDER
    np.testing.assert_array_equal(venue.orders[0], before)


def test_more_fills_than_there_is_room_for_are_a_fault() -> None:
    venue = a_venue_at_close(fills=1)

    faults = [resting.place(venue, 0, a_request(1, 5, MARKET_PRICE, IOC), 0) for _ in range(2)]

    assert faults == [resting.FILLED, resting.FILLS_FULL]


def test_a_window_of_fees_that_is_full_is_a_fault() -> None:
    venue = a_venue_at_close(ring=1)
    resting.place(venue, 0, a_request(1, 5, PRICE - 10, GTC), 0)
    resting.place(venue, 0, a_request(1, 5, MARKET_PRICE, IOC), 0)

    fault = play(venue, (20, PRICE - 10, 5))

    assert fault == resting.WINDOW_FULL


def test_money_that_cannot_be_counted_is_a_fault() -> None:
    venue = a_venue_at_close()

    faults = [
        resting.place(venue, 0, a_request(sign, 2**55, limit, IOC), 0)
        for sign, limit in ((1, MARKET_PRICE), (1, PRICE), (-1, PRICE))
    ]

    assert faults == [resting.TOO_LARGE] * 3
    assert filled(venue) == []


def test_a_cancelled_order_gives_back_what_it_held() -> None:
    venue = a_venue_at_close()
    for sign, limit in ((1, PRICE - 10), (-1, PRICE + 10)):
        resting.place(venue, 0, a_request(sign, 5, limit, GTC), 0)

        statuses = [resting.cancel(venue, 0) for _ in range(2)]

        assert statuses == [resting.CANCELLED, resting.NONE]
    assert venue.state[resting.CASH_FREE] == venue.markets[0, book.LOTS_FREE] == 2**61
