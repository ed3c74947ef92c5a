"""Random backtests: everything that a setup and its tapes may be, drawn from a seed.

Made so that each rule has to refuse, orders to fill in parts, to expire and to be stopped; a case
is the same on every machine and for ever.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.setup import (
    AT_CLOSE,
    COINBASE_TIERS,
    EXCHANGE_MARKET,
    FeeTier,
    HandOrder,
    MarketModel,
    Setup,
    fee_tiers_of,
)
from gpt_trader.broker.sizing import sizing_of
from gpt_trader.coinbase.catalog import product
from gpt_trader.domain.order import Side, TradingState
from gpt_trader.domain.product import Product
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.printing import TICKS_MAX
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.kernels.vectors import Floats, Ints
from gpt_trader.risk.limits import Limits
from gpt_trader.signals.strategy import Strategy
from gpt_trader.store.candle_table import COLUMNS
from gpt_trader.strategies.registry import strategy_named
from gpt_trader.strategies.user import strategy
from gpt_trader.strategies.user import whole as whole_number

NS = 1_000_000_000
DAY_S = 86_400
BEGIN_S = 1_677_628_800
DOLLARS = (
    *("BTC-USD", "XRP-USD", "ADA-USD", "DOGE-USD", "LINK-USD", "DOT-USD", "AAVE-USD"),
    *("SHIB-USD", "ICP-USD", "MKR-USD", "SUI-USD", "USDT-USD"),
)
OTHERS = (
    *(("BTC-EUR", "SOL-EUR", "DOGE-EUR", "LINK-EUR"), ("BTC-USDT", "SOL-USDT")),
    *(("BTC-USDC", "XRP-USDC", "DOGE-USDC"), ("ETH-BTC", "LTC-BTC", "LINK-BTC")),
)
STATES = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED)
LOW_STEPS = tuple(
    FeeTier(Decimal(volume), Decimal(maker), Decimal(taker))
    for volume, maker, taker in (
        ("0", "0.0061", "0.0087"),
        ("40.5", "0.004", "0.0061"),
        ("900", "0.002500001", "0.0039"),
        ("20000", "0.0001", "0.002"),
        ("300000", "0", "0.0005"),
    )
)


@strategy(
    script=whole_number(1, 0, 1_000_000),
    hold=whole_number(5, 1, 1_000),
    blind=whole_number(0, 0, 1_000),
    warmup=1,
    state="seen",
)
def scripted(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """A target of its own for so many candles, then another one, whatever the price.

    In between nobody knows at every candle that `blind` divides.
    """
    turn = s.seen[0] // p.hold
    s.seen[0] += 1.0
    if p.blind > 0 and s.seen[0] % p.blind == 0.0:
        return math.nan
    draw = int((turn * 7919.0 + p.script * 104_729.0) % 1009.0) % 8
    if draw == 0:
        return math.nan
    if draw == 1:
        return -1.0
    if draw <= 3:
        return 0.0
    if draw == 4:
        return 0.3
    if draw == 5:
        return 0.55
    return 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """One backtest, and how many rows of its tapes are missing or without a trade."""

    setup: Setup
    tapes: tuple[CandleTape, ...]
    gaps: int


def case(number: int, rows_max: int = 300) -> Case:
    """Draw the case of a number. Every fourth is a plain one, which takes the shortest way."""
    dice = random.Random(number)
    plain = number % 4 == 3
    names = _names(dice)[: 1 if plain else 3]
    candle_s = dice.choice((60, 3600, DAY_S) if plain else (1, 60, 60, 60, 300, 3600, DAY_S))
    rows = dice.randrange(60, min(rows_max, 60 + dice.choice((40, 80, rows_max))))
    tapes = tuple(tape(dice, product(name), candle_s, rows, whole=plain) for name in names)
    gaps = sum(_gaps(each) for each in tapes)
    chosen = setup(dice, tapes)
    return Case(plainly(dice, chosen) if plain else chosen, tapes, gaps)


def plainly(dice: random.Random, chosen: Setup) -> Setup:
    """Orders at the close, one fee, and nothing that waits or varies."""
    sizing = {**chosen.sizing, "patience_candles": 0.0, "volatility_target": 0.0}
    return replace(
        chosen,
        market=replace(AT_CLOSE, seed=chosen.market.seed),
        fee_tiers=fee_tiers_of(dice.choice((0.0, 0.001, 0.0123456))),
        sizing=sizing,
        latency=0,
        trading_state=TradingState.ACTIVE,
    )


def setup(dice: random.Random, tapes: Sequence[CandleTape]) -> Setup:
    """Draw all but the tapes."""
    usual = Decimal(100_000), Decimal("63.12345678"), Decimal(2_500), Decimal(10**7)
    cash = dice.choice((*usual, *usual, Decimal(10**9), Decimal(5 * 10**10)))
    if tapes[0].product.quote == "BTC":
        cash = Decimal(dice.choice(("0.05", "3.00000001", "40")))
    chosen, values = _strategy(dice)
    by_hand = _by_hand(dice, tapes, cash) if dice.random() < 0.35 else ()
    sizing = _sizing(dice)
    limits = _limits(dice, float(cash), sizing["size_fraction"], len(tapes))
    if sizing["take_bps"] > 10_000 and dice.random() < 0.7:
        limits = replace(limits, collar_bps_max=Decimal(dice.choice((9_999, 10_000))))
    if dice.random() < 0.2:  # one product has a limit of its own
        name = f"position_notional_max:{tapes[0].product.product_id}"
        limits = replace(limits, by_product={name: min(cash * 7 / 100, Decimal(10**9))})
    return Setup(
        strategy=chosen,
        values=chosen.values(values),
        sizing=sizing_of(sizing),
        limits=limits,
        fee_tiers=_fees(dice),
        cash=cash,
        market=_market(dice),
        latency=0 if by_hand or dice.random() < 0.6 else dice.randrange(1, 4),
        trading_state=dice.choice(STATES) if dice.random() < 0.12 else TradingState.ACTIVE,
        by_hand=by_hand,
    )


def tape(
    dice: random.Random, traded: Product, candle_s: int, rows: int, *, whole: bool = False
) -> CandleTape:
    """Draw a walk with jumps and flat stretches.

    Rows are missing and rows are without a trade, unless it shall be `whole`.
    """
    starts_s = _starts(dice, candle_s, rows, 0.0 if whole else dice.choice((0.0, 0.0, 0.03, 0.15)))
    prices = _prices(dice, rows)
    volume = _volumes(dice, traded, prices[3], rows)
    if whole:
        volume = np.maximum(volume, 1.0)
    if not volume.any():
        volume[0] = 4.0
    traded_rows = np.flatnonzero(volume)
    every_row_ns = np.array(starts_s, np.int64) * NS
    opened, high, low, close = (column[traded_rows] for column in prices)
    candles = candles_of(
        every_row_ns[traded_rows],
        (opened, high, low, close),
        volume[traded_rows],
        float(traded.price_increment),
        candle_s * NS,
    )
    places: Ints | None = None if traded_rows.size == rows else traded_rows
    return CandleTape(traded, candle_s, candles, COLUMNS, every_row_ns, places)


def _names(dice: random.Random) -> list[str]:
    pool = DOLLARS if dice.random() < 0.8 else dice.choice(OTHERS)
    return dice.sample(pool, min(len(pool), dice.choice((1, 1, 1, 2, 2, 3))))


def _gaps(drawn: CandleTape) -> int:
    missing = np.diff(drawn.every_row_ns) > drawn.candle_s * NS
    return int(missing.sum()) + drawn.every_row_ns.size - len(drawn)


def _starts(dice: random.Random, candle_s: int, rows: int, gaps: float) -> list[int]:
    begin = BEGIN_S + dice.randrange(DAY_S) // candle_s * candle_s
    starts = [begin + candle_s * (dice.randrange(20) if gaps else 0)]
    for _ in range(rows - 1):
        outage = dice.randrange(2 * DAY_S, 6 * DAY_S) // candle_s
        skipped = dice.choice((1, 1, 2, 5, 70, outage)) if dice.random() < gaps else 0
        starts.append(starts[-1] + candle_s * (1 + skipped))
    return starts


def _prices(dice: random.Random, rows: int) -> tuple[Floats, Floats, Floats, Floats]:
    price = dice.choice((3.0, 40.0, 2_000.0, 2_000.0, 150_000.0, 2_000_000.0, 2_000_000.0, 1e10))
    step = dice.choice((0.0004, 0.002, 0.008, 0.03))
    jumps, calm = dice.choice((0.0, 0.01, 0.05)), dice.choice((0.0, 0.0, 0.3))
    columns: list[tuple[float, float, float, float]] = []
    before = max(1.0, float(round(price)))
    flat = 0
    for row in range(rows):
        if flat == 0 and dice.random() < calm / 10:
            flat = dice.randrange(3, 20)
        flat = max(0, flat - 1)
        move = 0.0 if flat else dice.gauss(2 * step * math.sin(row / 11), step)
        move += dice.choice((-0.25, -0.08, 0.08, 0.3)) if dice.random() < jumps else 0.0
        close = min(max(1.0, float(round(before * math.exp(move)))), TICKS_MAX / 2)
        opened = before if dice.random() < 0.8 else max(1.0, before + dice.randrange(-3, 4))
        wide = 0.0 if flat else abs(dice.gauss(0, step / 2))
        high = float(math.ceil(max(opened, close) * (1 + wide)))
        low = max(1.0, float(math.floor(min(opened, close) * (1 - wide))))
        columns.append((opened, high, low, close))
        before = close
    opened_, high_, low_, close_ = (np.array(column) for column in zip(*columns, strict=True))
    return opened_, high_, low_, close_


def _volumes(dice: random.Random, traded: Product, close: Floats, rows: int) -> Floats:
    none = dice.choice((0.0, 0.0, 0.05, 0.2))
    if dice.random() < 0.12:
        drawn = [dice.randrange(6) for _ in range(rows)]
    else:
        num, den = traded.cash_units_per_tick_lot()
        turnover = dice.choice((1e2, 1e4, 1e6, 1e8)) * 1e8 * den / num
        usual = min(max(1.0, turnover / float(close[0])), 1e12)
        drawn = [max(1, round(usual * dice.lognormvariate(0, 1))) for _ in range(rows)]
    return np.array([0 if dice.random() < none else lots for lots in drawn], np.float64)


def _strategy(dice: random.Random) -> tuple[Strategy, dict[str, float]]:
    short = dice.randrange(1, 5)
    ready: dict[str, dict[str, float]] = {
        "ma_crossover": {
            "fast": short,
            "slow": short + dice.randrange(1, 6),
            "band_bps": dice.choice((0, 1, 20)),
        },
        "breakout": {
            "entry": 2 + short,
            "exit": dice.randrange(1, 3),
            "atr_span": short,
            "stop_ranges": dice.choice((0.3, 1.0, 4.0)),
        },
        "mean_reversion": {
            "span": 2 + short,
            "entry": dice.choice((0.4, 0.9, 1.3)),
            "exit": dice.choice((0.0, 0.3)),
        },
        "dev_life": {"entry_after": short, "exit_after": short + dice.randrange(1, 50)},
    }
    name = dice.choice((*ready, "ma_crossover", "mean_reversion", "scripted", "scripted"))
    if name == "scripted":
        hold, blind = dice.choice((1, 2, 5, 17, 60)), dice.choice((0, 0, 2, 3, 10))
        return scripted, {"script": dice.randrange(10**6), "hold": hold, "blind": blind}
    return strategy_named(name), ready[name]


def _sizing(dice: random.Random) -> dict[str, float]:
    sizing: dict[str, float] = {
        "size_fraction": dice.choice((0.2, 0.2, 0.2, 0.05, 0.6, 0.98, 1.0)),
        "patience_candles": dice.choice((0, 0, 1, 2, 3, 4)),
        "take_bps": dice.choice((30, 30, 0, 1, 5, 150, 9_999)),
        "rebalance_rate": dice.choice((0.25, 0.25, 0.0, 0.02, 1.5)),
        "good_till": float(dice.random() < 0.4),
        "market_orders": float(dice.random() < 0.25),
    }
    if dice.random() < 0.45:
        sizing["stop_rate"] = dice.choice((0.001, 0.004, 0.012, 0.05))
    if dice.random() < 0.2:
        sizing["volatility_target"] = dice.choice((0.1, 0.5, 2.0))
        sizing["volatility_span"] = dice.choice((2, 5, 20))
    return sizing


def _limits(dice: random.Random, cash: float, share: float, products: int) -> Limits:
    tight = {
        "order_notional_max": min(1e9, round(cash * share * dice.uniform(0.2, 1.2), 4)),
        "position_rate_max": dice.choice((0.03, 0.19, 0.201, 0.5)),
        "exposure_rate_max": dice.choice((0.05, 0.2, 0.39, 0.6)),
        "mark_age_s_max": dice.choice((0, 1, 30)),
        "collar_bps_max": dice.choice((0, 1, 3, 20)),
        "orders_per_minute_max": dice.choice((0, 1, 2)),
        "daily_loss_rate_max": dice.choice((0, 0.0005, 0.004, 0.02)),
        "drawdown_rate_max": dice.choice((0, 0.002, 0.01, 0.05)),
        "position_notional_max": min(1e9, round(cash * dice.choice((0.03, 0.19, 0.5)), 4)),
        "daily_loss_max": min(1e9, round(cash * dice.choice((0, 0.0005, 0.004)), 4)),
        "order_equity_rate_max": dice.choice((0.03, 0.19, 0.201)),
        "spread_bps_max": dice.choice((0, 1, 3)),
        "reference_bps_max": dice.choice((0, 1, 10)),
    }
    loose: dict[str, float] = {
        "order_notional_max": 10**9,
        "position_rate_max": 9,
        "exposure_rate_max": 9,
        "orders_per_minute_max": 500,
        "daily_loss_rate_max": 1,
        "drawdown_rate_max": 1,
    }
    chosen = loose if dice.random() < 0.5 else {}
    kept = {name: tight[name] for name in dice.sample(list(tight), dice.choice((0, 0, 2, 3, 4)))}
    given = {**chosen, **kept}
    if products > 1 and dice.random() < 0.5:  # what works in one product leaves less for others
        given["exposure_rate_max"] = round(share * dice.uniform(1.0, products), 6)
    return Limits.from_mapping({name: Decimal(repr(value)) for name, value in given.items()})


def _fees(dice: random.Random) -> tuple[FeeTier, ...]:
    pick = dice.random()
    if pick < 0.3:
        return COINBASE_TIERS
    if pick < 0.6:
        return LOW_STEPS
    return fee_tiers_of(dice.choice((0.0, 0.001, 0.0123456, (0.0004, 0.0061))))


def _market(dice: random.Random) -> MarketModel:
    seed = dice.randrange(1_000)
    pick = dice.random()
    if pick < 0.3:
        return replace(AT_CLOSE, seed=seed)
    if pick < 0.5:
        return replace(EXCHANGE_MARKET, seed=seed)
    return MarketModel(
        at_close=False,
        seed=seed,
        spread_bps=Decimal(dice.choice(("0", "0.5", "7.25", "90"))),
        level_gap_bps=Decimal(dice.choice(("0", "0.5", "12.5"))),
        level_count=dice.choice((1, 2, 5, 15)),
        depth_share=Decimal(dice.choice(("0.00001", "0.001", "0.01", "0.3"))),
    )


def _by_hand(
    dice: random.Random, tapes: Sequence[CandleTape], cash: Decimal
) -> tuple[HandOrder, ...]:
    rounds = np.unique(np.concatenate([each.every_row_ns for each in tapes]))
    orders: list[HandOrder] = []
    for number in sorted(dice.randrange(rounds.size) for _ in range(dice.randrange(1, 9))):
        each = dice.choice(tapes)
        place = int(np.searchsorted(each.candles.start_ns, rounds[number], "right")) - 1
        price = int(each.candles.close[max(0, place)])
        num, den = each.product.cash_units_per_tick_lot()
        usual = min(max(1, int(cash * 10**8) * den // (num * price)), 2**60)
        first = not orders or orders[-1].round != number
        orders.append(
            HandOrder(
                round=number,
                product_id=each.product.product_id,
                side=dice.choice((Side.BUY, Side.BUY, Side.SELL)),
                lots=_lots(dice, usual, each.product),
                limit_ticks=_limit(dice, price),
                wait_ns=_wait(dice, each.candle_s) * first,
                feed_ready=dice.random() < 0.7,
                books_agree=dice.random() < 0.7,
                trading_state=dice.choice((*STATES, TradingState.ACTIVE, TradingState.ACTIVE)),
            )
        )
    return tuple(orders)


def _lots(dice: random.Random, usual: int, traded: Product) -> int:
    most = traded.lots(traded.round_size(traded.base_max_size))
    sizes = usual // 20, usual // 100, usual // 3, 0, 1, most, most + 1
    return dice.choices(sizes, (5, 5, 3, 1, 1, 1, 1))[0]


def _limit(dice: random.Random, price: int) -> int | None:
    limits = None, price, price + price // 500, price - price // 500, price * 2, price // 2, 0
    return dice.choices(limits, (6, 2, 3, 3, 1, 1, 1))[0]


def _wait(dice: random.Random, candle_s: int) -> int:
    """Not beyond the next candle's end: its trades would be of the past. One order of a round."""
    return dice.choice((0, 0, 1, candle_s * NS // 3, candle_s * NS - 1))
