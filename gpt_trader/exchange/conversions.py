"""Conversions of USD to USDC and back, one for one and without a fee: quoted, then committed.

A quote moves nothing and waits until it is committed; Coinbase's lapses after a time that it does
not publish (Advanced Trade reference, convert).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.orders import cash_text
from gpt_trader.exchange.portfolios import amount_units
from gpt_trader.exchange.refusals import BadRequest, NotFound, Refusal
from gpt_trader.exchange.render import AccountRender, money
from gpt_trader.exchange.seeds import seeded_uuid

Wire = dict[str, Any]

PAIR = frozenset({"USD", "USDC"})
QUOTES_MAX = 10_000  # a loop that only asks for quotes comes to an end


class PairBody(msgspec.Struct, frozen=True):
    """From which wallet to which, by currency or by wallet id."""

    from_account: str
    to_account: str


class QuoteBody(PairBody, frozen=True):
    """The body of a quote; the amount is in what is given."""

    amount: str


@dataclass(slots=True)
class Conversion:
    """A quote, and whether it was carried out."""

    trade_id: str
    source: str
    target: str
    units: int
    committed: bool


class Conversions:
    """Quotes conversions and carries them out.

    Parameters
    ----------
    accounts
        The wallets that pay and receive.
    render
        Knows the ids of the wallets.
    write
        Makes a change durable; called before it takes effect.
    """

    def __init__(
        self,
        accounts: Accounts,
        render: AccountRender,
        seed: int,
        write: Callable[[list[Any]], None],
    ) -> None:
        self._accounts = accounts
        self._render = render
        self._seed = seed
        self._write = write
        self._trades: dict[str, Conversion] = {}

    def quote(self, body: QuoteBody) -> Wire:
        """Answer POST /convert/quote.

        Raises
        ------
        BadRequest
            The pair cannot be converted, or the amount is none.
        """
        source, target = self._pair(body)
        units = amount_units(body.amount)
        if len(self._trades) >= QUOTES_MAX:
            raise BadRequest(f"{QUOTES_MAX} quotes were given, which is the most")
        self._write(["quote", msgspec.to_builtins(body)])
        trade_id = seeded_uuid(self._seed, "convert", str(len(self._trades) + 1))
        self._trades[trade_id] = Conversion(trade_id, source, target, units, committed=False)
        return self._answer(self._trades[trade_id])

    def commit(self, trade_id: str, body: PairBody) -> Wire:
        """Answer POST /convert/trade/{id}: carry a quote out, once.

        Raises
        ------
        NotFound, BadRequest
            There is no such quote, it is of another pair or done, or the money is not there.
        """
        trade = self._find(trade_id, body)
        if trade.committed:
            raise BadRequest(f"trade {trade_id} is already committed")
        if self._accounts.available.get(trade.source, 0) < trade.units:
            raise BadRequest(f"there is less than {cash_text(trade.units)} {trade.source}")
        self._write(["commit", trade_id, msgspec.to_builtins(body)])
        self._accounts.pay(trade.source, trade.units, 0)
        self._accounts.open(trade.target)
        self._accounts.receive(trade.target, trade.units)
        trade.committed = True
        return self._answer(trade)

    def trade(self, trade_id: str, query: Mapping[str, Sequence[str]]) -> Wire:
        """Answer GET /convert/trade/{id}.

        Raises
        ------
        NotFound, BadRequest
            There is no such trade, or it is of another pair.
        """
        named = [(query.get(name) or ("",))[-1] for name in ("from_account", "to_account")]
        return self._answer(self._find(trade_id, PairBody(*named)))

    def repeat(self, change: Sequence[Any]) -> None:
        """Do again what a line of the journal says.

        Raises
        ------
        JournalError
            It cannot be done now.
        """
        try:
            match change:
                case ["quote", dict(body)]:
                    self.quote(msgspec.convert(body, QuoteBody))
                case ["commit", str(trade_id), dict(body)]:
                    self.commit(trade_id, msgspec.convert(body, PairBody))
                case _:
                    raise JournalError(f"the journal converts strangely: {change[:1]}")
        except (Refusal, msgspec.ValidationError) as error:
            raise JournalError(f"a conversion of the journal ends otherwise: {error}") from error

    def _pair(self, body: PairBody) -> tuple[str, str]:
        currencies = {self._render.wallet_id(name): name for name in PAIR}
        source, target = (
            currencies.get(name, name) for name in (body.from_account, body.to_account)
        )
        if {source, target} != PAIR:
            raise BadRequest(f"{source} to {target} cannot be converted, only USD and USDC")
        return source, target

    def _find(self, trade_id: str, body: PairBody) -> Conversion:
        trade = self._trades.get(trade_id)
        if trade is None:
            raise NotFound(f"trade {trade_id!r} was not found")
        if self._pair(body) != (trade.source, trade.target):
            raise BadRequest(f"trade {trade_id} is from {trade.source} to {trade.target}")
        return trade

    def _answer(self, trade: Conversion) -> Wire:
        given, taken = money(trade.units, trade.source), money(trade.units, trade.target)
        return {
            "trade": {
                "id": trade.trade_id,
                "status": f"TRADE_STATUS_{'COMPLETED' if trade.committed else 'CREATED'}",
                "user_entered_amount": given,
                "amount": given,
                "subtotal": given,
                "total": taken,
                "fees": [],
                "total_fee": {
                    "title": "",
                    "description": "",
                    "amount": money(0, trade.source),
                    "label": "",
                },
                "source": self._side(trade.source),
                "target": self._side(trade.target),
                "unit_price": {
                    "target_to_fiat": {"amount": {"value": "1", "currency": "USD"}, "scale": 2},
                    "target_to_source": {
                        "amount": {"value": "1", "currency": trade.source},
                        "scale": 2,
                    },
                    "source_to_fiat": {"amount": {"value": "1", "currency": "USD"}, "scale": 2},
                },
                "user_warnings": [],
                "user_reference": trade.trade_id[:8].upper(),
                "source_currency": trade.source,
                "target_currency": trade.target,
                "source_id": self._render.wallet_id(trade.source),
                "target_id": self._render.wallet_id(trade.target),
                "exchange_rate": {"value": "1", "currency": trade.target},
                "total_fee_without_tax": None,
                "fiat_denoted_total": {"value": cash_text(trade.units), "currency": "USD"},
            }
        }

    def _side(self, currency: str) -> Wire:
        wallet_id = self._render.wallet_id(currency)
        return {"type": "ACCOUNT", "network": "", "payment_method_id": wallet_id}
