"""Our orders that wait: in the book by price and then by time, or for the trade that fires them."""

from bisect import bisect_left, insort
from itertools import takewhile

from gpt_trader.exchange.orders import Order, Trigger


class RestingOrders:
    """The waiting orders of one product; best price first, then first come."""

    def __init__(self) -> None:
        self._bids: list[Order] = []
        self._asks: list[Order] = []

    def add(self, order: Order) -> None:
        """Let an order wait behind those of its price."""
        insort(self._side(order.request.buys), order, key=_priority)

    def remove(self, order: Order) -> None:
        """Take an order out."""
        side = self._side(order.request.buys)
        place = bisect_left(side, _priority(order), key=_priority)
        assert side[place] is order, order.order_id
        del side[place]

    def best_price(self, buys: bool) -> int | None:
        """Give the best price of a side in price increments, None when nobody waits there."""
        side = self._side(buys)
        return side[0].limit if side else None

    def reached(self, price: int) -> list[Order]:
        """Give the orders that a trade at a price reaches, in the order they are served."""
        bids = list(takewhile(lambda order: _limit(order) >= price, self._bids))
        return bids or list(takewhile(lambda order: _limit(order) <= price, self._asks))

    def _side(self, buys: bool) -> list[Order]:
        return self._bids if buys else self._asks


class ArmedOrders:
    """The orders of one product that wait for a printed trade to fire them."""

    def __init__(self) -> None:
        self._rising: list[Order] = []  # lowest trigger first, then first come
        self._falling: list[Order] = []  # highest trigger first

    def add(self, order: Order) -> None:
        """Let an order wait for its trigger."""
        insort(self._side(order), order, key=_nearness)

    def remove(self, order: Order) -> None:
        """Take an order out."""
        side = self._side(order)
        place = bisect_left(side, _nearness(order), key=_nearness)
        assert side[place] is order, order.order_id
        del side[place]

    def fired_by(self, price: int) -> list[Order]:
        """Give the orders a trade fires: those whose trigger a moving price reaches first."""
        return [
            order
            for side in (self._rising, self._falling)
            for order in takewhile(lambda one: _trigger(one).fires(price), side)
        ]

    def _side(self, order: Order) -> list[Order]:
        return self._rising if _trigger(order).rises else self._falling


def _trigger(order: Order) -> Trigger:
    assert order.request.trigger is not None, order.order_id
    return order.request.trigger


def _nearness(order: Order) -> tuple[int, int]:
    trigger = _trigger(order)
    return (trigger.price if trigger.rises else -trigger.price), order.number


def _limit(order: Order) -> int:
    assert order.limit is not None, order.order_id
    return order.limit


def _priority(order: Order) -> tuple[int, int]:
    limit = _limit(order)
    return (-limit if order.request.buys else limit), order.turn
