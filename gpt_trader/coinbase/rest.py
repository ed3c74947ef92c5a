"""Coinbase Advanced Trade over REST: what may be asked and ordered, as our own values."""

from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from gpt_trader.coinbase.order_word import ForeignOrder, OrderWord
from gpt_trader.coinbase.page import Page
from gpt_trader.coinbase.signer import Signer
from gpt_trader.coinbase.times import SECOND_NS, build_time
from gpt_trader.coinbase.transport import Query, Refusal, Transport
from gpt_trader.coinbase.watch import Watch
from gpt_trader.coinbase.wire_account import (
    Balance,
    FeeRates,
    KeyPermissions,
    parse_accounts,
    parse_fee_rates,
    parse_key_permissions,
)
from gpt_trader.coinbase.wire_fills import FillWord, parse_fills
from gpt_trader.coinbase.wire_futures import (
    FuturesWallet,
    contract_names,
    parse_contract_fee,
    parse_contracts,
    parse_futures,
)
from gpt_trader.coinbase.wire_orders import (
    DUPLICATE,
    CancelWord,
    build_cancel,
    build_create,
    build_edit,
    build_fee_preview,
    build_preview,
    parse_cancelled,
    parse_created,
    parse_edited,
    parse_order,
    parse_orders,
    parse_preview,
    parse_terms,
)
from gpt_trader.coinbase.wire_products import (
    CANDLES_MAX,
    GRANULARITIES,
    parse_book,
    parse_candles,
    parse_past_trades,
    parse_products,
    parse_server_time,
    parse_untradable,
)
from gpt_trader.domain.book import Book
from gpt_trader.domain.errors import ExchangeUnreachable, OutcomeUnknown, UsageError, WireError
from gpt_trader.domain.events import (
    Candle,
    Draft,
    EditIntended,
    OrderAccepted,
    OrderIntended,
    OrderRejected,
    Trade,
)
from gpt_trader.domain.order import Terms
from gpt_trader.domain.product import Product

Row = TypeVar("Row")

ACCOUNTS_A_PAGE = 250
ORDERS_A_PAGE = 100
FILLS_A_PAGE = 100
CANCELS_A_REQUEST = 100
IDS_A_REQUEST = 50  # they stand in the URL
PAGES_MAX = 1_000
"""More pages than any real listing has: a cursor that never ends must not hold us for ever."""


class RestClient:
    """Asks Coinbase and orders from it, through the official SDK. For one thread at a time.

    Parameters
    ----------
    host
        ``api.coinbase.com``, or ``NAME:PORT`` of an exchange that stands in for it.
    signer
        None for public market data only.
    ca_file
        The authority that vouches for the host; None for the public ones.
    timeout_s
        How long any single read from the connection may take.
    now_ns
        The exchange's clock, which stamps answers that bring no time.
    watch
        A test that ends the process in the midst of a request; otherwise nobody.

    Raises
    ------
    ExchangeUnreachable
        From every question: no answer, or a server error. Asking again may help.
    WireError
        From every question: the answer is not what the page says, or refuses the question.
    NotAuthorized
        From everything but public market data: the key is missing or not accepted.
    """

    def __init__(
        self,
        host: str,
        signer: Signer | None,
        *,
        ca_file: Path | None,
        timeout_s: float,
        now_ns: Callable[[], int],
        watch: Watch | None = None,
    ) -> None:
        assert timeout_s > 0, timeout_s
        self._transport = Transport(host, signer, ca_file, timeout_s, watch)
        self._now_ns = now_ns

    @property
    def requests(self) -> int:
        """How many were sent so far, of every kind."""
        return self._transport.requests

    def create(self, intent: OrderIntended) -> OrderAccepted | OrderRejected:
        """Place the order once, and say what Coinbase answered.

        Raises
        ------
        OutcomeUnknown
            The order may or may not exist: no answer, a server error, an unreadable one, or
            word that its id is in use. Look it up; never send it under another id.
        """
        body = self._transport.send("/orders", build_create(intent))
        match body:
            case Refusal() if DUPLICATE in body.reason:
                raise OutcomeUnknown(f"create {intent.client_order_id}: its id is in use")
            case Refusal():
                name = intent.client_order_id
                return OrderRejected(self._now_ns(), name, body.reason, body.message)
            case _:
                return parse_created(body, intent, self._now_ns())

    def preview(self, draft: Draft) -> tuple[str, ...]:
        """Coinbase's own reasons to refuse an order now; none where it would take it."""
        body = self._preview(build_preview(draft))
        match body:
            case Refusal():
                return (body.reason,)
            case _:
                return parse_preview(body)

    def edit(self, order_id: str, edit: EditIntended) -> tuple[bool, str]:
        """Change an order in its place, once: whether Coinbase did, and why not.

        Raises
        ------
        OutcomeUnknown
            The order may be the old one or the new one: `terms` tells.
        """
        body = self._transport.send("/orders/edit", build_edit(order_id, edit))
        match body:
            case Refusal():
                return False, body.reason
            case _:
                return parse_edited(body)

    def terms(self, order_id: str) -> Terms:
        """Size and prices of an order as it stands now."""
        path = f"/orders/historical/{quote(order_id, safe='')}"
        return parse_terms(self._read(path, {}))

    def cancel(self, order_ids: Sequence[str]) -> tuple[CancelWord, ...]:
        """Ask for the end of orders; accepted means asked, the end itself is told by the order.

        Raises
        ------
        OutcomeUnknown
            No readable answer for all of them. Orders of earlier hundreds may be answered for:
            ask again for all, a repeated wish does no harm.
        """
        words: list[CancelWord] = []
        for first in range(0, len(order_ids), CANCELS_A_REQUEST):
            batch = order_ids[first : first + CANCELS_A_REQUEST]
            body = self._transport.send("/orders/batch_cancel", build_cancel(batch))
            match body:
                case Refusal():
                    words += [CancelWord(order_id, False, body.reason) for order_id in batch]
                case _:
                    words += parse_cancelled(body, batch)
        return tuple(words)

    def order(self, order_id: str) -> OrderWord | None:
        """One order by Coinbase's id; None when Coinbase says that it knows no such order."""
        body = self._transport.read(f"/orders/historical/{quote(order_id, safe='')}", {})
        match body:
            case Refusal(status=404) if body.reason:  # a bare 404 is some server's, not its word
                return None
            case Refusal():
                raise WireError(f"order {order_id}: {body.reason} {body.message}")
            case _:
                return parse_order(body)

    def orders(
        self, start_ns: int | None, product_ids: Sequence[str]
    ) -> tuple[OrderWord | ForeignOrder, ...]:
        """All orders created since `start_ns`, of every status and whoever placed them.

        No filter by status: ``OPEN`` would leave out orders that are pending or queued, and an
        order that is missing from such a list would look gone. A listing moves while it is read,
        so an order may come twice: the later word counts.
        """
        query: Query = {
            "product_ids": list(product_ids),
            "start_date": None if start_ns is None else build_time(start_ns),
            "limit": ORDERS_A_PAGE,
        }
        latest: dict[str, OrderWord | ForeignOrder] = {}
        for word in self._listing("/orders/historical/batch", query, parse_orders):
            latest[word.order_id] = word
        return tuple(latest.values())

    def open_orders(self) -> tuple[OrderWord | ForeignOrder, ...]:
        """Orders that Coinbase calls open, whoever placed them: to be shown, never to settle ours.

        Pending and queued ones are not among them.
        """
        query: Query = {"order_status": ["OPEN"], "limit": ORDERS_A_PAGE}
        return tuple(self._listing("/orders/historical/batch", query, parse_orders))

    def fills(self, order_ids: Sequence[str] | None, start_ns: int | None) -> tuple[FillWord, ...]:
        """Executions of these orders, or of all (None), since `start_ns`, oldest first."""
        query: Query = {
            "start_sequence_timestamp": None if start_ns is None else build_time(start_ns),
            "limit": FILLS_A_PAGE,
        }
        path = "/orders/historical/fills"
        words: set[FillWord] = set()  # a listing moves while it is read: rows may come twice
        if order_ids is None:
            words.update(self._listing(path, query, parse_fills))
        else:
            for first in range(0, len(order_ids), IDS_A_REQUEST):
                batch = list(order_ids[first : first + IDS_A_REQUEST])
                words.update(self._listing(path, {**query, "order_ids": batch}, parse_fills))
        return tuple(sorted(words, key=lambda word: (word.ts_ns, word.trade_id, word.entry_id)))

    def balances(self, ours: Collection[str]) -> dict[str, Decimal]:
        """What the account holds of each currency, free and held together.

        Those of `ours` must be readable; others are left out if they are not.
        """
        return {one.currency: one.available + one.hold for one in self.wallets(ours)}

    def wallets(self, ours: Collection[str]) -> tuple[Balance, ...]:
        """What is free and what is held of each currency, as `balances` reads them.

        An account may have several wallets of one currency: they count together.
        """
        parse = partial(parse_accounts, ours=ours)
        found: dict[str, Balance] = {}
        for one in self._listing("/accounts", {"limit": ACCOUNTS_A_PAGE}, parse):
            more = found.get(one.currency, Balance(one.currency, Decimal(0), Decimal(0)))
            available, hold = more.available + one.available, more.hold + one.hold
            found[one.currency] = Balance(one.currency, available, hold)
        return tuple(found.values())

    def fee_rates(self) -> FeeRates:
        """What an order costs at the account's present tier, as fractions."""
        return parse_fee_rates(self._read("/transaction_summary", {"product_type": "SPOT"}))

    def key_permissions(self) -> KeyPermissions:
        """What the API key may do, and in which portfolio."""
        return parse_key_permissions(self._read("/key_permissions", {}))

    def futures(self) -> FuturesWallet | None:
        """The futures wallet and its positions; None for an account without US futures.

        Advanced Trade reference, futures: get balance summary, list positions.
        """
        summary = self._transport.read("/cfm/balance_summary", {})
        match summary:
            case Refusal():
                return None
            case _:
                return parse_futures(summary, self._read("/cfm/positions", {}))

    def server_time_ns(self) -> int:
        """The exchange's clock."""
        return parse_server_time(self._read("/time", {}))

    def products(self, product_ids: Sequence[str]) -> tuple[Product, ...]:
        """These spot products, in the order asked for.

        Raises
        ------
        UsageError
            Coinbase lists no such spot product.
        """
        assert product_ids, "name the products"
        body = self._read(self._market("/products"), {"product_ids": list(product_ids)})
        listed = {product.product_id: product for product in parse_products(body)}
        if missing := [name for name in product_ids if name not in listed]:
            near = self._near(missing[0])
            raise UsageError(
                f"no spot product {', '.join(missing)} at {self._transport.host}{near}"
            )
        return tuple(listed[name] for name in product_ids)

    def untradable(self, product_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Of these products those that do not take every order now, and what Coinbase says."""
        body = self._read(self._market("/products"), {"product_ids": list(product_ids)})
        return parse_untradable(body)

    def contracts(self, product_ids: Sequence[str]) -> tuple[Product, ...]:
        """These contracts, in the order asked for, each with what it costs to take one.

        Raises
        ------
        UsageError
            Coinbase lists no such contract.
        ExchangeUnreachable
            It does not say yet what one costs: it asks for a market, which may begin any moment.
        """
        assert product_ids, "name the contracts"
        body = self._read(self._market("/products"), {"product_ids": list(product_ids)})
        listed = contract_names(body)
        if missing := [name for name in product_ids if name not in listed]:
            raise UsageError(f"no contract {', '.join(missing)} at {self._transport.host}")
        fees = {name: self._contract_fee(name) for name in product_ids}
        found = {product.product_id: product for product in parse_contracts(body, fees)}
        return tuple(found[name] for name in product_ids)

    def _contract_fee(self, product_id: str) -> Decimal:
        """A fixed sum, which only a preview tells."""
        body = self._preview(build_fee_preview(product_id))
        match body:
            case Refusal():
                fee = None
            case _:
                fee = parse_contract_fee(body)
        if fee is None:
            raise ExchangeUnreachable(f"Coinbase does not say yet what a {product_id} costs")
        return fee

    def _near(self, name: str) -> str:
        """Names much like one that is not listed; only a typing error pays for the whole list."""
        import difflib

        try:
            body = self._read(self._market("/products"), {"product_type": "SPOT"})
        except ExchangeUnreachable:
            return ""  # the mistake is told without the hint
        listed = [product.product_id for product in parse_products(body)]
        found = difflib.get_close_matches(name.upper(), listed, n=3)
        return f"; did you mean {' or '.join(found)}?" if found else ""

    def book(self, product_id: str, levels: int) -> Book:
        """The best levels of a product's book, at most so many a side."""
        query: Query = {"product_id": product_id, "limit": levels}
        return parse_book(self._read(self._market("/product_book"), query))

    def candles(
        self, product_id: str, start_s: int, end_s: int, granularity_s: int
    ) -> tuple[Candle, ...]:
        """Complete candles that lie within [start_s, end_s), oldest first.

        The exchange's own clock says which candle is complete: using one that is still open is
        looking into the future. An interval without a trade has no candle.

        Raises
        ------
        UsageError
            Coinbase has no candles of that width.
        """
        self._width_name(granularity_s)
        until_s = min(end_s, self.server_time_ns() // SECOND_NS) // granularity_s * granularity_s
        candles: dict[int, Candle] = {}
        first_s = -(-start_s // granularity_s) * granularity_s
        for window_s in range(first_s, until_s, CANDLES_MAX * granularity_s):
            last_s = min(window_s + CANDLES_MAX * granularity_s, until_s) - granularity_s
            for candle in self.candle_page(product_id, window_s, last_s, granularity_s):
                candles[candle.start_ns] = candle
        return tuple(candles[start_ns] for start_ns in sorted(candles))

    def candle_page(
        self, product_id: str, first_s: int, last_s: int, granularity_s: int
    ) -> tuple[Candle, ...]:
        """What one request gives of the candles that start from first_s to last_s, oldest first.

        The last may be open still, and it may be absent: whether Coinbase counts `end` in is not
        documented.

        Raises
        ------
        UsageError
            Coinbase has no candles of that width.
        """
        name = self._width_name(granularity_s)
        path = self._market(f"/products/{quote(product_id, safe='')}/candles")
        query: Query = {"start": str(first_s), "end": str(last_s), "granularity": name}
        return tuple(
            candle
            for candle in parse_candles(self._read(path, query), granularity_s)
            if first_s <= candle.start_ns // SECOND_NS <= last_s
        )

    def market_trades(self, product_id: str, limit: int) -> tuple[Trade, ...]:
        """The latest public trades of a product, oldest first."""
        path = self._market(f"/products/{quote(product_id, safe='')}/ticker")
        return parse_past_trades(self._read(path, {"limit": limit}))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _preview(self, body: dict[str, Any]) -> Any:
        try:
            return self._transport.send("/orders/preview", body)
        except OutcomeUnknown as error:  # a preview changes nothing: no answer is no answer
            raise ExchangeUnreachable(str(error)) from None

    def _width_name(self, granularity_s: int) -> str:
        name = GRANULARITIES.get(granularity_s)
        if name is None:
            raise UsageError(f"no candles of {granularity_s} s, only {list(GRANULARITIES)}")
        return name

    def _market(self, path: str) -> str:
        """Market data by the signed door when we can: the public one is up to a second old."""
        return path if self._transport.is_signed else f"/market{path}"

    def _read(self, path: str, query: Query) -> Any:
        body = self._transport.read(path, query)
        match body:
            case Refusal():
                raise WireError(f"{path}: HTTP {body.status} {body.reason} {body.message}")
            case _:
                return body

    def _listing(self, path: str, query: Query, parse: Callable[[Any], Page[Row]]) -> Iterator[Row]:
        """Every row of a listing, page after page."""
        cursor, seen = "", set[str]()
        for _ in range(PAGES_MAX):
            page = parse(self._read(path, {**query, "cursor": cursor or None}))
            yield from page.rows
            cursor = page.next_cursor
            if not cursor:
                return
            if cursor in seen:
                raise WireError(f"{path}: the listing runs in a circle")
            seen.add(cursor)
        raise WireError(f"{path}: more than {PAGES_MAX} pages")
