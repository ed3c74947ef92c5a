"""Reads of the older Coinbase App that clients still need: ``/v2``, and the payment methods.

ccxt loads no market without the currencies and rates, and asks ``/v2/accounts`` for balances
(Advanced Trade reference, /v2 endpoints). These accounts know no holds: they show totals.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.catalog import Product
from gpt_trader.exchange.decimals import CASH_PLACES, ratio_text
from gpt_trader.exchange.orders import cash_text
from gpt_trader.exchange.queries import Query, one, whole
from gpt_trader.exchange.refusals import NotFound
from gpt_trader.exchange.render import FIAT, AccountRender
from gpt_trader.exchange.seeds import seeded_uuid
from gpt_trader.exchange.timestamps import SECOND_NS, time_text

Wire = dict[str, Any]

FIAT_NAMES = {"USD": "United States Dollar", "EUR": "Euro", "GBP": "British Pound"}
ACCOUNTS_MAX = 250
RATE_PLACES = 16


class CoinbaseApp:
    """Answers those reads of one account."""

    def __init__(
        self, products: Mapping[str, Product], accounts: Accounts, render: AccountRender, seed: int
    ) -> None:
        self._accounts = accounts
        self._render = render
        self._seed = seed
        self._names = {one.quote: one.quote_name for one in products.values()}
        self._names |= {one.base: one.base_name for one in products.values() if one.base}
        self._names |= FIAT_NAMES

    def time(self, now_ns: int) -> Wire:
        """Answer GET /v2/time."""
        return {"data": {"iso": time_text(now_ns), "epoch": now_ns // SECOND_NS}}

    def currencies(self) -> Wire:
        """Answer GET /v2/currencies: what is fiat."""
        fiat = sorted(FIAT)
        data = [{"id": code, "name": FIAT_NAMES[code], "min_size": "0.01"} for code in fiat]
        return {"data": data}

    def cryptocurrencies(self) -> Wire:
        """Answer GET /v2/currencies/crypto: what is traded here and no fiat."""
        codes = sorted(set(self._names) - FIAT)
        return {
            "data": [
                {
                    "asset_id": seeded_uuid(self._seed, "asset", code),
                    "code": code,
                    "name": self._names[code],
                    "color": "#000000",
                    "sort_index": 100 + place,
                    "exponent": CASH_PLACES,
                    "type": "crypto",
                    "address_regex": "",
                }
                for place, code in enumerate(codes)
            ]
        }

    def exchange_rates(self, query: Query, prices: Mapping[str, float]) -> Wire:
        """Answer GET /v2/exchange-rates: units of each currency for one of the asked.

        Raises
        ------
        NotFound
            Nobody knows what the asked currency is worth.
        """
        currency = one(query, "currency") or "USD"
        if currency not in prices:
            raise NotFound(f"there is no rate for currency {currency!r}")
        worth = Decimal(str(prices[currency]))
        rates = {
            name: ratio_text(*(worth / Decimal(str(price))).as_integer_ratio(), RATE_PLACES)
            for name, price in prices.items()
            if price
        }
        return {"data": {"currency": currency, "rates": rates}}

    def accounts(self, query: Query, now_ns: int) -> Wire:
        """Answer GET /v2/accounts: all wallets in one page, or from an id on."""
        limit = whole(query, "limit", ACCOUNTS_MAX, ACCOUNTS_MAX) or ACCOUNTS_MAX
        names = list(self._accounts.available)
        ids = [self._render.wallet_id(name) for name in names]
        after = one(query, "starting_after")
        if after and after not in ids:
            raise NotFound(f"account {after!r} was not found")
        first = ids.index(after) + 1 if after else 0
        shown = names[first : first + limit]
        last = self._render.wallet_id(shown[-1]) if first + limit < len(names) else None
        following = f"/v2/accounts?limit={limit}&starting_after={last}" if last else None
        return {
            "pagination": {
                "ending_before": None,
                "starting_after": after or None,
                "previous_ending_before": None,
                "next_starting_after": last,
                "limit": limit,
                "order": "desc",
                "previous_uri": None,
                "next_uri": following,
            },
            "data": [self._account(name, now_ns) for name in shown],
        }

    def payment_methods(self) -> Wire:
        """Answer GET /payment_methods: the cash wallet, by which Coinbase buys and sells."""
        return {"payment_methods": [self._cash_wallet()]}

    def payment_method(self, method_id: str) -> Wire:
        """Answer GET /payment_methods/{id}."""
        method = self._cash_wallet()
        if method_id != method["id"]:
            raise NotFound(f"payment method {method_id!r} was not found")
        return {"payment_method": method}

    def _account(self, code: str, now_ns: int) -> Wire:
        wallet_id = self._render.wallet_id(code)
        kind = "fiat" if code in FIAT else "crypto"
        total = self._accounts.available[code] + self._accounts.hold[code]
        return {
            "id": wallet_id,
            "name": f"{code} Wallet",
            "primary": code == "USD",
            "type": "fiat" if code in FIAT else "wallet",
            "currency": {
                "code": code,
                "name": self._names.get(code, code),
                "color": "#000000",
                "sort_index": 0,
                "exponent": 2 if code in FIAT else CASH_PLACES,
                "type": kind,
            },
            "balance": {"amount": cash_text(total), "currency": code},
            "created_at": self._render.opened,
            "updated_at": time_text(now_ns),
            "resource": "account",
            "resource_path": f"/v2/accounts/{wallet_id}",
            "allow_deposits": True,
            "allow_withdrawals": True,
        }

    def _cash_wallet(self) -> Wire:
        return {
            "id": seeded_uuid(self._seed, "payment method", "USD"),
            "type": "FIAT_ACCOUNT",
            "name": "Cash (USD)",
            "currency": "USD",
            "verified": True,
            "allow_buy": True,
            "allow_sell": True,
            "allow_deposit": False,
            "allow_withdraw": False,
            "created_at": self._render.opened,
            "updated_at": None,
        }
