"""Runs in nautilus_trader's own interpreter: the same strategy, one JSON line on stdout.

    python nautilus_script.py CLOSES.npy FAST SLOW SIZE_FRACTION FEE_RATE CASH

It imports nothing of this project, because that interpreter does not have it.
"""

import json
import sys
import time
from collections import deque
from decimal import Decimal

import nautilus_trader
import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

MINUTE_NS = 60_000_000_000
BEGIN_NS = 1_704_067_200 * 10**9
VENUE = Venue("BENCH")


def bitcoin(fee_rate: str) -> CurrencyPair:
    """BTC/USD in steps of 0.01 USD and 0.001 BTC."""
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol("BTC/USD"), VENUE),
        raw_symbol=Symbol("BTC/USD"),
        base_currency=BTC,
        quote_currency=USD,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        lot_size=None,
        max_quantity=None,
        min_quantity=None,
        max_notional=None,
        min_notional=None,
        max_price=None,
        min_price=None,
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal(fee_rate),
        taker_fee=Decimal(fee_rate),
        ts_event=0,
        ts_init=0,
    )


class Crossover(Strategy):  # type: ignore[misc]
    """Long while the mean of the fast window is above that of the slow one."""

    def __init__(self, bars: BarType, fast: int, slow: int, fraction: float) -> None:
        super().__init__()
        self.bars, self.fast, self.slow, self.fraction = bars, fast, slow, fraction
        self.closes: deque[float] = deque(maxlen=slow)
        self.sums = [0.0, 0.0]
        self.held = 0.0

    def on_start(self) -> None:
        self.pair = self.cache.instrument(self.bars.instrument_id)
        self.subscribe_bars(self.bars)

    def on_bar(self, bar: Bar) -> None:
        close = round(bar.close.as_double() * 100.0)
        if len(self.closes) >= self.fast:
            self.sums[0] -= self.closes[-self.fast]
        if len(self.closes) == self.slow:
            self.sums[1] -= self.closes[0]
        self.closes.append(close)
        self.sums = [part + close for part in self.sums]
        if len(self.closes) < self.slow:
            return
        above = self.sums[0] / self.fast > self.sums[1] / self.slow
        if above and not self.held:
            cash = self.portfolio.account(VENUE).balance_total(USD).as_double()
            self.held = self.fraction * cash * 100.0 / close * 1000.0 // 1 / 1000.0
            self.send(OrderSide.BUY)
        elif not above and self.held:
            self.send(OrderSide.SELL)
            self.held = 0.0

    def send(self, side: OrderSide) -> None:
        size = self.pair.make_qty(self.held)
        self.submit_order(self.order_factory.market(self.pair.id, side, size))


def main(path: str, fast: str, slow: str, fraction: str, fee_rate: str, cash: str) -> None:
    """Load, run, print."""
    pair = bitcoin(fee_rate)
    kind = BarType.from_str(f"{pair.id}-1-MINUTE-LAST-EXTERNAL")
    depth = Quantity.from_str("1000000.000")
    bars = []
    for place, ticks in enumerate(np.load(path)):
        price, moment = Price(ticks / 100.0, 2), BEGIN_NS + (place + 1) * MINUTE_NS
        bars.append(Bar(kind, price, price, price, price, depth, moment, moment))
    config = BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR", bypass_logging=True))
    engine = BacktestEngine(config=config)
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        starting_balances=[Money(float(cash), USD), Money(0, BTC)],
    )
    engine.add_instrument(pair)
    engine.add_data(bars)
    engine.add_strategy(Crossover(kind, int(fast), int(slow), float(fraction)))
    begin = time.process_time()
    engine.run()
    spent = time.process_time() - begin
    orders = len(engine.cache.orders())
    print(json.dumps({"cpu_s": spent, "orders": orders, "version": nautilus_trader.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
