"""How a session stands: money against its limits, positions, prices, orders, for one page.

Made from the engine's state alone, so that a running session can write it down each second and a
stored one gives the same.
"""

from decimal import ROUND_CEILING, Context, Decimal

from gpt_trader.broker.orders import Order
from gpt_trader.domain.product import amount_of, plain
from gpt_trader.engine.documents import Document, order_document
from gpt_trader.engine.engine import Engine
from gpt_trader.engine.market import NS, Market

_RATE = Context(prec=9, rounding=ROUND_CEILING)  # a loss is never shown smaller than it is


def standing(engine: Engine) -> Document:
    """Everything of the page that follows from the record; amounts are texts in quote.

    What is not known is null: the equity while a held product has no mark, and every rate of it.
    """
    equity = engine.equity_units()
    return {
        "quote": engine.opened.products[0].quote,
        "strategy": engine.opened.strategy,
        "event_time_ns": engine.now_ns,
        "trading_state": engine.trading.everything.value,
        "feed_ready": engine.feed_ready,
        "books_agree": engine.books_agree,
        "cash": _money(engine.ledger.cash_units),
        "equity": None if equity is None else _money(equity),
        "realized_pnl": f"{engine.ledger.realized_pnl:f}",
        "fees": f"{engine.ledger.fees:f}",
        "guarded": _guarded(engine, equity),
        "positions": [
            _position(engine, market, equity)
            for name, market in engine.markets.items()
            if engine.ledger.position(name).lots
        ],
        "prices": [_price(engine, market) for market in engine.markets.values()],
        "open_orders": [_order(order, engine) for order in engine.orders.working()],
        "counts": dict(engine.counts),
    }


def _guarded(engine: Engine, equity: int | None) -> dict[str, Document]:
    """Each figure that a limit of the whole account stands against, and that limit."""
    limits, valuation = engine.limits, engine.valuation
    day_start, peak = valuation.equity_day_start, valuation.equity_peak
    day_pnl = None if equity is None or day_start <= 0 else equity - day_start
    drawdown = None if equity is None or peak <= 0 else peak - equity
    exposure = _exposure(engine)
    loss = None if day_pnl is None else max(0, -day_pnl)
    loss_rate_max = limits.daily_loss_rate_max
    if day_start > 0 and limits.bounds_daily_loss:  # told as a share too, whichever binds
        loss_rate_max = _RATE.divide(limits.daily_loss_units(day_start), Decimal(day_start))
    return {
        "day_loss": _against(loss, day_start, loss_rate_max)
        | {"day_pnl": None if day_pnl is None else _money(day_pnl)},
        "drawdown": _against(drawdown, peak, limits.drawdown_rate_max),
        "exposure": _against(exposure, equity or 0, limits.exposure_rate_max),
    }


def _against(units: int | None, whole: int, limit: Decimal) -> Document:
    known = units is not None and whole > 0
    rate = _RATE.divide(Decimal(units or 0), Decimal(whole)) if known else None
    return {
        "amount": None if units is None else _money(units),
        "rate": None if rate is None else f"{plain(rate):f}",
        "rate_max": f"{limit:f}",
    }


def _exposure(engine: Engine) -> int | None:
    """Cash units of all positions at their marks; None while one has none."""
    total = 0
    for name, market in engine.markets.items():
        lots = engine.ledger.position(name).lots
        if lots and market.mark_ticks <= 0:
            return None
        total += market.product.notional_paid(market.mark_ticks, abs(lots))
    return total


def _position(engine: Engine, market: Market, equity: int | None) -> Document:
    product, position = market.product, engine.ledger.position(market.product.product_id)
    ticks = market.mark_ticks
    value = product.notional_received(ticks, abs(position.lots)) if ticks > 0 else None
    gained = engine.ledger.unrealized_units(product, ticks) if ticks > 0 else None
    whole = Decimal(equity) if equity else None
    rate = None if value is None or whole is None else _RATE.divide(Decimal(value), whole)
    return {
        "product_id": product.product_id,
        "size": f"{plain(product.size(position.lots)):f}",
        "cost": _money(position.cost_units),
        "value": None if value is None else _money(value),
        "unrealized_pnl": None if gained is None else _money(gained),
        "rate": None if rate is None else f"{plain(rate):f}",
        "rate_max": f"{engine.limits.position_rate_max:f}",
    }


def _price(engine: Engine, market: Market) -> Document:
    product, known = market.product, market.mark_ticks > 0
    age_s = (engine.now_ns - market.mark_ns) / NS
    return {
        "product_id": product.product_id,
        "mark_price": f"{plain(product.price(market.mark_ticks)):f}" if known else None,
        "age_s": round(age_s, 3) if known else None,
        "age_s_max": float(engine.limits.mark_age_s_max),
    }


def _order(order: Order, engine: Engine) -> Document:
    age_s = (engine.now_ns - order.intended_ns) / NS
    shown = order_document(order, engine.products[order.product_id])
    return {**shown, "age_s": round(age_s, 3)}


def _money(cash_units: int) -> str:
    return f"{amount_of(cash_units):f}"
