"""Orders by hand in a notebook: the commands of `gpt-trader orders` as methods."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

from gpt_trader.broker.capabilities import PROFILES
from gpt_trader.domain.errors import UsageError
from gpt_trader.ops.orders_main import done_by
from gpt_trader.ops.shown import Shown

Number = str | int | float | Decimal


class How(TypedDict, total=False):
    """What an order may be given besides side, size and product; as the flags of the command."""

    type: str  # market (if not said), limit, stop, stop_limit, bracket
    price: Number  # limit price, quote for one base
    stop: Number  # stop price, at which the order begins to work
    tif: str  # time in force: GTC, GTD, IOC, FOK
    until: str  # the end of a GTD order, UTC
    span: str  # or how long: 90s, 30m, 2h, 1d
    post_only: bool  # never take from the book
    reduce_only: bool  # only shrink the position
    client_id: str  # your own name for it, used once


class Edit(TypedDict, total=False):
    """What an edit can change of an order."""

    price: Number  # the new limit price
    stop: Number  # the new stop price
    size: Number  # the new size in base, in all


FLAGS = {"span": "for"}  # where Python has no such name


class OrderDesk:
    """The order desk of one profile.

    Each method does what the command of its name does, through the same engine, rules and log, and
    gives its document; at the end of a cell it is shown as text. What a command ends with exit code
    2 or more is an exception here: UsageError, TraderError (denied or refused),
    ExchangeUnreachable, OutcomeUnknown.

    In a cell each: ``desk = gt.orders()``, ``seen = desk.preview("buy", "0.01", "BTC-USD")``,
    ``desk.place(seen["token"])``.
    """

    def __init__(self, flags: Mapping[str, str | None]) -> None:
        self._flags = flags

    def preview(self, side: str, size: Number, product: str, **how: Unpack[How]) -> Shown:
        """What an order would cost, fill and break.

        Parameters
        ----------
        side : str
            buy or sell.
        size : str or number
            0.01, "0.01 BTC", "500 USD" or "25%".
        product : str
            Like BTC-USD.
        **how
            See `How`.
        """
        return self._do("preview", side, size, product, how=_checked(how, How))

    def place(self, token: str, *, allow_unlikely_fill: bool = False) -> Shown:
        """Send the order of a preview: exactly that one, while its token is valid."""
        return self._do("place", how={"token": token, "allow_unlikely_fill": allow_unlikely_fill})

    def edit(self, order: str, **new: Unpack[Edit]) -> Shown:
        """Preview other prices or another size of a waiting order; `apply` makes it so."""
        return self._do("edit", order, how=_checked(new, Edit))

    def apply(self, order: str, token: str) -> Shown:
        """Make the change of a previewed edit."""
        return self._do("edit", order, how={"token": token})

    def cancel(self, *orders: str) -> Shown:
        """End orders, by our name, Coinbase's or yours."""
        return self._do("cancel", *orders)

    def cancel_all(self) -> Shown:
        """End every order of the session."""
        return self._do("cancel-all")

    def list(self, *, open: bool = False) -> Shown:
        """The orders of the newest session, from its log; all, or those that still work."""
        return self._do("list", how={"open": open})

    def show(self, order: str) -> Shown:
        """One order with what has filled of it."""
        return self._do("show", order)

    def explain(self, order: str) -> Shown:
        """Why an order was sent or denied, and all that became of it."""
        return self._do("explain", order)

    def adopt(self, product: str, size: Number, *, cost: Number, name: str | None = None) -> Shown:
        """Give a part of the owner's holdings to the session, at what all of it has cost.

        The same once more gives nothing; an equal part takes a `name` of its own.
        """
        return self._do("adopt", product, size, how={"cost": cost, "name": name})

    def close(self) -> Shown:
        """End the session by hand: its orders are cancelled, what it held is the owner's."""
        return self._do("close")

    def _do(self, command: str, *words: Number, how: Mapping[str, object] | None = None) -> Shown:
        flags = [_flag(name, value) for name, value in {**self._flags, **(how or {})}.items()]
        odd = [word for word in map(str, words) if word.startswith("-")]
        if odd:
            raise UsageError(f"{odd[0][:40]!r}: nothing that is asked for begins with a minus")
        given = [flag for flag in flags if flag is not None]
        done = done_by([command, *given, *map(str, words)])
        return Shown(done.document, done.said)


def orders(
    profile: str = "dev",
    var: str | Path | None = None,
    *,
    coinbase_host: str | None = None,
    coinbase_ca: str | Path | None = None,
    coinbase_key_file: str | Path | None = None,
) -> OrderDesk:
    """The order desk of a profile, for a notebook.

    Parameters
    ----------
    profile : str
        dev, paper, canary or prod.
    var : path, optional
        Where everything is written; by default as the settings say.
    coinbase_host, coinbase_ca, coinbase_key_file : optional
        Another exchange, the authority it is trusted by, and an API key as downloaded.

    Raises
    ------
    UsageError
        The profile is none.
    """
    if profile not in PROFILES:
        raise UsageError(f"profile {profile!r}: there is {', '.join(PROFILES)}")
    reach = {"coinbase_host": coinbase_host, "coinbase_ca": coinbase_ca}
    given = {"profile": profile, "var": var, **reach, "coinbase_key_file": coinbase_key_file}
    return OrderDesk({name: None if value is None else str(value) for name, value in given.items()})


def _checked(given: Mapping[str, object], known: type) -> Mapping[str, object]:
    """Refuse a word that is none: Python checks the names of such arguments nowhere else."""
    unknown = [name for name in given if name not in known.__annotations__]
    if unknown:
        raise UsageError(f"{unknown[0][:40]}: there is {', '.join(known.__annotations__)}")
    return given


def _flag(name: str, value: object) -> str | None:
    if value is None or value is False:
        return None
    flag = f"--{FLAGS.get(name, name).replace('_', '-')}"
    return flag if value is True else f"{flag}={value}"
