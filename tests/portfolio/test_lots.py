"""Lots are the same holdings as the books', piece by piece."""

import random
from decimal import Decimal

from gpt_trader.domain.events import Event, FeeRevised, HoldingAdopted
from gpt_trader.domain.order import Side
from gpt_trader.portfolio.ledger import Ledger
from gpt_trader.portfolio.lots import lots_of
from tests.builders import START_NS, a_fill, a_product
from tests.tier import scaled

PRODUCT = a_product()
NAMED = {"BTC-USD": PRODUCT}


def test_the_oldest_piece_is_sold_first() -> None:
    events: list[Event] = [
        HoldingAdopted(START_NS, "a person", "BTC-USD", Decimal("0.3"), Decimal(900), "x"),
        a_fill(trade_id="1", base_size="0.1", price="20000"),
        a_fill(trade_id="1", base_size="0.1", price="20000"),
        a_fill(trade_id="2", base_size="0.2", price="30000", side=Side.SELL),
        a_fill(trade_id="3", base_size="0.15", price="30000", side=Side.SELL),
    ]

    [left] = lots_of(events, NAMED)

    assert (left.lots, left.cost_units, left.origin) == (5_000_000, 2001 * 10**8 // 2, "o-1")


def test_pieces_add_up_to_the_books_whatever_was_bought_and_sold() -> None:
    for seed in range(scaled(200)):
        dice, ledger, events = random.Random(seed), Ledger.open(10**16), list[Event]()
        has_sold = False
        for number in range(40):
            held = ledger.position("BTC-USD").lots
            sells = held > 0 and dice.random() < 0.5
            lots = dice.randrange(1, held + 1) if sells else dice.randrange(1, 10**8)
            fill = a_fill(
                trade_id=str(number),
                base_size=f"{PRODUCT.size(lots):f}",
                price=f"{dice.randrange(1, 10**7) / 100:.2f}",
                side=Side.SELL if sells else Side.BUY,
            )
            events.append(fill)
            ledger.apply(fill, PRODUCT)
            pieces = lots_of(events, NAMED)
            position = ledger.position("BTC-USD")

            assert sum(piece.lots for piece in pieces) == position.lots
            has_sold |= sells
            if not has_sold:
                assert sum(piece.cost_units for piece in pieces) == position.cost_units


def test_a_fee_revised_later_is_the_pieces_from_the_start() -> None:
    """Whether a part of it was sold before that or after."""
    bought = a_fill(trade_id="1", base_size="0.1", price="20000")
    sold = a_fill(trade_id="2", base_size="0.05", price="30000", side=Side.SELL)
    names = bought.client_order_id, bought.order_id, bought.trade_id, bought.product_id
    revised = FeeRevised(START_NS, *names, Decimal(3), Decimal(1))

    [late] = lots_of([bought, sold, revised], NAMED)
    [early] = lots_of([bought, revised, sold], NAMED)

    assert late == early
    assert late.cost_units == 2003 * 10**8 // 2
