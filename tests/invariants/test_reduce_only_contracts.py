"""In reduce-only no order of contracts takes a position further from zero, or through it.

Whatever a person asks for, whichever of the orders fill, in whatever order and part.
"""

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

from gpt_trader.broker.capabilities import Kind
from gpt_trader.broker.wish import Amount, Unit, Wish, draft_of
from gpt_trader.coinbase.wire_orders import build_create
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import TraderError
from gpt_trader.domain.events import (
    BalancesSeen,
    CancelAsked,
    ClockTicked,
    FeedChanged,
    OrderAccepted,
    OrderAsked,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    QuoteSeen,
    TradesSeen,
)
from gpt_trader.domain.order import Liquidity, OrderStatus, Side, TimeInForce, TradingState
from gpt_trader.domain.ports import Outbox
from gpt_trader.domain.product import Contract, Product
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import means_of
from gpt_trader.engine.step import step
from tests.builders import START_NS, a_product, a_trade, an_opening
from tests.tier import by_tier

INTENTS = by_tier(quick=1_000, ci=5_000, soak=20_000)
IN_A_SESSION = 250
NAME = "BIP-20DEC30-CDE"
PRICE = Decimal(60_000)
KINDS = (Kind.MARKET, Kind.LIMIT, Kind.LIMIT, Kind.STOP)
WIDE = {
    "position_rate_max": Decimal(10),
    "exposure_rate_max": Decimal(10),
    "leverage_max": Decimal(10),
    "orders_per_minute_max": Decimal(1800),
}


def a_contract() -> Product:
    rate, one = Decimal("0.25"), Decimal(1)
    return replace(
        a_product(NAME, "5"),
        base="BIP",
        quote="USD",
        base_increment=one,
        base_min_size=one,
        base_max_size=Decimal(5_000),
        quote_min_size=Decimal(0),
        contract=Contract(Decimal("0.01"), "BTC", rate, rate, Decimal("0.2")),
    )


class Session(Outbox):
    """A session of one contract by hand, in memory; what leaves is accepted at once."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.sent: list[OrderIntended] = []
        self.trades = self.asked = 0
        opened = an_opening("by_hand", products=(a_contract(),), limits=WIDE)
        self.engine = Engine(replace(opened, cash=Decimal(50_000)))
        self.take(BalancesSeen(START_NS, {"USD": Decimal(50_000)}))
        self.take(FeedChanged(START_NS, True, "a test"))
        self.take(TradesSeen(START_NS, NAME, (a_trade(1, str(PRICE)),)))
        self.quote(PRICE)

    def append(self, event: object) -> None:
        """The log of this session is not looked at."""

    def put(self, request: object) -> None:
        if isinstance(request, OrderIntended):
            self.sent.append(request)

    def take(self, event: object) -> None:
        step(event, self.engine, self, self)  # type: ignore[arg-type]

    def quote(self, price: Decimal) -> None:
        now_ns = self.engine.now_ns + 1
        self.take(QuoteSeen(now_ns, NAME, price - 5, price + 5, price))

    @property
    def held(self) -> int:
        return self.engine.ledger.position(NAME).lots

    def ask(self, side: Side, contracts: int, kind: Kind, *, reduce_only: bool) -> bool:
        """Whether such an order is let out, or kept as a stop of ours."""
        self.asked += 1
        away = 5 * self.dice.randint(1, 40) * side.sign
        wish = Wish(
            product_id=NAME,
            side=side,
            kind=kind,
            time_in_force=TimeInForce.IOC if kind is Kind.MARKET else TimeInForce.GTC,
            amount=Amount(Decimal(contracts), Unit.BASE),
            limit_price=PRICE - away if kind is Kind.LIMIT else None,
            stop_price=PRICE + away if kind is Kind.STOP else None,
            end_ns=None,
            for_ns=None,
            post_only=False,
            reduce_only=reduce_only,
            asked=f"ask-{self.asked}",
        )
        before = self.engine.counts["denials"]
        try:
            draft = draft_of(
                wish, self.engine.products[NAME], means_of(self.engine, NAME), self.engine.now_ns
            )
        except TraderError:
            assert reduce_only, "nothing else is refused before the rules"
            return False
        self.take(OrderAsked(self.engine.now_ns, "a person", draft))
        return self.engine.counts["denials"] == before

    def deliver(self) -> None:
        for intent in self.sent:
            name = intent.client_order_id
            self.take(OrderAccepted(self.engine.now_ns, name, f"o-{name}"))
        self.sent.clear()

    def fill_some(self) -> None:
        """Some of what works fills, whole or in part; some of it ends."""
        for order in self.engine.orders.at_exchange():
            luck, name = self.dice.random(), order.client_order_id
            if luck < 0.5:
                lots = self.dice.randint(1, order.open_lots)
                self.trades += 1
                self.take(
                    OrderFilled(
                        self.engine.now_ns, name, f"o-{name}", str(self.trades), NAME, order.side,
                        PRICE, Decimal(lots), Decimal("0.2") * lots, Liquidity.TAKER,
                    )
                )  # fmt: skip
            order = self.engine.orders.get(name)  # type: ignore[assignment]
            done = order.booked_lots == order.lots
            if done or luck > 0.8 or order.time_in_force is TimeInForce.IOC:
                status = OrderStatus.FILLED if done else OrderStatus.CANCELLED
                filled = Decimal(order.booked_lots)
                self.take(
                    OrderChanged(self.engine.now_ns, name, f"o-{name}", status, filled, 1, "")
                )

    def tighten(self, state: TradingState) -> None:
        self.take(TradingStateChanged(self.engine.now_ns, state, "a person", "a test"))
        self._end_all()

    def cancel_all(self) -> None:
        """Every order ends, the stops that the engine keeps too."""
        names = tuple(order.client_order_id for order in self.engine.orders.working())
        self.take(CancelAsked(self.engine.now_ns, "a person", names))
        self._end_all()

    def _end_all(self) -> None:
        for order in self.engine.orders.at_exchange():
            name, filled = order.client_order_id, Decimal(order.booked_lots)
            ended = OrderStatus.CANCELLED
            self.take(OrderChanged(self.engine.now_ns, name, f"o-{name}", ended, filled, 1, ""))

    def enter(self) -> None:
        """Take a position of either side while that is allowed."""
        self.tighten(TradingState.ACTIVE)
        side = self.dice.choice(list(Side))
        while not self.held:
            self.ask(side, self.dice.randint(2, 9), Kind.MARKET, reduce_only=False)
            self.quote(PRICE)
            self.deliver()
            self.fill_some()
            self.take(ClockTicked(self.engine.now_ns + 3 * 10**9))
        self.tighten(TradingState.REDUCE_ONLY)


def test_no_fill_in_reduce_only_leads_away_from_zero_or_through_it() -> None:
    said: Counter[str] = Counter()
    for seed in range(INTENTS // IN_A_SESSION):
        session = Session(seed)
        for _ in range(IN_A_SESSION):
            if not session.held:
                session.enter()
            before = session.held
            side, contracts = session.dice.choice(list(Side)), session.dice.randint(1, 12)
            own = session.engine.orders.working(NAME)
            exits = contracts <= -side.sign * before - sum(
                one.open_lots for one in own if one.side is side
            )
            kind, flag = session.dice.choice(KINDS), session.dice.random() < 0.5
            let_out = session.ask(side, contracts, kind, reduce_only=flag)
            assert let_out or not exits, "an exit is let out"
            for intent in session.sent:
                assert build_create(intent)["reduce_only"] is True
            session.quote(PRICE + 5 * session.dice.randint(-30, 30))
            session.deliver()
            session.fill_some()
            assert 0 <= session.held * (1 if before > 0 else -1) <= abs(before), (before, side)
            session.quote(PRICE)
            if session.dice.random() < 0.5:
                session.cancel_all()
            said["exits" if exits else "others"] += 1
            said["let out"] += let_out
            said["stops"] += len(session.engine.orders.supervised()) > 0
    assert min(said["exits"], said["others"], said["stops"]) > 10, said
