"""Every order of the session, from the intent to the exchange's last word on it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gpt_trader.broker.capabilities import SIZE, why_not_edited
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelIntended,
    EditAnswered,
    EditIntended,
    EditLost,
    Event,
    FeeRevised,
    OrderAbsent,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    OrderLost,
    OrderRejected,
    StopEnded,
    StopSupervised,
    StopWithheld,
)
from gpt_trader.domain.order import (
    TRANSITIONS,
    WITHHELD,
    WORKING,
    OrderStatus,
    OrderType,
    Side,
    Terms,
    TimeInForce,
)
from gpt_trader.domain.product import Product, cash_units_owed


@dataclass(frozen=True, slots=True)
class Order:
    """One order of ours as far as we know it."""

    client_order_id: str
    order_id: str  # "" until the exchange has named it
    product_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    lots: int
    limit_ticks: int  # 0 for a market order
    stop_ticks: int  # where it begins to work; 0 for one that works at once
    end_ns: int  # when it ends by itself; 0: it does not
    status: OrderStatus
    word_lots: int  # filled, by the exchange's cumulative word
    booked_lots: int  # filled, by the single fills we have booked
    paid_tick_lots: int  # of those fills, the sum of price ticks times lots
    fee_units: int  # of those fills, cash units
    intended_ns: int
    cancel_asked: bool
    end_wanted: bool  # a person wants its end, and nobody can ask for that before its answer
    edit_lots: int  # what it may have become: an edit is on its way; 0 without one
    edit_ticks: int
    edit_stop_ticks: int
    edit_lost: bool  # the edit got no answer
    withheld: tuple[str, ...]  # rules that keep a supervised stop from firing
    reduce_only: bool  # of contracts: it can only shrink the position, at the exchange too

    @property
    def owes_fills(self) -> bool:
        """The exchange says more is filled than we have booked."""
        return self.word_lots > self.booked_lots

    @property
    def is_working(self) -> bool:
        """It may still change the position: unfinished, or fills of it are still to be booked."""
        return self.status in WORKING or self.owes_fills

    @property
    def is_supervised(self) -> bool:
        """A stop that waits with us for its trigger: the exchange does not know it."""
        return self.status is OrderStatus.SUPERVISED

    @property
    def is_fired_stop(self) -> bool:
        """A market order that a stop of ours became at its trigger."""
        return self.order_type is OrderType.MARKET and self.stop_ticks > 0

    @property
    def can_be_cancelled(self) -> bool:
        """The exchange knows it, and was not asked to end it yet."""
        is_live = self.status in (OrderStatus.PENDING, OrderStatus.OPEN)
        return is_live and not self.cancel_asked and self.order_id != ""

    @property
    def can_be_edited(self) -> bool:
        """It waits, is of a type that can be edited, and nothing else is asked of it."""
        refused = why_not_edited(self.order_type, self.time_in_force, SIZE)
        return not refused and self.can_be_cancelled and not self.edit_lots

    def terms(self, product: Product) -> Terms:
        """What an edit can change of it, as it is; of an order with a limit price."""
        return _terms(product, self.lots, self.limit_ticks, self.stop_ticks)

    def edit_terms(self, product: Product) -> Terms:
        """The same as an edit on its way makes it."""
        return _terms(product, self.edit_lots, self.edit_ticks, self.edit_stop_ticks)

    @property
    def dearest_ticks(self) -> int:
        """The highest price it may fill at, an edit on its way included; 0 for a market order."""
        return max(self.limit_ticks, self.edit_ticks)

    @property
    def highest_stop_ticks(self) -> int:
        """The highest price it may begin to work at, an edit on its way included; 0 without."""
        return max(self.stop_ticks, self.edit_stop_ticks)

    @property
    def open_lots(self) -> int:
        """What may still be added to the position by it."""
        if self.status in WORKING:
            return max(self.lots, self.edit_lots) - self.booked_lots
        return max(0, self.word_lots - self.booked_lots)


class Orders:
    """All orders by client order id. `apply` changes it; nothing else does."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._working: dict[str, Order] = {}  # the few that matter to each decision
        self._supervised: dict[str, Order] = {}

    def get(self, client_order_id: str) -> Order | None:
        """The order with this id, or None for one that is not ours."""
        return self._orders.get(client_order_id)

    def all(self) -> tuple[Order, ...]:
        """Every order, oldest first."""
        return tuple(self._orders.values())

    def supervised(self) -> tuple[Order, ...]:
        """Stops that wait with us, and that the exchange does not know, oldest first."""
        return tuple(sorted(self._supervised.values(), key=_by_age))

    def working(self, product_id: str | None = None) -> tuple[Order, ...]:
        """Orders that may still change a position, of one product or of all, oldest first."""
        orders = sorted(self._working.values(), key=_by_age)
        return tuple(o for o in orders if product_id is None or o.product_id == product_id)

    def raising(self, products: Mapping[str, Product]) -> tuple[Order, ...]:
        """Working orders that may raise a position, oldest first."""
        return tuple(o for o in self.working() if may_raise(o, products[o.product_id]))

    def offered_lots(self, product_id: str, side: Side, besides: str = "") -> int:
        """What orders of one side may still trade, one of them left out if it is named."""
        own = (order for order in self.working(product_id) if order.side is side)
        return sum(order.open_lots for order in own if order.client_order_id != besides)

    def take(self, event: Event, products: Mapping[str, Product]) -> bool:
        """Take in whatever concerns an order of ours; False for all else, which changes nothing."""
        match event:
            case OrderIntended() | StopSupervised():
                self.intend(event, products[event.draft.product_id])
            case EditIntended():
                self.edit(event, products[self._orders[event.client_order_id].product_id])
            case OrderChanged():
                self.change(event, products[self._orders[event.client_order_id].product_id])
            case OrderFilled():
                self.fill(event, products[event.product_id])
            case FeeRevised():
                self.revise_fee(event)
            case (
                OrderAccepted()
                | OrderRejected()
                | OrderLost()
                | OrderAbsent()
                | EditAnswered()
                | EditLost()
                | CancelIntended()
                | CancelAnswered()
                | StopWithheld()
                | StopEnded()
            ):
                self.apply(event)
            case _:
                return False
        return True

    def at_exchange(self) -> tuple[Order, ...]:
        """Working orders that the exchange knows, or may know, oldest first."""
        return tuple(order for order in self.working() if not order.is_supervised)

    def intend(self, event: OrderIntended | StopSupervised, product: Product) -> None:
        """Take in an intent: from here on its size counts in every limit.

        The intent of a supervised stop is that it fires: the same order goes on as what was sent.
        """
        draft, stop = event.draft, self._orders.get(event.client_order_id)
        if stop is not None:
            assert stop.is_supervised, "client order ids are unique for ever"
            self._put(
                replace(
                    _moved(stop, OrderStatus.INTENDED),
                    order_type=draft.order_type,
                    time_in_force=draft.time_in_force,
                    lots=product.lots(draft.base_size),
                    intended_ns=event.ts_ns,
                    withheld=(),
                    reduce_only=draft.reduce_only,
                )
            )
            return
        self._put(_order_of(event, product))

    def edit(self, event: EditIntended, product: Product) -> None:
        """Take in an edit: until its answer the order counts as the worse of old and new."""
        terms = event.terms
        self._put(
            replace(
                self._orders[event.client_order_id],
                edit_lots=product.lots(terms.base_size),
                edit_ticks=product.ticks(terms.limit_price),
                edit_stop_ticks=0 if terms.stop_price is None else product.ticks(terms.stop_price),
                edit_lost=False,
            )
        )

    def apply(
        self,
        event: OrderAccepted
        | OrderRejected
        | OrderLost
        | OrderAbsent
        | EditAnswered
        | EditLost
        | CancelIntended
        | CancelAnswered
        | StopWithheld
        | StopEnded,
    ) -> None:
        """Take in an answer, or the lack of one, or what became of a stop that we keep."""
        order = self._orders[event.client_order_id]
        match event:
            case OrderAccepted():
                self._put(replace(_moved(order, OrderStatus.PENDING), order_id=event.order_id))
            case OrderRejected():
                never_left = event.reason == WITHHELD and order.status is OrderStatus.INTENDED
                waits = never_left and order.is_fired_stop
                self._put(_waiting_again(order) if waits else _moved(order, OrderStatus.REJECTED))
            case OrderLost():
                self._put(_moved(order, OrderStatus.UNKNOWN))
            case OrderAbsent():
                self._put(_moved(order, OrderStatus.ABSENT))
            case EditAnswered():
                self._put(_edited(order, event.accepted))
            case EditLost():
                self._put(replace(order, edit_lost=order.edit_lots > 0))
            case CancelIntended():
                self._put(replace(order, cancel_asked=True, end_wanted=False))
            case CancelAnswered():
                # A refused cancel may be asked again; an accepted one waits for the order's end.
                self._put(replace(order, cancel_asked=event.accepted))
            case StopWithheld():
                rules = tuple(verdict.rule for verdict in event.verdicts if verdict.denies)
                self._put(replace(order, withheld=rules))
            case StopEnded():
                self._put(_moved(order, event.status))

    def change(self, event: OrderChanged, product: Product) -> None:
        """Take in the exchange's cumulative word; what is older than we know changes nothing."""
        order = self._orders[event.client_order_id]
        self._put(
            replace(
                _moved(order, event.status),
                order_id=event.order_id,
                word_lots=max(order.word_lots, product.lots(event.filled_size)),
            )
        )

    def fill(self, event: OrderFilled, product: Product) -> None:
        """Count one fill that was not booked before."""
        order = self._orders[event.client_order_id]
        lots = product.lots(event.base_size)
        booked = order.booked_lots + lots
        assert booked <= max(order.lots, order.edit_lots), (
            f"{order.client_order_id} filled beyond its size"
        )
        self._put(
            replace(
                order,
                order_id=event.order_id,
                booked_lots=booked,
                paid_tick_lots=order.paid_tick_lots + product.ticks(event.price) * lots,
                fee_units=order.fee_units + cash_units_owed(event.fee),
                word_lots=max(order.word_lots, booked),
            )
        )

    def revise_fee(self, event: FeeRevised) -> None:
        """Count what a fill of it cost, by a later word, more or less than was booked."""
        order = self._orders[event.client_order_id]
        more = cash_units_owed(event.fee) - cash_units_owed(event.fee_before)
        self._put(replace(order, fee_units=order.fee_units + more))

    def want_ends(self, client_order_ids: Sequence[str]) -> None:
        """Keep in mind whose end is wanted while their create has no answer yet."""
        for order in map(self._orders.get, client_order_ids):
            if order is not None and order.status in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
                self._put(replace(order, end_wanted=True))

    def freeze(self) -> dict[str, Any]:
        """All of it as JSON-able values, for a state snapshot."""
        orders = self._orders.values()
        # As text: it may have more digits than a number in JSON.
        return {"orders": [{**asdict(o), "paid_tick_lots": str(o.paid_tick_lots)} for o in orders]}

    def thaw(self, frozen: dict[str, Any]) -> None:
        """Become what `freeze` gave."""
        assert not self._orders, "thaw a new table only"
        for row in frozen["orders"]:
            self._put(
                Order(
                    **{
                        **row,
                        "side": Side(row["side"]),
                        "order_type": OrderType(row["order_type"]),
                        "time_in_force": TimeInForce(row["time_in_force"]),
                        "status": OrderStatus(row["status"]),
                        "paid_tick_lots": int(row["paid_tick_lots"]),
                        "withheld": tuple(row["withheld"]),
                    }
                )
            )

    def _put(self, order: Order) -> None:
        self._orders[order.client_order_id] = order
        if order.is_working:
            self._working[order.client_order_id] = order
        else:
            self._working.pop(order.client_order_id, None)
        if order.is_supervised:
            self._supervised[order.client_order_id] = order
        else:
            self._supervised.pop(order.client_order_id, None)


def _order_of(event: OrderIntended | StopSupervised, product: Product) -> Order:
    """The order as it begins: to be sent at once, or kept by us until its trigger."""
    draft = event.draft
    limit, stop = draft.limit_price, draft.stop_price
    return Order(
        client_order_id=event.client_order_id,
        order_id="",
        product_id=draft.product_id,
        side=draft.side,
        order_type=draft.order_type,
        time_in_force=draft.time_in_force,
        lots=product.lots(draft.base_size),
        limit_ticks=0 if limit is None else product.ticks(limit),
        stop_ticks=0 if stop is None else product.ticks(stop),
        end_ns=draft.end_ns or 0,
        status=OrderStatus.SUPERVISED
        if draft.order_type is OrderType.STOP
        else OrderStatus.INTENDED,
        word_lots=0,
        booked_lots=0,
        paid_tick_lots=0,
        fee_units=0,
        intended_ns=event.ts_ns,
        cancel_asked=False,
        end_wanted=False,
        edit_lots=0,
        edit_ticks=0,
        edit_stop_ticks=0,
        edit_lost=False,
        withheld=(),
        reduce_only=draft.reduce_only,
    )


def may_raise(order: Order, product: Product) -> bool:
    """Whether it may raise a position: with coins a buy, with contracts all but reduce-only."""
    return order.side is Side.BUY if product.contract is None else not order.reduce_only


def _waiting_again(order: Order) -> Order:
    """A stop whose market order never left: it protects as before, and fires again."""
    time_in_force = TimeInForce.GTD if order.end_ns else TimeInForce.GTC
    return replace(
        order,
        status=OrderStatus.SUPERVISED,
        order_type=OrderType.STOP,
        time_in_force=time_in_force,
    )


def _edited(order: Order, accepted: bool) -> Order:
    """The order after the word on its edit; a word that repeats finds none on its way."""
    if accepted and order.edit_lots:
        order = replace(
            order,
            lots=order.edit_lots,
            limit_ticks=order.edit_ticks,
            stop_ticks=order.edit_stop_ticks,
        )
    return replace(order, edit_lots=0, edit_ticks=0, edit_stop_ticks=0, edit_lost=False)


def _terms(product: Product, lots: int, limit_ticks: int, stop_ticks: int) -> Terms:
    stop = product.price(stop_ticks) if stop_ticks else None
    return Terms(product.size(lots), product.price(limit_ticks), stop)


def _by_age(order: Order) -> tuple[int, str]:
    return order.intended_ns, order.client_order_id


def _moved(order: Order, status: OrderStatus) -> Order:
    """`order` in `status` if that may follow; a late or repeated word leaves it as it is.

    REST and WebSocket race, and a reconnect repeats old frames, so a word that may not follow
    is old news, never a reason to stop.
    """
    if status in TRANSITIONS[order.status]:
        return replace(order, status=status)
    return order
