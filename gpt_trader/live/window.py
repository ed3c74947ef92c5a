"""The window where people's requests are taken in and answered, one after the other.

Everything passes the engine: an order by hand is judged, written down and sent like any other. A
request whose time is over is not carried out: nobody waits for it any more.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path

from gpt_trader.broker.capabilities import check
from gpt_trader.broker.derivatives import product_type_of
from gpt_trader.broker.orders import Order
from gpt_trader.broker.wish import Wish, as_mapping, draft_of, from_mapping
from gpt_trader.coinbase.rest import RestClient
from gpt_trader.domain.errors import (
    OutcomeUnknown,
    TraderError,
    UsageError,
)
from gpt_trader.domain.events import (
    CancelAnswered,
    CancelAsked,
    EditAnswered,
    EditAsked,
    Event,
    OrderAsked,
    OrderDenied,
    OrderFilled,
    OrderRejected,
)
from gpt_trader.domain.order import OrderStatus
from gpt_trader.engine.account import account_document
from gpt_trader.engine.documents import Document, order_document, preview_document
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview, means_of, preview_of
from gpt_trader.live.account import ask_account
from gpt_trader.live.adoptions import adoption
from gpt_trader.live.desk import Desk
from gpt_trader.live.edits import Edits
from gpt_trader.live.previews import VALID_S, Previews
from gpt_trader.live.questions import Questions
from gpt_trader.live.seams import monotonic_s, wall_ns
from gpt_trader.store.folders import profile_folder
from gpt_trader.store.requests import Request, answer, failure, forget_taken, take, waiting
from gpt_trader.strategies.registry import BY_HAND

LOOK_S = 0.1  # between two looks for requests
MARKET_S_MAX = 10.0  # for the feed of a session that has just begun
OUTCOME_S_MAX = 20.0  # for an order's first word, or for the end of one that does not wait


class Wanted(Enum):
    """What a request awaits of its orders."""

    PLACED = "their first word, or the end of those that do not wait"
    EDITED = "the answer to the edit"
    ENDED = "their end"


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A request that was carried out and whose outcome is not known yet."""

    request: Request
    client_order_ids: tuple[str, ...]
    wanted: Wanted
    since_s: float


class Window:
    """Serves the request files of one profile. Changes the engine through `take` alone."""

    def __init__(
        self,
        engine: Engine,
        rest: RestClient,
        desk: Desk,
        take: Callable[[Event], Awaitable[None]],
        var: Path,
    ) -> None:
        self.idle = False
        self.closing = False  # a person asked for the end of the session
        self.answers: dict[str, Document] = {}  # not handed out yet, by request id
        self._engine = engine
        self._rest = rest
        self._desk = desk
        self._take = take
        self._var = var
        self._profile = engine.opened.profile
        self._previews = Previews(profile_folder(var, self._profile))
        self._questions = Questions(rest, desk)
        self._edits = Edits(engine, self._previews, self._questions)
        self._awaited: dict[str, _Awaited] = {}
        self._fills: dict[str, list[OrderFilled]] = {}
        self._refusals: dict[str, str] = {}  # the exchange's word on an order or its cancel
        forget_taken(var, self._profile)
        self._begun_s = self._looked_s = monotonic_s()

    def note(self, event: Event) -> None:
        """Remember what an answer will need and the engine does not keep."""
        match event:
            case OrderFilled(client_order_id=name):
                self._fills.setdefault(name, []).append(event)
            case OrderRejected(client_order_id=name):
                self._refusals[name] = f"{event.reason} {event.message}".strip()
            case CancelAnswered(client_order_id=name, accepted=False):
                self._refusals[name] = event.reason
            case EditAnswered(client_order_id=name, accepted=False):
                self._refusals[name] = event.reason
            case _:
                pass

    async def serve(self) -> None:
        """Take in what was left and answer what is known; cheap while nobody asks."""
        if monotonic_s() - self._looked_s < LOOK_S:
            return
        self._looked_s = monotonic_s()
        requests = waiting(self._var, self._profile)
        for request in requests:
            if self._can_begin(request):
                await self._begin(request)
        for awaited in tuple(self._awaited.values()):
            self._settle(awaited)
        self.idle = not requests and not self._awaited

    def _can_begin(self, request: Request) -> bool:
        """Wait a little for a market that is not there yet; without one the rules deny entries."""
        if monotonic_s() - self._begun_s > MARKET_S_MAX:
            return True
        order = request.body.get("order")
        # A file may hold anything; what is no order is refused when it is carried out.
        name = str(order.get("product_id")) if isinstance(order, dict) else ""
        market = self._engine.markets.get(name)
        valued = self._engine.valuation.equity_day_start > 0  # limits on losses need it
        known = market is None or market.mark_ticks > 0
        return self._engine.feed_ready and valued and known

    async def _begin(self, request: Request) -> None:
        if not take(self._var, self._profile, request.request_id):
            return  # whoever asked has taken it back
        try:
            document = await self._carry_out(request)
        except TraderError as e:
            document = failure(e)
        if document is not None:
            self._answer(request.request_id, document)

    def _answer(self, request_id: str, document: Document) -> None:
        self._awaited.pop(request_id, None)
        self.answers[request_id] = document

    def tell(self) -> None:
        """Hand the answers out; what they speak of must be durable by then."""
        for request_id, document in self.answers.items():
            answer(self._var, self._profile, request_id, document)
        self.answers.clear()

    async def _carry_out(self, request: Request) -> Document | None:
        """The answer, or None where it has to be awaited."""
        if wall_ns() > request.until_ns:
            raise TraderError("nobody waited for the answer any more: nothing was done")
        match request.kind:
            case "preview":
                return await self._preview(request)
            case "place":
                return await self._place(request)
            case "edit_preview":
                return await self._edits.preview(self._find(str(request.body.get("name"))), request)
            case "edit":
                await self._edit(request)
                return None
            case "cancel":
                return await self._cancel(request)
            case "snapshot":
                return await self._snapshot()
            case "adopt":
                return await self._adopt(request)
            case "close":
                return self._close()
            case _:
                raise UsageError(f"a session knows no request {request.kind[:40]!r}")

    def _close(self) -> Document:
        if self._engine.opened.strategy != BY_HAND:
            raise UsageError("a strategy's session is ended where it runs, with Ctrl-C")
        self.closing = True
        return {"closing": True}

    # --- orders -----------------------------------------------------------------------------

    async def _judged(self, wish: Wish) -> Preview:
        await self._questions.check_account(wish.product_id)
        check(wish.kind, wish.time_in_force, product_type_of(wish.product_id), self._profile)
        product = self._engine.products.get(wish.product_id)
        if product is None:
            await self._desk.call(lambda: self._rest.products([wish.product_id]))
            names = ", ".join(self._engine.products)
            raise UsageError(
                f"this session trades {names}: end it with `gpt-trader orders close`, and the next "
                f"order may be of {wish.product_id}"
            )
        book = await self._questions.book(wish.product_id)
        engine = self._engine
        draft = draft_of(wish, product, means_of(engine, wish.product_id), engine.now_ns)
        return preview_of(engine, draft, book)

    async def _preview(self, request: Request) -> Document:
        wish = _wish_in(request.body.get("order"))
        preview = await self._judged(wish)
        token = (
            None
            if preview.denials
            else self._previews.keep(self._engine, as_mapping(wish), preview)
        )
        return {
            "preview": preview_document(preview, self._engine.products[wish.product_id]),
            "exchange_refuses": await self._questions.refusals(preview.draft),
            "token": token,
            "token_valid_s": VALID_S,
            "trading_state": self._engine.trading_state.value,
            "session": self._engine.opened.namespace,
        }

    async def _place(self, request: Request) -> Document | None:
        token = request.body.get("token")
        order = request.body.get("order")
        wish = _wish_in(self._previews.wanted(str(token)) if order is None else order)
        key = _key(wish, request)
        if (known := self._known(key)) is not None:
            self._await(request, known)
            return None
        preview = await self._judged(wish)
        unlikely = [one.sentence for one in preview.refusals if one.gap_bps is not None]
        if unlikely and request.body.get("allow_unlikely_fill") != "yes":
            raise TraderError(f"{'; '.join(unlikely)}. Place it with --allow-unlikely-fill")
        if token is not None:
            self._previews.use(str(token), self._engine, as_mapping(wish), preview)
        draft = replace(preview.draft, asked=key)
        asked = OrderAsked(self._engine.now_ns, request.who, draft)
        why = self._denial(asked)
        await self._take(asked)
        name = self._engine.asked.get(key, "")
        if not name:
            raise TraderError(f"denied: {why or 'the session ends'}")
        self._await(request, name)
        return None

    def _denial(self, asked: OrderAsked | EditAsked) -> str:
        """Why the engine denies what is asked for, "" if it does not; to ask it changes nothing."""
        decided = (one for one in self._engine.decide(asked) if isinstance(one, OrderDenied))
        return "; ".join(reason for denied in decided for reason in denied.reasons)

    def _known(self, key: str) -> str | None:
        """What an earlier request of the same name came to.

        Raises
        ------
        UsageError
            It was of another order.
        TraderError
            It was denied.
        """
        name = key.partition("#")[0]
        earlier = [known for known in self._engine.asked if known.partition("#")[0] == name]
        if not earlier:
            return None
        if key not in earlier:
            raise UsageError(f"--order-client-id {name} was used for another order")
        if not self._engine.asked[key]:
            raise TraderError(f"{name} was denied before: ask under another name")
        return self._engine.asked[key]

    def _await(self, request: Request, *names: str, wanted: Wanted = Wanted.PLACED) -> None:
        self._awaited[request.request_id] = _Awaited(request, names, wanted, monotonic_s())

    # --- edits ------------------------------------------------------------------------------

    async def _edit(self, request: Request) -> None:
        order = self._find(str(request.body.get("name")))
        asked = await self._edits.asked(order, request)
        self._refusals.pop(order.client_order_id, None)
        why = self._denial(asked)
        await self._take(asked)
        if why:
            raise TraderError(f"denied: {why}")
        self._await(request, order.client_order_id, wanted=Wanted.EDITED)

    # --- ends -------------------------------------------------------------------------------

    async def _cancel(self, request: Request) -> Document | None:
        wanted = request.body.get("orders")
        if wanted != "all" and not isinstance(wanted, list):
            raise UsageError("the request names no orders")
        working = self._engine.orders.working()
        named = tuple(self._find(str(one)) for one in wanted or ()) if wanted != "all" else working
        orders = tuple(order for order in named if order.is_working)
        if not orders:
            return {"orders": [], "message": "no order is working"}
        names = tuple(order.client_order_id for order in orders)
        await self._take(CancelAsked(self._engine.now_ns, request.who, names))
        self._await(request, *names, wanted=Wanted.ENDED)
        return None

    def _find(self, name: str) -> Order:
        """An order by our id, by Coinbase's or by a person's name.

        Raises
        ------
        UsageError
            There is none.
        """
        asked = [ours for key, ours in self._engine.asked.items() if key.partition("#")[0] == name]
        for order in self._engine.orders.all():
            if name in (order.client_order_id, order.order_id) or order.client_order_id in asked:
                return order
        raise UsageError(f"no order {name[:60]!r} in this session: see `gpt-trader orders list`")

    def _settle(self, awaited: _Awaited) -> None:
        """Answer a request whose orders have come to where it wanted them, or took too long."""
        orders = [self._engine.orders.get(name) for name in awaited.client_order_ids]
        known = [order for order in orders if order is not None]
        late = monotonic_s() - awaited.since_s > OUTCOME_S_MAX
        if not late and not all(self._is_settled(order, awaited.wanted) for order in known):
            return
        match awaited.wanted:
            case Wanted.ENDED:
                said = self._cancelled(known)
            case Wanted.EDITED:
                said = self._edited(known[0])
            case Wanted.PLACED:
                said = self._placed(known[0])
        self._answer(awaited.request.request_id, said)

    def _is_settled(self, order: Order, wanted: Wanted) -> bool:
        if not order.is_working:
            return True
        if wanted is Wanted.EDITED:
            return not order.edit_lots or order.edit_lost
        if wanted is Wanted.ENDED:
            return not order.cancel_asked and order.client_order_id in self._refusals
        waits = order.time_in_force.name in ("GTC", "GTD")
        here = order.status in (OrderStatus.PENDING, OrderStatus.OPEN)
        return order.status is OrderStatus.UNKNOWN or (waits and here and not order.owes_fills)

    def _placed(self, order: Order) -> Document:
        said = self._document(order)
        match order.status:
            case OrderStatus.REJECTED | OrderStatus.FAILED:
                why = self._refusals.get(order.client_order_id, "no reason given")
                return {**failure(TraderError(f"the exchange refused it: {why}")), "placed": said}
            case OrderStatus.UNKNOWN | OrderStatus.INTENDED:
                why = (
                    f"order {order.client_order_id} got no answer: it may or may not exist. It is "
                    "never sent again; `gpt-trader live --by-hand` waits for the exchange's word"
                )
                return {**failure(OutcomeUnknown(why)), "placed": said}
            case _:
                return {"placed": said}

    def _edited(self, order: Order) -> Document:
        said: Document = {"edited": self._document(order)}
        if order.edit_lots:
            why = (
                f"the edit of {order.client_order_id} got no answer: the order is the old one or "
                "the new one, and counts as the worse until the exchange shows which"
            )
            return {**failure(OutcomeUnknown(why)), **said}
        if (refusal := self._refusals.get(order.client_order_id)) is not None:
            return {**failure(TraderError(f"the exchange refused the edit: {refusal}")), **said}
        return said

    def _cancelled(self, orders: list[Order]) -> Document:
        said: Document = {"orders": [self._document(order) for order in orders]}
        left = [order for order in orders if order.is_working]
        if not left:
            return said
        why = "; ".join(
            f"{order.client_order_id} is still {order.status.value}: "
            f"{self._refusals.get(order.client_order_id, 'no answer yet')}"
            for order in left
        )
        return {**failure(OutcomeUnknown(why)), **said}

    def _document(self, order: Order) -> Document:
        fills = self._fills.get(order.client_order_id, [])
        return order_document(order, self._engine.products[order.product_id], fills)

    # --- the account ------------------------------------------------------------------------

    async def _snapshot(self) -> Document:
        engine = self._engine
        currencies = {c for p in engine.opened.products for c in (p.base, p.quote)}
        known = {order.client_order_id for order in engine.orders.all()}
        ask = partial(ask_account, self._rest, tuple(currencies), known, wall_ns)
        return account_document(engine, await self._desk.call(ask), 0.0)

    async def _adopt(self, request: Request) -> Document:
        currencies = {product.base for product in self._engine.opened.products}
        totals = await self._desk.call(lambda: self._rest.balances(currencies))
        adopted = adoption(self._engine, request, totals)
        if adopted.name not in self._engine.adopted:
            await self._take(adopted)
        return {"adopted": f"{adopted.base_size:f}", "product_id": adopted.product_id}


def _wish_in(order: object) -> Wish:
    """The order of a request file.

    Raises
    ------
    UsageError
        It is none: the file was not written by a command of ours.
    """
    if not isinstance(order, dict) or not all(isinstance(text, str) for text in order.values()):
        raise UsageError("the request holds no order")
    return from_mapping(order)


def _key(wish: Wish, request: Request) -> str:
    """The name an order is used once under: the person's, and a digest of what it asks for."""
    text = json.dumps(as_mapping(wish), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{wish.asked or request.request_id}#{digest}"
