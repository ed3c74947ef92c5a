"""Which field table belongs to which request, and a recorder that checks every answer by it."""

import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.conformance import schema
from tests.conformance import schema_funds as funds
from tests.conformance.checks import Check, Mismatch, table

BROKERAGE = "/api/v3/brokerage"
EMPTY = table({})
MARKET_READS = {
    "/products": schema.PRODUCTS,
    "/products/{}": schema.PRODUCT,
    "/products/{}/candles": schema.CANDLES,
    "/products/{}/ticker": schema.TRADES,
    "/product_book": schema.PRODUCT_BOOK,
}
RESPONSES: dict[str, Check] = {
    f"GET {BROKERAGE}/time": schema.TIME,
    **{f"GET {BROKERAGE}/market{path}": check for path, check in MARKET_READS.items()},
    **{f"GET {BROKERAGE}{path}": check for path, check in MARKET_READS.items()},
    f"GET {BROKERAGE}/best_bid_ask": schema.BEST_BID_ASK,
    f"GET {BROKERAGE}/accounts": schema.ACCOUNTS,
    f"GET {BROKERAGE}/accounts/{{}}": table({"account": schema.ACCOUNT}),
    f"POST {BROKERAGE}/orders": schema.created,
    f"POST {BROKERAGE}/orders/batch_cancel": schema.CANCELS,
    f"POST {BROKERAGE}/orders/edit": schema.EDITED,
    f"POST {BROKERAGE}/orders/edit_preview": schema.EDIT_PREVIEW,
    f"POST {BROKERAGE}/orders/preview": schema.PREVIEW,
    f"POST {BROKERAGE}/orders/close_position": schema.created,
    f"GET {BROKERAGE}/orders/historical/batch": schema.ORDERS,
    f"GET {BROKERAGE}/orders/historical/fills": schema.FILLS,
    f"GET {BROKERAGE}/orders/historical/{{}}": table({"order": schema.ORDER}),
    f"GET {BROKERAGE}/transaction_summary": funds.FEES,
    f"GET {BROKERAGE}/key_permissions": funds.KEY_PERMISSIONS,
    f"GET {BROKERAGE}/portfolios": funds.PORTFOLIOS,
    f"POST {BROKERAGE}/portfolios": funds.PORTFOLIO,
    f"POST {BROKERAGE}/portfolios/move_funds": funds.MOVED,
    f"GET {BROKERAGE}/portfolios/{{}}": funds.BREAKDOWN,
    f"PUT {BROKERAGE}/portfolios/{{}}": funds.PORTFOLIO,
    f"DELETE {BROKERAGE}/portfolios/{{}}": EMPTY,
    f"POST {BROKERAGE}/convert/quote": funds.CONVERSION,
    f"POST {BROKERAGE}/convert/trade/{{}}": funds.CONVERSION,
    f"GET {BROKERAGE}/convert/trade/{{}}": funds.CONVERSION,
    f"GET {BROKERAGE}/payment_methods": funds.PAYMENT_METHODS,
    f"GET {BROKERAGE}/payment_methods/{{}}": funds.PAYMENT_METHOD,
    f"GET {BROKERAGE}/cfm/balance_summary": funds.FUTURES_BALANCE,
    f"GET {BROKERAGE}/cfm/positions": funds.FUTURES_POSITIONS,
    f"GET {BROKERAGE}/cfm/positions/{{}}": funds.FUTURES_POSITION,
    f"POST {BROKERAGE}/cfm/sweeps/schedule": funds.SUCCESS,
    f"GET {BROKERAGE}/cfm/sweeps": funds.SWEEPS,
    f"DELETE {BROKERAGE}/cfm/sweeps": funds.SUCCESS,
    f"GET {BROKERAGE}/cfm/intraday/margin_setting": funds.MARGIN_SETTING,
    f"POST {BROKERAGE}/cfm/intraday/margin_setting": EMPTY,
    f"GET {BROKERAGE}/cfm/intraday/current_margin_window": funds.MARGIN_WINDOW,
    "GET /v2/time": funds.V2_TIME,
    "GET /v2/currencies": funds.V2_CURRENCIES,
    "GET /v2/currencies/crypto": funds.V2_CRYPTO,
    "GET /v2/exchange-rates": funds.V2_RATES,
    "GET /v2/accounts": funds.V2_ACCOUNTS,
}


def table_of(method: str, path: str) -> tuple[str, Check]:
    """Find the table of an answer; the first line that fits, as with the exchange's routes.

    Raises
    ------
    Mismatch
        No table knows such a request.
    """
    for line, check in RESPONSES.items():
        expression = re.escape(line).replace(r"\{\}", "[^/]+")
        if re.fullmatch(expression, f"{method} {path}"):
            return line, check
    raise Mismatch(f"no table for {method} {path}")


class Recorder:
    """Checks every answer that a ``requests`` session gets.

    Attributes
    ----------
    answers, errors : Counter of str
        How many were checked, by request and by status.
    samples : dict of str to Any
        The last good body of each request.
    """

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.errors: Counter[int] = Counter()
        self.samples: dict[str, Any] = {}

    def listen(self, session: requests.Session) -> None:
        """Check all that this session gets from now on."""
        session.hooks["response"].append(self._check)

    def _check(self, response: requests.Response, *args: object, **kwargs: object) -> None:
        status = response.status_code
        if status == requests.codes.unauthorized:
            schema.UNAUTHORIZED(response.text, "401")
            self.errors[status] += 1
            return
        body = response.json()
        if status != requests.codes.ok:
            check = schema.TOO_MANY if status == requests.codes.too_many else schema.ERROR
            check(body, f"{status}")
            self.errors[status] += 1
            return
        assert response.request.url is not None
        line, check = table_of(response.request.method or "", urlsplit(response.request.url).path)
        check(body, line)
        self.answers[line] += 1
        self.samples[line] = body
