"""Which orders there are: the one table of type, time in force, product type and profile.

Parsing, help, refusals and the table of docs/orders.md read it; nothing else says what may be sent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product as combinations

from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.order import OrderType, TimeInForce


class Kind(StrEnum):
    """A type of order, as a person names it."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    BRACKET = "bracket"


class ProductType(StrEnum):
    """What is traded: coins against cash, or contracts."""

    SPOT = "SPOT"
    FUTURE = "FUTURE"


class Way(StrEnum):
    """Who keeps the order until it fills or ends."""

    EXCHANGE = "exchange"
    ENGINE = "engine"
    REFUSED = "refused"


PROFILES = ("dev", "paper", "canary", "prod")

ORDER_TYPES = {
    Kind.MARKET: OrderType.MARKET,
    Kind.LIMIT: OrderType.LIMIT,
    Kind.STOP: OrderType.STOP,
    Kind.STOP_LIMIT: OrderType.STOP_LIMIT,
    Kind.BRACKET: OrderType.BRACKET,
}
"""What each kind is to Coinbase; a stop has no place there, and becomes a market order."""

USUAL = {
    Kind.MARKET: TimeInForce.IOC,
    Kind.LIMIT: TimeInForce.GTC,
    Kind.STOP: TimeInForce.GTC,
    Kind.STOP_LIMIT: TimeInForce.GTC,
    Kind.BRACKET: TimeInForce.GTC,
}
"""The time in force of an order that names none."""

PRICES = {
    Kind.MARKET: (),
    Kind.LIMIT: ("limit price",),
    Kind.STOP: ("stop price",),
    Kind.STOP_LIMIT: ("limit price", "stop price"),
    Kind.BRACKET: ("limit price", "stop price"),
}
"""The prices that an order of each kind must name; it may name no other."""

SIZE = "size"
TERMS = (SIZE, "limit price", "stop price")
"""What an edit might change of an order."""

ATTACHED = (
    "Coinbase's attached exits would be an order that no rule of ours has judged, and its sale "
    "would be missing in our books: place a bracket once the buy has filled"
)
"""Why a buy cannot be given a take-profit and a stop-loss of its own."""

WAITING = frozenset({TimeInForce.GTC, TimeInForce.GTD})

_TIMES = {
    Kind.MARKET: frozenset({TimeInForce.IOC}),
    Kind.LIMIT: frozenset(TimeInForce),
    Kind.STOP: WAITING,
    Kind.STOP_LIMIT: WAITING,
    Kind.BRACKET: WAITING,
}
_NO_TIME = {
    Kind.MARKET: "a market order fills at once or not at all: IOC is its only time in force",
    Kind.LIMIT: "",
    Kind.STOP: "a stop waits for its trigger: GTC or GTD",
    Kind.STOP_LIMIT: "Coinbase's stop-limit orders wait: GTC or GTD",
    Kind.BRACKET: "Coinbase's bracket orders wait: GTC or GTD",
}
_KINDS = {order_type: kind for kind, order_type in ORDER_TYPES.items()}
NO_PAPER_CONTRACTS = "profile paper follows Coinbase's spot market: contracts are in dev and live"
NO_CONTRACT_EDITS = "Coinbase edits no order of a contract: cancel it, and place another"
_NO_CONTRACT_BRACKETS = (
    "Coinbase documents no bracket of contracts: place a stop or a limit order with --reduce-only"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination, and what becomes of such an order."""

    kind: Kind
    time_in_force: TimeInForce
    product_type: ProductType
    profile: str
    way: Way
    why: str  # it is refused; "" where it is not


def cell(kind: Kind, time_in_force: TimeInForce, product_type: ProductType, profile: str) -> Cell:
    """What becomes of an order of this type, time in force and product, in this profile."""
    assert profile in PROFILES, profile
    if product_type is ProductType.FUTURE and (why := _no_contract(kind, profile)):
        return Cell(kind, time_in_force, product_type, profile, Way.REFUSED, why)
    if time_in_force not in _TIMES[kind]:
        return Cell(kind, time_in_force, product_type, profile, Way.REFUSED, _NO_TIME[kind])
    way = Way.ENGINE if kind is Kind.STOP else Way.EXCHANGE
    return Cell(kind, time_in_force, product_type, profile, way, "")


def _no_contract(kind: Kind, profile: str) -> str:
    """Why an order of contracts is refused that one of coins would not be; "" if it is not."""
    if profile == "paper":
        return NO_PAPER_CONTRACTS
    return _NO_CONTRACT_BRACKETS if kind is Kind.BRACKET else ""


def matrix() -> Iterator[Cell]:
    """Every combination there is."""
    for chosen in combinations(Kind, TimeInForce, ProductType, PROFILES):
        yield cell(*chosen)


def check(kind: Kind, time_in_force: TimeInForce, product_type: ProductType, profile: str) -> None:
    """Refuse what the table refuses.

    Raises
    ------
    UsageError
        With the table's reason.
    """
    found = cell(kind, time_in_force, product_type, profile)
    if found.way is Way.REFUSED:
        raise UsageError(f"{kind.value} {time_in_force.name} of {product_type.value}: {found.why}")


@dataclass(frozen=True, slots=True)
class EditCell:
    """One thing of an order that waits, and whether an edit can change it."""

    kind: Kind
    time_in_force: TimeInForce
    term: str  # "size" or one of the prices
    why: str  # it cannot be edited; "" where it can


def why_not_edited(order_type: OrderType, time_in_force: TimeInForce, term: str) -> str:
    """Why an order's size or one of its prices cannot be edited; "" where it can."""
    return _edit_cell(_KINDS[order_type], time_in_force, term).why


def edits() -> Iterator[EditCell]:
    """Every combination of an order that there is and what an edit might change of it."""
    for kind, time_in_force, term in combinations(ORDER_TYPES, TimeInForce, TERMS):
        if time_in_force in _TIMES[kind]:
            yield _edit_cell(kind, time_in_force, term)


def _edit_cell(kind: Kind, time_in_force: TimeInForce, term: str) -> EditCell:
    why = ""
    if kind is Kind.MARKET:
        why = "a market order never waits: nothing of it can be edited"
    elif kind is Kind.STOP:
        why = "a stop is watched by us and not edited: cancel it, and place another"
    elif time_in_force is not TimeInForce.GTC:
        why = f"Coinbase edits GTC orders alone, and this one is {time_in_force.name}"
    elif term not in (SIZE, *PRICES[kind]):
        why = f"a {kind.value} order has no {term}"
    return EditCell(kind, time_in_force, term, why)


def table() -> str:
    """The table as help and documents show it; profiles do not differ, so they share a row."""
    times = tuple(time.name for time in TimeInForce)
    rows = [("type", "prices", *times, "edited, if GTC", "contracts")]
    rows.append(tuple("---" for _ in rows[0]))
    for kind in Kind:
        prices = " and ".join(PRICES[kind]) or "none"
        ways = (_said(cell(kind, time, ProductType.SPOT, "prod")) for time in TimeInForce)
        edited = [term for term in TERMS if not _edit_cell(kind, TimeInForce.GTC, term).why]
        contracts = (
            time.name
            for time in TimeInForce
            if cell(kind, time, ProductType.FUTURE, "prod").way is not Way.REFUSED
        )
        said = ", ".join(edited) or "no", ", ".join(contracts) or "no"
        rows.append((f"`{kind.value}`", prices, *ways, *said))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(found: Cell) -> str:
    if found.way is Way.REFUSED:
        return "no"
    said = "usual" if USUAL[found.kind] is found.time_in_force else "yes"
    return f"{said}, by us" if found.way is Way.ENGINE else said
