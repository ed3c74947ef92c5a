"""A walk forward is made of real sweeps and backtests, and no choice sees its own test."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import gpt_trader as gt
from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.candles import load
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels import account
from gpt_trader.research.walk_forward import WalkForward
from tests.research.momentum import (
    CHOICES,
    GRID,
    MONTH,
    an_hourly_frame,
    an_hourly_tape,
    follow,
)
from tests.tier import scaled

PARTS: dict[str, Any] = {"train": "60d", "test": "30d"}


def walked(candles: Any, **more: Any) -> WalkForward:
    found: WalkForward = gt.walk_forward(candles, follow, GRID, **{**PARTS, **CHOICES, **more})
    return found


@pytest.mark.parametrize("quiet", [0.0, 0.3])
def test_each_test_is_a_backtest_of_its_own(quiet: float) -> None:
    """With the warm-up before it, and candles that were skipped for want of a trade."""
    tape = an_hourly_tape(5 * MONTH, 1, memory=0.2, quiet=quiet)

    walk = walked(tape)

    carried = 100_000.0
    for row in walk.walked.outcomes:
        window, before = row.window, follow.warmup(row.values) - 1
        part = tape.part(window.test_start - before, window.test_stop)
        alone = backtest(part, follow, params=row.values, **CHOICES)
        candles = alone.equity_units[part.rows]
        assert (candles[:before] == 10**13).all()
        times = tape.candles.start_ns[window.test_start : window.test_stop] + 3600 * 10**9
        joined = walk.equity[pd.DatetimeIndex(times, tz="UTC")].to_numpy()
        assert joined == pytest.approx(candles[before:] / 10**13 * carried, rel=1e-12)
        assert alone.run.orders.size > 0
        carried = float(joined[-1])


def test_each_choice_is_the_best_of_a_sweep_over_its_training() -> None:
    tape = an_hourly_tape(4 * MONTH, 2, memory=0.2)

    walk = walked(tape)

    for row in walk.walked.outcomes:
        part = tape.part(row.window.train_start, row.window.train_stop)
        table = gt.sweep(part, follow, GRID, progress=False, **CHOICES)
        best = table.top(1).iloc[0]
        assert row.train_score == best["sharpe_daily"]
        assert (row.values["span"], row.values["side"]) == (best["span"], best["side"])


def test_candles_after_a_window_change_nothing_in_it() -> None:
    frame = an_hourly_frame(5 * MONTH, 3, memory=0.2)
    edge = frame.index[4 * MONTH]
    other = frame.copy()
    other.loc[edge:, "close"] = other.loc[edge:, "open"] = 12_345.0
    other.loc[edge:, "high"], other.loc[edge:, "low"] = 12_400.0, 12_300.0

    real, changed = (walked(load(f, product="BTC-USD")) for f in (frame, other))

    assert real.walked.outcomes[:2] == changed.walked.outcomes[:2]
    ends = real.equity.index <= edge
    assert ends.sum() == 2 * MONTH
    assert (real.equity[ends] == changed.equity[ends]).all()
    assert real.walked.outcomes[2].test != changed.walked.outcomes[2].test


def test_anchored_training_begins_with_the_first_candle() -> None:
    tape = an_hourly_tape(5 * MONTH, 4, memory=0.2)

    table = walked(tape, anchored=True).table

    assert (table["train_from"] == pd.Timestamp("2023-01-01", tz="UTC")).all()
    assert [str(day.date()) for day in table["test_from"]] == [
        "2023-03-02", "2023-04-01", "2023-05-01"
    ]  # fmt: skip
    assert table["test_to"].iloc[-1] == pd.Timestamp("2023-05-31", tz="UTC")


def test_an_edge_is_found_and_followed_when_it_turns() -> None:
    tape = an_hourly_tape(10 * MONTH, 5, memory=0.4, turn=5 * MONTH)

    walk = walked(tape, train="60d", test="30d")

    sides = walk.table["side"].tolist()
    assert (len(sides), sides[:4], sides[-3:]) == (8, [1.0] * 4, [-1.0] * 3)
    assert walk.stats["sharpe_daily"] > 2.0
    assert gt.deflated_sharpe(walk).probability > 0.99


def test_on_noise_the_tests_keep_nothing_of_the_training() -> None:
    seeds = range(10, 10 + scaled(120))
    walks = [walked(an_hourly_tape(6 * MONTH, seed, memory=0.0)) for seed in seeds]

    trained = np.array([walk.stats["mean_train_sharpe_daily"] for walk in walks])
    tested = np.array([walk.stats["mean_test_sharpe_daily"] for walk in walks])

    assert trained.mean() > 1.0
    assert trained.mean() > tested.mean() + 1.0
    error = tested.std(ddof=1) / len(tested) ** 0.5
    assert abs(tested.mean()) < 4 * error


def test_two_products_walk_together() -> None:
    one = an_hourly_frame(4 * MONTH, 6, memory=0.2)
    two = an_hourly_frame(4 * MONTH, 7, memory=0.2, quiet=0.2)
    tapes = [load(one, product="BTC-USD"), load(two, product="ETH-USD")]

    walk = walked(tapes)

    assert len(walk.table) == 2
    assert walk.equity.size == 2 * MONTH
    assert {tape.product.product_id for tape in walk.tested_tapes} == {"BTC-USD", "ETH-USD"}
    assert walk.table["test_return_rate"].ne(0.0).all()


def test_a_walk_shows_itself() -> None:
    walk = walked(an_hourly_tape(4 * MONTH, 8, memory=0.2))

    page, picture = walk._repr_html_(), walk.plot()

    assert "out of sample" in repr(walk)
    assert "traded in time" in page and "holding" in page
    assert "2 windows" in repr(picture) and "<script" in picture.embedded()
    growth = np.prod(1.0 + walk.table["test_return_rate"])
    assert walk.stats["return_rate"] == pytest.approx(growth - 1.0, rel=1e-6)
    assert np.prod(1.0 + walk.daily_returns) == pytest.approx(growth, rel=1e-6)


def test_what_cannot_be_walked_is_refused() -> None:
    tape = an_hourly_tape(MONTH, 9, memory=0.0)

    with pytest.raises(UsageError, match="sharpe_daily needs an order and returns of two days"):
        walked(tape, train=20, test=20)
    with pytest.raises(UsageError, match="by = 'orders': choose by one of"):
        walked(tape, by="orders")
    with pytest.raises(UsageError, match="leaves nothing to test on"):
        walked(tape, train="60d")
    with pytest.raises(UsageError, match="backtest has no option speeed"):
        walked(tape, speeed="fused")


@gt.strategy(span=gt.whole(1, 1, 5))
def always(candles, t, p):  # type: ignore[no-untyped-def]
    """Hold from the first candle on."""
    return 1.0


@pytest.mark.parametrize("market", ["close", "exchange"])
def test_what_is_held_at_the_end_of_a_window_is_sold_there_with_its_costs(market: str) -> None:
    """Each window bought and none sold: a course that nobody could have traded."""
    tape = an_hourly_tape(4 * MONTH, 11, memory=0.0)
    given: dict[str, Any] = {"market": market, "fees": 0.006, "sizing": {"patience_candles": 0}}

    walk = gt.walk_forward(tape, always, {"span": [1]}, train="10d", test="5d", **given)

    lost = carried = 1.0
    orders, fees_units = 0, 0.0
    for row in walk.walked.outcomes:
        alone = backtest(tape.part(row.window.test_start, row.window.test_stop), always, **given)
        session = alone.run.session
        held = int(session[account.EQUITY] - session[account.CASH])
        half = 0 if market == "close" else float(alone.setup.market.spread_bps) / 20_000
        left = int(session[account.EQUITY]) - held * (0.006 + half)
        fees_units += carried * (int(session[account.FEES]) + held * 0.006)
        orders += int(session[account.ORDERS]) + 1
        lost *= int(session[account.EQUITY]) / 10**13
        carried *= left / 10**13
        assert row.test.return_rate == pytest.approx(left / 10**13 - 1.0, abs=1e-9)
    assert len(walk.walked.outcomes) >= 21
    assert walk.stats["return_rate"] == pytest.approx(carried - 1.0, abs=1e-9)
    assert walk.stats["return_rate"] < lost - 1.0 - 0.02
    assert walk.stats["orders"] == orders
    assert walk.stats["fees_quote"] == pytest.approx(fees_units * 1e-8, rel=1e-9)
