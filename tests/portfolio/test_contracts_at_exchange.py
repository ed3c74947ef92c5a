"""Our books of contracts beside the exchange's: equal to the unit after every command.

The exchange plays random sessions with turned positions, funding, both margin settings and
liquidations; ours see fills, and the words of the futures wallet.
"""

import random
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gpt_trader.domain.events import OrderFilled
from gpt_trader.domain.futures import FundingPaid
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import CASH_UNIT, Contract, Product
from gpt_trader.exchange.contracts import trading_day
from gpt_trader.live.wallet import is_told
from gpt_trader.portfolio.contracts import ContractLedger
from tests.exchange.model.futures_draws import FuturesDrawn
from tests.exchange.model.futures_pair import BALANCE, PRODUCTS, FuturesPair
from tests.portfolio.builders import a_fill, a_product
from tests.tier import scaled

COMMANDS = 500  # of one session


def ours_of(theirs: Any) -> Product:
    step = Decimal(theirs.price_step).scaleb(-theirs.price_places)
    one = Decimal(1)
    size = Decimal(theirs.contract.size).scaleb(-8)
    made = a_product(price_increment=str(step), base_increment="1")
    name = theirs.product_id
    return replace(made, product_id=name, base=name, contract=Contract(size, "BTC", one, one, one))


OURS = {theirs.product_id: ours_of(theirs) for theirs in PRODUCTS}


@dataclass
class Follower:
    """Our books, told of fills and of the wallet's sums after each of the exchange's commands."""

    pair: FuturesPair
    ledger: ContractLedger
    seen: Counter[str]
    fills: int = 0
    day_total: Decimal = Decimal(0)
    day: int = 0

    def look(self) -> None:
        margin, matching = self.pair.entry.margin, self.pair.entry.matching
        for fill in matching.fills[self.fills :]:
            self.ledger.apply(self._fill(fill), OURS[fill.product.product_id])
            self.seen["liquidation"] += fill.order_id in self._liquidations()
        self.fills = len(matching.fills)
        total = margin.funding_today(self.pair.now_ns) * CASH_UNIT
        gap = (margin.ours.cash - self.ledger.cash_units) * CASH_UNIT
        if gap:
            day = trading_day(self.pair.now_ns)
            told = is_told(gap, self.day_total, total)
            assert told or day != self.day, "cash moves by fills and by funding only"
            self.seen["told"] += told
            self.ledger.news(FundingPaid(1, gap, total), OURS)
            self.seen["funding"] += 1
        self.day_total, self.day = total, trading_day(self.pair.now_ns)
        self._compare()

    def _compare(self) -> None:
        margin, equity = self.pair.entry.margin, self.ledger.cash_units
        for name, product in OURS.items():
            held, ours = margin.ours.positions.get(name), self.ledger.position(name)
            assert ours.lots == (0 if held is None else held.contracts)
            assert ours.cost_units == (0 if held is None else held.cost)
            if held is not None:
                mark = margin.needs.mark(held.product)
                equity += self.ledger.worth_units(product, mark)
                self.seen["short" if ours.lots < 0 else "long"] += 1
        assert (self.ledger.cash_units, equity) == (margin.ours.cash, margin.equity())

    def _liquidations(self) -> set[str]:
        orders = self.pair.entry.orders.values()
        return {one.order_id for one in orders if one.request.kind == "LIQUIDATION"}

    def _fill(self, fill: Any) -> OrderFilled:
        product = OURS[fill.product.product_id]
        made = a_fill(str(fill.number), Side.BUY, "1", "1")
        side = Side(fill.side)
        return replace(
            made,
            order_id=fill.order_id,
            product_id=product.product_id,
            side=side,
            price=product.price(fill.ticks),
            base_size=product.size(fill.lots),
            fee=fill.fee * CASH_UNIT,
        )


class Compared(FuturesPair):
    """The exchange with our books beside it."""

    follower: Follower

    def compare(self) -> None:
        self.follower.look()


def test_cash_equity_and_position_are_the_exchanges_after_every_command() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40, 40 + scaled(60)):
        draw = random.Random(seed)
        pair = Compared(draw)
        pair.follower = Follower(pair, ContractLedger.open(int(BALANCE / CASH_UNIT)), seen)
        FuturesDrawn(pair, draw, Counter()).run(COMMANDS)
    assert min(seen[kind] for kind in ("liquidation", "told", "short", "long")) > 0, seen
