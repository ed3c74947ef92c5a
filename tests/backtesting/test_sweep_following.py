"""Accounts that jump from change to change are, to the last unit, those that see each candle."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.course import course_of
from gpt_trader.backtesting.families import recognise
from gpt_trader.backtesting.fused import Arena
from gpt_trader.backtesting.layout import lay_out
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep_following import (
    Ground,
    Way,
    can_follow,
    follow_chunk,
    step_chunk,
)
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.backtesting.sweep_job import never
from gpt_trader.kernels import account
from gpt_trader.kernels.following import LEFT, Accounts
from gpt_trader.kernels.vectors import Ints
from gpt_trader.signals.strategy import Strategy
from tests.backtesting import rules
from tests.backtesting.tapes import COARSE, FINE, MINUTE_NS, START_NS, drawn, walk
from tests.tier import scaled

CHOSEN = ("cross", "cross_with_band", "reversion", "channel", "cross_below")
STRATEGIES = tuple(each for each in rules.families() if each.name in CHOSEN)
STEPS = (
    *(each for each in STRATEGIES if each.name in ("cross_below", "channel")),
    rules.made(rules.changes_its_level, (rules.SPAN,)),
)
WIDE = {"daily_loss_rate_max": 1, "drawdown_rate_max": 1}
SETUPS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "dear": {"fees": 0.01},
    "stops": {"sizing": {"stop_rate": 0.01, "market_orders": 1}},
    "no loss is too large": {"limits": WIDE},
    "rebalanced": {"sizing": {"rebalance_rate": 0.01}, "limits": WIDE},
    "never rebalanced": {"sizing": {"rebalance_rate": 100}, "limits": WIDE},
    "nearly all in": {
        "sizing": {"size_fraction": 0.99, "take_bps": 0},
        "limits": {"position_rate_max": 1, "exposure_rate_max": 1, "order_notional_max": 10**6},
    },
    "little money": {"cash": 30},
    "small orders only": {"limits": {"order_notional_max": 20_070}},
    "a tight day": {"limits": {"daily_loss_rate_max": 0.001}},
}
NOT_COMPARED = {account.INTENTS_FROM, account.NOW_NS}
COURSE = {account.PEAK, account.LOW, account.WORST_LOSS, account.WORST_PEAK, account.DAY,
          account.DAY_START, account.DAYS, account.DAY_END_NS}  # fmt: skip
ROW = (account.LOTS, account.COST, account.REALIZED, account.PRODUCT_FEES, account.PRODUCT_TRADED)
NAMES = {place: name for name, place in vars(account).items() if name.isupper()}


def setup_named(name: str, strategy: Strategy) -> Setup:
    given = SETUPS[name]
    choices = {"fees": 0.001, **given, "sizing": {"patience_candles": 0, **given.get("sizing", {})}}
    return setup_of(strategy, Choices(market="close", **choices))


def times(count: int, seed: int) -> Ints:
    """Minutes off midnight; to midnight or from it on; with outages of days; by day only."""
    kind = seed % 5
    begin, last_before = START_NS // MINUTE_NS, START_NS // MINUTE_NS // 1440 * 1440 + 1439
    minutes = begin + np.arange(count)
    if kind == 1:
        minutes += last_before - int(minutes[-1]) % 1440 - last_before // 1440 * 1440
    if kind == 2:
        minutes += last_before - begin
    if kind == 3:
        minutes += np.arange(count) // 2_000 * 4_321
    if kind == 4:
        minutes = np.arange(begin // 1440 * 1440, begin + 3 * count + 1440)
        minutes = minutes[(minutes % 1440 >= 360) & (minutes % 1440 < 1080)][:count]
    return np.asarray(minutes * MINUTE_NS, np.int64)


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_following_equals_looking_at_every_candle(strategy: Strategy, name: str) -> None:
    setup = setup_named(name, strategy)
    machine = recognise(strategy)
    assert machine is not None

    def follow(ground: Ground, chosen: Chosen, with_course: bool) -> Accounts:
        warmups = [strategy.warmup(chosen.values(place)) for place in range(len(chosen))]
        layout = lay_out(machine, chosen.columns)
        return follow_chunk(ground, layout, np.array(warmups), Way(with_course, never))

    compare(setup, follow, name)


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("strategy", STEPS, ids=lambda strategy: strategy.name)
def test_stepping_equals_looking_at_every_candle(strategy: Strategy, name: str) -> None:
    setup = setup_named(name, strategy)

    def step(ground: Ground, chosen: Chosen, with_course: bool) -> Accounts:
        combinations = [chosen.values(place) for place in range(len(chosen))]
        return step_chunk(ground, strategy, combinations, Way(with_course, never))

    compare(setup, step, name)


def compare(setup: Setup, books_of: Callable[[Ground, Chosen, bool], Accounts], name: str) -> None:
    """Hold the accounts of several tapes equal to those of an arena."""
    strategy, orders = setup.strategy, 0
    for seed in range(scaled(20)):
        move = (1e-4, 3e-3, 2e-2)[seed % 3]
        count = (9_000, 700, 4_097, 1)[seed % 4]
        starts = times(count, seed + len(name))
        tape = walk(count, seed, move, (FINE, COARSE)[seed % 2], starts)
        course = course_of([tape], setup.market, setup.sizing)
        ground, chosen = Ground(course, setup), drawn(strategy, (3, 9)[seed % 2], seed)
        assert can_follow(course, setup)
        made = [books_of(ground, chosen, wide) for wide in (True, False)]
        arena = Arena(course, setup, with_orders=False, with_equity=False)
        for place in range(len(chosen)):
            run = arena.run(strategy, chosen.values(place))
            for books, skipped in zip(made, (set(), COURSE), strict=True):
                if skipped and ground.needs_course():
                    continue
                differing = [
                    (NAMES[slot], int(run.session[slot]), int(books.sessions[place, slot]))
                    for slot in range(account.SESSION)
                    if run.session[slot] != books.sessions[place, slot]
                    and slot not in NOT_COMPARED | skipped
                ]
                assert not differing, (seed, chosen.values(place))
                assert np.array_equal(run.products[0, list(ROW)], books.products[place, list(ROW)])
                assert books.states[place] != LEFT
            assert np.array_equal(run.days, made[0].days[place, : run.days.size])
            orders += int(run.session[account.ORDERS])
    assert orders > 0 or name == "little money"


@pytest.mark.parametrize(
    "choices",
    [
        {"fees": None},
        {"sizing": {"patience_candles": 3}},
        {"sizing": {"patience_candles": 0, "volatility_target": 0.5}},
        {"sizing": {"patience_candles": 0}, "latency": 1},
        {"limits": {"orders_per_minute_max": 0}},
    ],
    ids=["tiers", "patience", "volatility", "latency", "no orders at all"],
)
def test_a_setup_that_needs_more_than_the_close_is_not_followed(
    choices: dict[str, Any],
) -> None:
    given = {"fees": 0.001, "sizing": {"patience_candles": 0}, **choices}
    setup = setup_of(STRATEGIES[0], Choices(market="close", **given))

    course = course_of([walk(50, 1)], setup.market, setup.sizing)

    assert not can_follow(course, setup)
