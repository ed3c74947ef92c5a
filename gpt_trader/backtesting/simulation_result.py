"""What an engine replay did, as plain whole numbers: the same form as of a compiled backtest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gpt_trader.broker.execution import TIMES_IN_FORCE
from gpt_trader.domain.events import (
    Draft,
    Event,
    OrderChanged,
    OrderDenied,
    OrderFilled,
    OrderIntended,
    OrderRejected,
)
from gpt_trader.domain.order import Liquidity, OrderStatus
from gpt_trader.domain.product import Product, cash_units_owed
from gpt_trader.engine.engine import Engine
from gpt_trader.kernels import resting
from gpt_trader.kernels.gates import MARKET_PRICE, RULES

STATUSES = {
    resting.OPEN: OrderStatus.OPEN,
    resting.FILLED: OrderStatus.FILLED,
    resting.CANCELLED: OrderStatus.CANCELLED,
    resting.EXPIRED: OrderStatus.EXPIRED,
}
STATUS_CODES = {status: code for code, status in STATUSES.items()}
REJECTIONS = {
    resting.REJECTED_POST_ONLY: "INVALID_LIMIT_PRICE_POST_ONLY",
    resting.REJECTED_NO_LIQUIDITY: "INVALID_NO_LIQUIDITY",
    resting.REJECTED_NO_FUNDS: "INSUFFICIENT_FUND",
    resting.REJECTED_END_PAST: "END_TIME_IS_IN_THE_PAST",
}
REJECTION_CODES = {reason: code for code, reason in REJECTIONS.items()}
TIME_IN_FORCE_CODES = {word: code for code, word in TIMES_IN_FORCE.items()}


class OrderRow(NamedTuple):
    """One order, or one that risk denied, in the order of the decisions."""

    product: int  # its place among the tapes
    sign: int
    lots: int
    limit_ticks: int  # or `gates.MARKET_PRICE`
    time_in_force: int  # of `kernels.execution`
    round: int  # at whose end it was decided, from 0
    status: int  # of `kernels.resting` at the end; NONE: denied, or still on its way
    refused: int  # mask of the rules that refuse it, 0 for an order


class FillRow(NamedTuple):
    """One fill, in the order in which they were booked."""

    product: int
    number: int  # of the order, from 1; denied ones are not counted
    sign: int
    ticks: int
    lots: int
    fee_units: int
    maker: int  # 1 or 0
    time_ns: int
    round: int  # in which it was booked


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """All that must be equal between two ways of running one backtest. Money in cash units."""

    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    denials: tuple[int, ...]  # by rule
    candles: int
    stops: int
    expiries: int
    cash_units: int
    fees_units: int
    position_lots: tuple[int, ...]  # by product
    equity_units: int | None  # at the end; None while a held product has no mark
    peak_units: int
    day_start_units: int
    worst_loss_units: int  # of the deepest fall, and the peak it began at
    worst_peak_units: int


class OrderBook:
    """Keeps what a result tells of orders and fills, from the events of a run."""

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._places = {product.product_id: place for place, product in enumerate(products)}
        self._orders: list[OrderRow] = []
        self._rows: dict[str, int] = {}  # of intents, by client order id
        self._numbers: dict[str, int] = {}
        self._fills: list[FillRow] = []

    def note(self, event: Event, round_number: int) -> None:
        """Take in one event of a round."""
        match event:
            case OrderIntended(client_order_id=name):
                self._rows[name] = len(self._orders)
                self._numbers[name] = len(self._numbers) + 1
                self._add(event.draft, round_number, 0)
            case OrderDenied():
                refused = sum(v.denies << place for place, v in enumerate(event.verdicts))
                self._add(event.draft, round_number, refused)
            case OrderRejected(client_order_id=name):
                self._end(name, REJECTION_CODES[event.reason])
            case OrderChanged(client_order_id=name):
                self._end(name, STATUS_CODES[event.status])
            case OrderFilled():
                self._fills.append(self._fill(event, round_number))

    def result(self, engine: Engine) -> SimulationResult:
        """Put together what is known at the end of a run."""
        valuation = engine.valuation.freeze()
        statuses = [row.status for row in self._orders]
        positions = (engine.ledger.position(product.product_id) for product in self._products)
        masks = [row.refused for row in self._orders]
        return SimulationResult(
            orders=tuple(self._orders),
            fills=tuple(self._fills),
            denials=tuple(sum(mask >> rule & 1 for mask in masks) for rule in range(RULES)),
            candles=engine.counts["candles"],
            stops=engine.counts["stops"],
            expiries=statuses.count(resting.EXPIRED),
            cash_units=engine.ledger.cash_units,
            fees_units=sum(p.fees_units for p in engine.ledger.positions().values()),
            position_lots=tuple(position.lots for position in positions),
            equity_units=engine.equity_units(),
            peak_units=valuation["peak"],
            day_start_units=valuation["day_start"],
            worst_loss_units=valuation["worst_loss"],
            worst_peak_units=valuation["worst_peak"],
        )

    def _add(self, draft: Draft, round_number: int, refused: int) -> None:
        place = self._places[draft.product_id]
        product, limit = self._products[place], draft.limit_price
        self._orders.append(
            OrderRow(
                product=place,
                sign=draft.side.sign,
                lots=product.lots(draft.base_size),
                limit_ticks=MARKET_PRICE if limit is None else product.ticks(limit),
                time_in_force=TIME_IN_FORCE_CODES[draft.time_in_force],
                round=round_number,
                status=resting.NONE,
                refused=refused,
            )
        )

    def _end(self, name: str, status: int) -> None:
        row = self._rows[name]
        self._orders[row] = self._orders[row]._replace(status=status)

    def _fill(self, event: OrderFilled, round_number: int) -> FillRow:
        place = self._places[event.product_id]
        product = self._products[place]
        return FillRow(
            product=place,
            number=self._numbers[event.client_order_id],
            sign=event.side.sign,
            ticks=product.ticks(event.price),
            lots=product.lots(event.base_size),
            fee_units=cash_units_owed(event.fee),
            maker=int(event.liquidity is Liquidity.MAKER),
            time_ns=event.ts_ns,
            round=round_number,
        )
