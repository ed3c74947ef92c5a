"""A sweep is so many backtests: the same figures, whoever runs it, however often it is killed."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.sources import computing_key
from gpt_trader.backtesting.sweep import sweep
from gpt_trader.backtesting.sweep_figures import METRICS
from gpt_trader.backtesting.sweep_job import Job
from gpt_trader.backtesting.sweep_result import SweepResult
from gpt_trader.backtesting.sweep_store import ChunkStore, Rows
from gpt_trader.backtesting.trial_book import trials_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.signals.strategy import Parameter, Strategy
from tests.backtesting import rules
from tests.backtesting.tapes import walk

CROSS, RSI = rules.families()[0], rules.families()[6]
PAIRS = {"fast": [3, 5, 9], "slow": [20, 40]}
PLAIN = {"market": "close", "fees": 0.001, "sizing": {"patience_candles": 0}}
QUOTES = {name for name in METRICS if name.endswith("_quote")}


def swept(var: Path, strategy: Strategy | str = CROSS, **given: Any) -> SweepResult:
    choices: dict[str, Any] = {"grid": PAIRS, "progress": False, "workers": 1, **PLAIN, **given}
    tape = choices.pop("tape", None) or walk(3_000, 1)
    return sweep(tape, strategy, var=var, **choices)


@pytest.mark.parametrize(
    "strategy, grid, choices, recognised",
    [
        (CROSS, PAIRS, PLAIN, True),
        (RSI, {"span": [5, 14], "low": [25.0, 40.0]}, PLAIN, True),
        (CROSS, PAIRS, {"market": "exchange", "fees": 0.002}, False),
        (CROSS, PAIRS, {**PLAIN, "sizing": {"patience_candles": 2}}, False),
    ],
    ids=["averages", "thresholds", "embedded market", "patience"],
)
def test_every_figure_is_that_of_a_backtest(
    strategy: Strategy,
    grid: Mapping[str, Sequence[float]],
    choices: dict[str, Any],
    recognised: bool,
    tmp_path: Path,
) -> None:
    tape = walk(3_000, 1)

    result = sweep(tape, strategy, grid, var=tmp_path, progress=False, **choices)

    assert result.recognised is recognised
    assert len(result) == math.prod(len(list(values)) for values in grid.values())
    for place in range(len(result)):
        alone = backtest(tape, strategy, params=result.chosen.values(place), **choices).stats
        for name, column in result.figures.items():
            expected = float(alone[name])
            if name in QUOTES:
                assert column[place] == pytest.approx(expected, rel=1e-15), name
            else:
                assert np.array_equal(column[place], expected, equal_nan=True), (name, place)


def test_the_table_shows_what_varied_and_the_best_come_first(tmp_path: Path) -> None:
    result = swept(tmp_path, where="fast * 4 < slow")

    assert list(result.table.columns) == ["fast", "slow", *METRICS]
    assert len(result) == 4
    top = result.top(3, by="max_drawdown_rate")
    assert top["max_drawdown_rate"].tolist() == sorted(result.table["max_drawdown_rate"])[:3]
    best = result.top(1).iloc[0]
    assert result.best == {"fast": best["fast"], "slow": best["slow"]}
    assert result.by == "return_rate"  # of a few days only
    assert best[result.by] == result.table[result.by].max()
    with pytest.raises(UsageError, match="no metric sharp"):
        result.top(3, by="sharp")


def test_combinations_that_the_strategy_refuses_are_skipped_and_counted(tmp_path: Path) -> None:
    grid = {"fast": [5, 30], "slow": [20, 40]}

    result = swept(tmp_path, strategy="ma_crossover", grid=grid, params={"band_bps": 1})

    assert (len(result), result.skipped) == (3, 1)
    assert result.recognised
    assert "1 skipped" in repr(result)


def test_a_list_of_combinations_is_a_grid_too(tmp_path: Path) -> None:
    given = [{"slow": 40, "fast": 3}, {"slow": 20, "fast": 9}]

    result = swept(tmp_path, grid=given)

    assert result.table[["slow", "fast"]].to_dict("records") == given
    whole = swept(tmp_path).table
    for row in result.table.to_dict("records"):
        same = whole[(whole["fast"] == row["fast"]) & (whole["slow"] == row["slow"])]
        assert same.iloc[0]["equity_end_quote"] == row["equity_end_quote"]


@pytest.mark.parametrize(
    "given, word",
    [
        ({"grid": {}}, "grid is empty: no parameter"),
        ({"grid": {"fast": []}}, "grid is empty: fast"),
        ({"grid": []}, "grid is empty"),
        ({"grid": {"fsat": [5]}}, "no parameter fsat: did you mean fast"),
        ({"grid": {"fast": [0, 5]}}, "fast = 0 is outside 1 to 60"),
        ({"grid": {"fast": [2.5]}}, "fast = 2.5 is not a whole number"),
        ({"grid": {"fast": ["x"]}}, "fast = 'x' is no number"),
        ({"grid": [{"fast": 5}, {"slow": 9}]}, "combination 1 of the grid names"),
        ({"params": {"fast": 5}}, "fast stands in the grid and in params"),
        ({"params": {"slwo": 5}}, "no parameter slwo"),
        ({"where": "fast <"}, "where = 'fast <'"),
        ({"where": "fast < slwo"}, "slwo is no parameter"),
        ({"where": "fast > slow"}, "where refuses all 6 combinations"),
        ({"metrics": ["sharpe"]}, "no metric sharpe: did you mean sharpe_daily"),
        ({"metrics": []}, "metrics is empty"),
        ({"workers": -1}, "workers = -1"),
        ({"memory_mb": 0}, "memory_mb = 0: this sweep needs"),
        ({"speed": "fused"}, "no option speed"),
        ({"fees": 2}, "fees = 2"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named(given: dict[str, Any], word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        swept(tmp_path, **given)

    assert word in str(refused.value)


def test_a_grid_without_a_combination_that_the_strategy_takes_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"refuses every combination.*must be below slow"):
        swept(tmp_path, strategy="ma_crossover", grid={"fast": [50], "slow": [20]})


def test_every_combination_counts_once_as_a_trial_however_often_it_is_swept(
    tmp_path: Path,
) -> None:
    tape = walk(500, 2)

    swept(tmp_path, tape=tape)
    swept(tmp_path, tape=tape, grid={"fast": [3, 5], "slow": [20, 40, 60]})

    assert trials_of([tape], tmp_path).count == 8


def test_fewer_metrics_are_the_same_figures(tmp_path: Path) -> None:
    limits = {"daily_loss_rate_max": 1, "drawdown_rate_max": 1}

    few = swept(tmp_path, metrics=["orders", "equity_end_quote", "win_rate"], limits=limits)
    all_of_them = swept(tmp_path, limits=limits)

    assert list(few.figures) == ["equity_end_quote", "orders", "win_rate"]
    for name, column in few.figures.items():
        assert np.array_equal(column, all_of_them.figures[name], equal_nan=True)


def test_chunks_of_any_size_and_order_make_the_same_table(tmp_path: Path) -> None:
    def backwards(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        for first in reversed(range(len(job.chosen))):
            yield first, job.run(first, first + 1)

    whole = swept(tmp_path, workers=2)
    single = swept(tmp_path, runner=backwards)

    assert whole.result_hash == single.result_hash
    assert whole.result_hash != swept(tmp_path, fees=0.002).result_hash


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.backtesting.test_sweep import swept

def until_half(job, chunks):
    for place in range(len(job.chosen)):
        if place == len(job.chosen) // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield place, job.run(place, place + 1)

swept(Path(sys.argv[1]), runner=until_half)
"""


def test_a_sweep_killed_at_half_goes_on_and_ends_with_the_same_hash(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )
    kept = list((tmp_path / "sweeps").glob("*/*.npy"))
    ran: list[tuple[int, int]] = []

    def counting(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        for first, end in chunks:
            ran.append((first, end))
            yield first, job.run(first, end)

    again = swept(tmp_path, runner=counting)

    assert killed.returncode == -signal.SIGKILL
    assert len(kept) == 3
    assert [place for first, end in ran for place in range(first, end)] == [3, 4, 5]
    assert again.result_hash == swept(tmp_path / "fresh").result_hash
    assert not list((tmp_path / "sweeps").iterdir())


def test_a_chunk_that_is_not_whole_counts_as_not_there(tmp_path: Path) -> None:
    kind = np.dtype([("orders", "<i8")])
    store = ChunkStore(tmp_path, "key")
    store.write(0, np.zeros(4, kind))
    store.write(4, np.ones(4, kind))
    damaged = next(path for path in store.folder.iterdir() if path.name.startswith("000000004"))
    damaged.write_bytes(damaged.read_bytes()[:-9])

    found = store.read(kind)

    assert list(found) == [0]
    assert store.read(np.dtype([("orders", "<f8")])) == {}


def test_another_sweep_takes_no_chunk_of_this_one(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def first_only(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        yield 0, job.run(0, 1)
        raise Stopped

    for change in ({}, {"fees": 0.002}, {"metrics": ["orders"]}, {"grid": {"fast": [3, 4]}}):
        with pytest.raises(Stopped):
            swept(tmp_path, runner=first_only, **change)

    assert len(list((tmp_path / "sweeps").iterdir())) == 4


def test_an_error_of_one_combination_names_it(tmp_path: Path) -> None:
    level = Parameter("level", 0.5, 0, 2, False, "")
    strategy = rules.made(rules.any_level, (rules.FAST, level))

    with pytest.raises(
        UsageError, match=r"any_level with fast = 3, level = 1.5 gave the target 1.5 at"
    ):
        swept(tmp_path, strategy, grid={"fast": [3], "level": [0.5, 1.5]})


def test_a_chunk_of_a_strategy_that_is_stepped_takes_about_a_second(tmp_path: Path) -> None:
    """What the exchange's market takes is measured; a guess of it made chunks of minutes."""
    asked: list[tuple[int, int]] = []

    def noting(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        asked.extend(chunks)
        for first, end in chunks:
            yield first, job.run(first, end)

    grid = {"fast": range(2, 12), "slow": range(20, 60)}
    tape = walk(20_000, 1)
    begun_s = time.perf_counter()
    result = swept(tmp_path, tape=tape, runner=noting, market="exchange", grid=grid)
    taken_s = time.perf_counter() - begun_s

    assert asked[0][0] == 2  # the first two were measured
    assert sum(end - first for first, end in asked) == len(result) - 2
    longest = max(end - first for first, end in asked)
    assert longest * taken_s / len(result) < 3.0
    assert result.table.shape[0] == 400


@pytest.mark.parametrize("market", ["exchange", "close"])
def test_a_stop_is_heard_between_combinations_and_between_blocks(
    market: str, tmp_path: Path
) -> None:
    asked: list[bool] = []

    def third() -> bool:
        asked.append(True)
        return len(asked) == 3

    def stopping(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        with pytest.raises(InterruptedError):
            job.run(0, len(job.chosen), third)
        for first, end in chunks:
            yield first, job.run(first, end)

    swept(tmp_path, tape=walk(20_000, 1), runner=stopping, market=market)

    assert len(asked) == 3


def test_two_equal_sweeps_at_once_both_end(tmp_path: Path) -> None:
    """The first to finish takes the folder away under the other's hands."""

    def robbed(job: Job, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Rows]]:
        for place in range(len(job.chosen)):
            if place == 3:
                swept(tmp_path)
            yield place, job.run(place, place + 1)

    assert swept(tmp_path, runner=robbed).result_hash == swept(tmp_path / "alone").result_hash


def test_a_folder_that_goes_while_a_chunk_is_written_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ChunkStore(tmp_path, "key")
    rows, sync = np.ones(4, np.dtype([("orders", "<i8")])), os.fsync
    robberies = [1, 2]

    def robbing(descriptor: int) -> None:
        if robberies:
            robberies.pop()
            store.remove()
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", robbing)

    store.write(0, rows)

    assert robberies == []
    assert store.read(rows.dtype)[0].tobytes() == rows.tobytes()


@pytest.mark.parametrize("room", ["kernels", "backtesting", "broker", "risk", "domain"])
def test_other_sources_are_another_sweep(room: str, tmp_path: Path) -> None:
    """Chunks from before a fix must not be mixed with chunks from after it."""
    for name in ("kernels", "backtesting", "broker", "risk", "domain", "live"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "closing.py").write_text("FEE = 1\n")
    before = computing_key(tmp_path)

    (tmp_path / "live" / "closing.py").write_text("FEE = 2\n")
    same = computing_key(tmp_path)
    (tmp_path / room / "closing.py").write_text("FEE = 2\n")

    assert same == before
    assert computing_key(tmp_path) != before


def test_the_best_of_a_sweep_without_its_figure_is_refused(tmp_path: Path) -> None:
    """It was the one with the most orders."""
    result = swept(tmp_path, metrics=["orders", "fees_quote"])

    with pytest.raises(UsageError, match=r"best is by sharpe_daily.*top\(1, by=\"orders\"\)"):
        _ = result.best
