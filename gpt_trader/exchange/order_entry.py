"""Order entry: what becomes of a create or a cancel, from the body to the book.

A command is written down before it takes effect, and nothing is written of one that is refused.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.books import Books
from gpt_trader.exchange.contract_orders import ContractOrders, liquidation_of
from gpt_trader.exchange.decimals import cash_units
from gpt_trader.exchange.fees import FeeSchedule
from gpt_trader.exchange.journal import Record
from gpt_trader.exchange.liquidity import Level, LiveBook
from gpt_trader.exchange.margin import MarginAccount
from gpt_trader.exchange.matching import NOTHING, USER_CANCEL, Matching, Plan, Stop
from gpt_trader.exchange.order_edits import (
    UNKNOWN_EDIT,
    EditRejected,
    EditRequest,
    edit_answer,
    edit_errors,
    read_edit,
)
from gpt_trader.exchange.order_requests import (
    MAY_REST,
    read_client_order_id,
    read_configuration,
    read_request,
    read_text,
)
from gpt_trader.exchange.order_rules import check_exits, check_trigger
from gpt_trader.exchange.orders import (
    Edit,
    Order,
    OrderRequest,
    OrderType,
    TimeInForce,
    TriggerStatus,
    Want,
    exits_of,
    sized,
)
from gpt_trader.exchange.previews import (
    NO_NUMBERS,
    Estimate,
    edit_preview_answer,
    estimate,
    preview_answer,
    preview_numbers,
)
from gpt_trader.exchange.reasons import Rejected, reject, reject_in_preview
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.render import accepted_answer, rejected_answer
from gpt_trader.exchange.rules import Duplicate, VenueRules
from gpt_trader.exchange.seeds import seeded_uuid

Wire = dict[str, Any]

CANCEL_MAX = 100  # order ids in one request
NOTHING_BOUGHT = "The order it was attached to bought nothing"


class OrderEntry:
    """Takes and cancels the orders of one account.

    Attributes
    ----------
    orders : dict of str to Order
        Every order there ever was, by id, oldest first.
    """

    def __init__(
        self,
        rules: VenueRules,
        market: Books,
        changed: Callable[[Order, int], None],
        write: Callable[[Record], None],
    ) -> None:
        """Begin without orders.

        Parameters
        ----------
        changed
            Is given each order that changed, and when.
        write
            Makes a command durable, or raises ``JournalError``; then nothing happened.
        """
        self._rules = rules
        self._market = market
        self._changed = changed
        self._write = write
        products = market.products.values()
        currencies = {name for product in products for name in (product.base, product.quote)}
        currencies.discard("")  # the base of contracts
        self.accounts = Accounts(rules.balances, currencies)
        self.fees = FeeSchedule(rules)
        self.margin = MarginAccount(cash_units(rules.futures_balance or Decimal(0)), market)
        self.matching = Matching(self.accounts, self.margin, self.fees, changed)
        self.contracts = ContractOrders(self.margin, self.matching, market)
        self.orders: dict[str, Order] = {}
        self._by_client_id: dict[str, Order] = {}

    def create(self, body: Mapping[str, Any], now_ns: int) -> Wire:
        """Take an order, or say why not (Advanced Trade reference, POST /orders).

        Raises
        ------
        BadRequest
            The body is malformed.
        JournalError
            The command could not be written down; nothing happened.
        """
        client_order_id = read_client_order_id(body)
        configuration = read_configuration(body)
        known = self._by_client_id.get(client_order_id)
        if known is not None and self._rules.duplicate_client_order_id is Duplicate.EXISTING:
            return accepted_answer(known)
        try:
            if known is not None and self._rules.duplicate_client_order_id is Duplicate.REJECT:
                raise reject("DUPLICATE_CLIENT_ORDER_ID", "client_order_id was already used")
            request = read_request(body, self._market.products, now_ns)
            live = self._market.live(request.product.product_id)
            plan = self._admit(request, live, now_ns)
        except Rejected as rejected:
            return rejected_answer(rejected.reason, configuration)
        order_id = self._next_id()
        self._write(["create", now_ns, order_id, dict(body)])
        order = self._open(request, order_id, now_ns)
        self._by_client_id.setdefault(client_order_id, order)
        if self._rules.pending_first:
            self._changed(order, now_ns)
        self._attach(order, now_ns)
        self._place(order, plan, live, now_ns)
        self._start_exits(now_ns)
        self.watch_margin(now_ns)
        return accepted_answer(order)

    def cancel(self, order_ids: Sequence[str], now_ns: int) -> Wire:
        """Cancel open orders, each on its own (Advanced Trade reference, POST batch_cancel).

        Raises
        ------
        BadRequest
            More than 100 ids.
        JournalError
            The command could not be written down; nothing happened.
        """
        if len(order_ids) > CANCEL_MAX:
            raise BadRequest(
                f"number of order_ids must be at most {CANCEL_MAX}", error="InvalidArgument"
            )
        waiting = self.matching.waiting
        accepted = [name for name in dict.fromkeys(order_ids) if name in waiting]
        if accepted:
            self._write(["cancel", now_ns, accepted])
        for order_id in accepted:
            self._cancel_one(self.orders[order_id], now_ns)
        self._start_exits(now_ns)
        results = []
        seen: set[str] = set()
        for order_id in order_ids:
            reason = "UNKNOWN_CANCEL_FAILURE_REASON"
            if order_id in seen:
                reason = "DUPLICATE_CANCEL_REQUEST"
            elif order_id not in accepted:
                reason = "UNKNOWN_CANCEL_ORDER"
            done = order_id in accepted and order_id not in seen
            seen.add(order_id)
            results.append({"success": done, "failure_reason": reason, "order_id": order_id})
        return {"results": results}

    def edit(self, body: Mapping[str, Any], now_ns: int) -> Wire:
        """Change an open order's price and size, or say why not; its id stays.

        An order that only gets smaller keeps its place; one that is repriced or grows goes behind
        all others at its price, and may take from the book (Advanced Trade reference, POST
        /orders/edit).

        Raises
        ------
        BadRequest
            The body is malformed.
        JournalError
            The command could not be written down; nothing happened.
        """
        try:
            edit = read_edit(body, self.orders, self._market.products, now_ns)
            plan = self._admit_edit(edit, now_ns)
        except EditRejected as rejected:
            return edit_answer(rejected)
        order = edit.order
        self._write(["edit", now_ns, dict(body)])
        assert edit.request.limit is not None
        assert edit.request.lots is not None
        order.edits.append(Edit(edit.request.limit, edit.request.lots, now_ns))
        if edit.keeps_priority:
            self.matching.shrink(order, edit.request, now_ns)
            return edit_answer(None)
        self.matching.replace(order, edit.request, now_ns)
        live = self._market.live(order.request.product.product_id)
        if self.matching.take(order, plan, live, now_ns):
            self._wait(order)
        self._start_exits(now_ns)
        return edit_answer(None)

    def edit_preview(self, body: Mapping[str, Any], now_ns: int) -> Wire:
        """Say what an edit would cost or bring, or why it is refused; nothing changes.

        Raises
        ------
        BadRequest
            The body is malformed.
        """
        try:
            edit = read_edit(body, self.orders, self._market.products, now_ns)
        except EditRejected as rejected:
            return edit_preview_answer(NO_NUMBERS, "0", edit_errors(rejected))
        live = self._market.live(edit.order.request.product.product_id)
        plan = self._plan(edit.request, edit.want(), live)
        refused: EditRejected | None = None
        try:
            self._admit_edit(edit, now_ns)
        except EditRejected as rejected:
            refused = rejected
        reckoned = self._reckon(edit.request, edit.want(), plan)
        numbers = preview_numbers(reckoned, live)
        return edit_preview_answer(numbers, reckoned.average_text(), edit_errors(refused))

    def preview(self, body: Mapping[str, Any], now_ns: int) -> Wire:
        """Say how an order would fare now, with the refusals of a create; nothing changes.

        Raises
        ------
        BadRequest
            The body is malformed.
        """
        asked = json.dumps([now_ns, body], sort_keys=True)
        preview_id = seeded_uuid(self._rules.seed, "preview", asked)
        try:
            request = read_request(body, self._market.products, now_ns)
        except Rejected as rejected:
            return preview_answer(NO_NUMBERS, "0", [rejected.reason.preview], preview_id)
        live = self._market.live(request.product.product_id)
        errs = []
        try:
            self._admit(request, live, now_ns)
        except Rejected as rejected:
            errs.append(rejected.reason.preview)
        want = request.want()
        plan = self._plan(request, want, live)
        reckoned = self._reckon(request, want, plan)
        numbers = preview_numbers(reckoned, live)
        answer = preview_answer(numbers, reckoned.average_text(), errs, preview_id)
        if request.product.contract is None:
            return answer
        return answer | self.contracts.preview(request, plan, now_ns)

    def close_position(self, body: Mapping[str, Any], now_ns: int) -> Wire:
        """Close a position, or a part of it, with a reduce-only market order.

        Spot products have no position (Advanced Trade reference, POST /orders/close_position).

        Raises
        ------
        BadRequest
            The body is malformed.
        JournalError
            The command could not be written down; nothing happened.
        """
        known = self._by_client_id.get(read_client_order_id(body))
        if known is not None and self._rules.duplicate_client_order_id is Duplicate.EXISTING:
            return accepted_answer(known)
        size = read_text(body, "size")
        product = self._market.products.get(read_text(body, "product_id"))
        try:
            if product is None:
                raise reject("INVALID_PRODUCT_ID", "Product is not valid")
            create = self.contracts.closing(product, body, size)
        except Rejected as refused:
            asked = {"market_market_ioc": {"base_size": size or "0"}}
            return rejected_answer(refused.reason, asked)
        return self.create(create, now_ns)

    def expire(self, until_ns: int) -> None:
        """End the orders whose time is over, each at its own end."""
        for order in self.matching.expiring(until_ns):
            end_ns = order.request.end_ns or until_ns
            self.matching.end(order, "EXPIRED", end_ns, "")
            self._start_exits(end_ns)

    def begin_hour(self, hour_ns: int) -> None:
        """Pay the hour's funding for the contracts that are held."""
        self.margin.fund(hour_ns)
        self.watch_margin(hour_ns)

    def choose_setting(self, setting: str, now_ns: int) -> None:
        """Choose the margin setting, one of ``SETTINGS``; its rates count at once."""
        self.margin.setting = setting
        self.watch_margin(now_ns)

    def watch_margin(self, now_ns: int) -> None:
        """Liquidate the futures account when its equity is below the maintenance margin."""
        if not self.margin.is_under(now_ns):
            return
        self.contracts.cancel_all(now_ns)
        for position in self.contracts.to_liquidate(now_ns):
            if not self.margin.is_under(now_ns):
                return
            request = liquidation_of(position, len(self.orders) + 1)
            live = self._market.live(request.product.product_id)
            plan = self.matching.plan(request.want(), live)
            if plan.levels:
                order = self._open(request, self._next_id(), now_ns)
                self.matching.place(order, plan, live, now_ns)

    def follow_trade(self, product_id: str, price: int, now_ns: int) -> None:
        """Do what a printed trade sets off, after it filled who was waiting in the book.

        Orders with a trigger at its price are worked, and exits of the buys it ended begin.
        """
        for order in self.matching.fire(product_id, price, now_ns):
            live = self._market.live(product_id)
            plan = self.matching.plan(order.want(), live)
            if self.matching.take(order, plan, live, now_ns):
                self._wait(order)
        self._start_exits(now_ns)
        self.watch_margin(now_ns)

    def _admit(self, request: OrderRequest, live: LiveBook, now_ns: int) -> Plan:
        """Plan a well-formed order's fills, or reject it for the market, the rules or the money."""
        product = request.product
        if product.product_id in self._rules.trading_disabled:
            raise reject("TRADING_DISABLED", f"Trading is disabled for {product.product_id}")
        self.fees.refresh(now_ns)
        last = self._market.last_price(product.product_id)
        check_trigger(request, last)
        check_exits(request, last)
        want = request.want()
        plan = self._plan(request, want, live)
        if request.post_only and (plan.levels or plan.stop is Stop.SELF_TRADE):
            raise reject("INVALID_LIMIT_PRICE_POST_ONLY", "A post-only order must not match")
        if request.limit is None and not plan.levels and plan.stop is Stop.BOOK_END:
            raise reject("INVALID_NO_LIQUIDITY", "There is nothing to match")
        if request.money is not None and not plan.levels and plan.stop is Stop.DONE:
            raise reject_in_preview(
                "INVALID_QUOTE_SIZE_TOO_SMALL", "Quote size buys less than one base increment"
            )
        if product.contract is not None:
            self.contracts.admit(request, plan, now_ns)
            return plan
        needed = self.matching.hold_for(want, plan)
        if needed > self.accounts.available[request.pays_with]:
            raise reject("INSUFFICIENT_FUND", "Not enough balance in source account")
        return plan

    def _plan(self, request: OrderRequest, want: Want, live: LiveBook) -> Plan:
        """Give what an order takes at once; a stop takes nothing before it fires."""
        if request.kind is OrderType.STOP_LIMIT:
            return NOTHING
        return self.matching.plan(want, live)

    def _admit_edit(self, edit: EditRequest, now_ns: int) -> Plan:
        """Plan an edited order's fills, or reject it for the market, the rules or the money."""
        order = edit.order
        self.fees.refresh(now_ns)
        if edit.keeps_priority:
            return NOTHING
        product_id = order.request.product.product_id
        try:
            check_trigger(edit.request, self._market.last_price(product_id))
        except Rejected as rejected:
            raise edit.blamed(rejected) from None
        plan = self._plan(edit.request, edit.want(), self._market.live(product_id))
        if order.request.post_only and (plan.levels or plan.stop is Stop.SELF_TRADE):
            raise EditRejected(UNKNOWN_EDIT, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
        needed = self.matching.hold_for(edit.want(), plan) - order.hold
        if needed > self.accounts.available[order.currency]:
            raise EditRejected(UNKNOWN_EDIT, "PREVIEW_INSUFFICIENT_FUND")
        return plan

    def _reckon(self, request: OrderRequest, want: Want, plan: Plan) -> Estimate:
        """Reckon a plan and what of the order would wait after it."""
        levels: tuple[Level, ...] = plan.levels
        if request.time_in_force is TimeInForce.FOK and plan.stop is not Stop.DONE:
            levels = ()
        waits: Level | None = None
        if request.time_in_force in MAY_REST and plan.stop is Stop.BOOK_END:
            assert want.lots is not None
            assert want.limit is not None
            waits = want.limit, want.lots - sum(lots for _, lots in levels)
        stops = request.kind is OrderType.STOP_LIMIT
        return estimate(want, levels, waits, self.fees, taker=stops)

    def _open(self, request: OrderRequest, order_id: str, now_ns: int) -> Order:
        order = Order(request, len(self.orders) + 1, order_id, now_ns)
        self.orders[order_id] = order
        return order

    def _next_id(self) -> str:
        return seeded_uuid(self._rules.seed, "order", str(len(self.orders) + 1))

    def _attach(self, order: Order, now_ns: int) -> None:
        """Make the exits that an order brings along; they wait for its end."""
        if order.request.attached is None:
            return
        exits = self._open(exits_of(order.request), self._next_id(), now_ns)
        exits.originating_order_id = order.order_id
        order.attached_order_id = exits.order_id
        self.matching.hold_back(exits, now_ns)

    def _start_exits(self, now_ns: int) -> None:
        """Begin the exits of the orders that ended, for what they bought."""
        for order in self.matching.take_ended():
            exits = self.orders[order.attached_order_id]
            if not exits.active:
                continue
            if not order.lots_filled:
                self.matching.end(exits, "CANCELLED", now_ns, NOTHING_BOUGHT)
                continue
            product = exits.request.product
            exits.request = sized(exits.request, order.lots_filled)
            exits.left = order.lots_filled
            if product.base_units(order.lots_filled) > self.accounts.available[product.base]:
                exits.reject_reason = "HOLD_FAILURE"
                self.matching.end(exits, "FAILED", now_ns, "")
                continue
            live = self._market.live(product.product_id)
            self._work(exits, self.matching.plan(exits.want(), live), live, now_ns)

    def _place(self, order: Order, plan: Plan, live: LiveBook, now_ns: int) -> None:
        may_rest = order.request.time_in_force in MAY_REST
        others = len(self.matching.waiting) - bool(order.attached_order_id)
        if may_rest and others >= self._rules.max_open_orders:
            order.reject_reason = "TOO_MANY_OPEN_ORDERS"
            self.matching.end(order, "FAILED", now_ns, "")
            return
        self._work(order, plan, live, now_ns)

    def _work(self, order: Order, plan: Plan, live: LiveBook, now_ns: int) -> None:
        """Fill what an order takes at once, and let the rest wait where it must."""
        if self.matching.place(order, plan, live, now_ns):
            self._wait(order)

    def _wait(self, order: Order) -> None:
        """Let an order wait for its trigger, in the book, or for both."""
        request = order.request
        pending = order.trigger_status is TriggerStatus.PENDING
        if pending:
            self.matching.arm(order)
        if pending and request.kind is OrderType.STOP_LIMIT:
            return
        assert order.limit is not None, order.order_id
        queue = self._market.queue_ahead(request.product.product_id, order.limit, request.buys)
        self.matching.rest(order, queue)

    def _cancel_one(self, order: Order, now_ns: int) -> None:
        if self._rules.cancel_queued:
            order.status = "CANCEL_QUEUED"
            self._changed(order, now_ns)
        self.matching.end(order, "CANCELLED", now_ns, USER_CANCEL)
