"""Sessions without a socket: an engine, its log in memory, and inputs as an exchange may send them.

The inputs are made by dice from what the engine asked for, so they make sense: an order is
accepted, refused or lost; it fills at once, in parts, late or never; a cancel comes in time or not.
"""

import random
from dataclasses import replace
from decimal import Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelAnswered,
    CancelIntended,
    ClockTicked,
    Event,
    FeedChanged,
    OrderAbsent,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    Request,
    SessionClosed,
    SessionOpened,
    StopRequested,
    TradesSeen,
)
from gpt_trader.domain.order import Liquidity, OrderStatus, TimeInForce, TradingState
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from tests.builders import MINUTE_NS, START_NS, a_trade

HALF_SPREAD = Decimal("0.50")


class Memory:
    """A log and an outbox in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.requests: list[Request] = []

    def append(self, event: Event) -> None:
        self.events.append(event)

    def put(self, request: Request) -> None:
        assert self.events[-1] is request, "in the log before it may leave"
        self.requests.append(request)


class Play:
    """An engine that is told one event after the other."""

    def __init__(self, opened: SessionOpened) -> None:
        self.engine = Engine(opened)
        self.memory = Memory()
        self.minute = 0
        self._trade_ids = dict.fromkeys(self.engine.markets, 0)
        self.take(opened)
        totals = {"USD": opened.cash} | {product.base: Decimal(0) for product in opened.products}
        self.take(BalancesSeen(START_NS, totals))
        self.take(FeedChanged(START_NS, True, "subscribed"))

    @property
    def events(self) -> list[Event]:
        """The log so far."""
        return self.memory.events

    def take(self, event: Event) -> list[Request]:
        """Take one event through `step`; what may leave because of it."""
        step(event, self.engine, self.memory, self.memory)
        requests, self.memory.requests = self.memory.requests, []
        return requests

    def trade(self, price: str, product_id: str = "BTC-USD") -> list[Request]:
        """One trade and its quote in the minute that runs; what may leave because of it."""
        self._trade_ids[product_id] += 1
        ts_ns = START_NS + self.minute * MINUTE_NS
        trade = replace(a_trade(self._trade_ids[product_id], price), ts_ns=ts_ns)
        requests = self.take(TradesSeen(ts_ns, product_id, (trade,)))
        bid, ask = Decimal(price) - HALF_SPREAD, Decimal(price) + HALF_SPREAD
        return requests + self.take(QuoteSeen(ts_ns, product_id, bid, ask, Decimal(price)))

    def end_minute(self) -> list[Request]:
        """Let the clock close the candle; what may leave because of it."""
        self.minute += 1
        return self.take(ClockTicked(START_NS + self.minute * MINUTE_NS))

    def candle(self, price: str) -> list[Request]:
        """A minute with one trade; what may leave because of it."""
        self.trade(price)
        return self.end_minute()

    def accept(self, intent: Request) -> list[Request]:
        """The exchange takes the order in."""
        name = intent.client_order_id
        return self.take(OrderAccepted(self.engine.now_ns, name, order_id_of(name)))

    def fill(self, intent: OrderIntended, base_size: Decimal, trade_id: str = "1") -> None:
        """The exchange fills so much of the order, at its limit price."""
        name, draft = intent.client_order_id, intent.draft
        assert draft.limit_price is not None
        self.take(
            OrderFilled(
                ts_ns=self.engine.now_ns,
                client_order_id=name,
                order_id=order_id_of(name),
                trade_id=trade_id,
                product_id=draft.product_id,
                side=draft.side,
                price=draft.limit_price,
                base_size=base_size,
                fee=Decimal("0.01"),
                liquidity=Liquidity.MAKER if draft.post_only else Liquidity.TAKER,
            )
        )

    def word(self, order: Order, status: OrderStatus) -> None:
        """The exchange's cumulative word on an order, as far as it is booked."""
        size = self.engine.products[order.product_id].size(order.booked_lots)
        name = order.client_order_id
        fills = int(order.booked_lots > 0)
        self.take(
            OrderChanged(self.engine.now_ns, name, order_id_of(name), status, size, fills, "")
        )

    def order(self, request: Request) -> Order:
        """What the engine knows of an order."""
        order = self.engine.orders.get(request.client_order_id)
        assert order is not None
        return order


def order_id_of(client_order_id: str) -> str:
    return f"o-{client_order_id}"


def a_random_play(opened: SessionOpened, seed: int, minutes: int) -> Play:
    """A whole session by dice, up to its end."""
    dice = random.Random(seed)
    play = Play(opened)
    prices = dict.fromkeys(play.engine.markets, Decimal(20_000))
    requests: list[Request] = []
    for _ in range(minutes):
        for product_id in prices:
            for _ in range(dice.randrange(4)):
                prices[product_id] += dice.randrange(-80, 81)
                requests += play.trade(str(prices[product_id]), product_id)
        _disturb(play, dice)
        requests += play.end_minute()
        requests = _answered(play, dice, requests)
        _work(play, dice)
    requests += play.take(StopRequested(play.engine.now_ns, "the end"))
    while requests:
        requests = _answered(play, dice, requests)
    for order in play.engine.orders.working():
        _end(play, order)
    play.take(BooksCompared(play.engine.now_ns, {}))
    play.take(SessionClosed(play.engine.now_ns, "the end"))
    return play


def _disturb(play: Play, dice: random.Random) -> None:
    now_ns = play.engine.now_ns
    happening = dice.randrange(40)
    if happening == 0:
        play.take(FeedChanged(now_ns, False, "silence"))
    elif happening <= 4:
        play.take(FeedChanged(now_ns, True, "subscribed"))
    elif happening == 5:
        state = dice.choice(tuple(TradingState))
        play.take(TradingStateChanged(now_ns, state, "a person", "a test"))
    elif happening <= 8:
        play.take(TradingStateChanged(now_ns, TradingState.ACTIVE, "a person", "a test"))


def _answered(play: Play, dice: random.Random, requests: list[Request]) -> list[Request]:
    """Answer each request in its order; what may leave because of the answers."""
    following: list[Request] = []
    for request in requests:
        now_ns, name = play.engine.now_ns, request.client_order_id
        if isinstance(request, CancelIntended):
            in_time = dice.random() < 0.8
            following += play.take(CancelAnswered(now_ns, name, in_time, ""))
            if in_time and play.order(request).is_working:
                play.word(play.order(request), OrderStatus.CANCELLED)
            continue
        assert isinstance(request, OrderIntended), "nobody asks for an edit here"
        luck = dice.random()
        if luck < 0.05:
            play.take(OrderRejected(now_ns, name, "INVALID", "a test"))
        elif luck < 0.15:
            play.take(OrderLost(now_ns, name, "no answer"))
        else:
            following += play.accept(request)
            if request.draft.time_in_force is TimeInForce.IOC:
                _fill_some(play, dice, play.order(request))
                _end(play, play.order(request))
    return following


def _work(play: Play, dice: random.Random) -> None:
    """What happens to the orders that rest, or whose fate is not known."""
    for order in play.engine.orders.working():
        if order.status is OrderStatus.UNKNOWN:
            if dice.random() < 0.3:
                play.take(OrderAbsent(play.engine.now_ns, order.client_order_id, 2))
        elif dice.random() < 0.5:
            _fill_some(play, dice, order)


def _fill_some(play: Play, dice: random.Random, order: Order) -> None:
    lots = order.lots if dice.random() < 0.5 else dice.randrange(order.lots + 1)
    lots = min(lots, order.lots - order.booked_lots)
    if lots == 0:
        return
    [intent] = [
        event
        for event in play.events
        if isinstance(event, OrderIntended) and event.client_order_id == order.client_order_id
    ]
    size = play.engine.products[order.product_id].size(lots)
    play.fill(intent, size, trade_id=str(len(play.events)))
    booked = play.order(intent)
    play.word(booked, OrderStatus.FILLED if booked.booked_lots == order.lots else OrderStatus.OPEN)


def _end(play: Play, order: Order) -> None:
    if order.is_working:
        play.word(order, OrderStatus.CANCELLED)
