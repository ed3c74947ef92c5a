"""Our orders that wait in the book, by price and then by time."""

from bisect import bisect_left, insort

from gpt_trader.exchange.orders import Order


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
        return side[0].request.limit if side else None

    def reached(self, price: int) -> list[Order]:
        """Give the orders that a trade at a price reaches, in the order they are served."""
        bids = [order for order in self._bids if _limit(order) >= price]
        return bids or [order for order in self._asks if _limit(order) <= price]

    def _side(self, buys: bool) -> list[Order]:
        return self._bids if buys else self._asks


def _limit(order: Order) -> int:
    assert order.request.limit is not None, order.order_id
    return order.request.limit


def _priority(order: Order) -> tuple[int, int]:
    limit = _limit(order)
    return (-limit if order.request.buys else limit), order.number
