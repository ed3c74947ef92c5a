"""The words of an order: side, type, time in force, terms, what a rule says, and its states."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Side(StrEnum):
    """Which way an order changes the position."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order finds its price. STOP is ours alone: the engine makes it a market order."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_LIMIT = "STOP_LIMIT"
    BRACKET = "BRACKET"


class TimeInForce(StrEnum):
    """How long an order may wait."""

    GTC = "GOOD_UNTIL_CANCELLED"
    GTD = "GOOD_UNTIL_DATE_TIME"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"


class Liquidity(StrEnum):
    """Whether a fill added liquidity to the book or took it."""

    MAKER = "MAKER"
    TAKER = "TAKER"
    UNKNOWN = "UNKNOWN_LIQUIDITY_INDICATOR"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an edit can change of an order that waits."""

    base_size: Decimal  # in all, what is filled included
    limit_price: Decimal
    stop_price: Decimal | None  # None: it has none

    def __str__(self) -> str:
        trigger = "" if self.stop_price is None else f", trigger {self.stop_price:f}"
        return f"{self.base_size:f} at {self.limit_price:f}{trigger}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one draft: its value against its limit, in its unit."""

    rule: str
    denies: bool
    value: Decimal
    limit: Decimal
    unit: str


class OrderStatus(StrEnum):
    """Where an order stands.

    INTENDED is ours alone: written down, its outcome not known yet. UNKNOWN is an order whose
    request got no answer; it leaves that state by the exchange's word only. ABSENT is what
    full listings, made after the request could no longer be accepted, do not show. SUPERVISED is
    ours too: a stop that the engine waits with, and that the exchange does not know.
    """

    SUPERVISED = "SUPERVISED"
    INTENDED = "INTENDED"
    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    OPEN = "OPEN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    ABSENT = "ABSENT"


WORKING = frozenset(
    {
        OrderStatus.SUPERVISED,
        OrderStatus.INTENDED,
        OrderStatus.UNKNOWN,
        OrderStatus.PENDING,
        OrderStatus.OPEN,
    }
)
"""States in which an order may still fill: its size counts in every limit."""

_ENDS = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.FAILED}
)

TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.SUPERVISED: frozenset(
        {OrderStatus.INTENDED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
    ),
    OrderStatus.INTENDED: frozenset(
        {
            OrderStatus.UNKNOWN,
            OrderStatus.PENDING,
            OrderStatus.OPEN,
            OrderStatus.REJECTED,
            OrderStatus.ABSENT,
        }
    )
    | _ENDS,
    OrderStatus.UNKNOWN: frozenset(
        {OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.REJECTED, OrderStatus.ABSENT}
    )
    | _ENDS,
    OrderStatus.PENDING: frozenset({OrderStatus.OPEN}) | _ENDS,
    OrderStatus.OPEN: _ENDS,
    # A request that surfaces after the listings said no, or an order that lives although its
    # create was refused, is taken back in: the exchange's word on an order wins.
    OrderStatus.ABSENT: frozenset({OrderStatus.PENDING, OrderStatus.OPEN}) | _ENDS,
    OrderStatus.REJECTED: frozenset({OrderStatus.PENDING, OrderStatus.OPEN}) | _ENDS,
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.FAILED: frozenset(),
}
"""From a state to the states that may follow it; a state that repeats is no transition."""


WITHHELD = "WITHHELD"
"""Our own word beside the exchange's reasons: the request never left, so the order cannot exist."""


class TradingState(StrEnum):
    """What may be sent: everything, only what shrinks a position, or nothing but cancels."""

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"

    @property
    def tightness(self) -> int:
        """How far trading is held back: of two states the tighter one counts."""
        return tuple(TradingState).index(self)
