"""Values for tests: each builder shows only what matters to the test that calls it."""

from decimal import Decimal

from gpt_trader.domain.events import (
    Candle,
    Draft,
    OrderAccepted,
    OrderChanged,
    OrderFilled,
    OrderIntended,
    SessionOpened,
    Trade,
)
from gpt_trader.domain.order import (
    Liquidity,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    TradingState,
)
from gpt_trader.domain.product import Product
from gpt_trader.risk.limits import DEFAULTS
from gpt_trader.strategies.registry import strategy_named

MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_040_000_000_000  # on a whole minute


def a_product(product_id: str = "BTC-USD", price_increment: str = "0.01") -> Product:
    base, _, quote = product_id.partition("-")
    return Product(
        product_id=product_id,
        base=base,
        quote=quote,
        base_increment=Decimal("0.00000001"),
        price_increment=Decimal(price_increment),
        quote_increment=Decimal("0.01"),
        base_min_size=Decimal("0.00000001"),
        base_max_size=Decimal("3400"),
        quote_min_size=Decimal("1"),
        quote_max_size=Decimal("150000000"),
    )


def a_draft(
    side: Side = Side.BUY,
    base_size: str = "0.1",
    limit_price: str | None = "20000.00",
    product_id: str = "BTC-USD",
) -> Draft:
    return Draft(
        product_id=product_id,
        side=side,
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.IOC if limit_price is None else TimeInForce.GTC,
        base_size=Decimal(base_size),
        limit_price=None if limit_price is None else Decimal(limit_price),
        stop_price=None,
        end_ns=None,
        post_only=limit_price is not None,
        reduces=side is Side.SELL,
        target=Decimal(base_size) if side is Side.BUY else Decimal(0),
        mark_price=Decimal("20000.00"),
        why="a test",
        asked="",
    )


def an_intent(
    name: str = "gt-1", draft: Draft | None = None, ts_ns: int = START_NS
) -> OrderIntended:
    return OrderIntended(ts_ns, name, draft or a_draft(), ())


def an_acceptance(name: str = "gt-1", order_id: str = "o-1") -> OrderAccepted:
    return OrderAccepted(START_NS, name, order_id)


def a_change(
    name: str = "gt-1", status: OrderStatus = OrderStatus.OPEN, filled: str = "0", fills: int = 0
) -> OrderChanged:
    return OrderChanged(START_NS, name, "o-1", status, Decimal(filled), fills, "")


def a_fill(
    name: str = "gt-1",
    trade_id: str = "1",
    base_size: str = "0.1",
    price: str = "20000.00",
    side: Side = Side.BUY,
) -> OrderFilled:
    return OrderFilled(
        ts_ns=START_NS,
        client_order_id=name,
        order_id="o-1",
        trade_id=trade_id,
        product_id="BTC-USD",
        side=side,
        price=Decimal(price),
        base_size=Decimal(base_size),
        fee=Decimal("1"),
        liquidity=Liquidity.MAKER,
    )


def a_trade(trade_id: int, price: str, base_size: str = "0.5", at_s: float = 0.0) -> Trade:
    """A trade `at_s` seconds after the start."""
    ts_ns = START_NS + round(at_s * 1_000_000_000)
    return Trade(trade_id, Decimal(price), Decimal(base_size), "BUY", ts_ns)


def a_candle(minute: int, close: str = "100.00", volume: str = "1") -> Candle:
    price = Decimal(close)
    return Candle(START_NS + minute * MINUTE_NS, price, price, price, price, Decimal(volume))


def an_opening(
    strategy: str = "ma_crossover",
    products: tuple[Product, ...] | None = None,
    params: dict[str, float] | None = None,
    limits: dict[str, Decimal] | None = None,
    sizing: dict[str, float] | None = None,
) -> SessionOpened:
    return SessionOpened(
        ts_ns=START_NS,
        profile="dev",
        namespace="gt-test",
        products=products or (a_product(),),
        strategy=strategy,
        strategy_source=strategy_named(strategy).source_hash,
        params=params or {},
        sizing={
            "size_fraction": 0.2,
            "volatility_target": 0.0,
            "volatility_span": 60.0,
            "patience_candles": 3.0,
            "take_bps": 30.0,
            "rebalance_rate": 0.25,
            "stop_rate": 0.0,
            "good_till": 0.0,
            "market_orders": 0.0,
            **(sizing or {}),
        },
        limits={**DEFAULTS, **(limits or {})},
        maker_fee_rate=Decimal("0.004"),
        taker_fee_rate=Decimal("0.006"),
        candle_s=60,
        candle_grace_ns=0,
        cash=Decimal("100000"),
        day_pnl=Decimal(0),
        trading_state=TradingState.ACTIVE,
    )
