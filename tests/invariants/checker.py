"""The invariants of a session, checked after every one of its events against the exchange itself.

The checker sees what no session can: which orders, fills and requests on their way the exchange
really has. Numbers such as I-6 are those of the catalogue of invariants.
"""

from collections import Counter, deque
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

from gpt_trader.coinbase.wire_orders import build_create, build_edit
from gpt_trader.domain.events import (
    BooksCompared,
    CancelIntended,
    CandleClosed,
    EditAnswered,
    EditIntended,
    EditLost,
    Event,
    FeedChanged,
    FeeRevised,
    OrderAbsent,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    QuoteSeen,
    SessionOpened,
    Trade,
    TradesSeen,
)
from gpt_trader.domain.order import OrderStatus, Side, TradingState
from gpt_trader.domain.product import Product
from gpt_trader.engine.engine import Engine
from gpt_trader.store.folders import find
from gpt_trader.store.reading import LogReader
from tests.invariants.truth import Truth

CREATE = "/api/v3/brokerage/orders"
EDIT = f"{CREATE}/edit"
CANCEL = f"{CREATE}/batch_cancel"
MINUTE_NS = 60_000_000_000
CASH = 10**8
UNIT = Decimal("0.00000001")  # money is rounded against the account
S = OrderStatus
LIVE = {S.PENDING, S.OPEN}
ENDS = {S.FILLED, S.CANCELLED, S.EXPIRED, S.FAILED}
MOVES = {
    S.INTENDED: {S.UNKNOWN, S.REJECTED, S.ABSENT} | LIVE | ENDS,
    S.UNKNOWN: {S.REJECTED, S.ABSENT} | LIVE | ENDS,
    S.PENDING: {S.OPEN} | ENDS,
    S.OPEN: ENDS,
    S.ABSENT: LIVE | ENDS,
    S.REJECTED: LIVE | ENDS,
}
WORDS = OrderAccepted | OrderChanged | OrderRejected | OrderAbsent | OrderFilled
EDITS = EditIntended | EditAnswered | EditLost


class Checker:
    """Follows one session; an invariant that does not hold is an AssertionError that names it."""

    def __init__(self, truth: Truth, var: Path) -> None:
        self.events = 0
        self.violations: list[str] = []  # seen at the exchange, raised in the session
        self._truth = truth
        self._var = var
        self._read_seq = 0
        self.durable_seq = 0  # of the log: a loss of power leaves all up to here
        self._creates: dict[str, dict[str, Any]] = {}  # requests of durable intents, by name
        self._edits: dict[str, list[EditIntended]] = {}  # durable ones, by name
        self._cancels: Counter[str] = Counter()  # durable ones that have not arrived, by name
        self._names: set[str] = set()
        self._status: dict[str, OrderStatus] = {}
        self._booked: dict[str, int] = {}
        self._fees: dict[tuple[str, str], Decimal] = {}  # of each fill, as it was told last
        self._cash: Decimal | None = None
        self._base: Counter[str] = Counter()  # lots
        self._now_ns = 0
        self._feed_ready = False
        self._books_agree = True
        self._quotes: dict[str, QuoteSeen] = {}
        self._trades_seen: dict[str, Trade] = {}
        self._intents_ns: deque[int] = deque()

    # --- at the exchange --------------------------------------------------------------------

    def arrives(self, path: str, body: Mapping[str, Any]) -> None:
        """I-2: what could change the exchange is durable before it arrives, word for word."""
        self._read_intents()
        if path == CREATE:
            name = body["client_order_id"]
            self._require(self._creates.get(name) == body, f"the order {name}")
        elif path == EDIT:
            order_id = body["order_id"]
            name = self._truth.name(order_id)
            known = any(build_edit(order_id, edit) == body for edit in self._edits.get(name, ()))
            self._require(known, f"the edit of {name}")
        elif path == CANCEL:
            for name in map(self._truth.name, body["order_ids"]):
                self._require(self._cancels[name] > 0, f"the cancel of {name}")
                self._cancels[name] -= 1

    def _read_intents(self) -> None:
        with LogReader(find(self._var, "latest").log) as reader:
            for seq, event in reader.events(self._read_seq):
                if seq > self.durable_seq:
                    return
                self._read_seq = seq
                match event:
                    case OrderIntended(client_order_id=name):
                        self._creates[name] = build_create(event)
                    case EditIntended(client_order_id=name):
                        self._edits.setdefault(name, []).append(event)
                    case CancelIntended(client_order_id=name):
                        self._cancels[name] += 1
                    case _:
                        pass

    def _require(self, is_durable: bool, what: str) -> None:
        if not is_durable:
            self.violations.append(f"I-2: {what} arrives and is not durable in these words")

    def released(self, missing: list[int]) -> None:
        """I-9: nobody calls a round settled that he did not get the whole of."""
        if missing:
            self.violations.append(f"I-9: settled past the missing messages {missing}")

    # --- in the session ---------------------------------------------------------------------

    def after(self, event: Event, engine: Engine) -> None:
        """Check all that an event may have broken, once it is applied."""
        self.events += 1
        assert not self.violations, self.violations
        assert engine.now_ns >= self._now_ns, "I-12: the clock goes back"
        self._now_ns = engine.now_ns
        match event:
            case TradesSeen() | QuoteSeen():
                self._see(event, engine)
                return
            case SessionOpened():
                self._cash = event.cash
            case FeedChanged():
                self._feed_ready = event.ready
            case BooksCompared():
                self._books_agree = not event.differences
            case CandleClosed():
                self._candle(event)
            case OrderIntended():
                self._intent(event, engine)
            case EditIntended():
                self._may_leave(event.client_order_id, engine)
            case OrderFilled():
                self._fill(event, engine)
            case FeeRevised():
                self._fee(event, engine)
            case _:
                pass
        if isinstance(event, WORDS | EDITS | OrderLost | OrderIntended):
            self._order(event, engine)
        self._exposure(engine)

    def _candle(self, event: CandleClosed) -> None:
        if event.fresh:
            told = self._truth.candle(event.product_id, event.candle.start_ns)
            assert event.candle == told, f"I-9: decided on {event.candle}, it was {told}"

    def _see(self, event: TradesSeen | QuoteSeen, engine: Engine) -> None:
        match event:
            case QuoteSeen(product_id=name):
                self._quotes[name] = event
                mark, true = engine.markets[name].mark_ticks, self._truth.price(name)
                told = engine.products[name].price(mark)
                assert true / 2 <= told <= true * 2, f"I-9: the mark is {told}, the price {true}"
            case TradesSeen(trades=(*_, newest)):
                self._trades_seen[event.product_id] = newest
            case _:
                pass

    def _intent(self, event: OrderIntended, engine: Engine) -> None:
        name = event.client_order_id
        assert name not in self._names, f"I-1: {name} is used twice"
        self._names.add(name)
        expected = f"{engine.opened.namespace}-{len(self._names):06d}"
        assert name == expected, f"I-1: {name} instead of {expected}"
        self._may_leave(name, engine)

    def _may_leave(self, name: str, engine: Engine) -> None:
        """What holds of a new order, and of an edit, which takes the place of its order."""
        order = engine.orders.get(name)
        assert order is not None
        state = engine.trading.of(order.product_id)
        self._intents_ns.append(engine.now_ns)
        assert state is not TradingState.HALTED, f"I-8: {name} while halted"
        product = engine.products[order.product_id]
        others = [one for one in engine.orders.working(order.product_id) if one is not order]
        lots = sum(one.open_lots for one in others if one.side is order.side)
        lots += (order.edit_lots or order.lots) - order.booked_lots
        held = engine.ledger.position(order.product_id).lots
        if order.side is Side.SELL:
            assert lots <= held, f"I-7: sells {lots} lots of {held}"
            return
        assert state is TradingState.ACTIVE, f"I-7: {name} buys in reduce-only"
        assert self._feed_ready, f"I-9: {name} without a feed"
        assert self._books_agree, f"I-9: {name} while the books differ"
        self._check_mark(name, product, engine)
        self._check_rate(engine)
        self._check_cap(name, product.size(held + lots), engine, order.product_id)

    def _check_mark(self, name: str, product: Product, engine: Engine) -> None:
        """I-9: an entry rests on a price that was seen, and not too long ago."""
        since_ns = engine.now_ns - int(engine.limits.mark_age_s_max * 10**9)
        quote = self._quotes.get(product.product_id)
        trade = self._trades_seen.get(product.product_id)
        fresh = set()
        if quote is not None and quote.ts_ns >= since_ns:
            bid, ask = product.ticks(quote.bid_price), product.ticks(quote.ask_price)
            fresh.add((bid + ask) // 2)
        if trade is not None and trade.ts_ns >= since_ns:
            fresh.add(product.ticks(trade.price))
        mark = engine.markets[product.product_id].mark_ticks
        assert mark in fresh, f"I-9: {name} on a mark of {mark}, fresh are {fresh}"

    def _check_rate(self, engine: Engine) -> None:
        """I-10: exits are counted, and never refused for it."""
        while self._intents_ns[0] <= engine.now_ns - MINUTE_NS:
            self._intents_ns.popleft()
        assert len(self._intents_ns) <= engine.limits.orders_per_minute_max, "I-10: too many orders"

    def _check_cap(self, name: str, base: Decimal, engine: Engine, product_id: str) -> None:
        mark = engine.products[product_id].price(engine.markets[product_id].mark_ticks)
        equity = engine.equity_units()
        assert equity is not None, f"I-9: {name} without an equity"
        cap = engine.limits.position_rate_max * Decimal(equity) / CASH
        assert base * mark <= cap, f"I-6: {name} may bring {base * mark}, the cap is {cap}"

    def _fill(self, event: OrderFilled, engine: Engine) -> None:
        key = event.order_id, event.trade_id
        told = event.side, event.price, event.base_size
        assert self._truth.fill(*key) == told, f"I-4: fill {key} is {told} here"
        self._check_fee(event)
        if key not in self._fees:
            self._fees[key] = event.fee
            assert self._cash is not None
            paid = event.side.sign * event.price * event.base_size
            self._cash -= paid.quantize(UNIT, ROUND_CEILING) + event.fee
            product = engine.products[event.product_id]
            self._base[event.product_id] += event.side.sign * product.lots(event.base_size)
        held = engine.ledger.position(event.product_id).lots
        assert held == self._base[event.product_id], "I-4: the position is not the sum of fills"
        self._check_cash(engine)

    def _fee(self, event: FeeRevised, engine: Engine) -> None:
        """I-4: a revision replaces the fee that is booked by one that the exchange has told."""
        key = event.order_id, event.trade_id
        assert self._fees[key] == event.fee_before, f"I-4: fee of {key} was not {event.fee_before}"
        self._check_fee(event)
        assert self._cash is not None
        self._cash += event.fee_before - event.fee
        self._fees[key] = event.fee
        self._check_cash(engine)

    def _check_fee(self, event: OrderFilled | FeeRevised) -> None:
        told = self._truth.fees(event.trade_id)
        assert event.fee in told, f"I-4: fee {event.fee} of {event.trade_id}, told were {told}"

    def _check_cash(self, engine: Engine) -> None:
        cash = Decimal(engine.ledger.cash_units) / CASH
        assert cash == self._cash, f"I-4: cash is {cash}, the fills make it {self._cash}"

    def _order(self, event: Any, engine: Engine) -> None:
        """I-5: an order moves by the table, and to where the exchange really has it."""
        name = event.client_order_id
        order = engine.orders.get(name)
        assert order is not None
        before, now = self._status.get(name, S.INTENDED), order.status
        if now is not before:
            assert now in MOVES.get(before, set()), f"I-5: {name} goes from {before} to {now}"
            if before is S.UNKNOWN:
                assert isinstance(event, WORDS), f"I-5: {name} left UNKNOWN by {event}"
        self._status[name] = now
        booked = self._booked.get(name, 0)
        most = max(order.lots, order.edit_lots)
        assert booked <= order.booked_lots <= most, f"I-5: {name} filled {order.booked_lots}"
        self._booked[name] = order.booked_lots
        theirs = self._truth.orders(name)
        assert len(theirs) <= 1, f"I-1: {len(theirs)} orders for the one intent {name}"
        if now in (S.REJECTED, S.ABSENT):
            assert not theirs, f"I-5: {name} is {now} here and {theirs[0].status} there"
            late = now is S.ABSENT and self._truth.is_on_its_way(name)
            assert not late, f"I-5: {name} is called absent while it is on its way"
        if now in ENDS:
            assert [one.status for one in theirs] == [now], f"I-5: {name} is not {now} there"

    def _exposure(self, engine: Engine) -> None:
        """I-6: whatever may still fill at the exchange is counted here already."""
        for product_id in engine.products:
            working = engine.orders.working(product_id)
            held = engine.ledger.position(product_id).lots
            most = held + sum(o.open_lots for o in working if o.side is Side.BUY)
            least = held - sum(o.open_lots for o in working if o.side is Side.SELL)
            their_least, their_most = self._truth.reach(product_id)
            assert their_most <= most, f"I-6: {their_most} lots may come, {most} are counted"
            assert their_least >= least, f"I-6: {their_least} lots may stay, {least} are counted"
