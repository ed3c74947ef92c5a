"""Backtests at the close, made by a few lines of exact arithmetic, as results to be checked."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pandas as pd

from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.setup import AT_CLOSE, Setup, fee_tiers_of
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.domain.order import TradingState
from gpt_trader.domain.product import Product, amount_of
from gpt_trader.risk.limits import Limits
from gpt_trader.strategies.registry import strategy_named
from tests.builders import a_product

FEE_RATE = 0.001
CASH = Decimal(100_000)
CASH_UNITS = 10**8


@dataclass(frozen=True)
class Play:
    """A finished backtest, as far as its orders are checked."""

    tape: CandleTape
    setup: Setup
    fills: pd.DataFrame
    equity: "pd.Series[float]"


def a_setup() -> Setup:
    """At the close, with one fee rate."""
    strategy = strategy_named("ma_crossover")
    return Setup(
        strategy=strategy,
        values=strategy.values({}),
        sizing=sizing_of({}),
        limits=Limits.from_mapping({}),
        fee_tiers=fee_tiers_of(FEE_RATE),
        cash=CASH,
        market=AT_CLOSE,
        latency=0,
        trading_state=TradingState.ACTIVE,
        by_hand=(),
    )


def a_tape(candles: int = 600, seed: int = 1, product: Product | None = None) -> CandleTape:
    """Minutes of a random walk."""
    steps = np.random.default_rng(seed).normal(0, 0.002, candles)
    closes = np.round(20_000 * np.exp(np.cumsum(steps)), 2)
    index = pd.date_range("2024-01-01", periods=candles, freq="1min", tz="UTC")
    tape = load(pd.Series(closes, index=index), product=product or a_product())
    assert isinstance(tape, CandleTape)
    return tape


def a_play(tape: CandleTape, fast: int = 5, slow: int = 20) -> Play:
    """Long with a fifth of equity while the fast mean of closes is above the slow one."""
    closes = pd.Series(tape.candles.close)
    above = (closes.rolling(fast).sum() * slow > closes.rolling(slow).sum() * fast).to_numpy()
    unit = Fraction(tape.product.price_increment) * Fraction(tape.product.base_increment)
    cash, lots = int(CASH) * CASH_UNITS, 0
    rows: list[tuple[object, ...]] = []
    for t, price in enumerate(tape.candles.close):
        lot = Fraction(int(price)) * unit * CASH_UNITS
        if above[t] == (lots > 0):
            continue
        traded = lots or floor((cash + lots * lot) / 5 / lot)
        if traded == 0:
            continue
        fee = ceil(traded * lot * Fraction(str(FEE_RATE)))
        cash += floor(traded * lot) - fee if lots else -ceil(traded * lot) - fee
        side, lots = ("SELL", 0) if lots else ("BUY", traded)
        end_ns = int(tape.candles.start_ns[t]) + tape.candle_s * 10**9
        rows.append((end_ns, len(rows) + 1, side, int(price), traded, amount_of(fee)))
    product = tape.product
    fills = pd.DataFrame(rows, columns=["time", "order", "side", "price", "base_size", "fee"])
    fills["time"] = pd.to_datetime(fills["time"], utc=True)
    fills["price"] = [float(product.price(ticks)) for ticks in fills["price"]]
    fills["base_size"] = [float(product.size(count)) for count in fills["base_size"]]
    fills["fee"] = fills["fee"].astype(float)
    end = Fraction(cash) + lots * Fraction(int(tape.candles.close[-1])) * unit * CASH_UNITS
    return Play(tape, a_setup(), fills, pd.Series([float(end / CASH_UNITS)]))
