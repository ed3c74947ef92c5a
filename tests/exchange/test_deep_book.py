"""A market chosen to be deep: a snapshot of 5 MB, the ladder and all other markets as they were."""

import msgspec

from gpt_trader.exchange.frames import build_frame
from gpt_trader.exchange.venue import Venue
from tests.exchange.markets import a_limit, balance, place
from tests.exchange.serving import a_tape, a_venue, some_rules

BOTH = ("BTC-USD", "ETH-USD")
LADDER = 15


def deep_and_usual() -> tuple[Venue, Venue]:
    deep = a_venue(rounds=20, product_ids=BOTH, deep_books=frozenset({"BTC-USD"}))
    usual = a_venue(rounds=20, product_ids=BOTH)
    for venue in (deep, usual):
        venue.advance()
    return deep, usual


def test_the_snapshot_is_one_frame_of_five_megabytes_and_less_than_the_sdk_takes() -> None:
    deep, usual = deep_and_usual()

    sizes = [
        len(build_frame("l2_data", 0, venue.snapshot("level2", "BTC-USD")).numbered(0))
        for venue in (deep, usual)
    ]

    assert 5 * 1024**2 < sizes[0] < 10 * 1024**2
    assert sizes[1] < 10_000


def test_the_ladder_stands_before_the_far_levels_and_each_side_falls_off_in_order() -> None:
    deep, usual = deep_and_usual()
    for _ in range(10):
        deep.advance()
        usual.advance()

        book, ladder = (
            venue.product_book({"product_id": ["BTC-USD"]})["pricebook"] for venue in (deep, usual)
        )

        for side, sign in (("bids", -1), ("asks", 1)):
            assert book[side][:LADDER] == ladder[side]
            prices = [sign * float(level["price"]) for level in book[side]]
            assert prices == sorted(set(prices))


def test_other_markets_are_as_they_were() -> None:
    deep, usual = deep_and_usual()

    assert deep.snapshot("level2", "ETH-USD") == usual.snapshot("level2", "ETH-USD")


def test_snapshot_and_updates_give_the_book_of_now() -> None:
    venue = a_venue(rounds=20, deep_books=frozenset({"BTC-USD"}))
    venue.advance()
    book = {
        (one["side"], one["price_level"]): one["new_quantity"]
        for one in venue.snapshot("level2", "BTC-USD")[0]["updates"]
    }

    for _ in range(3):
        changes = venue.advance().level2["BTC-USD"]
        assert len(changes) < 2_000
        for one in changes:
            book[one["side"], one["price_level"]] = one["new_quantity"]

    left = {key: size for key, size in book.items() if size != "0"}
    assert left == {
        (one["side"], one["price_level"]): one["new_quantity"]
        for one in venue.snapshot("level2", "BTC-USD")[0]["updates"]
    }


def test_a_large_order_takes_the_far_levels_too() -> None:
    deep, _ = deep_and_usual()
    best = float(deep.product("BTC-USD")["best_ask_price"])
    available = balance(deep, "USD")[0]

    placed = deep.order(place(deep, a_limit("a", "BUY", f"{best * 1.05:.2f}", "1.5")))["order"]

    assert float(placed["filled_size"]) > 0
    assert balance(deep, "USD")[0] < available


def test_the_same_seed_gives_the_same_far_levels() -> None:
    tape = a_tape(rounds=20)
    rules = some_rules(deep_books=frozenset({"BTC-USD"}))
    texts = []
    for _ in range(2):
        venue = Venue(tape, rules, None)
        venue.advance()
        texts.append(msgspec.json.encode(venue.snapshot("level2", "BTC-USD")))

    assert texts[0] == texts[1]
