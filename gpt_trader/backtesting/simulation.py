"""The engine replay: the real engine, fed round by round as a live session in lockstep feeds it.

What it decides, and what the simulated exchange makes of it, equals such a session to the last
unit. It is the slow twin of the compiled backtest, and shares every rule with the live trader.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from gpt_trader.backtesting.by_hand import check_by_hand
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import HandOrder, Setup
from gpt_trader.backtesting.simulated_exchange import Executed, Print, SimulatedExchange
from gpt_trader.backtesting.simulation_result import (
    REJECTIONS,
    STATUSES,
    TIME_IN_FORCE_CODES,
    OrderBook,
    SimulationResult,
)
from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.events import (
    BalancesSeen,
    BooksCompared,
    CancelAnswered,
    CancelIntended,
    ClockTicked,
    Draft,
    Event,
    FeedChanged,
    OrderAccepted,
    OrderAsked,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    OrderRejected,
    QuoteSeen,
    Request,
    SessionOpened,
    Trade,
    TradesSeen,
)
from gpt_trader.domain.order import Liquidity, OrderType, Side, TimeInForce
from gpt_trader.domain.ports import EventSink
from gpt_trader.domain.product import CASH_UNIT, Product
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.step import step
from gpt_trader.kernels import resting
from gpt_trader.kernels.gates import MARKET_PRICE
from gpt_trader.kernels.printing import TICKS, TIME_NS

NS = 1_000_000_000
PERSON = "a person"
FOR_HAND = "for an order by hand"
NAMESPACE = "gt-simulation"
SIDES = ("SELL", "BUY")  # of a trade's maker, as the exchange names it


def simulate(setup: Setup, tapes: Sequence[CandleTape]) -> SimulationResult:
    """Trade a strategy on candles through the engine itself, and tell every order and fill.

    Raises
    ------
    UsageError
        The tapes cannot be played together, or the run meets a number it cannot count.
    """
    return Simulation(setup, tapes, None).run()


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request on its way to the exchange."""

    round: int  # at whose end it arrives
    request: Request


class Simulation:
    """One engine and one simulated exchange; `log`, if any, is told every event."""

    def __init__(self, setup: Setup, tapes: Sequence[CandleTape], log: EventSink | None) -> None:
        products = tuple(tape.product for tape in tapes)
        _check(tapes)
        self._setup = setup
        self._log = log
        self._orders = OrderBook(products)
        self._exchange = SimulatedExchange(setup, tapes)
        self._products = products
        self._places = {product.product_id: place for place, product in enumerate(products)}
        self._candle_ns = tapes[0].candle_s * NS
        self._trade_ids = [0] * len(products)
        self._round = 0
        self._traded: list[int] = []  # places of the products with a candle in this round
        self.held = 0  # candles at whose end their product was held
        self.equities: list[int] = []  # cash units, at the end of each round
        self._outbox: deque[Request] = deque()
        self._on_the_way: deque[_Sent] = deque()
        self._names: dict[int, str] = {}  # of orders at the exchange, by number
        self._filled: dict[int, int] = {}  # their lots
        self._fills = 0
        names = [product.product_id for product in products]
        starts_ns = np.array(self._exchange.starts_s, np.int64) * NS
        check_by_hand(setup.by_hand, names, starts_ns, tapes[0].candle_s)
        self._by_hand: dict[int, list[HandOrder]] = {}
        for order in setup.by_hand:
            self._by_hand.setdefault(order.round, []).append(order)
        opened = _opening(setup, tapes, self._exchange.starts_s[0] * NS)
        self.engine = Engine(opened, setup.strategy)
        self._take(opened)
        totals = {product.base: Decimal(0) for product in products}
        self._take(BalancesSeen(opened.ts_ns, {**totals, products[0].quote: setup.cash}))
        self._take(FeedChanged(opened.ts_ns, True, "subscribed"))

    def run(self) -> SimulationResult:
        """Play all rounds; orders that wait at the end are left as they are."""
        for number, start_s in enumerate(self._exchange.starts_s):
            self._round = number
            self._play(start_s * NS + self._candle_ns)
            self._value()
        return self._orders.result(self.engine)

    def _value(self) -> None:
        """Keep the equity at the round's end, and count what is held of what had a candle."""
        valuation, ledger = self.engine.valuation, self.engine.ledger
        self.equities.append(valuation.equity if valuation.day >= 0 else ledger.cash_units)
        names = (self._products[place].product_id for place in self._traded)
        self.held += sum(ledger.position(name).lots != 0 for name in names)

    def append(self, event: Event) -> None:
        """The engine's log."""
        self._orders.note(event, self._round)
        if self._log is not None:
            self._log.append(event)

    def put(self, request: Request) -> None:
        """The engine's outbox."""
        self._outbox.append(request)

    def _play(self, end_ns: int) -> None:
        """One round, in the order in which a session in lockstep sees it."""
        trades = self._exchange.play(self._round, end_ns)
        traded = [place for place, printed in enumerate(trades) if printed]
        self._traded = traded
        for place in sorted(traded, key=lambda place: trades[place][0][TIME_NS]):
            self._take(self._trades_of(place, end_ns, trades[place]))
        for place in traded:
            bid, ask = self._exchange.quote(place)
            if bid > 0 and ask > 0:
                last = trades[place][-1][TICKS]
                self._take(_quote(self._products[place], end_ns, bid, ask, last))
        self._tell(end_ns)
        self._take(ClockTicked(end_ns))
        self._deliver()
        for order in self._by_hand.get(self._round, ()):
            self._ask(order)

    def _take(self, event: Event) -> None:
        step(event, self.engine, self, self)

    def _trades_of(self, place: int, end_ns: int, printed: Sequence[Print]) -> TradesSeen:
        product, first = self._products[place], self._trade_ids[place] + 1
        self._trade_ids[place] += len(printed)
        trades = tuple(
            Trade(number, product.price(ticks), product.size(lots), SIDES[maker_buys], time_ns)
            for number, (time_ns, ticks, lots, maker_buys) in enumerate(printed, first)
        )
        return TradesSeen(end_ns, product.product_id, trades)

    # --- requests out, news in --------------------------------------------------------------

    def _deliver(self) -> None:
        """Send what was decided; let the requests arrive that are due, then tell the outcome."""
        arrives = self._round + self._setup.latency
        self._on_the_way.extend(_Sent(arrives, request) for request in self._outbox)
        self._outbox.clear()
        while self._on_the_way and self._on_the_way[0].round <= self._round:
            self._arrive(self._on_the_way.popleft().request)
        self._tell(self.engine.now_ns)

    def _arrive(self, request: Request) -> None:
        match request:
            case OrderIntended():
                self._take(self._placed(request))
            case CancelIntended():
                self._take(self._cancelled(request))

    def _placed(self, intent: OrderIntended) -> Event:
        draft, name, now_ns = intent.draft, intent.client_order_id, self.engine.now_ns
        number = _number_of(name)
        place = self._places[draft.product_id]
        product = self._products[place]
        limit = draft.limit_price
        request = (
            draft.side.sign,
            product.lots(draft.base_size),
            MARKET_PRICE if limit is None else product.ticks(limit),
            TIME_IN_FORCE_CODES[draft.time_in_force],
            int(draft.post_only),
            draft.end_ns or 0,
            number,
        )
        status = self._exchange.place(place, request, now_ns)
        if status in REJECTIONS:
            return OrderRejected(now_ns, name, REJECTIONS[status], "")
        self._names[number] = name
        self._filled[number] = 0
        return OrderAccepted(now_ns, name, _order_id_of(number))

    def _cancelled(self, request: CancelIntended) -> Event:
        name = request.client_order_id
        order = self.engine.orders.get(name)
        assert order is not None
        done = self._exchange.cancel(self._places[order.product_id], _number_of(name))
        return CancelAnswered(
            self.engine.now_ns, name, done, "" if done else "UNKNOWN_CANCEL_ORDER"
        )

    def _tell(self, now_ns: int) -> None:
        """Book what happened to our orders: all new fills of one together, then its status."""
        fills, changes = self._exchange.take_news()
        statuses = {change.number: change.status for change in changes}
        by_order: dict[int, list[Executed]] = {fill.number: [] for fill in fills}
        for fill in fills:
            by_order[fill.number].append(fill)
        for number in {**by_order, **statuses}:
            if number not in self._names:
                continue  # it was rejected, as was told at once
            for fill in by_order.get(number, ()):
                self._take(self._filled_by(fill))
            self._take(self._changed_to(number, statuses.get(number, resting.OPEN), now_ns))

    def _filled_by(self, fill: Executed) -> OrderFilled:
        product = self._products[fill.product]
        self._fills += 1
        self._filled[fill.number] += fill.lots
        return OrderFilled(
            ts_ns=fill.time_ns,
            client_order_id=self._names[fill.number],
            order_id=_order_id_of(fill.number),
            trade_id=str(self._fills),
            product_id=product.product_id,
            side=Side.BUY if fill.sign > 0 else Side.SELL,
            price=product.price(fill.ticks),
            base_size=product.size(fill.lots),
            fee=fill.fee_units * CASH_UNIT,
            liquidity=Liquidity.MAKER if fill.maker else Liquidity.TAKER,
        )

    def _changed_to(self, number: int, status: int, now_ns: int) -> OrderChanged:
        name = self._names[number]
        order = self.engine.orders.get(name)
        assert order is not None, name
        size = self.engine.products[order.product_id].size(self._filled[number])
        if status != resting.OPEN:
            del self._names[number], self._filled[number]
        order_id, fill_count = _order_id_of(number), int(size > 0)
        return OrderChanged(now_ns, name, order_id, STATUSES[status], size, fill_count, "")

    # --- orders by hand ---------------------------------------------------------------------

    def _ask(self, order: HandOrder) -> None:
        """Let a person ask for an order amid its trouble; then all is well again.

        What leaves because of it, the cancels of waiting buys included, arrives at once.
        """
        if order.wait_ns:
            self._take(ClockTicked(self.engine.now_ns + order.wait_ns))
        now_ns, before = self.engine.now_ns, self.engine.trading.everything
        trouble: list[Event] = []
        recovery: list[Event] = []
        if not order.feed_ready:
            trouble.append(FeedChanged(now_ns, False, FOR_HAND))
            recovery.append(FeedChanged(now_ns, True, FOR_HAND))
        if not order.books_agree:
            trouble.append(BooksCompared(now_ns, {self._products[0].quote: CASH_UNIT}))
            recovery.append(BooksCompared(now_ns, {}))
        if order.trading_state is not before:
            trouble.append(TradingStateChanged(now_ns, order.trading_state, PERSON, FOR_HAND))
            recovery.append(TradingStateChanged(now_ns, before, PERSON, FOR_HAND))
        for event in (*trouble, OrderAsked(now_ns, PERSON, self._draft(order)), *recovery):
            self._take(event)
            while self._outbox:
                self._arrive(self._outbox.popleft())
            self._tell(now_ns)

    def _draft(self, order: HandOrder) -> Draft:
        product = self.engine.products[order.product_id]
        held = self.engine.ledger.position(order.product_id).lots
        limit = order.limit_ticks
        return Draft(
            product_id=order.product_id,
            side=order.side,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            base_size=product.size(order.lots),
            limit_price=None if limit is None else product.price(limit),
            stop_price=None,
            end_ns=None,
            post_only=False,
            reduces=order.side is Side.SELL and order.lots <= held,
            target=product.size(held + order.side.sign * order.lots),
            mark_price=product.price(self.engine.markets[order.product_id].mark_ticks),
            why="by hand",
            asked="",
        )


def _check(tapes: Sequence[CandleTape]) -> None:
    """Refuse tapes that are no one market."""
    names = [tape.product.product_id for tape in tapes]
    if not names or len(set(names)) < len(names):
        raise UsageError(f"a backtest needs one tape of each product, not {', '.join(names) or 0}")
    if len({tape.product.quote for tape in tapes}) > 1:
        raise UsageError(f"products of one quote currency only, not {', '.join(names)} together")
    if len({tape.candle_s for tape in tapes}) > 1:
        raise UsageError(f"{', '.join(names)}: candles of one width only")


def _opening(setup: Setup, tapes: Sequence[CandleTape], begin_ns: int) -> SessionOpened:
    first = setup.fee_tiers[0]
    return SessionOpened(
        ts_ns=begin_ns,
        profile="dev",
        namespace=NAMESPACE,
        products=tuple(tape.product for tape in tapes),
        strategy=setup.strategy.name,
        strategy_source=setup.strategy.source_hash,
        params=setup.values,
        sizing=setup.sizing,
        limits=setup.limits.as_mapping(),
        maker_fee_rate=first.maker_rate,
        taker_fee_rate=first.taker_rate,
        candle_s=tapes[0].candle_s,
        candle_grace_ns=0,
        cash=setup.cash,
        day_pnl=Decimal(0),
        trading_state=setup.trading_state,
    )


def _quote(product: Product, now_ns: int, bid: int, ask: int, last: int) -> QuoteSeen:
    prices = product.price(bid), product.price(ask), product.price(last)
    return QuoteSeen(now_ns, product.product_id, *prices)


def _number_of(client_order_id: str) -> int:
    return int(client_order_id.removeprefix(f"{NAMESPACE}-"))


def _order_id_of(number: int) -> str:
    return f"o-{number}"
