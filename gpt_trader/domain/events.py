"""Everything that happens and everything we decide, as values the log keeps.

*Inputs* come from outside: the market, the exchange, the clock, a person. *Decisions* follow from
them alone, so a replay must give the same. `ts_ns` is the exchange's clock in nanoseconds UTC.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from gpt_trader.domain.controls import TradingStateChanged
from gpt_trader.domain.futures import FuturesNews
from gpt_trader.domain.order import (
    Liquidity,
    OrderStatus,
    OrderType,
    Side,
    Terms,
    TimeInForce,
    TradingState,
    Verdict,
)
from gpt_trader.domain.product import Product


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """What a person chose, written down before anything else: a replay needs nothing besides."""

    ts_ns: int
    profile: str
    namespace: str  # client order ids are made from it and a count
    products: tuple[Product, ...]
    strategy: str
    strategy_source: str  # hash of its source text: the same name may mean another one tomorrow
    params: dict[str, float]
    sizing: dict[str, float]
    limits: dict[str, Decimal]
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    candle_s: int
    candle_grace_ns: int  # after a candle's end, for trades that are still on their way
    cash: Decimal  # quote the engine may use
    day_pnl: Decimal  # quote, of this UTC day, by the account's sessions before this one
    trading_state: TradingState


@dataclass(frozen=True, slots=True)
class Trade:
    """One public print, of others. `wire_side` is as Coinbase sent it; no signal may use it."""

    trade_id: int
    price: Decimal  # quote/base
    base_size: Decimal
    wire_side: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class TradesSeen:
    """Trades of one product, oldest first, as one `market_trades` frame brought them."""

    ts_ns: int
    product_id: str
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class QuoteSeen:
    """The best bid and ask of one product, as a `ticker` frame brought them."""

    ts_ns: int
    product_id: str
    bid_price: Decimal
    ask_price: Decimal
    last_price: Decimal


@dataclass(frozen=True, slots=True)
class ClockTicked:
    """The exchange's clock moved: silence is an input too."""

    ts_ns: int


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, high, low, close and volume of one interval, known at its close and not before."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal  # base


@dataclass(frozen=True, slots=True)
class CandlesLoaded:
    """Candles fetched over REST: the warm-up at a start, or what a gap in the feed hid."""

    ts_ns: int
    product_id: str
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True)
class FeedChanged:
    """The market feed came up, went down, skipped a message or fell silent."""

    ts_ns: int
    ready: bool  # False: nothing is bought until a later one says True
    reason: str
    prices_come: bool = False  # not ready, and yet exits may go by them


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The exchange answered a create with an order id."""

    ts_ns: int
    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The exchange answered a create with a reason."""

    ts_ns: int
    client_order_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class OrderLost:
    """A create got no answer: the order may or may not exist, and its size stays reserved."""

    ts_ns: int
    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderAbsent:
    """Full listings, made after the request could no longer be accepted, do not show the order."""

    ts_ns: int
    client_order_id: str
    listings: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """The exchange's cumulative word on one order of ours, by WebSocket or by REST."""

    ts_ns: int
    client_order_id: str
    order_id: str
    status: OrderStatus
    filled_size: Decimal  # base, cumulative
    fill_count: int
    reason: str


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """One execution of our order. Never called a trade: a trade is someone else's print."""

    ts_ns: int
    client_order_id: str
    order_id: str
    trade_id: str
    product_id: str
    side: Side
    price: Decimal
    base_size: Decimal
    fee: Decimal  # quote, never negative
    liquidity: Liquidity

    def __post_init__(self) -> None:
        assert self.base_size > 0, self
        assert self.price > 0, self
        assert self.fee >= 0, self


@dataclass(frozen=True, slots=True)
class FeeRevised:
    """The exchange says now that a fill, booked already, cost another fee than it said then."""

    ts_ns: int
    client_order_id: str
    order_id: str
    trade_id: str
    product_id: str
    fee: Decimal  # quote, all of it, never negative
    fee_before: Decimal  # quote, as it is booked: what does not follow on that changes nothing

    def __post_init__(self) -> None:
        assert self.fee >= 0, self


@dataclass(frozen=True, slots=True)
class CancelAnswered:
    """The exchange answered a cancel request; the order's end is another event."""

    ts_ns: int
    client_order_id: str
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ForeignOrderSeen:
    """An order on the account that is not ours: shown, never touched."""

    ts_ns: int
    order_id: str
    client_order_id: str
    product_id: str


@dataclass(frozen=True, slots=True)
class BalancesSeen:
    """What the account holds of each currency, free and held together."""

    ts_ns: int
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class BooksCompared:
    """Our ledger against the account, currency by currency; any difference stops new risk."""

    ts_ns: int
    differences: dict[str, Decimal]  # account minus ledger, only what is not zero


@dataclass(frozen=True, slots=True)
class OrderAsked:
    """A person asks for an order; it is judged like any other."""

    ts_ns: int
    who: str
    draft: "Draft"


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A person asks for the end of orders; always allowed."""

    ts_ns: int
    who: str
    client_order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditAsked:
    """A person asks that a waiting order become another size or price, in its place."""

    ts_ns: int
    who: str
    client_order_id: str
    terms: Terms  # all of them, as they shall be


@dataclass(frozen=True, slots=True)
class EditAnswered:
    """The exchange answered an edit, or the order shows what became of one without an answer."""

    ts_ns: int
    client_order_id: str
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class EditLost:
    """An edit got no answer: the order is the old one or the new one, and counts as the worse."""

    ts_ns: int
    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class HoldingAdopted:
    """A person gives a part of what the owner holds to the session, at a stated cost."""

    ts_ns: int
    who: str
    product_id: str
    base_size: Decimal
    cost: Decimal  # quote, of all of it
    name: str  # used once: what is read a second time is not adopted a second time


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """A killed session goes on: its log was folded and its books are about to be compared."""

    ts_ns: int
    folded: int  # events


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The session is to end: no new order, and every working one is cancelled."""

    ts_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The tape ended or a person stopped the session."""

    ts_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class CandleClosed:
    """A candle of ours is complete. `fresh` is False for one that was loaded, not watched."""

    ts_ns: int
    product_id: str
    candle: Candle
    fresh: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """An order as the strategy and its sizing want it, before risk has spoken."""

    product_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    base_size: Decimal
    limit_price: Decimal | None  # None: a market order
    stop_price: Decimal | None  # of a stop-limit or bracket order, which waits for it
    end_ns: int | None  # of an order that ends at the exchange by itself; None: it does not
    post_only: bool
    reduces: bool  # shrinks |position| and can do nothing else
    reduce_only: bool = field(default=False, kw_only=True)  # the same on the wire: of contracts
    target: Decimal  # base, the position wanted
    mark_price: Decimal
    why: str
    asked: str  # a person's own name for it, used once; "" for an order of the strategy

    @property
    def may_rest(self) -> bool:
        """It waits in the book for what the exchange cannot fill at once."""
        return self.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)


@dataclass(frozen=True, slots=True)
class StopReached:
    """A position lost more than its protective stop allows: leave, whatever the strategy says."""

    ts_ns: int
    product_id: str
    value: Decimal  # quote, of the position at the mark
    cost: Decimal  # quote, of the position with its fees
    loss_max: Decimal  # quote


@dataclass(frozen=True, slots=True)
class OrderIntended:
    """An order that risk allows. On disk before its request leaves."""

    ts_ns: int
    client_order_id: str
    draft: Draft
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class StopSupervised:
    """A person's stop that risk allows: the engine waits for its trigger, nobody else knows it."""

    ts_ns: int
    client_order_id: str
    draft: Draft
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class TriggerReached:
    """A fresh mark is at a supervised stop's trigger or through it: it is judged now."""

    ts_ns: int
    client_order_id: str
    mark_price: Decimal


@dataclass(frozen=True, slots=True)
class StopWithheld:
    """Risk lets an exit not out at its trigger: it waits on, and goes as soon as it may."""

    ts_ns: int
    client_order_id: str
    verdicts: tuple[Verdict, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopEnded:
    """A supervised stop is over, and nothing was sent: cancelled, or expired."""

    ts_ns: int
    client_order_id: str
    status: OrderStatus
    why: str


@dataclass(frozen=True, slots=True)
class OrderDenied:
    """An order that risk refuses, with every rule's verdict."""

    ts_ns: int
    draft: Draft
    verdicts: tuple[Verdict, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EditIntended:
    """A change of a waiting order that risk allows. On disk before its request leaves."""

    ts_ns: int
    client_order_id: str
    terms: Terms
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class CancelIntended:
    """A wish to end a working order. Always allowed, in every trading state."""

    ts_ns: int
    client_order_id: str
    why: str


Heard = TradesSeen | QuoteSeen | ClockTicked | CandlesLoaded | FeedChanged
Input = (
    SessionOpened
    | Heard
    | FuturesNews
    | OrderAccepted
    | OrderRejected
    | OrderLost
    | OrderAbsent
    | OrderChanged
    | OrderFilled
    | FeeRevised
    | CancelAnswered
    | ForeignOrderSeen
    | BalancesSeen
    | BooksCompared
    | TradingStateChanged
    | OrderAsked
    | CancelAsked
    | EditAsked
    | EditAnswered
    | EditLost
    | HoldingAdopted
    | SessionResumed
    | StopRequested
    | SessionClosed
)
Decision = (
    CandleClosed
    | StopReached
    | StopSupervised
    | TriggerReached
    | StopWithheld
    | StopEnded
    | OrderIntended
    | OrderDenied
    | EditIntended
    | CancelIntended
)
Request = OrderIntended | EditIntended | CancelIntended
Event = Input | Decision
