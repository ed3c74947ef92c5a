"""What risk must know of one draft, gathered from the engine's state as whole numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.events import Draft
from gpt_trader.domain.order import OrderType, Side, TradingState
from gpt_trader.domain.product import Product
from gpt_trader.engine.margin import margin_facts, margin_needed, notional_of_others
from gpt_trader.engine.market import Market
from gpt_trader.portfolio.books import Books
from gpt_trader.portfolio.valuation import Valuation
from gpt_trader.risk.margin import MarginFacts
from gpt_trader.risk.verdicts import Facts


@dataclass(frozen=True, slots=True)
class Exposures:
    """The state around one product: what else is held, working, spent and allowed."""

    markets: Mapping[str, Market]
    working: tuple[Order, ...]
    product_id: str
    equity: int | None  # cash units; None is not known
    valuation: Valuation
    orders_last_minute: int
    trading_state: TradingState
    feed_ready: bool
    books_agree: bool
    now_ns: int
    taker_fee_rate: Decimal


def facts_of(draft: Draft, market: Market, ledger: Books, around: Exposures) -> Facts:
    """Gather the facts. What is not known becomes a value that no gate decides on."""
    product = market.product
    own = [o for o in around.working if o.product_id == product.product_id]
    numerator, denominator = market.tick_lot
    # A stop trades at the market's price: it is judged as if its trigger were its limit.
    is_stop, trigger = draft.order_type is OrderType.STOP, _trigger_ticks(draft, product)
    limit = draft.stop_price if is_stop else draft.limit_price
    lots, dearer = product.lots(draft.base_size), sum(_dearer_units(o, market) for o in own)
    if draft.side is Side.BUY and trigger is not None:
        dearest = trigger if limit is None else max(trigger, product.ticks(limit))
        dearer += _above_mark(dearest, lots, market)
    if draft.side is Side.SELL and product.contract and limit and not draft.reduce_only:
        dearer += _above_mark(product.ticks(limit), lots, market)
    return Facts(
        side=draft.side,
        lots=lots,
        limit_ticks=None if limit is None else product.ticks(limit),
        trigger_ticks=trigger,
        position_lots=ledger.position(product.product_id).lots,
        working_buy_lots=sum(o.open_lots for o in own if o.side is Side.BUY),
        working_sell_lots=sum(o.open_lots for o in own if o.side is Side.SELL),
        dearer_units=dearer,
        base=product.base,
        quote=product.quote,
        base_increment=product.base_increment,
        base_min_lots=max(1, product.lots(product.round_size(product.base_min_size))),
        base_max_lots=product.lots(product.round_size(product.base_max_size)),
        num=numerator,
        den=denominator,
        mark_ticks=market.mark_ticks,
        mark_age_ns=-1 if market.quote_is_odd else around.now_ns - market.mark_ns,
        bid_ticks=market.bid_ticks,
        ask_ticks=market.ask_ticks,
        last_ticks=market.last_ticks,
        cash_free=ledger.cash_units - reserved_cash(around),
        taker_fee_rate=around.taker_fee_rate,
        equity=around.equity or 0,
        equity_day_start=around.valuation.equity_day_start,
        equity_peak=around.valuation.equity_peak,
        exposure_others=_exposure_of_others(ledger, around)
        if product.contract is None
        else notional_of_others(draft, around.markets.values(), ledger, around.working),
        orders_last_minute=around.orders_last_minute,
        trading_state=around.trading_state,
        feed_ready=around.feed_ready,
        books_agree=around.books_agree,
        margin=None if product.contract is None else _margin(draft, ledger, around),
    )


def _margin(draft: Draft, ledger: Books, around: Exposures) -> MarginFacts:
    return margin_facts(
        draft, around.markets.values(), ledger, working=around.working, equity=around.equity
    )


def _trigger_ticks(draft: Draft, product: Product) -> int | None:
    """Where a stop begins to work; a bracket's limit is a price of today's market."""
    if draft.order_type not in (OrderType.STOP, OrderType.STOP_LIMIT):
        return None
    assert draft.stop_price is not None, draft
    return product.ticks(draft.stop_price)


def _dearer_units(order: Order, market: Market) -> int:
    """Cash units by which an order costs more than at the mark, where it will meet its market.

    A buy that waits for its trigger; and a sale of contracts that may open a short position.
    """
    if order.side is Side.SELL and market.product.contract and not order.reduce_only:
        return _above_mark(order.limit_ticks, order.open_lots, market)
    if order.side is Side.SELL or not order.stop_ticks:
        return 0
    dearest = max(order.highest_stop_ticks, order.dearest_ticks)
    return _above_mark(dearest, order.open_lots, market)


def _above_mark(ticks: int, lots: int, market: Market) -> int:
    return market.product.notional_paid(max(0, ticks - market.mark_ticks), lots)


def cash_free(product: Product, ledger: Books, around: Exposures) -> int:
    """Cash units that no working buy may still spend; of contracts, what no margin needs."""
    if product.contract is None:
        return ledger.cash_units - reserved_cash(around)
    needed = margin_needed(around.markets.values(), ledger, around.working)
    return 0 if around.equity is None or needed < 0 else max(0, around.equity - needed)


def reserved_cash(around: Exposures) -> int:
    """Cash units that working buys may still spend, fees at the taker's rate included."""
    total = 0
    for order in around.working:
        if order.side is Side.BUY:
            market = around.markets[order.product_id]
            paid = market.product.notional_paid(
                order.dearest_ticks or max(order.stop_ticks, market.ask_ticks), order.open_lots
            )
            fee = (paid * around.taker_fee_rate).to_integral_value(ROUND_CEILING)
            total += paid + int(fee)
    return total


def _exposure_of_others(ledger: Books, around: Exposures) -> int:
    """Cash units of every other product if all its working buys fill; -1 unknown.

    At the marks, and what waits for a trigger at the price it will meet there.
    """
    total = 0
    for product_id, market in around.markets.items():
        if product_id == around.product_id:
            continue
        own = [o for o in around.working if o.product_id == product_id and o.side is Side.BUY]
        lots = ledger.position(product_id).lots + sum(o.open_lots for o in own)
        if lots and market.mark_ticks <= 0:
            return -1
        total += market.product.notional_paid(market.mark_ticks, lots)
        total += sum(_dearer_units(order, market) for order in own)
    return total
