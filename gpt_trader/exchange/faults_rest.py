"""Faults of REST: requests and answers that are lost, late, refused, broken or out of order."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import msgspec
from tornado.iostream import IOStream

from gpt_trader.exchange.auth import Forbidden, Unauthorized
from gpt_trader.exchange.faults import Draw, Faults
from gpt_trader.exchange.faults_answers import (
    LAG_NS,
    cancel_refusals,
    error_page,
    garble,
    lagging_fills,
    lagging_orders,
    refusal,
    revised_fee,
    too_many,
)
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.late import LateCommands
from gpt_trader.exchange.order_requests import read_configuration
from gpt_trader.exchange.reasons import UNKNOWN, Reason, switched
from gpt_trader.exchange.refusals import NotFound, Refusal
from gpt_trader.exchange.render import rejected_answer
from gpt_trader.exchange.rest import Desk, RestHandler
from gpt_trader.exchange.round_events import UserUpdate, Wire
from gpt_trader.exchange.routes import Answer, Call, Route, read_body, read_order_ids
from gpt_trader.exchange.timestamps import SECOND_NS

CREATE = ("POST", "/api/v3/brokerage/orders")
CANCEL = ("POST", "/api/v3/brokerage/orders/batch_cancel")
EDIT = ("POST", "/api/v3/brokerage/orders/edit")
ORDERS = ("GET", "/api/v3/brokerage/orders/historical/batch")
FILLS = ("GET", "/api/v3/brokerage/orders/historical/fills")
LATE_S_MAX = 110  # a token is good for 120 s: what comes later dies by itself
SKEW_NS = 300 * SECOND_NS
HALF_OPEN_S = 1.0
DRIP_S = 0.002


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the faults of one exchange share."""

    faults: Faults
    late: LateCommands


class _Vanished(Exception):
    """The request is never answered: its connection breaks."""


class FaultyRestHandler(RestHandler):
    """Answers like `RestHandler`, unless a fault strikes; at most one does in a request."""

    def initialize(self, desk: Desk, trouble: Trouble | None = None) -> None:
        """Take what all requests share (called by tornado)."""
        assert trouble is not None
        super().initialize(desk)
        self._faults = trouble.faults
        self._late = trouble.late
        self._spoil: Callable[[int, Wire], None] | None = None

    def get(self) -> None:
        """Answer any method, or break the connection."""
        try:
            super().get()
        except _Vanished:
            self._vanish()

    post = put = patch = delete = options = head = get

    def carry_out(self, route: Route, call: Call) -> Answer:
        """Let the venue answer, unless the request is lost or refused on its way."""
        self._refuse_at_random(route)
        match (self.request.method, self.request.path):
            case method_path if method_path == CREATE:
                return self._create(route, call)
            case method_path if method_path == CANCEL:
                return self._cancel(route, call)
            case method_path if method_path == EDIT:
                return self._edit(route, call)
            case method_path if method_path == ORDERS:
                return self._listing(super().carry_out(route, call), "listing_lags", lagging_orders)
            case method_path if method_path == FILLS:
                answer = super().carry_out(route, call)
                self._revise_fee(answer.body["fills"])
                return self._listing(answer, "fills_lag", lagging_fills)
        return super().carry_out(route, call)

    def answers_first(self) -> bool:
        """Tell if the answer is written before its user messages."""
        swapped = self._faults.strike("frames_first") is not None
        return super().answers_first() is not swapped

    def write_json(self, status: int, body: Wire) -> None:
        """Write the answer, or what a fault makes of it."""
        if self._spoil is None:
            self._spoil = self._broken_at_random()
        if self._spoil is None:
            super().write_json(status, body)
        else:
            self._spoil(status, body)

    # --- before it is carried out -----------------------------------------------------------

    def _refuse_at_random(self, route: Route) -> None:
        if (limited := self._faults.strike("rate_limited")) is not None:
            self._spoil = lambda status, body: self._write_text(*too_many(limited))
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED", "")
        if route.scope is None:
            return
        if (draw := self._faults.strike("unauthorized")) is None:
            return
        if draw.below(2):
            raise Forbidden("a fault")
        header = self.request.headers["Authorization"]
        skew_ns = SKEW_NS if draw.below(2) else -SKEW_NS
        self._desk.verifier.rest(
            header.split(" ", 1)[1],
            self.request.method or "",
            self.request.path,
            self._desk.machine_ns() + skew_ns,
        )

    def _create(self, route: Route, call: Call) -> Answer:
        strike = self._faults.strike
        if strike("request_lost") is not None:
            raise _Vanished
        if (draw := strike("request_late")) is not None:
            self._put_off(route, call, draw)
            raise _Vanished
        if (draw := strike("error_undone")) is not None:
            self._fail_with(draw)
            return Answer({}, ())
        if (draw := strike("refused")) is not None:
            return _refused(call, refusal(draw))
        if b'"post_only":true' in call.body.replace(b" ", b"") and strike("post_only_crosses"):
            return _refused(call, switched("INVALID_LIMIT_PRICE_POST_ONLY"))
        answer = super().carry_out(route, call)
        return self._taken(answer, route, call)

    def _taken(self, answer: Answer, route: Route, call: Call) -> Answer:
        """What happens to an order that was carried out, and to its answer."""
        strike = self._faults.strike
        if strike("answer_lost") is not None:
            self._spoil = lambda status, body: self._vanish()
        elif (draw := strike("error_done")) is not None:
            self._fail_with(draw)
        elif strike("repeated") is not None:
            again = super().carry_out(route, call)
            return Answer(again.body, (*answer.updates, *again.updates))
        elif answer.body["success"] and strike("odd_success") is not None:
            return Answer(answer.body | {"failure_reason": UNKNOWN}, answer.updates)
        elif answer.body["success"] and strike("self_trade") is not None:
            order_id = answer.body["success_response"]["order_id"]
            _, ended = self._desk.venue.cancel_orders([order_id])
            return Answer(answer.body, (*answer.updates, *ended))
        return answer

    def _cancel(self, route: Route, call: Call) -> Answer:
        strike = self._faults.strike
        names = read_order_ids(call)
        if (draw := strike("cancel_lost")) is not None:
            if draw.below(2):
                raise _Vanished
            self._spoil = lambda status, body: self._vanish()
        elif (draw := strike("cancel_refused")) is not None:
            return Answer({"results": cancel_refusals(names, draw)}, ())
        elif (draw := strike("cancel_late")) is not None:
            self._put_off(route, call, draw)
            return Answer({"results": [_cancelled(name) for name in names]}, ())
        return super().carry_out(route, call)

    def _edit(self, route: Route, call: Call) -> Answer:
        if (draw := self._faults.strike("edit_lost")) is not None:
            if draw.below(2):
                raise _Vanished
            self._spoil = lambda status, body: self._vanish()
        elif (half := self._without_size(call)) and self._faults.strike("edit_partly"):
            return super().carry_out(route, half)
        return super().carry_out(route, call)

    def _without_size(self, call: Call) -> Call | None:
        """The edit with the order's own size; None where Coinbase has a word of its own on it."""
        body = read_body(call.body)
        try:
            order = self._desk.venue.order(str(body.get("order_id")))["order"]
        except NotFound:
            return None
        [terms] = order["order_configuration"].values()
        if "base_size" not in terms:
            return None
        return replace(call, body=msgspec.json.encode(body | {"size": terms["base_size"]}))

    def _put_off(self, route: Route, call: Call, draw: Draw) -> None:
        """Carry it out later, if its token is still good then."""
        carry_out = super().carry_out

        def surface() -> Sequence[UserUpdate]:
            try:
                self.authorize(route)
                return carry_out(route, call).updates
            except (Unauthorized, Forbidden, Refusal):
                return ()
            except JournalError as error:
                self._desk.fail(error)
                return ()

        delay_ns = (1 + draw.below(LATE_S_MAX)) * SECOND_NS
        self._late.add(self._desk.venue.now_ns + delay_ns, call.body, surface)

    def _listing(self, answer: Answer, name: str, lag: Callable[[Wire, int, Draw], Wire]) -> Answer:
        draw = self._faults.strike(name)
        if draw is None:
            return answer
        return Answer(lag(answer.body, self._desk.venue.now_ns - LAG_NS, draw), ())

    def _revise_fee(self, rows: list[Wire]) -> None:
        """Change the commission of one of the fills that are being told, after they are."""
        if "fee_revised" not in self._faults.armed:
            return
        venue = self._desk.venue
        spot = [row for row in rows if venue.product(row["product_id"])["product_type"] == "SPOT"]
        if not spot or (draw := self._faults.strike("fee_revised")) is None:
            return
        row = spot[draw.below(len(spot))]
        venue.revise_fee(row["trade_id"], revised_fee(row["commission"], draw))

    # --- the answer -------------------------------------------------------------------------

    def _broken_at_random(self) -> Callable[[int, Wire], None] | None:
        strike = self._faults.strike
        if (garbled := strike("garbled")) is not None:
            return lambda status, body: self._write_text(*garble(status, body, garbled))
        if (cut := strike("answer_cut")) is not None:
            return lambda status, body: self._write_half(body, cut)
        if strike("answer_slow") is not None:
            return self._drip
        if strike("half_open") is not None:
            return lambda status, body: self._vanish(HALF_OPEN_S)
        return None

    def _fail_with(self, draw: Draw) -> None:
        self._spoil = lambda status, body: self._write_text(*error_page(draw))

    def _write_text(self, status: int, text: bytes, headers: dict[str, str]) -> None:
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)
        self.finish(text)

    def _write_half(self, body: Wire, draw: Draw) -> None:
        text = msgspec.json.encode(body)
        stream = self.detach()
        stream.write(_head(len(text)) + text[: draw.below(len(text))])
        stream.close()

    def _drip(self, status: int, body: Wire) -> None:
        """Send the head, and then the text in a few pieces, with a pause before each."""
        text = msgspec.json.encode(body)
        stream, loop = self.detach(), asyncio.get_running_loop()
        stream.write(_head(len(text), f"{status} {HTTPStatus(status).phrase}"))
        size = max(1, len(text) // 8)
        pieces = [text[first : first + size] for first in range(0, len(text), size)]
        for number, piece in enumerate(pieces, 1):
            loop.call_later(number * DRIP_S, _write_on, stream, piece)
        loop.call_later((len(pieces) + 1) * DRIP_S, stream.close)

    def _vanish(self, after_s: float = 0.0) -> None:
        stream = self.detach()
        if after_s:
            asyncio.get_running_loop().call_later(after_s, stream.close)
        else:
            stream.close()


def _write_on(stream: IOStream, piece: bytes) -> None:
    """Write to a client, if it still waits for the rest."""
    if not stream.closed():
        stream.write(piece)


def _refused(call: Call, reason: Reason) -> Answer:
    configuration = read_configuration(read_body(call.body))
    return Answer(rejected_answer(reason, configuration), ())


def _cancelled(order_id: str) -> Wire:
    reason = "UNKNOWN_CANCEL_FAILURE_REASON"
    return {"success": True, "failure_reason": reason, "order_id": order_id}


def _head(size: int, status: str = "200 OK") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {size}\r\nConnection: close\r\n\r\n"
    ).encode()
