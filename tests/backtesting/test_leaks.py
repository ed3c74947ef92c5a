# mypy: disable-error-code="no-untyped-def"
"""Whatever a grid runs is tried for look-ahead on the candles that it trades."""

import time
from pathlib import Path

import numpy as np
import pytest

from gpt_trader.backtesting.backtest import backtest
from gpt_trader.backtesting.leaks import TRIED_MAX, refuse_leaks_in, tried_places
from gpt_trader.backtesting.sweep import sweep
from gpt_trader.backtesting.sweep_grid import Chosen, chosen_of
from gpt_trader.domain.errors import UsageError
from gpt_trader.kernels.vectors import Floats
from gpt_trader.signals.leaks import LookAhead
from gpt_trader.strategies.registry import strategy_named
from gpt_trader.strategies.user import real, strategy, whole
from tests.backtesting.tapes import walk
from tests.signals.test_memories import smoothed

TAPE = walk(3_000, 1)
LATE = float(TAPE.candles.close[2_500])
CROSSOVER = strategy_named("ma_crossover")
SHIFTS = {"shift": [0, 1, 2]}


@strategy(shift=whole(0, 0, 3), span=whole(5, 1, 50))
def shifty(candles, t, p):
    return 1.0 if candles.close[t + p.shift] > candles.close[t] else 0.0


@strategy(shift=whole(0, 0, 3), compiled=False)
def plainly(candles, t, p):
    return 1.0 if candles.close[min(t + p.shift, len(candles.close) - 1)] > 2e6 else 0.0


@strategy(shift=whole(0, 0, 3), other=whole(0, 0, 3), warmup=1)
def at_a_corner(candles, t, p):
    ahead = 1 if p.shift * p.other == 9 else 0
    return 1.0 if candles.close[t + ahead] > candles.close[t] else 0.0


@strategy(shift=whole(0, 0, 1), width=real(1.0, 0.0, 10.0), warmup=1)
def late(candles, t, p):
    """Looks ahead at one candle of the tape, far behind what is tried before a sweep."""
    if candles.close[t] == LATE and p.shift == 1:
        return 1.0 if candles.close[t + 1] > LATE - p.width else 0.5
    return 0.0


@pytest.mark.parametrize("leaky", [shifty, plainly], ids=["compiled", "plain"])
def test_a_sweep_refuses_a_value_that_looks_ahead(leaky, tmp_path: Path) -> None:
    with pytest.raises(LookAhead, match=r"with shift = 1: the target at candle \d+ ") as refused:
        sweep(TAPE, leaky, SHIFTS, var=tmp_path, progress=False)

    assert refused.value.columns == ("close",)
    assert not list(tmp_path.rglob("*"))


def test_a_backtest_of_plain_python_tries_the_values_it_is_given() -> None:
    with pytest.raises(LookAhead, match="plainly with shift = 1: the target at candle "):
        backtest(TAPE, plainly, params={"shift": 1})

    assert backtest(TAPE, plainly).stats["orders"] > 0


def test_the_corners_of_a_grid_are_tried(tmp_path: Path) -> None:
    with pytest.raises(LookAhead, match="at_a_corner with shift = 3, other = 3: the target"):
        sweep(TAPE, at_a_corner, {"shift": range(4), "other": range(4)}, var=tmp_path)


def test_a_combination_is_tried_on_all_candles_before_it_is_handed_out(tmp_path: Path) -> None:
    swept = sweep(TAPE, late, {"shift": [1], "width": [1.0, 2.0]}, var=tmp_path, progress=False)

    with pytest.raises(LookAhead, match="late with shift = 1: the target at candle 2500 "):
        _ = swept.best
    with pytest.raises(LookAhead, match="candle 2500 "):
        swept.top(1)
    assert len(swept.table) == 2


def test_every_value_and_every_corner_is_among_those_tried() -> None:
    grid = {"fast": range(5, 25), "slow": range(30, 60, 2), "band_bps": [0.0, 1.0, 2.0]}
    chosen = chosen_of(CROSSOVER, grid, {}, "fast * 2 < slow")

    tried = tried_places(chosen)

    assert tried.size < 50
    for name, column in chosen.columns.items():
        assert set(column[tried]) == set(column), name
    for fast, slow, band in [(5, 30, 0.0), (5, 58, 2.0), (24, 58, 0.0), (24, 58, 2.0)]:
        same = (chosen.columns["fast"] == fast) & (chosen.columns["slow"] == slow)
        place = int(np.flatnonzero(same & (chosen.columns["band_bps"] == band))[0])
        assert place in tried


def test_of_very_many_values_some_are_tried() -> None:
    widths: Floats = np.random.default_rng(1).uniform(0.0, 10.0, 20_000)

    tried = tried_places(Chosen({"width": widths}, ("width",), 0))

    assert tried.size == TRIED_MAX
    assert np.ptp(widths[tried]) > 9.9


def test_ten_thousand_combinations_are_tried_in_well_under_a_second() -> None:
    grid = {"fast": range(5, 105), "slow": range(110, 1_110, 10)}
    chosen = chosen_of(CROSSOVER, grid, {}, None)
    tape = walk(20_000, 2)
    refuse_leaks_in(CROSSOVER, chosen, (walk(20_000, 3),))  # compiles

    started = time.process_time()
    refuse_leaks_in(CROSSOVER, chosen, (tape,))

    assert time.process_time() - started < 0.5


@strategy(span=whole(8, 2, 500), state="ring")
def smoothed_later(candles, t, p, s):
    """As `smoothed`, from a candle on that no trial before a sweep reaches."""
    s.ring[15] += 1.0
    if s.ring[15] > 2_000.0:
        s.ring[p.span + 4] = 1.0
    return 1.0 if candles.close[t] > LATE else 0.0


def test_what_no_trial_reaches_is_noticed_while_it_is_swept(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with span = 12: smoothed_later writes beside"):
        sweep(TAPE, smoothed_later, {"span": [8, 12]}, var=tmp_path, progress=False)
    with pytest.raises(UsageError, match="with span = 12 writes beside its memory ring"):
        sweep(
            TAPE,
            smoothed_later,
            {"span": [8, 12]},
            var=tmp_path,
            progress=False,
            market="close",
            fees=0.001,
            sizing={"patience_candles": 0},
        )


def test_a_memory_too_small_for_a_value_of_the_grid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with span = 12: the memory ring has 16 values"):
        sweep(TAPE, smoothed, {"span": [8, 10, 12]}, var=tmp_path, progress=False)
