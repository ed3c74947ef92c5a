"""What a preview asks the exchange: the book, its own word on an order, the account's reach."""

from gpt_trader.broker.capabilities import ProductType
from gpt_trader.broker.derivatives import product_type_of
from gpt_trader.coinbase.errors import NotAuthorized
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import ExchangeUnreachable, TraderError, WireError
from gpt_trader.domain.events import Draft
from gpt_trader.live.desk import Desk

LEVELS = 100  # of the book, a side: what an order of the default limits takes is nearer


class Questions:
    """Asks on the desk's worker; what a preview can do without is None where no answer came."""

    def __init__(self, rest: RestClient, desk: Desk) -> None:
        self._rest = rest
        self._desk = desk

    async def book(self, product_id: str) -> Book | None:
        """The book now; without one a preview says so, and an order does not need it."""
        try:
            return await self._desk.call(lambda: self._rest.book(product_id, LEVELS))
        except (ExchangeUnreachable, WireError):
            return None

    async def refusals(self, draft: Draft) -> list[str] | None:
        """The exchange's own reasons to refuse an order; None where it did not say."""
        try:
            return list(await self._desk.call(lambda: self._rest.preview(draft)))
        except (ExchangeUnreachable, WireError, NotAuthorized):
            return None

    async def check_account(self, product_id: str) -> None:
        """A contract needs an account that may trade contracts.

        Raises
        ------
        TraderError
            This one may not.
        """
        if product_type_of(product_id) is ProductType.SPOT:
            return
        if not await self._desk.call(self._rest.has_futures):
            raise TraderError(
                f"{product_id} is a contract, and this account may not trade contracts: "
                "Coinbase shows no futures balance for it"
            )
