"""What an order would do if it were sent now: cost, fee, slippage, position and every verdict.

The verdicts are those that would decide: the same gates over the same facts. Nothing is changed.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from gpt_trader.broker.wish import Means
from gpt_trader.domain.book import Book
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import OrderType, Side, Verdict
from gpt_trader.domain.product import Product, amount_of, plain, underlying_size
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.stops import refusal

BPS = 10_000
SUPERVISED = (
    "our engine watches the trigger: it works only while a session by hand runs, nothing rests at "
    "Coinbase, and what it sells or buys at then is the market's price"
)
FAR_BPS = 1_000
"""A limit price that much better than the mark is worth a word: it will hardly fill."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason for which Coinbase will probably refuse the order, in its own name."""

    name: str
    sentence: str
    gap_bps: Decimal | None


@dataclass(frozen=True, slots=True)
class Walk:
    """What of an order the book would fill at once."""

    base_size: Decimal
    average_price: Decimal | None  # None: nothing, or no book
    slippage_bps: Decimal | None  # against the mid, positive is worse


@dataclass(frozen=True, slots=True)
class Preview:
    """An order, and what would come of it."""

    draft: Draft
    price: Decimal | None  # that notional and fee are counted at; None: not known
    notional: Decimal | None
    fee_rate: Decimal
    fee: Decimal | None
    walk: Walk
    position: Decimal  # base, before
    position_after: Decimal  # if all of it fills
    verdicts: tuple[Verdict, ...]
    denials: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]


def means_of(engine: Engine, product_id: str) -> Means:
    """What an order of this product can use now."""
    market = engine.markets[product_id]
    return Means(
        position_lots=engine.ledger.position(product_id).lots,
        buying_lots=engine.orders.offered_lots(product_id, Side.BUY),
        selling_lots=engine.orders.offered_lots(product_id, Side.SELL),
        cash_free=engine.cash_free(),
        taker_fee_rate=engine.opened.taker_fee_rate,
        bid_ticks=market.bid_ticks,
        ask_ticks=market.ask_ticks,
        mark_ticks=market.mark_ticks,
    )


def preview_of(engine: Engine, draft: Draft, book: Book | None, instead_of: str = "") -> Preview:
    """Say what would come of an order; `book` is None where the exchange gave none.

    `instead_of` is the working order whose place it takes, in an edit.
    """
    product = engine.products[draft.product_id]
    verdicts, denials = engine.verdicts(draft, instead_of)
    passed = refusal(draft, engine.markets[draft.product_id])
    lots, held = product.lots(draft.base_size), engine.ledger.position(draft.product_id).lots
    walk = _walk(draft, product, book)
    is_stop = draft.order_type is OrderType.STOP
    own_price = draft.stop_price if is_stop else draft.limit_price
    price = own_price or walk.average_price or _touch(engine, draft)
    takes = draft.order_type is not OrderType.LIMIT or not draft.may_rest or bool(walk.base_size)
    rate = engine.opened.taker_fee_rate if takes else engine.opened.maker_fee_rate
    notional = None if price is None else price * underlying_size(product, draft.base_size)
    fee = None if notional is None else _cents(notional * rate)
    return Preview(
        draft=draft,
        price=price,
        notional=notional,
        fee_rate=rate,
        fee=fee if product.contract is None else product.contract.taker_fee * draft.base_size,
        walk=walk,
        position=product.size(held),
        position_after=product.size(held + draft.side.sign * lots),
        verdicts=verdicts,
        denials=(*denials, *([passed] if passed else [])),
        refusals=tuple(_refusals(engine, draft, bool(walk.base_size))),
        warnings=tuple(_warnings(engine, draft, walk, book)),
    )


def _cents(amount: Decimal) -> Decimal:
    """A cost in cash units, up: it is never shown too small."""
    units = int(amount.scaleb(8).to_integral_value(ROUND_CEILING))
    return amount_of(units)


def _touch(engine: Engine, draft: Draft) -> Decimal | None:
    market = engine.markets[draft.product_id]
    ticks = market.ask_ticks if draft.side is Side.BUY else market.bid_ticks
    return market.product.price(ticks) if ticks > 0 else None


def _walk(draft: Draft, product: Product, book: Book | None) -> Walk:
    """Take from the far side of the book as far as the order's own price lets it."""
    nothing = Walk(Decimal(0), None, None)
    waits = draft.order_type in (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.BRACKET)
    if book is None or waits or not book.bids or not book.asks:
        return nothing
    levels = book.asks if draft.side is Side.BUY else book.bids
    left, paid = draft.base_size, Decimal(0)
    for level in levels:
        worse = (level.price - draft.limit_price) * draft.side.sign if draft.limit_price else 0
        if left <= 0 or worse > 0:
            break
        taken = min(left, level.base_size)
        left, paid = left - taken, paid + taken * level.price
    filled = draft.base_size - left
    if not filled:
        return nothing
    mid = (book.bids[0].price + book.asks[0].price) / 2
    average = paid / filled
    slippage = (average - mid) * draft.side.sign / mid * BPS
    places = product.price_increment / 100
    return Walk(plain(filled), plain(average.quantize(places)), _bps(slippage))


def _bps(value: Decimal) -> Decimal:
    return plain(value.quantize(Decimal("0.01")))


def _refusals(engine: Engine, draft: Draft, crosses: bool) -> list[Refusal]:
    """What Advanced Trade's lists of failure reasons have a name for.

    Which of STOP_PRICE_ABOVE and STOP_PRICE_BELOW_LIMIT_PRICE is for which side is not documented;
    the names are taken literally.
    """
    found = []
    last = engine.markets[draft.product_id].mark_ticks
    mark = engine.products[draft.product_id].price(last)
    buys = draft.side is Side.BUY
    if draft.order_type is OrderType.STOP_LIMIT:
        found += _stop_refusals(draft, mark)
    if draft.order_type is OrderType.BRACKET and last > 0:
        assert draft.limit_price is not None and draft.stop_price is not None, draft
        outer = (draft.stop_price, draft.limit_price)
        low, high = outer[::-1] if buys else outer
        if not low < mark < high:
            said = (
                f"the market at {mark:f} must lie between stop {outer[0]:f} and limit {outer[1]:f}"
            )
            found.append(Refusal("INVALID_BRACKET_PRICES", said, None))
    if draft.post_only and crosses:
        said = f"a post-only {draft.side.lower()} at {draft.limit_price:f} would take from the book"
        found.append(Refusal("INVALID_LIMIT_PRICE_POST_ONLY", said, None))
    return found


def _stop_refusals(draft: Draft, mark: Decimal) -> list[Refusal]:
    found, limit, stop = [], draft.limit_price, draft.stop_price
    assert limit is not None and stop is not None, draft
    way = draft.side.sign
    if (stop - limit) * way > 0:
        gap = _bps(abs(limit - stop) / stop * BPS)
        buys = draft.side is Side.BUY
        name = f"PREVIEW_STOP_PRICE_{'ABOVE' if buys else 'BELOW'}_LIMIT_PRICE"
        where, moving = ("below", "rising") if buys else ("above", "falling")
        said = (
            f"the limit {limit:f} lies {gap:f} bps {where} the trigger {stop:f}: in a {moving} "
            "market this order may not fill"
        )
        found.append(Refusal(name, said, gap))
    if mark > 0 and (mark - stop) * way > 0:
        name = f"PREVIEW_STOP_PRICE_{'BELOW' if way > 0 else 'ABOVE'}_LAST_TRADE_PRICE"
        said = f"the trigger {stop:f} is already passed: the market is at {mark:f}"
        found.append(Refusal(name, said, _bps(abs(mark - stop) / stop * BPS)))
    return found


def _warnings(engine: Engine, draft: Draft, walk: Walk, book: Book | None) -> list[str]:
    found = [SUPERVISED] if draft.order_type is OrderType.STOP else []
    takes = draft.order_type is OrderType.MARKET or not draft.may_rest
    if book is None:
        found.append("the book is not known: slippage cannot be told")
    elif takes and walk.base_size < draft.base_size:
        left = draft.base_size - walk.base_size
        found.append(f"{left:f} of {draft.base_size:f} would not fill from the book as it is")
    mark_ticks = engine.markets[draft.product_id].mark_ticks
    if mark_ticks > 0 and draft.order_type is OrderType.LIMIT and draft.limit_price is not None:
        mark = engine.products[draft.product_id].price(mark_ticks)
        better = (mark - draft.limit_price) * draft.side.sign / mark * BPS
        if better > FAR_BPS:
            found.append(f"the limit is {_bps(better):f} bps from the market: it may never fill")
    return found
