"""The book of a moment is the embedded exchange's, level by level, whatever was taken of it."""

import random
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from gpt_trader.domain.errors import UsageError
from gpt_trader.exchange.candle_trades import trades_from_candles
from gpt_trader.exchange.catalog import PRODUCTS
from gpt_trader.exchange.liquidity import Liquidity, LiveBook, Moment
from gpt_trader.exchange.rules import VenueRules, default_rules
from gpt_trader.exchange.tape import ProductTape, assemble
from gpt_trader.kernels import book
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.printing import LOTS_MAX, TICKS_MAX
from gpt_trader.kernels.seeded import seed_key
from gpt_trader.kernels.vectors import Ints
from tests.kernels.venue_candles import as_kernels_take_them, some_candles, tops_of
from tests.tier import scaled

SEED = 5
EVERYTHING = 2**60
RULES = default_rules(SEED)
OTHER_RULES = (
    RULES,
    replace(RULES, spread_bps=Decimal(0), level_gap_bps=Decimal(0), depth_share=Decimal(0)),
    replace(RULES, spread_bps=Decimal("12.345"), level_gap_bps=Decimal("7.3"), level_count=4),
    replace(RULES, spread_bps=Decimal(10_000), level_gap_bps=Decimal(300), level_count=33),
    replace(RULES, depth_share=Decimal("0.98765"), level_count=1),
)


def model_of(rules: VenueRules) -> Ints:
    return book.book_model(
        rules.spread_bps, rules.level_gap_bps, rules.level_count, rules.depth_share
    )


class Twins:
    """One moment as the exchange and as the kernels see it."""

    def __init__(self, rules: VenueRules, draw: random.Random) -> None:
        product_id = draw.choice(list(PRODUCTS))
        count = draw.randint(1, 40)
        price = draw.choice((1, 2, draw.randint(1, 10**4), draw.randint(1, TICKS_MAX)))
        depth = draw.choice((1, 7, draw.randint(1, 10**10), draw.randint(1, LOTS_MAX)))
        maker_buys = draw.randint(0, 1)
        self.part = ProductTape(PRODUCTS[product_id], SEED)
        self.part.prices.extend([price] * count)
        self.part.maker_buys.extend([maker_buys] * count)
        self.liquidity = Liquidity(rules)
        self.moment = Moment(count, 0, None, depth)
        self.live = LiveBook(self.moment, self.liquidity.book(self.part, self.moment))
        self.model = model_of(rules)
        self.market = np.zeros(book.MARKET, np.int64)
        self.market[: book.DEPTH + 1] = (
            seed_key(SEED, "book", product_id), count, price, maker_buys, depth
        )  # fmt: skip
        self.levels = np.zeros((rules.level_count, book.LEVEL), np.int64)

    def walk(self, sign: int, lots: int, limit: int, own: int) -> list[tuple[int, int]]:
        count = book.walk(self.market, self.model, sign, lots, limit, own, self.levels)
        return [(int(ticks), int(size)) for ticks, size in self.levels[:count]]

    def left(self, sign: int) -> list[tuple[int, int]]:
        return self.live.asks() if sign > 0 else self.live.bids()

    def take(self, sign: int, lots: int) -> None:
        book.take(self.market, sign, lots)
        for price, size in self.left(sign):
            part = min(size, lots)
            self.live.take(price, part)
            lots -= part


def some_twins(count: int, seed: int) -> list[Twins]:
    draw = random.Random(seed)
    return [Twins(OTHER_RULES[number % len(OTHER_RULES)], draw) for number in range(count)]


def test_the_best_prices_are_the_exchanges() -> None:
    for twins in some_twins(scaled(10_000), seed=1):
        key, count, price, maker_buys = (int(value) for value in twins.market[: book.DEPTH])

        bid, bid_lots, ask, ask_lots = tops_of(twins.market, twins.model)

        best_bid, best_ask = twins.liquidity.best(twins.part, twins.moment)
        assert (bid, bid_lots) == (best_bid or (0, 0))
        assert (ask, ask_lots) == best_ask
        assert book.best_prices(key, count, price, maker_buys, twins.model) == (bid, ask)


def test_every_level_is_the_exchanges() -> None:
    for twins in some_twins(scaled(5_000), seed=2):
        asks = twins.walk(1, EVERYTHING, MARKET_PRICE, 0)
        bids = twins.walk(-1, EVERYTHING, MARKET_PRICE, 0)

        assert (tuple(bids), tuple(asks)) == (twins.live.book.bids, twins.live.book.asks)


def test_a_taker_finds_what_others_left_up_to_its_limit_and_never_itself() -> None:
    draw = random.Random(3)
    stops = set()
    for twins in some_twins(scaled(5_000), seed=3):
        sign = draw.choice((1, -1))
        whole = twins.left(sign)
        for _ in range(draw.randint(0, 3)):
            twins.take(draw.choice((1, -1)), draw.randint(1, 1 + sum(lots for _, lots in whole)))
        prices = [price for price, _ in whole] or [1]
        limit = draw.choice((MARKET_PRICE, draw.choice(prices) + draw.randint(-1, 1)))
        own = draw.choice((0, draw.choice(prices) + draw.randint(-1, 1)))
        wanted = draw.randint(1, 1 + 2 * sum(lots for _, lots in whole))

        found = twins.walk(sign, wanted, limit, own)

        expected, missing = [], wanted
        for price, lots in twins.left(sign):
            if limit != MARKET_PRICE and sign * (price - limit) > 0:
                stops.add("limit")
                break
            if own > 0 and sign * (price - own) >= 0:
                stops.add("own")
                break
            if missing == 0:
                stops.add("done")
                break
            expected.append((price, min(lots, missing)))
            missing -= min(lots, missing)
        assert found == expected
    assert stops == {"limit", "own", "done"}


def test_what_was_taken_comes_back_with_the_next_trade() -> None:
    twins = some_twins(1, seed=4)[0]
    whole = twins.walk(1, EVERYTHING, MARKET_PRICE, 0)
    twins.take(1, whole[0][1])

    after_taker = twins.walk(1, EVERYTHING, MARKET_PRICE, 0)
    twins.market[book.COUNT] += 1
    twins.market[book.TAKEN_BIDS] = 5  # of the moment before
    book.take(twins.market, 1, 1)

    assert after_taker == whole[1:]
    assert list(twins.market[book.TAKEN_BIDS : book.TAKEN_ASKS + 1]) == [0, 1]


def test_the_queue_before_a_new_order_is_the_exchanges() -> None:
    draw = random.Random(5)
    lengths = set()
    for twins in some_twins(scaled(10_000), seed=5):
        sign = draw.choice((1, -1))
        whole = twins.left(-sign)
        if draw.random() < 0.5:
            total = sum(lots for _, lots in whole)
            twins.take(-sign, draw.choice((total, draw.randint(1, 1 + total))))
        near = draw.choice([price for price, _ in whole] or [1])
        limit = max(1, near + draw.choice((0, 0, 0, -1, 1, draw.randint(-9, 9))))

        queue = book.queue_ahead(twins.market, twins.model, sign, limit)

        assert queue == twins.liquidity.queue_ahead(twins.part, twins.live, limit, sign > 0)
        lengths.add(min(queue, 2))
    assert lengths == {0, 1, 2}


def test_before_the_first_trade_the_book_is_empty() -> None:
    for model in (model_of(RULES), book.at_close_model()):
        market = np.zeros(book.MARKET, np.int64)
        levels = np.zeros((int(model[book.LEVELS]), book.LEVEL), np.int64)

        found = book.walk(market, model, 1, 5, MARKET_PRICE, 0, levels)

        assert book.tops(1, 0, 100, 1, 10, model) == (0, 0, 0, 0)
        assert found == 0
        assert book.queue_ahead(market, model, 1, 100) == 0


def test_at_the_close_any_size_is_there_without_a_spread_and_without_a_queue() -> None:
    model = book.at_close_model()
    market = np.zeros(book.MARKET, np.int64)
    market[book.COUNT : book.DEPTH + 1] = (9, 62_000, 1, 1)
    levels = np.zeros((1, book.LEVEL), np.int64)
    book.take(market, -1, 10**15)

    counts = [book.walk(market, model, -1, 10**15, limit, 0, levels) for limit in (62_000, 62_001)]

    assert counts == [1, 0]
    assert levels.tolist() == [[62_000, 10**15]]
    assert book.tops(1, 9, 62_000, 1, 1, model) == (62_000, book.ANY_SIZE, 62_000, book.ANY_SIZE)
    assert book.queue_ahead(market, model, 1, 62_000) == 0


@pytest.mark.parametrize("candle_s", [60, 300, 86_400])
def test_the_depth_of_each_round_is_the_exchanges(candle_s: int) -> None:
    draw = np.random.default_rng(candle_s)
    for trial, lots in enumerate((1, 50, 10**9, LOTS_MAX // 50, LOTS_MAX * candle_s // 130)):
        products = list(PRODUCTS.values())[trial : trial + 3]
        columns = [
            some_candles(
                product, scaled(2_000), draw, price=5_000, lots=min(lots, LOTS_MAX // 2),
                candle_s=candle_s,
            )
            for product in products
        ]  # fmt: skip
        parts = [trades_from_candles(column, candle_s, SEED) for column in columns]
        tape = assemble(SEED, candle_s, parts)
        round_starts_s = np.frombuffer(tape.starts_ns, np.int64) // 10**9
        for product, column in zip(products, columns, strict=True):
            candles, rows = as_kernels_take_them(column, round_starts_s, candle_s)
            key = seed_key(SEED, "trades", product.product_id)

            depths = book.depths(key, candles, rows, tape.rounds)

            assert depths.tolist() == tape.parts[product.product_id].depths[1:].tolist()


def test_a_tape_no_book_can_be_drawn_for_is_refused() -> None:
    product = PRODUCTS["BTC-USD"]
    draw = np.random.default_rng(1)
    dear = some_candles(product, 50, draw, price=4 * TICKS_MAX, lots=100)
    busy = some_candles(product, 50, draw, price=100, lots=LOTS_MAX, candle_s=1)
    for columns, candle_s in ((dear, 60), (busy, 1)):
        candles, rows = as_kernels_take_them(columns, columns.starts_s, candle_s)

        with pytest.raises(UsageError, match="the book cannot be drawn"):
            book.depths(1, candles, rows, len(columns.starts_s))


@pytest.mark.parametrize(
    ("spread_bps", "level_gap_bps", "level_count", "depth_share", "words"),
    [
        ("-0.1", "0.5", 15, "0.01", "spread_bps"),
        ("10001", "0.5", 15, "0.01", "spread_bps"),
        ("1.2345678901", "0.5", 15, "0.01", "too many digits"),
        ("0.5", "700", 15, "0.01", "15 levels"),
        ("0.5", "0.5", 0, "0.01", "level_count"),
        ("0.5", "0.5", book.LEVELS_MAX + 1, "0.01", "level_count"),
        ("0.5", "0.5", 15, "1.01", "depth_share"),
    ],
)
def test_a_book_that_cannot_be_drawn_exactly_is_refused(
    spread_bps: str, level_gap_bps: str, level_count: int, depth_share: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        book.book_model(
            Decimal(spread_bps), Decimal(level_gap_bps), level_count, Decimal(depth_share)
        )


def test_a_fraction_of_a_product_beyond_an_int64_is_exact() -> None:
    draw = random.Random(6)
    for _ in range(scaled(20_000)):
        first, second = (draw.getrandbits(draw.randint(1, 63)) for _ in range(2))
        shift, den = draw.randint(1, 63), draw.randint(1, 2 ** draw.randint(1, 32) - 1)
        exact = first * second // (den << shift)
        if exact < 2**63:
            result = book.fraction(np.uint64(first), np.uint64(second), shift, den)

            assert result == exact
