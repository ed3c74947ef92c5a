"""Our side: the public calls, on the strategy of `crossover.py`."""

from decimal import Decimal

from benchmarks.crossover import CASH, FEE_RATE, SIZE_FRACTION
from benchmarks.tape import BASE_INCREMENT, PRICE_INCREMENT
from gpt_trader.domain.product import Product

PRODUCT = Product(
    product_id="BTC-USD",
    base="BTC",
    quote="USD",
    base_increment=BASE_INCREMENT,
    price_increment=PRICE_INCREMENT,
    quote_increment=Decimal("0.01"),
    base_min_size=BASE_INCREMENT,
    base_max_size=Decimal(1_000_000),
    quote_min_size=Decimal("0.01"),
    quote_max_size=Decimal(1_000_000_000),
)

SIZING = {
    "size_fraction": SIZE_FRACTION,
    "rebalance_rate": 100.0,
    "patience_candles": 0.0,
    "market_orders": 1.0,
}
"""Market orders, and none to follow a small change of the size that a target means."""

LIMITS = {
    "order_notional_max": "1000000000",
    "position_rate_max": "10",
    "exposure_rate_max": "10",
    "collar_bps_max": "10000",
    "orders_per_minute_max": "1800",
    "daily_loss_rate_max": "1",
    "drawdown_rate_max": "1",
}
"""Every rule is asked at every order, and none refuses: the peers know no rules."""

OPTIONS = {
    "product": PRODUCT,
    "market": "close",
    "sizing": SIZING,
    "limits": {name: Decimal(value) for name, value in LIMITS.items()},
    "fees": FEE_RATE,
    "cash": CASH,
}
