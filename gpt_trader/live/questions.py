"""What people's requests ask the exchange: the book, its own word on an order, the account.

It is asked on a way of its own, so that no order waits behind a question.
"""

from decimal import Decimal

from gpt_trader.broker.capabilities import ProductType, check
from gpt_trader.broker.derivatives import product_type_of
from gpt_trader.broker.wish import Wish
from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import ExchangeUnreachable, UsageError, WireError
from gpt_trader.domain.events import Draft, SessionOpened
from gpt_trader.domain.product import Product
from gpt_trader.engine.account import Reads
from gpt_trader.engine.stops import at_market
from gpt_trader.live.account import ask_account
from gpt_trader.live.desk import Desk
from gpt_trader.live.seams import wall_ns

LEVELS = 100  # of the book, a side: what an order of the default limits takes is nearer


class Questions:
    """Asks on its desk's worker; what a preview can do without is None where no answer came."""

    def __init__(self, rest: RestClient, desk: Desk) -> None:
        self._rest = rest
        self._desk = desk

    async def market_of(self, wish: Wish, opened: SessionOpened) -> Book | None:
        """The book an order would meet, if this session and this account may place it.

        Raises
        ------
        UsageError
            The table of orders refuses it, or the session does not trade the product.
        """
        product_id = wish.product_id
        check(wish.kind, wish.time_in_force, product_type_of(product_id), opened.profile)
        names = [product.product_id for product in opened.products]
        if product_id not in names:
            if product_type_of(product_id) is ProductType.SPOT:
                await self._desk.call(lambda: self._rest.products([product_id]))
            raise UsageError(
                f"this session trades {', '.join(names)}: end it with `gpt-trader orders close`, "
                f"and the next order may be of {product_id}"
            )
        return await self.book(product_id)

    async def book(self, product_id: str) -> Book | None:
        """The book now; without one a preview says so, and an order does not need it."""
        try:
            return await self._desk.call(lambda: self._rest.book(product_id, LEVELS))
        except (ExchangeUnreachable, WireError):
            return None

    async def refusals(self, draft: Draft) -> list[str] | None:
        """The exchange's own reasons to refuse an order; None where it did not say.

        Of a stop that we keep it is asked for the market order that it becomes.
        """
        sent = at_market(draft)
        try:
            return list(await self._desk.call(lambda: self._rest.preview(sent)))
        except (ExchangeUnreachable, WireError, NotAuthorized):
            return None

    async def totals(self, currencies: tuple[str, ...]) -> dict[str, Decimal]:
        """What the account holds of each currency, free and held together."""
        return await self._desk.call(lambda: self._rest.balances(currencies))

    async def account(self, products: tuple[Product, ...]) -> Reads:
        """What the exchange says of the account; balances in `products` must be readable."""
        ours = tuple({currency for one in products for currency in (one.base, one.quote)})
        futures = products[0].contract is not None
        return await self._desk.call(
            lambda: ask_account(self._rest, ours, wall_ns, futures=futures)
        )
