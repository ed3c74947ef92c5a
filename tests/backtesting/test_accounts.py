"""The account's sums, days and shares, a third time, from fills and equity in plain ints."""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from gpt_trader.backtesting.account_metrics import equity_path_of, hold_path_of
from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import CandleTape
from gpt_trader.backtesting.choices import Choices, setup_of
from gpt_trader.backtesting.course import Course, course_of
from gpt_trader.backtesting.engine_run import engine_run
from gpt_trader.backtesting.equity_path import EquityPath, equity_metrics, equity_path
from gpt_trader.backtesting.fused import Arena, Run
from gpt_trader.backtesting.setup import Setup
from gpt_trader.backtesting.sweep import sweep
from gpt_trader.backtesting.sweep_grid import Chosen
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.domain.errors import UsageError
from gpt_trader.domain.product import cash_units_held
from gpt_trader.kernels import account, tables
from gpt_trader.kernels.candles import Candles, candles_of
from gpt_trader.kernels.records import Memories, Params
from gpt_trader.kernels.vectors import Ints
from gpt_trader.strategies.user import strategy, whole
from tests.backtesting.equality import wrong_sum
from tests.backtesting.tapes import FINE
from tests.tier import scaled

NS = 1_000_000_000
DAY_S = 86_400
MIDNIGHT_S = 1_700_006_400
COLUMNS = ("open", "high", "low", "close", "volume")
ALL_IN = {"order_notional_max": 10**9, "position_rate_max": 9, "exposure_rate_max": 9,
          "daily_loss_rate_max": 1, "drawdown_rate_max": 1}  # fmt: skip


@strategy(hold=whole(7, 1, 1_000), warmup=1, state="seen")
def in_and_out(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """All in for some candles, out for as many."""
    turn = int(s.seen[0] // p.hold) % 2
    s.seen[0] += 1.0
    return 1.0 - turn


@strategy(every=whole(10, 0, 1_000), warmup=1, state="seen")
def now_and_then_unknown(candles: Candles, t: int, p: Params, s: Memories) -> float:
    """Always all in, but nobody knows at some candles."""
    s.seen[0] += 1.0
    if p.every > 0 and s.seen[0] % p.every == 0.0:
        return math.nan
    return 1.0


def tape_at(starts_s: Ints, candle_s: int, close: Any, silent: Any = None) -> CandleTape:
    """A tape of closes at these times; rows that are silent have no candle."""
    rows = starts_s * NS
    kept = np.ones(rows.size, bool) if silent is None else ~np.asarray(silent)
    c = np.asarray(close, np.float64)[kept]
    o = np.concatenate([c[:1], c[:-1]])
    prices = o, np.maximum(o, c), np.minimum(o, c), c
    volume = np.full(c.size, 4e8)
    candles = candles_of(rows[kept], prices, volume, 0.01, candle_s * NS)
    places = None if kept.all() else np.flatnonzero(kept)
    return CandleTape(FINE, candle_s, candles, COLUMNS, rows, places)


def drawn(seed: int) -> CandleTape:
    """A walk over several days: with outages, trading hours, silent rows, off midnight or not."""
    dice = np.random.default_rng(seed)
    candle_s = int(dice.choice([300, 900, 3_600, DAY_S]))
    begin = MIDNIGHT_S + int(dice.choice([-1, 0, 1, 25_200 // candle_s])) * candle_s
    kind, count = seed % 4, int(dice.integers(20, 400))
    if kind == 1:  # a day at least: a shorter one may pass by night
        count = max(count, DAY_S // candle_s)
    times = begin + np.arange(count) * candle_s
    if kind == 1 and candle_s < DAY_S:  # from six to eighteen only
        hour = times % DAY_S // 3_600
        times = times[(hour >= 6) & (hour < 18)]
    if kind == 2:  # days without anything, from the middle of one to the middle of another
        first = int(dice.integers(1, times.size - 1))
        times = times[(np.arange(times.size) < first) | (times >= times[first] + 4 * DAY_S)]
    silent = dice.random(times.size) < (0.6 if kind == 3 else 0.0)
    silent[times.size // 2 :][:1] = False
    moves = dice.normal(0.0, 0.02, times.size)
    return tape_at(times, candle_s, np.rint(2e6 * np.exp(np.cumsum(moves))) + 1.0, silent)


def choices(seed: int) -> dict[str, Any]:
    return (
        {"market": "close", "fees": 0.001, "sizing": {"patience_candles": 0}},
        {"market": "close", "fees": 0.001, "sizing": {"patience_candles": 2}, "latency": 1},
        {"fees": 0.002},
    )[seed % 3]


def both(course: Course, setup: Setup) -> tuple[Run, Run]:
    arena = Arena(course, setup, with_orders=True, with_equity=True)
    return arena.run_setup(), engine_run(course, setup)


def same_days(one: EquityPath, other: EquityPath) -> bool:
    figures = [
        (path.start_units, path.end_units, path.mean_units, path.under_water_periods,
         path.period_ns, path.duration_ns, path.moments.tobytes())
        for path in (one, other)
    ]  # fmt: skip
    return figures[0] == figures[1]


@pytest.mark.parametrize("part", range(4))
def test_days_and_sums_are_those_of_the_equity_and_the_fills(part: int) -> None:
    traded = 0
    for seed in range(part, scaled(160), 4):
        setup = setup_of(in_and_out, Choices(params={"hold": 1 + seed % 9}, **choices(seed)))
        tape = drawn(seed)
        course = course_of([tape], setup.market, setup.sizing)
        candle_ns = tape.candle_s * NS
        for run in both(course, setup):
            cash, session = cash_units_held(setup.cash), run.session
            by_account = equity_path_of(course, setup, session, run.days)
            by_candle = equity_path(cash, course.end_ns, run.equity, candle_ns)

            assert same_days(by_account, by_candle), seed
            assert wrong_sum(course, setup, run) is None, seed
            assert session[account.HELD] <= session[account.CANDLES] == len(tape)
            traded += len(run.fills)
    assert traded > scaled(160)


def test_the_last_day_before_an_outage_is_a_day_of_its_own() -> None:
    """It fell in the day, then nothing was for days, and then it jumped: three returns."""
    times = np.concatenate([np.arange(60) * 900, np.arange(60) * 900 + 5 * DAY_S]) + MIDNIGHT_S
    close = np.concatenate([np.linspace(2e6, 1e6, 60), np.linspace(2e6, 2.2e6, 60)]).round()
    setup = setup_of(
        now_and_then_unknown,
        Choices(
            market="close",
            fees=0.0,
            params={"every": 0},
            limits=ALL_IN,
            sizing={"size_fraction": 1.0, "patience_candles": 0, "take_bps": 0},
        ),
    )
    course = course_of([tape_at(times, 900, close)], setup.market, setup.sizing)

    for run in both(course, setup):
        assert run.days.tolist() == [run.equity[59]]
        path = equity_path_of(course, setup, run.session, run.days)
        assert path.moments[0] == 6
        assert path.start_units / 2 == pytest.approx(run.days[0], rel=1e-3)


def test_holding_is_judged_by_the_same_days_as_the_account() -> None:
    for seed in range(scaled(40)):
        tape = drawn(seed)
        setup = setup_of(in_and_out, Choices(**choices(0)))
        course = course_of([tape], setup.market, setup.sizing)
        own = equity_path_of(course, setup, *nothing_done(course))

        held = hold_path_of(course)

        assert (held.duration_ns, held.period_ns) == (own.duration_ns, own.period_ns)
        assert held.moments[0] == own.moments[0], seed


def nothing_done(course: Course) -> tuple[Ints, Ints]:
    session = np.zeros(account.SESSION, np.int64)
    session[account.EQUITY] = session[account.WORST_PEAK] = 1
    return session, np.ones(course.day_first.size - 1, np.int64)


@pytest.mark.parametrize("speed", [0, 1], ids=["fused", "engine"])
@pytest.mark.parametrize("latency", [0, 1])
def test_more_money_moved_than_can_be_counted_is_refused(speed: int, latency: int) -> None:
    """10**9 USD in and out, over a hundred times: an int64 of 1e-8 holds 9 * 10**10 USD."""
    setup = setup_of(
        in_and_out,
        Choices(
            market="close",
            fees=0.0,
            cash=10**9,
            params={"hold": 1 + 2 * latency},
            latency=latency,
            limits=ALL_IN,
            sizing={"size_fraction": 1.0, "patience_candles": 0, "take_bps": 0},
        ),
    )
    product = replace(FINE, base_max_size=Decimal(10**9))
    tape = replace(
        tape_at(MIDNIGHT_S + np.arange(400) * 60, 60, np.full(400, 2e6)), product=product
    )
    course = course_of([tape], setup.market, setup.sizing)
    arena = Arena(course, setup, with_orders=True, with_equity=False)
    ways = arena.run_setup, lambda: engine_run(course, setup)

    with pytest.raises(UsageError, match="a sum of money that is too large to be counted"):
        ways[speed]()


@pytest.mark.parametrize("market", ["close", "exchange"])
@pytest.mark.parametrize("every", [0, 2, 10])
def test_not_knowing_between_two_equal_targets_does_not_end_a_stop(market: str, every: int) -> None:
    """Each time nobody knew, the position was bought again, and lost again."""
    close = (2e6 * 0.999 ** np.arange(600)).round()
    setup = setup_of(
        now_and_then_unknown,
        Choices(
            market=market,
            fees=0.0,
            params={"every": every},
            limits=ALL_IN,
            sizing={"stop_rate": 0.01, "patience_candles": 0, "take_bps": 500},
        ),
    )
    course = course_of(
        [tape_at(MIDNIGHT_S + np.arange(600) * 60, 60, close)], setup.market, setup.sizing
    )

    for run in both(course, setup):
        assert run.session[account.STOPS] == 1
        assert run.session[account.ORDERS] == 2
        assert run.products[0, account.LOTS] == 0


def test_an_exit_is_possible_however_far_its_limit_may_go() -> None:
    """A worst price below nothing is no price; the lowest that there is is one tick."""
    setup = setup_of(
        in_and_out,
        Choices(
            market="close",
            fees=0.0,
            params={"hold": 3},
            limits={**ALL_IN, "collar_bps_max": 10_000, "reference_bps_max": 10_000},
            sizing={"take_bps": 9_999, "patience_candles": 0},
        ),
    )
    close = 5e3 + np.arange(60) % 7
    course = course_of(
        [tape_at(MIDNIGHT_S + np.arange(60) * 60, 60, close)], setup.market, setup.sizing
    )

    for run in both(course, setup):
        assert run.session[account.DENIALS] == 0
        sales = run.orders[run.orders[:, tables.ORDER_SIGN] < 0]
        assert len(sales) == 10
        assert (sales[:, tables.ORDER_LIMIT] == 1).all()


def test_holding_is_at_most_always() -> None:
    setup = setup_of(now_and_then_unknown, Choices(market="close", params={"every": 0}))
    silent = np.arange(600) % 12 != 0
    course = course_of(
        [tape_at(MIDNIGHT_S + np.arange(600) * 60, 60, np.full(600, 2e6), silent)],
        setup.market,
        setup.sizing,
    )

    for run in both(course, setup):
        assert run.session[account.HELD] <= run.session[account.CANDLES] == 50


def test_figures_of_one_course_are_those_of_the_other() -> None:
    """The whole table, not its parts: where a course's days are many enough for ratios."""
    setup = setup_of(in_and_out, Choices(params={"hold": 40}, **choices(0)))
    times = MIDNIGHT_S + 25_200 + np.arange(45 * 96) * 900
    moves = np.random.default_rng(5).normal(0.0, 0.003, times.size)
    tape = tape_at(times, 900, np.rint(2e6 * np.exp(np.cumsum(moves))))
    course = course_of([tape], setup.market, setup.sizing)
    run, _ = both(course, setup)

    found = equity_metrics(equity_path_of(course, setup, run.session, run.days))
    expected = equity_metrics(
        equity_path(cash_units_held(setup.cash), course.end_ns, run.equity, 900 * NS)
    )

    assert found.sharpe_daily == expected.sharpe_daily
    assert found.sortino_daily == expected.sortino_daily
    assert found.volatility_per_year_rate == expected.volatility_per_year_rate


def test_a_sweeps_figures_are_those_of_each_backtest_to_the_last_bit() -> None:
    """Money above 2**53 units, too: a product with 1e-8 is off in the last place every tenth."""
    grid = {"hold": list(range(1, 30))}
    for days, cash in ((12, "63.12345678"), (45, 100_000), (45, 5 * 10**8)):
        times = MIDNIGHT_S + 25_200 + np.arange(days * 24) * 3_600
        moves = np.random.default_rng(days).normal(0.0, 0.003, times.size)
        tape = tape_at(times, 3_600, np.rint(2e6 * np.exp(np.cumsum(moves))))
        given: dict[str, Any] = {**choices(0), "cash": cash, "limits": ALL_IN}

        found = sweep(tape, in_and_out, grid, progress=False, **given)

        for place, row in enumerate(found.table.to_dict("records")):
            stats = backtest(tape, in_and_out, params={"hold": row.pop("hold")}, **given).stats
            for name, value in row.items():
                assert same(float(stats[str(name)]), value), (name, place)
        assert found.by == ("return_rate" if days < 30 else "sharpe_daily")
        assert found.top(1)[found.by].iloc[0] == found.table[found.by].max()


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def test_what_never_lost_ranks_first_and_what_never_traded_last() -> None:
    nothing = np.full(4, math.nan)
    figures = {
        "sharpe_daily": nothing,
        "sortino_daily": np.array([2.0, math.nan, math.inf, -1.0]),
        "return_rate": np.array([0.2, 0.0, 0.3, -0.1]),
    }
    setup = setup_of(in_and_out, Choices())
    columns = {"hold": np.arange(4)}

    ranked = SweepResult(setup, (), Chosen(columns, ("hold",), 0), figures, False)

    assert ranked.order("sortino_daily").tolist() == [2, 0, 3, 1]
    assert ranked.by == "return_rate"
