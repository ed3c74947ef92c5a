"""Every result that was seen is a trial: across kernels, ways of running, products and sweeps."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import gpt_trader as gt
from gpt_trader.backtesting.candles import CandleTape, load
from gpt_trader.backtesting.trial_book import data_sha256
from gpt_trader.domain.errors import StoreRefused
from tests.research.momentum import CHOICES, GRID, MONTH, an_hourly_frame, an_hourly_tape, follow

KERNEL = """
import gpt_trader as gt
from tests.research.momentum import CHOICES, GRID, MONTH, an_hourly_tape, follow

tape = an_hourly_tape(MONTH, 1, memory=0.0)
result = gt.backtest(tape, follow, params={"span": 7}, **CHOICES)
print(result.trials)
"""


def a_backtest(span: float = 3.0) -> "gt.research.backtest.Backtest":
    return gt.backtest(
        an_hourly_tape(MONTH, 1, memory=0.0), follow, params={"span": span}, **CHOICES
    )


def test_a_result_counts_when_its_figures_are_seen_and_only_once(var: Path) -> None:
    result = a_backtest()
    before = var.exists()

    seen = [result.stats["sharpe_daily"], a_backtest().stats["sharpe_daily"]]

    assert not before
    assert result.trials == 1 and seen[0] == seen[1]
    assert a_backtest(5.0).trials == 2
    assert "orders" in repr(a_backtest(6.0))
    assert result.trials == 3


@pytest.mark.parametrize(
    "name",
    ["daily_returns", "trip_returns", "orders", "fills", "round_trips", "equity", "drawdowns"],
)
def test_whatever_is_looked_at_first_counts(name: str, var: Path) -> None:
    """A person who only ever plots has tried as many as one who reads every figure."""
    result = a_backtest()
    before = var.exists()

    getattr(result, name)

    assert not before and var.exists()
    assert result.trials == 1


def test_a_sweep_counts_what_single_backtests_do_not_count_yet() -> None:
    single = a_backtest()
    trials = [single.trials]

    gt.sweep(single.tape, follow, GRID, progress=False, **CHOICES)
    trials.append(single.trials)
    gt.sweep(
        single.tape, follow, {"span": [1, 2]}, progress=False, metrics=["return_rate"], **CHOICES
    )
    trials.append(single.trials)
    other = gt.sweep(single.tape, follow, GRID, progress=False, **{**CHOICES, "fees": 0.001})
    trials.append(other.trials)

    assert trials == [1, 8, 9, 17]


def test_a_walk_forward_counts_each_combination_and_what_it_joined() -> None:
    tape = an_hourly_tape(4 * MONTH, 2, memory=0.0)

    walks = [
        gt.walk_forward(tape, follow, GRID, train="60d", test="30d", by=by, **CHOICES)
        for by in ("sharpe_daily", "sharpe_daily", "return_rate")
    ]

    assert walks[0].trials == 2 * (8 + 1)
    part = tape.part(0, 2 * MONTH)
    assert gt.backtest(part, follow, params={"span": 3, "side": 1.0}, **CHOICES).trials == 8


def test_a_folder_of_ones_own_is_counted_apart(tmp_path: Path, var: Path) -> None:
    tape, own = an_hourly_tape(4 * MONTH, 3, memory=0.0), tmp_path / "own"

    sweep = gt.sweep(tape, follow, GRID, progress=False, var=own, **CHOICES)
    walk = gt.walk_forward(tape, follow, GRID, train="60d", test="30d", var=own, **CHOICES)
    best = gt.backtest(tape, follow, params=sweep.best, var=own, **CHOICES)

    assert sweep.trials == walk.trials == best.trials == gt.deflated_sharpe(best).trials == 17
    assert not var.exists()


def test_a_restarted_kernel_knows_every_trial(var: Path) -> None:
    counted = [a_backtest(3).trials, a_backtest(4).trials]

    done = subprocess.run(
        [sys.executable, "-c", KERNEL], capture_output=True, text=True, check=False
    )

    assert counted == [1, 2]
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    assert a_backtest(3).trials == 3


def test_where_nothing_can_be_counted_nothing_is_shown(var: Path) -> None:
    var.write_text("a file stands where the folder should be")
    result = a_backtest()

    for _ in range(2):
        with pytest.raises(StoreRefused, match="trials are counted there, and GPT_TRADER_VAR"):
            _ = result.stats

    with pytest.raises(StoreRefused, match="cannot be written"):
        gt.sweep(result.tape, follow, GRID, progress=False, **CHOICES)


def test_products_are_known_in_whichever_order_they_are_given() -> None:
    one = an_hourly_tape(100, 1, memory=0.0)
    two = replace(one.part(0, 50))

    assert data_sha256([one]) == one.closes_sha256
    assert data_sha256([one, two]) == data_sha256([two, one])
    assert len({data_sha256([one]), data_sha256([two]), data_sha256([one, two])}) == 3


def test_closes_alone_and_whole_candles_are_the_same_trials() -> None:
    frame = an_hourly_frame(100, 1, memory=0.0)

    whole, closes = load(frame, "BTC-USD"), load(frame["close"], "BTC-USD")

    assert isinstance(whole, CandleTape) and isinstance(closes, CandleTape)
    assert closes.sha256 != whole.sha256
    assert data_sha256([closes]) == data_sha256([whole])
