"""The embedded exchange and its compiled twin side by side: each order goes to both."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from gpt_trader.exchange.candle_trades import CandleColumns, trades_from_candles
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import decimal_text
from gpt_trader.exchange.rules import FEE_TIERS, FeeTier, VenueRules, default_rules
from gpt_trader.exchange.tape import assemble
from gpt_trader.exchange.timestamps import parse_time, time_text
from gpt_trader.exchange.venue import Venue as Exchange
from gpt_trader.kernels import book, resting
from gpt_trader.kernels.execution import GTC, GTD, IOC
from gpt_trader.kernels.fees import DOLLARS, fees_of
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.printing import PRINT, TRADES, candle_trades, printed
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.vectors import Ints
from tests.kernels.test_fees import unit_of
from tests.kernels.venue_candles import Row, as_kernels_take_them, rows_of, some_candles, tops_of

SEED = 11
MINUTE_S = 60
MINUTE_NS = MINUTE_S * 10**9
CASH = Decimal(100_000)

STATUSES = {
    "OPEN": resting.OPEN,
    "FILLED": resting.FILLED,
    "CANCELLED": resting.CANCELLED,
    "EXPIRED": resting.EXPIRED,
    "INVALID_LIMIT_PRICE_POST_ONLY": resting.REJECTED_POST_ONLY,
    "INVALID_NO_LIQUIDITY": resting.REJECTED_NO_LIQUIDITY,
    "INSUFFICIENT_FUND": resting.REJECTED_NO_FUNDS,
    "END_TIME_IS_IN_THE_PAST": resting.REJECTED_END_PAST,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """An order to place."""

    product: int
    sign: int
    lots: int
    limit: int
    time_in_force: int
    post_only: bool
    end_ns: int


class Floor:
    """The embedded exchange and its compiled twin, on the same candles, step by step."""

    def __init__(self, columns: Sequence[CandleColumns], rules: VenueRules) -> None:
        self.products = [column.product for column in columns]
        parts = [trades_from_candles(column, MINUTE_S, SEED) for column in columns]
        self.tape = assemble(SEED, MINUTE_S, parts)
        self.exchange = Exchange(self.tape, rules, None)
        tiers = [(tier.volume_from, tier.maker_rate, tier.taker_rate) for tier in rules.fee_tiers]
        model = book.book_model(
            rules.spread_bps, rules.level_gap_bps, rules.level_count, rules.depth_share
        )
        self.venue = resting.venue_of(len(columns), model, fees_of(tiers, 5_000), 5_000)
        self.names: list[str] = []  # order ids, by number from 1
        self.last: dict[int, str] = {}  # the order that waits, by product
        self.statuses: set[int] = set()
        self.candles: list[dict[int, Row]] = []
        self.depths: list[Ints] = []
        starts_s = np.frombuffer(self.tape.starts_ns, np.int64) // 10**9
        for number, column in enumerate(columns):
            key = seed_key(SEED, "trades", column.product.product_id)
            candles, rows = as_kernels_take_them(column, starts_s)
            self.depths.append(book.depths(key, candles, rows, self.tape.rounds))
            places = np.searchsorted(starts_s, column.starts_s).tolist()
            self.candles.append(dict(zip(places, rows_of(column), strict=True)))
            market = self.venue.markets[number]
            market[book.KEY] = seed_key(SEED, "book", column.product.product_id)
            market[book.NUM], market[book.DEN] = unit_of(column.product)
            market[book.DOLLARS] = column.product.quote in DOLLARS
            market[book.LOTS_FREE] = self._free(column.product.base, column.product.base_places)
        self.venue.state[resting.CASH_FREE] = self._free(self.products[0].quote, 8)

    def advance(self) -> None:
        """Play a round on both."""
        place = self.exchange.round
        prints = np.zeros((len(self.products), TRADES, PRINT), np.int64)
        counts = np.zeros(len(self.products), np.int64)
        traded = {
            number: candles[place]
            for number, candles in enumerate(self.candles)
            if place in candles
        }
        for number, (start_s, open_, high, low, close, volume) in traded.items():
            key = seed_key(SEED, "trades", self.products[number].product_id)
            counts[number] = candle_trades(
                key, start_s, MINUTE_S, open_, high, low, close, volume, prints[number]
            )

        fills = resting.play_round(self.venue, prints, counts, self.tape.ends_ns[place])

        assert fills == self.venue.state[resting.FILLS]
        for number, (start_s, open_, high, low, close, volume) in traded.items():
            key = seed_key(SEED, "trades", self.products[number].product_id)
            count, maker_buys = printed(key, start_s, open_, high, low, close, volume)
            if count:
                market = self.venue.markets[number]
                market[book.COUNT] += count
                market[book.PRICE : book.DEPTH + 1] = (
                    close, maker_buys, self.depths[number][place]
                )  # fmt: skip
        self.exchange.advance()
        self._compare_waiting()

    def place(self, wish: Wish) -> int:
        """Place an order on both, which must say the same."""
        request = np.array(
            [
                wish.sign,
                wish.lots,
                wish.limit,
                wish.time_in_force,
                wish.post_only,
                wish.end_ns,
                len(self.names) + 1,
            ]
        )

        status = resting.place(self.venue, wish.product, request, self.exchange.now_ns)

        answer, _ = self.exchange.create_order(
            self._body(wish, f"wish {len(self.statuses)} {self.exchange.now_ns} {self.names}")
        )
        if answer["success"]:
            order_id = answer["success_response"]["order_id"]
            self.names.append(order_id)
            assert STATUSES[self._order(order_id)["status"]] == status
            if status == resting.OPEN:
                self.last[wish.product] = order_id
        else:
            assert STATUSES[answer["error_response"]["error"]] == status
        self.statuses.add(status)
        return status

    def next_trade_ns(self, product: int) -> int:
        """When the product trades next; now, when it never does."""
        part = self.tape.parts[self.products[product].product_id]
        following = part.times_ns[part.ends[self.exchange.round] :]
        return following[0] if following else self.exchange.now_ns

    def cancel(self, product: int) -> None:
        """Cancel what waits in a product, if something does."""
        status = resting.cancel(self.venue, product)

        answer, _ = self.exchange.cancel_orders([self.last[product]])
        cancelled = answer["results"][0]["success"]
        assert status == (resting.CANCELLED if cancelled else resting.NONE)

    def compare(self) -> None:
        """Every fill and all money is the same."""
        shown = self.exchange.fills({"limit": ["1000"]})["fills"][::-1]
        rows = self.venue.fills[: int(self.venue.state[resting.FILLS])].tolist()
        assert [self._wire(row) for row in rows[-1000:]] == [
            (
                fill["order_id"],
                fill["side"],
                fill["price"],
                fill["size"],
                fill["commission"],
                fill["liquidity_indicator"],
                parse_time(fill["trade_time"]),
            )
            for fill in shown
        ]
        notionals: dict[str, int] = dict.fromkeys(self.names, 0)
        for row in rows:
            notionals[self.names[row[resting.FILL_NUMBER] - 1]] += row[resting.FILL_NOTIONAL]
        for order_id, notional in notionals.items():
            assert self._order(order_id)["filled_value"] == decimal_text(notional, 8)
        assert self.venue.state[resting.CASH_FREE] == self._free(self.products[0].quote, 8)
        for market, product in zip(self.venue.markets, self.products, strict=True):
            assert market[book.LOTS_FREE] == self._free(product.base, product.base_places)

    def _compare_waiting(self) -> None:
        for number, order_id in self.last.items():
            row = self.venue.orders[number]
            order = self._order(order_id)
            self.statuses.add(int(row[resting.STATUS]))
            assert STATUSES[order["status"]] == row[resting.STATUS]
            filled = decimal_text(
                int(row[resting.LOTS] - row[resting.LEFT]), self.products[number].base_places
            )
            assert order["filled_size"] == filled

    def _order(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self.exchange.order(order_id)["order"]
        return order

    def _wire(self, row: list[int]) -> tuple[str, str, str, str, str, str, int]:
        product = self.products[row[resting.FILL_PRODUCT]]
        return (
            self.names[row[resting.FILL_NUMBER] - 1],
            "BUY" if row[resting.FILL_SIGN] > 0 else "SELL",
            product.price_text(row[resting.FILL_TICKS]),
            product.base_text(row[resting.FILL_LOTS]),
            decimal_text(row[resting.FILL_FEE], 8),
            "MAKER" if row[resting.FILL_MAKER] else "TAKER",
            row[resting.FILL_TIME_NS],
        )

    def _body(self, wish: Wish, name: str) -> dict[str, Any]:
        product = self.products[wish.product]
        fields: dict[str, Any] = {"base_size": product.base_text(wish.lots)}
        kind = "market_market_ioc"
        if wish.limit != MARKET_PRICE:
            fields["limit_price"] = product.price_text(wish.limit)
            kind = {GTC: "limit_limit_gtc", GTD: "limit_limit_gtd", IOC: "sor_limit_ioc"}[
                wish.time_in_force
            ]
        if wish.time_in_force == GTD:
            fields["end_time"] = time_text(wish.end_ns)
        if wish.post_only:
            fields["post_only"] = True
        return {
            "client_order_id": name,
            "product_id": product.product_id,
            "side": "BUY" if wish.sign > 0 else "SELL",
            "order_configuration": {kind: fields},
        }

    def _free(self, currency: str, places: int) -> int:
        for wallet in self.exchange.accounts({"limit": ["250"]})["accounts"]:
            if wallet["currency"] == currency:
                return int(Decimal(wallet["available_balance"]["value"]).scaleb(places))
        raise AssertionError(f"no wallet for {currency}")


def a_wish(floor: Floor, product: int, draw: random.Random) -> Wish:
    """An order near the book, from one lot to more than the book or the money holds."""
    market = floor.venue.markets[product]
    bid, bid_lots, ask, ask_lots = tops_of(market, floor.venue.model)
    sign = draw.choice((1, -1))
    near = max(1, draw.choice((bid, ask, int(market[book.PRICE]))))
    gap = draw.choice((0, 0, 1, near // 2_000, near // 500))
    limit = max(1, near + draw.choice((-1, 1)) * gap)
    time_in_force = draw.choice((GTC, GTC, GTD, IOC))
    if draw.random() < 0.2:
        limit, time_in_force = MARKET_PRICE, IOC
    usual = max(bid_lots, ask_lots, 1)
    now_ns, trade_ns = floor.exchange.now_ns, floor.next_trade_ns(product)
    lots = draw.choice((1, draw.randint(1, usual), draw.randint(1, 6 * usual)))
    if draw.random() < 0.05:
        lots = 30 * usual
    return Wish(
        product=product,
        sign=sign,
        lots=min(lots, floor.products[product].base_max),
        limit=limit,
        time_in_force=time_in_force,
        post_only=time_in_force != IOC and draw.random() < 0.3,
        end_ns=draw.choice(
            (now_ns, now_ns + MINUTE_NS, now_ns + draw.randint(1, 4 * MINUTE_NS), trade_ns)
        ),
    )


def trade_a_while(floor: Floor, draw: random.Random) -> None:
    """Do what comes to mind, round after round, and compare."""
    while floor.exchange.round < floor.exchange.rounds:
        floor.advance()
        for product in range(len(floor.products)):
            waits = floor.venue.orders[product, resting.STATUS] == resting.OPEN
            if product in floor.last and draw.random() < 0.3:
                floor.cancel(product)
                waits = False
            for _ in range(draw.choice((0, 1, 1, 2))):
                wish = a_wish(floor, product, draw)
                if waits and wish.time_in_force != IOC:
                    continue
                waits = floor.place(wish) == resting.OPEN or waits
    floor.compare()


def a_floor(
    products: Sequence[Product], draw: random.Random, *, tiers: tuple[FeeTier, ...] = FEE_TIERS
) -> Floor:
    """Both exchanges on a walk of each product, with some of each base to sell."""
    columns = []
    for product in products:
        num, den = unit_of(product)
        price = draw.choice((2, 40, 5_000, 5_000, 6_200_000))
        # A candle trades some hundred thousand in quote, where prices are not too small.
        lots = max(draw.choice((30, min(10**13 * den // (num * price), 10**14))), 2)
        numbers = np.random.default_rng(draw.getrandbits(32))
        columns.append(some_candles(product, 60, numbers, price=price, lots=lots))
    balances = {product.base: Decimal(draw.choice((0, 1, 1_000))) for product in products}
    balances[products[0].quote] = draw.choice((CASH, CASH, 100 * CASH))
    rules = replace(
        default_rules(SEED),
        balances=balances,
        fee_tiers=tiers,
        depth_share=Decimal(draw.choice(("0.01", "0.3"))),
    )
    return Floor(columns, rules)
