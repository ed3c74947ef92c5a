"""Facts and limits as small as a test needs them, and streams of random ones."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypedDict, Unpack, cast

from gpt_trader.domain.order import Side, TradingState
from gpt_trader.risk.limits import Limits
from gpt_trader.risk.verdicts import Facts

USD = 10**8  # cash units
SECOND_NS = 10**9


class Changes(TypedDict, total=False):
    """Whatever a test changes of the facts."""

    side: Side
    lots: int
    limit_ticks: int | None
    trigger_ticks: int | None
    position_lots: int
    working_buy_lots: int
    working_sell_lots: int
    dearer_units: int
    base_min_lots: int
    base_max_lots: int
    num: int
    den: int
    mark_ticks: int
    mark_age_ns: int
    bid_ticks: int
    ask_ticks: int
    last_ticks: int
    cash_free: int
    taker_fee_rate: Decimal
    equity: int
    equity_day_start: int
    equity_peak: int
    exposure_others: int
    orders_last_minute: int
    trading_state: TradingState
    feed_ready: bool
    books_agree: bool


def a_buy(**changes: Unpack[Changes]) -> Facts:
    """A market buy of 1 ETH at 1,000.00 USD with 10,000 USD of cash: every rule allows it."""
    facts = Facts(
        side=Side.BUY,
        lots=1000,
        limit_ticks=None,
        trigger_ticks=None,
        position_lots=0,
        working_buy_lots=0,
        working_sell_lots=0,
        dearer_units=0,
        base="ETH",
        quote="USD",
        base_increment=Decimal("0.001"),
        base_min_lots=10,
        base_max_lots=1_000_000,
        num=1000,  # 0.01 USD x 0.001 ETH = 1e-5 USD
        den=1,
        mark_ticks=100_000,
        mark_age_ns=SECOND_NS,
        bid_ticks=99_990,
        ask_ticks=100_000,
        last_ticks=100_000,
        cash_free=10_000 * USD,
        taker_fee_rate=Decimal("0.006"),
        equity=10_000 * USD,
        equity_day_start=10_000 * USD,
        equity_peak=10_000 * USD,
        exposure_others=0,
        orders_last_minute=0,
        trading_state=TradingState.ACTIVE,
        feed_ready=True,
        books_agree=True,
    )
    return replace(facts, **changes)


def an_exit(**changes: Unpack[Changes]) -> Facts:
    """A market sale of the 1 ETH held."""
    settled: Changes = {"side": Side.SELL, "position_lots": 1000}
    return replace(a_buy(**settled), **changes)


def some_limits(**changes: Any) -> Limits:
    """Limits in which a step of one lot, tick, cash unit or order decides."""
    limits = Limits(
        order_notional_max=Decimal(5000),
        position_rate_max=Decimal("0.5"),
        exposure_rate_max=Decimal("0.8"),
        mark_age_s_max=Decimal(180),
        collar_bps_max=Decimal(100),
        orders_per_minute_max=Decimal(30),
        daily_loss_rate_max=Decimal("0.1"),
        drawdown_rate_max=Decimal("0.3"),
        position_notional_max=Decimal(1_000_000_000),
        daily_loss_max=Decimal(1_000_000_000),
        order_equity_rate_max=Decimal(10),
        spread_bps_max=Decimal(500),
        reference_bps_max=Decimal(1000),
        by_product={},
        leverage_max=Decimal(2),
        liquidation_buffer_min=Decimal(200),
        contracts_max=Decimal(10),
    )
    return replace(limits, **changes)


def random_facts(generator: random.Random) -> Facts:
    """One order in one moment, near enough to the limits that each rule allows and denies."""
    choose = generator.choice
    mark = choose([0, 100_000, 100_000, 100_000, 99_995])
    touch = choose([0, 99_000, 99_989, 99_990, 100_000, 100_001, 101_000, 101_001])
    equity = choose([0, 7000, 9000, 10_000, 10_000]) * USD + choose([-1, 0, 1])
    worked = [0, 0, 0, 1, 500, 1000, 5000]
    return a_buy(
        side=choose([Side.BUY, Side.SELL]),
        lots=choose([0, 1, 9, 10, 999, 1000, 1000, 1001, 3000, 5000, 5001, 10**6 + 1]),
        limit_ticks=choose([None, None, 0, 99_000, 98_999, 100_000, 101_000, 101_001]),
        trigger_ticks=None,
        position_lots=choose([0, 0, 1000, 1000, 1001, 2000, 5000, 8000, -1000]),
        working_buy_lots=choose(worked),
        working_sell_lots=choose(worked),
        dearer_units=choose([0, 0, 0, 1, 1000 * USD, 4000 * USD]),
        mark_ticks=mark,
        mark_age_ns=choose([0, 180, 180, 181]) * SECOND_NS + choose([0, 1]),
        bid_ticks=touch,
        ask_ticks=touch + choose([0, 0, 0, 5000, 5001, 1, 2]) if touch else touch,
        last_ticks=choose([0, 100_000, 100_000, 90_909, 90_908, 110_000, 110_001, 3]),
        cash_free=choose([0, 1000, 1006, 5030, 10_000]) * USD + choose([-1, 0, 1]),
        taker_fee_rate=choose([Decimal(0), Decimal("0.006"), Decimal("0.0025")]),
        equity=equity,
        equity_day_start=choose([0, equity, equity, 10_000 * USD, 10_000 * USD + 1]),
        equity_peak=choose([0, equity, equity, 10_000 * USD, 13_000 * USD]),
        exposure_others=choose([-1, 0, 0, 1000, 3000, 7000]) * USD,
        orders_last_minute=choose([-1, 0, 0, 28, 29, 30, 31]),
        trading_state=choose([*TradingState, TradingState.ACTIVE, TradingState.ACTIVE]),
        feed_ready=generator.random() < 0.9,
        books_agree=generator.random() < 0.9,
    )


COUNTS = (
    "lots", "position_lots", "working_buy_lots", "working_sell_lots", "base_min_lots",
    "base_max_lots", "num", "den", "mark_ticks", "mark_age_ns", "bid_ticks", "ask_ticks",
    "last_ticks", "cash_free", "equity", "equity_day_start", "equity_peak",
    "exposure_others", "orders_last_minute",
)  # fmt: skip

EDGES = (
    2**62, 2**63 - 2, 2**63 - 1, 2**63, 2**63 + 1, 2**64, 10**30,
    -1, -(2**62), -(2**63) + 1, -(2**63), -(2**63) - 1, -(10**30),
)  # fmt: skip


def broken_facts(generator: random.Random) -> Facts:
    """Random facts with up to three of their numbers at the edges of an int64, or past them."""
    names = generator.sample(COUNTS, generator.randint(1, 3))
    changes = cast(Changes, {name: generator.choice(EDGES) for name in names})
    return replace(random_facts(generator), **changes)
