"""What the exchange of a session really has, for a checker that may look inside."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from gpt_trader.domain.events import Candle
from gpt_trader.domain.order import Side
from gpt_trader.exchange.journal import Journal
from gpt_trader.exchange.late import LateCommands
from gpt_trader.exchange.orders import Fill, Order
from gpt_trader.exchange.round_events import RoundEvents
from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.tape import Tape
from gpt_trader.exchange.venue import Venue

Told = tuple[Side, Decimal, Decimal]  # side, price, size


class OpenVenue(Venue):
    """The real exchange, whose books a test may read, and which tells a test what it does."""

    released: Callable[[], None]

    def __init__(self, tape: Tape, rules: VenueRules, journal: Journal | None) -> None:
        super().__init__(tape, rules, journal)
        self.fees_before: dict[str, list[Decimal]] = {}  # of revised fills, by trade id

    @property
    def all_orders(self) -> Mapping[str, Order]:
        """Every order, by its id."""
        return self._entry.orders

    @property
    def all_fills(self) -> list[Fill]:
        """Every fill, oldest first."""
        return self._matching.fills

    def told(self, fill: Fill) -> Mapping[str, Any]:
        """A fill as REST tells it."""
        return self._render.fill(fill)

    def revise_fee(self, trade_id: str, fee: int) -> None:
        """Change the fee of a fill, and keep what it was."""
        self.fees_before.setdefault(trade_id, []).append(self.fee_of(trade_id))
        super().revise_fee(trade_id, fee)

    def fee_of(self, trade_id: str) -> Decimal:
        """What a fill has cost as REST tells it now."""
        [fill] = self.fills({"trade_ids": (trade_id,)})["fills"]
        return Decimal(fill["commission"])

    def lots(self, product_id: str, base_size: str) -> int:
        """A size in base increments."""
        return int(Decimal(base_size).scaleb(self._market.products[product_id].base_places))

    def advance(self) -> RoundEvents:
        """Release a round."""
        self.released()
        return super().advance()


class Truth:
    """Reads an exchange between two of its commands."""

    def __init__(self, venue: OpenVenue, late: LateCommands) -> None:
        self._venue = venue
        self._late = late
        self._by_name: dict[str, list[Order]] = {}
        self._known = 0
        self._fills: dict[tuple[str, str], Told] = {}
        self._held: dict[str, int] = {}

    def orders(self, name: str) -> list[Order]:
        """All orders with a client order id."""
        self._look()
        return self._by_name.get(name, [])

    def name(self, order_id: str) -> str:
        """The client order id of an order."""
        return self._venue.all_orders[order_id].request.client_order_id

    def is_on_its_way(self, name: str) -> bool:
        """Whether a request for it may still arrive."""
        return any(body.get("client_order_id") == name for body in self._late.bodies())

    def fill(self, order_id: str, trade_id: str) -> Told | None:
        """One execution; None if there was none of that name."""
        self._look()
        return self._fills.get((order_id, trade_id))

    def fees(self, trade_id: str) -> list[Decimal]:
        """What a fill was said to cost, from the first word to today's."""
        return [*self._venue.fees_before.get(trade_id, ()), self._venue.fee_of(trade_id)]

    def reach(self, product_id: str) -> tuple[int, int]:
        """The smallest and the largest position, in lots, that what is out there may lead to."""
        self._look()
        least = most = self._held.get(product_id, 0)
        for order in self._live():
            if order.request.product.product_id == product_id:
                assert order.left is not None
                most += order.left * order.request.buys
                least -= order.left * (not order.request.buys)
        for body in self._late.bodies():
            if body.get("product_id") == product_id:
                [limits] = body["order_configuration"].values()
                lots = self._venue.lots(product_id, limits["base_size"])
                most += lots * (body["side"] == "BUY")
                least -= lots * (body["side"] == "SELL")
        return least, most

    def price(self, product_id: str) -> Decimal:
        """Of the last trade."""
        return Decimal(self._venue.product(product_id)["price"])

    def candle(self, product_id: str, start_ns: int) -> Candle | None:
        """The candle that the trades of an interval make."""
        second = start_ns // 10**9
        query = {"start": (str(second),), "end": (str(second),), "granularity": ("ONE_MINUTE",)}
        for row in self._venue.candles(product_id, query)["candles"]:
            names = ("open", "high", "low", "close", "volume")
            return Candle(start_ns, *(Decimal(row[name]) for name in names))
        return None

    def _live(self) -> list[Order]:
        return [order for order in self._venue.all_orders.values() if order.active]

    def _look(self) -> None:
        """Take in what came since the last look."""
        orders = self._venue.all_orders
        if len(orders) > self._known:
            for order in list(orders.values())[self._known :]:
                name = order.request.client_order_id
                self._by_name.setdefault(name, []).append(order)
            self._known = len(orders)
        for fill in self._venue.all_fills[len(self._fills) :]:
            row = self._venue.told(fill)
            key = row["order_id"], row["trade_id"]
            assert key not in self._fills, f"two fills {key}"
            self._fills[key] = Side(row["side"]), Decimal(row["price"]), Decimal(row["size"])
            sign = 1 if row["side"] == "BUY" else -1
            product_id = fill.product.product_id
            self._held[product_id] = self._held.get(product_id, 0) + sign * fill.lots
