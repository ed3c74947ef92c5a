"""Which field table belongs to which request, and a recorder that checks every answer by it."""

import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.conformance import schema
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
    f"GET {BROKERAGE}/transaction_summary": schema.FEES,
    f"GET {BROKERAGE}/key_permissions": schema.KEY_PERMISSIONS,
    f"GET {BROKERAGE}/portfolios": schema.PORTFOLIOS,
    f"POST {BROKERAGE}/portfolios": schema.PORTFOLIO,
    f"POST {BROKERAGE}/portfolios/move_funds": schema.MOVED,
    f"GET {BROKERAGE}/portfolios/{{}}": schema.BREAKDOWN,
    f"PUT {BROKERAGE}/portfolios/{{}}": schema.PORTFOLIO,
    f"DELETE {BROKERAGE}/portfolios/{{}}": EMPTY,
    f"POST {BROKERAGE}/convert/quote": schema.CONVERSION,
    f"POST {BROKERAGE}/convert/trade/{{}}": schema.CONVERSION,
    f"GET {BROKERAGE}/convert/trade/{{}}": schema.CONVERSION,
    f"GET {BROKERAGE}/payment_methods": schema.PAYMENT_METHODS,
    f"GET {BROKERAGE}/payment_methods/{{}}": schema.PAYMENT_METHOD,
    "GET /v2/time": schema.V2_TIME,
    "GET /v2/currencies": schema.V2_CURRENCIES,
    "GET /v2/currencies/crypto": schema.V2_CRYPTO,
    "GET /v2/exchange-rates": schema.V2_RATES,
    "GET /v2/accounts": schema.V2_ACCOUNTS,
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
        body, status = response.json(), response.status_code
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
