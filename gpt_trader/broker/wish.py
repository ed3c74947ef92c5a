"""An order as a person asks for it, read and checked, and the draft it becomes.

What is typed is checked before anything is started; what needs the product, the books or the
market is checked by the session that would place it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction

from gpt_trader.broker.capabilities import ORDER_TYPES, PRICES, WAITING, Kind, ProductType
from gpt_trader.broker.derivatives import product_type_of
from gpt_trader.domain.errors import TraderError, UsageError
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import Side, TimeInForce
from gpt_trader.domain.product import Product, cash_units_held, cash_units_owed
from gpt_trader.kernels.money import RATE_DEN

DIGITS_MAX = 18  # on each side of the point, as Coinbase's own numbers at most have
ALL_DIGITS_MAX = 24  # of both together: the division by an increment stays exact
ENDS_NS = 253_402_300_800 * 1_000_000_000  # the end of the year 9999: no later time can be written
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_AMOUNT = re.compile(r"\s*([0-9.,_eE+-]+)\s*(%|[A-Za-z0-9]+)?\s*")


class Unit(StrEnum):
    """What the number of an order's size counts."""

    BASE = "base"
    QUOTE = "quote"
    PERCENT = "percent"  # of the free cash of a buy, of the position of a sale


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of an order, as it was typed."""

    number: Decimal
    unit: Unit


@dataclass(frozen=True, slots=True)
class Wish:
    """One order as a person asks for it."""

    product_id: str
    side: Side
    kind: Kind
    time_in_force: TimeInForce
    amount: Amount
    limit_price: Decimal | None
    stop_price: Decimal | None
    end_ns: int | None  # the exchange's clock: when a GTD order ends
    for_ns: int | None  # or how long after it is made
    post_only: bool
    reduce_only: bool
    asked: str  # the person's own name for it


@dataclass(frozen=True, slots=True)
class Means:
    """What an order can use: of one product and of the session's cash, in counts."""

    position_lots: int  # of contracts signed
    buying_lots: int  # asked for by working buys already
    selling_lots: int  # offered by working sales already
    cash_free: int  # cash units, without what working buys hold
    taker_fee_rate: Decimal
    bid_ticks: int  # 0: not known, as the next two
    ask_ticks: int
    mark_ticks: int

    def held_lots(self, side: Side) -> int:
        """What an order of this side could reduce, if no other did."""
        return max(0, -side.sign * self.position_lots)

    def reducible_lots(self, side: Side) -> int:
        """The same without what working orders of that side take already."""
        working = self.buying_lots if side is Side.BUY else self.selling_lots
        return self.held_lots(side) - working


def parse_amount(text: str, product_id: str) -> Amount:
    """Read `0.01`, `0.01 BTC`, `500 USD` or `25%`.

    Raises
    ------
    UsageError
        It is none of these, or of another currency than the product's.

    Examples
    --------
    >>> parse_amount("500 USD", "BTC-USD")
    Amount(number=Decimal('500'), unit=<Unit.QUOTE: 'quote'>)
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise UsageError(f"size {text[:40]!r}: write 0.01, 0.01 BTC, 500 USD or 25%")
    number, unit = parse_number(found[1], "size"), (found[2] or "").upper()
    base, _, quote = product_id.partition("-")
    is_contract = product_type_of(product_id) is ProductType.FUTURE
    if unit == "%":
        if number > 100:
            raise UsageError(f"size {text[:40]!r}: at most 100%")
        return Amount(number, Unit.PERCENT)
    if unit in ("", base):
        return Amount(number, Unit.BASE)
    if is_contract:
        raise UsageError(f"size {text[:40]!r}: {product_id} is counted in contracts, 2 or 2 {base}")
    if unit == quote:
        return Amount(number, Unit.QUOTE)
    raise UsageError(f"size {text[:40]!r}: {product_id} is counted in {base}, in {quote} or in %")


def parse_number(text: str, what: str) -> Decimal:
    """Read a number above zero, written plainly.

    Raises
    ------
    UsageError
        It is no number, not above zero, or has more digits than any price or size.
    """
    try:
        number = Decimal(text)
    except InvalidOperation as e:
        raise UsageError(f"{what} {text[:40]!r} is no number: write it like 0.01") from e
    if not number.is_finite() or number <= 0 or "e" in text.lower() or "_" in text:
        raise UsageError(f"{what} {text[:40]!r}: write a number above zero, like 0.01")
    whole, _, part = text.partition(".")
    if max(len(whole), len(part)) > DIGITS_MAX or len(whole) + len(part) > ALL_DIGITS_MAX:
        raise UsageError(f"{what} {text[:40]!r} has more digits than any price or size")
    return number


def check_name(text: str) -> None:
    """Refuse what cannot be a person's own name for an order.

    Raises
    ------
    UsageError
        It is empty, too long, or has other signs than letters, digits, points and lines.
    """
    if _NAME.fullmatch(text) is None:
        raise UsageError(f"client id {text[:40]!r}: letters, digits, . _ -, at most 64")


def check_wish(wish: Wish) -> None:
    """Refuse what contradicts itself, before anything is started.

    Raises
    ------
    UsageError
        A name is none, a price is missing or too many, or a condition does not go with the type.
    """
    if _NAME.fullmatch(wish.product_id) is None:
        raise UsageError(f"product {wish.product_id[:40]!r}: write it like BTC-USD")
    if wish.asked:
        check_name(wish.asked)
    given = {"limit price": wish.limit_price, "stop price": wish.stop_price}
    for name, price in given.items():
        if price is None and name in PRICES[wish.kind]:
            raise UsageError(f"a {wish.kind.value} order needs a {name}")
        if price is not None and name not in PRICES[wish.kind]:
            raise UsageError(f"a {wish.kind.value} order has no {name}")
    ends = sum(given is not None for given in (wish.end_ns, wish.for_ns))
    if ends != (wish.time_in_force is TimeInForce.GTD):
        raise UsageError("--until or --for go with --tif GTD, and GTD with one of them")
    if wish.post_only and (wish.kind is not Kind.LIMIT or wish.time_in_force not in WAITING):
        raise UsageError("--post-only is for limit orders that wait: GTC or GTD")
    if wish.kind is Kind.BRACKET and not wish.reduce_only:
        raise UsageError("a bracket is the exit of a position: say --reduce-only")


def as_mapping(wish: Wish) -> dict[str, str]:
    """The wish as text, as a request file keeps it; equal wishes have equal texts."""
    given = {
        "product_id": wish.product_id,
        "side": wish.side.value,
        "kind": wish.kind.value,
        "time_in_force": wish.time_in_force.name,
        "number": f"{wish.amount.number:f}",
        "unit": wish.amount.unit.value,
        "limit_price": "" if wish.limit_price is None else f"{wish.limit_price:f}",
        "stop_price": "" if wish.stop_price is None else f"{wish.stop_price:f}",
        "end_ns": "" if wish.end_ns is None else str(wish.end_ns),
        "for_ns": "" if wish.for_ns is None else str(wish.for_ns),
        "post_only": "yes" if wish.post_only else "",
        "reduce_only": "yes" if wish.reduce_only else "",
        "asked": wish.asked,
    }
    return {name: text for name, text in given.items() if text}


def from_mapping(given: Mapping[str, str]) -> Wish:
    """The wish that `as_mapping` wrote; a file may have been changed since, so it is checked.

    Raises
    ------
    UsageError
        It does not read.
    """
    try:
        wish = Wish(
            product_id=given["product_id"],
            side=Side(given["side"]),
            kind=Kind(given["kind"]),
            time_in_force=TimeInForce[given["time_in_force"]],
            amount=Amount(parse_number(given["number"], "size"), Unit(given["unit"])),
            limit_price=_price_in(given, "limit_price"),
            stop_price=_price_in(given, "stop_price"),
            end_ns=int(given["end_ns"]) if "end_ns" in given else None,
            for_ns=int(given["for_ns"]) if "for_ns" in given else None,
            post_only=given.get("post_only") == "yes",
            reduce_only=given.get("reduce_only") == "yes",
            asked=given.get("asked", ""),
        )
    except (KeyError, ValueError) as e:
        raise UsageError(f"the request does not read as an order: {e}") from e
    check_wish(wish)
    return wish


def _price_in(given: Mapping[str, str], name: str) -> Decimal | None:
    return parse_number(given[name], name) if name in given else None


def draft_of(wish: Wish, product: Product, means: Means, now_ns: int) -> Draft:
    """The order that the wish becomes: sizes and prices whole increments, never dearer or larger.

    Raises
    ------
    UsageError
        A price or size comes to nothing, or to less than the product's least.
    TraderError
        It shall reduce what is not held, or its size hangs on a price that is not known.
    """
    limit = _rounded(wish.limit_price, product, wish.side, "limit price")
    stop = _rounded(wish.stop_price, product, wish.side, "stop price")
    ticks = _price_ticks(wish, product, means, limit or stop)
    lots = _lots(wish, product, means, ticks)
    if wish.reduce_only:
        lots = _clamped(lots, wish, product, means)
    _check_least(product, lots, ticks)
    reduces = lots <= means.reducible_lots(wish.side)
    ends_ns = wish.end_ns if wish.for_ns is None else now_ns + wish.for_ns
    if ends_ns is not None and ends_ns <= now_ns:
        raise UsageError("the order would end before it begins: --until lies in the past")
    if ends_ns is not None and ends_ns >= ENDS_NS:
        raise UsageError("the order would end after the year 9999: no time is written like that")
    return Draft(
        product_id=product.product_id,
        side=wish.side,
        order_type=ORDER_TYPES[wish.kind],
        time_in_force=wish.time_in_force,
        base_size=product.size(lots),
        limit_price=limit,
        stop_price=stop,
        end_ns=ends_ns,
        post_only=wish.post_only,
        reduces=reduces,
        target=product.size(means.position_lots + wish.side.sign * lots),
        mark_price=product.price(means.mark_ticks),
        why="by hand",
        asked=wish.asked,
        reduce_only=reduces and product.contract is not None,
    )


def _rounded(price: Decimal | None, product: Product, side: Side, what: str) -> Decimal | None:
    if price is None:
        return None
    rounded = product.round_price(price, side)
    if rounded <= 0:
        raise UsageError(
            f"{what} {price:f} comes to nothing: {product.product_id} has steps of "
            f"{product.price_increment:f}"
        )
    return rounded


def _price_ticks(wish: Wish, product: Product, means: Means, price: Decimal | None) -> int:
    """Its own price, or the far side of the book for one without; 0 is not known."""
    if price is not None:
        return product.ticks(price)
    far_ticks = means.ask_ticks if wish.side is Side.BUY else means.bid_ticks
    return far_ticks or means.mark_ticks


def _check_least(product: Product, lots: int, ticks: int) -> None:
    """Refuse an order below the product's least base or quote size."""
    size = product.size(lots)
    if lots < 1 or size < product.base_min_size:
        raise UsageError(
            f"size comes to {size:f} {product.base}, below the least of "
            f"{product.base_min_size:f} {product.base}"
        )
    least = cash_units_owed(product.quote_min_size)
    if ticks > 0 and product.notional_paid(ticks, lots) < least:
        raise UsageError(
            f"{size:f} {product.base} is worth less than the least order of "
            f"{product.quote_min_size:f} {product.quote}"
        )


def _lots(wish: Wish, product: Product, means: Means, ticks: int) -> int:
    """The size in lots, toward zero."""
    amount = wish.amount
    if amount.unit is Unit.BASE:
        return product.lots(product.round_size(amount.number))
    held = means.held_lots(wish.side)
    if amount.unit is Unit.PERCENT and (wish.side is Side.SELL or held):
        return _share(held, amount.number)
    if product.contract is not None:
        raise UsageError(
            f"{product.product_id} is sized in whole contracts: write 2, or 50% of a position"
        )
    if ticks <= 0:
        raise TraderError(f"no price of {product.product_id} is known: give the size in base")
    if amount.unit is Unit.QUOTE:
        return _affordable(cash_units_held(amount.number), product, ticks, Decimal(0))
    cash_units = _share(max(0, means.cash_free), amount.number)
    return _affordable(cash_units, product, ticks, means.taker_fee_rate)


def _share(count: int, percent: Decimal) -> int:
    """A hundredth of `count` times `percent`, down, without a rounding on the way."""
    return int(Fraction(percent) * count / 100)


def _affordable(cash_units: int, product: Product, ticks: int, fee_rate: Decimal) -> int:
    """The most lots whose notional and fee are within `cash_units`."""
    numerator, denominator = product.cash_units_per_tick_lot()
    rate = int((fee_rate * RATE_DEN).to_integral_value(ROUND_CEILING))
    lots = cash_units * denominator * RATE_DEN // (ticks * numerator * (RATE_DEN + rate))
    while lots and product.notional_paid(ticks, lots) * (RATE_DEN + rate) > cash_units * RATE_DEN:
        lots -= 1
    return lots


def _clamped(lots: int, wish: Wish, product: Product, means: Means) -> int:
    """No more than is held and not offered already."""
    free = means.reducible_lots(wish.side)
    if free <= 0:
        held = product.size(means.position_lots)
        working = product.size(means.held_lots(wish.side) - free)
        raise TraderError(
            f"reduce-only: of {product.product_id} the session holds {held:f} {product.base} and "
            f"offers {working:f}: a {wish.side.lower()} can reduce nothing"
        )
    return min(lots, free)
