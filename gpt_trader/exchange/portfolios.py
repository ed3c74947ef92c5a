"""The portfolios of the account: the one that trades, and others that only keep funds.

An API key belongs to one portfolio (Advanced Trade reference, portfolios): ours to the default one,
whose wallets are those of the orders. Funds move between portfolios at once, and never change in
sum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gpt_trader.exchange.accounts import Accounts
from gpt_trader.exchange.decimals import CASH_PLACES, parse_number, whole_steps
from gpt_trader.exchange.journal import JournalError
from gpt_trader.exchange.refusals import BadRequest, NotFound, Refusal
from gpt_trader.exchange.seeds import seeded_uuid

Wire = dict[str, Any]

NAME_LETTERS_MAX = 100
PORTFOLIOS_MAX = 100  # far more than anyone keeps: a loop that makes them comes to an end


@dataclass(slots=True)
class Portfolio:
    """One portfolio and its wallets. Changed by ``Portfolios`` only."""

    uuid: str
    name: str
    kind: str  # DEFAULT or CONSUMER
    accounts: Accounts

    def record(self, deleted: bool) -> Wire:
        """Write it as portfolio lists do."""
        return {"name": self.name, "uuid": self.uuid, "type": self.kind, "deleted": deleted}


class Funds(msgspec.Struct, frozen=True):
    """An amount as a request names it."""

    value: str
    currency: str


class NameBody(msgspec.Struct, frozen=True):
    """The body of create and edit."""

    name: str


class MoveBody(msgspec.Struct, frozen=True):
    """The body of move_funds."""

    funds: Funds
    source_portfolio_uuid: str
    target_portfolio_uuid: str


class Portfolios:
    """Makes, renames and deletes portfolios, and moves funds between them.

    Parameters
    ----------
    default
        The portfolio that trades.
    seed
        Decides the ids of further ones.
    write
        Makes a change durable; called before it takes effect.
    """

    def __init__(self, default: Portfolio, seed: int, write: Callable[[list[Any]], None]) -> None:
        self.default = default
        self._seed = seed
        self._write = write
        self._made = 0
        self._kept = {default.uuid: default}

    def list(self, query: Mapping[str, Sequence[str]]) -> Wire:
        """Answer GET /portfolios."""
        wanted = query.get("portfolio_type", ())
        shown = [one for one in self._kept.values() if not wanted or one.kind in wanted]
        return {"portfolios": [one.record(deleted=False) for one in shown]}

    def find(self, portfolio_id: str) -> Portfolio:
        """Give a portfolio that is not deleted.

        Raises
        ------
        NotFound
            There is none with this id.
        """
        found = self._kept.get(portfolio_id)
        if found is None:
            raise NotFound(f"portfolio {portfolio_id!r} was not found")
        return found

    def create(self, body: NameBody) -> Wire:
        """Answer POST /portfolios: a new one without funds.

        Raises
        ------
        BadRequest
            The name is empty, too long or in use, or there are too many portfolios.
        """
        name = self._free_name(body.name)
        if len(self._kept) >= PORTFOLIOS_MAX:
            raise BadRequest(f"there are {PORTFOLIOS_MAX} portfolios, which is the most")
        self._write(["create", name])
        self._made += 1
        uuid = seeded_uuid(self._seed, "portfolio", str(self._made))
        self._kept[uuid] = Portfolio(uuid, name, "CONSUMER", Accounts({}, ()))
        return {"portfolio": self._kept[uuid].record(deleted=False)}

    def edit(self, portfolio_id: str, body: NameBody) -> Wire:
        """Answer PUT /portfolios/{uuid}: another name.

        Raises
        ------
        NotFound, BadRequest
            There is no such portfolio, or the name cannot be had.
        """
        portfolio = self.find(portfolio_id)
        name = self._free_name(body.name)
        self._write(["edit", portfolio_id, name])
        portfolio.name = name
        return {"portfolio": portfolio.record(deleted=False)}

    def delete(self, portfolio_id: str) -> Wire:
        """Answer DELETE /portfolios/{uuid}; it must be empty and not the one that trades.

        Raises
        ------
        NotFound, BadRequest
            There is no such portfolio, or it must stay.
        """
        portfolio = self.find(portfolio_id)
        if portfolio is self.default:
            raise BadRequest("the default portfolio cannot be deleted")
        if any(portfolio.accounts.available.values()):
            raise BadRequest("a portfolio that holds funds cannot be deleted: move them first")
        self._write(["delete", portfolio_id])
        del self._kept[portfolio_id]
        return {}

    def move(self, body: MoveBody) -> Wire:
        """Answer POST /portfolios/move_funds.

        Raises
        ------
        NotFound, BadRequest
            A portfolio does not exist, or the amount is none or not there.
        """
        source, target = map(self.find, (body.source_portfolio_uuid, body.target_portfolio_uuid))
        units, currency = amount_units(body.funds.value), body.funds.currency
        if source is target:
            raise BadRequest("source and target are the same portfolio")
        if source.accounts.available.get(currency, 0) < units:
            raise BadRequest(f"portfolio {source.name} has less than {body.funds.value} {currency}")
        self._write(["move", msgspec.to_builtins(body)])
        source.accounts.pay(currency, units, 0)
        target.accounts.open(currency)
        target.accounts.receive(currency, units)
        return {"source_portfolio_uuid": source.uuid, "target_portfolio_uuid": target.uuid}

    def repeat(self, change: Sequence[Any]) -> None:
        """Do again what a line of the journal says.

        Raises
        ------
        JournalError
            It cannot be done now.
        """
        try:
            match change:
                case ["create", str(name)]:
                    self.create(NameBody(name))
                case ["edit", str(portfolio_id), str(name)]:
                    self.edit(portfolio_id, NameBody(name))
                case ["delete", str(portfolio_id)]:
                    self.delete(portfolio_id)
                case ["move", dict(body)]:
                    self.move(msgspec.convert(body, MoveBody))
                case _:
                    raise JournalError(f"the journal changes a portfolio strangely: {change[:1]}")
        except (Refusal, msgspec.ValidationError) as error:
            raise JournalError(f"a portfolio of the journal changes otherwise: {error}") from error

    def _free_name(self, name: str) -> str:
        if not name.strip() or len(name) > NAME_LETTERS_MAX:
            raise BadRequest(f"name must have 1 to {NAME_LETTERS_MAX} letters")
        if any(one.name == name for one in self._kept.values()):
            raise BadRequest(f"a portfolio is already named {name}")
        return name


def amount_units(text: str) -> int:
    """Read an amount of money above 0, in units of 1e-8.

    Raises
    ------
    BadRequest
        It is none.
    """
    value = parse_number(text)
    units = None if value is None else whole_steps(value, CASH_PLACES)
    if units is None or units <= 0:
        raise BadRequest(f"{text!r} is no amount above 0 with at most {CASH_PLACES} decimals")
    return units
