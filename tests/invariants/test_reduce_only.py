"""In reduce-only nothing that anyone asks for raises the position, and an exit is never refused."""

import random
from dataclasses import replace
from decimal import Decimal

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import (
    Draft,
    OrderAsked,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    Request,
)
from gpt_trader.domain.order import (
    Liquidity,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from tests.builders import an_opening
from tests.engine.plays import Play, order_id_of
from tests.printing import Said
from tests.tier import by_tier, scaled

INTENTS = by_tier(quick=2_000, ci=20_000, soak=100_000)
IN_A_SESSION = 500
PRICE = Decimal(20_000)
NAME = "BTC-USD"
ENTRY = Decimal(1)
LOT = Decimal("0.00000001")


class Asking:
    """A session with a position, and somebody who asks for orders of any kind."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.play = Play(an_opening("by_hand"))
        self.play.candle(str(PRICE))
        self.asked = self.trades = 0

    @property
    def held(self) -> Decimal:
        """The position."""
        return self.play.engine.products[NAME].size(self.play.engine.ledger.position(NAME).lots)

    def tighten(self, state: TradingState) -> None:
        """Change what may be sent."""
        now_ns = self.play.engine.now_ns
        self.play.take(TradingStateChanged(now_ns, state, "a person", "a test"))

    def ask(
        self, side: Side, size: Decimal, limit: Decimal | None, stop: Decimal | None = None
    ) -> list[Request]:
        """Ask for an order, whatever it says of itself; with `stop` for one that we watch."""
        self.asked += 1
        if stop is not None:
            limit = None
        kinds = (TimeInForce.IOC,) if limit is None else (TimeInForce.IOC, TimeInForce.GTC)
        draft = Draft(
            product_id=NAME,
            side=side,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=self.dice.choice(kinds),
            base_size=size,
            limit_price=limit,
            stop_price=None,
            end_ns=None,
            post_only=False,
            reduces=self.dice.random() < 0.5,
            target=Decimal(0),
            mark_price=PRICE,
            why="a test",
            asked=f"ask-{self.asked}",
        )
        if stop is not None:
            kind, waits = OrderType.STOP, TimeInForce.GTC
            draft = replace(draft, order_type=kind, time_in_force=waits, stop_price=stop)
        return self.play.take(OrderAsked(self.play.engine.now_ns, "a person", draft))

    def fill(self, name: str, size: Decimal) -> None:
        """The exchange fills so much of an order."""
        self.trades += 1
        order = self.play.engine.orders.get(name)
        assert order is not None
        now_ns, fee = self.play.engine.now_ns, Decimal("0.01")
        parts = (now_ns, name, order_id_of(name), str(self.trades), NAME, order.side)
        self.play.take(OrderFilled(*parts, PRICE, size, fee, Liquidity.TAKER))

    def leap(self, price: Decimal) -> list[Request]:
        """The market goes there and comes back; what may leave because of it."""
        return self.play.trade(str(price)) + self.play.trade(str(PRICE))

    def enter(self) -> None:
        """Buy a position while that is allowed."""
        self.play.candle(str(PRICE))  # a minute later: entries are counted by the minute
        self.tighten(TradingState.ACTIVE)
        [intent] = self.ask(Side.BUY, ENTRY, PRICE + 1)
        self.play.accept(intent)
        self.fill(intent.client_order_id, ENTRY)
        self.play.word(self.play.order(intent), OrderStatus.FILLED)
        self.tighten(TradingState.REDUCE_ONLY)

    def answer(self, requests: list[Request]) -> None:
        """Accept, refuse or lose what was sent."""
        for request in requests:
            if isinstance(request, OrderIntended):
                luck, now_ns = self.dice.random(), self.play.engine.now_ns
                name = request.client_order_id
                if luck < 0.1:
                    self.play.take(OrderRejected(now_ns, name, "INVALID", "a test"))
                elif luck < 0.2:
                    self.play.take(OrderLost(now_ns, name, "no answer"))
                else:
                    self.play.accept(request)

    def work(self) -> None:
        """Let some of what works fill, in parts, and some end."""
        engine = self.play.engine
        for order in engine.orders.at_exchange():
            luck = self.dice.random()
            if luck < 0.4:
                lots = self.dice.randint(1, order.lots - order.booked_lots)
                self.fill(order.client_order_id, lots * LOT)
                now = self.play.engine.orders.get(order.client_order_id)
                assert now is not None
                if now.booked_lots == now.lots:
                    self.play.word(now, OrderStatus.FILLED)
            elif luck < 0.6:
                self.play.word(order, OrderStatus.CANCELLED)


def test_no_order_anyone_asks_for_in_reduce_only_raises_the_position(say: Said) -> None:
    """By chance, however orders fill, end or vanish; whatever is unknown counts as working."""
    asked = sent = fired = fills = 0
    for seed in range(INTENTS // IN_A_SESSION):
        scene = Asking(seed)
        dice = scene.dice
        while scene.asked < IN_A_SESSION:
            if not scene.held and not scene.play.engine.orders.working():
                scene.enter()
            before = scene.held
            side = dice.choice((Side.BUY, Side.SELL, Side.SELL))
            size = dice.choice((LOT, before, before + LOT, before * 2, Decimal(dice.random())))
            size = max(LOT, Decimal(size).quantize(LOT))
            limit = PRICE + dice.randrange(-300, 300) if dice.random() < 0.8 else None
            stop = PRICE + dice.randrange(-200, 50) if dice.random() < 0.2 else None
            requests = scene.ask(side, size, limit, stop)
            if dice.random() < 0.1:
                reached = scene.leap(PRICE + dice.randrange(-150, 150))
                fired += len(reached)
                requests += reached
            sent += len(requests)
            working = scene.play.engine.orders.working()

            assert all(order.side is Side.SELL for order in working), "nothing buys"
            assert sum(order.open_lots for order in working) * LOT <= before, "nor sells too much"
            scene.answer(requests)
            scene.work()
            assert 0 <= scene.held <= before, "nothing raised it"
        asked += scene.asked
        fills += scene.trades

    sends = f"{sent} of them sent, {fired} by a trigger"
    say(f"{asked} orders asked for in reduce-only, {sends}, {fills} fills")
    assert sent > asked / 20 and fired > asked / 200


def test_an_exit_is_admissible_in_active_and_in_reduce_only() -> None:
    """Whatever part of the position is not on sale yet can be sold, at the mark."""
    for seed in range(scaled(200)):
        scene = Asking(seed)
        scene.enter()
        for state in (TradingState.REDUCE_ONLY, TradingState.ACTIVE):
            scene.tighten(state)
            free = scene.held - sum(o.open_lots for o in scene.play.engine.orders.working()) * LOT
            part = Decimal(scene.dice.uniform(0.001, 0.4)).quantize(LOT)
            [intent] = scene.ask(Side.SELL, free * part // LOT * LOT, PRICE)
            scene.answer([intent])

        assert not [event for event in scene.play.events if isinstance(event, OrderDenied)]
