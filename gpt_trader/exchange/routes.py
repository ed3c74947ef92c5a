"""The table of REST requests: which path leads to which of the venue's answers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from gpt_trader.exchange.conversions import PairBody, QuoteBody
from gpt_trader.exchange.futures import SettingBody, SweepBody, margin_window
from gpt_trader.exchange.keys import ApiKey, Scope
from gpt_trader.exchange.portfolios import MoveBody, NameBody
from gpt_trader.exchange.refusals import BadRequest
from gpt_trader.exchange.round_events import UserUpdate, Wire
from gpt_trader.exchange.venue import Venue

PREFIX = "/api/v3/brokerage"
Body = TypeVar("Body", NameBody, MoveBody, QuoteBody, PairBody, SweepBody, SettingBody)
NESTED_MAX = 100  # objects and lists in a body; an order has four at most


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose path was matched and whose key was verified."""

    parts: tuple[str, ...]  # what the path's placeholders held
    query: dict[str, list[str]]
    body: bytes
    key: ApiKey | None  # None on public paths


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller, and what the user channel must be told."""

    body: Wire
    updates: Sequence[UserUpdate]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. Without a scope anyone may ask."""

    method: str
    path: re.Pattern[str]
    scope: Scope | None
    answer: Callable[[Venue, Call], Answer]


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Find the line for a request, and what its placeholders hold; None when there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(path)):
            return route, match.groups()
    return None


def _create_order(venue: Venue, call: Call) -> Answer:
    answer, updates = venue.create_order(read_body(call.body))
    return Answer(answer, updates)


def _edit_order(venue: Venue, call: Call) -> Answer:
    answer, updates = venue.edit_order(read_body(call.body))
    return Answer(answer, updates)


def _close_position(venue: Venue, call: Call) -> Answer:
    answer, updates = venue.close_position(read_body(call.body))
    return Answer(answer, updates)


def _cancel_orders(venue: Venue, call: Call) -> Answer:
    answer, updates = venue.cancel_orders(read_order_ids(call))
    return Answer(answer, updates)


def read_order_ids(call: Call) -> list[str]:
    """Read which orders a batch_cancel names.

    Raises
    ------
    BadRequest
        The body names none.
    """
    order_ids = read_body(call.body).get("order_ids")
    if not isinstance(order_ids, list) or not all(isinstance(one, str) for one in order_ids):
        raise BadRequest("order_ids must be a list of order ids")
    return order_ids


def _create_portfolio(venue: Venue, call: Call) -> Answer:
    return _read(venue.portfolios.create(_body(call, NameBody)))


def _edit_portfolio(venue: Venue, call: Call) -> Answer:
    return _read(venue.portfolios.edit(call.parts[0], _body(call, NameBody)))


def _move_funds(venue: Venue, call: Call) -> Answer:
    return _read(venue.portfolios.move(_body(call, MoveBody)))


def _convert_quote(venue: Venue, call: Call) -> Answer:
    return _read(venue.conversions.quote(_body(call, QuoteBody)))


def _convert_commit(venue: Venue, call: Call) -> Answer:
    return _read(venue.conversions.commit(call.parts[0], _body(call, PairBody)))


def _schedule_sweep(venue: Venue, call: Call) -> Answer:
    return _read(venue.futures.schedule(_body(call, SweepBody), venue.now_ns))


def _choose_margin_setting(venue: Venue, call: Call) -> Answer:
    answer, updates = venue.choose_margin_setting(_body(call, SettingBody))
    return Answer(answer, updates)


def _key_permissions(venue: Venue, call: Call) -> Answer:
    scopes = frozenset[Scope]() if call.key is None else call.key.scopes
    allowed = {
        "can_view": Scope.VIEW in scopes,
        "can_trade": Scope.TRADE in scopes,
        "can_transfer": Scope.TRANSFER in scopes,
    }
    return _read(venue.key_permissions() | allowed)


def read_body(body: bytes) -> Wire:
    """Read a request body.

    Raises
    ------
    BadRequest
        It is not a JSON object, or nested deeper than any request.
    """
    # Before it is read: a body that could be read here but not written down would end the exchange.
    if body.count(b"{") + body.count(b"[") > NESTED_MAX:
        raise BadRequest("the body is nested too deep")
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("the body is not a JSON object") from None


def _body(call: Call, kind: type[Body]) -> Body:
    """Read a request body of a known form.

    Raises
    ------
    BadRequest
        It has another.
    """
    try:
        return msgspec.convert(read_body(call.body), kind)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from None


def _read(body: Wire) -> Answer:
    return Answer(body, ())


def _route(line: str, scope: Scope | None, answer: Callable[[Venue, Call], Answer]) -> Route:
    method, _, path = line.partition(" ")
    return _app_route(f"{method} {PREFIX}{path}", scope, answer)


def _app_route(line: str, scope: Scope | None, answer: Callable[[Venue, Call], Answer]) -> Route:
    """Make a line of the table whose path is not under Advanced Trade's prefix."""
    method, _, path = line.partition(" ")
    pattern = re.sub(r"\{\w+\}", "([^/]+)", path)
    return Route(method, re.compile(pattern), scope, answer)


def _market_routes(prefix: str, scope: Scope | None) -> list[Route]:
    """The market data paths, which exist twice: for keys, and under ``/market`` for everyone."""
    return [
        _route(f"GET {prefix}/products", scope, lambda v, c: _read(v.products(c.query))),
        _route(f"GET {prefix}/products/{{id}}", scope, lambda v, c: _read(v.product(c.parts[0]))),
        _route(
            f"GET {prefix}/products/{{id}}/candles",
            scope,
            lambda v, c: _read(v.candles(c.parts[0], c.query)),
        ),
        _route(
            f"GET {prefix}/products/{{id}}/ticker",
            scope,
            lambda v, c: _read(v.trades(c.parts[0], c.query)),
        ),
        _route(f"GET {prefix}/product_book", scope, lambda v, c: _read(v.product_book(c.query))),
    ]


VIEW, TRADE, TRANSFER = Scope.VIEW, Scope.TRADE, Scope.TRANSFER
# The first line that fits answers, so /batch and /fills stand before /{order_id}.
ROUTES = (
    _route("GET /time", None, lambda v, c: _read(v.server_time())),
    *_market_routes("/market", None),
    *_market_routes("", VIEW),
    _route("GET /best_bid_ask", VIEW, lambda v, c: _read(v.best_bid_ask(c.query))),
    _route("GET /accounts", VIEW, lambda v, c: _read(v.accounts(c.query))),
    _route("GET /accounts/{uuid}", VIEW, lambda v, c: _read(v.account(c.parts[0]))),
    _route("POST /orders", TRADE, _create_order),
    _route("POST /orders/batch_cancel", TRADE, _cancel_orders),
    _route("POST /orders/edit", TRADE, _edit_order),
    _route(
        "POST /orders/edit_preview", VIEW, lambda v, c: _read(v.edit_preview(read_body(c.body)))
    ),
    _route("POST /orders/preview", VIEW, lambda v, c: _read(v.preview_order(read_body(c.body)))),
    _route("POST /orders/close_position", TRADE, _close_position),
    _route("GET /orders/historical/batch", VIEW, lambda v, c: _read(v.orders(c.query))),
    _route("GET /orders/historical/fills", VIEW, lambda v, c: _read(v.fills(c.query))),
    _route("GET /orders/historical/{order_id}", VIEW, lambda v, c: _read(v.order(c.parts[0]))),
    _route("GET /transaction_summary", VIEW, lambda v, c: _read(v.transaction_summary())),
    _route("GET /key_permissions", VIEW, _key_permissions),
    _route("GET /portfolios", VIEW, lambda v, c: _read(v.portfolios.list(c.query))),
    _route("POST /portfolios", TRADE, _create_portfolio),
    _route("POST /portfolios/move_funds", TRANSFER, _move_funds),
    _route("GET /portfolios/{uuid}", VIEW, lambda v, c: _read(v.portfolio_breakdown(c.parts[0]))),
    _route("PUT /portfolios/{uuid}", TRADE, _edit_portfolio),
    _route("DELETE /portfolios/{uuid}", TRADE, lambda v, c: _read(v.portfolios.delete(c.parts[0]))),
    _route("POST /convert/quote", TRADE, _convert_quote),
    _route("POST /convert/trade/{id}", TRADE, _convert_commit),
    _route(
        "GET /convert/trade/{id}",
        VIEW,
        lambda v, c: _read(v.conversions.trade(c.parts[0], c.query)),
    ),
    _route(
        "GET /cfm/balance_summary", VIEW, lambda v, c: _read(v.futures.balance_summary(v.now_ns))
    ),
    _route("GET /cfm/positions", VIEW, lambda v, c: _read(v.futures.positions(v.now_ns))),
    _route(
        "GET /cfm/positions/{id}",
        VIEW,
        lambda v, c: _read(v.futures.position(c.parts[0], v.now_ns)),
    ),
    _route("POST /cfm/sweeps/schedule", TRANSFER, _schedule_sweep),
    _route("GET /cfm/sweeps", VIEW, lambda v, c: _read(v.futures.sweeps())),
    _route("DELETE /cfm/sweeps", TRANSFER, lambda v, c: _read(v.futures.cancel())),
    _route(
        "GET /cfm/intraday/margin_setting", VIEW, lambda v, c: _read(v.futures.margin_setting())
    ),
    _route("POST /cfm/intraday/margin_setting", TRADE, _choose_margin_setting),
    _route(
        "GET /cfm/intraday/current_margin_window",
        VIEW,
        lambda v, c: _read(margin_window(v.now_ns)),
    ),
    _route("GET /payment_methods", VIEW, lambda v, c: _read(v.app.payment_methods())),
    _route("GET /payment_methods/{id}", VIEW, lambda v, c: _read(v.app.payment_method(c.parts[0]))),
    _app_route("GET /v2/time", None, lambda v, c: _read(v.app.time(v.now_ns))),
    _app_route("GET /v2/currencies", None, lambda v, c: _read(v.app.currencies())),
    _app_route("GET /v2/currencies/crypto", None, lambda v, c: _read(v.app.cryptocurrencies())),
    _app_route("GET /v2/exchange-rates", None, lambda v, c: _read(v.exchange_rates(c.query))),
    _app_route("GET /v2/accounts", VIEW, lambda v, c: _read(v.app.accounts(c.query, v.now_ns))),
)
