"""The synthetic book: never crossed, drawn by the seed alone, emptied by takers."""

from dataclasses import replace
from decimal import Decimal

from gpt_trader.exchange.liquidity import EMPTY_BOOK, Book, Liquidity, LiveBook, Moment
from gpt_trader.exchange.rules import default_rules
from gpt_trader.exchange.tape import ProductTape, Quote
from tests.exchange.markets import BTC, COIN, a_candle_tape, a_print_tape

RULES = default_rules(1)
BIG = 10**9


def a_part(price: int = 6_200_000, *, maker_buys: bool = True, rounds: int = 1) -> ProductTape:
    prints = [(60.0 * k, price, 10 * COIN, maker_buys) for k in range(rounds)]
    return a_print_tape(prints).parts["BTC-USD"]


def book_of(part: ProductTape, count: int, liquidity: Liquidity | None = None) -> Book:
    liquidity = liquidity or Liquidity(RULES)
    return liquidity.book(part, liquidity.moment(part, count, BIG))


def test_the_book_is_never_crossed_and_always_sorted() -> None:
    part = a_candle_tape(200, 5).parts["BTC-USD"]

    books = [book_of(part, count) for count in range(1, len(part.prices) + 1)]

    for book in books:
        bids, asks = [price for price, _ in book.bids], [price for price, _ in book.asks]
        assert bids == sorted(set(bids), reverse=True)
        assert asks == sorted(set(asks))
        assert bids[0] < asks[0]
        assert min(lots for _, lots in (*book.bids, *book.asks)) >= 1


def test_the_last_trade_stands_on_its_makers_side() -> None:
    bought, sold = a_part(maker_buys=True), a_part(maker_buys=False)

    assert book_of(bought, 1).bids[0][0] == 6_200_000
    assert book_of(sold, 1).asks[0][0] == 6_200_000


def test_a_price_of_one_increment_has_no_bids_below() -> None:
    book = book_of(a_part(1, maker_buys=False), 1)

    assert (book.bids, book.asks[0][0]) == ((), 1)


def test_there_is_no_book_before_the_first_trade() -> None:
    assert book_of(a_part(), 0) == EMPTY_BOOK


def test_the_same_trade_gives_the_same_book_and_another_trade_another() -> None:
    part = a_part(rounds=3)

    assert book_of(part, 2) == book_of(part, 2)
    assert book_of(part, 2) != book_of(part, 3)


def test_the_quick_best_prices_are_those_of_the_whole_book() -> None:
    part = a_candle_tape(100, 5).parts["BTC-USD"]
    liquidity = Liquidity(RULES)

    for count in range(len(part.prices)):
        moment = liquidity.moment(part, count, BIG)
        book = liquidity.book(part, moment)
        best = (book.bids or (None,))[0], (book.asks or (None,))[0]
        assert liquidity.best(part, moment) == best


def test_orders_of_a_tenth_to_one_coin_often_take_several_levels() -> None:
    """Ten coins a minute trade here: a tenth of one is mostly within the first level or two."""
    part = a_part(rounds=200)

    firsts = [book_of(part, count).asks[0][1] / COIN for count in range(1, 201)]
    wholes = [sum(lots for _, lots in book_of(part, k).asks) / COIN for k in range(1, 201)]

    assert 0.01 < min(firsts) < max(firsts) < 0.25
    assert min(wholes) > 1


def test_the_spread_stays_within_the_rules() -> None:
    part = a_part(rounds=300)
    wide = Liquidity(replace(RULES, spread_bps=Decimal(4)))

    spreads = [
        book.asks[0][0] - book.bids[0][0]
        for book in (book_of(part, count, wide) for count in range(1, 301))
    ]

    assert 1 <= min(spreads) < max(spreads) <= 1 + 6_200_000 * 4 // 10_000


def test_what_takers_took_is_gone_until_the_next_trade() -> None:
    part = a_part()
    liquidity = Liquidity(RULES)
    moment = liquidity.moment(part, 1, BIG)
    live = LiveBook(moment, liquidity.book(part, moment))
    (price, lots), second = live.asks()[:2]

    live.take(price, lots - 3)
    some_left = live.asks()[0]
    live.take(price, 3)

    assert some_left == (price, 3)
    assert live.asks()[0] == second
    assert live.bids() == list(live.book.bids)


def test_a_quote_of_a_followed_exchange_stands_at_the_top() -> None:
    moment = Moment(count=0, quote_round=3, quote=Quote(100, 7, 105, 9), depth=50)

    book = Liquidity(RULES).book(ProductTape(BTC, 1), moment)

    assert (book.bids[0], book.asks[0]) == ((100, 7), (105, 9))
    assert len(book.asks) == RULES.level_count


def test_the_queue_is_the_level_that_was_there() -> None:
    part = a_part()
    liquidity = Liquidity(RULES)
    moment = liquidity.moment(part, 1, BIG)
    live = LiveBook(moment, liquidity.book(part, moment))
    (best, lots), (second, more) = live.bids()[:2]

    assert liquidity.queue_ahead(part, live, best, buys=True) == lots
    assert liquidity.queue_ahead(part, live, second, buys=True) == more
    assert liquidity.queue_ahead(part, live, best + 1, buys=True) == 0
    assert liquidity.queue_ahead(part, live, second - 1, buys=True) > 0
