"""The exchange without its sockets: one account, one tape, and everything Coinbase would answer.

Its state is the fold of the tape and of the commands in its journal, so a restart ends where the
process stopped. It reads no clock: time is the tape's.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from gpt_trader.exchange.candle_history import History
from gpt_trader.exchange.coinbase_app import CoinbaseApp
from gpt_trader.exchange.contract_orders import hours
from gpt_trader.exchange.conversions import Conversions
from gpt_trader.exchange.cursor import Item
from gpt_trader.exchange.futures import FuturesWallet, SettingBody
from gpt_trader.exchange.journal import Journal, JournalError, Record
from gpt_trader.exchange.journal_records import news_record, read_news
from gpt_trader.exchange.market import Market, clock_answer
from gpt_trader.exchange.order_entry import OrderEntry
from gpt_trader.exchange.orders import Order
from gpt_trader.exchange.portfolios import Portfolio, Portfolios
from gpt_trader.exchange.queries import Query, page, select_fills, select_orders
from gpt_trader.exchange.refusals import BadRequest, NotFound
from gpt_trader.exchange.render import AccountRender, fee_summary, fill_number, money
from gpt_trader.exchange.round_events import RoundEvents, UserUpdate
from gpt_trader.exchange.rules import VenueRules
from gpt_trader.exchange.tape import FollowedTape, Tape

Wire = dict[str, Any]

SNAPSHOT_ORDERS = 50
ACCOUNTS_PAGE, ACCOUNTS_MAX = 49, 250


class Venue:
    """Takes orders, plays the tape, and answers every read. Single-threaded and deterministic.

    Attributes
    ----------
    now_ns : int
        The exchange's clock: the tape's begin, then the end of the last round or item.
    portfolios, conversions, futures, app
        What answers requests that are neither market nor orders.
    """

    def __init__(self, tape: Tape, rules: VenueRules, journal: Journal | None) -> None:
        """Begin at the start of the tape; ``restore`` goes on from a journal.

        Parameters
        ----------
        journal
            Gets every command before it takes effect. None: the state ends with the process.
        """
        assert journal is None or not journal.records, "a journal with records is restored from"
        self._tape = tape
        self._journal: Journal | None = None
        self._market = Market(tape, rules)
        self._cursor = self._market.cursor
        self.now_ns = tape.begin_ns
        self._entry = OrderEntry(rules, self._market, self._changed, self._command)
        self._accounts = self._entry.accounts
        self._matching = self._entry.matching
        self._updates: list[UserUpdate] = []
        self._quiet = False
        render = self._render = AccountRender(rules.seed, tape.begin_ns)
        default = Portfolio(render.portfolio_id, "Default", "DEFAULT", self._accounts)
        self.portfolios = Portfolios(default, rules.seed, partial(self._change, "portfolio"))
        convert = partial(self._change, "convert")
        self.conversions = Conversions(self._accounts, render, rules.seed, convert)
        self._margin = self._entry.margin
        self.futures = FuturesWallet(rules, self._entry, partial(self._change, "futures"))
        self.app = CoinbaseApp(self._market.products, self._accounts, render, rules.seed)
        if journal is not None:
            self._attach(journal)

    @classmethod
    def restore(cls, tape: Tape, rules: VenueRules, journal: Journal) -> "Venue":
        """Give the exchange as it was when the journal's last line was written.

        A journal without records is a beginning.

        Raises
        ------
        JournalError
            The journal does not fit the tape, or a command in it has another outcome now.
        """
        records = journal.records
        if records and records[0][0] == "begin":
            tape.begin_ns = records[0][1]
        venue = cls(tape, rules, None)
        venue._quiet = True
        for record in records:
            venue._repeat(record)
        venue._quiet = False
        venue._attach(journal)
        records.clear()  # all of them are in the state now
        return venue

    @property
    def round(self) -> int:
        """Rounds fully released, 0 for none."""
        return self._cursor.round

    @property
    def rounds(self) -> int:
        """Rounds on the tape."""
        return self._tape.rounds

    @property
    def user_id(self) -> str:
        """The id of the account's owner."""
        return self._render.user_id

    # --- the tape ---------------------------------------------------------------------------

    def advance(self) -> RoundEvents:
        """Release what is left of the open round; the clock stands at its end then."""
        assert not self._cursor.finished, "the tape is at its end"
        if isinstance(self._tape, FollowedTape):
            self._note(news_record(self._tape.take_news(self.round + 1)))
        else:
            self._note(["round", self.round + 1])
        since = self._market.mark()
        self._play_round()
        return self._market.news(since, self.now_ns, self._take_updates())

    def due_ns(self) -> int | None:
        """Give the tape time of the next trade or round end, None at the end of the tape."""
        return None if self._cursor.finished else self._cursor.due_ns()

    def advance_item(self) -> RoundEvents:
        """Release the next trade only, or end the round when all its trades are out."""
        assert not self._cursor.finished, "the tape is at its end"
        left = self._cursor.left()
        if not left or self._tape.grows:
            return self.advance()
        self._note(["item", self.round, self._cursor.items + 1])
        since = self._market.mark()
        self._play(left[:1])
        return self._market.news(since, self.now_ns, self._take_updates())

    def advance_clock(self, to_ns: int) -> RoundEvents:
        """Let time pass up to the next item, for a real-time pace; orders may expire by it.

        Raises
        ------
        JournalError
            An order's end could not be written down; time stands still.
        """
        since = self._market.mark()
        due_ns = self.due_ns()
        until_ns = to_ns if due_ns is None else min(to_ns, due_ns)
        funded = self._margin.ours.positions and hours(self.now_ns, until_ns)
        if funded or self._matching.expiring(until_ns) or self.futures.is_due(until_ns):
            self._command(["clock", until_ns])  # no item of the tape tells a restart of this time
        self._pass_time(until_ns)
        return self._market.news(since, self.now_ns, self._take_updates())

    # --- commands ---------------------------------------------------------------------------

    def create_order(self, body: Mapping[str, Any]) -> tuple[Wire, list[UserUpdate]]:
        """Take an order, or say why not, as ``OrderEntry.create`` does."""
        return self._entry.create(body, self.now_ns), self._take_updates()

    def cancel_orders(self, order_ids: Sequence[str]) -> tuple[Wire, list[UserUpdate]]:
        """Cancel open orders, as ``OrderEntry.cancel`` does."""
        return self._entry.cancel(order_ids, self.now_ns), self._take_updates()

    def edit_order(self, body: Mapping[str, Any]) -> tuple[Wire, list[UserUpdate]]:
        """Change an open order, as ``OrderEntry.edit`` does."""
        return self._entry.edit(body, self.now_ns), self._take_updates()

    def edit_preview(self, body: Mapping[str, Any]) -> Wire:
        """Say what an edit would do, as ``OrderEntry.edit_preview`` does."""
        return self._entry.edit_preview(body, self.now_ns)

    def preview_order(self, body: Mapping[str, Any]) -> Wire:
        """Say how an order would fare, as ``OrderEntry.preview`` does."""
        return self._entry.preview(body, self.now_ns)

    def close_position(self, body: Mapping[str, Any]) -> tuple[Wire, list[UserUpdate]]:
        """Answer a request to close a position, as ``OrderEntry.close_position`` does."""
        return self._entry.close_position(body, self.now_ns), self._take_updates()

    def choose_margin_setting(self, body: SettingBody) -> tuple[Wire, list[UserUpdate]]:
        """Choose the margin setting, as ``FuturesWallet.choose_setting`` does."""
        return self.futures.choose_setting(body, self.now_ns), self._take_updates()

    def revise_fee(self, trade_id: str, fee: int) -> None:
        """Change what a spot fill cost after it was told, as far as the account can pay for it.

        Parameters
        ----------
        fee
            Cash units. Those who list the fill from now on see it.
        """
        number = fill_number(trade_id)
        fee = self._matching.fee_within(number, fee)
        self._command(["fee", self.now_ns, number, fee])
        self._revise_fee(number, fee)

    # --- reads of the market ----------------------------------------------------------------

    def server_time(self) -> Wire:
        """Answer GET /time."""
        return clock_answer(self.now_ns)

    def products(self, query: Query) -> Wire:
        """Answer GET /products."""
        return self._market.list_products(query, self.now_ns)

    def product(self, product_id: str) -> Wire:
        """Answer GET /products/{id}."""
        return self._market.show_product(product_id, self.now_ns)

    def product_book(self, query: Query) -> Wire:
        """Answer GET /product_book."""
        return self._market.product_book(query, self.now_ns)

    def best_bid_ask(self, query: Query) -> Wire:
        """Answer GET /best_bid_ask."""
        return self._market.best_bid_ask(query, self.now_ns)

    def trades(self, product_id: str, query: Query) -> Wire:
        """Answer GET /products/{id}/ticker."""
        return self._market.trades(product_id, query)

    def candles(self, product_id: str, query: Query) -> Wire:
        """Answer GET /products/{id}/candles."""
        return self._market.candles(product_id, query, self.now_ns)

    def recall(self, product_id: str, history: History) -> None:
        """Show candles of before we listened; they decide nothing, so no journal keeps them."""
        self._market.recall(product_id, history)

    def snapshot(self, channel: str, product_id: str) -> list[Wire]:
        """Give the events that a subscription to a channel of one product begins with."""
        return self._market.snapshot(channel, product_id, self.now_ns)

    def status(self, product_ids: Iterable[str]) -> list[Wire]:
        """Give products as the status channel shows them."""
        return self._market.status(product_ids)

    # --- reads of the account ---------------------------------------------------------------

    def accounts(self, query: Query) -> Wire:
        """Answer GET /accounts."""
        bounds = page(query, ACCOUNTS_PAGE, ACCOUNTS_MAX)
        names = list(self._accounts.available)
        first = bounds.before or 0
        shown = names[first : first + bounds.limit]
        more = first + bounds.limit < len(names)
        return {
            "accounts": [self._wallet(name) for name in shown],
            "has_next": more,
            "cursor": str(first + bounds.limit) if more else "",
            "size": len(shown),
        }

    def account(self, account_id: str) -> Wire:
        """Answer GET /accounts/{uuid}."""
        for name in self._accounts.available:
            if self._render.wallet_id(name) == account_id:
                return {"account": self._wallet(name)}
        raise NotFound(f"account {account_id!r} was not found")

    def order(self, order_id: str) -> Wire:
        """Answer GET /orders/historical/{order_id}."""
        order = self._entry.orders.get(order_id)
        if order is None:
            raise NotFound("order with this orderID was not found")
        return {"order": self._render.order(order)}

    def orders(self, query: Query) -> Wire:
        """Answer GET /orders/historical/batch."""
        found, cursor = select_orders(list(self._entry.orders.values()), query)
        return {
            "orders": [self._render.order(order) for order in found],
            "sequence": "0",
            "has_next": bool(cursor),
            "cursor": cursor,
        }

    def fills(self, query: Query) -> Wire:
        """Answer GET /orders/historical/fills."""
        found, cursor = select_fills(self._matching.fills, self._entry.orders, query)
        return {"fills": [self._render.fill(fill) for fill in found], "cursor": cursor}

    def transaction_summary(self) -> Wire:
        """Answer GET /transaction_summary."""
        self._entry.fees.refresh(self.now_ns)
        return fee_summary(self._entry.fees)

    def key_permissions(self) -> Wire:
        """Answer GET /key_permissions for a key that may do everything."""
        return {
            "can_view": True,
            "can_trade": True,
            "can_transfer": True,
            "portfolio_uuid": self._render.portfolio_id,
            "portfolio_type": "DEFAULT",
        }

    def portfolio_breakdown(self, portfolio_id: str) -> Wire:
        """Answer GET /portfolios/{uuid}."""
        portfolio = self.portfolios.find(portfolio_id)
        prices = self._market.dollar_prices()
        if portfolio.uuid != self._render.portfolio_id:
            return {"breakdown": self._render.breakdown(portfolio, prices, 0)}
        breakdown = self._render.breakdown(portfolio, prices, self._margin.equity())
        unrealized = money(self._margin.unrealized(), "USD")
        breakdown["portfolio_balances"]["futures_unrealized_pnl"] = unrealized
        held = self.futures.reads.portfolio_positions()
        return {"breakdown": breakdown | {"futures_positions": held}}

    def exchange_rates(self, query: Query) -> Wire:
        """Answer GET /v2/exchange-rates."""
        return self.app.exchange_rates(query, self._market.dollar_prices())

    def user_positions(self) -> list[Wire]:
        """Give the positions in contracts, as the user channel shows them."""
        return self.futures.reads.user_positions(self.now_ns)

    def user_snapshot(self) -> list[list[Wire]]:
        """Give all open orders in batches of 50; the last one has fewer, and may be empty."""
        shown = [self._render.user_order(order) for order in self._matching.waiting.values()]
        return [
            shown[first : first + SNAPSHOT_ORDERS]
            for first in range(0, len(shown) + 1, SNAPSHOT_ORDERS)
        ]

    # --- inside -----------------------------------------------------------------------------

    def _play_round(self) -> None:
        """Release the open round; only orders and contracts need a look at its trades."""
        if self._matching.waiting or self._margin.ours.positions:
            self._play(self._cursor.left())
        self._pass_time(self._cursor.end_ns)
        self._cursor.pass_round()

    def _play(self, items: Sequence[Item]) -> None:
        for item in items:
            self._pass_time(item.time_ns)
            part = self._tape.parts[item.product_id]
            price, lots = part.prices[item.trade], part.sizes[item.trade]
            self._matching.print_trade(item.product_id, price, lots, item.time_ns)
            self._cursor.pass_item()  # before a stop fires: it meets the book of after the trade
            self._entry.follow_trade(item.product_id, price, item.time_ns)

    def _pass_time(self, to_ns: int) -> None:
        if self._margin.ours.positions:
            for hour_ns in hours(self.now_ns, to_ns):
                self.futures.pass_time(hour_ns)
                self._entry.expire(hour_ns)
                self._entry.begin_hour(hour_ns)
        self.futures.pass_time(to_ns)
        self._entry.expire(to_ns)
        self.now_ns = max(self.now_ns, to_ns)

    def _changed(self, order: Order, time_ns: int) -> None:
        if not self._quiet:
            positions = self.futures.reads.user_positions(time_ns)
            self._updates.append(UserUpdate(self._render.user_order(order), time_ns, positions))

    def _take_updates(self) -> list[UserUpdate]:
        updates, self._updates = self._updates, []
        return updates

    def _wallet(self, currency: str) -> Wire:
        return self._render.wallet(currency, self._accounts, self.now_ns)

    def _revise_fee(self, number: int, fee: int) -> None:
        order = self._entry.orders[self._matching.fills[number - 1].order_id]
        self._matching.revise_fee(order, number, fee, self.now_ns)

    def _attach(self, journal: Journal) -> None:
        self._journal = journal
        if not journal.records:
            self._command(["begin", self.now_ns])

    def _command(self, record: Record) -> None:
        if self._journal is not None:
            self._journal.write_command(record)

    def _change(self, what: str, change: list[Any]) -> None:
        self._command([what, self.now_ns, *change])

    def _note(self, record: Record) -> None:
        if self._journal is not None:
            self._journal.write_position(record)

    def _repeat(self, record: Record) -> None:
        """Do again what a line of the journal says."""
        match record:
            case ["begin", int()]:
                return
            case ["round", int(number)]:
                self._go_to(number, 0)
            case ["item", int(number), int(items)]:
                self._go_to(number, items)
            case ["news", int(), list(), list()] if isinstance(self._tape, FollowedTape):
                self._tape.append(read_news(record))
                self._tape.take_news(self.rounds)
                self._go_to(self.rounds, 0)
            case ["clock", int(now_ns)]:
                self._pass_time(now_ns)
            case ["create", int(now_ns), str(order_id), dict(body)]:
                self._pass_time(now_ns)
                self._repeat_create(order_id, body)
            case ["cancel", int(now_ns), list(order_ids)]:
                self._pass_time(now_ns)
                self.cancel_orders(order_ids)
            case ["edit", int(now_ns), dict(body)]:
                self._pass_time(now_ns)
                self._repeat_edit(body)
            case ["fee", int(now_ns), int(number), int(fee)]:
                self._pass_time(now_ns)
                self._revise_fee(number, fee)
            case ["portfolio", int(now_ns), *change]:
                self._pass_time(now_ns)
                self.portfolios.repeat(change)
            case ["convert", int(now_ns), *change]:
                self._pass_time(now_ns)
                self.conversions.repeat(change)
            case ["futures", int(now_ns), *change]:
                self._pass_time(now_ns)
                self.futures.repeat(change, now_ns)
            case _:
                raise JournalError(
                    f"the journal holds a line this version does not know: {record[:1]}"
                )

    def _repeat_create(self, order_id: str, body: Wire) -> None:
        try:
            answer, _ = self.create_order(body)
        except BadRequest as error:
            raise JournalError(f"the journal holds a malformed order: {error}") from error
        if answer.get("success_response", {}).get("order_id") != order_id:
            raise JournalError(f"order {order_id} of the journal has another outcome now")

    def _repeat_edit(self, body: Wire) -> None:
        try:
            answer, _ = self.edit_order(body)
        except BadRequest as error:
            raise JournalError(f"the journal holds a malformed edit: {error}") from error
        if not answer["success"]:
            raise JournalError(f"an edit of the journal is refused now: {answer['errors']}")

    def _go_to(self, round_number: int, items: int) -> None:
        if not self.round <= round_number <= self.rounds:
            raise JournalError(
                f"the journal names round {round_number}; the tape has {self.rounds}"
            )
        watched = self._matching.waiting, self._margin.ours.positions
        while self.round < round_number and any(watched):
            self._play_round()
        if self.round < round_number:
            self._cursor.jump(round_number)
            self._pass_time(self._tape.ends_ns[round_number - 1])
        while self._cursor.items < items:
            self._play(self._cursor.left()[:1])
