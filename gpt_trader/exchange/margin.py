"""The futures wallet's own books: cash, positions, the day's profit and funding.

Every profit of ours is a loss of the others, who hold the opposite of each position: that the two
never gain together is checked with every change. Margin is one sum for all contracts (CROSS). Rates
are the intraday ones with the setting INTRADAY until 22:00 UTC, else the overnight ones (Advanced
Trade reference, CFM futures).
"""

from gpt_trader.exchange.books import Books
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contracts import FUNDING_UNITS, is_intraday, trading_day
from gpt_trader.exchange.margin_needs import MarginNeeds, Window
from gpt_trader.exchange.orders import Order
from gpt_trader.exchange.positions import Holder, terms, worth

SETTINGS = ("INTRADAY_MARGIN_SETTING_STANDARD", "INTRADAY_MARGIN_SETTING_INTRADAY")


class MarginAccount:
    """The futures wallet: what is in it and what is held with it.

    Attributes
    ----------
    ours : Holder
    needs : MarginNeeds
    fees : int
        Cash units paid in fees, ever.
    setting : str
        The margin setting, one of ``SETTINGS``.
    """

    def __init__(self, balance: int, market: Books) -> None:
        self.ours = Holder(balance)
        self._others = Holder(0)
        self._brought = balance  # less what was swept
        self._market = market
        self.needs = MarginNeeds(market)
        self._day = 0
        self._realized: dict[str, int] = {}  # of the day, by product id
        self._funding = 0
        self.fees = 0
        self.setting = SETTINGS[0]

    def contracts(self, product: Product) -> int:
        """Give the signed position in a product, 0 without one."""
        held = self.ours.positions.get(product.product_id)
        return 0 if held is None else held.contracts

    def reducible(self, product: Product, *, buys: bool) -> int:
        """Give how many contracts one side may trade before the position is at zero."""
        held = self.contracts(product)
        return max(0, -held if buys else held)

    def unrealized(self) -> int:
        """Give the profit of all positions at their mark prices."""
        held = self.ours.positions.values()
        return sum(one.unrealized(self.needs.mark(one.product)) for one in held)

    def equity(self) -> int:
        """Give the cash and the profit that is not realised."""
        return self.ours.cash + self.unrealized()

    def realized_today(self, now_ns: int, product: Product | None = None) -> int:
        """Give the profit that this trading day realised, without fees and funding.

        Without a product, of all of them.
        """
        if self._day != trading_day(now_ns):
            return 0
        if product is not None:
            return self._realized.get(product.product_id, 0)
        return sum(self._realized.values())

    def funding_today(self, now_ns: int) -> int:
        """Give what this trading day's funding brought, or cost."""
        return self._funding if self._day == trading_day(now_ns) else 0

    def window(self, now_ns: int) -> Window:
        """Say whose rates count now."""
        chosen = self.setting == SETTINGS[1]
        return Window.INTRADAY if chosen and is_intraday(now_ns) else Window.OVERNIGHT

    def initial(self, window: Window) -> int:
        """Give the initial margin of all positions."""
        held = self.ours.positions.values()
        return sum(self.needs.initial(one.product, one.contracts, window) for one in held)

    def maintenance(self, window: Window) -> int:
        """Give the margin below which the account is liquidated."""
        held = self.ours.positions.values()
        return sum(self.needs.maintenance(one.product, one.contracts, window) for one in held)

    def is_under(self, now_ns: int) -> bool:
        """Say whether there are positions and less than their maintenance margin."""
        return bool(self.ours.positions) and self.equity() < self.maintenance(self.window(now_ns))

    def fillable(self, order: Order, ticks: int, lots: int, now_ns: int) -> int:
        """Give how much of a fill may be done: what only reduces, all if its margin is there."""
        request = order.request
        product, window = request.product, self.window(now_ns)
        reducible = self.reducible(product, buys=request.buys)
        if lots <= reducible or request.reduce_only:
            return min(lots, reducible)
        held = self.contracts(product)
        after = held + (lots if request.buys else -lots)
        needed, initial = self.initial(window), self.needs.initial
        needed_after = needed - initial(product, held, window) + initial(product, after, window)
        loss = worth(product, ticks, lots) - worth(product, self.needs.mark(product), lots)
        left = self.equity() - (loss if request.buys else -loss) - terms(product).taker_fee * lots
        return lots if left >= needed_after else reducible

    def trade(self, order: Order, ticks: int, lots: int, fee: int, now_ns: int) -> None:
        """Book a fill of an order of ours: the others trade the opposite."""
        product = order.request.product
        signed = lots if order.request.buys else -lots
        profit = self.ours.trade(product, signed, ticks)
        self._others.trade(product, -signed, ticks)
        self.ours.cash -= fee
        self.fees += fee
        self._begin_day(now_ns)
        if product.product_id in self.ours.positions:
            self.ours.positions[product.product_id].fees += fee
        name = product.product_id
        self._realized[name] = self._realized.get(name, 0) + profit
        self._check()

    def fund(self, hour_ns: int) -> None:
        """Pay an hour's funding: what longs pay, to the last unit, is what shorts get."""
        for position in self.ours.positions.values():
            product = position.product
            rate = self._market.funding_rate(product.product_id, hour_ns)
            each = worth(product, self.needs.mark(product), 1) * rate // FUNDING_UNITS
            self._others.cash += each * position.contracts
            self.ours.cash -= each * position.contracts
            self._begin_day(hour_ns)
            self._funding -= each * position.contracts
        self._check()

    def sweep(self, units: int) -> None:
        """Take money out of the wallet."""
        self.ours.cash -= units
        self._brought -= units

    def _begin_day(self, now_ns: int) -> None:
        day = trading_day(now_ns)
        if day != self._day:
            self._day, self._realized, self._funding = day, {}, 0

    def _check(self) -> None:
        """Nothing is made and nothing is lost between us, the others and the fees."""
        total = self.ours.cash + self._others.cash + self.fees
        assert total == self._brought, f"{total} of {self._brought} cash units"
