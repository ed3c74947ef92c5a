"""One order at the exchange and its fills: what was asked for, and what became of it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import CASH_PLACES, CASH_UNITS, decimal_text, ratio_text

EXIT_PERCENT = 5  # by which a bracket's stop leg may fill worse than its trigger
ACTIVE = frozenset({"PENDING", "OPEN", "CANCEL_QUEUED"})


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class TimeInForce(StrEnum):
    """How long an order may wait for its price."""

    GTC = "GOOD_UNTIL_CANCELLED"
    GTD = "GOOD_UNTIL_DATE_TIME"
    IOC = "IMMEDIATE_OR_CANCEL"
    FOK = "FILL_OR_KILL"


class OrderType(StrEnum):
    """What makes an order work, as REST names it."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_LIMIT = "STOP_LIMIT"
    BRACKET = "BRACKET"
    LIQUIDATION = "LIQUIDATION"  # the exchange's own, of an account without enough margin


class TriggerStatus(StrEnum):
    """Whether an order with a trigger still waits for it."""

    NONE = "INVALID_ORDER_TYPE"  # Coinbase's word for an order without a trigger
    PENDING = "STOP_PENDING"
    TRIGGERED = "STOP_TRIGGERED"


class Liquidity(StrEnum):
    """Whether a fill waited in the book or took from it."""

    MAKER = "MAKER"
    TAKER = "TAKER"


@dataclass(frozen=True, slots=True)
class Trigger:
    """The price of a printed trade that sets an order going; the price itself counts."""

    price: int  # price increments
    rises: bool  # fires at or above it; else at or below

    def fires(self, price: int) -> bool:
        """Say whether a trade at a price sets it off."""
        return price >= self.price if self.rises else price <= self.price


@dataclass(frozen=True, slots=True)
class Attached:
    """The exits that begin when a buy has ended: a bracket for what it bought."""

    gain: int  # price increments
    loss: int  # price increments
    configuration: dict[str, Any]  # as it came, for the echo


@dataclass(frozen=True, slots=True)
class Want:
    """What an order would take from the book and hold now."""

    product: Product
    buys: bool
    limit: int | None  # worst price to trade at, in price increments; None for a market order
    hold_price: int | None  # at which a buy blocks its money; None: at the prices of the book
    lots: int | None  # None for an order by quote size
    money: int | None  # cash units


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as a client asks for it, in whole increments."""

    client_order_id: str
    product: Product
    side: Side
    configuration: dict[str, Any]  # as it came, for the echo
    kind: OrderType
    time_in_force: TimeInForce
    limit: int | None  # price increments; None for a market order
    lots: int | None  # None for an order by quote size
    money: int | None  # cash units to spend at most, fees included
    post_only: bool
    end_ns: int | None
    trigger: Trigger | None
    attached: Attached | None
    reduce_only: bool  # contracts only
    leverage: str  # as it came; "" for spot

    @property
    def buys(self) -> bool:
        """Say whether it is a buy."""
        return self.side is Side.BUY

    @property
    def pays_with(self) -> str:
        """Name the currency it pays with."""
        if self.buys or self.product.contract is not None:
            return self.product.quote
        return self.product.base

    @property
    def exit_price(self) -> int | None:
        """Give the limit of a bracket's stop leg: 5 % beyond its trigger, to its own loss."""
        if self.kind is not OrderType.BRACKET:
            return None
        assert self.trigger is not None
        price = self.trigger.price
        if self.buys:
            return -(-price * (100 + EXIT_PERCENT) // 100)
        return max(1, price * (100 - EXIT_PERCENT) // 100)

    def want(self) -> Want:
        """Give what a new order wants."""
        hold_price = self.limit if self.exit_price is None else self.exit_price
        return Want(self.product, self.buys, self.limit, hold_price, self.lots, self.money)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order."""

    number: int  # of the account's fills, from 1
    order_id: str
    product: Product
    side: Side
    ticks: int
    lots: int
    notional: int  # cash units the account paid or received, before the fee
    fee: int  # cash units
    liquidity: Liquidity
    time_ns: int


@dataclass(frozen=True, slots=True)
class Edit:
    """What an accepted edit made of an order."""

    limit: int  # price increments
    lots: int
    time_ns: int


class Order:
    """An accepted order and how far it got. Changed by the matching only."""

    __slots__ = (
        "armed",
        "attached_order_id",
        "cancel_message",
        "created_ns",
        "edits",
        "fee",
        "fills",
        "hold",
        "last_fill_ns",
        "last_update_ns",
        "left",
        "limit",
        "lots_filled",
        "notional",
        "number",
        "order_id",
        "originating_order_id",
        "queue",
        "reject_reason",
        "request",
        "status",
        "tick_lots",
        "trigger_status",
        "turn",
    )

    def __init__(self, request: OrderRequest, number: int, order_id: str, now_ns: int) -> None:
        self.request = request  # as it was asked for, or edited
        self.number = number  # of the account's orders, from 1
        self.order_id = order_id
        self.originating_order_id = ""  # the order whose fills these exits are for
        self.attached_order_id = ""  # the exits of this one
        self.status = "PENDING"
        self.limit = request.limit  # price increments it works at; None for a market order
        self.left = request.lots  # lots still to fill; None for an order by quote size
        self.lots_filled = 0
        self.tick_lots = 0  # price increments times base increments, for the exact average
        self.notional = 0  # cash units
        self.fee = 0  # cash units
        self.hold = 0  # units of what it pays with: quote for a buy, base for a sale
        self.turn = 0  # its time priority in the book; 0 while it stands in none
        self.queue = 0  # lots of others before it at its price
        self.armed = False  # whether a trade may trigger it
        triggers = request.trigger is not None
        self.trigger_status = TriggerStatus.PENDING if triggers else TriggerStatus.NONE
        self.fills = 0
        self.edits: list[Edit] = []
        self.created_ns = now_ns
        self.last_update_ns = now_ns
        self.last_fill_ns: int | None = None
        self.reject_reason = ""
        self.cancel_message = ""

    @property
    def active(self) -> bool:
        """Say whether it may still fill."""
        return self.status in ACTIVE

    @property
    def currency(self) -> str:
        """Name the currency it pays with."""
        return self.request.pays_with

    def want(self) -> Want:
        """Give what is left for it to take and hold."""
        request = self.request
        exit_price = request.exit_price
        hold_price = self.limit if exit_price is None else exit_price
        return Want(request.product, request.buys, self.limit, hold_price, self.left, request.money)

    def average_text(self) -> str:
        """Write the average price of the fills, 0 before the first."""
        if not self.lots_filled:
            return "0"
        return self.request.product.average_text(self.tick_lots, self.lots_filled)

    def completion_text(self) -> str:
        """Write how much of the order is filled, in percent."""
        if self.status == "FILLED":
            return "100"
        request = self.request
        if request.lots is not None:
            return ratio_text(100 * self.lots_filled, request.lots, 4) if request.lots else "0"
        assert request.money is not None
        return ratio_text(100 * (self.notional + self.fee), request.money, 4)

    def hold_text(self) -> str:
        """Write what is on hold for it: quote for a buy, base for a sale."""
        return cash_text(self.hold)

    def value_after_fees(self) -> int:
        """Give what the order cost or brought so far, fees included, in cash units."""
        return self.notional + self.fee if self.request.buys else self.notional - self.fee


def exits_of(request: OrderRequest) -> OrderRequest:
    """Give the bracket attached to a buy, before anybody knows its size."""
    attached = request.attached
    assert attached is not None
    return OrderRequest(
        client_order_id="",
        product=request.product,
        side=Side.SELL,
        configuration=attached.configuration,
        kind=OrderType.BRACKET,
        time_in_force=TimeInForce.GTC,
        limit=attached.gain,
        lots=0,
        money=None,
        post_only=False,
        end_ns=None,
        trigger=Trigger(attached.loss, rises=False),
        attached=None,
        reduce_only=False,
        leverage="",
    )


def sized(request: OrderRequest, lots: int) -> OrderRequest:
    """Give an order its size."""
    name, fields = next(iter(request.configuration.items()))
    base_size = request.product.base_text(lots)
    configuration = {name: fields | {"base_size": base_size}}
    return replace(request, configuration=configuration, lots=lots)


def cash_text(units: int) -> str:
    """Write an amount of money."""
    return decimal_text(units, CASH_PLACES)


def cash_number(units: int) -> float:
    """Give an amount for the few fields that are JSON numbers."""
    return float(units / CASH_UNITS)
