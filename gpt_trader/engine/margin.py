"""What an order of contracts would lead to: margin, notional and size at the worse of both ends.

All that works on one side may fill and nothing of the other, so each product counts at the larger
of its two ends. Orders that only reduce lead to no end further out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import Side
from gpt_trader.domain.product import Contract, Product, cash_units_owed
from gpt_trader.engine.market import Market
from gpt_trader.portfolio.books import Books
from gpt_trader.risk.margin import MarginFacts


@dataclass(frozen=True, slots=True)
class _End:
    """The worse of what a product's position may become; money in cash units, -1 is not known."""

    lots: int
    notional: int
    margin: int
    fees: int


def terms(product: Product) -> Contract:
    """What makes a product a contract."""
    assert product.contract is not None, product.product_id
    return product.contract


def fee_units(product: Product, lots: int) -> int:
    """What it costs to take so many contracts: a fixed sum each."""
    return cash_units_owed(terms(product).taker_fee * product.size(lots))


def reducible_lots(draft: Draft, position_lots: int, own: Iterable[Order]) -> int:
    """What is held on the other side and not offered by orders that work."""
    held = max(0, -draft.side.sign * position_lots)
    return held - sum(order.open_lots for order in own if order.side is draft.side)


def margin_facts(
    draft: Draft,
    markets: Iterable[Market],
    ledger: Books,
    working: tuple[Order, ...],
    equity: int | None,
) -> MarginFacts:
    """Gather what the rules of contracts must know of one order."""
    ends: dict[str, _End] = {}
    lots = reducible = loss = 0
    for market in markets:
        product = market.product
        own = tuple(order for order in working if order.product_id == product.product_id)
        position = ledger.position(product.product_id).lots
        is_its = product.product_id == draft.product_id
        ends[product.product_id] = _end(market, position, own, draft if is_its else None)
        if is_its:
            lots, loss = product.lots(draft.base_size), _loss(draft, market)
            reducible = reducible_lots(draft, position, own)
    known = equity is not None and loss >= 0
    sums = [(end.notional, end.margin) for end in ends.values()]
    return MarginFacts(
        reduce_only=draft.reduce_only,
        lots=lots,
        reducible_lots=reducible,
        lots_after=ends[draft.product_id].lots,
        notional_after=_sum(notional for notional, _ in sums),
        margin_after=_sum(margin for _, margin in sums),
        fees=sum(end.fees for end in ends.values()),
        equity=equity - loss if known and equity is not None else 0,
    )


def notional_of_others(
    draft: Draft, markets: Iterable[Market], ledger: Books, working: tuple[Order, ...]
) -> int:
    """Cash units of every other contract at the larger of its ends; -1 is not known."""
    others = [m for m in markets if m.product.product_id != draft.product_id]
    return _sum(end.notional for end in _ends(others, ledger, working))


def margin_needed(markets: Iterable[Market], ledger: Books, working: tuple[Order, ...]) -> int:
    """Cash units that positions and orders need, fees included; -1 is not known."""
    ends = _ends(markets, ledger, working)
    needed = _sum(end.margin for end in ends)
    return needed if needed < 0 else needed + sum(end.fees for end in ends)


def _ends(markets: Iterable[Market], ledger: Books, working: tuple[Order, ...]) -> list[_End]:
    ends = []
    for market in markets:
        own = tuple(o for o in working if o.product_id == market.product.product_id)
        position = ledger.position(market.product.product_id).lots
        ends.append(_end(market, position, own, None))
    return ends


def _end(market: Market, position: int, own: tuple[Order, ...], draft: Draft | None) -> _End:
    product, contract = market.product, terms(market.product)
    entries = [order for order in own if not order.reduce_only]
    exits = {
        side: sum(o.open_lots for o in own if o.reduce_only and o.side is side) for side in Side
    }
    buys = sum(order.open_lots for order in entries if order.side is Side.BUY)
    sells = sum(order.open_lots for order in entries if order.side is Side.SELL)
    fees = fee_units(product, sum(order.open_lots for order in own))
    # A sale above the market fills only once the market is there.
    dearest = [max(o.highest_stop_ticks, _sale_ticks(o.side, o.limit_ticks)) for o in entries]
    if draft is not None:
        lots = product.lots(draft.base_size)
        fees += fee_units(product, lots)
        if draft.reduce_only:
            exits[draft.side] += lots
        else:
            buys += lots if draft.side is Side.BUY else 0
            sells += lots if draft.side is Side.SELL else 0
            prices = [draft.stop_price, draft.limit_price if draft.side is Side.SELL else None]
            dearest += [product.ticks(price) for price in prices if price is not None]
    # Exits may fill before the entries of their side: then all of these open the other way.
    lowest = position - min(exits[Side.SELL], max(0, position))
    highest = position + min(exits[Side.BUY], max(0, -position))
    long, short = max(0, highest + buys), max(0, sells - lowest)
    if not long and not short:
        return _End(0, 0, 0, fees)
    if market.mark_ticks <= 0:
        return _End(max(long, short), -1, -1, fees)
    # An order that waits for a trigger meets the market there: it counts at the dearer price.
    ticks = max(market.mark_ticks, *dearest, 0)
    margin = max(
        _share(product.notional_paid(ticks, long), contract.long_margin_rate),
        _share(product.notional_paid(ticks, short), contract.short_margin_rate),
    )
    return _End(max(long, short), product.notional_paid(ticks, max(long, short)), margin, fees)


def _sale_ticks(side: Side, limit_ticks: int) -> int:
    return limit_ticks if side is Side.SELL else 0


def _loss(draft: Draft, market: Market) -> int:
    """Cash units that it loses against the mark as it fills at its own price; -1 is not known."""
    product, sign = market.product, draft.side.sign
    touch = market.ask_ticks if sign > 0 else market.bid_ticks
    waits = draft.stop_price is not None
    ticks = touch if draft.limit_price is None else product.ticks(draft.limit_price)
    if waits:
        return 0  # its notional counts at the trigger, whose market nobody knows
    if ticks <= 0 or market.mark_ticks <= 0:
        return -1
    worse = max(0, (ticks - market.mark_ticks) * sign)
    return product.notional_paid(worse, product.lots(draft.base_size))


def _share(units: int, rate: Decimal) -> int:
    return int((units * rate).to_integral_value(ROUND_CEILING))


def _sum(amounts: Iterable[int]) -> int:
    """The sum, or -1 if one of them is not known."""
    every = tuple(amounts)
    return -1 if any(amount < 0 for amount in every) else sum(every)
