"""The account as one document: every figure with its source and its age, and unknown as unknown.

Made from the engine's books, and from what the exchange was asked just now; without the exchange
the books alone speak, and what only the exchange knows is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gpt_trader.domain.product import amount_of, plain, underlying_size
from gpt_trader.engine.engine import Engine
from gpt_trader.portfolio.ledger import Position

BOOKS = "our books"
EXCHANGE = "the exchange"
MARKS = "our books at the marks"
Value = object
Field = dict[str, object]


@dataclass(frozen=True, slots=True)
class Wallet:
    """One currency of the account."""

    available: Decimal
    hold: Decimal


@dataclass(frozen=True, slots=True)
class Reads:
    """What the exchange said of the account, in one round of questions."""

    wallets: Mapping[str, Wallet]
    open_orders: tuple[str, ...]  # client order ids of the account's working orders, anybody's
    tier: str
    maker_fee_rate: Decimal
    taker_fee_rate: Decimal
    permissions: Mapping[str, bool]
    skew_ns: int  # the exchange's clock minus the machine's
    age_s: float
    futures: Mapping[str, object] | None = None  # the futures wallet of a session of contracts


def account_document(engine: Engine, reads: Reads | None, age_s: float) -> dict[str, object]:
    """Everything a person asks of an account.

    Parameters
    ----------
    reads : Reads or None
        None where the exchange could not be asked.
    age_s : float
        How old the engine's state is: 0 for a running session's.
    """
    mark_age_s = age_s + _mark_age_s(engine)
    return {
        "profile": engine.opened.profile,
        "session": engine.opened.namespace,
        "quote": engine.opened.products[0].quote,
        "trading_state": field(engine.trading.everything.value, BOOKS, age_s),
        "books_agree": field(engine.books_agree, BOOKS, age_s),
        **_exchange_fields(engine, reads),
        **_futures_fields(engine, reads, age_s),
        "holdings": field(_holdings(engine), MARKS, mark_age_s),
        "open_orders": field(_open_orders(engine), BOOKS, age_s),
        **_money_fields(engine, age_s, mark_age_s),
        "limits": field(_limits(engine), BOOKS, age_s),
    }


def unknown_fields(document: Mapping[str, object]) -> list[str]:
    """The names of what is not known, with the part that is missing."""
    found = []
    for name, one in document.items():
        if isinstance(one, dict) and "source" in one:
            value = one["value"]
            rows = value if isinstance(value, list) else [value]
            if any(_has_unknown(row) for row in rows):
                found.append(name)
    return found


def field(value: Value, source: str, age_s: float | None) -> Field:
    """One figure; a value of None is unknown, and so is an age of None."""
    return {"value": value, "source": source, "age_s": None if age_s is None else round(age_s, 3)}


def _has_unknown(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_unknown(inner) for inner in value.values())
    return value is None


def _exchange_fields(engine: Engine, reads: Reads | None) -> dict[str, object]:
    if reads is None:
        names = ("balances", "foreign_orders", "fee_tier", "permissions", "clock_skew_s")
        return {name: field(None, f"{EXCHANGE}, which was not reached", None) for name in names}
    balances = {
        currency: {
            "available": _text(wallet.available),
            "hold": _text(wallet.hold),
            "total": _text(wallet.available + wallet.hold),
        }
        for currency, wallet in sorted(reads.wallets.items())
    }
    tier = {
        "tier": reads.tier or None,
        "maker": _text(reads.maker_fee_rate),
        "taker": _text(reads.taker_fee_rate),
    }
    skew_s = str(round(reads.skew_ns / 1e9, 3))
    is_tape = engine.opened.profile == "dev"
    clock = f"{EXCHANGE}, whose clock is its tape's" if is_tape else EXCHANGE
    # Judged now: an order of ours may have been sent while the exchange was asked.
    foreign = sum(engine.orders.get(name) is None for name in reads.open_orders)
    return {
        "balances": field(balances, EXCHANGE, reads.age_s),
        "foreign_orders": field(foreign, EXCHANGE, reads.age_s),
        "fee_tier": field(tier, EXCHANGE, reads.age_s),
        "permissions": field(dict(reads.permissions), EXCHANGE, reads.age_s),
        "clock_skew_s": field(skew_s, clock, reads.age_s),
    }


def _holdings(engine: Engine) -> list[Value]:
    """Of each product: ours with its cost, and the owner's, which no order touches."""
    rows: list[Value] = []
    for product_id, product in engine.products.items():
        position = engine.ledger.position(product_id)
        opening = {} if engine.allocation is None else engine.allocation.opening
        owners = opening.get(product.base, Decimal(0))
        if position.lots == 0 and owners == 0:
            continue
        ticks = engine.markets[product_id].mark_ticks
        value = product.notional_received(ticks, abs(position.lots)) if ticks > 0 else None
        gained = engine.ledger.unrealized_units(product, ticks) if ticks > 0 else None
        rows.append(
            {
                "product_id": product_id,
                "base": product.base,
                "ours": _text(product.size(position.lots)),
                "owners": _text(owners) if engine.allocation is not None else None,
                "cost": _money(position.cost_units),
                "entry_price": _entry_price(
                    position, underlying_size(product, product.size(abs(position.lots)))
                ),
                "mark_price": _text(product.price(ticks)) if ticks > 0 else None,
                "value": None if value is None else _money(value),
                "unrealized_pnl": None if gained is None else _money(gained),
                "realized_pnl": _money(position.realized_units),
                "fees": _money(position.fees_units),
            }
        )
    return rows


def _futures_fields(engine: Engine, reads: Reads | None, age_s: float) -> dict[str, object]:
    """Of a session of contracts: the futures wallet by the exchange, and the funding booked."""
    if engine.opened.products[0].contract is None:
        return {}
    wallet = field(None, f"{EXCHANGE}, which was not reached", None)
    if reads is not None:
        wallet = field(reads.futures, EXCHANGE, reads.age_s)
    funding = engine.ledger.freeze()["funding_units"]
    return {"futures_wallet": wallet, "funding": field(_money(funding), BOOKS, age_s)}


def _entry_price(position: Position, size: Decimal) -> str:
    """Average cost of one base, fees in it; nothing held costs nothing."""
    if not size:
        return "0"
    return _text((amount_of(position.cost_units) / size).quantize(Decimal("0.00000001")))


def _open_orders(engine: Engine) -> list[Value]:
    rows: list[Value] = []
    for order in engine.orders.working():
        product = engine.products[order.product_id]
        rows.append(
            {
                "client_order_id": order.client_order_id,
                "product_id": order.product_id,
                "side": order.side.value,
                "type": order.order_type.value,
                "status": order.status.value,
                "base_size": _text(product.size(order.lots)),
                "filled_size": _text(product.size(order.booked_lots)),
                "limit_price": _text(product.price(order.limit_ticks)),
                "stop_price": _text(product.price(order.stop_ticks)),
                "age_s": str(round((engine.now_ns - order.intended_ns) / 1e9, 3)),
            }
        )
    return rows


def _money_fields(engine: Engine, age_s: float, mark_age_s: float) -> dict[str, object]:
    """Equity and profit; fees are in both, and equity at midnight is what the day counts from."""
    equity = engine.equity_units()
    positions = engine.ledger.positions().values()
    of_contracts = engine.opened.products[0].contract is not None
    cost = 0 if of_contracts else sum(position.cost_units for position in positions)
    worth = None if equity is None else equity - engine.ledger.cash_units
    day_start = engine.valuation.equity_day_start
    day = None if equity is None or day_start <= 0 else equity - day_start
    return {
        "cash": field(_money(engine.ledger.cash_units), BOOKS, age_s),
        "equity": field(None if equity is None else _money(equity), MARKS, mark_age_s),
        "realized_pnl": field(f"{engine.ledger.realized_pnl:f}", BOOKS, age_s),
        "unrealized_pnl": field(None if worth is None else _money(worth - cost), MARKS, mark_age_s),
        "day_pnl": field(None if day is None else _money(day), MARKS, mark_age_s),
        "fees": field(f"{engine.ledger.fees:f}", BOOKS, age_s),
    }


def _limits(engine: Engine) -> dict[str, str]:
    return {name: f"{value:f}" for name, value in engine.limits.as_mapping().items()}


def _mark_age_s(engine: Engine) -> float:
    """Of the oldest mark of what is held; with nothing held no mark matters."""
    held = [
        engine.now_ns - engine.markets[name].mark_ns
        for name, position in engine.ledger.positions().items()
        if position.lots
    ]
    return max(held, default=0) / 1e9


def _money(cash_units: int) -> str:
    return f"{amount_of(cash_units):f}"


def _text(value: Decimal) -> str:
    return f"{plain(value):f}"


def losses_allow(engine: Engine) -> bool:
    """No limit on losses denies entries; not known counts as too much."""
    equity, valuation, limits = engine.equity_units(), engine.valuation, engine.limits
    if equity is None:
        return False
    day_start, peak = valuation.equity_day_start, valuation.equity_peak
    return (
        day_start - equity <= limits.daily_loss_units(day_start)
        and peak - equity <= peak * limits.drawdown_rate_max
    )
