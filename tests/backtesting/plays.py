"""Backtests by the engine: tapes that are made here, setups that differ in what a test is about."""

import math
import random
from dataclasses import replace
from decimal import Decimal

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import (
    CASH,
    COINBASE_TIERS,
    EXCHANGE_MARKET,
    HandOrder,
    Setup,
)
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.kernels.candles import candles_of
from gpt_trader.risk.limits import Limits
from gpt_trader.store.candle_table import COLUMNS
from gpt_trader.strategies.registry import strategy_named

BEGIN_S = 1_677_628_800
NS = 1_000_000_000
JUMPY = {"fast": 3.0, "slow": 9.0, "band_bps": 0.0}


def a_tape(product_id: str = "BTC-USD", rows: int = 300, candle_s: int = 60) -> CandleTape:
    """A seeded walk with rows that are missing and rows in which nothing was traded."""
    dice, traded = random.Random(product_id), product(product_id)
    price = float(Decimal(20_000) / traded.price_increment)
    usual = float(Decimal(5) / traded.base_increment)
    starts_s: list[int] = []
    closes, volumes = [price], []
    for row in range(rows):
        gap = dice.randrange(2, 6) if dice.random() < 0.02 else 1
        starts_s.append((starts_s[-1] + gap * candle_s) if starts_s else BEGIN_S)
        closes.append(closes[-1] * math.exp(dice.gauss(0.0008 * math.sin(row / 15), 0.002)))
        volumes.append(0 if dice.random() < 0.03 else round(usual * dice.lognormvariate(0, 1)))
    close = np.rint(closes)
    opened, close = close[:-1], close[1:]
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) * 0.9995
    every_row_ns = np.array(starts_s, np.int64) * NS
    traded_rows = np.flatnonzero(np.array(volumes))
    columns = (opened, np.rint(high), np.rint(low), close)
    prices = tuple(column[traded_rows] for column in columns)
    candles = candles_of(
        every_row_ns[traded_rows],
        (prices[0], prices[1], prices[2], prices[3]),
        np.array(volumes, np.float64)[traded_rows],
        float(traded.price_increment),
        candle_s * NS,
    )
    return CandleTape(traded, candle_s, candles, COLUMNS, every_row_ns, traded_rows)


def a_setup(params: dict[str, float] | None = None, **changes: object) -> Setup:
    """A jumpy crossover under the defaults of a live session; `changes` replace parts of it."""
    strategy = strategy_named("ma_crossover")
    setup = Setup(
        strategy=strategy,
        values=strategy.values(params or JUMPY),
        sizing=sizing_of({}),
        limits=Limits.from_mapping({}),
        fee_tiers=COINBASE_TIERS,
        cash=CASH,
        market=EXCHANGE_MARKET,
        latency=0,
        trading_state=TradingState.ACTIVE,
        by_hand=(),
    )
    return replace(setup, **changes)  # type: ignore[arg-type]


def never(**changes: object) -> Setup:
    """A setup whose strategy never wants anything within a short tape."""
    return a_setup({"fast": 100.0, "slow": 1000.0, "band_bps": 0.0}, **changes)


def by_hand(number: int, side: Side = Side.BUY, **changes: object) -> HandOrder:
    """A tenth of a bitcoin at the market, in the best of circumstances."""
    order = HandOrder(
        round=number,
        product_id="BTC-USD",
        side=side,
        lots=10_000_000,
        limit_ticks=None,
        wait_ns=0,
        feed_ready=True,
        books_agree=True,
        trading_state=TradingState.ACTIVE,
    )
    return replace(order, **changes)  # type: ignore[arg-type]


def end_ns(tape: CandleTape, number: int) -> int:
    """When a round of a single tape is over."""
    return int(tape.every_row_ns[number]) + tape.candle_s * NS
