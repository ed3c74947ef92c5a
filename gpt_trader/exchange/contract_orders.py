"""Orders of contracts: whether their margin is there, how a position is closed, and liquidation.

*Margin of orders.* After all that an order takes at once, the equity must cover the initial margin
of the worst that positions may become by it and by all orders that wait, and their fees. Where it
does not, the order is refused, unless it only reduces: it is on the other side of the position and
no larger. So who has too little may still reduce, even if orders that wait then open what they
would have closed; to turn a position over needs the margin of the new one. One sum is reserved for
all orders together, so no order has a hold of its own.

*Liquidation.* When the equity is below the maintenance margin at the mark prices, after a trade of
the tape, a fill, an hour's funding, or a change of the margin setting, all open orders of contracts
are cancelled, and positions are ended at the market, the one with the most maintenance margin
first, until there is enough. What the book cannot take stays until the next trade; until then new
orders are refused, but for those that are reduce-only.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gpt_trader.exchange.books import Books
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.contracts import HOUR_NS
from gpt_trader.exchange.decimals import ratio_text
from gpt_trader.exchange.liquidity import Level
from gpt_trader.exchange.margin import MarginAccount
from gpt_trader.exchange.margin_needs import Exposure, Window
from gpt_trader.exchange.matching import Matching, Plan, Stop
from gpt_trader.exchange.order_requests import MAY_REST
from gpt_trader.exchange.orders import (
    Order,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
    cash_text,
)
from gpt_trader.exchange.positions import Position, terms, worth
from gpt_trader.exchange.reasons import reject, reject_in_preview

Wire = dict[str, Any]

RATIO_PLACES = 4
LIQUIDATED = "Liquidation of the futures account"


class ContractOrders:
    """What orders of contracts need besides matching."""

    def __init__(self, margin: MarginAccount, matching: Matching, market: Books) -> None:
        self._margin = margin
        self._matching = matching
        self._market = market

    def admit(self, request: OrderRequest, plan: Plan, now_ns: int) -> None:
        """Refuse an order that would raise what it must only reduce, or that lacks its margin.

        Raises
        ------
        Rejected
            For one of these, or because the account is being liquidated.
        """
        product = request.product
        if self._market.mark_price(product.product_id) is None:
            raise reject_in_preview(
                "MISSING_PRODUCT_PRICE_BOOK", f"{product.product_id} has not traded yet"
            )
        if not request.reduce_only and self._margin.is_under(now_ns):
            raise reject("IN_LIQUIDATION", "The futures account is being liquidated")
        assert request.lots is not None
        if request.lots <= self._margin.reducible(product, buys=request.buys):
            return
        if request.reduce_only:
            held = self._margin.contracts(product)
            raise reject(
                "REDUCE_ONLY_INCREASED_POSITION_SIZE",
                f"A reduce-only order must not exceed the position of {held} contracts",
            )
        _, after, left = self.reckon(request, plan, now_ns)
        if left < after:
            raise reject("INSUFFICIENT_FUNDS", "Not enough margin for this order")

    def reckon(self, request: OrderRequest, plan: Plan, now_ns: int) -> tuple[int, int, int]:
        """Give the margin needed before and after an order, and the equity after it."""
        product, margin = request.product, self._margin
        levels = _taken(request, plan)
        taken = sum(lots for _, lots in levels)
        assert request.lots is not None
        rests = request.time_in_force in MAY_REST and plan.stop is Stop.BOOK_END
        waits = request.lots - taken if rests and not request.reduce_only else 0
        exposures = exposures_of(margin.ours.positions, self._matching.waiting.values())
        window = margin.window(now_ns)
        before = margin.needs.required(exposures.values(), window)
        name = product.product_id
        known = exposures.get(name) or Exposure(product, 0, 0, 0)
        exposures[name] = known.after(taken, waits, buys=request.buys)
        after = margin.needs.required(exposures.values(), window)
        paid = sum(worth(product, price, lots) for price, lots in levels)
        loss = paid - worth(product, margin.needs.mark(product), taken)
        fees = terms(product).taker_fee * taken
        return before, after, margin.equity() - (loss if request.buys else -loss) - fees

    def preview(self, request: OrderRequest, plan: Plan, now_ns: int) -> Wire:
        """Write what a preview says of margin; nothing before the contract's first trade."""
        if self._market.mark_price(request.product.product_id) is None:
            return {}
        before, after, equity = self.reckon(request, plan, now_ns)
        now, window = self._margin.equity(), self._margin.window(now_ns)
        taken = sum(lots for _, lots in _taken(request, plan))
        kept, threshold = self._margins_after(request, taken, window)
        return {
            "order_margin_total": cash_text(max(after - before, 0)),
            "leverage": request.leverage,
            "max_leverage": str(terms(request.product).leverage_max),
            "current_liquidation_buffer": cash_text(self.buffer(window)),
            "projected_liquidation_buffer": cash_text(equity - (after - kept) - threshold),
            "margin_ratio_data": {
                "current_margin_ratio": _ratio(before, now),
                "projected_margin_ratio": _ratio(after, equity),
            },
        }

    def required(self, window: Window) -> int:
        """Give the margin of the positions and of what they may become by open orders."""
        waiting = self._matching.waiting.values()
        exposures = exposures_of(self._margin.ours.positions, waiting)
        return self._margin.needs.required(exposures.values(), window)

    def reserved(self, window: Window) -> int:
        """Give what open orders reserve: what is required beyond the positions' initial margin."""
        return self.required(window) - self._margin.initial(window)

    def buffer(self, window: Window) -> int:
        """Give what is above the maintenance margin, less what open orders reserve.

        Liquidation cancels these orders first, so it begins where the buffer is below zero by more
        than they reserve.
        """
        spare = self._margin.equity() - self._margin.maintenance(window)
        return spare - self.reserved(window)

    def closing(self, product: Product, body: Mapping[str, Any], size: str) -> Wire:
        """Give the create that closes a position, or ``size`` contracts of it.

        Raises
        ------
        Rejected
            There is no position.
        """
        held = self._margin.contracts(product)
        if not held:
            raise reject("CANNOT_CLOSE_ZERO_POSITION", "There is no position to close")
        fields = {"base_size": size or str(abs(held)), "reduce_only": True}
        return {
            "client_order_id": body["client_order_id"],
            "product_id": product.product_id,
            "side": "SELL" if held > 0 else "BUY",
            "order_configuration": {"market_market_ioc": fields},
        }

    def _margins_after(self, request: OrderRequest, taken: int, window: Window) -> tuple[int, int]:
        """Give the initial and the maintenance margin of the positions after an order took some."""
        product, margin = request.product, self._margin
        held = margin.contracts(product)
        after = held + (taken if request.buys else -taken)
        initial, maintenance = margin.needs.initial, margin.needs.maintenance
        return (
            margin.initial(window)
            + initial(product, after, window)
            - initial(product, held, window),
            margin.maintenance(window)
            + maintenance(product, after, window)
            - maintenance(product, held, window),
        )

    def cancel_all(self, now_ns: int) -> None:
        """Cancel all open orders of contracts: the account is being liquidated."""
        for order in tuple(self._matching.waiting.values()):
            if order.request.product.contract is not None:
                self._matching.end(order, "CANCELLED", now_ns, LIQUIDATED)

    def to_liquidate(self, now_ns: int) -> list[Position]:
        """Give all positions, the one with the most maintenance margin first."""
        window = self._margin.window(now_ns)
        return sorted(
            self._margin.ours.positions.values(),
            key=lambda one: (
                -self._margin.needs.maintenance(one.product, one.contracts, window),
                one.product.product_id,
            ),
        )


def _taken(request: OrderRequest, plan: Plan) -> tuple[Level, ...]:
    """Give what an order takes at once: all, none of what cannot be filled whole."""
    whole = request.time_in_force is not TimeInForce.FOK or plan.stop is Stop.DONE
    return plan.levels if whole else ()


def exposures_of(positions: Mapping[str, Position], orders: Iterable[Order]) -> dict[str, Exposure]:
    """Give every product that has a position or an open order of contracts, by product id."""
    found = {name: Exposure(held.product, held.contracts, 0, 0) for name, held in positions.items()}
    for order in orders:
        request = order.request
        if request.product.contract is None or request.reduce_only:
            continue
        name = request.product.product_id
        known = found.get(name) or Exposure(request.product, 0, 0, 0)
        found[name] = known.after(0, order.left or 0, buys=request.buys)
    return found


def _ratio(margin: int, equity: int) -> str:
    """Write how much of the equity is needed; 0 when there is none."""
    return ratio_text(margin, equity, RATIO_PLACES) if equity > 0 else "0"


def liquidation_of(position: Position, number: int) -> OrderRequest:
    """Give the exchange's own order that ends a position."""
    size = abs(position.contracts)
    fields = {"base_size": position.product.base_text(size), "reduce_only": True}
    return OrderRequest(
        client_order_id=f"liquidation-{number}",
        product=position.product,
        side=Side.SELL if position.contracts > 0 else Side.BUY,
        configuration={"market_market_ioc": fields},
        kind=OrderType.LIQUIDATION,
        time_in_force=TimeInForce.IOC,
        limit=None,
        lots=size,
        money=None,
        post_only=False,
        end_ns=None,
        trigger=None,
        attached=None,
        reduce_only=True,
        leverage="",
    )


def hours(now_ns: int, until_ns: int) -> range:
    """Give the beginnings of the hours after now, up to a time."""
    return range((now_ns // HOUR_NS + 1) * HOUR_NS, until_ns + 1, HOUR_NS)
