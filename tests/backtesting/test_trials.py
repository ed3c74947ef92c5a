"""A trial counts once and for ever: across sweeps, processes, crashes and torn writes."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_trader.backtesting.equity_path import equity_path
from gpt_trader.backtesting.overfitting import expected_max_sharpe
from gpt_trader.backtesting.trials import Trials
from gpt_trader.domain.errors import StoreDamaged, StoreRefused, UsageError
from gpt_trader.kernels.statistics import DAY_NS

DATA = "ab" * 32
SETTINGS: dict[str, str | float] = {"market": "close", "maker_fee_rate": 0.004}


def spans(*values: float) -> list[dict[str, float]]:
    return [{"span": value} for value in values]


def record(trials: Trials, *values: float) -> int:
    return trials.record("source", SETTINGS, spans(*values), np.array(values))


def test_the_same_trial_counts_once_in_whichever_sweep_it_was(tmp_path: Path) -> None:
    trials = Trials(tmp_path, DATA)

    new = [record(trials, 1, 2, 3), record(trials, 3, 2, 4, 4), record(trials, 1)]

    assert new == [3, 1, 0]
    assert trials.count == 4
    assert trials.variance == pytest.approx(np.var([1, 2, 3, 4], ddof=1))


def test_another_source_setting_or_parameter_is_another_trial(tmp_path: Path) -> None:
    trials = Trials(tmp_path, DATA)
    one = np.array([1.0])

    for source, settings, values in (
        ("source", SETTINGS, {"span": 20.0}),
        ("changed", SETTINGS, {"span": 20.0}),
        ("source", SETTINGS | {"market": "book"}, {"span": 20.0}),
        ("source", SETTINGS, {"span": 20.0, "band": 1.0}),
        ("source", SETTINGS, {"spun": 20.0}),
        ("source", dict(reversed(SETTINGS.items())), {"span": 20}),  # the first one again
    ):
        trials.record(source, settings, [values], one)

    assert trials.count == 5


def test_a_restart_and_another_process_know_every_trial(tmp_path: Path) -> None:
    before = Trials(tmp_path, DATA)
    record(before, 1, 2)
    beside = Trials(tmp_path, DATA)

    record(beside, 2, 3)

    assert Trials(tmp_path, DATA).count == before.count == beside.count == 3
    assert Trials(tmp_path, "cd" * 32).count == 0


def test_a_trial_that_never_traded_counts_and_takes_no_part_in_the_variance(
    tmp_path: Path,
) -> None:
    trials = Trials(tmp_path, DATA)

    trials.record("source", SETTINGS, spans(1, 2, 3), np.array([0.5, math.nan, 1.5]))

    assert (trials.count, trials.variance) == (3, 0.5)


WRITER = """
import sys
from pathlib import Path
import numpy as np
from gpt_trader.backtesting.trials import Trials

var, first, count, lines = Path(sys.argv[1]), *map(int, sys.argv[2:])
trials = Trials(var, "ab" * 32)
for line in range(lines):
    values = np.arange(first + line * count, first + (line + 1) * count, dtype=float)
    trials.record("source", {}, [{"span": value} for value in values], values)
    print(line, flush=True)
"""


def writer(var: Path, *numbers: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(var), *map(str, numbers)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    """Their ranges overlap by half, and each is written in 20 records."""
    runs = [writer(tmp_path, first, 10, 20) for first in (0, 100, 200)]

    for run in runs:
        run.communicate()

    trials = Trials(tmp_path, DATA)
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert trials.count == 400
    assert trials.variance == pytest.approx(np.var(np.arange(400), ddof=1))


def test_what_was_recorded_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    run = writer(tmp_path, 0, 10, 100_000)
    assert run.stdout is not None
    said = [int(run.stdout.readline()) for _ in range(5)]

    os.kill(run.pid, signal.SIGKILL)
    said += [int(line) for line in run.stdout if line.endswith("\n")]
    run.wait()
    run.stdout.close()

    kept = Trials(tmp_path, DATA)
    assert (said[-1] + 1) * 10 <= kept.count <= (said[-1] + 2) * 10
    assert record(kept, -1, -2) == 2


@given(st.data())
def test_a_record_cut_short_is_dropped_and_the_next_one_takes_its_place(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    trials = Trials(tmp_path_factory.mktemp("var"), DATA)
    record(trials, 1, 2)
    whole = trials.path.stat().st_size
    record(trials, 3, 4, 5)
    content = trials.path.read_bytes()
    cut = data.draw(st.integers(whole, len(content) - 1))
    zeros = data.draw(st.sampled_from([0, 100]))  # room given to the file before the power went
    trials.path.write_bytes(content[:cut] + bytes(zeros) * (cut == whole))

    after = Trials(trials.path.parents[1], DATA)

    assert after.count == 2
    assert record(after, 5) == 1
    assert Trials(trials.path.parents[1], DATA).count == 3


@given(st.data())
def test_a_changed_bit_before_the_last_record_is_damage_and_never_a_smaller_count(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    trials = Trials(tmp_path_factory.mktemp("var"), DATA)
    record(trials, 1, 2)
    whole = trials.path.stat().st_size
    record(trials, 3)
    content = bytearray(trials.path.read_bytes())
    place = data.draw(st.integers(0, whole - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    trials.path.write_bytes(content)

    with pytest.raises(StoreDamaged, match="is not what was written"):
        _ = Trials(trials.path.parents[1], DATA).count


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk; the writer is told, and lives."""
    trials = Trials(tmp_path, DATA)
    record(trials, 1, 2)
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n" + WRITER
    )
    words = [sys.executable, "-B", "-c", limited, str(tmp_path), "50", "10", "1"]

    run = subprocess.run(words, capture_output=True, text=True, check=False)

    assert "StoreRefused" in run.stderr
    assert Trials(tmp_path, DATA).count == 2
    assert record(Trials(tmp_path, DATA), 3) == 1


def test_a_place_that_is_no_folder_and_a_hash_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "trials").write_text("a file")

    with pytest.raises(StoreRefused, match="cannot be written"):
        record(Trials(tmp_path, DATA), 1)
    with pytest.raises(UsageError, match="no sha256"):
        Trials(tmp_path, "../" * 21 + "x")
    with pytest.raises(UsageError, match="1 combinations, 2 ratios"):
        Trials(tmp_path, DATA).record("source", {}, spans(1), np.zeros(2))


def test_a_result_is_deflated_by_every_trial_on_its_data(tmp_path: Path) -> None:
    trials = Trials(tmp_path, DATA)
    returns = np.random.default_rng(3).normal(0.001, 0.02, 400)
    equities = np.round(1e12 * np.cumprod(1 + returns)).astype(np.int64)
    path = equity_path(10**12, (np.arange(400) + 1) * DAY_NS, equities, DAY_NS)
    alone = trials.deflated_sharpe(path)

    ratios = np.random.default_rng(4).normal(0.0, 1.0, 500)
    trials.record("source", SETTINGS, spans(*range(500)), ratios)
    searched = trials.deflated_sharpe(path)

    assert (alone.trials, alone.expected_max_sharpe_daily) == (1, 0.0)
    assert searched.trials == 500
    assert searched.expected_max_sharpe_daily == pytest.approx(
        expected_max_sharpe(500, float(np.var(ratios, ddof=1)))
    )
    assert searched.probability < 0.1 < 0.5 < alone.probability
