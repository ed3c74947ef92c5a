"""The futures wallet beside our books: its cash, its contracts, and what moved them but our fills.

Funding has no row of its own at Coinbase: the wallet shows a sum of its trading day, and its cash.
What the sum has grown by since we booked it last is what was paid, if the cash says the same.
Liquidations are orders of the exchange's own on our position: their fills are taken into the books,
and entries end until a person looks.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial

from gpt_trader.coinbase.order_word import OrderWord
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.coinbase.wire_fills import is_execution
from gpt_trader.coinbase.wire_futures import FuturesWallet
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import ExchangeUnreachable
from gpt_trader.domain.events import Event
from gpt_trader.domain.futures import FundingPaid, PositionLiquidated
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import CASH_UNIT
from gpt_trader.engine.engine import Engine
from gpt_trader.live.desk import EXCHANGE, Desk
from gpt_trader.portfolio.books import Books
from gpt_trader.portfolio.contracts import ContractLedger

HOUR_NS = 3_600_000_000_000
LOOK_BACK_NS = 60_000_000_000  # for clocks that differ a little
HOURS_MAX = 72
"""A session that saw nothing for longer than a weekend is for a person to look at."""
FUNDING_RATE_MAX = Decimal("0.001")
"""Of the notional in an hour, ours: more than that in a day whose sum we missed is no funding."""


class Wallet:
    """Reads the futures wallet for a session of contracts; changes the engine by `take` alone."""

    def __init__(
        self,
        engine: Engine,
        rest: RestClient,
        desk: Desk,
        take: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._rest = rest
        self._desk = desk
        self._take = take
        self._gap = Decimal(0)  # of the last look, that no sum explained

    async def totals(self) -> dict[str, Decimal]:
        """Cash of the wallet and contracts by their code, once funding is in the books."""
        seen = await self._desk.call(self._rest.futures)
        if seen is None:
            raise ExchangeUnreachable("Coinbase shows no futures wallet for this account")
        products = self._engine.opened.products
        totals = {product.base: seen.contracts(product.product_id) for product in products}
        totals[products[0].quote] = seen.cash
        await self._fund(seen, totals)
        return totals

    async def liquidations(self) -> None:
        """Take in the exchange's own orders on our contracts since the session began."""
        since_ns = self._engine.opened.ts_ns - LOOK_BACK_NS
        names = tuple(self._engine.markets)
        for word in await self._desk.call(lambda: self._rest.orders(since_ns, names)):
            match word:
                case OrderWord(is_liquidation=True) if word.filled_size:
                    await self._liquidated(word)
                case _:
                    pass

    async def _liquidated(self, word: OrderWord) -> None:
        """Hold trading back first: what is in the books would not be looked at again."""
        rows = await self._desk.call(partial(self._rest.fills, [word.order_id], None))
        booked = self._engine.ledger.has_booked
        fresh = [r for r in rows if is_execution(r) and not booked(r.order_id, r.trade_id)]
        if fresh and self._engine.trading.everything is TradingState.ACTIVE:
            why = (
                f"Coinbase liquidated {word.filled_size:f} contracts of {word.product_id} for want "
                f"of margin by its own LIQUIDATION order {word.order_id}"
            )
            reduced = TradingState.REDUCE_ONLY
            await self._take(TradingStateChanged(self._engine.now_ns, reduced, EXCHANGE, why))
        for row in fresh:
            assert row.base_size is not None, row
            names = row.order_id, row.trade_id, row.product_id
            await self._take(
                PositionLiquidated(row.ts_ns, *names, row.side, row.price, row.base_size, row.fee)
            )

    async def _fund(self, seen: FuturesWallet, totals: dict[str, Decimal]) -> None:
        engine, books = self._engine, contract_books(self._engine.ledger)
        last, now_ns = books.funding_day, engine.now_ns
        if last is None or engine.allocation is None:
            await self._take(FundingPaid(now_ns, Decimal(0), seen.funding_today))
            return
        gaps = engine.allocation.differences(books, totals)
        gap = gaps.pop(engine.allocation.quote, Decimal(0))
        if not gap and seen.funding_today == last:
            return
        moved = seen.funding_today != last
        if not gap or (
            moved
            and (is_told(gap, last, seen.funding_today) or self._is_of_a_missed_day(gap, gaps))
        ):
            await self._take(FundingPaid(now_ns, gap, seen.funding_today))
            gap = Decimal(0)
        self._gap = gap

    def _is_of_a_missed_day(self, gap: Decimal, others: dict[str, Decimal]) -> bool:
        """Whether a gap can be funding though no sum of a day tells all of it: a day ended unseen.

        Only what a second look finds as it was, with the positions agreed, and no more than
        funding can have come to.
        """
        if others or gap != self._gap:
            return False
        books, most = contract_books(self._engine.ledger), Decimal(0)
        hours = min(HOURS_MAX, (self._engine.now_ns - books.funding_ns) // HOUR_NS)
        for name, market in self._engine.markets.items():
            lots = abs(books.position(name).lots)
            units = market.product.notional_paid(max(0, market.mark_ticks), lots)
            most += units * CASH_UNIT * FUNDING_RATE_MAX * hours
        return abs(gap) <= most


def is_told(gap: Decimal, last: Decimal, funding_today: Decimal) -> bool:
    """Whether what the cash has moved by is what the day's sum has.

    It grew, or a new day began since: then all of it is new.
    """
    return funding_today != last and gap in (funding_today - last, funding_today)


def contract_books(books: Books) -> ContractLedger:
    """The books of a session of contracts."""
    match books:
        case ContractLedger():
            return books
        case _:
            raise AssertionError("a session of coins has no futures wallet")
