"""The REST door: verifies who asks, lets the venue answer, and then tells the user channel."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

import msgspec
from tornado.httputil import HTTPHeaders
from tornado.web import RequestHandler

from gpt_trader.exchange.auth import Forbidden, Unauthorized, Verifier, require
from gpt_trader.exchange.hub import Hub
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.keys import ApiKey, Scope
from gpt_trader.exchange.rate_limits import Limited, RateLimiter, TooManyRequests
from gpt_trader.exchange.refusals import NotFound, Refusal
from gpt_trader.exchange.round_events import Wire
from gpt_trader.exchange.routes import Answer, Call, Route, find_route
from gpt_trader.exchange.venue import Venue

BEARER = "Bearer "
HALF_DONE = "a command broke off after it may have been written down; a restart carries it out"
UNAUTHORIZED = "Unauthorized"  # Coinbase's whole body, by which ccxt knows the error; no JSON
MISSING_SCOPES = "Missing required scopes"  # the SDK looks for this very text


@dataclass(frozen=True, slots=True)
class Desk:
    """What every request shares.

    ``answer_first``: the answer to a request is written before the user messages it caused, as
    lockstep needs; otherwise they are written first. Coinbase promises neither order.
    ``tick`` brings the exchange's clock to now. ``fail`` is told when the journal cannot be
    written, or a command broke off half-way, which ends the exchange.
    """

    venue: Venue
    hub: Hub
    verifier: Verifier
    machine_ns: Callable[[], int]
    answer_first: bool
    tick: Callable[[], None]
    fail: Callable[[BaseException], None]
    limiter: RateLimiter


class Headers(HTTPHeaders):
    """Headers whose rate limits leave in lowercase: the SDK finds them under no other spelling."""

    def get_all(self) -> Iterable[tuple[str, str]]:
        """Give names and values as they are written; tornado capitalises all names."""
        for name, text in super().get_all():
            yield (name.lower() if name.startswith("X-Ratelimit") else name), text


class RestHandler(RequestHandler):
    """Answers one request, whole, before the event loop turns to anything else."""

    def initialize(self, desk: Desk) -> None:
        """Take what all requests share (called by tornado)."""
        self._desk = desk

    def set_default_headers(self) -> None:
        """Begin an answer (called by tornado)."""
        self._headers = Headers(self._headers)

    def get(self) -> None:
        """Answer any method: the table knows which path wants which."""
        method, path = self.request.method or "", self.request.path
        try:
            found = find_route(method, path)
            if found is None:
                raise NotFound(f"{method} {path} does not exist")
            route, parts = found
            key = self.authorize(route)
            self._take_turn(route)
            query = parse_qs(self.request.query, keep_blank_values=True)
            call = Call(tuple(map(unquote, parts)), query, self.request.body, key)
            self._desk.tick()
            answer = self.carry_out(route, call)
        except Unauthorized:
            self._write_bare(401, UNAUTHORIZED)
        except Forbidden:
            self.write_json(403, Refusal(403, "PERMISSION_DENIED", MISSING_SCOPES).body)
        except Refusal as refusal:
            self.write_json(refusal.status, refusal.body)
        except JournalError as error:  # nothing happened: it is written before it takes effect
            self.write_json(503, Refusal(503, "UNAVAILABLE", "the exchange stops").body)
            self._desk.fail(error)
        else:
            self._reply(answer)

    post = put = patch = delete = options = head = get

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Answer what nobody foresaw in the form of every other error."""
        status = HTTPStatus(status_code)
        name = "INTERNAL" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_ARGUMENT"
        self.write_json(status_code, Refusal(status_code, name, status.phrase).body)

    def compute_etag(self) -> str | None:
        """Never answer 304: an exchange's answers are not cached here."""
        return None

    def carry_out(self, route: Route, call: Call) -> Answer:
        """Let the venue answer; a command that breaks off half-way ends the exchange.

        It may be in the journal by then, and the memory would no longer be what a restart makes
        of the journal.
        """
        if route.scope in (None, Scope.VIEW):
            return route.answer(self._desk.venue, call)
        completed = False
        try:
            answer = route.answer(self._desk.venue, call)
            completed = True
        except (Refusal, JournalError):  # nothing happened
            completed = True
            raise
        finally:
            if not completed:
                self._desk.fail(JournalError(HALF_DONE))
        return answer

    def authorize(self, route: Route) -> ApiKey | None:
        """Let a request pass with its key; public paths do not look at keys at all."""
        if route.scope is None:
            return None
        header = self.request.headers.get("Authorization", "")
        if not header.startswith(BEARER):
            raise Unauthorized("no token")
        token, method = header.removeprefix(BEARER), self.request.method or ""
        now_ns = self._desk.machine_ns()
        key = self._desk.verifier.rest(token, method, self.request.path, now_ns)
        require(key, route.scope)
        return key

    def answers_first(self) -> bool:
        """Tell if the answer is written before the user messages it caused."""
        return self._desk.answer_first

    def _take_turn(self, route: Route) -> None:
        """Count the request; there is one user, so all keys share what is private.

        Raises
        ------
        TooManyRequests
            The limit is reached.
        """
        private = route.scope is not None
        what = Limited.PRIVATE if private else Limited.PUBLIC
        who = self._desk.venue.user_id if private else self.request.remote_ip or ""
        turn = self._desk.limiter.take(what, who)
        if turn is None:
            return
        for name, text in turn.headers().items():
            self.set_header(name, text)
        if not turn.granted:
            raise TooManyRequests

    def _reply(self, answer: Answer) -> None:
        hub = self._desk.hub
        hub.publish_user(answer.updates)
        if not self.answers_first():
            hub.flush()
        self.write_json(200, answer.body)
        hub.flush()

    def _write_bare(self, status: int, text: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(text)

    def write_json(self, status: int, body: Wire) -> None:
        """Write the whole answer."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(msgspec.json.encode(body))  # compact: no spaces after colons
