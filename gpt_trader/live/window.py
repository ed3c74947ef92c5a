"""The window where people's requests are taken in, carried out and answered.

Everything passes the engine: an order by hand is judged, written down and sent like any other. What
the exchange must be asked for a request is asked beside the loop, which goes on meanwhile; the
request is judged in the loop's turn, on the state of that moment. One whose time is over is not
carried out: nobody waits for it any more.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gpt_trader.broker.capabilities import Kind
from gpt_trader.broker.orders import Order
from gpt_trader.broker.wish import Wish, as_mapping, draft_of, from_mapping
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import (
    CancelAsked,
    EditAsked,
    Event,
    OrderAsked,
    OrderDenied,
)
from gpt_trader.engine.account import account_document
from gpt_trader.engine.documents import Document, preview_document
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.preview import Preview, means_of, preview_of
from gpt_trader.live.adoptions import adoption
from gpt_trader.live.edits import Edits
from gpt_trader.live.outcomes import Outcomes, Wanted
from gpt_trader.live.previews import VALID_S, Previews
from gpt_trader.live.questions import Questions
from gpt_trader.live.seams import monotonic_s, wall_ns
from gpt_trader.portfolio.ledger import Position
from gpt_trader.store.names import claim, session_of
from gpt_trader.store.previews import KeptPreviews
from gpt_trader.store.requests import Request, answer, failure, forget_taken, take, waiting
from gpt_trader.strategies.registry import BY_HAND

LOOK_S = 0.1  # between two looks for requests
BUSY_LOOK_S = 0.02  # while one is on its way
MARKET_S_MAX = 10.0  # for the feed of a session that has just begun

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Step:
    """What a request does to the engine, and what is said after it; None: that is awaited."""

    event: Event
    after: Callable[[], Document | None]


Said = Document | _Step | None
"""What comes of a request for now: its answer, a step, or None where something is awaited."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request whose question is on its way to the exchange."""

    request: Request
    task: asyncio.Task[Any]
    then: Callable[[], Said]


class Window:
    """Serves the request files of one profile. Changes the engine through `take` alone."""

    def __init__(
        self,
        engine: Engine,
        questions: Questions,
        take: Callable[[Event], Awaitable[None]],
        var: Path,
    ) -> None:
        self.idle = False
        self.leaves = False  # the session ends once everybody is answered
        self.answers: dict[str, Document] = {}  # not handed out yet, by request id
        self._engine = engine
        self._questions = questions
        self._take = take
        self._var = var
        self._profile = engine.opened.profile
        self._previews = Previews(KeptPreviews(var, self._profile))
        self._edits = Edits(engine, self._previews)
        self._outcomes = Outcomes(engine)
        self._asked: dict[str, _Asked] = {}  # by request id
        self._closes: list[str] = []  # requests for the end of the session
        forget_taken(var, self._profile)
        self._begun_s, self._looked_s = monotonic_s(), -math.inf

    @property
    def closing(self) -> bool:
        """A person asked for the end of the session."""
        return bool(self._closes)

    @property
    def look_s(self) -> float:
        """How long after one look the next one is due."""
        return BUSY_LOOK_S if self._asked or self._outcomes.awaits else LOOK_S

    def note(self, event: Event) -> None:
        """Remember what an answer will need and the engine does not keep."""
        self._outcomes.note(event)

    async def serve(self) -> None:
        """Take in what was left and answer what is known; cheap while nobody asks."""
        if monotonic_s() - self._looked_s < self.look_s:
            return
        self._looked_s = monotonic_s()
        for asked in [asked for asked in self._asked.values() if asked.task.done()]:
            del self._asked[asked.request.request_id]
            await self._go_on(asked.request, asked.then)
        requests = waiting(self._var, self._profile)
        for request in requests:
            if self._can_begin(request) and take(self._var, self._profile, request.request_id):
                await self._go_on(request, partial(self._carry_out, request))
        self.answers.update(self._outcomes.settled(at_once=False))
        self.idle = not requests and not self._asked and not self._outcomes.awaits

    def end(self, fault: TraderError | None) -> None:
        """Answer whatever is not answered yet: the session has ended.

        Parameters
        ----------
        fault : TraderError or None
            Why it could not be closed, for those who asked for that.
        """
        for asked in tuple(self._asked.values()):
            self._give_up(asked, "the session ended before it could be judged: nothing was done")
        self.answers.update(self._outcomes.settled(at_once=True))
        for request_id in self._closes:
            self.answers[request_id] = {"closed": True} if fault is None else failure(fault)

    def tell(self) -> None:
        """Hand the answers out; what they speak of must be durable by then."""
        for request_id, document in self.answers.items():
            answer(self._var, self._profile, request_id, document)
        self.answers.clear()

    def _give_up(self, asked: _Asked, why: str) -> None:
        """Answer a request whose question is still on its way, and judge it never."""
        del self._asked[asked.request.request_id]
        if not asked.task.cancel():
            asked.task.exception()  # it was seen, so that nobody else reports it
        self.answers[asked.request.request_id] = failure(TraderError(why))

    def _can_begin(self, request: Request) -> bool:
        """Wait a little for a market that is not there yet; without one the rules deny entries.

        What ends orders waits for nothing: the first mark could fire the stop it is to end.
        """
        if request.kind in ("cancel", "close") or monotonic_s() - self._begun_s > MARKET_S_MAX:
            return True
        order = request.body.get("order")
        # A file may hold anything; what is no order is refused when it is carried out.
        name = str(order.get("product_id")) if isinstance(order, dict) else ""
        market = self._engine.markets.get(name)
        valued = self._engine.valuation.equity_day_start > 0  # limits on losses need it
        known = market is None or market.mark_ticks > 0
        return self._engine.feed_ready and valued and known

    async def _go_on(self, request: Request, judge: Callable[[], Said]) -> None:
        """Let a request do what it comes to as things stand now."""
        match self._judged_or_failed(request, judge):
            case None:
                pass
            case _Step(event=event, after=after):
                await self._take(event)  # what breaks here breaks the session
                document = after()
                if document is not None:
                    self.answers[request.request_id] = document
            case document:
                self.answers[request.request_id] = document

    def _judged_or_failed(self, request: Request, judge: Callable[[], Said]) -> Said:
        try:
            if wall_ns() > request.until_ns:
                raise TraderError("nobody waited for the answer any more: nothing was done")
            return judge()
        except TraderError as e:
            return failure(e)

    def _ask(
        self,
        request: Request,
        question: Coroutine[Any, Any, Answer],
        then: Callable[[Answer], Said],
    ) -> Said:
        """Put a question to the exchange; the request goes on with its answer, in a later turn."""
        task = asyncio.create_task(question)
        self._asked[request.request_id] = _Asked(request, task, lambda: then(task.result()))
        return None

    def _carry_out(self, request: Request) -> Said:
        match request.kind:
            case "preview":
                return self._preview(request)
            case "place":
                return self._place(request)
            case "edit_preview":
                return self._edit_preview(request)
            case "edit":
                return self._edit(request)
            case "cancel":
                return self._cancel(request)
            case "snapshot":
                return self._snapshot(request)
            case "adopt":
                return self._adopt(request)
            case "close":
                return self._close(request)
            case _:
                raise UsageError(f"a session knows no request {request.kind[:40]!r}")

    def _close(self, request: Request) -> Said:
        if self._engine.opened.strategy != BY_HAND:
            raise UsageError("a strategy's session is ended where it runs, with Ctrl-C")
        self._closes.append(request.request_id)  # answered once it is done
        return None

    # --- orders -----------------------------------------------------------------------------

    def _preview(self, request: Request) -> Said:
        wish = _wish_in(request.body.get("order"))
        question = self._questions.market_of(wish, self._engine.opened)
        return self._ask(request, question, lambda book: self._previewed(request, wish, book))

    def _previewed(self, request: Request, wish: Wish, book: Book | None) -> Said:
        """Judge it now, and ask for the exchange's own word on exactly this order."""
        preview = self._judged(wish, book)
        question = self._questions.refusals(preview.draft)
        return self._ask(request, question, lambda said: self._preview_said(wish, preview, said))

    def _preview_said(self, wish: Wish, preview: Preview, refuses: list[str] | None) -> Document:
        token = (
            None
            if preview.denials
            else self._previews.keep(self._engine, as_mapping(wish), preview)
        )
        return {
            "preview": preview_document(preview, self._engine.products[wish.product_id]),
            "exchange_refuses": refuses,
            "token": token,
            "token_valid_s": VALID_S,
            "trading_state": self._engine.trading.everything.value,
            "session": self._engine.opened.namespace,
        }

    def _judged(self, wish: Wish, book: Book | None) -> Preview:
        engine = self._engine
        product = engine.products[wish.product_id]
        draft = draft_of(wish, product, means_of(engine, wish.product_id), engine.now_ns)
        return preview_of(engine, draft, book)

    def _place(self, request: Request) -> Said:
        order = request.body.get("order")
        token = str(request.body.get("token"))
        wish = _wish_in(self._previews.wanted(token) if order is None else order)
        if self._await_known(request, wish):
            return None
        if wish.kind is Kind.STOP and self.leaves:
            raise UsageError(
                "a stop works only while a session watches its trigger: start one with "
                "`gpt-trader live --by-hand`, and place it there"
            )
        question = self._questions.market_of(wish, self._engine.opened)
        return self._ask(request, question, lambda book: self._placing(request, wish, book))

    def _placing(self, request: Request, wish: Wish, book: Book | None) -> Said:
        """Judge it now; another request of its name may have come between."""
        if self._await_known(request, wish):
            return None
        preview = self._judged(wish, book)
        unlikely = [one.sentence for one in preview.refusals if one.gap_bps is not None]
        if unlikely and request.body.get("allow_unlikely_fill") != "yes":
            raise TraderError(f"{'; '.join(unlikely)}. Place it with --allow-unlikely-fill")
        if "token" in request.body:
            token = str(request.body["token"])
            self._previews.use(token, self._engine, as_mapping(wish), preview)
        key = _key(wish, request)
        asked = OrderAsked(self._engine.now_ns, request.who, replace(preview.draft, asked=key))
        why = self._denial(asked)
        if wish.asked:
            claim(self._var, self._profile, wish.asked, self._engine.opened.namespace)

        def after() -> Document | None:
            name = self._engine.asked.get(key, "")
            if not name:
                return failure(TraderError(f"denied: {why or 'the session ends'}"))
            return self._await(request, name)

        return _Step(asked, after)

    def _denial(self, asked: OrderAsked | EditAsked) -> str:
        """Why the engine denies what is asked for, "" if it does not; to ask it changes nothing."""
        decided = (one for one in self._engine.decide(asked) if isinstance(one, OrderDenied))
        return "; ".join(reason for denied in decided for reason in denied.reasons)

    def _await_known(self, request: Request, wish: Wish) -> bool:
        """Await what an earlier request of the same name came to; False if there was none.

        Raises
        ------
        UsageError
            It was of another order, or in an earlier session.
        TraderError
            It was denied.
        """
        key = _key(wish, request)
        name = key.partition("#")[0]
        earlier = [known for known in self._engine.asked if known.partition("#")[0] == name]
        if not earlier:
            self._check_unused(wish.asked)
            return False
        if key not in earlier:
            raise UsageError(f"client id {name} was used for another order")
        if not self._engine.asked[key]:
            raise TraderError(f"{name} was denied before: ask under another name")
        self._await(request, self._engine.asked[key])
        return True

    def _check_unused(self, name: str) -> None:
        used_in = session_of(self._var, self._profile, name) if name else None
        if used_in not in (None, self._engine.opened.namespace):
            raise UsageError(
                f"client id {name} was used in an earlier session: `gpt-trader orders explain "
                f"{name}` tells for what; take another"
            )

    def _await(
        self, request: Request, *names: str, wanted: Wanted = Wanted.PLACED
    ) -> Document | None:
        """Answer in a later turn, once it is known what becomes of these orders."""
        self._outcomes.wait(request.request_id, names, wanted)
        return None

    # --- edits ------------------------------------------------------------------------------

    def _edit_preview(self, request: Request) -> Said:
        name = str(request.body.get("name"))
        question = self._questions.book(self._find(name).product_id)
        return self._ask(
            request, question, lambda book: self._edits.preview(self._find(name), request, book)
        )

    def _edit(self, request: Request) -> Said:
        name = str(request.body.get("name"))
        question = self._questions.book(self._find(name).product_id)
        return self._ask(request, question, lambda book: self._editing(request, name, book))

    def _editing(self, request: Request, name: str, book: Book | None) -> Said:
        order = self._find(name)
        asked = self._edits.asked(order, request, book)
        self._outcomes.forget_refusal(order.client_order_id)
        why = self._denial(asked)

        def after() -> Document | None:
            if why:
                return failure(TraderError(f"denied: {why}"))
            return self._await(request, order.client_order_id, wanted=Wanted.EDITED)

        return _Step(asked, after)

    # --- ends -------------------------------------------------------------------------------

    def _cancel(self, request: Request) -> Said:
        wanted = request.body.get("orders")
        if wanted != "all" and not isinstance(wanted, list):
            raise UsageError("the request names no orders")
        if wanted == "all":
            self._withdraw()
        working = self._engine.orders.working()
        named = tuple(self._find(str(one)) for one in wanted or ()) if wanted != "all" else working
        orders = tuple(order for order in named if order.is_working)
        if not orders:
            return {"orders": [], "message": "no order is working"}
        names = tuple(order.client_order_id for order in orders)
        return _Step(
            CancelAsked(self._engine.now_ns, request.who, names),
            lambda: self._await(request, *names, wanted=Wanted.ENDED),
        )

    def _withdraw(self) -> None:
        """What was asked for before and has not left is not sent any more."""
        for asked in tuple(self._asked.values()):
            if asked.request.kind in ("place", "edit"):
                self._give_up(asked, "cancel-all came before it was sent: nothing was done")

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

    # --- the account ------------------------------------------------------------------------

    def _snapshot(self, request: Request) -> Said:
        question = self._questions.account(self._engine.opened.products)
        return self._ask(
            request, question, lambda reads: account_document(self._engine, reads, 0.0)
        )

    def _adopt(self, request: Request) -> Said:
        bases = {product.base for product in self._engine.opened.products}
        before = self._engine.ledger.positions()
        question = self._questions.totals(tuple(bases))
        return self._ask(request, question, lambda now: self._adopting(request, now, before))

    def _adopting(
        self, request: Request, totals: Mapping[str, Decimal], before: Mapping[str, Position]
    ) -> Said:
        adopted = adoption(self._engine, request, totals, before)
        said: Document = {
            "adopted": f"{adopted.base_size:f}",
            "product_id": adopted.product_id,
        }
        return said if adopted.name in self._engine.adopted else _Step(adopted, lambda: said)


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
