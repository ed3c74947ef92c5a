"""What the sessions against both models draw alike: the others' book, and orders to cancel."""

import random
from typing import Protocol

from gpt_trader.exchange.liquidity import Book
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order


class Pair(Protocol):
    """The exchange beside a model."""

    entry: OrderEntry
    real: dict[int, Order]


def drawn_book(draw: random.Random, price: int, count: int, empty: float) -> Book:
    """The others around a price, so many levels a side; one is empty as often as `empty` says."""
    buys = draw.random() < 0.5
    gap = draw.randint(1, 3)
    bid, ask = (price, price + gap) if buys else (price - gap, price)
    sides = []
    for place, sign in ((bid, -1), (ask, 1)):
        levels = []
        for _ in range(0 if draw.random() < empty else count):
            levels.append((place, draw.randint(1, 40)))
            place += sign * draw.randint(1, 4)
        sides.append(tuple(levels))
    return Book(*sides)


def picked_numbers(draw: random.Random, pair: Pair) -> list[int]:
    """One or two orders, most of them waiting; none while there are none."""
    waiting = [order.number for order in pair.entry.matching.waiting.values()]
    names = waiting if waiting and draw.random() < 0.9 else list(pair.real)
    return draw.sample(names, min(len(names), draw.randint(1, 2))) if names else []
